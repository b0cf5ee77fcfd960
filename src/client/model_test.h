/*
 * client/model_test.h - a device and a link as the room's tests need them: every fault at will.
 *
 * The real server and the real bootloader are tested against the client elsewhere (sim/). Here
 * a device is a handful of answers with a switch for each thing that fielded devices do, and a
 * link has a latency, and a rule for each packet that it spoils. Time is a number.
 */
#ifndef TD_CLIENT_MODEL_TEST_H
#define TD_CLIENT_MODEL_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "client/update.h"
#include "image/build.h"
#include "smp/basic.h"
#include "smp/error.h"
#include "smp/header.h"
#include "smp/image.h"
#include "smp/os.h"
#include "smp/tandem.h"

/* ---- images ---------------------------------------------------------------------------- */

struct model_image {
    uint8_t bytes[300000];
    uint32_t size;
    uint8_t hash[32];
    uint8_t sha[32];
};

struct model_image_kind {
    struct td_version version;
    uint32_t payload, flags, load_addr;
    uint16_t sig_tlv;
    uint8_t key; /* fills the key's fingerprint; 0 = names none */
    uint8_t fill;
};

static inline void model_image(struct model_image *m, const struct model_image_kind *k)
{
    struct td_build b;
    struct td_image_header hdr = { .hdr_size = 32,
                                   .img_size = k->payload,
                                   .flags = k->flags,
                                   .load_addr = k->load_addr,
                                   .version = k->version };
    struct td_hash h;
    uint8_t key[32], sig[70] = { 0x30, 68 };

    memset(m->bytes, 0, 32);
    for (uint32_t i = 0; i < k->payload; i++)
        m->bytes[32 + i] = (uint8_t)(i * 7 + k->fill + i / 251);
    td_build_begin(&b, m->bytes, sizeof(m->bytes), 32 + k->payload);
    td_build_header(&b, &hdr);
    td_hash_init(&h, &td_sha256);
    td_hash_update(&h, m->bytes, b.len);
    td_hash_final(&h, m->hash);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, m->hash, sizeof(m->hash));
    memset(key, k->key, sizeof(key));
    if (k->key != 0)
        td_build_tlv(&b, TD_TLV_KEYHASH, key, sizeof(key));
    if (k->sig_tlv != 0)
        td_build_tlv(&b, k->sig_tlv, sig, sizeof(sig));
    td_build_close(&b);
    m->size = b.len;
    td_hash_init(&h, &td_sha256);
    td_hash_update(&h, m->bytes, m->size);
    td_hash_final(&h, m->sha);
}

/* ---- the device ------------------------------------------------------------------------ */

enum model_next { NEXT_NONE, NEXT_TEST, NEXT_PERM, NEXT_REVERT };

enum model_fate {
    FATE_RUNS,       /* swapped in, waits for its confirmation */
    FATE_CONFIRMS,   /* and confirms itself */
    FATE_REFUSED,    /* the bootloader erases it */
    FATE_STAYS,      /* no room to swap: the mark stays, the old image runs */
    FATE_CRASHES,    /* runs, resets before SMP is up, the old one is back */
    FATE_DIES_LATER, /* answers its list, then crashes when it is asked to confirm */
    FATE_NEVER_BACK, /* no SMP any more */
};

/* Commands that a device was built without. */
enum model_lacks {
    LACKS_PARAMS = 1,
    LACKS_BOOTLOADER = 2,
    LACKS_SLOTS = 4,
    LACKS_TANDEM = 8,
    LACKS_BASIC = 16,
    LACKS_STATE_WRITE = 32,
    LACKS_ERASE = 64,
    LACKS_EVERYTHING = 128,
    LACKS_LIST = 256,
};

struct model_slot {
    bool present;
    uint8_t hash[64]; /* 32 of them count */
    struct td_version version;
};

