#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/range.h"
#include "base/source.h"
#include "base/version.h"

static void checksums_match_their_published_check_values(void **state)
{
    (void)state;
    assert_int_equal(td_crc16(0, "123456789", 9), 0x31C3);
    assert_int_equal(td_crc32(0, "123456789", 9), 0xCBF43926);
}

static void a_checksum_in_pieces_equals_the_whole(void **state)
{
    (void)state;
    assert_int_equal(td_crc32(td_crc32(0, "1234", 4), "56789", 5), 0xCBF43926);
    assert_int_equal(td_crc16(td_crc16(0, "1234", 4), "56789", 5), 0x31C3);
}

// The examples of RFC 4648, section 10; and each of 256 characters is a letter or none.
static void base64_is_that_of_the_rfc(void **state)
{
    static const char *const rows[] = { "Zg==", "Zm8=", "Zm9v" };
    uint8_t out[4];
    int n = 0;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        td_base64_group((const uint8_t *)"foo", i + 1, out);
        assert_memory_equal(out, rows[i], 4);
    }
    for (unsigned c = 0; c < 256; c++) {
        int value = td_base64_value((uint8_t)c);
        uint8_t top;

        if (value < 0)
            continue;
        top = (uint8_t)(value * 4);
        td_base64_group(&top, 1, out);
        assert_int_equal(out[0], c);
        n++;
    }
    assert_int_equal(n, 64);
}

static void what_is_stored_is_loaded_again(void **state)
{
    uint8_t b[8];

    (void)state;
    td_store_le32(b, 0x96f3b83d);
    assert_memory_equal(b, "\x3d\xb8\xf3\x96", 4);
    assert_int_equal(td_load_le32(b), 0x96f3b83d);
    td_store_be64(b, 0x0102030405060708u);
    assert_memory_equal(b, "\1\2\3\4\5\6\7\10", 8);
    assert_true(td_load_be64(b) == 0x0102030405060708u);
    assert_int_equal(td_load_be16(b), 0x0102);
    assert_int_equal(td_load_le16(b), 0x0201);
}

static void a_range_never_wraps(void **state)
{
    static const struct {
        uint32_t off, len, size;
        bool in;
    } rows[] = {
        { 0, 0, 0, true },  { 0, 1, 0, false },          { 4, 4, 8, true },
        { 4, 5, 8, false }, { UINT32_MAX, 1, 8, false }, { 1, UINT32_MAX, 8, false },
        { 8, 0, 8, true },  { 9, 0, 8, false },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++)
        assert_int_equal(td_range_in(rows[i].off, rows[i].len, rows[i].size), rows[i].in);
}

static void the_build_number_does_not_make_a_version_newer(void **state)
{
    struct td_version a = { 1, 2, 3, 4 }, b = { 1, 2, 3, 9 }, c = { 1, 2, 4, 0 };

    (void)state;
    assert_int_equal(td_version_cmp(&a, &b), 0);
    assert_true(td_version_cmp(&a, &c) < 0);
    assert_true(td_version_cmp(&c, &b) > 0);
}

static void a_source_refuses_what_lies_outside(void **state)
{
    uint8_t out[4] = { 9, 9, 9, 9 };
    struct td_source src = td_source_memory("abcd", 4);

    (void)state;
    assert_int_equal(td_source_read(&src, 2, out, 3), TD_ETRUNC);
    assert_int_equal(out[0], 9);
    assert_int_equal(td_source_read(&src, 2, out, 2), TD_OK);
    assert_memory_equal(out, "cd", 2);
}

static void every_error_has_a_sentence_and_a_name(void **state)
{
    (void)state;
    assert_string_equal(td_errname(TD_EFLASH), "TD_EFLASH");
    assert_string_equal(td_strerror(TD_ETRUNC), "the input ends too early");
    assert_non_null(td_strerror((enum td_err) - 9999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_match_their_published_check_values),
        cmocka_unit_test(a_checksum_in_pieces_equals_the_whole),
        cmocka_unit_test(base64_is_that_of_the_rfc),
        cmocka_unit_test(what_is_stored_is_loaded_again),
        cmocka_unit_test(a_range_never_wraps),
        cmocka_unit_test(the_build_number_does_not_make_a_version_newer),
        cmocka_unit_test(a_source_refuses_what_lies_outside),
        cmocka_unit_test(every_error_has_a_sentence_and_a_name),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
