/* tools/memory_test.c - bytes at addresses, and the holes between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/memory.h"

/* 4 bytes at 0x1000, 4 at 0x1010 (a small hole), 2 at 0xff8128. */
static const char hex[] = ":0410000001020304E2\n"
                          ":041010000506070 8C2\n";

static const char merged[] = ":0200000400FFFB\n"
                             ":02812800AABBF0\n"
                             ":020000040000FA\n"
                             ":0410100005060708C2\n"
                             ":0410000001020304E2\n"
                             ":00000001FF\n";

static void segments_ascend_and_small_holes_are_filled(void **state)
{
    struct td_hex_error error;
    struct td_memory m;
    uint8_t bytes[24];

    (void)state;
    assert_true(td_memory_of_hex(&m, merged, strlen(merged), &error));
    assert_int_equal(m.n, 2);
    assert_int_equal(td_memory_low(&m), 0x1000);
    assert_int_equal(m.at[0].len, 0x14);
    assert_int_equal(m.at[1].addr, 0xff8128);
    assert_int_equal(td_memory_end(&m), 0xff812a);
    td_memory_read(&m, 0xffe, bytes, sizeof bytes);
    assert_memory_equal(bytes, "\xff\xff\1\2\3\4\xff\xff", 8);
    assert_memory_equal(bytes + 18, "\5\6\7\x8\xff\xff", 6);
    td_memory_free(&m);
}

static void what_is_there_is_told_from_what_is_blank(void **state)
{
    struct td_hex_error error;
    struct td_memory m;

    (void)state;
    assert_true(td_memory_of_hex(&m, merged, strlen(merged), &error));
    assert_true(td_memory_has(&m, 0xfff, 2));
    assert_false(td_memory_has(&m, 0xfff, 1));
    assert_false(td_memory_has(&m, 0x1014, 0xff8128 - 0x1014));
    assert_true(td_memory_is_blank(&m, 0x1004, 12));
    assert_false(td_memory_is_blank(&m, 0x1004, 13));
    assert_true(td_memory_is_blank(&m, 0x2000, 0x10000));
    td_memory_free(&m);
}

static void a_malformed_hex_file_is_an_error_with_its_line(void **state)
{
    static const char twice[] = ":0410000001020304E2\n:0410020001020304E0\n";
    struct td_hex_error error = { NULL, 0 };
    struct td_memory m;

    (void)state;
    assert_false(td_memory_of_hex(&m, hex, strlen(hex), &error));
    assert_int_equal(error.line, 2);
    td_memory_free(&m);
    assert_false(td_memory_of_hex(&m, twice, strlen(twice), &error));
    assert_string_equal(error.text, "two records hold the same address");
    td_memory_free(&m);
    assert_false(td_memory_of_hex(&m, ":00000001FF\n", 12, &error));
    assert_int_equal(error.line, 0);
    td_memory_free(&m);
}

static void a_window_reads_like_flash_and_writes_nothing(void **state)
{
    static const uint8_t bytes[8192] = { 1, 2, 3 };
    struct td_window w;
    struct td_memory m;
    uint8_t got[3];

    (void)state;
    assert_true(td_memory_of_bytes(&m, bytes, sizeof bytes, 0x8000));
    assert_true(td_window_flash(&w, &m, 0x8000, 8192, 4096, 4));
    assert_int_equal(td_flash_read(&w.area, 0, got, 3), TD_OK);
    assert_memory_equal(got, bytes, 3);
    assert_int_equal(td_flash_write(&w.area, 0, bytes, 4), TD_EFLASH);
    assert_int_equal(td_flash_erase(&w.area, 0, 4096), TD_EFLASH);
    assert_false(td_window_flash(&w, &m, 0x8000, 8192, 3000, 4));
    assert_false(td_window_flash(&w, &m, 0x8000, 0, 4096, 4));
    td_memory_free(&m);
    assert_false(td_memory_of_bytes(&m, bytes, sizeof bytes, 0xffffff00u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_ascend_and_small_holes_are_filled),
        cmocka_unit_test(what_is_there_is_told_from_what_is_blank),
        cmocka_unit_test(a_malformed_hex_file_is_an_error_with_its_line),
        cmocka_unit_test(a_window_reads_like_flash_and_writes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
