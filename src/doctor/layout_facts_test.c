/* Layouts in what the doctor is given: found, checked, and held against the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "doctor/layout_facts.h"
#include "layout/sample_test.h"

static struct td_facts *facts;
static struct td_layout_facts *lf;

static int begin(void **state)
{
    (void)state;
    facts = td_facts_new();
    lf = td_layout_facts_new(facts);
    return facts != NULL && lf != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    td_layout_facts_free(lf);
    td_facts_free(facts);
    return 0;
}

static void give(uint16_t file, const char *name, const char *text)
{
    struct td_place at = { .file = file, .line = 1 };

    td_layout_facts_file(lf, file, name);
    for (; *text != '\0'; at.line++) {
        size_t n = strcspn(text, "\n");

        td_layout_facts_line(lf, &at, text, n);
        text += n + (text[n] == '\n');
    }
    td_layout_facts_file_end(lf);
}

static void add(const char *name, const char *attrs)
{
    const struct td_place at = { .file = 9 };

    assert_non_null(td_fact_add(facts, name, &at, TD_NO_TIME, NULL, "%s", attrs));
}

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!td_facts_hold(facts, condition))                                                      \
            fail_msg("not so: %s", condition);                                                     \
    } while (0)

static void a_layout_is_facts(void **state)
{
    (void)state;
    give(0, "pm_static.yml", "# ours\n" SAMPLE_ONE);
    td_layout_facts_end(lf);
    HOLDS("have what=layout");
    HOLDS("partition name=mcuboot_secondary addr=282624 size=233472 region=flash_primary layout=0");
    HOLDS("layout index=0 stages=1 primary=49152 secondary=282624 strategy=swap-move "
          "max_image=225280");
    assert_false(td_facts_hold(facts, "layout.issue harm!=note"));
    assert_false(td_facts_hold(facts, "layout.disagree"));
}

static void an_issue_stands_at_its_line(void **state)
{
    const struct td_fact *fact;
    size_t at = 0;

    (void)state;
    give(3, "post.txt",
         "Look:\n\n"
         "mcuboot_primary:\n  address: 0xc000\n  size: 0x39000\n"
         "mcuboot_secondary:\n  address: 0x45000\n  size: 0x39000\n"
         "settings_storage:\n  address: 0x7c000\n  size: 0x4000\n"
         "\nIt isn't mine.\n");
    td_layout_facts_end(lf);
    fact = td_facts_next(facts, "layout.issue rule=storage-in-slot harm=error", &at);
    assert_non_null(fact);
    assert_int_equal(fact->first.file, 3);
    assert_int_equal(fact->first.line, 9);
    assert_string_equal(td_fact_get(fact, "partition"), "settings_storage");
    assert_non_null(strstr(td_fact_get(fact, "text"), "slot\xe2\x80\x99s trailer"));
    assert_true(strlen(td_fact_get(fact, "remedy")) > 10);
}

static void another_cores_file_belongs_to_the_layout_before(void **state)
{
    (void)state;
    give(0, "partitions.yml", SAMPLE_53);
    give(1, "partitions_CPUNET.yml", SAMPLE_NET);
    give(2, "partitions_CPUNET.yml", SAMPLE_NET); // of a second build
    td_layout_facts_end(lf);
    HOLDS("partition name=hci_ipc domain=CPUNET layout=0");
    HOLDS("partition name=hci_ipc domain=CPUNET layout=1");
    HOLDS("layout index=0 stages=2");
    assert_false(td_facts_hold(facts, "layout.issue harm=error"));
}

static void two_layouts_are_compared(void **state)
{
    (void)state;
    give(0, "a.yml", SAMPLE_ONE);
    give(1, "report.txt",
         "  flash_primary (0x80000 - 512kB): \n"
         "| 0x0: mcuboot (0xc000 - 48kB) |\n"
         "| 0xc000: mcuboot_primary (0x39000 - 228kB) |\n"
         "| 0x46000: mcuboot_secondary (0x38000 - 224kB) |\n"
         "| 0x7e000: settings_storage (0x2000 - 8kB) |\n");
    td_layout_facts_end(lf);
    HOLDS("have what=report");
    HOLDS("layout.disagree what=secondary layout=0 other=1 addr=0x45000 other_addr=0x46000");
    assert_false(td_facts_hold(facts, "layout.disagree what=primary"));
    assert_false(td_facts_hold(facts, "layout.disagree what=storage"));
}

static void layouts_of_two_devices_are_told_from_one(void **state)
{
    static const struct {
        const char *says, *other;
        bool one;
    } rows[] = {
        { "the bootloader's, without settings",
          "mcuboot: {address: 0, size: 0xc000}\nmcuboot_primary: {address: 0xc000, size: 0x38000}\n"
          "mcuboot_secondary: {address: 0x46000, size: 0x38000}\n",
          true },
        { "another chip's",
          "mcuboot: {address: 0, size: 0xc000}\nmcuboot_primary: {address: 0xc000, size: 0x79000}\n"
          "mcuboot_secondary: {address: 0x85000, size: 0x79000}\n",
          false },
        { "other names",
          "boot_partition: {address: 0, size: 0xc000}\n"
          "slot0_partition: {address: 0xc000, size: 0x38000}\n"
          "slot1_partition: {address: 0x46000, size: 0x38000}\n",
          false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(begin(NULL), 0);
        give(0, "a.yml", SAMPLE_ONE);
        give(1, "b.yml", rows[i].other);
        td_layout_facts_end(lf);
        if (td_facts_hold(facts, "layout.disagree what=secondary one_device=1") != rows[i].one ||
            !td_facts_hold(facts, "layout.disagree what=secondary"))
            fail_msg("%s", rows[i].says);
        (void)end(NULL);
    }
}

static void images_and_uploads_are_weighed(void **state)
{
    (void)state;
    give(0, "pm_static.yml", SAMPLE_ONE);
    add("upload", "image=0 size=225281 sent=225281");
    add("upload", "image=1 size=400000");
    add("image", "file=a.bin size=225280");
    td_layout_facts_end(lf);
    HOLDS("layout.image-too-large what=upload size=225281 max=225280 strategy=swap-move sure=0");
    HOLDS("layout.image-fits what=image size=225280");
    assert_false(td_facts_hold(facts, "layout.image-too-large size=400000"));
}

static void what_others_say_of_the_device_counts(void **state)
{
    static const struct {
        const char *name, *attrs, *then;
    } rows[] = {
        { "option", "name=BOOT_UPGRADE_ONLY value=y role=mcuboot",
          "layout strategy=overwrite-only max_image=233432" },
        { "bootloader", "name=MCUboot mode=9", "layout strategy=swap-offset" },
        { "boot", "started_swap=scratch", "layout.issue rule=scratch harm=error" },
        { "option", "name=BOOT_MAX_IMG_SECTORS value=40", "layout.issue rule=too-many-sectors" },
        { "soc", "name=nrf52832", "layout max_image=225280" },
        { "soc", "name=nrf5340", "layout.issue rule=gap" },
        { "soc", "name=gadget", "layout max_image=225280" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        (void)end(NULL);
        assert_int_equal(begin(NULL), 0);
        give(0, "pm_static.yml", SAMPLE_ONE);
        add(rows[i].name, rows[i].attrs);
        td_layout_facts_end(lf);
        HOLDS(rows[i].then);
    }
}

/* A file of another board beside it: its chip is not this layout's. */
static void a_chip_that_cannot_be_it_is_not_believed(void **state)
{
    (void)state;
    give(0, "partitions.yml", SAMPLE_53);
    add("soc", "name=nrf52833");
    td_layout_facts_end(lf);
    assert_false(td_facts_hold(facts, "layout.issue rule=beyond-memory"));
    HOLDS("layout max_image=892928");
}

