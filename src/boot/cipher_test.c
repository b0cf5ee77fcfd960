/* boot/cipher_test.c - imgtool's encrypted images between two slots, and keys that stay out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/range.h"
#include "boot/boot_priv.h"
#include "boot/cipher.h"
#include "image/golden_test.h"
#include "sim/nor.h"

#define SLOT         16384u
#define P_OFF        0u
#define X_OFF        32768u
#define SCRATCH_OFF  57344u
#define SECTOR       2048u
#define FLASH        65536u
#define PAYLOAD      32u
#define PAYLOAD_SIZE 1008u

static struct file device_key, signer, clear, sealed, plain;
static uint8_t sealed_key[16], clear_key[32]; /* the content keys of both images */
static struct td_image_unwrap unwrap;
static struct td_image_key key;

struct rig {
    struct sim_power power;
    struct sim_nor nor;
    uint8_t *bytes, *meta;
    struct td_flash_area p, x, scratch;
    struct td_boot_slots slots;
    struct td_boot_config config;
    struct td_boot_work work;
    struct td_boot_result result;
    struct td_boot_run run;
};

static void content_key(const struct file *f, uint8_t *out, size_t len)
{
    struct td_source src = td_source_memory(f->bytes, f->size);
    uint8_t value[TD_ENC_TLV_MAX];
    struct td_image img;
    uint16_t n;

    assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_OK);
    assert_int_equal(td_image_wrapped_key(&src, &img, &unwrap, value, &n, NULL), TD_OK);
    assert_int_equal(unwrap.alg->unwrap(unwrap.key, unwrap.len, value, n, out, len), TD_OK);
}

static int load_files(void **state)
{
    (void)state;
    load(&device_key, "keys/x25519.priv.der");
    load(&signer, "keys/ed25519.pub.der");
    load(&clear, "clear-x25519-256.img");
    load(&sealed, "enc-x25519-128.img");
    load(&plain, "payload.bin");
    unwrap =
        (struct td_image_unwrap){ &td_enc_x25519, device_key.bytes, (uint16_t)device_key.size };
    key = (struct td_image_key){ signer.bytes, (uint16_t)signer.size };
    content_key(&sealed, sealed_key, sizeof sealed_key);
    content_key(&clear, clear_key, sizeof clear_key);
    return 0;
}

/* P runs the image made with --clear, X has the encrypted one. */
static struct rig *rig_new(const struct td_strategy *strategy)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->bytes = malloc(sim_nor_size(&sim_nor_stm32l4));
    r->meta = malloc(sim_nor_meta_size(&sim_nor_stm32l4));
    assert_non_null(r->bytes);
    assert_non_null(r->meta);
    sim_power_on(&r->power);
    sim_nor_init(&r->nor, &sim_nor_stm32l4, r->bytes, r->meta, &r->power, 1);
    r->p = (struct td_flash_area){ &r->nor.dev, P_OFF, SLOT };
    r->x = (struct td_flash_area){ &r->nor.dev, X_OFF, SLOT };
    r->scratch = (struct td_flash_area){ &r->nor.dev, SCRATCH_OFF, 2 * SECTOR };
    r->slots =
        (struct td_boot_slots){ .primary = &r->p, .secondary = &r->x, .scratch = &r->scratch };
    r->config = (struct td_boot_config){
        .images = &r->slots,
        .n_images = 1,
        .strategy = strategy,
        .policy = { .hash = &td_sha256,
                    .sig = &td_sig_ed25519,
                    .keys = &key,
                    .n_keys = 1,
                    .unwrap = &unwrap },
        .max_align = 8,
        .max_sectors = 8,
    };
    assert_int_equal(td_boot_check(&r->config), TD_OK);
    sim_nor_program(&r->nor, P_OFF, clear.bytes, clear.size);
    sim_nor_program(&r->nor, X_OFF + (strategy == &td_strategy_offset ? SECTOR : 0), sealed.bytes,
                    sealed.size);
    r->run = td_boot_run_of(&r->config, &r->work, &r->result, 0);
    td_boot_setup(&r->run);
    return r;
}

static void rig_free(struct rig *r)
{
    free(r->bytes);
    free(r->meta);
    free(r);
}

static void ask(struct rig *r, enum td_swap_type type)
{
    const struct td_trailer *t = &r->run.secondary;

    assert_int_equal(td_trailer_write_swap_info(t, type, 0), TD_OK);
    if (type == TD_SWAP_PERM)
        assert_int_equal(td_trailer_write_image_ok(t), TD_OK);
    assert_int_equal(td_trailer_write_magic(t), TD_OK);
}

static bool has(const struct rig *r, const uint8_t *what, size_t len)
{
    for (uint32_t at = 0; at + len <= FLASH; at++) {
        if (memcmp(r->bytes + at, what, len) == 0)
            return true;
    }
    return false;
}

static void no_key_is_in_flash(const struct rig *r)
{
    assert_false(has(r, sealed_key, sizeof sealed_key));
    assert_false(has(r, clear_key, sizeof clear_key));
}