struct model {
    /* what kind of device */
    unsigned lacks;
    bool v1_only;    /* speaks the original protocol whatever it is asked in */
    bool refuses_v2; /* rc 13 to anything newer */
    bool old_rules;  /* a success to every state write, whether or not it did anything */
    bool silent, garbage;
    bool deaf_to_confirm;    /* says done and does nothing */
    bool mute_reset;         /* gone before its answer to a reset is */
    bool empty_hash;         /* wants an empty hash in a confirm instead of none */
    bool recovery;           /* a bootloader that takes uploads into slot 0 until it is reset, */
    bool recovery_hash;      /* and lists hashes */
    bool has_b0;             /* it tells which of S0 and S1 runs, */
    uint32_t b0;             /* this one */
    bool resets_when_marked; /* somebody else's doing */
    bool b0_refuses;         /* and what is sent as the other one does not start */
    int32_t mode;
    uint32_t buf_size, buf_count;
    uint32_t max_packet;             /* larger ones vanish; 0 = none does */
    uint32_t align;                  /* keeps only multiples of a chunk; 0 = all */
    uint32_t erase_ms;               /* before the first chunk is answered */
    uint32_t boot_ms;                /* silence after a reset */
    uint32_t forget_at;              /* resets when the upload has come so far, once */
    bool forgets;                    /* and again each time */
    uint32_t forget_every;           /* and again after so many bytes more */
    bool durable;                    /* a reset keeps whole sectors of an upload */
    uint32_t refuse_at, refuse_code; /* a chunk from there on is refused, by the image group */
    uint32_t busy_at, busy_n;        /* rc 10, so many times */
    bool no_match, keep_pending;
    bool refuse_reset;
    bool deaf_to_reset; /* neither answers nor resets */
    enum model_fate fate;
    struct td_verdict verdict; /* told when code is not 0, once the fate has struck */
    struct td_tandem_accepts accepts;

    /* its state */
    struct model_slot slot[2];
    enum model_next next;
    bool open;
    uint32_t off, total;
    uint32_t kept; /* of what a reset interrupted */
    uint8_t sha[32];
    size_t sha_len;
    uint8_t got[300000];
    uint64_t dead_until;
    uint64_t reset_at; /* 0 = none due */
    bool struck;

    /* what it saw */
    uint32_t start;     /* enum td_tandem_start: how it took the last first chunk */
    uint32_t max_first; /* bytes of the last first packet */
    unsigned n_starts;  /* times that it was asked */
    unsigned n_requests, n_first, n_chunks, n_test, n_confirm, n_erase, n_reset, n_storage;
    bool confirmed_while_pending;
    uint32_t max_seen;
};

static inline void model_boot(struct model *m)
{
    struct model_slot was = m->slot[0];

    m->open = false;
    if (m->recovery) {
        m->recovery = false;
        m->lacks &= ~(unsigned)LACKS_STATE_WRITE;
        return;
    }
    if (m->next == NEXT_REVERT) {
        m->slot[0] = m->slot[1];
        m->slot[1] = was;
        m->next = NEXT_NONE;
        m->struck = true;
        return;
    }
    if ((m->mode == TD_MODE_XIP || m->mode == TD_MODE_RAM_LOAD) && m->slot[1].present &&
        td_version_cmp(&m->slot[1].version, &m->slot[0].version) > 0)
        m->next = NEXT_PERM; // the highest version runs, nobody marks anything
    if (m->next == NEXT_NONE)
        return;
    if (m->has_b0) {
        m->b0 ^= !m->b0_refuses;
        m->slot[1].present = false;
        m->next = NEXT_NONE;
        return;
    }
    switch (m->fate) {
    case FATE_REFUSED:
        m->slot[1].present = false;
        m->next = NEXT_NONE;
        m->struck = true;
        return;
    case FATE_STAYS: m->struck = true; return;
    case FATE_CRASHES:
        m->next = NEXT_NONE;
        m->struck = true;
        return;
    case FATE_NEVER_BACK: m->dead_until = UINT64_MAX; return;
    default:
        m->slot[0] = m->slot[1];
        m->slot[1] = was;
        m->next = m->next == NEXT_PERM || m->fate == FATE_CONFIRMS ? NEXT_NONE : NEXT_REVERT;
        // Where nothing is on trial, what runs is what is confirmed.
        if (m->mode == TD_MODE_OVERWRITE || m->mode == TD_MODE_XIP || m->mode == TD_MODE_RAM_LOAD)
            m->next = NEXT_NONE;
        return;
    }
}

/* A slot and its version, sometimes a hash: no flags, and "rc" in front. */
static inline void put_recovery_list(struct model *m, struct td_cbor_writer *w)
{
    char version[TD_IMG_VERSION_MAX];
    struct td_img_entry e = { .has_version = true,
                              .has_hash = m->recovery_hash,
                              .hash = { m->slot[0].hash, 32 } };

    e.version = td_img_version_text(&m->slot[0].version, version);
    td_img_list_put_begin(w);
    if (m->slot[0].present)
        td_img_list_put(w, &e, true);
    td_img_list_put_end(w, false);
}

