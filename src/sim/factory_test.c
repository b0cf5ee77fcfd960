/* Provision data of a virtual device: as Nordic's script writes them, read as a first stage does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/source.h"
#include "sim/factory.h"
#include "sim/otp.h"
#include "sim/nor.h"

/* The key of RFC 6979, A.2.5: X and Y. */
static const uint8_t rfc_key[64] = {
    0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb, 0x74, 0xc6, 0x35, 0x6d, 0x68,
    0xc0, 0x49, 0xb8, 0x92, 0x3b, 0x61, 0xfa, 0x6c, 0xe6, 0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6,
    0x79, 0x03, 0xfe, 0x10, 0x08, 0xb8, 0xbc, 0x99, 0xa4, 0x1a, 0xe9, 0xe9, 0x56, 0x28, 0xbc, 0x64,
    0xf2, 0xf1, 0xb2, 0x0c, 0x2d, 0x7e, 0x9f, 0x51, 0x77, 0xa3, 0xc2, 0x94, 0xd4, 0x46, 0x22, 0x99,
};

static struct sim_profile profile_of(enum sim_provision_form form, enum sim_tokens tokens)
{
    struct sim_profile p;

    memset(&p, 0, sizeof p);
    p.part[SIM_PART_S0].off = 0x9000;
    p.part[SIM_PART_S1].off = 0x15000;
    p.first.present = true;
    p.first.form = form;
    p.first.tokens = tokens;
    p.first.n_keys = 1;
    p.first.counter_slots = 4;
    memcpy(p.first.key[0], rfc_key, sizeof rfc_key);
    return p;
}

static void what_is_written_is_what_provision_py_writes(void **state)
{
    /* scripts/bootloader/provision.py, S0 0x9000, S1 0x15000, this key, 4 slots: from 0x28 on */
    static const uint8_t want[] = {
        0x00, 0x90, 0x00, 0x00, 0x00, 0x50, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00,
        0xff, 0xff, 0xfa, 0x50, 0xd6, 0xc2, 0x3e, 0x27, 0x44, 0xa8, 0x40, 0xcb,
        0x3a, 0x5a, 0x14, 0xb6, 0x55, 0x4c, 0xce, 0x7c, 0x01, 0x00, 0x01, 0x00,
        0x01, 0x00, 0x04, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };
    const struct sim_profile p = profile_of(SIM_PROVISION_HALFWORD, SIM_TOKENS_YOUNG);
    uint8_t out[SIM_PROVISION_MAX];

    (void)state;
    assert_int_equal(sim_factory_provision(&p, out, sizeof out), 0x28 + sizeof want);
    assert_memory_equal(out + 0x28, want, sizeof want);
    assert_int_equal(sim_factory_provision(&p, out, 0x28 + sizeof want - 1), 0);
}

static void each_form_reads_back_as_what_the_profile_says(void **state)
{
    static const struct {
        enum sim_provision_form form;
        enum sim_tokens tokens;
        enum td_key_token token;
        enum td_life_cycle life;
    } rows[] = {
        { SIM_PROVISION_HALFWORD, SIM_TOKENS_YOUNG, TD_TOKEN_VALID, TD_LIFE_SECURED },
        { SIM_PROVISION_HALFWORD, SIM_TOKENS_OLD, TD_TOKEN_VALID_OLD, TD_LIFE_SECURED },
        { SIM_PROVISION_WORD, SIM_TOKENS_YOUNG, TD_TOKEN_VALID, TD_LIFE_SECURED },
        { SIM_PROVISION_BARE, SIM_TOKENS_OLD, TD_TOKEN_VALID_OLD, TD_LIFE_UNKNOWN },
    };
    uint8_t out[SIM_PROVISION_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sim_profile p = profile_of(rows[i].form, rows[i].tokens);
        size_t len = sim_factory_provision(&p, out, sizeof out);
        struct td_source src = td_source_memory(out, (uint32_t)len);
        struct td_provision found;

        assert_int_equal(td_provision_read(&src, 0, sim_factory_form(&p), &found), TD_OK);
        assert_int_equal(found.s0_address, 0x9000);
        assert_int_equal(found.s1_address, 0x15000);
        assert_int_equal(found.n_keys, 1);
        assert_int_equal(found.keys[0].token, rows[i].token);
        assert_int_equal(found.life, rows[i].life);
        assert_int_equal(found.counters[0].n_slots, 4);
        assert_int_equal(found.counters[0].n_used, 0);
    }
}

static void an_otp_takes_each_halfword_once_and_answers_to_words(void **state)
{
    static const struct td_flash_run runs[] = { { 1, 64 } };
    static const struct sim_nor_model model = {
        .name = "otp",
        .runs = runs,
        .n_runs = 1,
        .erased = 0xff,
        .budget = 1,
        .write_size = 2,
        .write_us = 1,
        .write_unit = 2,
        .erase_unit = 64,
    };
    static uint8_t bytes[64], meta[4096];
    struct sim_power power = { .ops = 0 };
    struct sim_nor nor;
    struct td_flash_area area;
    struct td_nsib_store store;
    uint32_t word = 0;

    (void)state;
    assert_true(sim_nor_meta_size(&model) <= sizeof meta);
    sim_nor_init(&nor, &model, bytes, meta, &power, 1);
    area = (struct td_flash_area){ &nor.dev, 0, 64 };
    store = sim_otp_store(&area);
    assert_int_equal(store.program(&store, 6, 0x50fa, 2), TD_OK);
    assert_int_equal(store.read(&store, 4, &word), TD_OK);
    assert_int_equal(word, 0x50faffffu);
    assert_int_equal(store.program(&store, 4, 0, 2), TD_OK);
    assert_int_equal(store.program(&store, 4, 0, 2), TD_EBUDGET);
    assert_int_equal(store.read(&store, 4, &word), TD_OK);
    assert_int_equal(word, 0x50fa0000u);
    assert_int_equal(store.read(&store, 6, &word), TD_EREAD);
    assert_int_equal(store.read(&store, 64, &word), TD_EREAD);
    assert_int_equal(power.ops, 2); // what was refused is none
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_what_provision_py_writes),
        cmocka_unit_test(each_form_reads_back_as_what_the_profile_says),
        cmocka_unit_test(an_otp_takes_each_halfword_once_and_answers_to_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