/* The plain payload is in P alone: not in X, not in scratch. */
static void x_holds_no_plain_payload(const struct rig *r)
{
    for (uint32_t at = X_OFF; at + 64 <= FLASH; at++) {
        if (memcmp(r->bytes + at, plain.bytes + 128, 64) == 0)
            fail_msg("plain payload at 0x%x", at);
    }
}

static bool is_at(const struct rig *r, uint32_t off, const struct file *f)
{
    return memcmp(r->bytes + off, f->bytes, f->size) == 0;
}

/* f with its payload encrypted, or decrypted, by its own key. */
static struct file *turned(const struct file *f, const uint8_t *content, size_t len)
{
    struct file *t = malloc(sizeof *t);
    struct td_aes_ctr ctr;

    assert_non_null(t);
    *t = *f;
    td_aes_ctr_init(&ctr, content, len);
    td_aes_ctr_run(&ctr, 0, t->bytes + PAYLOAD, PAYLOAD_SIZE);
    return t;
}

static enum td_err boot(struct rig *r)
{
    static const struct td_boot_cipher nothing[2];
    enum td_err err = td_boot_go(&r->config, &r->work, &r->result);

    if (err == TD_OK)
        assert_memory_equal(r->work.cipher, nothing, sizeof nothing);
    return err;
}

static void a_swap_decrypts_one_way_and_encrypts_the_other_and_back(void **state)
{
    static const struct {
        const struct td_strategy *strategy;
        uint32_t in; /* where a new image begins in X */
    } ways[] = { { &td_strategy_move, 0 },
                 { &td_strategy_scratch, 0 },
                 { &td_strategy_offset, SECTOR } };
    struct file *clear_sealed = turned(&clear, clear_key, sizeof clear_key);
    struct file *sealed_clear = turned(&sealed, sealed_key, sizeof sealed_key);

    (void)state;
    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        struct rig *r = rig_new(ways[i].strategy);

        ask(r, TD_SWAP_TEST);
        assert_int_equal(boot(r), TD_OK);
        assert_int_equal(r->result.did, TD_SWAP_TEST);
        assert_true(is_at(r, P_OFF, sealed_clear));
        assert_true(is_at(r, X_OFF, clear_sealed));
        x_holds_no_plain_payload(r);
        no_key_is_in_flash(r);
        assert_int_equal(boot(r), TD_OK);
        assert_int_equal(r->result.did, TD_SWAP_REVERT);
        assert_true(is_at(r, P_OFF, &clear));
        assert_true(is_at(r, X_OFF + ways[i].in, &sealed));
        no_key_is_in_flash(r);
        rig_free(r);
    }
    free(clear_sealed);
    free(sealed_clear);
}

/* Cuts a permanent update at every operation, in one way; how many cuts there were. */
static uint32_t cut_everywhere(const struct td_strategy *strategy, enum sim_cut kind,
                               const struct file *want)
{
    bool was_cut = true;
    uint32_t op;

    for (op = 0; was_cut; op++) {
        struct rig *r = rig_new(strategy);

        ask(r, TD_SWAP_PERM);
        sim_power_on(&r->power);
        sim_power_cut_at(&r->power, op, kind);
        (void)boot(r);
        was_cut = r->power.lost;
        no_key_is_in_flash(r);
        x_holds_no_plain_payload(r);
        sim_power_on(&r->power);
        assert_int_equal(boot(r), TD_OK);
        assert_true(r->result.bootable);
        if (!is_at(r, P_OFF, want))
            fail_msg("mode %d, operation %u, kind %d", (int)td_strategy_mode(strategy), op, kind);
        x_holds_no_plain_payload(r);
        no_key_is_in_flash(r);
        rig_free(r);
    }
    return op - 1;
}

/* Before, in and after every operation; what is left is looked at while power is gone. */
static void a_cut_anywhere_loses_neither_image_nor_secret(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_move, &td_strategy_scratch,
                                                      &td_strategy_offset, &td_strategy_overwrite };
    struct file *sealed_clear = turned(&sealed, sealed_key, sizeof sealed_key);

    (void)state;
    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        for (int kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++)
            assert_true(cut_everywhere(ways[i], (enum sim_cut)kind, sealed_clear) >= 5);
    }
    free(sealed_clear);
}

static void overwriting_decrypts(void **state)
{
    struct file *sealed_clear = turned(&sealed, sealed_key, sizeof sealed_key);
    struct rig *r = rig_new(&td_strategy_overwrite);

    (void)state;
    ask(r, TD_SWAP_TEST);
    assert_int_equal(boot(r), TD_OK);
    assert_true(r->result.bootable);
    assert_true(is_at(r, P_OFF, sealed_clear));
    assert_true(is_at(r, X_OFF, &sealed));
    no_key_is_in_flash(r);
    rig_free(r);
    free(sealed_clear);
}

