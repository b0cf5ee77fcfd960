#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "client/model_test.h"
#include "client/preflight.h"
#include "image/golden_test.h"

static struct model_image image;
static struct td_image_work work;
static struct td_image_facts facts;
static struct td_image_states list;
static struct td_slot_sizes slots;
static struct td_accepts accepts;
static struct td_room_geometry geometry;
static struct td_device_facts device;
static struct td_check_row rows[TD_N_CHECKS];
static uint32_t file_size;

/* A sound image for the device that is_tandem makes; what a test wants otherwise it changes. */
static void image_of(const struct model_image_kind *kind)
{
    struct td_source src;

    model_image(&image, kind);
    src = td_source_memory(image.bytes, file_size > 0 ? file_size : image.size);
    td_image_facts(&src, &work, &facts);
}

static void a_stock_device(void)
{
    struct model_image_kind kind = {
        .version = { 1, 2, 3, 0 }, .payload = 5000, .sig_tlv = TD_TLV_ECDSA_SIG, .key = 7
    };

    file_size = 0;
    image_of(&kind);
    memset(&list, 0, sizeof(list));
    memset(&slots, 0, sizeof(slots));
    memset(&accepts, 0, sizeof(accepts));
    memset(&device, 0, sizeof(device));
    list.n = 1;
    list.at[0] = (struct td_image_state){
        .version = "1.0.0", .hash_len = 32, .active = true, .confirmed = true, .bootable = true
    };
    geometry = (struct td_room_geometry){ .primary_size = 0x38000,
                                          .secondary_size = 0x38000,
                                          .primary_sector = 4096,
                                          .secondary_sector = 4096,
                                          .max_sectors = 56,
                                          .write_size = 4,
                                          .max_align = 8 };
    device.list = &list;
}

static void a_tandem_device(void)
{
    a_stock_device();
    accepts = (struct td_accepts){ .sig = 2,
                                   .sig_name = "ecdsa-p256",
                                   .hash_len = 32,
                                   .mode = TD_MODE_MOVE,
                                   .n_images = 1,
                                   .images = { { .max_size = 0x36000,
                                                 .slot_size = { 0x38000, 0x38000 } } },
                                   .n_keys_total = 1,
                                   .n_keys = 1 };
    memset(accepts.keys[0], 7, TD_TANDEM_FINGERPRINT);
    device.accepts = &accepts;
    device.mode_known = true;
    device.mode = TD_MODE_MOVE;
}

static uint32_t judge(uint8_t number, uint32_t force)
{
    return td_preflight(&facts, number, &device, force, rows);
}

static void expect(enum td_check check, enum td_check_result want, const char *word)
{
    judge(0, 0);
    if (rows[check].result != want || strstr(rows[check].text, word) == NULL)
        fail_msg("%s: %s, \"%s\"", td_check_name(check), td_check_result_name(rows[check].result),
                 rows[check].text);
    // Whoever is refused is told what to do.
    if (want == TD_CHECK_FAIL)
        assert_true(rows[check].remedy[0] != '\0');
}

static void a_sound_image_passes_every_check_of_a_device_that_tells(void **state)
{
    (void)state;
    a_tandem_device();
    assert_int_equal(judge(0, 0), 0);
    for (size_t i = 0; i < TD_N_CHECKS; i++) {
        assert_int_equal(rows[i].check, i);
        if (rows[i].result != TD_CHECK_PASS)
            fail_msg("%s: %s", td_check_name(rows[i].check), rows[i].text);
    }
}

static void a_stock_device_leaves_what_it_does_not_tell_unknown(void **state)
{
    static const enum td_check unknown[] = { TD_CHECK_SLOT_ROOM, TD_CHECK_SWAP_ROOM,
                                             TD_CHECK_SIGNATURE, TD_CHECK_KEY };

    (void)state;
    a_stock_device();
    assert_int_equal(judge(0, 0), 0);
    for (size_t i = 0; i < TD_N_OF(unknown); i++)
        assert_int_equal(rows[unknown[i]].result, TD_CHECK_UNKNOWN);
    assert_int_equal(rows[TD_CHECK_HEADER].result, TD_CHECK_PASS);
    assert_int_equal(rows[TD_CHECK_VERSION].result, TD_CHECK_PASS);
}