static inline void put_list(struct model *m, struct td_cbor_writer *w)
{
    if (m->recovery) {
        put_recovery_list(m, w);
        return;
    }
    td_img_list_put_begin(w);
    for (uint32_t i = 0; i < 2; i++) {
        char version[TD_IMG_VERSION_MAX];
        struct td_img_entry e = { .slot = i,
                                  .has_version = true,
                                  .has_hash = true,
                                  .hash = { m->slot[i].hash, 32 },
                                  .bootable = true,
                                  .active = i == 0,
                                  .confirmed = (i == 0) == (m->next != NEXT_REVERT),
                                  .pending =
                                      i == 1 && (m->next == NEXT_TEST || m->next == NEXT_PERM),
                                  .permanent = i == 1 && m->next == NEXT_PERM };

        if (i == 1 && m->next != NEXT_REVERT)
            e.confirmed = false;
        e.version = td_img_version_text(&m->slot[i].version, version);
        if (m->slot[i].present)
            td_img_list_put(w, &e, false);
    }
    td_img_list_put_end(w, true);
}

static inline void put_error(struct model *m, struct td_cbor_writer *w, uint8_t version,
                             uint32_t code)
{
    struct td_cbor_text none = { "", 0 };

    if (version == 0 || m->v1_only)
        td_smp_put_rc(w, td_smp_v1_rc(TD_SMP_GROUP_IMAGE, code), none);
    else
        td_smp_put_group_error(w, TD_SMP_GROUP_IMAGE, code, none);
}

static inline void model_state_write(struct model *m, const uint8_t *body, size_t len,
                                     struct td_cbor_writer *w, uint8_t version)
{
    struct td_img_state_req req = { 0 };
    bool ours, running, confirm;

    td_img_state_req_get(body, len, &req);
    confirm = req.has_confirm && req.confirm;
    m->n_confirm += confirm;
    m->n_test += !confirm;
    if (confirm && m->next != NEXT_NONE && m->next != NEXT_REVERT)
        m->confirmed_while_pending = true;
    if (confirm && !req.has_hash && m->empty_hash) {
        td_smp_put_rc(w, TD_SMP_RC_INVALID, (struct td_cbor_text){ "", 0 });
        return;
    }
    running = !req.has_hash || req.hash.len == 0 ||
              (req.hash.len == 32 && memcmp(req.hash.p, m->slot[0].hash, 32) == 0);
    ours = req.has_hash && req.hash.len == 32 && m->slot[1].present &&
           memcmp(req.hash.p, m->slot[1].hash, 32) == 0;
    if (running && confirm) {
        if (m->fate == FATE_DIES_LATER && m->next == NEXT_REVERT) {
            model_boot(m);
            m->dead_until = 1; // gone without an answer; see model_receive
            return;
        }
        if (m->next == NEXT_REVERT && !m->deaf_to_confirm)
            m->next = NEXT_NONE;
    } else if (m->old_rules && m->next != NEXT_NONE) {
        // success, and nothing was done
    } else if (m->next != NEXT_NONE && !(m->next == NEXT_TEST && ours && !confirm)) {
        put_error(m, w, version, TD_IMG_ALREADY_PENDING);
        return;
    } else if (!ours) {
        put_error(m, w, version, TD_IMG_HASH_NOT_FOUND);
        return;
    } else {
        m->next = confirm ? NEXT_PERM : NEXT_TEST;
    }
    put_list(m, w);
}

static inline void model_upload_done(struct model *m)
{
    struct td_source src = td_source_memory(m->got, m->total);
    struct model_slot *to = &m->slot[m->recovery ? 0 : 1];
    struct td_image img;

    m->open = false;
    to->present = td_image_open(&src, UINT32_MAX, &img, NULL) == TD_OK &&
                  td_image_hash(&src, &img, to->hash, NULL, NULL) == TD_OK;
    to->version = img.hdr.version;
}

/* Rules 1 to 16 of an upload, as far as a client can tell them apart. */
static inline uint32_t model_upload(struct model *m, const uint8_t *body, size_t len,
                                    struct td_cbor_writer *w, uint8_t version)
{
    struct td_img_upload_req req = { 0 };
    struct td_img_upload_rsp rsp = { .has_off = true };
    uint32_t took = 0;

