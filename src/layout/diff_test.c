/* What a move means in the field, and the picture of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "layout/diff.h"
#include "layout/sample_test.h"
#include "layout/svg.h"

static struct td_layout_diff diff;

static const struct td_consequence *find(const char *rule)
{
    for (size_t i = 0; i < diff.n_consequences; i++) {
        if (strcmp(diff.consequences[i].rule, rule) == 0)
            return &diff.consequences[i];
    }
    return NULL;
}

static void each_move_has_its_consequence(void **state)
{
    static const struct {
        const char *says;
        const char *from, *to_sample, *to, *drop; /* drop: of the second layout */
        const char *rule;                         /* NULL: none at all */
        enum td_way way;
    } rows[] = {
        { "nothing", SAMPLE_ONE, SAMPLE_ONE, "", NULL, NULL, TD_WAY_OTA },
        { "the application alone", SAMPLE_ONE, SAMPLE_ONE,
          "app: {address: 0xc200, size: 0x30000}\nmine: {address: 0x3c200, size: 0x8e00}\n", NULL,
          NULL, TD_WAY_OTA },
        { "one stage to two", SAMPLE_ONE, SAMPLE_TWO, "", NULL, "stage-added", TD_WAY_CABLE },
        { "two stages to one", SAMPLE_TWO, SAMPLE_ONE, "", NULL, "stage-removed", TD_WAY_CABLE },
        { "no bootloader to one", "app: {address: 0, size: 0x80000}\n", SAMPLE_ONE, "", NULL,
          "bootloader-added", TD_WAY_CABLE },
        { "a bootloader to none", SAMPLE_ONE, "app: {address: 0, size: 0x80000}\n", "", NULL,
          "bootloader-removed", TD_WAY_CABLE },
        { "secondary moves", SAMPLE_ONE, SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x44000, size: 0x39000}\n", NULL, "secondary-moved",
          TD_WAY_CABLE },
        { "secondary moves outside", SAMPLE_ONE, SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x39000, region: external_flash}\n", NULL,
          "secondary-moved", TD_WAY_CABLE },
        { "secondary shrinks: marks are elsewhere", SAMPLE_ONE, SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x38000}\n", NULL, "secondary-resized",
          TD_WAY_CABLE },
        { "secondary goes", SAMPLE_ONE, SAMPLE_ONE, "", "mcuboot_secondary", "secondary-removed",
          TD_WAY_CABLE },
        { "primary moves", SAMPLE_ONE, SAMPLE_ONE,
          "mcuboot_primary: {address: 0x10000, size: 0x39000}\n", NULL, "primary-moved",
          TD_WAY_CABLE },
        { "primary grows", SAMPLE_ONE, SAMPLE_ONE,
          "mcuboot_primary: {address: 0xc000, size: 0x3a000}\n", NULL, "primary-grown",
          TD_WAY_OTA_CARE },
        { "primary shrinks", SAMPLE_ONE, SAMPLE_ONE,
          "mcuboot_primary: {address: 0xc000, size: 0x38000}\n", NULL, "primary-shrunk",
          TD_WAY_OTA_CARE },
        { "storage moves into free room", SAMPLE_ONE, SAMPLE_ONE,
          "settings_storage: {address: 0x7f000, size: 0x1000}\n", NULL, "storage-moved",
          TD_WAY_OTA_CARE },
        { "storage moves to where the old slot ends", SAMPLE_ONE, SAMPLE_ONE,
          "settings_storage: {address: 0x7c000, size: 0x2000}\n", NULL, "storage-over-old-slot",
          TD_WAY_CABLE },
        { "storage goes", SAMPLE_ONE, SAMPLE_ONE, "", "settings_storage", "storage-removed",
          TD_WAY_OTA_CARE },
        { "scratch goes", SAMPLE_ONE "mcuboot_scratch: {address: 0x80000, size: 0x1000}\n",
          SAMPLE_ONE, "", NULL, "scratch-removed", TD_WAY_CABLE },
        { "scratch comes", SAMPLE_ONE, SAMPLE_ONE,
          "mcuboot_scratch: {address: 0x80000, size: 0x1000}\n", NULL, "scratch-added",
          TD_WAY_OTA_CARE },
        { "the bootloader's room grows, all else stays", SAMPLE_ONE, SAMPLE_ONE,
          "mcuboot: {address: 0, size: 0xd000}\n", NULL, "bootloader-grown", TD_WAY_OTA_CARE },
        { "b0 grows", SAMPLE_TWO, SAMPLE_TWO, "b0: {address: 0, size: 0x8000}\n", NULL,
          "b0-changed", TD_WAY_CABLE },
        { "provision data move", SAMPLE_TWO, SAMPLE_TWO,
          "provision: {address: 0x8000, size: 0x1000}\n", NULL, "provision-changed", TD_WAY_CABLE },
        { "S1 moves", SAMPLE_TWO, SAMPLE_TWO, "s1: {address: 0x15000, size: 0xc000}\n", NULL,
          "s1-moved", TD_WAY_CABLE },
        { "S0 grows", SAMPLE_TWO, SAMPLE_TWO, "s0: {address: 0x8000, size: 0xd000}\n", NULL,
          "s0-resized", TD_WAY_CABLE },
        { "with two stages a slot moves behind a new MCUboot", SAMPLE_TWO, SAMPLE_TWO,
          "mcuboot_secondary: {address: 0x50000, size: 0x2e000}\n", NULL, "secondary-moved",
          TD_WAY_BOOTLOADER },
        { "the command word moves", SAMPLE_53, SAMPLE_53,
          "pcd_sram: {address: 0x2006e000, size: 0x2000, region: sram_primary}\n", NULL,
          "pcd-moved", TD_WAY_OTA_CARE },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_layout *from = sample_with(rows[i].from, NULL);
        struct td_layout *to = sample_with(rows[i].to_sample, rows[i].to);
        const struct td_layout_env env = { .soc = NULL };

        if (rows[i].drop != NULL)
            sample_drop(to, rows[i].drop);
        td_layout_compare(from, to, &env, &diff);
        if (rows[i].rule == NULL && diff.n_consequences > 0)
            fail_msg("%s: %s", rows[i].says, diff.consequences[0].text);
        if (rows[i].rule != NULL &&
            (find(rows[i].rule) == NULL || find(rows[i].rule)->way != rows[i].way))
            fail_msg("%s: %s is not said", rows[i].says, rows[i].rule);
        if (diff.way != rows[i].way)
            fail_msg("%s: %s", rows[i].says, td_way_name(diff.way));
        assert_true(diff.verdict[0] != '\0');
        td_layout_free(from);
        td_layout_free(to);
    }
}

