/* tools/b0.c - the first stage's checks, in its order. */
#include "tools/b0.h"

#include <string.h>

static const struct td_nsib_found *firmware_in(const struct td_survey *s, uint32_t from,
                                               uint64_t to)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct td_thing *t = &s->at[i];

        if (t->nsib.found && t->nsib.start >= from && t->nsib.start < to)
            return &t->nsib;
    }
    return NULL;
}

static const char *key_trouble(const struct td_provision *p, const uint8_t *fingerprint)
{
    for (uint32_t i = 0; i < p->n_keys; i++) {
        const struct td_provision_key *k = &p->keys[i];
        bool revoked = k->token == TD_TOKEN_REVOKED || k->token == TD_TOKEN_REVOKED_OLD;

        if (memcmp(k->fingerprint, fingerprint, TD_FW_FINGERPRINT) == 0)
            return revoked ? "its key is revoked" : NULL;
    }
    return "its key was never provisioned";
}

/* A counter of 0 was never used; else it holds the version and, in its low bit, the slot. */
static bool is_too_old(const struct td_provision *p, uint32_t version)
{
    for (unsigned i = 0; i < p->n_counters; i++)
        if (p->counters[i].what == TD_COUNTER_FIRMWARE && p->counters[i].value >> 1 > version)
            return true;
    return false;
}

static const char *trouble(const struct td_provision *p, const struct td_nsib_found *f)
{
    if (f == NULL)
        return "no firmware is there";
    if (f->info.valid != TD_FW_VALID)
        return "it was invalidated";
    if (f->info.address < f->start || f->info.address > f->start + 0x1000)
        return "it is linked for another address";
    if (f->validation == TD_EUNSUPPORTED)
        return NULL;
    if (f->validation != TD_OK)
        return "no validation info is behind it";
    if (key_trouble(p, f->fingerprint) != NULL)
        return key_trouble(p, f->fingerprint);
    if (!f->hash_matches || f->signature != TD_OK)
        return "its signature does not verify";
    return is_too_old(p, f->info.version) ? "its version is below the counter" : NULL;
}

bool td_b0_look(struct td_b0_outlook *o, const struct td_survey *s)
{
    const struct td_provision *p = NULL;
    uint64_t size;

    memset(o, 0, sizeof *o);
    o->boots = -1;
    for (size_t i = 0; i < s->n && p == NULL; i++)
        if (s->at[i].kind == TD_THING_PROVISION)
            p = &s->at[i].u.provision;
    if (p == NULL)
        return false;
    o->provision = p;
    o->n_slots = p->s1_address > p->s0_address ? 2 : 1;
    size = o->n_slots == 2 ? p->s1_address - p->s0_address : 0x1000;
    for (unsigned n = 0; n < o->n_slots; n++) {
        struct td_b0_slot *slot = &o->slot[n];

        slot->addr = n == 0 ? p->s0_address : p->s1_address;
        slot->firmware = firmware_in(s, slot->addr, slot->addr + size);
        slot->refused = trouble(p, slot->firmware);
        if (slot->refused == NULL && (o->boots < 0 || slot->firmware->info.version >
                                                          o->slot[o->boots].firmware->info.version))
            o->boots = (int)n;
    }
    return true;
}