    m->n_chunks++;
    if (td_img_upload_req_get(body, len, &req) != TD_OK || !req.has_off) {
        put_error(m, w, version, TD_IMG_NO_OFFSET);
        return 0;
    }
    if (m->refuse_code != 0 && req.off >= m->refuse_at) {
        put_error(m, w, version, m->refuse_code);
        return 0;
    }
    if (m->busy_n > 0 && req.off >= m->busy_at) {
        m->busy_n--;
        td_smp_put_rc(w, TD_SMP_RC_BUSY, (struct td_cbor_text){ "", 0 });
        return 0;
    }
    if (req.off == 0) {
        m->n_first++;
        m->max_first = (uint32_t)len + TD_SMP_HEADER_SIZE;
        if (req.data.len < 32 || !req.has_len) {
            put_error(m, w, version, TD_IMG_SHORT_HEADER);
            return 0;
        }
        bool same = req.sha.len > 0 && req.sha.len == m->sha_len &&
                    memcmp(req.sha.p, m->sha, m->sha_len) == 0;

        m->start = !same         ? TD_START_NEW
                   : m->open     ? TD_START_AFTER_LINK
                   : m->kept > 0 ? TD_START_AFTER_RESET
                                 : TD_START_NO_LOG;
        if (!m->open || !same) {
            m->off = same ? m->kept : 0;
            m->kept = 0;
            m->open = true;
            m->total = req.len;
            m->sha_len = req.sha.len < 32 ? req.sha.len : 32;
            if (m->sha_len > 0)
                memcpy(m->sha, req.sha.p, m->sha_len);
            m->slot[m->recovery ? 0 : 1].present = false;
            if (m->next == NEXT_TEST || m->next == NEXT_PERM)
                m->next = NEXT_NONE;
            took = m->erase_ms;
        }
    }
    if (m->open && m->forget_at > 0 && m->off >= m->forget_at) {
        m->open = false;
        m->kept = m->durable ? m->off & ~0xfffu : 0;
        m->off = 0;
        if (m->forget_every > 0)
            m->forget_at += m->forget_every;
        else if (!m->forgets)
            m->forget_at = 0;
    }
    if (m->open && req.off == m->off) {
        uint32_t n = (uint32_t)req.data.len;

        if (m->align > 1 && req.off + n < m->total)
            n -= n % m->align;
        if (n > m->total - m->off || m->total > sizeof(m->got)) {
            put_error(m, w, version, TD_IMG_OVERRUN);
            return 0;
        }
        memcpy(m->got + m->off, req.data.p, n);
        m->off += n;
    }
    rsp.off = m->open ? m->off : 0;
    if (m->open && m->off == m->total) {
        model_upload_done(m);
        rsp.has_match = m->sha_len == 32;
        rsp.match = !m->no_match;
    }
    td_img_upload_rsp_put(w, &rsp);
    return took;
}

static inline bool model_lacks(const struct model *m, const struct td_smp_header *h)
{
    static const struct {
        uint16_t group;
        uint8_t op, id;
        unsigned bit;
    } rows[] = {
        { TD_SMP_GROUP_OS, TD_SMP_READ, TD_OS_PARAMS, LACKS_PARAMS },
        { TD_SMP_GROUP_OS, TD_SMP_READ, TD_OS_BOOTLOADER, LACKS_BOOTLOADER },
        { TD_SMP_GROUP_IMAGE, TD_SMP_READ, TD_IMG_SLOT_INFO, LACKS_SLOTS },
        { TD_SMP_GROUP_IMAGE, TD_SMP_READ, TD_IMG_STATE, LACKS_LIST },
        { TD_SMP_GROUP_IMAGE, TD_SMP_WRITE, TD_IMG_STATE, LACKS_STATE_WRITE },
        { TD_SMP_GROUP_IMAGE, TD_SMP_WRITE, TD_IMG_ERASE, LACKS_ERASE },
        { TD_SMP_GROUP_BASIC, TD_SMP_WRITE, TD_BASIC_STORAGE_ERASE, LACKS_BASIC },
        { TD_SMP_GROUP_TANDEM, TD_SMP_READ, TD_TANDEM_WHY, LACKS_TANDEM },
        { TD_SMP_GROUP_TANDEM, TD_SMP_READ, TD_TANDEM_ACCEPTS, LACKS_TANDEM },
        { TD_SMP_GROUP_TANDEM, TD_SMP_READ, TD_TANDEM_UPLOAD, LACKS_TANDEM },
    };

    if (m->lacks & LACKS_EVERYTHING)
        return true;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].group == h->group && rows[i].op == h->op && rows[i].id == h->id)
            return (m->lacks & rows[i].bit) != 0;
    return h->group != TD_SMP_GROUP_OS && h->group != TD_SMP_GROUP_IMAGE;
}

