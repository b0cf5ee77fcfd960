/*
 * nsib/nsib.c - one boot: who is trusted, what stands in the slots, which one runs.
 *
 * 1. Slots are tried twice. The first round passes over what had its trial and did not prove
 *    itself, and what the counter has no room for; the second takes that too. What validation
 *    refuses no round takes.
 * 2. What is written is written for the slot that is about to run, after it was validated; but
 *    CLOSED, which says that the other one is no longer tried.
 */
#include "nsib/nsib.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "log/log.h"
#include "nsib/nsib_priv.h"

#define INVALIDATED 0xffff0000u /* what the original writes over the flag */
#define VALID_OFF   32u         /* of the flag in fw_info */

const struct td_nsib_manner td_nsib_manner_tandem = { .name = "tandem" };

const struct td_nsib_manner td_nsib_manner_nsib = {
    .name = "nsib",
    .marks_refused = true,
    .burns_at_once = true,
    .stops_on_odd = true,
    .wraps_versions = true,
    .needs_room = true,
    .ignores_ext_api = true,
};

struct slot {
    struct td_flash_area area;
    uint32_t address;
    bool found;       /* there is a fw_info; its version takes part in the order */
    uint32_t version; /* that it says */
    uint32_t info_off;
    struct td_trial trial;
    bool unmet;
};

struct boot {
    const struct td_nsib_config *config;
    const struct td_nsib_manner *manner;
    struct td_nsib_work *work;
    struct td_nsib_result *result;
    struct slot slots[2];
    uint8_t n_slots;
    uint8_t order[2];
    enum td_reset_cause cause;
};

/* --- what is said --- */

static bool is_change(const struct td_verdict *old)
{
    return old->code == TD_V_NSIB_PROVEN || old->code == TD_V_STAGE_INSTALLED;
}

// A state that lasts is written down when it begins, not at each boot.
static bool is_logged(const struct td_log *log, const struct td_verdict *v)
{
    struct td_log_iter it;
    struct td_verdict old;
    bool end = false;

    td_log_begin(&it, log);
    while (td_log_next(&it, &old, &end) == TD_OK && !end) {
        if (td_verdict_same(&old, v) != 0)
            return true;
        if (is_change(&old))
            return false;
    }
    return false;
}

static void say(struct boot *b, enum td_verdict_code code, uint8_t slot, uint32_t wanted,
                uint32_t found)
{
    struct td_log log = { b->config->boot_log };
    struct td_verdict v = { 0 };

    v.code = (uint16_t)code;
    v.kind = (uint8_t)td_verdict_class_of(v.code);
    v.slot = slot;
    v.wanted = wanted;
    v.found = found;
    if (b->result->n_verdicts < TD_NSIB_VERDICTS_MAX)
        b->result->verdicts[b->result->n_verdicts++] = v;
    if (log.area != NULL && !is_logged(&log, &v))
        (void)td_log_append(&log, &v);
}

/* --- what the device was given --- */

static bool lock(const struct boot *b, enum td_nsib_lock what)
{
    const struct td_nsib_hooks *h = b->config->hooks;

    return h == NULL || h->lock == NULL || h->lock(b->config->hook_ctx, what);
}

// Inside the flash that this stage reads, and not on top of one another.
static bool place_slots(struct boot *b)
{
    const struct td_nsib_config *c = b->config;
    const struct td_provision *p = &b->work->provision;
    const uint32_t addresses[2] = { p->s0_address, p->s1_address };

    b->n_slots = p->s0_address == p->s1_address ? 1 : 2;
    for (uint8_t i = 0; i < b->n_slots; i++) {
        uint32_t off = addresses[i] - c->flash_addr;

        if (addresses[i] < c->flash_addr || addresses[i] % 4 != 0 ||
            !td_range_in(off, c->slot_size, c->flash->size)) {
            say(b, TD_V_NSIB_PROVISION, i, c->flash_addr, addresses[i]);
            return false;
        }
        b->slots[i].address = addresses[i];
        b->slots[i].area =
            (struct td_flash_area){ c->flash->dev, c->flash->off + off, c->slot_size };
    }
    if (b->n_slots == 2 &&
        td_range_overlap(addresses[0], c->slot_size, addresses[1], c->slot_size)) {
        say(b, TD_V_NSIB_PROVISION, 1, c->slot_size, addresses[1]);
        return false;
    }
    return true;
}

