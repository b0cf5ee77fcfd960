/* sim/factory.c - provision data, by docs/spec/nsib.md. */
#include "sim/factory.h"

#include <string.h>

#include "image/fw_info.h"
#include "nsib/provision_write.h"

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

/*
 * Everything, when it fits. In front of S0's address: the device is sold, so provisioned and
 * secured; then the implementation's id, left blank.
 */
static size_t provision(const struct td_provision_plan *plan, uint8_t *out, size_t cap)
{
    const size_t head = td_provision_s0_off(plan->form);
    size_t len;

    if (head > cap)
        return 0;
    memset(out, 0xff, head);
    if (head > 0)
        memset(out, 0, plan->form == TD_PROVISION_WORD ? 8 : 4);
    len = td_provision_write(plan, out + head, cap - head);
    return len <= cap - head ? head + len : 0;
}

size_t sim_factory_provision(const struct sim_profile *p, uint8_t *out, size_t cap)
{
    uint8_t prints[TD_PROVISION_KEYS][TD_FW_FINGERPRINT];
    const struct td_provision_plan plan = {
        .form = sim_factory_form(p),
        .old_tokens = p->first.tokens == SIM_TOKENS_OLD,
        .s0_address = address_of(p, SIM_PART_S0),
        .s1_address = address_of(p, SIM_PART_S1),
        .prints = prints,
        .n_keys = p->first.n_keys,
        .firmware_slots = p->first.counter_slots,
    };

    for (uint8_t i = 0; i < p->first.n_keys; i++)
        td_fw_fingerprint(p->first.key[i], prints[i]);
    return provision(&plan, out, cap);
}

size_t sim_factory_net_provision(const struct sim_profile *p, uint8_t *out, size_t cap)
{
    const struct td_provision_plan plan = {
        .form = TD_PROVISION_HALFWORD,
        .s0_address = address_of(p, SIM_PART_NET_APP),
        .s1_address = address_of(p, SIM_PART_NET_APP),
    };

    return provision(&plan, out, cap);
}
