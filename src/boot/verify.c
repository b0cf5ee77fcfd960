/*
 * boot/verify.c - whether an image may run, and which verdict says why not.
 *
 * The first of the two doors that are guarded twice (the other is jump.c). What was found good is
 * a pair of words and a sum (boot/hard.h), not a bit; where the configuration wants it, hash and
 * signature are computed a second time, and both answers have to agree.
 */
#include "base/range.h"
#include "boot/boot_priv.h"

enum td_verdict_code td_boot_verdict_of(enum td_err err)
{
    static const struct {
        enum td_err err;
        enum td_verdict_code code;
    } rows[] = {
        { TD_EIMG_EMPTY, TD_V_EMPTY_SLOT },
        { TD_EIMG_MAGIC, TD_V_BAD_HEADER },
        { TD_EIMG_OLD, TD_V_BAD_HEADER },
        { TD_EIMG_HDRSIZE, TD_V_BAD_HEADER },
        { TD_EIMG_OVERFLOW, TD_V_BAD_HEADER },
        { TD_EIMG_TRUNC, TD_V_TOO_LARGE },
        { TD_EIMG_SIZE, TD_V_TOO_LARGE },
        { TD_EIMG_FLAGS, TD_V_BAD_FLAGS },
        { TD_EIMG_FLAGBITS, TD_V_BAD_FLAGS },
        { TD_EIMG_NOTLV, TD_V_BAD_TLV },
        { TD_EIMG_PROTMISSING, TD_V_BAD_TLV },
        { TD_EIMG_PROTEXTRA, TD_V_BAD_TLV },
        { TD_EIMG_PROTSIZE, TD_V_BAD_TLV },
        { TD_EIMG_AREA, TD_V_BAD_TLV },
        { TD_EIMG_ENTRY, TD_V_BAD_TLV },
        { TD_EIMG_TLVLEN, TD_V_BAD_TLV },
        { TD_EIMG_TLVTWICE, TD_V_BAD_TLV },
        { TD_EIMG_PAIRS, TD_V_BAD_TLV },
        { TD_EIMG_UNPROTECTED, TD_V_FORBIDDEN_TLV },
        { TD_EIMG_PROTECTED, TD_V_FORBIDDEN_TLV },
        { TD_EIMG_FORBIDDEN, TD_V_FORBIDDEN_TLV },
        { TD_EIMG_ENCRYPTED, TD_V_ENCRYPTED },
        { TD_EIMG_COMPRESSED, TD_V_COMPRESSED },
        { TD_EENC, TD_V_ENC_KEY },
        { TD_EIMG_ENCTLV, TD_V_NO_ENC_KEY },
        { TD_EIMG_TOOFEW, TD_V_NO_SIGNATURE },
        { TD_EIMG_NOHASH, TD_V_NO_HASH },
        { TD_EIMG_HASHTYPE, TD_V_NO_HASH },
        { TD_EIMG_HASH, TD_V_HASH_MISMATCH },
        { TD_EIMG_UNSIGNED, TD_V_NO_SIGNATURE },
        { TD_EIMG_SIGTYPE, TD_V_WRONG_SIGNATURE_TYPE },
        { TD_EIMG_PURE, TD_V_WRONG_SIGNATURE_TYPE },
        { TD_EIMG_P384, TD_V_WRONG_SIGNATURE_TYPE },
        { TD_EIMG_NOKEY, TD_V_UNKNOWN_KEY },
        { TD_EIMG_KEY, TD_V_UNKNOWN_KEY },
        { TD_EIMG_SIG, TD_V_BAD_SIGNATURE },
        { TD_EIMG_SIGLEN, TD_V_BAD_SIGNATURE },
        { TD_EKEY, TD_V_BAD_SIGNATURE },
        { TD_EECC, TD_V_SLOT_UNREADABLE },
        { TD_EUNSUPPORTED, TD_V_NOT_BOOTABLE },
        { TD_EIMG_NOCOUNTER, TD_V_COUNTER_MISSING },
        { TD_EIMG_COUNTER, TD_V_COUNTER_LOW },
        { TD_ESLOT_ROOM, TD_V_NO_SWAP_ROOM },
        { TD_ESLOT_ROOM_RUNNING, TD_V_NO_SWAP_ROOM },
    };

    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (rows[i].err == err)
            return rows[i].code;
    }
    return TD_V_BAD_LAYOUT;
}

