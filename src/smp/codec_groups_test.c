/* Messages of statistics, settings, files, shell and enumeration, as hostile devices send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "base/range.h"
#include "smp/enum.h"
#include "smp/error.h"
#include "smp/fs.h"
#include "smp/settings.h"
#include "smp/shell.h"
#include "smp/stat.h"

/* Each reads a whole message, to the end of its list where there is one. */

static enum td_err read_show(const uint8_t *p, size_t n)
{
    struct td_stat_show show;
    struct td_stat_field field;
    bool end = false;
    enum td_err err = td_stat_show_get_begin(p, n, &show);

    while (err == TD_OK && !end)
        err = td_stat_show_get(&show, &field, &end);
    return err;
}

static enum td_err read_names(const uint8_t *p, size_t n)
{
    struct td_stat_list list;
    struct td_cbor_text name;
    bool end = false;
    enum td_err err = td_stat_list_get_begin(p, n, &list);

    while (err == TD_OK && !end)
        err = td_stat_list_get(&list, &name, &end);
    return err;
}

static enum td_err read_types(const uint8_t *p, size_t n)
{
    struct td_fs_types types;
    struct td_fs_type type;
    bool end = false;
    enum td_err err = td_fs_types_get_begin(p, n, &types);

    while (err == TD_OK && !end)
        err = td_fs_types_get(&types, &type, &end);
    return err;
}

static enum td_err read_words(const uint8_t *p, size_t n)
{
    struct td_shell_exec exec;
    struct td_cbor_text word;
    bool end = false;
    enum td_err err = td_shell_exec_get_begin(p, n, &exec);

    while (err == TD_OK && !end)
        err = td_shell_exec_get(&exec, &word, &end);
    return err;
}

static enum td_err read_hash(const uint8_t *p, size_t n)
{
    struct td_fs_hash_rsp rsp;

    return td_fs_hash_rsp_get(p, n, &rsp);
}

static enum td_err read_value(const uint8_t *p, size_t n)
{
    struct td_settings_read_rsp rsp;

    return td_settings_read_rsp_get(p, n, &rsp);
}

static enum td_err read_chunk(const uint8_t *p, size_t n)
{
    struct td_fs_download_rsp rsp;

    return td_fs_download_rsp_get(p, n, &rsp);
}

static void what_is_not_the_answer_is_refused(void **state)
{
    static const struct {
        const char *says;
        enum td_err (*read)(const uint8_t *p, size_t n);
        const char *hex;
        enum td_err want;
    } rows[] = {
        { "counters", read_show, "a1666669656c6473a1617805", TD_OK },
        { "no counters", read_show, "a0", TD_EFORMAT },
        { "a counter below zero", read_show, "a1666669656c6473a1617820", TD_EFORMAT },
        { "a counter that is a text", read_show, "a1666669656c6473a161786130", TD_EFORMAT },
        { "a counter without a name", read_show, "a1666669656c6473a10505", TD_EFORMAT },
        { "names", read_names, "a169737461745f6c697374816161", TD_OK },
        { "no list of names", read_names, "a0", TD_EFORMAT },
        { "a name that is a number", read_names, "a169737461745f6c6973748101", TD_EFORMAT },
        { "a list that does not end", read_names, "a169737461745f6c6973749f6161", TD_ETRUNC },
        { "types", read_types, "a1657479706573a16178a266666f726d6174016473697a6504", TD_OK },
        { "no types", read_types, "a0", TD_EFORMAT },
        { "a type without a size", read_types, "a1657479706573a16178a166666f726d617401",
          TD_EFORMAT },
        { "words", read_words, "a16461726776826161 6162", TD_OK },
        { "no words", read_words, "a0", TD_EFORMAT },
        { "a word that is a number", read_words, "a1646172677682616105", TD_EFORMAT },
        { "a checksum", read_hash, "a1666f757470757405", TD_OK },
        { "a hash", read_hash, "a1666f75747075744105", TD_OK },
        { "a hash that is a text", read_hash, "a1666f75747075746105", TD_EFORMAT },
        { "a checksum beyond 32 bits", read_hash, "a1666f75747075741b0000000100000000",
          TD_EFORMAT },
        { "a value", read_value, "a16376616c4105", TD_OK },
        { "a value that is a text", read_value, "a16376616c6105", TD_EFORMAT },
        { "a chunk at 8 GB", read_chunk, "a2636f66661b00000002000000006464617461 40", TD_OK },
        { "an offset below zero", read_chunk, "a1636f666620", TD_EFORMAT },
        { "an offset twice", read_chunk, "a2636f666600636f666600", TD_EFORMAT },
    };
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t n = from_hex(rows[i].hex, bytes);

        if (rows[i].read(bytes, n) != rows[i].want)
            fail_msg("%s: %d", rows[i].says, rows[i].read(bytes, n));
        for (size_t cut = 1; rows[i].want == TD_OK && cut < n; cut++)
            if (rows[i].read(bytes, cut) == TD_OK)
                fail_msg("%s, cut to %zu", rows[i].says, cut);
    }
}

static void what_a_command_returned_is_found_under_either_key(void **state)
{
    static const struct {
        const char *says, *hex;
        bool has_output, has_ret, as_rc;
        int32_t ret;
    } rows[] = {
        { "now", "a2616f616163726574 27", true, true, false, -8 },
        { "before", "a2616f6161627263 27", true, true, true, -8 },
        { "both: rc is somebody else's", "a3616f6161627263056372657400", true, true, false, 0 },
        { "refused", "a162726303", false, false, false, 0 },
    };
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t n = from_hex(rows[i].hex, bytes);
        struct td_shell_exec_rsp rsp;

        if (td_shell_exec_rsp_get(bytes, n, &rsp) != TD_OK ||
            rsp.has_output != rows[i].has_output || rsp.has_ret != rows[i].has_ret ||
            rsp.as_rc != rows[i].as_rc || rsp.ret != rows[i].ret)
            fail_msg("%s", rows[i].says);
    }
}

/* As Zephyr's tables have it (grp/<group>/src, the functions that translate). */
static void codes_of_these_groups_become_the_old_rc(void **state)
{
    static const struct {
        uint16_t group;
        uint32_t n;
        uint8_t rc[18];
    } rows[] = {
        { TD_SMP_GROUP_STAT, 6, { 0, 1, 5, 5, 3, 1 } },
        { TD_SMP_GROUP_SETTINGS, 9, { 0, 1, 3, 5, 5, 1, 1, 1, 1 } },
        { TD_SMP_GROUP_FS, 18, { 0, 1, 3, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 5, 1, 1, 1 } },
        { TD_SMP_GROUP_SHELL, 4, { 0, 1, 3, 3 } },
        { TD_SMP_GROUP_ENUM, 5, { 0, 1, 3, 1, 1 } },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        for (uint32_t code = 0; code < rows[i].n; code++) {
            assert_int_equal(td_smp_v1_rc(rows[i].group, code), rows[i].rc[code]);
            assert_string_not_equal(td_smp_group_error_name(rows[i].group, code), "?");
        }
        assert_int_equal(td_smp_v1_rc(rows[i].group, rows[i].n), TD_SMP_RC_UNKNOWN);
        assert_string_equal(td_smp_group_error_name(rows[i].group, rows[i].n), "?");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_the_answer_is_refused),
        cmocka_unit_test(what_a_command_returned_is_found_under_either_key),
        cmocka_unit_test(codes_of_these_groups_become_the_old_rc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
