/* boot/unpack_test.c - imgtool's compressed images become what imgtool makes uncompressed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/range.h"
#include "boot/boot.h"
#include "image/golden_test.h"
#include "patch/lzma2.h"
#include "sim/nor.h"

#define SECTOR   1024u
#define SLOT     (16u * SECTOR)
#define LOG      (2u * SECTOR)
#define N_SECTOR 34

static const struct td_flash_run runs[] = { { N_SECTOR, SECTOR } };
static const struct sim_nor_model model = { .name = "test",
                                            .runs = runs,
                                            .n_runs = 1,
                                            .erased = 0xff,
                                            .budget = 2,
                                            .write_size = 4,
                                            .write_unit = 4,
                                            .erase_unit = SECTOR };

static struct device {
    uint8_t bytes[N_SECTOR * SECTOR];
    uint8_t *meta;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area primary, secondary, log;
    struct td_boot_slots slots;
    struct td_image_key key;
    struct td_image_unwrap unwrap;
    struct td_boot_config config;
    struct td_trailer p, x;
    struct td_slots requests;
    struct td_boot_work work;
    struct td_boot_result result;
    struct td_lzma2_work unpacking;
} dev;

static struct file key_file, device_key_file, old_image;

static void make_device(const struct td_strategy *strategy, const struct td_sig_alg *sig,
                        const char *key, const struct td_enc_alg *enc, const char *device_key)
{
    free(dev.meta);
    memset(&dev, 0, sizeof dev);
    dev.meta = malloc(sim_nor_meta_size(&model));
    sim_nor_init(&dev.nor, &model, dev.bytes, dev.meta, &dev.power, 7);
    sim_power_on(&dev.power);
    dev.primary = (struct td_flash_area){ &dev.nor.dev, 0, SLOT };
    dev.secondary = (struct td_flash_area){ &dev.nor.dev, SLOT, SLOT };
    dev.log = (struct td_flash_area){ &dev.nor.dev, 2 * SLOT, LOG };
    dev.slots = (struct td_boot_slots){ .primary = &dev.primary, .secondary = &dev.secondary };
    dev.config = (struct td_boot_config){ .images = &dev.slots,
                                          .n_images = 1,
                                          .strategy = strategy,
                                          .policy = { .hash = &td_sha256, .sig = sig },
                                          .max_align = 8,
                                          .max_sectors = 16,
                                          .patch = &td_patch_lzma2,
                                          .patch_work = &dev.unpacking,
                                          .boot_log = &dev.log };
    if (sig != NULL) {
        load(&key_file, key);
        dev.key = (struct td_image_key){ key_file.bytes, (uint16_t)key_file.size };
        dev.config.policy.hash = sig->hash;
        dev.config.policy.keys = &dev.key;
        dev.config.policy.n_keys = 1;
    }
    if (enc != NULL) {
        load(&device_key_file, device_key);
        dev.unwrap =
            (struct td_image_unwrap){ enc, device_key_file.bytes, (uint16_t)device_key_file.size };
        dev.config.policy.unwrap = &dev.unwrap;
    }
    dev.p = (struct td_trailer){ .area = &dev.primary,
                                 .mode = td_strategy_mode(strategy),
                                 .max_sectors = 16,
                                 .write_size = 4,
                                 .max_align = 8 };
    dev.x = dev.p;
    dev.x.area = &dev.secondary;
    dev.requests = (struct td_slots){ &dev.p, &dev.x, TD_SLOT_MENDED, 0 };
    assert_int_equal(td_boot_check(&dev.config), TD_OK);
}

static void put(const struct td_flash_area *area, const struct file *image)
{
    sim_nor_program(&dev.nor, area->off, image->bytes, image->size);
}

static void ask(const struct file *image)
{
    enum td_slot_done done;

    put(&dev.secondary, image);
    assert_int_equal(td_slot_set_pending(&dev.requests, true, image->size, &done), TD_OK);
}

static void boot(void)
{
    sim_power_on(&dev.power);
    assert_int_equal(td_boot_go(&dev.config, &dev.work, &dev.result), TD_OK);
}

static bool was_said(uint16_t code)
{
    for (uint8_t i = 0; i < dev.result.n_verdicts; i++)
        if (dev.result.verdicts[i].code == code)
            return true;
    return false;
}

static void has_program(const struct file *program)
{
    assert_true(dev.result.bootable);
    assert_int_equal(dev.result.hdr.flags & TD_IMAGE_F_COMPRESSED, 0);
    assert_int_equal(dev.result.hdr.img_size, program->size);
    assert_memory_equal(sim_nor_peek(&dev.nor, dev.result.hdr.hdr_size), program->bytes,
                        program->size);
}

#define P256 "keys/ecdsa-p256.pub.der"
#define P384 "keys/ecdsa-p384.pub.der"
#define ED   "keys/ed25519.pub.der"
#define RSA2 "keys/rsa-2048.pub.der"
#define RSA3 "keys/rsa-3072.pub.der"

static void each_of_imgtools_compressed_images_runs_unpacked(void **state)
{
    static const struct {
        const char *file;
        const struct td_sig_alg *sig;
        const char *key;
        const struct td_enc_alg *enc;
        const char *device_key;
    } rows[] = {
        { "unsigned", NULL, NULL, NULL, NULL },
        { "rsa-2048", &td_sig_rsa2048_pss, RSA2, NULL, NULL },
        { "rsa-3072", &td_sig_rsa3072_pss, RSA3, NULL, NULL },
        { "ecdsa-p256", &td_sig_ecdsa_p256, P256, NULL, NULL },
        { "ecdsa-p384", &td_sig_ecdsa_p384, P384, NULL, NULL },
        { "ed25519", &td_sig_ed25519, ED, NULL, NULL },
        { "pure", &td_sig_ed25519_pure, ED, NULL, NULL },
        { "enc-ec256-128", &td_sig_ecdsa_p256, P256, &td_enc_ec256, "keys/ecdsa-p256.priv.der" },
        { "enc-x25519-256", &td_sig_ed25519, ED, &td_enc_x25519, "keys/x25519.priv.der" },
    };
    static const char *const kinds[] = { "lzma2", "lzma2armthumb" };
    static const struct td_strategy *const ways[] = { &td_strategy_overwrite,
                                                      &td_strategy_overwrite_plain };
    struct file image, program;

    (void)state;
    load(&program, "thumb.bin");
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        for (size_t k = 0; k < 4; k++) {
            char name[80];

            snprintf(name, sizeof name, "comp-%s-%s.img", kinds[k & 1], rows[i].file);
            load(&image, name);
            make_device(ways[k >> 1], rows[i].sig, rows[i].key, rows[i].enc, rows[i].device_key);
            ask(&image);
            boot();
            has_program(&program);
            assert_true(was_said(TD_V_INSTALLED));
            boot();
            has_program(&program);
            assert_int_equal(dev.power.ops, 0);
        }
    }
}

static void what_comes_out_is_what_imgtool_makes_uncompressed(void **state)
{
    static const struct {
        const char *packed, *plain;
    } rows[] = {
        { "comp-lzma2-ed25519.img", "thumb-ed25519.img" },
        { "comp-lzma2armthumb-ed25519.img", "thumb-ed25519.img" },
        { "comp-all-tlvs.img", "thumb-all-tlvs.img" },
    };
    struct file packed, plain;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        load(&packed, rows[i].packed);
        load(&plain, rows[i].plain);
        make_device(&td_strategy_overwrite, &td_sig_ed25519, ED, NULL, NULL);
        ask(&packed);
        boot();
        assert_true(dev.result.bootable);
        assert_memory_equal(sim_nor_peek(&dev.nor, 0), plain.bytes, plain.size);
    }
}

static void elsewhere_and_without_a_decoder_the_verdict_is_compressed(void **state)
{
    static const struct td_strategy *const rows[] = { &td_strategy_move, &td_strategy_offset,
                                                      &td_strategy_overwrite };
    struct file packed;

    (void)state;
    load(&packed, "comp-lzma2-ed25519.img");
    load(&old_image, "thumb-ed25519.img");
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        make_device(rows[i], &td_sig_ed25519, ED, NULL, NULL);
        if (rows[i] == &td_strategy_overwrite)
            dev.config.patch = NULL;
        put(&dev.primary, &old_image);
        if (rows[i] == &td_strategy_offset)
            memmove(packed.bytes + SECTOR, packed.bytes, packed.size);
        if (rows[i] == &td_strategy_offset)
            packed.size += SECTOR;
        ask(&packed);
        boot();
        assert_true(dev.result.bootable);
        assert_true(was_said(TD_V_COMPRESSED));
        load(&packed, "comp-lzma2-ed25519.img");
    }
}

/* Changes a byte behind the header of an unsigned image, and puts the right hash in. */
static void bend(struct file *image, uint32_t off, uint8_t by)
{
    uint32_t end = 32u + td_load_le32(image->bytes + 12) + td_load_le16(image->bytes + 10);

    image->bytes[off] ^= by;
    td_hash_of(&td_sha256, image->bytes, end, image->bytes + end + 8);
}

