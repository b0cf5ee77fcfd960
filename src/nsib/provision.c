/* nsib/provision.c - reads aligned words only, as OTP wants it. */
#include "nsib/provision.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"

#define TYPE_COUNTERS 1u
#define TYPE_VARIABLE 0x9312u
#define AREA_MAX      4096u /* OTP, or a page of flash: no list in it is longer */

/* Where the reader stands. Errors stick: what is read after one is 0. */
struct reader {
    const struct td_source *src;
    uint32_t at;
    enum td_err err;
};

static uint32_t word_at(struct reader *r, uint32_t off)
{
    uint8_t raw[4];

    if (r->err == TD_OK)
        r->err = td_source_read(r->src, off, raw, sizeof raw);
    return r->err == TD_OK ? td_load_le32(raw) : 0;
}

static uint32_t next_word(struct reader *r)
{
    uint32_t word = word_at(r, r->at);

    // The read before has failed when this would wrap.
    if (r->err == TD_OK)
        r->at += 4;
    return word;
}

uint32_t td_provision_s0_off(enum td_provision_form form)
{
    return form == TD_PROVISION_BARE ? 0 : form == TD_PROVISION_HALFWORD ? 0x28 : 0x30;
}

/* One flag of the life cycle: 1 entered, 0 not, -1 neither. */
static int entered(uint32_t value, uint32_t erased)
{
    return value == 0 ? 1 : value == erased ? 0 : -1;
}

static enum td_life_cycle read_life(struct reader *r, uint32_t off, enum td_provision_form form)
{
    int flags[3];
    int n = 0;

    if (form == TD_PROVISION_BARE)
        return TD_LIFE_UNKNOWN;
    if (form == TD_PROVISION_HALFWORD) {
        uint32_t low = word_at(r, off);
        uint32_t high = word_at(r, off + 4);

        flags[0] = entered(low & 0xffff, 0xffff);
        flags[1] = entered(low >> 16, 0xffff);
        flags[2] = entered(high >> 16, 0xffff);
    } else {
        flags[0] = entered(word_at(r, off), UINT32_MAX);
        flags[1] = entered(word_at(r, off + 4), UINT32_MAX);
        flags[2] = entered(word_at(r, off + 12), UINT32_MAX);
    }
    while (n < 3 && flags[n] == 1)
        n++;
    for (int i = n; i < 3; i++)
        if (flags[i] != 0)
            return TD_LIFE_CORRUPT;
    return (enum td_life_cycle)n;
}

static enum td_key_token token_of(uint32_t raw, uint32_t index)
{
    uint32_t top = 0x50fa0000u + (index << 24);

    if (raw == 0xffffffffu)
        return TD_TOKEN_VALID_OLD;
    if (raw == 0xffff0000u)
        return TD_TOKEN_REVOKED_OLD;
    if (raw == (top | 0xffffu))
        return TD_TOKEN_VALID;
    return raw == top ? TD_TOKEN_REVOKED : TD_TOKEN_ODD;
}

static void read_key(struct reader *r, uint32_t index, struct td_provision_key *key)
{
    key->raw = next_word(r);
    key->token = token_of(key->raw, index);
    for (unsigned i = 0; i < 16; i += 4)
        td_store_le32(key->fingerprint + i, next_word(r));
    for (unsigned i = 0; i < 16; i += 2)
        if (td_load_le16(key->fingerprint + i) == 0xffff)
            key->has_hole = true;
}

/* One slot more: a value is kept inverted, so that a free slot would be 0. */
static bool take_slot(struct td_provision_counter *c, bool more, uint32_t inverted)
{
    if (inverted == 0)
        return false;
    if (!more) {
        c->has_gap = true;
        return false;
    }
    c->n_used++;
    c->value = td_max_u32(c->value, inverted);
    return true;
}

static void read_slots(struct reader *r, enum td_provision_form form,
                       struct td_provision_counter *c)
{
    uint32_t width = form == TD_PROVISION_WORD ? 4 : 2;
    uint32_t bytes = c->n_slots * width;
    bool more = true;