static inline void put_slots(struct td_cbor_writer *w)
{
    struct td_img_slot slot = { .has_size = true, .size = 0x38000 };

    td_img_slots_put_begin(w);
    td_img_slots_put_image_begin(w, 0);
    for (slot.slot = 0; slot.slot < 2; slot.slot++)
        td_img_slots_put(w, &slot);
    td_img_slots_put_image_end(w, true, 0x36000);
    td_img_slots_put_end(w);
}

static inline void put_why(struct model *m, struct td_cbor_writer *w)
{
    td_tandem_why_put_begin(w);
    if (m->struck && m->verdict.code != 0)
        td_tandem_why_put(w, &m->verdict);
    td_tandem_why_put_end(w, false, 0);
}

/* Answers into out; returns its length (0 = none), and how long the device worked on it. */
static inline size_t model_receive(struct model *m, uint64_t now, const uint8_t *in, size_t n,
                                   uint8_t *out, size_t cap, uint32_t *took)
{
    struct td_smp_header h;
    const uint8_t *body;
    struct td_cbor_writer w;
    size_t len;

    *took = 1;
    if (m->reset_at != 0 && now >= m->reset_at) {
        m->dead_until = m->reset_at + m->boot_ms;
        m->reset_at = 0;
        model_boot(m);
    }
    if (m->silent || now < m->dead_until)
        return 0;
    m->n_requests++;
    if (n > m->max_seen)
        m->max_seen = (uint32_t)n;
    if (m->max_packet > 0 && n > m->max_packet)
        return 0;
    if (td_smp_open(in, n, &h, &body) != TD_OK)
        return 0;
    m->n_starts += h.group == TD_SMP_GROUP_TANDEM && h.id == TD_TANDEM_UPLOAD;
    td_smp_begin(&w, out, cap, TD_CBOR_INDEFINITE);
    if (m->garbage) {
        td_cbor_put_uint(&w, 5);
    } else if (m->refuses_v2 && h.version > 0) {
        td_smp_put_rc(&w, TD_SMP_RC_TOO_NEW, (struct td_cbor_text){ "", 0 });
    } else if (model_lacks(m, &h)) {
        td_smp_put_rc(&w, TD_SMP_RC_NOT_SUPPORTED, (struct td_cbor_text){ "", 0 });
    } else if (h.group == TD_SMP_GROUP_OS && h.id == TD_OS_PARAMS) {
        struct td_os_params_rsp p = { true, true, m->buf_size, m->buf_count };

        td_os_params_rsp_put(&w, &p);
    } else if (h.group == TD_SMP_GROUP_OS && h.id == TD_OS_BOOTLOADER) {
        struct td_os_bootloader_rsp b = { .has_mode = true, .mode = m->mode };
        struct td_os_bootloader_rsp active = { .has_active = true, .active = m->b0 };
        struct td_os_bootloader_req query = { .has_query = false };

        td_os_bootloader_req_get(body, h.len, &query);
        if (!query.has_query || !td_cbor_text_is(query.query, TD_TEXT("active_b0_slot")))
            td_os_bootloader_rsp_put(&w, &b);
        else if (m->has_b0)
            td_os_bootloader_rsp_put(&w, &active);
        else
            td_smp_put_rc(&w, TD_SMP_RC_INVALID, (struct td_cbor_text){ "", 0 });
    } else if (h.group == TD_SMP_GROUP_OS && h.id == TD_OS_RESET) {
        m->n_reset++;
        if (m->deaf_to_reset)
            return 0;
        if (m->refuse_reset) {
            td_smp_put_rc(&w, TD_SMP_RC_BUSY, (struct td_cbor_text){ "flash", 5 });
        } else {
            td_smp_put_empty(&w);
            if (m->reset_at == 0)
                m->reset_at = now + 250;
            if (m->mute_reset)
                return 0;
        }
    } else if (h.group == TD_SMP_GROUP_IMAGE && h.id == TD_IMG_STATE && h.op == TD_SMP_READ) {
        put_list(m, &w);
    } else if (h.group == TD_SMP_GROUP_IMAGE && h.id == TD_IMG_STATE) {
        model_state_write(m, body, h.len, &w, h.version);
        if (m->resets_when_marked)
            m->reset_at = now + 1;
        if (m->dead_until == 1) {
            m->dead_until = now + m->boot_ms;
            return 0;
        }
    } else if (h.group == TD_SMP_GROUP_IMAGE && h.id == TD_IMG_UPLOAD) {
        *took += model_upload(m, body, h.len, &w, h.version);
    } else if (h.group == TD_SMP_GROUP_IMAGE && h.id == TD_IMG_ERASE) {
        m->n_erase++;
        if (!m->keep_pending) {
            m->slot[1].present = false;
            m->next = NEXT_NONE;
        }
        td_smp_put_empty(&w);
    } else if (h.group == TD_SMP_GROUP_IMAGE) {
        put_slots(&w);
    } else if (h.group == TD_SMP_GROUP_BASIC) {
        m->n_storage++;
        td_smp_put_empty(&w);
    } else if (h.id == TD_TANDEM_WHY) {
        put_why(m, &w);
    } else if (h.id == TD_TANDEM_UPLOAD) {
        td_tandem_upload_put(&w, &(struct td_tandem_upload){ .start = m->start });
    } else {
        td_tandem_accepts_put(&w, &m->accepts);
    }
    h.op |= 1;
    if (m->v1_only)
        h.version = 0;
    if (td_smp_end(&w, &h, &len) != TD_OK) {
        fprintf(stderr, "model: an answer does not fit\n");
        abort();
    }
    return len;
}