static bool keys_are_sound(struct boot *b)
{
    const struct td_provision *p = &b->work->provision;
    bool sound = true;

    for (uint32_t i = 0; i < p->n_keys; i++) {
        if (!td_nsib_is_odd(&p->keys[i]))
            continue;
        sound = false;
        say(b, TD_V_NSIB_KEY_UNUSABLE, 0, 0, i);
    }
    return sound;
}

static bool prepare(struct boot *b)
{
    const struct td_provision *p = &b->work->provision;
    enum td_err err = td_nsib_read_provision(b->config, &b->work->provision);

    if (err != TD_OK) {
        say(b, TD_V_NSIB_PROVISION, 0, 0, 0);
        return false;
    }
    if (b->config->checks_life &&
        (p->life == TD_LIFE_DECOMMISSIONED || p->life == TD_LIFE_CORRUPT)) {
        say(b, TD_V_NSIB_PROVISION, 0, TD_LIFE_SECURED, p->life);
        return false;
    }
    return place_slots(b) && (keys_are_sound(b) || !b->manner->stops_on_odd);
}

/* --- what stands in the slots --- */

static struct td_trial_place cells_of(const struct boot *b, uint8_t i)
{
    return (struct td_trial_place){ &b->slots[i].area, b->config->trial_off,
                                    b->config->trial_boots };
}

static enum td_err look(struct boot *b, uint8_t i)
{
    struct slot *s = &b->slots[i];
    struct td_source src = td_flash_source(&s->area);
    struct td_trial_place cells = cells_of(b, i);
    struct td_fw_info *info = &b->work->firmware[i].info;
    enum td_err err = td_nsib_find(b->config, &src, b->config->skip, info);

    // A structure that contradicts itself still takes its turn, and fails.
    s->found = err == TD_OK || err == TD_EFORMAT || err == TD_ETRUNC;
    s->version = info->version;
    s->info_off = info->off;
    if (err == TD_EFLASH)
        return err;
    return b->manner->burns_at_once ? TD_OK : td_trial_read(&cells, &s->trial);
}

static void put_in_order(struct boot *b)
{
    const struct slot *s = b->slots;
    bool second = b->n_slots == 2 && s[1].found && (!s[0].found || s[1].version > s[0].version);

    b->order[0] = second ? 1 : 0;
    b->order[1] = second ? 0 : 1;
}

/* --- may this one run --- */

// The original's mark: for every refusal, for good.
static void mark(struct boot *b, uint8_t i)
{
    struct slot *s = &b->slots[i];
    uint8_t raw[4];

    if (!s->found || td_flash_read(&s->area, s->info_off + VALID_OFF, raw, sizeof raw) != TD_OK ||
        td_load_le32(raw) != TD_FW_VALID)
        return;
    td_store_le32(raw, TD_FW_VALID & INVALIDATED);
    (void)td_flash_write(&s->area, s->info_off + VALID_OFF, raw, sizeof raw);
}

static bool validate(struct boot *b, uint8_t i)
{
    struct slot *s = &b->slots[i];
    struct td_nsib_why why;
    struct td_nsib_check check = {
        .config = b->config,
        .manner = b->manner,
        .work = b->work,
        .fw = &b->work->firmware[i],
        .area = s->area,
        .address = s->address,
        .slot = i,
    };

    // What cannot be read is as good as empty; the other slot may still be there.
    if (td_nsib_judge(&check, &why) != TD_OK)
        why.code = TD_V_NSIB_EMPTY;
    s->unmet = check.unmet;
    if (why.code == TD_V_NONE)
        return true;
    b->result->refused[i] = why.code;
    if (why.code != TD_V_NSIB_EMPTY)
        say(b, why.code, i, why.wanted, why.found);
    if (b->manner->marks_refused)
        mark(b, i);
    return false;
}

