/* tools/survey_test.c - marks are believed only where what stands around them fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/range.h"
#include "image/golden_test.h"
#include "tools/slots.h"
#include "tools/survey.h"

#define SIZE 0x20000u
#define SLOT 0x10000u

static uint8_t flash[SIZE];
static const uint8_t magic[16] = { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                   0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80 };

static int blank(void **state)
{
    (void)state;
    memset(flash, 0xff, sizeof flash);
    return 0;
}

static void put_image(uint32_t at)
{
    struct file f;

    load(&f, "ed25519.img");
    memcpy(flash + at, f.bytes, f.size);
}

static void put_cells(uint32_t end, uint8_t image_ok, uint8_t copy_done, uint8_t info)
{
    memcpy(flash + end - 16, magic, sizeof magic);
    flash[end - 24] = image_ok;
    flash[end - 32] = copy_done;
    flash[end - 40] = info;
}

static size_t count(const struct td_survey *s, enum td_thing_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->at[i].kind == kind;
    return n;
}

static void survey(struct td_survey *s, struct td_memory *m)
{
    assert_true(td_memory_of_bytes(m, flash, sizeof flash, 0));
    assert_true(td_survey(s, m));
}

static void an_image_and_its_trailer_are_found(void **state)
{
    struct td_survey s;
    struct td_memory m;

    (void)state;
    put_image(0x1000);
    put_cells(SLOT, 1, 0xff, 0xff);
    survey(&s, &m);
    assert_int_equal(count(&s, TD_THING_IMAGE), 1);
    assert_int_equal(count(&s, TD_THING_TRAILER), 1);
    assert_non_null(td_survey_image_at(&s, 0x1000));
    assert_null(td_survey_image_at(&s, 0x2000));
    td_survey_free(&s);
    td_memory_free(&m);
}

static void the_numbers_in_a_bootloaders_code_are_no_finds(void **state)
{
    struct td_survey s;
    struct td_memory m;

    (void)state;
    memset(flash, 0x46, 0x3000);
    td_store_le32(flash + 0x500, TD_IMAGE_MAGIC);
    td_store_le32(flash + 0x600, TD_FW_MAGIC_COMMON);
    td_store_le32(flash + 0x604, TD_FW_MAGIC_INFO);
    memcpy(flash + 0x800 - 16, magic, sizeof magic);
    memcpy(flash + 0x1000, "TDlg", 4);
    survey(&s, &m);
    assert_int_equal(count(&s, TD_THING_DATA) + count(&s, TD_THING_BLANK), s.n);
    td_survey_free(&s);
    td_memory_free(&m);
}

static void a_vector_table_makes_bytes_code(void **state)
{
    struct td_survey s;
    struct td_memory m;

    (void)state;
    memset(flash, 0, 0x800);
    td_store_le32(flash, 0x20004000);
    for (unsigned i = 1; i < 7; i++)
        td_store_le32(flash + 4 * i, 0x201 + 0x20 * i);
    survey(&s, &m);
    assert_int_equal(s.at[0].kind, TD_THING_CODE);
    assert_int_equal(s.at[0].vectors.reset, 0x221);
    td_survey_free(&s);
    td_memory_free(&m);
    flash[4] = 0x20; // a handler without the Thumb bit
    survey(&s, &m);
    assert_int_equal(s.at[0].kind, TD_THING_DATA);
    td_survey_free(&s);
    td_memory_free(&m);
}

/* What the cells of both slots say, and what the next boot does. */
static void the_next_boot_follows_the_table(void **state)
{
    static const struct {
        uint8_t p[3], x[3]; /* image_ok, copy_done, swap info; all 0: no trailer */
        enum td_next_boot want;
        enum td_swap_type type;
    } rows[] = {
        { { 0, 0, 0 }, { 0, 0, 0 }, TD_NEXT_RUN, TD_SWAP_NONE },
        { { 0, 0, 0 }, { 0xff, 0xff, 0xff }, TD_NEXT_TEST, TD_SWAP_TEST },
        { { 0, 0, 0 }, { 1, 0xff, 0xff }, TD_NEXT_INSTALL, TD_SWAP_PERM },
        { { 0, 0, 0 }, { 0x7f, 0xff, 0xff }, TD_NEXT_RUN, TD_SWAP_NONE },
        { { 0xff, 1, 2 }, { 0, 0, 0 }, TD_NEXT_REVERT, TD_SWAP_REVERT },
        { { 1, 1, 2 }, { 0, 0, 0 }, TD_NEXT_RUN, TD_SWAP_NONE },
        { { 0xff, 1, 2 }, { 0xff, 0xff, 2 }, TD_NEXT_TEST, TD_SWAP_TEST },
        { { 0xff, 0xff, 2 }, { 0, 0, 0 }, TD_NEXT_RESUME, TD_SWAP_TEST },
        { { 1, 0xff, 3 }, { 0, 0, 0 }, TD_NEXT_RESUME, TD_SWAP_PERM },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_outlook o;
        struct td_survey s;
        struct td_memory m;
        struct td_plan plan;

        (void)blank(NULL);
        put_image(0);
        put_image(SLOT);
        if (rows[i].p[0] != 0)
            put_cells(SLOT, rows[i].p[0], rows[i].p[1], rows[i].p[2]);
        if (rows[i].x[0] != 0)
            put_cells(2 * SLOT, rows[i].x[0], rows[i].x[1], rows[i].x[2]);
        survey(&s, &m);
        assert_true(td_plan_guess(&plan, &s, &m));
        assert_int_equal(plan.primary.addr, 0);
        assert_int_equal(plan.secondary.addr, SLOT);
        td_outlook(&o, &plan, &s, &m);
        if (o.next != rows[i].want || o.type != rows[i].type)
            fail_msg("row %zu: %s, %s: %s", i, td_next_name(o.next), td_swap_type_word(o.type),
                     o.text);
        td_survey_free(&s);
        td_memory_free(&m);
    }
}

static void one_image_and_the_trailer_behind_it_are_enough_for_a_guess(void **state)
{
    struct td_survey s;
    struct td_memory m;
    struct td_plan plan;

    (void)state;
    put_image(SLOT);
    put_cells(2 * SLOT, 0xff, 0xff, 0xff);
    survey(&s, &m);
    assert_true(td_plan_guess(&plan, &s, &m));
    // A request: so it is the second slot, and the first lies in front of it.
    assert_int_equal(plan.secondary.addr, SLOT);
    assert_int_equal(plan.primary.addr, 0);
    td_survey_free(&s);
    td_memory_free(&m);
}

static void nothing_found_is_nothing_guessed(void **state)
{
    struct td_survey s;
    struct td_memory m;
    struct td_plan plan;

    (void)state;
    survey(&s, &m);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.at[0].kind, TD_THING_BLANK);
    assert_false(td_plan_guess(&plan, &s, &m));
    td_survey_free(&s);
    td_memory_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_image_and_its_trailer_are_found, blank),
        cmocka_unit_test_setup(the_numbers_in_a_bootloaders_code_are_no_finds, blank),
        cmocka_unit_test_setup(a_vector_table_makes_bytes_code, blank),
        cmocka_unit_test(the_next_boot_follows_the_table),
        cmocka_unit_test_setup(one_image_and_the_trailer_behind_it_are_enough_for_a_guess, blank),
        cmocka_unit_test_setup(nothing_found_is_nothing_guessed, blank),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
