/*
 * client/session_fuzz.c - anything that a device may answer, into a whole update.
 *
 * The first bytes choose what kind of device it is; the rest is a list of moves, one for each
 * packet that we send: the model's answer, that answer spoilt, bytes that are no answer at all,
 * silence, a link that goes. Whatever comes, the update ends after a bounded number of steps,
 * with one result, and never confirms or resets what it should not.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/model_test.h"
#include "client/update.h"

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            abort();                                                                               \
    } while (0)

static struct model dev;
static struct td_update u;
static struct model_image images[2];
static uint8_t rx[2048];

struct moves {
    const uint8_t *p;
    size_t n;
};

static uint8_t next(struct moves *m)
{
    if (m->n == 0)
        return 0;
    m->n--;
    return *m->p++;
}

static size_t take(struct moves *m, uint8_t *out, size_t cap)
{
    size_t n = next(m);

    n = n < cap ? n : cap;
    n = n < m->n ? n : m->n;
    if (n > 0)
        memcpy(out, m->p, n);
    m->p += n;
    m->n -= n;
    return n;
}

static void choose_device(struct moves *m)
{
    static const int32_t modes[] = { 3, 9, 2, 4, 6, 1, 5, 7 };
    uint8_t a = next(m), b = next(m), c = next(m);

    memset(&dev, 0, offsetof(struct model, got));
    memset(&dev.dead_until, 0, sizeof(dev) - offsetof(struct model, dead_until));
    dev.mode = modes[a & 7];
    dev.lacks = (unsigned)b * 2 & 0x17e;
    dev.fate = (enum model_fate)(c % 7);
    dev.v1_only = (a & 8) != 0;
    dev.refuses_v2 = (a & 16) != 0;
    dev.old_rules = (a & 32) != 0;
    dev.mute_reset = (a & 64) != 0;
    dev.empty_hash = (a & 128) != 0;
    dev.buf_size = 128 + (uint32_t)(c >> 3) * 40;
    dev.buf_count = c & 7;
    dev.boot_ms = 1000;
    dev.accepts = (struct td_tandem_accepts){ .sig = 2,
                                              .mode = (uint32_t)dev.mode,
                                              .has_log = true,
                                              .n_images = 1,
                                              .images = { { .max_size = 4000,
                                                            .slot_size = { 4096, 4096 } } } };
    for (int i = 0; i < 2; i++) {
        uint8_t what = next(m);

        dev.slot[i].present = i == 0 || (what & 1) != 0;
        memcpy(dev.slot[i].hash, images[what >> 1 & 1].hash, 32);
        dev.slot[i].hash[31] ^= what >> 2 & 1;
        dev.next = (enum model_next)(what >> 3 & 3);
    }
}

/* One packet of ours, and what comes back for it. */
static void answer(struct moves *m, uint64_t now, const uint8_t *sent, size_t len)
{
    uint8_t out[2600];
    uint32_t took;
    uint8_t move = next(m);
    size_t n = model_receive(&dev, now, sent, len, out, 2048, &took);

    switch (move & 7) {
    case 1: // a body of its own choice behind a header that fits
        memcpy(out, sent, TD_SMP_HEADER_SIZE);
        n = take(m, out + TD_SMP_HEADER_SIZE, 255);
        out[0] = (uint8_t)((sent[0] | 1) & (move & 8 ? 0xe7 : 0xff));
        out[2] = 0;
        out[3] = (uint8_t)n;
        n += TD_SMP_HEADER_SIZE;
        break;
    case 2: // spoilt
        for (uint8_t i = next(m) & 7; n > 0 && i > 0; i--)
            out[next(m) % n] ^= next(m);
        break;
    case 3: // cut short, or with something behind it
        n = move & 8 ? n / 2 : n + (n > 0 ? 5 : 0);
        break;
    case 4: // no answer at all
        n = take(m, out, 255);
        break;
    case 5: // lost
        n = 0;
        break;
    case 6: // the link goes, and comes back
        td_update_link(&u, now, false);
        td_update_link(&u, now + 100, true);
        break;
    case 7: // twice
        td_update_receive(&u, now, out, n);
        break;
    default: break;
    }
    td_update_receive(&u, now + 1, out, n);
}

static unsigned take_events(void)
{
    struct td_update_event e;
    unsigned results = 0;

    while (td_update_event(&u, &e)) {
        if (e.kind == TD_EVENT_PREFLIGHT)
            CHECK(memchr(e.row->text, 0, sizeof(e.row->text)) != NULL);
        results += e.kind == TD_EVENT_RESULT;
    }
    return results;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct td_update_file file;
    struct moves m = { data, size };
    struct td_update_config cfg = { .files = &file, .n_files = 1, .wait_ms = 20000 };
    uint8_t buf[1500];
    uint8_t how;
    unsigned results = 0;
    uint64_t now = 1;

    if (images[0].size == 0) {
        struct model_image_kind kind = {
            .version = { 1, 0, 0, 0 }, .payload = 900, .key = 7, .sig_tlv = TD_TLV_ECDSA_SIG
        };

        model_image(&images[0], &kind);
        kind.version.major = 2;
        model_image(&images[1], &kind);
    }
    choose_device(&m);
    how = next(&m);
    cfg.mode = (enum td_update_mode)(how & 3);
    cfg.erase_settings = (how & 4) != 0;
    cfg.no_resume = (how & 8) != 0;
    cfg.session.link.fragments = (how & 16) != 0;
    cfg.session.link.line = how & 32 ? 93 : 0;
    cfg.session.link.overhead = how & 32 ? 4 : 0;
    cfg.session.timeout_ms = how & 64 ? 2000 : 0;
    cfg.session.rx = rx;
    cfg.session.rx_cap = sizeof(rx);
    file.src = td_source_memory(images[1].bytes, images[1].size);
    memcpy(file.sha, images[1].sha, 32);

    td_update_start(&u, &cfg, now);
    for (unsigned steps = 0; !td_update_done(&u); steps++) {
        uint64_t wake;
        size_t n;

        CHECK(steps < 20000);
        results += take_events();
        while ((n = td_update_send(&u, now, buf, sizeof(buf))) > 0) {
            CHECK(n <= sizeof(buf) && !td_update_done(&u));
            answer(&m, now, buf, n);
            now += 2;
        }
        wake = td_update_wake_ms(&u);
        CHECK(td_update_done(&u) || wake != TD_NEVER);
        if (!td_update_done(&u) && wake > now)
            now = wake;
    }
    CHECK(td_update_send(&u, now, buf, sizeof(buf)) == 0);
    results += take_events();
    CHECK(results == 1);
    CHECK(u.outcome.text[0] != '\0');
    CHECK(memchr(u.outcome.text, 0, sizeof(u.outcome.text)) != NULL);
    CHECK(memchr(u.outcome.remedy, 0, sizeof(u.outcome.remedy)) != NULL);
    return 0;
}