/* The running image's own TLV does not open: it stays, or goes for good; it never goes in clear. */
static void a_running_image_whose_key_is_lost_gets_no_trial(void **state)
{
    struct file *sealed_clear = turned(&sealed, sealed_key, sizeof sealed_key);
    struct file damaged = clear;

    (void)state;
    damaged.bytes[damaged.size - 1] ^= 1;
    for (int permanent = 0; permanent <= 1; permanent++) {
        struct rig *r = rig_new(&td_strategy_move);

        sim_nor_program(&r->nor, P_OFF, damaged.bytes, damaged.size);
        ask(r, permanent != 0 ? TD_SWAP_PERM : TD_SWAP_TEST);
        assert_int_equal(boot(r), TD_OK);
        assert_true(r->result.bootable);
        x_holds_no_plain_payload(r);
        if (permanent != 0) {
            assert_true(is_at(r, P_OFF, sealed_clear));
        } else {
            assert_true(is_at(r, P_OFF, &damaged));
            assert_int_equal(r->result.n_verdicts, 1);
            assert_int_equal(r->result.verdicts[0].code, TD_V_RUNNING_ENC_KEY);
        }
        rig_free(r);
    }
    free(sealed_clear);
}

static void another_devices_image_is_refused_by_name(void **state)
{
    struct file other = sealed;
    struct rig *r = rig_new(&td_strategy_move);

    (void)state;
    other.bytes[other.size - 1] ^= 1;
    sim_nor_program(&r->nor, X_OFF, other.bytes, other.size);
    ask(r, TD_SWAP_TEST);
    assert_int_equal(boot(r), TD_OK);
    assert_true(is_at(r, P_OFF, &clear));
    assert_int_equal(r->result.n_verdicts, 1);
    assert_int_equal(r->result.verdicts[0].code, TD_V_ENC_KEY);
    rig_free(r);
}

/* A plain image of the factory's goes out as it is. */
static void what_is_not_flagged_travels_in_the_clear(void **state)
{
    static struct file factory;
    struct rig *r = rig_new(&td_strategy_move);

    (void)state;
    load(&factory, "ed25519.img");
    sim_nor_program(&r->nor, P_OFF, factory.bytes, factory.size);
    ask(r, TD_SWAP_TEST);
    assert_int_equal(boot(r), TD_OK);
    assert_true(is_at(r, X_OFF, &factory));
    assert_int_equal(boot(r), TD_OK);
    assert_int_equal(r->result.did, TD_SWAP_REVERT);
    assert_true(is_at(r, P_OFF, &factory));
    assert_true(is_at(r, X_OFF, &sealed));
    rig_free(r);
}

static void a_cell_that_is_damaged_is_not_believed(void **state)
{
    struct rig *r = rig_new(&td_strategy_move);
    uint16_t cell = td_boot_cipher_cell(&r->config.policy);
    uint32_t at = td_trailer_enc_key_off(&r->run.primary, 1);

    (void)state;
    assert_int_equal(cell, 96 + 12);
    assert_int_equal(td_boot_cipher_begin(&r->run, 0, NULL), TD_OK);
    assert_int_equal(td_boot_cipher_save(&r->run), TD_OK);
    assert_int_equal(td_boot_cipher_load(&r->run), TD_OK);
    for (uint32_t i = 0; i < cell; i += 9) {
        r->bytes[P_OFF + at + i] ^= 0x20;
        assert_int_equal(td_boot_cipher_load(&r->run), TD_EENC);
        r->bytes[P_OFF + at + i] ^= 0x20;
    }
    assert_int_equal(td_boot_cipher_load(&r->run), TD_OK);
    rig_free(r);
}

static void a_sector_is_carried_when_its_target_holds_what_would_be_written(void **state)
{
    struct file *sealed_clear = turned(&sealed, sealed_key, sizeof sealed_key);
    struct rig *r = rig_new(&td_strategy_move);
    bool same;

    (void)state;
    assert_int_equal(td_boot_cipher_begin(&r->run, 0, NULL), TD_OK);
    assert_int_equal(td_boot_carried(&r->run, TD_WAY_IN, 0, &r->x, 0, &r->p, 0, 1024, &same),
                     TD_OK);
    assert_false(same);
    sim_nor_program(&r->nor, P_OFF, sealed_clear->bytes, sealed_clear->size);
    assert_int_equal(td_boot_carried(&r->run, TD_WAY_IN, 0, &r->x, 0, &r->p, 0, 1024, &same),
                     TD_OK);
    assert_true(same);
    rig_free(r);
    free(sealed_clear);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_swap_decrypts_one_way_and_encrypts_the_other_and_back),
        cmocka_unit_test(a_cut_anywhere_loses_neither_image_nor_secret),
        cmocka_unit_test(overwriting_decrypts),
        cmocka_unit_test(a_running_image_whose_key_is_lost_gets_no_trial),
        cmocka_unit_test(another_devices_image_is_refused_by_name),
        cmocka_unit_test(what_is_not_flagged_travels_in_the_clear),
        cmocka_unit_test(a_cell_that_is_damaged_is_not_believed),
        cmocka_unit_test(a_sector_is_carried_when_its_target_holds_what_would_be_written),
    };

    return cmocka_run_group_tests(tests, load_files, NULL);
}
