/* YAML, names of roles, and which chip a layout is for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "layout/sample_test.h"
#include "layout/soc.h"

static void what_the_build_writes_is_read(void **state)
{
    static const char text[] = "EMPTY_0:\n"
                               "  address: 0xfd000\n"
                               "  end_address: 0xfe000\n"
                               "  placement:\n"
                               "    after:\n"
                               "    - mcuboot_secondary\n"
                               "  region: flash_primary\n"
                               "  size: 4096\n"
                               "mcuboot_primary:\n"
                               "  address: 0x21000\n"
                               "  end_address: 0x8f000\n"
                               "  orig_span: &id003\n"
                               "  - app\n"
                               "  - mcuboot_pad\n"
                               "  region: flash_primary\n"
                               "  sharers: 0x1\n"
                               "  size: 0x6e000\n"
                               "  span: *id003\n"
                               "mcuboot_secondary:\n"
                               "  address: 0x0\n"
                               "  device: MX25R64\n"
                               "  end_address: 0x6e000\n"
                               "  region: external_flash\n";
    struct td_layout *layout = sample_with(text, NULL);
    const struct td_partition *p;

    (void)state;
    assert_int_equal(layout->n, 3);
    p = td_layout_find(layout, "", "EMPTY_0");
    assert_int_equal(p->size, 0x1000);
    assert_int_equal(p->end_given, 0xfe000);
    p = td_layout_find(layout, NULL, "mcuboot_primary");
    assert_true(p->container);
    assert_int_equal(p->n_span, 2);
    assert_string_equal(p->span[1], "mcuboot_pad");
    assert_int_equal(p->line, 9);
    p = td_layout_find(layout, "", "mcuboot_secondary");
    assert_int_equal(p->size, 0x6e000); // from its end
    assert_string_equal(p->device, "MX25R64");
    assert_string_equal(p->region, "external_flash");
    assert_null(td_layout_find(layout, "CPUNET", "mcuboot_secondary"));
    td_layout_free(layout);
}

static void what_is_malformed_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *says;
        uint32_t line;
    } rows[] = {
        { "", "this YAML holds no partitions", 1 },
        { "- a\n- b\n", "holds no partitions", 1 },
        { "just words\n", "holds no partitions", 1 },
        { "a:\n  address: 0x0\n  size: twelve\n", "a: size is no number of bytes: 'twelve'", 3 },
        { "a:\n  address: -4\n  size: 1\n", "address is no number", 2 },
        { "a:\n  address: 0x100000000\n  size: 1\n", "address is no number", 2 },
        { "a:\n  address: 4k\n  size: 1\n", "address is no number", 2 },
        { "a:\n  address: [1]\n  size: 1\n", "address is no number", 2 },
        { "a:\n  address: 0xfffff000\n  size: 0x2000\n", "beyond 32 bits", 1 },
        { "a:\n  address: 0x10\n", "an address and no size", 1 },
        { "a:\n  address: 0x10\n  end_address: 0x8\n", "an address and no size", 1 },
        { "a: {address: 0, size: 1}\na: {address: 1, size: 1}\n", "a is there twice", 2 },
        { "a:\n  size: 0x100\n  placement: {after: [b]}\n", "nothing here has an address", 0 },
        { "a:\n  address: *x\n  size: 1\n", "address is no number", 2 },
        { "a:\n  address: 0\n  size: 1\n  span: *x\n", "no list *x above", 4 },
        { "a: {address: 0, size: 1, span: {b: c}}\n", "span is no list", 1 },
        { "a:\n\taddress: 0\n", "no YAML", 2 },
        { "a: {address: 0, size: 1\n", "no YAML", 2 },
        { "? [a]\n: b\n", "wants a name", 1 },
        { "\"a\\nb\": {address: 0, size: 1}\n", "control character", 1 },
        { "a234567890123456789012345678901234567890123456789: {address: 0, size: 1}\n",
          "longer than 47", 1 },
        { "\"\": {address: 0, size: 1}\n", "has no name", 1 },
        { "a: {address: 0, size: 1, x: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}\n", "nested deeper",
          1 },
    };
    struct td_layout_fault fault;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_layout *layout = td_layout_new();

        if (td_layout_read_yaml(rows[i].text, strlen(rows[i].text), "", layout, &fault) == TD_OK)
            fail_msg("taken: %s", rows[i].text);
        if (strstr(fault.what, rows[i].says) == NULL || fault.line != rows[i].line)
            fail_msg("%s: line %u: %s", rows[i].text, (unsigned)fault.line, fault.what);
        td_layout_free(layout);
    }
}

static void too_much_is_refused(void **state)
{
    struct td_layout *layout = td_layout_new();
    struct td_layout_fault fault;
    size_t cap = TD_LAYOUT_TEXT + 2, len = 0;
    char *text = malloc(cap);

    (void)state;
    assert_non_null(text);
    for (int i = 0; i <= TD_LAYOUT_MAX; i++)
        len += (size_t)snprintf(text + len, cap - len, "p%d: {address: %d, size: 1}\n", i, i);
    assert_int_equal(td_layout_read_yaml(text, len, "", layout, &fault), TD_ESPACE);
    assert_non_null(strstr(fault.what, "more than 128"));
    len = (size_t)snprintf(text, cap, "p: {address: 0, size: 1, span: [");
    for (int i = 0; i <= TD_LAYOUT_SPAN; i++)
        len += (size_t)snprintf(text + len, cap - len, "m%d, ", i);
    len += (size_t)snprintf(text + len, cap - len, "]}\n");
    layout->n = 0;
    assert_int_equal(td_layout_read_yaml(text, len, "", layout, &fault), TD_ESPACE);
    memset(text, '#', cap);
    assert_int_equal(td_layout_read_yaml(text, cap - 1, "", layout, &fault), TD_ESPACE);
    assert_non_null(strstr(fault.what, "longer than"));
    free(text);
    td_layout_free(layout);
}

/* A hundred lists of lists: aliases are not followed, so that this costs its length. */
static void aliases_are_not_expanded(void **state)
{
    struct td_layout *layout = td_layout_new();
    struct td_layout_fault fault;
    char text[8192];
    size_t len = (size_t)snprintf(text, sizeof text, "a: {x: &n0 [1, 1]}\n");

    (void)state;
    for (int i = 1; i < 100; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "a%d: {x: &n%d [*n%d, *n%d, *n%d, *n%d]}\n", i, i, i - 1, i - 1,
                                i - 1, i - 1);
    len += (size_t)snprintf(text + len, sizeof text - len, "b: {address: 0, size: 1}\n");
    assert_int_equal(td_layout_read_yaml(text, len, "", layout, &fault), TD_OK);
    assert_int_equal(layout->n, 1);
    td_layout_free(layout);
}