static void changes_are_counted_and_named(void **state)
{
    struct td_layout *from = sample_with(SAMPLE_ONE, NULL);
    struct td_layout *to =
        sample_with(SAMPLE_ONE, "mcuboot: {address: 0, size: 0xb000}\n"
                                "settings_storage: {address: 0x7f000, size: 0x2000}\n"
                                "app: {address: 0xc400, size: 0x38c00}\n"
                                "extra: {address: 0xb000, size: 0x1000}\n");
    static const struct {
        const char *name;
        enum td_change_kind kind;
    } want[] = { { "mcuboot", TD_CHANGE_RESIZED },
                 { "app", TD_CHANGE_BOTH },
                 { "mcuboot_pad", TD_CHANGE_REMOVED },
                 { "settings_storage", TD_CHANGE_MOVED },
                 { "extra", TD_CHANGE_ADDED } };
    const struct td_layout_env env = { .soc = NULL };

    (void)state;
    sample_drop(to, "mcuboot_pad");
    td_layout_compare(from, to, &env, &diff);
    assert_int_equal(diff.n_changes, TD_N_OF(want));
    assert_int_equal(diff.n_same, 2);
    for (size_t i = 0; i < TD_N_OF(want); i++) {
        const struct td_change *c = NULL;

        for (size_t k = 0; k < diff.n_changes; k++) {
            const struct td_partition *p =
                diff.changes[k].from != NULL ? diff.changes[k].from : diff.changes[k].to;

            if (strcmp(p->name, want[i].name) == 0)
                c = &diff.changes[k];
        }
        if (c == NULL || c->kind != want[i].kind)
            fail_msg("%s: %s", want[i].name, c != NULL ? td_change_name(c->kind) : "missing");
    }
    td_layout_free(from);
    td_layout_free(to);
}

static void the_worst_consequence_is_the_verdict(void **state)
{
    struct td_layout *from = sample_with(SAMPLE_ONE, NULL);
    struct td_layout *to =
        sample_with(SAMPLE_ONE, "settings_storage: {address: 0x7f000, size: 0x1000}\n");
    struct td_layout_env env = { .image_size = 225280 };

    (void)state;
    td_layout_compare(from, to, &env, &diff);
    assert_int_equal(diff.way, TD_WAY_OTA_CARE);
    env.image_size++; // what the old slots cannot take
    td_layout_compare(from, to, &env, &diff);
    assert_int_equal(diff.way, TD_WAY_CABLE);
    assert_string_equal(diff.consequences[0].rule, "image-too-large");
    td_layout_compare(from, from, &env, &diff);
    assert_int_equal(diff.n_changes, 0);
    td_layout_free(from);
    td_layout_free(to);
}

/* ---- the picture ----------------------------------------------------------------------- */

static char *drawn(const struct td_svg_side *sides, size_t n)
{
    struct td_text out = { .len = 0 };

    td_layout_svg(sides, n, &out);
    assert_false(out.failed);
    return out.at;
}