// The boot that proves something is the one just before: the cause of this reset is its end.
static bool has_proof(const struct boot *b, uint8_t i)
{
    const struct td_nsib_hooks *h = b->config->hooks;
    const struct td_trial *t = &b->slots[i].trial;

    if (h != NULL && h->vouched != NULL)
        return h->vouched(b->config->hook_ctx, i, b->slots[i].version);
    return t->present && t->last_booted && !t->closed && b->cause != TD_RESET_WATCHDOG &&
           b->cause != TD_RESET_FAULT;
}

/* Why a firmware that validates is passed over in the first round. */
static enum td_verdict_code passed_over(const struct boot *b, uint8_t i)
{
    const struct slot *s = &b->slots[i];
    bool full = td_nsib_is_full(&b->work->provision, s->version);

    if (b->manner->burns_at_once)
        return full && b->manner->needs_room ? TD_V_NSIB_COUNTER_FULL : TD_V_NONE;
    if (s->trial.proven)
        return TD_V_NONE;
    if (s->trial.closed || (s->trial.present && s->trial.begun == b->config->trial_boots))
        return TD_V_NSIB_UNPROVEN;
    return full ? TD_V_NSIB_COUNTER_FULL : TD_V_NONE;
}

// When the cell cannot be written, this boot is one more of the trial.
static void prove(struct boot *b, uint8_t i)
{
    struct td_trial_place cells = cells_of(b, i);
    struct td_trial *t = &b->slots[i].trial;

    if (t->proven || b->manner->burns_at_once || !has_proof(b, i))
        return;
    t->proven = !t->present || td_trial_prove(&cells) == TD_OK;
}

/* --- the two rounds --- */

static bool try_slot(struct boot *b, uint8_t i, bool strict)
{
    enum td_verdict_code code;

    if (!validate(b, i))
        return false;
    prove(b, i);
    code = passed_over(b, i);
    b->result->refused[i] = code;
    return code == TD_V_NONE || !strict;
}

static bool choose(struct boot *b, uint8_t *which, bool *last)
{
    // The original has one round: what it does not take, it does not come back to.
    unsigned rounds = b->manner->burns_at_once ? 1 : 2;

    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned n = 0; n < b->n_slots; n++) {
            uint32_t code = b->result->refused[b->order[n]];

            if (round == 1 && code != TD_V_NSIB_UNPROVEN && code != TD_V_NSIB_COUNTER_FULL)
                continue;
            *which = b->order[n];
            *last = round == 1;
            if (try_slot(b, *which, round == 0))
                return true;
        }
    }
    return false;
}

/* --- what is written before it runs --- */

static void report_unburnt(struct boot *b, uint8_t i, enum td_err err, uint32_t found)
{
    if (err == TD_ENOSPC)
        say(b, TD_V_NSIB_COUNTER_FULL, i, td_nsib_stored(&b->work->provision, NULL),
            b->slots[i].version);
    else if (err != TD_OK)
        say(b, TD_V_NSIB_UNBURNT, i, 0, found);
}

// Counter first: while an older key still verifies, it verifies nothing that is older.
static void burn(struct boot *b, uint8_t i)
{
    const struct td_provision *p = &b->work->provision;
    uint8_t key = b->work->firmware[i].key_index;

    // Said first: whoever looks at the counter after a cut finds out why it stands there.
    if (!b->manner->burns_at_once && td_nsib_is_due(p, b->slots[i].version, i, key))
        say(b, TD_V_NSIB_PROVEN, i, 0, b->slots[i].version);
    report_unburnt(b, i, td_nsib_raise(b->config, p, b->slots[i].version, i), 0);
    for (uint8_t k = 0; k < key; k++)
        report_unburnt(b, i, td_nsib_revoke(b->config, p, k), k + 1u);
}

// Its trial is over, and the other slot is taken: nothing that this boot says later makes a
// BOOTED of its last boot count.
static void close_other(struct boot *b, uint8_t other)
{
    struct td_trial_place cells = cells_of(b, other);
    const struct slot *s = &b->slots[other];

    if (b->n_slots < 2 || b->result->refused[other] != TD_V_NSIB_UNPROVEN)
        return;
    say(b, TD_V_NSIB_UNPROVEN, other, b->config->trial_boots, s->trial.begun);
    if (!s->trial.closed)
        (void)td_trial_close(&cells);
}