static void the_name_of_a_file_tells_its_domain(void **state)
{
    static const struct {
        const char *path, *domain;
    } rows[] = {
        { "partitions.yml", "" },
        { "build/partitions_CPUNET.yml", "CPUNET" },
        { "partitions_CPUNET", "" },
        { "a/partitions_x/pm_static.yml", "" },
        { "partitions_aVeryLongDomainNameIndeed.yml", "" },
    };
    char domain[16];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++)
        assert_string_equal(td_layout_domain_of(rows[i].path, domain), rows[i].domain);
}

static void roles_have_many_names(void **state)
{
    static const struct {
        const char *name;
        enum td_role role;
        unsigned image;
    } rows[] = {
        { "mcuboot_primary", TD_ROLE_PRIMARY, 0 },
        { "slot0_partition", TD_ROLE_PRIMARY, 0 },
        { "slot2_partition", TD_ROLE_PRIMARY, 1 },
        { "slot3_partition", TD_ROLE_SECONDARY, 1 },
        { "mcuboot_primary_1", TD_ROLE_PRIMARY, 1 },
        { "primary", TD_ROLE_PRIMARY, 0 },
        { "mcuboot_secondary_2", TD_ROLE_SECONDARY, 2 },
        { "boot_partition", TD_ROLE_BOOT, 0 },
        { "storage_partition", TD_ROLE_STORAGE, 0 },
        { "bl_storage", TD_ROLE_PROVISION, 0 },
        { "s1_partition", TD_ROLE_S1, 0 },
        { "mcuboot_scratch", TD_ROLE_SCRATCH, 0 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_layout *layout = td_layout_new();
        struct td_partition p = { .region = "flash_primary", .size = 1 };

        (void)snprintf(p.name, sizeof p.name, "%s", rows[i].name);
        assert_int_equal(td_layout_add(layout, &p), TD_OK);
        for (unsigned image = 0; image < 4; image++) {
            bool is = td_layout_role(layout, rows[i].role, image) != NULL;

            if (is != (image == rows[i].image))
                fail_msg("%s as image %u", rows[i].name, image);
        }
        td_layout_free(layout);
    }
}

static void the_application_cores_partition_comes_first(void **state)
{
    struct td_layout *layout = td_layout_new();

    (void)state;
    sample_add(layout, "CPUNET", SAMPLE_NET);
    assert_string_equal(td_layout_role(layout, TD_ROLE_PROVISION, 0)->domain, "CPUNET");
    sample_add(layout, "", SAMPLE_53);
    assert_string_equal(td_layout_role(layout, TD_ROLE_PROVISION, 0)->domain, "");
    assert_int_equal(td_layout_stages(layout), 2);
    td_layout_free(layout);
}

static void stages_are_counted_whatever_they_are_called(void **state)
{
    static const struct {
        const char *text;
        unsigned stages;
    } rows[] = {
        { SAMPLE_ONE, 1 },
        { SAMPLE_TWO, 2 },
        { "app: {address: 0, size: 0x80000}\n", 0 },
        { "b0: {address: 0, size: 0x8000}\ns0: {address: 0x8000, size: 0x30000}\n", 1 },
        { "b0_partition: {address: 0, size: 0x8000}\ns0_partition: {address: 0x8000, size: "
          "0x8000}\n"
          "slot0_partition: {address: 0x20000, size: 0x30000}\n",
          2 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_layout *layout = sample_with(rows[i].text, NULL);

        assert_int_equal(td_layout_stages(layout), rows[i].stages);
        td_layout_free(layout);
    }
}

static void chips_are_found_by_many_names(void **state)
{
    static const struct {
        const char *name, *soc;
    } rows[] = {
        { "nrf52833", "nrf52833" },
        { "nRF52840_xxAA", "nrf52840" },
        { "nrf5340dk/nrf5340/cpuapp", "nrf5340" },
        { "nrf5340dk_nrf5340_cpunet", "nrf5340-net" },
        { "nRF5340_CPUNET_QKAA", "nrf5340-net" },
        { "nrf9160dk_nrf9160_ns", "nrf9160" },
        { "nrf54l15", "nrf54l15" },
        { "nrf54l15dk/nrf54l10/cpuapp", "nrf54l10" },
        { "nrf54l15dk_nrf54l05_cpuapp", "nrf54l05" },
        { "nrf54lm20dk/nrf54lm20a/cpuapp", "nrf54lm20" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++)
        assert_string_equal(td_soc_by_name(rows[i].name)->name, rows[i].soc);
    assert_null(td_soc_by_name("stm32"));
    assert_null(td_soc_by_name(""));
}

static void chips_are_guessed_from_what_only_they_have(void **state)
{
    static const struct {
        const char *says, *sample, *other, *soc;
        bool sure;
    } rows[] = {
        { "512 KB, RAM not shown: protected alike", SAMPLE_ONE, "", "nrf52833", true },
        { "64 KB of RAM", SAMPLE_ONE,
          "ram: {address: 0x20000000, size: 0x10000, region: "
          "sram_primary}\n",
          "nrf52832", true },
        { "OTP at its place", SAMPLE_53, "", "nrf5340", true },
        { "1 MB could be three", SAMPLE_ONE, "more: {address: 0x80000, size: 0x80000}\n",
          "nrf52840", false },
        { "1 MB with provision data in flash", SAMPLE_TWO,
          "more: {address: 0x80000, size: 0x80000}\n", "nrf52840", true },
        { "1 MB with a modem", SAMPLE_ONE,
          "nrf_modem_lib_ctrl: {address: 0x20010000, size: 0x4e8, "
          "region: sram_primary}\n"
          "more: {address: 0x80000, size: 0x80000}\n",
          "nrf9160", true },
        { "beyond 1 MB", SAMPLE_ONE, "more: {address: 0x80000, size: 0xe5000}\n", "nrf54l15",
          true },
        { "beyond 1.5 MB", SAMPLE_ONE, "more: {address: 0x80000, size: 0x17d000}\n", "nrf54lm20",
          true },
        { "beyond all", SAMPLE_ONE, "more: {address: 0x80000, size: 0x200000}\n", NULL, false },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_layout *layout = sample_with(rows[i].sample, rows[i].other);
        bool sure;
        const struct td_soc *soc = td_soc_guess(layout, "", &sure);

        if ((soc == NULL) != (rows[i].soc == NULL) || sure != rows[i].sure ||
            (soc != NULL && strcmp(soc->name, rows[i].soc) != 0))
            fail_msg("%s: %s, %d", rows[i].says, soc != NULL ? soc->name : "none", sure);
        td_layout_free(layout);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_build_writes_is_read),
        cmocka_unit_test(what_is_malformed_is_refused_with_its_line),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(aliases_are_not_expanded),
        cmocka_unit_test(the_name_of_a_file_tells_its_domain),
        cmocka_unit_test(roles_have_many_names),
        cmocka_unit_test(the_application_cores_partition_comes_first),
        cmocka_unit_test(stages_are_counted_whatever_they_are_called),
        cmocka_unit_test(chips_are_found_by_many_names),
        cmocka_unit_test(chips_are_guessed_from_what_only_they_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
