#include "server/talk_test.h"

/* What is wrong with a first chunk, in the order in which it is to be told. */
enum wrong {
    NO_OFF,
    SHORT,
    NO_LEN,
    BAD_MAGIC,
    LONG_SHA,
    NO_SLOT,
    TOO_LARGE,
    BAD_ADDRESS,
    NOT_NEWER,
    APPLICATION,
    OVERRUN,
    CHUNK,
    ERASE,
    WRITE,
    NOTHING,
};

static const struct {
    const char *says;
    unsigned code;
} rows[] = {
    [NO_OFF] = { "1: no offset", 1000 + TD_IMG_NO_OFFSET },
    [SHORT] = { "2: less than a header", 1000 + TD_IMG_SHORT_HEADER },
    [NO_LEN] = { "3: no length", 1000 + TD_IMG_NO_LENGTH },
    [BAD_MAGIC] = { "4: no image", 1000 + TD_IMG_BAD_MAGIC },
    [LONG_SHA] = { "5: sha of 33 bytes", 1000 + TD_IMG_BAD_HASH },
    [NO_SLOT] = { "7: no slot for it", 1000 + TD_IMG_NO_FREE_SLOT },
    [TOO_LARGE] = { "8: larger than the slot", 1000 + TD_IMG_TOO_LARGE },
    [BAD_ADDRESS] = { "9: linked for elsewhere", 1000 + TD_IMG_BAD_ADDRESS },
    [NOT_NEWER] = { "10: not newer, as was asked for", 1000 + TD_IMG_NOT_NEWER },
    [APPLICATION] = { "the application refuses the upload", TD_SMP_RC_BUSY },
    [OVERRUN] = { "13: more data than the file has", 1000 + TD_IMG_OVERRUN },
    [CHUNK] = { "14: the application refuses the chunk", 1000 + TD_IMG_BAD_VECTORS },
    [ERASE] = { "11: the erase fails", 1000 + TD_IMG_FLASH_ERASE },
    [WRITE] = { "15: the write fails", 1000 + TD_IMG_FLASH_WRITE },
    [NOTHING] = { "nothing is wrong", 0 },
};

static struct td_server_image images[2];
static uint8_t sha33[33];

/* Images that run where they lie, two of them: every rule has something to say. */
static struct td_img_upload_req begin(uint8_t first[500], enum wrong from)
{
    struct td_img_upload_req req = { .has_off = from > NO_OFF, .has_data = true };
    enum { FLAGS = 16, LOAD = 4 };

    start(&td_server_tandem, TD_MODE_XIP);
    images[0] = images[1] = rig.image;
    rig.cfg.images = images;
    rig.cfg.n_images = 2;
    memcpy(first, image_b, 500);
    first[FLAGS + 1] |= TD_IMAGE_F_ROM_FIXED >> 8;
    first[LOAD + 1] = from > BAD_ADDRESS ? RIG_SLOT_SIZE >> 8 : 0x77;
    if (from <= BAD_MAGIC)
        first[0] ^= 1;
    req.data = (struct td_cbor_bytes){ first, from <= SHORT ? 31 : 500 };
    req.has_len = from > NO_LEN;
    req.len = from <= TOO_LARGE ? RIG_SLOT_SIZE + 1 : from <= OVERRUN ? 499 : 9001;
    req.has_sha = true;
    req.sha = (struct td_cbor_bytes){ sha33, from <= LONG_SHA ? 33 : 32 };
    req.has_image = true;
    req.image = from <= NO_SLOT ? 2 : 0;
    req.has_upgrade = req.upgrade = true;
    if (from <= NOT_NEWER) {
        rig_build(image_a, 5000, v2, 1, hash_a);
        rig_program(&rig, 0, 0, image_a, 5000);
    }
    rig.told.upload_rc = from <= APPLICATION ? TD_SMP_RC_BUSY : 0;
    rig.told.chunk_rc = from <= CHUNK ? TD_SERVER_GROUP_CODE(TD_IMG_BAD_VECTORS) : 0;
    if (from <= WRITE)
        sim_power_cut_at(&rig.power, from <= ERASE ? 0 : 1, SIM_CUT_BEFORE);
    return req;
}