static void begin_last_resort(struct boot *b, uint8_t i)
{
    b->result->last_resort = true;
    say(b, TD_V_NSIB_LAST_RESORT, i, 0, b->result->refused[i]);
}

// A trial that cannot be counted is none: it would never end, and no update could be begun.
static void begin_trial(struct boot *b, uint8_t i)
{
    struct td_trial_place cells = cells_of(b, i);
    const struct slot *s = &b->slots[i];

    if (b->config->trial_boots == 0)
        return;
    b->result->on_trial = td_trial_begin(&cells) == TD_OK;
    if (b->result->on_trial)
        b->result->begun = (uint8_t)(s->trial.begun + 1);
    else
        say(b, TD_V_NSIB_UNCOUNTED, i, 0, 0);
}

// Before it runs. A cell or a counter that cannot be written stops no boot.
static void settle(struct boot *b, uint8_t i, bool last)
{
    if (b->slots[i].trial.proven || b->manner->burns_at_once)
        burn(b, i);
    else if (last)
        begin_last_resort(b, i);
    else
        begin_trial(b, i);
    if (!last)
        close_other(b, (uint8_t)(1 - i));
}

/* --- the result --- */

static void fill(struct boot *b, uint8_t i)
{
    const struct td_nsib_firmware *fw = &b->work->firmware[i];
    struct td_nsib_result *r = b->result;

    r->bootable = !b->slots[i].unmet;
    r->slot = i;
    r->slot_address = b->slots[i].address;
    r->boot_address = fw->info.boot_address;
    r->stack = fw->stack;
    r->entry = fw->entry;
    r->version = fw->info.version;
    r->key_index = fw->key_index;
    r->n_grants = fw->n_grants;
    memcpy(r->grants, fw->grants, sizeof r->grants);
    if (b->slots[i].unmet)
        say(b, TD_V_NSIB_NO_API, i, 0, 0);
}

static uint16_t valid_keys(const struct td_provision *p)
{
    uint16_t mask = 0;

    for (uint32_t i = 0; i < p->n_keys; i++)
        if (td_nsib_is_trusted(&p->keys[i]))
            mask = (uint16_t)(mask | 1u << i);
    return mask;
}

static void hand_over(const struct boot *b)
{
    const struct td_nsib_hooks *hooks = b->config->hooks;
    const struct td_nsib_result *r = b->result;
    uint8_t record[TD_NSIB_HAND_OVER_SIZE];
    struct td_nsib_hand_over h = {
        .slot = r->slot,
        .on_trial = r->on_trial,
        .last_resort = r->last_resort,
        .begun = r->begun,
        .boots = b->config->trial_boots,
        .key_index = r->key_index,
        .slot_address = r->slot_address,
        .version = r->version,
        .counter = r->counter,
        .counter_left = r->counter_left,
        .valid_keys = valid_keys(&b->work->provision),
        .refused = { r->refused[0], r->refused[1] },
    };

    if (hooks == NULL || hooks->hand_over == NULL)
        return;
    td_nsib_hand_over_write(&h, record);
    hooks->hand_over(b->config->hook_ctx, record, sizeof record);
}

/* --- the boot --- */

static enum td_err decide(struct boot *b)
{
    const struct td_nsib_hooks *h = b->config->hooks;
    bool last = false;
    uint8_t which = 0;
    enum td_err err = TD_OK;

    if (h != NULL && h->reset_cause != NULL)
        b->cause = h->reset_cause(b->config->hook_ctx);
    for (uint8_t i = 0; err == TD_OK && i < b->n_slots; i++)
        err = look(b, i);
    if (err != TD_OK)
        return err;
    put_in_order(b);
    if (!choose(b, &which, &last)) {
        say(b, TD_V_NSIB_NOTHING, 0, b->result->refused[0], b->result->refused[1]);
        return TD_OK;
    }
    settle(b, which, last);
    fill(b, which);
    return TD_OK;
}

enum td_err td_nsib_go(const struct td_nsib_config *config, struct td_nsib_work *work,
                       struct td_nsib_result *result)
{
    struct boot b = { .config = config, .work = work, .result = result };
    enum td_err err;