// A lower counter than the stored one: also of the image that runs, also of one that comes back.
// A counter is stored only once its image was confirmed, so what a revert needs is not below it.
static enum td_err check_counter(const struct td_boot_run *run, const struct td_source *src)
{
    const struct td_boot_counters *c = run->config->counters;
    struct td_image_report *report = &run->work->report;
    uint32_t stored, counter;
    enum td_err err;

    if (c == NULL)
        return TD_OK;
    if (c->read(c->ctx, run->image, &stored) != TD_OK)
        return TD_EFLASH;
    err = td_image_counter(src, &report->img, &counter);
    if (err != TD_OK)
        return err == TD_ENOTFOUND ? TD_EIMG_NOCOUNTER : err;
    report->fault.wanted = stored;
    report->fault.found = counter;
    return counter < stored ? TD_EIMG_COUNTER : TD_OK;
}

static enum td_err check_flags(const struct td_boot_run *run, const struct td_source *src)
{
    const struct td_image_report *report = &run->work->report;

    if (report->img.hdr.flags & TD_IMAGE_F_NON_BOOTABLE)
        return TD_EUNSUPPORTED;
    if (run->config->policy.sig != NULL && report->key_index < 0)
        return TD_EIMG_SIG;
    return report->img.hdr.flags & TD_IMAGE_F_COMPRESSED ? run->strategy->check_packed(run, src)
                                                         : TD_OK;
}

// All that is asked, once. A step that was done adds its number; the sum tells who was skipped.
static enum td_err evaluate(struct td_boot_run *run, const struct td_source *src,
                            const struct td_image_policy *policy, volatile uint32_t *flow)
{
    struct td_boot_work *work = run->work;
    enum td_err err = td_image_check(src, policy, &work->image, &work->report);

    if (err != TD_OK)
        return err;
    *flow += TD_FLOW_IMAGE;
    err = check_flags(run, src);
    if (err != TD_OK)
        return err;
    *flow += TD_FLOW_FLAGS;
    err = check_counter(run, src);
    if (err == TD_OK)
        *flow += TD_FLOW_COUNTER;
    return err;
}

enum td_err td_boot_verify_at(struct td_boot_run *run, const struct td_source *src,
                              uint32_t max_size, enum td_image_payload payload)
{
    const struct td_boot_hooks *hooks = run->config->hooks;
    struct td_boot_work *work = run->work;
    struct td_image_policy policy = run->config->policy;
    volatile uint32_t flow = 0;
    volatile enum td_err err, again;

    policy.max_size = max_size;
    policy.payload = payload;
    policy.takes_compressed = run->config->patch != NULL && run->strategy->check_packed != NULL;
    work->verified = (struct td_hard){ 0 };
    work->image.breathe = hooks == NULL ? NULL : hooks->feed;
    work->image.breathe_ctx = run->config->hook_ctx;
    err = evaluate(run, src, &policy, &flow);
    again = err;
    if (err == TD_OK && run->config->checks_twice) {
        flow = 0;
        again = evaluate(run, src, &policy, &flow);
    }
    if (err != TD_OK || again != TD_OK)
        return err != TD_OK ? err : again;
    work->verified.flow = flow;
    if (err == TD_OK)
        work->verified.yes = TD_HARD_YES;
    if (again == TD_OK)
        work->verified.no = TD_HARD_NO;
    return td_hard_is(&work->verified, TD_FLOW_VERIFIED) ? TD_OK : TD_EIMG_SIG;
}

void td_boot_pass(struct td_boot_run *run, bool needed)
{
    struct td_hard *passed = &run->result->passed;
    const struct td_hard *verified = &run->work->verified;

    passed->flow += needed ? verified->flow : TD_FLOW_VERIFIED;
    // Image 0 is always needed; what the first said, the others may only take back.
    if (run->image == 0) {
        passed->yes = verified->yes;
        passed->no = verified->no;
    } else if (needed) {
        passed->yes &= verified->yes;
        passed->no &= verified->no;
    }
    run->work->verified = (struct td_hard){ 0 };
}

enum td_err td_boot_verify(struct td_boot_run *run, const struct td_flash_area *area)
{
    struct td_source src = td_flash_source(area);
    bool runs_here = area == run->primary.area || run->strategy->choose != NULL;

    return td_boot_verify_at(run, &src, area->size,
                             runs_here ? TD_PAYLOAD_PLAIN : TD_PAYLOAD_AS_FLAGGED);
}
