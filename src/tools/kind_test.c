/* tools/kind_test.c - files by their first bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/range.h"
#include "tools/kind.h"

#define ROW(text, want)                                                                            \
    {                                                                                              \
        text, sizeof text - 1, want                                                                \
    }

static void each_kind_has_its_mark(void **state)
{
    static const struct {
        const char *head;
        size_t len;
        enum td_kind want;
    } rows[] = {
        ROW("", TD_KIND_EMPTY),
        ROW("I: Starting bootloader\n", TD_KIND_TEXT),
        ROW("\x1b[0mE: red\x1b[0m\r\n", TD_KIND_TEXT),
        ROW("\x06\x09"
            "ABAKAAAGAABCAKFhZGJoaZsK\n",
            TD_KIND_TEXT),
        ROW("CONFIG_BT=y\n", TD_KIND_TEXT),
        ROW("btsnoop\0\0\0\0\1", TD_KIND_CAPTURE),
        ROW("\xd4\xc3\xb2\xa1\2\0\4\0", TD_KIND_CAPTURE),
        ROW("\x0a\x0d\x0d\x0a\x1c\0\0\0", TD_KIND_CAPTURE),
        ROW("\x3d\xb8\xf3\x96\0\0\0\0", TD_KIND_IMAGE),
        ROW(":020000040000FA\n:00000001FF\n", TD_KIND_HEX),
        ROW("\r\n:10C0000000112233\n", TD_KIND_HEX),
        ROW(": a list\n", TD_KIND_TEXT),
        ROW("PK\3\4\x14\0\0\0", TD_KIND_ZIP),
        ROW("PK\5\6\0\0\0\0", TD_KIND_ZIP),
        ROW("\x1e\0\xa1\x63img\x81\xa2", TD_KIND_MULTI),
        ROW("\177ELF\1\1\1\0", TD_KIND_ELF),
        ROW("\0\0\x01\x20\x01\xc3\0\0", TD_KIND_FLASH),
        ROW("\xff\xff\xff\xff\xff\xff\xff\xff", TD_KIND_FLASH),
        ROW("\xff\xfeI\0:\0 \0", TD_KIND_TEXT),
        ROW("\xfe\xff\0I\0:\0 ", TD_KIND_TEXT),
        ROW("I\0:\0 \0S\0\r\0\n\0", TD_KIND_TEXT),
        ROW("\0I\0:\0 \0S\0\r\0\n", TD_KIND_TEXT),
        ROW("\0\1\0\2\0\3\0\4", TD_KIND_FLASH),
        ROW("\x1f\x8b\x08\0\0\0\0\0", TD_KIND_GZIP),
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++)
        if (td_kind_of((const uint8_t *)rows[i].head, rows[i].len) != rows[i].want)
            fail_msg("row %zu", i);
}

static void a_mark_that_is_cut_off_is_none(void **state)
{
    static const uint8_t zip[] = "PK\3\4";

    (void)state;
    for (size_t len = 1; len < 4; len++)
        assert_int_not_equal(td_kind_of(zip, len), TD_KIND_ZIP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_mark),
        cmocka_unit_test(a_mark_that_is_cut_off_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
