/* image/fw_info_test.c - a firmware as the vendor's scripts sign it, and ways to be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/hex_test.h"
#include "base/range.h"
#include "image/fw_info.h"

#define SIZE    0x1002u
#define INFO    0x200u
#define TRAILER 0x1004u

static const char info_hex[] = "dee61e28 4cbbce8f 02340000 3c000000 02100000 03000000 00920000"
                               "00920000 ffff0291 00000000 00000000 00000000 00000000 00000000"
                               "00000000";
static const char key_hex[] = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                              "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
static const char hash_hex[] = "41e4501fe9ef30a0b19e753251ae94760f64ede8413e1487200d9f460a1ac360";
static const char sig_hex[] = "09537833e72c80755e08b2e15f755d2e82ba1b3c0616b322cd667ad868a27c70"
                              "f8545292ca491ecd182e3eb3b282e7753168dade839782234156555cd3b10bb2";

struct firmware {
    uint8_t bytes[0x1200];
    struct td_source src;
};

/* The vector: a ramp of bytes, a vector table, fw_info, and the validation info behind it. */
static void build(struct firmware *f)
{
    memset(f->bytes, 0xff, sizeof f->bytes);
    for (uint32_t i = 0; i < SIZE; i++)
        f->bytes[i] = (uint8_t)(7 * i);
    td_store_le32(f->bytes, 0x20001000);
    td_store_le32(f->bytes + 4, 0x00009501);
    assert_int_equal(from_hex(info_hex, f->bytes + INFO), TD_FW_INFO_SIZE);
    from_hex("dee61e28 83845186 02340100 00920000", f->bytes + TRAILER);
    from_hex(hash_hex, f->bytes + TRAILER + 16);
    from_hex(key_hex, f->bytes + TRAILER + 48);
    from_hex(sig_hex, f->bytes + TRAILER + 112);
    f->src = td_source_memory(f->bytes, TRAILER + TD_FW_VALIDATION_SIZE);
}

static void the_structure_is_found_and_read(void **state)
{
    struct td_fw_info info;
    struct firmware f;

    (void)state;
    build(&f);
    assert_int_equal(td_fw_info_find(&f.src, 0, TD_FW_SEARCH_2019, &info), TD_OK);
    assert_int_equal(info.off, INFO);
    assert_int_equal(info.compat.soc, 52);
    assert_int_equal(info.compat.format, 2);
    assert_int_equal(info.size, SIZE);
    assert_int_equal(info.version, 3);
    assert_int_equal(info.address, 0x9200);
    assert_int_equal(info.boot_address, 0x9200);
    assert_int_equal(info.valid, TD_FW_VALID);
}

static void each_generation_tries_its_own_offsets(void **state)
{
    static const struct {
        uint32_t off;
        bool found[3];
    } rows[] = {
        { 0x0, { false, true, true } },    { 0x200, { true, true, true } },
        { 0x400, { true, true, true } },   { 0x600, { false, false, true } },
        { 0x800, { true, true, true } },   { 0xe00, { false, false, true } },
        { 0x1000, { false, true, true } }, { 0xa00, { false, false, false } },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        for (unsigned who = 0; who < 3; who++) {
            uint8_t bytes[0x1100] = { 0 };
            struct td_source src = td_source_memory(bytes, sizeof bytes);
            struct td_fw_info info;

            from_hex(info_hex, bytes + rows[i].off);
            assert_int_equal(td_fw_info_find(&src, 0, (enum td_fw_search)who, &info),
                             rows[i].found[who] ? TD_OK : TD_ENOTFOUND);
        }
    }
}

static void hash_signature_and_fingerprint_are_the_vendors(void **state)
{
    struct td_fw_validation v;
    uint8_t hash[32], want[32], print[16];
    struct firmware f;

    (void)state;
    build(&f);
    assert_int_equal(td_fw_validation_read(&f.src, SIZE, &v), TD_OK);
    assert_int_equal(v.off, TRAILER);
    assert_int_equal(v.address, 0x9200);
    assert_int_equal(td_fw_hash(&f.src, 0, SIZE, hash), TD_OK);
    from_hex(hash_hex, want);
    assert_memory_equal(hash, want, 32);
    assert_memory_equal(v.hash, want, 32);
    assert_int_equal(td_fw_verify(&v, hash, &td_sig_ecdsa_p256), TD_OK);
    td_fw_fingerprint(v.key, print);
    from_hex("d6c23e2744a840cb3a5a14b6554cce7c", want);
    assert_memory_equal(print, want, 16);
    hash[0] ^= 1;
    assert_int_equal(td_fw_verify(&v, hash, &td_sig_ecdsa_p256), TD_ESIG);
    hash[0] ^= 1;
    v.key[5] ^= 1;
    assert_int_equal(td_fw_verify(&v, hash, &td_sig_ecdsa_p256), TD_EKEY);
}