static void of_several_things_that_are_wrong_the_first_in_order_is_told(void **state)
{
    (void)state;
    for (unsigned from = NO_OFF; from <= NOTHING; from++) {
        struct td_img_upload_rsp rsp;
        uint8_t first[500];
        unsigned code = upload(begin(first, (enum wrong)from), &rsp);

        if (code != rows[from].code)
            fail_msg("%u: %s", code, rows[from].says);
        if (from < ERASE)
            assert_int_equal(rig.power.ops, 0);
        assert_int_equal(rig.told.begun, from < APPLICATION ? 0 : 1);
        assert_int_equal(rig.srv.upload.state,
                         from == NOTHING ? TD_SERVER_UPLOADING : TD_SERVER_NO_UPLOAD);
        // Refused, there is no upload for the next chunk.
        sim_power_on(&rig.power);
        assert_int_equal(upload(chunk(image_b, 9001, 500, 10), &rsp), rows[NOTHING].code);
        assert_int_equal(rsp.off, from == NOTHING ? 510 : 0);
    }
}

static void rule_6_an_open_upload_goes_on_though_the_device_would_refuse_it_now(void **state)
{
    struct td_img_upload_req req;
    struct td_img_upload_rsp rsp;
    uint8_t first[500];
    uint32_t ops;

    (void)state;
    req = begin(first, NOTHING);
    assert_int_equal(upload(req, &rsp), 0);
    assert_int_equal(upload(chunk(image_b, 9001, 500, 400), &rsp), 0);
    rig.told.upload_rc = TD_SMP_RC_BUSY;
    rig_build(image_a, 5000, v2, 1, hash_a);
    rig_program(&rig, 0, 0, image_a, 5000);
    ops = rig.power.ops;
    assert_int_equal(upload(req, &rsp), 0);
    assert_int_equal(rsp.off, 900);
    assert_int_equal(rig.power.ops, ops);
    assert_int_equal(rig.told.begun, 1);
    // But rules 1 to 5 look at the chunk alone, and come first.
    req.data.len = 31;
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_SHORT_HEADER);
}

static void rules_12_to_14_and_16_for_later_chunks(void **state)
{
    struct td_img_upload_rsp rsp;
    uint8_t first[500];

    (void)state;
    assert_int_equal(upload(begin(first, NOTHING), &rsp), 0);
    // 12 before 13 and 14: a chunk without a place is told the offset, whatever it brings.
    rig.told.chunk_rc = TD_SMP_RC_BUSY;
    assert_int_equal(upload(chunk(image_b, 9001, 600, 500), &rsp), 0);
    assert_int_equal(rsp.off, 500);
    assert_int_equal(rig.told.chunks, 1);
    assert_int_equal(upload(chunk(image_b, 9001, 500, 500), &rsp), TD_SMP_RC_BUSY);
    rig.told.chunk_rc = 0;
    for (uint32_t off = 500; off < 9000; off += 500)
        assert_int_equal(upload(chunk(image_b, 9001, off, 500), &rsp), 0);
    // 13 before 14.
    rig.told.chunk_rc = TD_SMP_RC_BUSY;
    assert_int_equal(upload(chunk(image_b, 9002, 9000, 2), &rsp), 1000 + TD_IMG_OVERRUN);
    rig.told.chunk_rc = 0;
    assert_int_equal(upload(begin(first, NOTHING), &rsp), 0);
    for (uint32_t off = 500; off < 9001; off += 500)
        assert_int_equal(upload(chunk(image_b, 9001, off, 500), &rsp), 0);
    // 16: the announced sha is not this file's.
    assert_true(rsp.off == 9001 && rsp.has_match && !rsp.match);
    assert_int_equal(rig.told.done, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_several_things_that_are_wrong_the_first_in_order_is_told),
        cmocka_unit_test(rule_6_an_open_upload_goes_on_though_the_device_would_refuse_it_now),
        cmocka_unit_test(rules_12_to_14_and_16_for_later_chunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
