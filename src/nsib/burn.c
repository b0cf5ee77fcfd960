/*
 * nsib/burn.c - what the device was given, and the two things in it that only move forwards.
 *
 * A write is decided from what is there, so that one which a power cut tore is finished, or done
 * again in the next place, by the next boot.
 */
#include "base/range.h"
#include "nsib/nsib_priv.h"

#define KEY_SIZE 20u

enum td_err td_nsib_read_provision(const struct td_nsib_config *config, struct td_provision *p)
{
    struct td_source src = td_nsib_store_source(config->store);

    return td_provision_read(&src, config->provision_off, config->form, p);
}

// Some bits of the low half gone: a revocation that was cut. It was meant.
static bool is_half_revoked(const struct td_provision_key *key)
{
    uint32_t high = key->raw >> 16;

    return key->token == TD_TOKEN_ODD && (high == 0xffff || (high & 0xf0ff) == 0x50fa);
}

bool td_nsib_is_trusted(const struct td_provision_key *key)
{
    return !key->has_hole && (key->token == TD_TOKEN_VALID || key->token == TD_TOKEN_VALID_OLD);
}

bool td_nsib_is_odd(const struct td_provision_key *key)
{
    if (key->token == TD_TOKEN_ODD)
        return !is_half_revoked(key);
    return key->has_hole && (key->token == TD_TOKEN_VALID || key->token == TD_TOKEN_VALID_OLD);
}

const struct td_provision_counter *td_nsib_counter(const struct td_provision *p)
{
    for (unsigned i = 0; i < p->n_counters; i++)
        if (p->counters[i].what == TD_COUNTER_FIRMWARE)
            return &p->counters[i];
    return NULL;
}

uint32_t td_nsib_stored(const struct td_provision *p, uint16_t *left)
{
    const struct td_provision_counter *c = td_nsib_counter(p);

    if (left != NULL)
        *left = c == NULL ? 0 : (uint16_t)(c->n_slots - c->n_used);
    return c == NULL ? 0 : c->value >> 1;
}

// A slot of all zeros is not a value that the original sets.
uint32_t td_nsib_version_max(const struct td_provision *p)
{
    return p->form == TD_PROVISION_WORD ? 0x7ffffffe : 0x7ffe;
}

bool td_nsib_is_full(const struct td_provision *p, uint32_t version)
{
    const struct td_provision_counter *c = td_nsib_counter(p);

    return c != NULL && version > c->value >> 1 && c->n_used == c->n_slots;
}

static uint8_t width_of(const struct td_provision *p)
{
    return p->form == TD_PROVISION_WORD ? 4 : 2;
}

static uint32_t mask_of(const struct td_provision *p)
{
    return width_of(p) == 4 ? UINT32_MAX : 0xffffu;
}

static uint32_t value_of(uint32_t version, uint8_t slot)
{
    return version << 1 | (slot == 0 ? 1u : 0u);
}

static bool rises(const struct td_provision *p, uint32_t version, uint8_t slot)
{
    const struct td_provision_counter *c = td_nsib_counter(p);

    return c != NULL && version > c->value >> 1 &&
           (value_of(version, slot) & mask_of(p)) > c->value;
}

static bool is_revocable(const struct td_provision_key *key)
{
    return key->token == TD_TOKEN_VALID || key->token == TD_TOKEN_VALID_OLD;
}

bool td_nsib_is_due(const struct td_provision *p, uint32_t version, uint8_t slot, uint8_t key)
{
    bool due =
        rises(p, version, slot) && !td_nsib_is_full(p, version) && !td_nsib_counter(p)->has_gap;

    for (uint8_t k = 0; k < key; k++)
        due |= is_revocable(&p->keys[k]);
    return due;
}

enum td_err td_nsib_raise(const struct td_nsib_config *config, const struct td_provision *p,
                          uint32_t version, uint8_t slot)
{
    const struct td_provision_counter *c = td_nsib_counter(p);
    uint8_t width = width_of(p);

    if (!rises(p, version, slot))
        return TD_OK;
    if (c->n_used == c->n_slots)
        return TD_ENOSPC;
    // To fill the gap would be to believe what stands behind it, and perhaps to boot no more.
    if (c->has_gap)
        return TD_ESTATE;
    return config->store->program(config->store, c->off + (uint32_t)c->n_used * width,
                                  ~value_of(version, slot) & mask_of(p), width);
}

enum td_err td_nsib_revoke(const struct td_nsib_config *config, const struct td_provision *p,
                           uint8_t key)
{
    uint32_t off = p->off + td_provision_s0_off(p->form) + 12 + KEY_SIZE * key;
    const struct td_provision_key *k = &p->keys[key];

    if (!is_revocable(k))
        return TD_OK;
    // The low half stands first; the high half says which generation the token is of.
    if (p->form == TD_PROVISION_WORD)
        return config->store->program(config->store, off, k->raw & 0xffff0000u, 4);
    return config->store->program(config->store, off, 0, 2);
}