    c->off = r->at;
    if (bytes % 4 != 0 || bytes > AREA_MAX) {
        r->err = TD_EFORMAT;
        return;
    }
    if (!td_range_in(r->at, bytes, r->src->size)) {
        r->err = TD_ETRUNC;
        return;
    }
    for (uint32_t done = 0; done < bytes; done += 4) {
        uint32_t word = next_word(r);

        if (width == 4) {
            more = take_slot(c, more, ~word);
            continue;
        }
        more = take_slot(c, more, (uint16_t)~word);
        more = take_slot(c, more, (uint16_t) ~(word >> 16));
    }
}

static void read_counters(struct reader *r, struct td_provision *p)
{
    uint32_t head = word_at(r, r->at);
    uint32_t n = head >> 16;

    if ((head & 0xffff) != TYPE_COUNTERS)
        return;
    r->at += 4;
    if (n > TD_PROVISION_COUNTERS) {
        r->err = TD_EFORMAT;
        return;
    }
    for (uint32_t i = 0; i < n && r->err == TD_OK; i++) {
        struct td_provision_counter *c = &p->counters[i];
        uint32_t word = next_word(r);

        c->what = (uint16_t)word;
        c->n_slots = (uint16_t)(word >> 16);
        if (r->err == TD_OK)
            read_slots(r, p->form, c);
        if (r->err == TD_OK)
            p->n_counters++;
    }
}

/* Entries of u8 type, u8 length and data, packed; their end is rounded up to a word. */
static void skip_variable(struct reader *r, struct td_provision *p)
{
    uint32_t head = word_at(r, r->at);
    uint32_t n = head >> 16;
    uint32_t pos = r->at + 4;

    if ((head & 0xffff) != TYPE_VARIABLE)
        return;
    p->has_variable_data = true;
    if (n > AREA_MAX / 2) // each has a type and a length
        r->err = TD_EFORMAT;
    for (uint32_t i = 0; i < n && r->err == TD_OK; i++) {
        uint32_t len = word_at(r, pos & ~3u) >> (8 * (pos & 3));

        len = (pos & 3) == 3 ? word_at(r, (pos & ~3u) + 4) & 0xff : len >> 8 & 0xff;
        pos += 2 + len;
    }
    r->at = td_round_up(pos, 4);
    if (r->err == TD_OK && r->at > r->src->size)
        r->err = TD_ETRUNC;
}

enum td_err td_provision_read(const struct td_source *src, uint32_t off,
                              enum td_provision_form form, struct td_provision *p)
{
    struct reader r = { src, 0, TD_OK };

    memset(p, 0, sizeof *p);
    p->form = form;
    p->off = off;
    if (off % 4 != 0)
        return TD_EARG;
    if (!td_range_in(off, td_provision_s0_off(form) + 12, src->size))
        return TD_ETRUNC;
    p->life = read_life(&r, off, form);
    r.at = off + td_provision_s0_off(form);
    p->s0_address = next_word(&r);
    p->s1_address = next_word(&r);
    p->n_keys = next_word(&r);
    if (r.err == TD_OK && p->n_keys > TD_PROVISION_KEYS) {
        p->n_keys = 0;
        return TD_EFORMAT;
    }
    for (uint32_t i = 0; i < p->n_keys && r.err == TD_OK; i++)
        read_key(&r, i, &p->keys[i]);
    // What stands behind may not be there at all.
    if (r.err == TD_OK && td_range_in(r.at, 4, src->size))
        read_counters(&r, p);
    if (r.err == TD_OK && td_range_in(r.at, 4, src->size))
        skip_variable(&r, p);
    p->size = r.at - off;
    return r.err;
}

bool td_provision_is_plausible(const struct td_provision *p)
{
    bool old = false, young = false;

    if (p->life == TD_LIFE_CORRUPT || p->n_keys == 0 || p->s0_address % 0x100 != 0 ||
        p->s1_address % 0x100 != 0 || p->s1_address < p->s0_address ||
        p->s1_address == UINT32_MAX || p->s0_address == 0)
        return false;
    for (uint32_t i = 0; i < p->n_keys; i++) {
        enum td_key_token token = p->keys[i].token;

        old = old || token == TD_TOKEN_VALID_OLD || token == TD_TOKEN_REVOKED_OLD;
        young = young || token == TD_TOKEN_VALID || token == TD_TOKEN_REVOKED;
        if (token == TD_TOKEN_ODD || p->keys[i].has_hole)
            return false;
    }
    return old != young;
}
