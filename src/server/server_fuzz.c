/*
 * server/server_fuzz.c - any packets into a server over a strict flash.
 *
 * Input: one byte for the manner and the mode, one for where the power goes, then packets,
 * each with one byte of length in front, 255 for "two more bytes of length", 0 for "work", 254
 * for "the other link speaks from here on", 253 for "this link goes down", 252 for "the device is
 * reset", 251 and one byte more for "this link sends a chunk of its file" (see file_chunk).
 * Whatever comes: every request gets an answer, to what was asked and well-formed; no word of
 * flash is programmed too often; the running slot and the boot log's verdicts are never written; an
 * answer owed comes, to the link that asked; a packet that would not wait takes no flash time;
 * a link without proof takes no flash time at all. And whoever is told that his file is there finds
 * it there, and not the other link's, nor a bit of it.
 */
#include <stdlib.h>

#include "server/rig_test.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static struct rig rig;
static uint8_t running[RIG_SLOT_SIZE];
static struct td_server_link links[2];
static unsigned speaker;

/* Each link has a file, both of one length; what it was told last is where it goes on. */
enum { FILE_LEN = 4700 };

static uint8_t files[2][FILE_LEN], shas[2][32];
static uint32_t wanted[2];
static bool only_files; /* no other packet has come that could have written anything */

/* Whether the slot holds the file: an answer that says so is the last thing that was done. */
static bool is_there(unsigned file)
{
    uint32_t at = rig.slot[1].off + rig.image.upload_off;

    return memcmp(sim_nor_peek(&rig.nor, at), files[file], FILE_LEN) == 0;
}

static void check_upload(unsigned link, const uint8_t *payload, size_t len)
{
    struct td_img_upload_rsp rsp;

    MUST(td_img_upload_rsp_get(payload, len, &rsp) == TD_OK && rsp.has_off);
    wanted[link] = rsp.off;
    if (only_files && rsp.off == FILE_LEN && rig.cfg.manner->binds_uploads && !rig.power.lost)
        MUST(is_there(link));
}

static void check_answer(const struct td_server_reply *reply)
{
    struct td_smp_header hdr;
    struct td_smp_status status;
    const uint8_t *payload;

    if (reply->len == 0)
        return;
    MUST(reply->link == &links[0] || reply->link == &links[1]);
    MUST(reply->link->max_reply == 0 || reply->len <= reply->link->max_reply);
    MUST(td_smp_open(rig.rsp, reply->len, &hdr, &payload) == TD_OK);
    MUST(hdr.op == TD_SMP_READ_RSP || hdr.op == TD_SMP_WRITE_RSP);
    MUST((size_t)hdr.len + 8 == reply->len && reply->len <= rig.cfg.buf_size);
    MUST(td_smp_status_decode(payload, hdr.len, &status) == TD_OK);
    if (status.code == 0 && hdr.group == TD_SMP_GROUP_IMAGE && hdr.id == TD_IMG_UPLOAD)
        check_upload(reply->link == &links[1], payload, hdr.len);
}

static void work(void)
{
    struct td_server_reply reply;

    td_server_work(&rig.srv, 30000, rig.rsp, sizeof rig.rsp, &reply);
    check_answer(&reply);
}

/* The packet is copied, so that the sanitizer sees a byte too far. */
static void give(const uint8_t *packet, size_t len)
{
    uint8_t *copy = malloc(len);
    size_t at = 0;
    unsigned rounds = 0;

    MUST(copy != NULL);
    memcpy(copy, packet, len);
    while (at < len) {
        struct td_server_reply reply;
        bool owed = td_server_owes(&rig.srv);
        bool locked = rig.cfg.wants_authenticated && !links[speaker].authenticated;
        bool waits = td_server_would_wait(&rig.srv, &links[speaker], copy + at, len - at);
        uint64_t busy_us = rig.power.busy_us;
        size_t used = td_server_handle(&rig.srv, &links[speaker], copy + at, len - at, rig.rsp,
                                       sizeof rig.rsp, &reply);

        MUST(used <= len - at && (used > 0 || reply.len > 0));
        MUST((!locked && (!owed || waits)) || rig.power.busy_us == busy_us);
        MUST(used == 0 || reply.len == 0 || reply.link == &links[speaker]);
        MUST(used == 0 || reply.len > 0 || len - at < TD_SMP_HEADER_SIZE ||
             td_server_owes(&rig.srv));
        check_answer(&reply);
        at += used;
        MUST(++rounds < 20000);
    }
    free(copy);
}

/*
 * Bits of how: 0-1 which chunk: the first, the wanted one, the last, any other; 2 with a sha, 3 of
 * one byte alone; 4-7 how long it is.
 */