static void a_picture_names_what_is_there_and_is_always_the_same(void **state)
{
    struct td_layout *a = sample_with(SAMPLE_ONE, NULL), *b = sample_with(SAMPLE_TWO, NULL);
    const struct td_svg_side sides[] = { { a, "one <&> old", NULL }, { b, "two", NULL } };
    char *text = drawn(sides, 2), *again = drawn(sides, 2);

    (void)state;
    assert_string_equal(text, again);
    free(again);
    assert_int_equal(strncmp(text, "<svg ", 5), 0);
    assert_non_null(strstr(text, "one &lt;&amp;&gt; old"));
    assert_non_null(strstr(text, ">0x45000<"));
    assert_non_null(strstr(text, ">187.5 kB<"));
    for (size_t i = 0; i < b->n; i++) {
        char label[80];

        // Containers within containers are not drawn.
        if (strcmp(b->at[i].name, "s0_image") == 0 || strcmp(b->at[i].name, "app_image") == 0 ||
            strcmp(b->at[i].name, "mcuboot_primary_app") == 0)
            continue;
        (void)snprintf(label, sizeof label, ">%s<", b->at[i].name);
        if (strstr(text, label) == NULL)
            fail_msg("%s is not drawn", b->at[i].name);
    }
    free(text);
    td_layout_free(a);
    td_layout_free(b);
}

static void names_are_taken_by_their_words(void **state)
{
    struct td_layout *layout =
        sample_with(SAMPLE_ONE, "snapper: {address: 0x7c000, size: 0x1000}\n");
    const struct td_svg_side side = { layout, "x", NULL };
    char *text;

    (void)state;
    text = drawn(&side, 1);
    assert_non_null(strstr(text, ">other<")); // no application, for all its letters
    assert_null(strstr(text, "moved or resized"));
    free(text);
    td_layout_free(layout);
}

static void gaps_have_a_size_and_ties_a_legend(void **state)
{
    struct td_layout *layout = sample_with(SAMPLE_ONE, NULL), *far = td_layout_new();
    struct td_partition p = { .name = "a", .region = "flash_primary", .size = 0x1000 };
    const struct td_svg_side sides[] = { { layout, "a", NULL }, { layout, "b", NULL } };
    const struct td_svg_side gap = { far, "in/a/folder/far/away/and/further/still/partitions.yml",
                                     NULL };
    char *text = drawn(sides, 2);

    (void)state;
    assert_non_null(strstr(text, "at the same place"));
    assert_non_null(strstr(text, "moved or resized"));
    free(text);
    assert_int_equal(td_layout_add(far, &p), TD_OK);
    p = (struct td_partition){
        .name = "b", .region = "flash_primary", .addr = 0x13000, .size = 0x1000
    };
    assert_int_equal(td_layout_add(far, &p), TD_OK);
    text = drawn(&gap, 1);
    assert_non_null(strstr(text, ">72 kB<"));
    assert_non_null(strstr(text, ">.../away/and/further/still/partitions.yml<"));
    free(text);
    td_layout_free(layout);
    td_layout_free(far);
}

static void what_has_an_error_is_framed(void **state)
{
    struct td_layout *layout =
        sample_with(SAMPLE_ONE, "settings_storage: {address: 0x7c000, size: 0x2000}\n");
    static struct td_layout_issues issues;
    const struct td_layout_env env = { .soc = NULL };
    const struct td_svg_side plain = { layout, "x", NULL };
    const struct td_svg_side checked = { layout, "x", &issues };
    char *text;

    (void)state;
    td_layout_check(layout, &env, &issues);
    text = drawn(&plain, 1);
    assert_null(strstr(text, "#c62828"));
    free(text);
    text = drawn(&checked, 1);
    assert_non_null(strstr(text, "#c62828"));
    free(text);
    td_layout_free(layout);
}

static void the_largest_layout_is_drawn(void **state)
{
    struct td_layout *layout = td_layout_new();
    struct td_partition p = { .size = 1 };
    const struct td_svg_side sides[] = { { layout, "a", NULL }, { layout, "b", NULL } };

    (void)state;
    for (unsigned i = 0; i < TD_LAYOUT_MAX; i++) {
        (void)snprintf(p.name, sizeof p.name, "p%u", i);
        (void)snprintf(p.region, sizeof p.region, "r%u", i % 2 ? i : 0);
        p.addr = 3 * i;
        p.size = i == 7 ? UINT32_MAX - p.addr : i % 5;
        assert_int_equal(td_layout_add(layout, &p), TD_OK);
    }
    free(drawn(sides, 1));
    free(drawn(sides, 2));
    td_layout_free(layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_move_has_its_consequence),
        cmocka_unit_test(names_are_taken_by_their_words),
        cmocka_unit_test(gaps_have_a_size_and_ties_a_legend),
        cmocka_unit_test(changes_are_counted_and_named),
        cmocka_unit_test(the_worst_consequence_is_the_verdict),
        cmocka_unit_test(a_picture_names_what_is_there_and_is_always_the_same),
        cmocka_unit_test(what_has_an_error_is_framed),
        cmocka_unit_test(the_largest_layout_is_drawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
