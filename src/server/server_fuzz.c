/*
 * server/server_fuzz.c - any packets into a server over a strict flash.
 *
 * Input: one byte for the manner and the mode, one for where the power goes, then packets,
 * each with one byte of length in front, 255 for "two more bytes of length", 0 for "work", 254
 * for "the other link speaks from here on", 253 for "this link goes down".
 * Whatever comes: every answer is an answer to what was asked and well-formed; no word of
 * flash is programmed too often; the running slot and the boot log are never written; an
 * answer owed comes, to the link that asked; a packet that would not wait takes no flash time;
 * a link without proof takes no flash time at all.
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
        check_answer(&reply);
        at += used;
        MUST(++rounds < 20000);
    }
    free(copy);
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
    links[0] = (struct td_server_link){ .authenticated = true };
    links[1] = (struct td_server_link){ .max_reply = 40 };
    speaker = 0;
    memset(running, 0xff, sizeof running);
    rig_build(running, 300, (struct td_version){ 1, 0, 0, 0 }, 1, hash);
    rig_program(&rig, 0, 0, running, sizeof running);
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
        size_t len = data[at++];

        if (len == 0) {
            work();
            continue;
        }
        if (len == 254) {
            speaker ^= 1;
            continue;
        }
        if (len == 253) {
            td_server_link_down(&rig.srv, &links[speaker]);
            continue;
        }
        if (len == 255 && size - at >= 2) {
            len = (size_t)data[at] << 8 | data[at + 1];
            at += 2;
        }
        if (len > size - at)
            len = size - at;
        give(data + at, len);
        at += len;
    }
    while (td_server_busy(&rig.srv)) {
        work();
        MUST(++works < 20000);
    }
    MUST(rig.nor.stats.over_budget == 0 && rig.nor.stats.misaligned == 0);
    MUST(rig.nor.stats.clashes == 0);
    // A confirm may write the running slot's trailer, nothing else of it.
    MUST(memcmp(sim_nor_peek(&rig.nor, rig.slot[0].off), running, RIG_SLOT_SIZE - RIG_PAGE) == 0);
    return 0;
}