static void more_layouts_than_are_kept_are_left_out(void **state)
{
    char text[64];

    (void)state;
    for (unsigned i = 0; i < TD_LAYOUTS_MAX + 3; i++) {
        (void)snprintf(text, sizeof text, "a%u: {address: 0, size: 0x1000}\n", i);
        give((uint16_t)i, "x.yml", text);
    }
    td_layout_facts_end(lf);
    HOLDS("layout index=7");
    assert_false(td_facts_hold(facts, "layout index=8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_layout_is_facts, begin, end),
        cmocka_unit_test_setup_teardown(an_issue_stands_at_its_line, begin, end),
        cmocka_unit_test_setup_teardown(another_cores_file_belongs_to_the_layout_before, begin,
                                        end),
        cmocka_unit_test_setup_teardown(two_layouts_are_compared, begin, end),
        cmocka_unit_test(layouts_of_two_devices_are_told_from_one),
        cmocka_unit_test_setup_teardown(images_and_uploads_are_weighed, begin, end),
        cmocka_unit_test_setup_teardown(what_others_say_of_the_device_counts, begin, end),
        cmocka_unit_test_setup_teardown(a_chip_that_cannot_be_it_is_not_believed, begin, end),
        cmocka_unit_test_setup_teardown(more_layouts_than_are_kept_are_left_out, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