static void a_damaged_file_is_named_and_nothing_else_is_guessed(void **state)
{
    struct td_source src;

    (void)state;
    a_tandem_device();
    image.bytes[500] ^= 1;
    src = td_source_memory(image.bytes, image.size);
    assert_int_equal(td_image_facts(&src, &work, &facts), TD_EIMG_HASH);
    expect(TD_CHECK_HEADER, TD_CHECK_FAIL, "hash");
    assert_int_equal(rows[TD_CHECK_KEY].result, TD_CHECK_PASS); // it can be read, and is wrong

    image.bytes[0] ^= 2;
    assert_int_equal(td_image_facts(&src, &work, &facts), TD_EIMG_MAGIC);
    assert_int_equal(judge(0, 0), 1);
    for (size_t i = TD_CHECK_PRESENT; i < TD_N_CHECKS; i++)
        assert_int_equal(rows[i].result, TD_CHECK_UNKNOWN);

    src.size = 100;
    image.bytes[0] ^= 2;
    assert_int_equal(td_image_facts(&src, &work, &facts), TD_EIMG_TRUNC);
    src.size = 0;
    assert_true(td_image_facts(&src, &work, &facts) != TD_OK);
    expect(TD_CHECK_HEADER, TD_CHECK_FAIL, "byte 0");
}

static void flags_that_the_bootloader_does_not_take_fail(void **state)
{
    static const struct {
        uint32_t flags;
        const char *word;
    } cases[] = { { TD_IMAGE_F_NON_BOOTABLE, "not bootable" },
                  { TD_IMAGE_F_ENC_AES128, "encrypted" },
                  { TD_IMAGE_F_LZMA2, "compressed" } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        struct model_image_kind kind = { .payload = 640, .flags = cases[i].flags };

        a_tandem_device();
        image_of(&kind);
        expect(TD_CHECK_HEADER, TD_CHECK_FAIL, cases[i].word);
    }
}

static void flags_that_the_bootloader_says_it_takes_pass(void **state)
{
    static const uint32_t flags[] = { TD_IMAGE_F_ENC_AES128, TD_IMAGE_F_LZMA2,
                                      TD_IMAGE_F_ENC_AES256 | TD_IMAGE_F_LZMA2 };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(flags); i++) {
        struct model_image_kind kind = { .payload = 640, .flags = flags[i] };

        a_tandem_device();
        accepts.decrypts = accepts.unpacks = true;
        image_of(&kind);
        expect(TD_CHECK_HEADER, TD_CHECK_PASS, "a sound image");
    }
}

static void image_numbers_are_those_of_the_device(void **state)
{
    (void)state;
    a_tandem_device();
    judge(1, 0);
    assert_int_equal(rows[TD_CHECK_IMAGE_NUMBER].result, TD_CHECK_FAIL);
    a_stock_device();
    judge(1, 0);
    assert_int_equal(rows[TD_CHECK_IMAGE_NUMBER].result, TD_CHECK_UNKNOWN);
    slots.n = 1;
    slots.at[0].image = 1;
    device.slots = &slots;
    judge(1, 0);
    assert_int_equal(rows[TD_CHECK_IMAGE_NUMBER].result, TD_CHECK_PASS);
    expect(TD_CHECK_IMAGE_NUMBER, TD_CHECK_FAIL, "image 0 does not exist");
}

static void an_image_that_is_there_is_said_to_be(void **state)
{
    (void)state;
    a_stock_device();
    expect(TD_CHECK_PRESENT, TD_CHECK_PASS, "does not have");
    memcpy(list.at[0].hash, image.hash, 32);
    expect(TD_CHECK_PRESENT, TD_CHECK_PASS, "runs already");
    list.at[0].active = false;
    list.at[0].pending = true;
    expect(TD_CHECK_PRESENT, TD_CHECK_PASS, "pending");
}

static void a_compressed_image_is_known_again_when_it_runs_unpacked(void **state)
{
    static struct file packed, plain;
    static struct td_image_facts plain_facts;
    struct td_source src;

    (void)state;
    a_stock_device();
    load(&packed, "comp-lzma2-ed25519.img");
    load(&plain, "thumb-ed25519.img");
    src = td_source_memory(plain.bytes, plain.size);
    assert_int_equal(td_image_facts(&src, &work, &plain_facts), TD_OK);
    assert_int_equal(plain_facts.unpacked_len, 0);
    src = td_source_memory(packed.bytes, packed.size);
    assert_int_equal(td_image_facts(&src, &work, &facts), TD_OK);
    expect(TD_CHECK_PRESENT, TD_CHECK_PASS, "does not have");
    memcpy(list.at[0].hash, plain_facts.hash, 32);
    expect(TD_CHECK_PRESENT, TD_CHECK_PASS, "runs already");
    memcpy(list.at[0].hash, facts.hash, 32);
    list.at[0].active = false;
    expect(TD_CHECK_PRESENT, TD_CHECK_PASS, "lies in the second slot");
}

