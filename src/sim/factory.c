/* sim/factory.c - provision data, by docs/spec/nsib.md. */
#include "sim/factory.h"

#include <string.h>

#include "base/bytes.h"
#include "image/fw_info.h"
#include "nsib/provision.h"

/* One field after the other; what does not fit makes the whole too long. */
struct writer {
    uint8_t *out;
    size_t cap, len;
};

static void put(struct writer *w, uint32_t value, size_t width)
{
    uint8_t bytes[4];

    td_store_le32(bytes, value);
    if (w->len + width <= w->cap)
        memcpy(w->out + w->len, bytes, width);
    w->len += width;
}

static void put_erased(struct writer *w, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put(w, 0xff, 1);
}

enum td_provision_form sim_factory_form(const struct sim_profile *p)
{
    switch (p->first.form) {
    case SIM_PROVISION_WORD: return TD_PROVISION_WORD;
    case SIM_PROVISION_BARE: return TD_PROVISION_BARE;
    case SIM_PROVISION_HALFWORD: break;
    }
    return TD_PROVISION_HALFWORD;
}

static uint32_t address_of(const struct sim_profile *p, enum sim_part part)
{
    return p->flash[p->part[part].flash].address + p->part[part].off;
}

/* The device is sold: provisioned and secured. Then the implementation's id, left blank. */
static void put_life(struct writer *w, enum td_provision_form form)
{
    const size_t width = form == TD_PROVISION_WORD ? 4 : 2;

    if (form == TD_PROVISION_BARE)
        return;
    put(w, 0, width);
    put(w, 0, width);
    put_erased(w, td_provision_s0_off(form) - w->len);
}

static void put_key(struct writer *w, const struct sim_first_stage *first, uint8_t i)
{
    uint8_t print[TD_FW_FINGERPRINT];

    put(w, first->tokens == SIM_TOKENS_OLD ? 0xffffffffu : 0x50faffffu + ((uint32_t)i << 24), 4);
    td_fw_fingerprint(first->key[i], print);
    for (size_t n = 0; n < sizeof print; n++)
        put(w, print[n], 1);
}

static void put_counter(struct writer *w, enum td_provision_form form, uint16_t slots)
{
    if (slots == 0)
        return;
    put(w, 1, 2); // a collection of counters,
    put(w, 1, 2); // one of them,
    put(w, TD_COUNTER_FIRMWARE, 2);
    put(w, slots, 2);
    put_erased(w, slots * (form == TD_PROVISION_WORD ? 4u : 2u));
}

size_t sim_factory_provision(const struct sim_profile *p, uint8_t *out, size_t cap)
{
    const enum td_provision_form form = sim_factory_form(p);
    struct writer w = { out, cap, 0 };

    put_life(&w, form);
    put(&w, address_of(p, SIM_PART_S0), 4);
    put(&w, address_of(p, SIM_PART_S1), 4);
    put(&w, p->first.n_keys, 4);
    for (uint8_t i = 0; i < p->first.n_keys; i++)
        put_key(&w, &p->first, i);
    put_counter(&w, form, p->first.counter_slots);
    return w.len <= cap ? w.len : 0;
}

size_t sim_factory_net_provision(const struct sim_profile *p, uint8_t *out, size_t cap)
{
    struct writer w = { out, cap, 0 };

    put_life(&w, TD_PROVISION_HALFWORD);
    put(&w, address_of(p, SIM_PART_NET_APP), 4);
    put(&w, address_of(p, SIM_PART_NET_APP), 4);
    put(&w, 0, 4);
    return w.len <= cap ? w.len : 0;
}
