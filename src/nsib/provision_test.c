/* nsib/provision_test.c - provision data as the vendor's script writes it, and what it may become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/hex_test.h"
#include "base/range.h"
#include "nsib/provision.h"

/* S0 0x9000, S1 0x15000, one key, four counter slots. */
static const char sample_hex[] =
    "00900000 00500100 01000000 fffffa50 d6c23e2744a840cb3a5a14b6554cce7c"
    "01000100 01000400 ffffffff ffffffff";
#define S0     0x28u
#define TOKEN  (S0 + 12)
#define COUNT  (S0 + 32)
#define SLOTS  (S0 + 40)
#define SAMPLE 0x58u /* bytes of it all */

struct page {
    uint8_t bytes[0x280];
    struct td_source src;
};

static void build(struct page *p)
{
    memset(p->bytes, 0xff, sizeof p->bytes);
    from_hex(sample_hex, p->bytes + S0);
    p->src = td_source_memory(p->bytes, sizeof p->bytes);
}

static void the_vendors_example_is_read(void **state)
{
    static const uint8_t print[4] = { 0xd6, 0xc2, 0x3e, 0x27 };
    struct td_provision p;
    struct page page;

    (void)state;
    build(&page);
    assert_int_equal(td_provision_read(&page.src, 0, TD_PROVISION_HALFWORD, &p), TD_OK);
    assert_int_equal(p.s0_address, 0x9000);
    assert_int_equal(p.s1_address, 0x15000);
    assert_int_equal(p.n_keys, 1);
    assert_int_equal(p.keys[0].token, TD_TOKEN_VALID);
    assert_memory_equal(p.keys[0].fingerprint, print, 4);
    assert_int_equal(p.n_counters, 1);
    assert_int_equal(p.counters[0].what, TD_COUNTER_FIRMWARE);
    assert_int_equal(p.counters[0].n_slots, 4);
    assert_int_equal(p.counters[0].n_used, 0);
    assert_int_equal(p.counters[0].value, 0);
    assert_int_equal(p.life, TD_LIFE_ASSEMBLY);
    assert_int_equal(p.size, SAMPLE);
    assert_true(td_provision_is_plausible(&p));
}

static void counters_are_kept_inverted_up_to_the_first_free_slot(void **state)
{
    static const struct {
        const char *slots;
        uint16_t used;
        uint32_t value;
        bool has_gap;
    } rows[] = {
        { "f8ffffff ffffffff", 1, 7, false },   { "f9fff8ff ffffffff", 2, 7, false },
        { "f8fff9ff ffffffff", 2, 7, false },   { "fffff8ff ffffffff", 0, 0, true },
        { "feff fdff fcff fbff", 4, 4, false }, { "0000ffff ffffffff", 1, 0xffff, false },
        { "feff fdff ffff 0080", 2, 2, true },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_provision p;
        struct page page;

        build(&page);
        from_hex(rows[i].slots, page.bytes + SLOTS);
        assert_int_equal(td_provision_read(&page.src, 0, TD_PROVISION_HALFWORD, &p), TD_OK);
        assert_int_equal(p.counters[0].has_gap, rows[i].has_gap);
        if (p.counters[0].n_used != rows[i].used || p.counters[0].value != rows[i].value)
            fail_msg("row %zu: %u used, value %u", i, p.counters[0].n_used, p.counters[0].value);
    }
}

static void tokens_of_both_generations_are_told_apart(void **state)
{
    static const struct {
        uint32_t raw;
        enum td_key_token want;
        bool plausible;
    } rows[] = {
        { 0xffffffff, TD_TOKEN_VALID_OLD, true }, { 0xffff0000, TD_TOKEN_REVOKED_OLD, true },
        { 0x50faffff, TD_TOKEN_VALID, true },     { 0x50fa0000, TD_TOKEN_REVOKED, true },
        { 0x51faffff, TD_TOKEN_ODD, false },      { 0x00000000, TD_TOKEN_ODD, false },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_provision p;
        struct page page;

        build(&page);
        td_store_le32(page.bytes + TOKEN, rows[i].raw);
        assert_int_equal(td_provision_read(&page.src, 0, TD_PROVISION_HALFWORD, &p), TD_OK);
        assert_int_equal(p.keys[0].token, rows[i].want);
        assert_int_equal(td_provision_is_plausible(&p), rows[i].plausible);
    }
}

static void the_token_of_the_third_key_carries_its_index(void **state)
{
    uint8_t bytes[12 + 3 * 20] = { 0 };
    struct td_source src = td_source_memory(bytes, sizeof bytes);
    struct td_provision p;

    (void)state;
    from_hex("00900000 00900000 03000000", bytes);
    for (uint32_t i = 0; i < 3; i++)
        td_store_le32(bytes + 12 + 20 * i, 0x50faffff + (i << 24));
    assert_int_equal(td_provision_read(&src, 0, TD_PROVISION_BARE, &p), TD_OK);
    assert_int_equal(p.n_keys, 3);
    assert_int_equal(p.keys[2].token, TD_TOKEN_VALID);
    assert_int_equal(p.life, TD_LIFE_UNKNOWN);
    assert_int_equal(p.n_counters, 0);
}