static void room_is_judged_to_the_byte_by_whoever_knows_it(void **state)
{
    enum { ACCEPTS, SLOT_INFO, LAYOUT };
    static const struct {
        int who;
        int32_t mode;
        uint32_t max; /* of this who */
    } cases[] = {
        { ACCEPTS, TD_MODE_MOVE, 0x36000 },          { SLOT_INFO, TD_MODE_MOVE, 0x35000 },
        { LAYOUT, TD_MODE_MOVE, 0x36000 },           { LAYOUT, TD_MODE_OFFSET, 0x36000 },
        { LAYOUT, TD_MODE_OVERWRITE, 0x38000 - 40 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        a_tandem_device();
        device.mode = cases[i].mode;
        if (cases[i].who != ACCEPTS)
            device.accepts = NULL;
        if (cases[i].who == SLOT_INFO) {
            slots.n = 2;
            for (uint32_t s = 0; s < 2; s++)
                slots.at[s] = (struct td_slot_size){
                    .slot = s, .has_size = true, .size = 0x38000, .has_max = true, .max = 0x35000
                };
            device.slots = &slots;
        }
        if (cases[i].who == LAYOUT)
            device.geometry = &geometry;
        facts.image.size = facts.file_size = cases[i].max;
        expect(TD_CHECK_SWAP_ROOM, TD_CHECK_PASS, "has room");
        facts.image.size = facts.file_size = cases[i].max + 1;
        expect(TD_CHECK_SWAP_ROOM, TD_CHECK_FAIL, "no room");
        expect(TD_CHECK_SLOT_ROOM, TD_CHECK_PASS, "fits");
        facts.file_size = 0x38001;
        expect(TD_CHECK_SLOT_ROOM, TD_CHECK_FAIL, "does not fit");
    }
}

static void a_running_image_that_leaves_no_room_is_found(void **state)
{
    (void)state;
    a_tandem_device();
    device.running_size = 0x36001;
    expect(TD_CHECK_SWAP_ROOM, TD_CHECK_FAIL, "the running image");
    device.mode = TD_MODE_OVERWRITE; // which never brings it back
    expect(TD_CHECK_SWAP_ROOM, TD_CHECK_PASS, "has room");
}

static void a_layout_that_contradicts_itself_is_said_so(void **state)
{
    (void)state;
    a_stock_device();
    device.mode_known = true;
    device.mode = TD_MODE_MOVE;
    geometry.secondary_size = 0x20000;
    device.geometry = &geometry;
    expect(TD_CHECK_SWAP_ROOM, TD_CHECK_FAIL, "slots");
}

static void an_application_in_the_only_slot_cannot_replace_itself(void **state)
{
    struct td_accepts one_slot;

    (void)state;
    a_tandem_device();
    one_slot = *device.accepts;
    one_slot.images[0].slot_size[1] = 0;
    device.accepts = &one_slot;
    expect(TD_CHECK_SLOT_ROOM, TD_CHECK_FAIL, "one slot");
}

static void a_layout_of_another_device_is_found_out(void **state)
{
    (void)state;
    a_stock_device();
    device.mode_known = true;
    device.mode = TD_MODE_MOVE;
    device.geometry = &geometry;
    slots.n = 1;
    slots.at[0] = (struct td_slot_size){ .slot = 1, .has_size = true, .size = 0x39000 };
    device.slots = &slots;
    expect(TD_CHECK_SWAP_ROOM, TD_CHECK_FAIL, "not this device's");
    slots.at[0].size = geometry.secondary_size;
    expect(TD_CHECK_SWAP_ROOM, TD_CHECK_PASS, "has room");
}

static void a_layout_alone_does_not_tell_the_way_of_updating(void **state)
{
    (void)state;
    a_stock_device();
    device.geometry = &geometry;
    expect(TD_CHECK_SWAP_ROOM, TD_CHECK_UNKNOWN, "how its bootloader updates");
}

static void the_kind_of_signature_is_compared(void **state)
{
    static const struct {
        uint32_t sig;
        const char *name;
        uint16_t tlv;
        enum td_check_result want;
    } cases[] = {
        { 2, "ecdsa-p256", TD_TLV_ECDSA_SIG, TD_CHECK_PASS },
        { 2, "ecdsa-p256", TD_TLV_ED25519, TD_CHECK_FAIL },
        { 2, "ecdsa-p256", 0, TD_CHECK_FAIL },
        { 3, "ed25519", TD_TLV_ED25519, TD_CHECK_PASS },
        { 4, "ecdsa-p384", TD_TLV_ECDSA_SIG, TD_CHECK_PASS },
        { 4, "ecdsa-p384", TD_TLV_RSA3072_PSS, TD_CHECK_FAIL },
        { 1, "rsa-2048", TD_TLV_RSA2048_PSS, TD_CHECK_PASS },
        { 1, "rsa-2048", TD_TLV_RSA3072_PSS, TD_CHECK_FAIL },
        { 1, "rsa-3072", TD_TLV_RSA3072_PSS, TD_CHECK_PASS },
        { 1, "", TD_TLV_RSA3072_PSS, TD_CHECK_PASS },
        { 0, "none", 0, TD_CHECK_PASS },
        { 0, "none", TD_TLV_ECDSA_SIG, TD_CHECK_PASS },
        { 9, "falcon", TD_TLV_ECDSA_SIG, TD_CHECK_FAIL },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        a_tandem_device();
        accepts.sig = cases[i].sig;
        memset(accepts.sig_name, 0, sizeof(accepts.sig_name));
        memcpy(accepts.sig_name, cases[i].name, strlen(cases[i].name));
        facts.sig_tlv = cases[i].tlv;
        expect(TD_CHECK_SIGNATURE, cases[i].want, "the image is ");
    }
    a_tandem_device();
    accepts.hash_len = 64;
    expect(TD_CHECK_SIGNATURE, TD_CHECK_FAIL, "hash");
}

static void the_key_is_compared_by_its_fingerprint(void **state)
{
    (void)state;
    a_tandem_device();
    facts.key[31] ^= 1;
    expect(TD_CHECK_KEY, TD_CHECK_FAIL, "not trusted");
    accepts.n_keys_total = 20; // more than it told
    expect(TD_CHECK_KEY, TD_CHECK_UNKNOWN, "not among");
    facts.key_len = 0;
    expect(TD_CHECK_KEY, TD_CHECK_FAIL, "names no key");
    facts.key_in_full = true;
    expect(TD_CHECK_KEY, TD_CHECK_UNKNOWN, "in full");
    facts.key_in_full = false;
    facts.key_len = 64;
    expect(TD_CHECK_KEY, TD_CHECK_UNKNOWN, "another hash");
    accepts.sig = 0;
    expect(TD_CHECK_KEY, TD_CHECK_PASS, "no signature");
}

static void versions_are_judged_by_what_the_device_forbids(void **state)
{
    static const struct {
        const char *running;
        int32_t mode;
        bool tandem, forbids;
        enum td_check_result want;
        const char *word;
    } cases[] = {
        { "1.0.0", TD_MODE_MOVE, true, true, TD_CHECK_PASS, "newer" },
        { "1.2.3", TD_MODE_MOVE, true, true, TD_CHECK_PASS, "the same version as the running" },
        { "1.2.3.77", TD_MODE_MOVE, true, true, TD_CHECK_PASS, "the same version as the running" },
        { "1.2.4", TD_MODE_MOVE, true, true, TD_CHECK_FAIL, "forbids" },
        { "1.2.4", TD_MODE_MOVE, true, false, TD_CHECK_PASS, "allows" },
        { "1.2.4", TD_MODE_MOVE, false, false, TD_CHECK_UNKNOWN, "does not tell" },
        { "1.2.4", TD_MODE_MOVE, false, true, TD_CHECK_FAIL, "forbids" },
        { "1.2.3", TD_MODE_XIP, false, false, TD_CHECK_FAIL, "highest" },
        { "1.2.4", TD_MODE_RAM_LOAD, false, false, TD_CHECK_FAIL, "highest" },
        { "1.0.0", TD_MODE_XIP, false, false, TD_CHECK_PASS, "newer" },
        { "", TD_MODE_MOVE, true, true, TD_CHECK_UNKNOWN, "does not tell" },
        { "one", TD_MODE_MOVE, true, true, TD_CHECK_UNKNOWN, "does not tell" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        a_tandem_device();
        if (!cases[i].tandem)
            device.accepts = NULL;
        device.mode = cases[i].mode;
        device.no_downgrade = cases[i].forbids;
        memset(list.at[0].version, 0, sizeof(list.at[0].version));
        memcpy(list.at[0].version, cases[i].running, strlen(cases[i].running));
        expect(TD_CHECK_VERSION, cases[i].want, cases[i].word);
    }
}

static void addresses_fit_the_way_the_device_runs_images(void **state)
{
    static const struct {
        uint32_t flags;
        bool known;
        int32_t mode;
        enum td_check_result want;
    } cases[] = {
        { 0, true, TD_MODE_MOVE, TD_CHECK_PASS },
        { 0, false, 0, TD_CHECK_PASS },
        { TD_IMAGE_F_RAM_LOAD, true, TD_MODE_MOVE, TD_CHECK_FAIL },
        { TD_IMAGE_F_RAM_LOAD, true, TD_MODE_RAM_LOAD, TD_CHECK_PASS },
        { TD_IMAGE_F_RAM_LOAD, false, 0, TD_CHECK_UNKNOWN },
        { 0, true, TD_MODE_RAM_LOAD, TD_CHECK_FAIL },
        { TD_IMAGE_F_ROM_FIXED, true, TD_MODE_XIP, TD_CHECK_UNKNOWN },
        { 0, true, TD_MODE_XIP_REVERT, TD_CHECK_UNKNOWN },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        a_stock_device();
        device.mode_known = cases[i].known;
        device.mode = cases[i].mode;
        facts.image.hdr.flags = cases[i].flags;
        expect(TD_CHECK_ADDRESS, cases[i].want, "");
    }
}

/* A device with a first stage, S0 at 0x8000 and S1 at 0x14000, version 5 in S0; a file for S1. */
static void a_two_stage_device(void)
{
    a_tandem_device();
    accepts.has_stage = true;
    accepts.stage = (struct td_tandem_stage){ .slot = 0,
                                              .version = 5,
                                              .least = 4,
                                              .addr = { 0x8000, 0x14000 },
                                              .size = 0xc000,
                                              .n_keys = 1 };
    memset(accepts.stage_keys[0], 9, TD_TANDEM_STAGE_PRINT);
    facts.firmware =
        (struct td_firmware_facts){ .present = true, .reset = 0x14301, .sealed = true };
    facts.firmware.info.version = 6;
    memset(facts.firmware.key, 9, sizeof facts.firmware.key);
}

static void a_second_stage_is_judged_by_what_the_first_one_wants(void **state)
{
    static const struct {
        uint32_t reset, version, active;
        uint8_t key;
        bool sealed;
        enum td_check check;
        enum td_check_result want;
        const char *word;
    } cases[] = {
        { 0x14301, 6, 0, 9, true, TD_CHECK_ADDRESS, TD_CHECK_PASS, "linked for S1, and S0 runs" },
        { 0x8301, 6, 0, 9, true, TD_CHECK_ADDRESS, TD_CHECK_FAIL, "S0, which is what runs" },
        { 0x14301, 6, 1, 9, true, TD_CHECK_ADDRESS, TD_CHECK_FAIL, "S1, which is what runs" },
        { 0x14301, 6, 0, 9, true, TD_CHECK_VERSION, TD_CHECK_PASS, "what runs is version 5" },
        { 0x14301, 5, 0, 9, true, TD_CHECK_VERSION, TD_CHECK_FAIL, "unchanged" },
        { 0x8301, 5, 1, 9, true, TD_CHECK_VERSION, TD_CHECK_PASS, "what runs is version 5" },
        { 0x14301, 4, 0, 9, true, TD_CHECK_VERSION, TD_CHECK_FAIL, "boots the higher" },
        { 0x14301, 3, 0, 9, true, TD_CHECK_VERSION, TD_CHECK_FAIL, "none below 4" },
        { 0x14301, 6, 0, 9, true, TD_CHECK_KEY, TD_CHECK_PASS, "by the first stage" },
        { 0x14301, 6, 0, 8, true, TD_CHECK_KEY, TD_CHECK_FAIL, "never boot" },
        { 0x14301, 6, 0, 9, false, TD_CHECK_KEY, TD_CHECK_FAIL, "no seal" },
        { 0x14301, 6, 0, 9, true, TD_CHECK_SWAP_ROOM, TD_CHECK_PASS, "not swapped" },
        { 0x40301, 6, 0, 9, true, TD_CHECK_ADDRESS, TD_CHECK_PASS, "not tied" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        a_two_stage_device();
        accepts.stage.slot = cases[i].active;
        facts.firmware.reset = cases[i].reset;
        facts.firmware.info.version = cases[i].version;
        facts.firmware.sealed = cases[i].sealed;
        memset(facts.firmware.key, cases[i].key, sizeof facts.firmware.key);
        expect(cases[i].check, cases[i].want, cases[i].word);
    }
}

static void an_image_that_runs_in_place_is_compared_with_the_slots_addresses(void **state)
{
    static const struct {
        uint32_t addr;
        enum td_check_result want;
        const char *word;
    } cases[] = {
        { 0x44000, TD_CHECK_PASS, "linked for 0x44000, the slot that does not run" },
        { 0xc000, TD_CHECK_FAIL, "the slot that runs; the other one is at 0x44000" },
        { 0x8000, TD_CHECK_FAIL, "the slot that does not run is at 0x44000" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        a_tandem_device();
        device.mode = TD_MODE_XIP_REVERT;
        accepts.images[0].has_addr = true;
        accepts.images[0].addr[0] = 0xc000;
        accepts.images[0].addr[1] = 0x44000;
        facts.image.hdr.flags = TD_IMAGE_F_ROM_FIXED;
        facts.image.hdr.load_addr = cases[i].addr;
        expect(TD_CHECK_ADDRESS, cases[i].want, cases[i].word);
    }
}

static void force_overrides_the_one_check_that_it_names(void **state)
{
    (void)state;
    a_tandem_device();
    facts.key[0] ^= 1;
    facts.sig_tlv = TD_TLV_ED25519;
    assert_int_equal(judge(0, 0), 2);
    assert_int_equal(judge(0, 1u << TD_CHECK_KEY), 1);
    assert_true(rows[TD_CHECK_KEY].forced);
    assert_int_equal(rows[TD_CHECK_KEY].result, TD_CHECK_FAIL);
    assert_false(rows[TD_CHECK_SIGNATURE].forced);
    assert_int_equal(judge(0, 1u << TD_CHECK_KEY | 1u << TD_CHECK_SIGNATURE), 0);
}

static void every_check_is_found_by_its_name(void **state)
{
    enum td_check found;

    (void)state;
    for (unsigned i = 0; i < TD_N_CHECKS; i++) {
        const char *name = td_check_name((enum td_check)i);

        assert_true(td_check_by_name(name, strlen(name), &found));
        assert_int_equal(found, i);
    }
    assert_false(td_check_by_name("ke", 2, &found));
    assert_false(td_check_by_name("keys", 4, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_image_passes_every_check_of_a_device_that_tells),
        cmocka_unit_test(a_stock_device_leaves_what_it_does_not_tell_unknown),
        cmocka_unit_test(a_damaged_file_is_named_and_nothing_else_is_guessed),
        cmocka_unit_test(flags_that_the_bootloader_does_not_take_fail),
        cmocka_unit_test(flags_that_the_bootloader_says_it_takes_pass),
        cmocka_unit_test(image_numbers_are_those_of_the_device),
        cmocka_unit_test(an_image_that_is_there_is_said_to_be),
        cmocka_unit_test(a_compressed_image_is_known_again_when_it_runs_unpacked),
        cmocka_unit_test(room_is_judged_to_the_byte_by_whoever_knows_it),
        cmocka_unit_test(a_running_image_that_leaves_no_room_is_found),
        cmocka_unit_test(a_layout_that_contradicts_itself_is_said_so),
        cmocka_unit_test(an_application_in_the_only_slot_cannot_replace_itself),
        cmocka_unit_test(a_layout_of_another_device_is_found_out),
        cmocka_unit_test(a_layout_alone_does_not_tell_the_way_of_updating),
        cmocka_unit_test(the_kind_of_signature_is_compared),
        cmocka_unit_test(the_key_is_compared_by_its_fingerprint),
        cmocka_unit_test(versions_are_judged_by_what_the_device_forbids),
        cmocka_unit_test(addresses_fit_the_way_the_device_runs_images),
        cmocka_unit_test(a_second_stage_is_judged_by_what_the_first_one_wants),
        cmocka_unit_test(an_image_that_runs_in_place_is_compared_with_the_slots_addresses),
        cmocka_unit_test(force_overrides_the_one_check_that_it_names),
        cmocka_unit_test(every_check_is_found_by_its_name),
    };

    return cmocka_run_group_tests_name("client preflight", tests, NULL, NULL);
}