static void what_a_signer_got_wrong_is_told(void **state)
{
    uint32_t prot = 0;
    struct file image;

    (void)state;
    load(&image, "comp-lzma2-unsigned.img");
    prot = 32u + td_load_le32(image.bytes + 12);
    for (unsigned i = 0; i < 4; i++) {
        load(&image, "comp-lzma2-unsigned.img");
        load(&old_image, "thumb-ed25519.img");
        make_device(&td_strategy_overwrite, NULL, NULL, NULL, NULL);
        put(&dev.primary, &old_image);
        switch (i) {
        case 0: bend(&image, 1000, 0x40); break;      // the stream
        case 1: bend(&image, prot + 8, 1); break;     // DECOMP_SIZE, by one
        case 2: bend(&image, prot + 10, 0xff); break; // DECOMP_SIZE, beyond the slot
        case 3: bend(&image, prot + 20, 1); break;    // DECOMP_SHA
        }
        ask(&image);
        boot();
        if (i == 2) {
            assert_true(was_said(TD_V_TOO_LARGE));
            assert_true(dev.result.bootable);
            continue;
        }
        assert_false(dev.result.bootable);
        assert_true(was_said(TD_V_UNPACK) || (i == 3 && was_said(TD_V_PRIMARY_INVALID)));
    }
}