static void file_chunk(uint8_t how)
{
    const struct td_smp_header hdr = {
        1, TD_SMP_WRITE, 0, 0, TD_SMP_GROUP_IMAGE, how, TD_IMG_UPLOAD
    };
    const uint32_t offs[] = { 0, wanted[speaker], FILE_LEN - 100, how * 16u };
    uint32_t off = td_min_u32(offs[how & 3], FILE_LEN - 1);
    const struct td_img_upload_req req = {
        .has_off = true,
        .off = off,
        .has_data = true,
        .data = { files[speaker] + off, td_min_u32(100u + (how >> 4) * 140u, FILE_LEN - off) },
        .has_len = off == 0,
        .len = FILE_LEN,
        .has_sha = off == 0 && (how & 4) != 0,
        .sha = { (how & 8) != 0 ? (const uint8_t *)"s" : shas[speaker], (how & 4) == 0   ? 0
                                                                        : (how & 8) != 0 ? 1
                                                                                         : 32 },
    };
    static uint8_t packet[RIG_BUF];
    struct td_cbor_writer w;
    size_t len;

    td_smp_begin(&w, packet, sizeof packet, TD_CBOR_DEFINITE);
    td_img_upload_req_put(&w, &req);
    if (td_smp_end(&w, &hdr, &len) == TD_OK)
        give(packet, len);
}

static void make_file(unsigned file)
{
    uint8_t hash[32];

    rig_build(files[file], FILE_LEN, (struct td_version){ 2, 0, 0, 0 }, (uint8_t)(7 + file), hash);
    td_hash_of(&td_sha256, files[file], FILE_LEN, shas[file]);
    wanted[file] = 0;
}

static void start(uint8_t choice)
{
    static const struct td_server_manner *const manners[] = {
        &td_server_tandem,
        &td_server_tandem,
        &td_server_zephyr_4,
        &td_server_zephyr_3_3,
    };
    static const enum td_strategy_id modes[] = {
        TD_MODE_MOVE,
        TD_MODE_OVERWRITE,
        TD_MODE_OFFSET,
        TD_MODE_XIP,
    };
    uint8_t hash[32];

    rig_init(&rig, manners[choice & 3], modes[choice >> 2 & 3]);
    if ((choice & 16) != 0)
        rig.srv.hold_cap = 0;
    if ((choice & 32) != 0)
        rig.cfg.buf_size = 256;
    rig.cfg.wants_authenticated = (choice & 64) != 0;
    if ((choice & 128) != 0) {
        rig.cfg.access = td_server_access_default;
        rig.cfg.n_access = TD_SERVER_ACCESS_DEFAULT_N;
    }
    only_files = true;
    make_file(0);
    make_file(1);
    links[0] = (struct td_server_link){ .authenticated = true };
    links[1] = (struct td_server_link){ .max_reply = 40, .authenticated = (choice & 192) == 0 };
    speaker = 0;
    memset(running, 0xff, sizeof running);
    rig_build(running, 300, (struct td_version){ 1, 0, 0, 0 }, 1, hash);
    rig_program(&rig, 0, 0, running, sizeof running);
}

/* What is no packet; false: it is one. */
static bool happens(uint8_t what)
{
    switch (what) {
    case 0: work(); return true;
    case 252: rig_restart(&rig); return true;
    case 253: td_server_link_down(&rig.srv, &links[speaker]); return true;
    case 254: speaker ^= 1; return true;
    default: return false;
    }
}

/* A packet as it stands in the input; how many bytes of it that took. */
static size_t other_packet(uint8_t what, const uint8_t *data, size_t size)
{
    size_t len = what, at = 0;

    if (len == 255 && size >= 2) {
        len = (size_t)data[0] << 8 | data[1];
        at = 2;
    }
    if (len > size - at)
        len = size - at;
    only_files = false;
    give(data + at, len);
    return at + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 2;
    unsigned works = 0;

    if (size < 3)
        return 0;
    start(data[0]);
    if (data[1] < 128)
        sim_power_cut_at(&rig.power, data[1], (enum sim_cut)(data[1] % 3));
    while (at < size) {
        uint8_t what = data[at++];

        if (what == 251 && at < size)
            file_chunk(data[at++]);
        else if (!happens(what))
            at += other_packet(what, data + at, size - at);
    }
    while (td_server_busy(&rig.srv)) {
        work();
        MUST(++works < 20000);
    }
    MUST(rig.nor.stats.over_budget == 0 && rig.nor.stats.misaligned == 0);
    MUST(rig.nor.stats.clashes == 0 && rig.nor.stats.weak_writes == 0);
    // A confirm may write the running slot's trailer, nothing else of it.
    MUST(memcmp(sim_nor_peek(&rig.nor, rig.slot[0].off), running, RIG_SLOT_SIZE - RIG_PAGE) == 0);
    return 0;
}