/* ---- the link -------------------------------------------------------------------------- */

#define MODEL_QUEUE 256

struct model_packet {
    bool to_device;
    uint64_t at;
    size_t len;
    uint8_t bytes[4200];
};

struct model_link {
    uint32_t latency_ms;
    unsigned drop_every, dup_every, swap_every; /* counted over both directions; 0 = never */
    unsigned piece;                             /* answers come in pieces of so many bytes */
    uint32_t baud;       /* of a serial line, 10 bits to a byte; 0 = packets take no time */
    bool raw;            /* the line carries bare packets, else console lines */
    uint64_t line_us[2]; /* until when each direction is busy */
    unsigned count, n_dropped;
    uint64_t busy_until; /* the device works on one request after the other */
    size_t n;
    struct model_packet q[MODEL_QUEUE];
};

/* Bytes on a console line for a packet of n: length and CRC, base64, three more for each line. */
static inline uint32_t link_wire(uint32_t n)
{
    uint32_t lines = (n + 4 + 92) / 93, last = n + 4 - (lines - 1) * 93;

    return (lines - 1) * 127 + 3 + (last + 2) / 3 * 4;
}

/* When the last byte of a packet has passed a line that works on one packet after the other. */
static inline uint64_t link_passed(struct model_link *l, bool to_device, uint64_t at, size_t n)
{
    uint64_t *busy = &l->line_us[to_device];
    uint32_t bytes = l->raw ? (uint32_t)n : link_wire((uint32_t)n);

    if (l->baud == 0)
        return at;
    if (*busy < at * 1000)
        *busy = at * 1000;
    *busy += (uint64_t)bytes * 10000000 / l->baud;
    return (*busy + 999) / 1000;
}

static inline void link_put(struct model_link *l, bool to_device, uint64_t at, const uint8_t *p,
                            size_t n)
{
    unsigned copies = 1;

    l->count++;
    if (l->drop_every > 0 && l->count % l->drop_every == 0) {
        l->n_dropped++;
        return;
    }
    if (l->dup_every > 0 && l->count % l->dup_every == 0)
        copies = 2;
    if (l->swap_every > 0 && l->count % l->swap_every == 0)
        at += 7; // overtaken by those behind it
    while (copies-- > 0 && l->n < MODEL_QUEUE && n <= sizeof(l->q[0].bytes)) {
        struct model_packet *k = &l->q[l->n++];

        k->to_device = to_device;
        k->at = link_passed(l, to_device, at, n) + l->latency_ms;
        k->len = n;
        memcpy(k->bytes, p, n);
    }
}

static inline struct model_packet *link_next(struct model_link *l)
{
    struct model_packet *first = NULL;

    for (size_t i = 0; i < l->n; i++)
        if (first == NULL || l->q[i].at < first->at)
            first = &l->q[i];
    return first;
}

static inline void link_remove(struct model_link *l, struct model_packet *p)
{
    memmove(p, p + 1, (size_t)(&l->q[l->n] - (p + 1)) * sizeof(*p));
    l->n--;
}

#endif