static void life_goes_one_way(void **state)
{
    static const struct {
        const char *bytes;
        enum td_life_cycle want;
    } rows[] = {
        { "ffffffffffffffff", TD_LIFE_ASSEMBLY }, { "0000ffffffffffff", TD_LIFE_PROVISIONING },
        { "00000000ffffffff", TD_LIFE_SECURED },  { "00000000ffff0000", TD_LIFE_DECOMMISSIONED },
        { "ffff0000ffffffff", TD_LIFE_CORRUPT },  { "0100ffffffffffff", TD_LIFE_CORRUPT },
        { "0000ffffffff0000", TD_LIFE_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_provision p;
        struct page page;

        build(&page);
        from_hex(rows[i].bytes, page.bytes);
        assert_int_equal(td_provision_read(&page.src, 0, TD_PROVISION_HALFWORD, &p), TD_OK);
        assert_int_equal(p.life, rows[i].want);
    }
}

static void the_form_of_words_has_wider_fields(void **state)
{
    uint8_t bytes[0x80] = { 0 };
    struct td_source src = td_source_memory(bytes, sizeof bytes);
    struct td_provision p;

    (void)state;
    memset(bytes, 0xff, sizeof bytes);
    from_hex("00000000", bytes);
    from_hex("00d00000 00500100 00000000 01000100 01000300 f8ffffff f7ffffff ffffffff"
             "1293 0100 01 03 616263 0000 00",
             bytes + 0x30);
    assert_int_equal(td_provision_read(&src, 0, TD_PROVISION_WORD, &p), TD_OK);
    assert_int_equal(p.life, TD_LIFE_PROVISIONING);
    assert_int_equal(p.counters[0].n_slots, 3);
    assert_int_equal(p.counters[0].n_used, 2);
    assert_int_equal(p.counters[0].value, 8);
    assert_true(p.has_variable_data);
    assert_int_equal(p.size, 0x30 + 12 + 8 + 12 + 12);
}

static void what_no_device_reads_is_an_error(void **state)
{
    static const struct {
        uint32_t off, value;
        enum td_err want;
    } rows[] = {
        { S0 + 8, 17, TD_EFORMAT },
        { S0 + 8, 0xffffffff, TD_EFORMAT },
        { COUNT, 0x00050001, TD_EFORMAT },
        { COUNT + 4, 0x00030001, TD_EFORMAT },
        { COUNT + 4, 0x07fe0001, TD_ETRUNC },
        { COUNT + 4, 0xfffe0001, TD_EFORMAT }, // more than any area holds
        { COUNT, 0xffff9312, TD_EFORMAT },
        { COUNT, 0x00020001, TD_OK },
        { S0 + 8, 16, TD_OK },
        { COUNT, 0x00000001, TD_OK },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_provision p;
        struct page page;
        enum td_err err;

        build(&page);
        td_store_le32(page.bytes + rows[i].off, rows[i].value);
        err = td_provision_read(&page.src, 0, TD_PROVISION_HALFWORD, &p);
        // Two counters: what follows the first is erased, so its description is not known.
        if (rows[i].value == 0x00020001 ? err == TD_EARG : err != rows[i].want)
            fail_msg("row %zu: %s", i, td_errname(err));
    }
}

static void it_never_reads_past_the_end_and_never_unaligned(void **state)
{
    struct td_provision p;
    struct page page;

    (void)state;
    build(&page);
    assert_int_equal(td_provision_read(&page.src, 2, TD_PROVISION_HALFWORD, &p), TD_EARG);
    for (uint32_t size = 0; size < SLOTS + 8; size += 4) {
        uint8_t *copy = malloc(size + 1);
        struct td_source src = td_source_memory(copy, size);
        enum td_err err;

        assert_non_null(copy);
        memcpy(copy, page.bytes, size);
        err = td_provision_read(&src, 0, TD_PROVISION_HALFWORD, &p);
        // Without the counters it is whole as well.
        assert_int_equal(err, size == COUNT ? TD_OK : TD_ETRUNC);
        free(copy);
    }
}

static void a_fingerprint_with_a_hole_is_seen(void **state)
{
    struct td_provision p;
    struct page page;

    (void)state;
    build(&page);
    td_store_le16(page.bytes + TOKEN + 4 + 6, 0xffff);
    assert_int_equal(td_provision_read(&page.src, 0, TD_PROVISION_HALFWORD, &p), TD_OK);
    assert_true(p.keys[0].has_hole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vendors_example_is_read),
        cmocka_unit_test(counters_are_kept_inverted_up_to_the_first_free_slot),
        cmocka_unit_test(tokens_of_both_generations_are_told_apart),
        cmocka_unit_test(the_token_of_the_third_key_carries_its_index),
        cmocka_unit_test(life_goes_one_way),
        cmocka_unit_test(the_form_of_words_has_wider_fields),
        cmocka_unit_test(what_no_device_reads_is_an_error),
        cmocka_unit_test(it_never_reads_past_the_end_and_never_unaligned),
        cmocka_unit_test(a_fingerprint_with_a_hole_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