// Signed as it is stored, and with another signature inside: seen before anything is erased.
static void a_wrong_signature_inside_costs_nothing(void **state)
{
    struct file image;
    uint32_t off, end;

    (void)state;
    load(&image, "comp-lzma2-ed25519.img");
    load(&old_image, "thumb-ed25519.img");
    off = 32u + td_load_le32(image.bytes + 12) + 4 + 8 + 36 + 4;
    end = 32u + td_load_le32(image.bytes + 12) + td_load_le16(image.bytes + 10);
    assert_int_equal(td_load_le16(image.bytes + off - 4), TD_TLV_DECOMP_SIGNATURE);
    image.bytes[off + 5] ^= 1;
    td_hash_of(&td_sha256, image.bytes, end, image.bytes + end + 8);
    make_device(&td_strategy_overwrite, &td_sig_ed25519, ED, NULL, NULL);
    put(&dev.primary, &old_image);
    ask(&image);
    boot();
    assert_true(dev.result.bootable);
    assert_true(was_said(TD_V_BAD_SIGNATURE));
    assert_memory_equal(sim_nor_peek(&dev.nor, 0), old_image.bytes, old_image.size);
}

static bool cut_boot(uint32_t op, enum sim_cut kind)
{
    sim_power_on(&dev.power);
    sim_power_cut_at(&dev.power, op, kind);
    (void)td_boot_go(&dev.config, &dev.work, &dev.result);
    return dev.power.lost;
}

static void no_cut_while_unpacking_loses_the_update(void **state)
{
    struct file image, program;
    unsigned cuts = 0;

    (void)state;
    load(&image, "comp-lzma2armthumb-ed25519.img");
    load(&program, "thumb.bin");
    load(&old_image, "ed25519.img");
    for (int kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++) {
        bool was_cut = true;

        for (uint32_t op = 0; was_cut; op++) {
            // A second cut while the first is being mended, at every seventh operation of that.
            for (uint32_t again = 0; was_cut && again < 40; again += 7) {
                make_device(&td_strategy_overwrite, &td_sig_ed25519, ED, NULL, NULL);
                put(&dev.primary, &old_image);
                ask(&image);
                was_cut = cut_boot(op, (enum sim_cut)kind);
                cuts += was_cut;
                if (was_cut)
                    cuts += cut_boot(again, (enum sim_cut)kind);
                boot();
                has_program(&program);
                boot();
                has_program(&program);
                assert_int_equal(dev.power.ops, 0);
                assert_int_equal(dev.nor.stats.weak_writes + dev.nor.stats.over_budget, 0);
            }
        }
    }
    assert_true(cuts > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_imgtools_compressed_images_runs_unpacked),
        cmocka_unit_test(what_comes_out_is_what_imgtool_makes_uncompressed),
        cmocka_unit_test(elsewhere_and_without_a_decoder_the_verdict_is_compressed),
        cmocka_unit_test(what_a_signer_got_wrong_is_told),
        cmocka_unit_test(a_wrong_signature_inside_costs_nothing),
        cmocka_unit_test(no_cut_while_unpacking_loses_the_update),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
