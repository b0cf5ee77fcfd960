/* nsib/provision_write_test.c - what provision.py writes for the same wishes, and what is read of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hex_test.h"
#include "base/range.h"
#include "nsib/provision_write.h"

static const uint8_t prints[2][16] = {
    { 0xd6, 0xc2, 0x3e, 0x27, 0x44, 0xa8, 0x40, 0xcb, 0x3a, 0x5a, 0x14, 0xb6, 0x55, 0x4c, 0xce,
      0x7c },
    { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
};

/* The bytes are the vendor's script's: its example, then what its fields come to. */
static const struct {
    const char *says;
    struct td_provision_plan plan;
    const char *want;
} rows[] = {
    { "the example",
      { TD_PROVISION_HALFWORD, false, 0x9000, 0x15000, prints, 1, 4, 0, NULL },
      "00900000 00500100 01000000 fffffa50 d6c23e2744a840cb3a5a14b6554cce7c"
      "01000100 01000400 ffffffff ffffffff" },
    { "for a b0 until 2.6",
      { TD_PROVISION_HALFWORD, true, 0x9000, 0x15000, prints, 1, 2, 0, NULL },
      "00900000 00500100 01000000 ffffffff d6c23e2744a840cb3a5a14b6554cce7c"
      "01000100 01000200 ffffffff" },
    { "two keys, no counter",
      { TD_PROVISION_HALFWORD, false, 0x9000, 0x9000, prints, 2, 0, 0, NULL },
      "00900000 00900000 02000000 fffffa50 d6c23e2744a840cb3a5a14b6554cce7c"
      "fffffa51 0102030405060708090a0b0c0d0e0f10" },
    { "two counters, slots of words, a reference",
      { TD_PROVISION_WORD, false, 0xe000, 0x1a000, NULL, 0, 1, 1, "0123456789012-45678" },
      "00e00000 00a00100 00000000 01000200 01000100 ffffffff 02000100 ffffffff"
      "12930100 0113 303132333435363738393031322d3435363738 000000" },
};

static void each_plan_gives_the_scripts_bytes(void **state)
{
    uint8_t want[256], got[256];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t len = from_hex(rows[i].want, want);

        assert_int_equal(td_provision_write(&rows[i].plan, got, sizeof got), len);
        if (memcmp(got, want, len) != 0)
            fail_msg("%s", rows[i].says);
    }
}

static void what_does_not_fit_is_counted_and_nothing_behind_the_end_is_touched(void **state)
{
    uint8_t got[256];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t len = td_provision_write(&rows[i].plan, got, 0);

        for (size_t cap = 0; cap < len; cap++) {
            memset(got, 0x5a, sizeof got);
            assert_int_equal(td_provision_write(&rows[i].plan, got, cap), len);
            assert_int_equal(got[cap], 0x5a);
        }
    }
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct td_provision_plan *plan = &rows[i].plan;
        uint32_t s0 = td_provision_s0_off(plan->form);
        struct td_provision p;
        struct td_source src;
        uint8_t page[512];

        memset(page, 0xff, sizeof page);
        assert_true(td_provision_write(plan, page + s0, sizeof page - s0) < sizeof page - s0);
        src = td_source_memory(page, sizeof page);
        assert_int_equal(td_provision_read(&src, 0, plan->form, &p), TD_OK);
        assert_int_equal(p.s1_address, plan->s1_address);
        assert_int_equal(p.n_keys, plan->n_keys);
        assert_int_equal(p.n_counters, (plan->firmware_slots > 0) + (plan->mcuboot_slots > 0));
        assert_int_equal(p.has_variable_data, plan->psa_reference != NULL);
        for (uint32_t k = 0; k < p.n_keys; k++) {
            assert_int_equal(p.keys[k].token,
                             plan->old_tokens ? TD_TOKEN_VALID_OLD : TD_TOKEN_VALID);
            assert_memory_equal(p.keys[k].fingerprint, plan->prints[k], 16);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_plan_gives_the_scripts_bytes),
        cmocka_unit_test(what_does_not_fit_is_counted_and_nothing_behind_the_end_is_touched),
        cmocka_unit_test(what_was_written_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
