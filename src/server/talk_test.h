/*
 * server/talk_test.h - asks the server of rig_test.h as a client does; cmocka's tests alone.
 *
 * One rig, two images: a runs, b is sent.
 */
#ifndef TD_SERVER_TALK_TEST_H
#define TD_SERVER_TALK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/rig_test.h"

static struct rig rig;

static uint8_t seq;

static inline void ask(uint8_t version, uint8_t op, uint16_t group, uint8_t id,
                       void (*put)(struct td_cbor_writer *, const void *), const void *what)
{
    static uint8_t packet[RIG_BUF];
    const struct td_smp_header hdr = { version, op, 0, 0, group, seq++, id };
    struct td_cbor_writer w;
    size_t len;

    td_smp_begin(&w, packet, sizeof packet, TD_CBOR_DEFINITE);
    if (put == NULL)
        td_smp_put_empty(&w);
    else
        put(&w, what);
    assert_int_equal(td_smp_end(&w, &hdr, &len), TD_OK);
    rig_send(&rig, packet, len);
    assert_true(rig.rsp_len >= 8);
    assert_int_equal(rig.rsp[0], version << 3 | (op + 1));
    assert_int_equal(rig.rsp[6], hdr.seq);
}

static inline const uint8_t *payload(void)
{
    return rig.rsp + 8;
}

static inline size_t payload_len(void)
{
    return rig.rsp_len - 8;
}

/* rc of the answer, or 1000 + the group's code. */
static inline unsigned result(void)
{
    struct td_smp_status status;

    assert_int_equal(td_smp_status_decode(payload(), payload_len(), &status), TD_OK);
    return status.of_group ? 1000 + status.code : status.code;
}

static inline void put_upload(struct td_cbor_writer *w, const void *req)
{
    td_img_upload_req_put(w, req);
}

static inline void put_state(struct td_cbor_writer *w, const void *req)
{
    td_img_state_req_put(w, req);
}

static inline void put_erase(struct td_cbor_writer *w, const void *req)
{
    td_img_erase_req_put(w, req);
}

static inline unsigned upload(struct td_img_upload_req req, struct td_img_upload_rsp *rsp)
{
    unsigned code;

    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_UPLOAD, put_upload, &req);
    code = result();
    if (code == 0)
        assert_int_equal(td_img_upload_rsp_get(payload(), payload_len(), rsp), TD_OK);
    return code;
}

static inline struct td_img_upload_req chunk(const uint8_t *image, uint32_t size, uint32_t off,
                                             uint32_t len)
{
    struct td_img_upload_req req = { .has_off = true, .off = off, .has_data = true };

    req.data = (struct td_cbor_bytes){ image + off, td_min_u32(len, size - off) };
    req.has_len = off == 0;
    req.len = size;
    return req;
}

static uint8_t image_a[RIG_IMAGE_MAX], image_b[RIG_IMAGE_MAX];
static uint8_t hash_a[32], hash_b[32];
static const struct td_version v1 = { 1, 0, 0, 0 }, v2 = { 2, 0, 1, 0 };

/* Uploads a whole image in pieces of n bytes; gives the last answer. */
static inline unsigned upload_all(const uint8_t *image, uint32_t size, uint32_t n,
                                  const uint8_t *sha, struct td_img_upload_rsp *rsp)
{
    unsigned code = 0;

    for (uint32_t off = 0; off < size && code == 0;) {
        struct td_img_upload_req req = chunk(image, size, off, n);

        if (off == 0 && sha != NULL) {
            req.has_sha = true;
            req.sha = (struct td_cbor_bytes){ sha, 32 };
        }
        code = upload(req, rsp);
        if (code == 0)
            assert_true(rsp->has_off && rsp->off == off + req.data.len);
        off += (uint32_t)req.data.len;
    }
    return code;
}

static inline void check_slot(unsigned slot, uint32_t off, const uint8_t *image, uint32_t size)
{
    assert_memory_equal(sim_nor_peek(&rig.nor, rig.slot[slot].off + off), image, size);
    for (uint32_t i = off + size; i < RIG_SLOT_SIZE; i++)
        assert_int_equal(*sim_nor_peek(&rig.nor, rig.slot[slot].off + i), 0xff);
}

/* The list's entry of a slot; false when it is not listed. */
static inline bool listed(unsigned slot, struct td_img_entry *entry)
{
    struct td_img_list list;
    bool end;

    ask(1, TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, NULL, NULL);
    assert_int_equal(td_img_list_get_begin(payload(), payload_len(), &list), TD_OK);
    for (;;) {
        assert_int_equal(td_img_list_get(&list, entry, &end), TD_OK);
        if (end)
            return false;
        if (entry->slot == slot)
            return true;
    }
}

static inline void start(const struct td_server_manner *manner, enum td_strategy_id mode)
{
    rig_init(&rig, manner, mode);
    rig_build(image_a, 5000, v1, 1, hash_a);
    rig_build(image_b, 9001, v2, 2, hash_b);
    rig_program(&rig, 0, 0, image_a, 5000);
}

#endif