static void a_signature_of_small_numbers_is_only_wrong(void **state)
{
    struct td_fw_validation v = { .off = 0 };
    uint8_t hash[32] = { 0 };

    (void)state;
    from_hex(key_hex, v.key);
    assert_int_equal(td_fw_verify(&v, hash, &td_sig_ecdsa_p256), TD_ESIG);
    v.sig[31] = 1;
    v.sig[63] = 0x80;
    assert_int_equal(td_fw_verify(&v, hash, &td_sig_ecdsa_p256), TD_ESIG);
}

static void each_way_to_contradict_itself_is_an_error(void **state)
{
    static const struct {
        uint32_t off, value;
        enum td_err want;
    } rows[] = {
        { 0, 0x281ee6df, TD_ENOTFOUND }, { 4, 0x86518483, TD_ENOTFOUND },
        { 8, 0x00003401, TD_EFORMAT },   { 12, 56, TD_EFORMAT },
        { 12, 62, TD_EFORMAT },          { 12, 0x2000, TD_EFORMAT },
        { 16, 59, TD_EFORMAT },          { 52, 1, TD_EFORMAT },
        { 52, 0xffffffff, TD_EFORMAT },  { 56, 1, TD_EFORMAT },
        { 56, 0x80000000u, TD_EFORMAT }, { 32, 0x91020000, TD_OK },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_fw_info info;
        struct firmware f;

        build(&f);
        td_store_le32(f.bytes + INFO + rows[i].off, rows[i].value);
        if (td_fw_info_read(&f.src, INFO, &info) != rows[i].want)
            fail_msg("row %zu", i);
    }
}

static void what_is_cut_off_is_an_error(void **state)
{
    struct td_fw_validation v;
    struct td_fw_info info;
    struct firmware f;
    uint8_t hash[32];

    (void)state;
    build(&f);
    for (uint32_t size = INFO; size < INFO + TD_FW_INFO_SIZE; size++) {
        f.src.size = size;
        assert_int_equal(td_fw_info_read(&f.src, INFO, &info), TD_ETRUNC);
    }
    f.src.size = TRAILER + TD_FW_VALIDATION_SIZE - 1;
    assert_int_equal(td_fw_validation_read(&f.src, SIZE, &v), TD_ETRUNC);
    f.src.size = TRAILER + TD_FW_MAGIC_SIZE - 1;
    assert_int_equal(td_fw_validation_read(&f.src, SIZE, &v), TD_ENOTFOUND);
    f.src.size = SIZE - 1;
    assert_int_equal(td_fw_hash(&f.src, 0, SIZE, hash), TD_ETRUNC);
    assert_int_equal(td_fw_validation_read(&f.src, UINT32_MAX, &v), TD_ENOTFOUND);
}

static void validation_info_is_looked_for_at_five_offsets(void **state)
{
    (void)state;
    for (uint32_t shift = 0; shift <= 6; shift++) {
        uint8_t bytes[TD_FW_VALIDATION_SIZE + 8];
        struct td_source src = td_source_memory(bytes, sizeof bytes);
        struct td_fw_validation v;

        memset(bytes, 0xff, sizeof bytes);
        from_hex("dee61e28 83845186 02340100", bytes + shift);
        assert_int_equal(td_fw_validation_read(&src, 0, &v), shift <= 4 ? TD_OK : TD_ENOTFOUND);
    }
}

static void the_form_of_another_algorithm_is_named_as_such(void **state)
{
    struct td_fw_validation v;
    struct firmware f;

    (void)state;
    build(&f);
    td_store_le32(f.bytes + TRAILER + 8, 0x00023602);
    assert_int_equal(td_fw_validation_read(&f.src, SIZE, &v), TD_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_structure_is_found_and_read),
        cmocka_unit_test(each_generation_tries_its_own_offsets),
        cmocka_unit_test(hash_signature_and_fingerprint_are_the_vendors),
        cmocka_unit_test(a_signature_of_small_numbers_is_only_wrong),
        cmocka_unit_test(each_way_to_contradict_itself_is_an_error),
        cmocka_unit_test(what_is_cut_off_is_an_error),
        cmocka_unit_test(validation_info_is_looked_for_at_five_offsets),
        cmocka_unit_test(the_form_of_another_algorithm_is_named_as_such),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