    memset(result, 0, sizeof *result);
    memset(work, 0, sizeof *work);
    if (config->flash == NULL || config->store == NULL || config->sig == NULL ||
        config->slot_size == 0 || config->trial_boots > TD_TRIAL_BOOTS_MAX)
        return TD_EARG;
    b.manner = config->manner != NULL ? config->manner : &td_nsib_manner_tandem;
    if (!lock(&b, TD_NSIB_LOCK_SELF)) {
        say(&b, TD_V_NSIB_UNLOCKED, 0, 0, 0);
        return TD_OK;
    }
    if (!prepare(&b))
        return TD_OK;
    err = decide(&b);
    if (err != TD_OK || !result->bootable)
        return err;
    // What was written may have moved it.
    if (td_nsib_read_provision(config, &work->provision) == TD_OK)
        result->counter = td_nsib_stored(&work->provision, &result->counter_left);
    if (!lock(&b, TD_NSIB_LOCK_PROVISION)) {
        result->bootable = false;
        say(&b, TD_V_NSIB_UNLOCKED, 0, 0, 1);
        return TD_OK;
    }
    hand_over(&b);
    return TD_OK;
}

/* --- the jump --- */

enum td_err td_nsib_jump(const struct td_nsib_config *config, const struct td_nsib_result *result)
{
    const volatile bool *may = &result->bootable;
    const struct td_nsib_hooks *hooks = config->hooks;

    if (!*may || hooks == NULL || hooks->jump == NULL)
        return TD_ESTATE;
    for (unsigned i = 0; hooks->grant != NULL && i < result->n_grants; i++)
        hooks->grant(config->hook_ctx, result->grants[i].address, result->grants[i].value);
    // Read again: one glitched branch above is not enough to get here with a bad firmware.
    if (!*may || (result->entry & 1) == 0)
        return TD_ESTATE;
    hooks->jump(config->hook_ctx, result);
    return TD_OK;
}

/* --- for the second stage --- */

static enum td_err error_of(enum td_verdict_code code)
{
    switch (code) {
    case TD_V_NONE: return TD_OK;
    case TD_V_NSIB_UNKNOWN_KEY:
    case TD_V_NSIB_KEY_REVOKED: return TD_EKEY;
    case TD_V_NSIB_BAD_SIGNATURE: return TD_ESIG;
    case TD_V_NSIB_ROLLBACK:
    case TD_V_NSIB_VERSION_RANGE:
    case TD_V_NSIB_COUNTER_FULL:
    case TD_V_NSIB_NO_API: return TD_ESTATE;
    default: return TD_EFORMAT;
    }
}

enum td_err td_nsib_validate(const struct td_nsib_config *config, struct td_nsib_work *work,
                             uint8_t slot, const struct td_flash_area *area, uint32_t off,
                             uint32_t *version, struct td_verdict *why)
{
    struct td_nsib_why reason = { TD_V_NONE, 0, 0 };
    struct td_nsib_check check = {
        .config = config,
        .manner = &td_nsib_manner_tandem,
        .work = work,
        .fw = &work->firmware[0],
        .slot = slot,
    };
    enum td_err err;

    memset(why, 0, sizeof *why);
    *version = 0;
    if (slot > 1 || off > area->size || config->sig == NULL)
        return TD_EARG;
    err = td_nsib_read_provision(config, &work->provision);
    if (err != TD_OK)
        return err;
    check.address = slot == 0 ? work->provision.s0_address : work->provision.s1_address;
    check.area = (struct td_flash_area){ area->dev, area->off + off,
                                         td_min_u32(area->size - off, config->slot_size) };
    err = td_nsib_judge(&check, &reason);
    if (err != TD_OK)
        return err;
    *version = check.fw->info.version;
    if (reason.code == TD_V_NONE && td_nsib_is_full(&work->provision, *version))
        reason = (struct td_nsib_why){ TD_V_NSIB_COUNTER_FULL, 0, *version };
    why->code = (uint16_t)reason.code;
    why->kind = (uint8_t)td_verdict_class_of(why->code);
    why->slot = slot;
    why->wanted = reason.wanted;
    why->found = reason.found;
    return error_of(reason.code);
}
