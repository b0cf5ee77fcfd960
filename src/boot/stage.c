/*
 * boot/stage.c - the second stage's own update, from a request to the request for a reset.
 *
 * 1. Nothing is erased before both signatures, the variant and the versions were found good.
 * 2. Only the slot that did not boot is written to. Until it holds the whole candidate the
 *    first stage boots the other one, and the request is still there.
 * 3. The request goes last: a slot that already holds the candidate is not copied to again,
 *    since its cells may tell of a trial.
 */
#include "boot/stage.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "boot/boot_priv.h"
#include "image/trial.h"

/* The candidate while it is judged. */
struct candidate {
    const struct td_boot_stage *stage;
    struct td_flash_area area; /* where it lies; the image is at the start */
    struct td_image_header hdr;
    uint8_t slot;     /* that it is linked for */
    uint32_t address; /* that says so */
    uint32_t version; /* fw_info's */
};

static bool slot_of(const struct td_boot_stage *s, uint32_t address, uint8_t *slot)
{
    for (uint8_t i = 0; i < 2; i++) {
        if (address >= s->addr[i] && address - s->addr[i] < s->slots[i]->size) {
            *slot = i;
            return true;
        }
    }
    return false;
}

// swap-offset leaves the first sector of the secondary free.
static struct td_flash_area where(const struct td_boot_run *run)
{
    struct td_flash_area area = *run->secondary.area;
    struct td_flash_sector first;

    if (run->strategy->mode == TD_MODE_OFFSET && td_flash_sector_nth(&area, 0, &first) == TD_OK) {
        area.off += first.size;
        area.size -= first.size;
    }
    return area;
}

/*
 * Whether what lies there is linked for S0 or S1. The vector table says so, or else fw_info; of
 * an encrypted image neither can be read, and the header's address is all there is.
 */
static bool classify(const struct td_boot_run *run, struct candidate *c, struct td_flash_area area)
{
    struct td_source src;
    struct td_fw_info info;
    uint8_t word[4];

    c->stage = run->config->stage;
    c->area = area;
    src = td_flash_source(&c->area);
    if (td_image_header_read(&src, &c->hdr) != TD_OK)
        return false;
    c->address = c->hdr.load_addr;
    if ((c->hdr.flags & TD_IMAGE_F_ENCRYPTED) != 0)
        return (c->hdr.flags & TD_IMAGE_F_ROM_FIXED) != 0 &&
               slot_of(c->stage, c->address, &c->slot);
    if (td_source_read(&src, c->hdr.hdr_size + 4u, word, sizeof word) != TD_OK)
        return false;
    c->address = td_load_le32(word);
    if (slot_of(c->stage, c->address, &c->slot))
        return true;
    if (td_fw_info_find(&src, c->hdr.hdr_size, c->stage->search, &info) != TD_OK)
        return false;
    c->address = info.address;
    return slot_of(c->stage, c->address, &c->slot);
}

static bool has_stage(const struct td_boot_run *run)
{
    return run->config->stage != NULL && run->image == 0 && run->secondary.area != NULL;
}

// What is to come back stands at the start in each way of updating.
bool td_boot_stage_owns(const struct td_boot_run *run)
{
    struct candidate c;

    return has_stage(run) && classify(run, &c, *run->secondary.area);
}

static struct td_trial_place cells_of(const struct td_boot_stage *s, uint8_t slot)
{
    return (struct td_trial_place){ s->slots[slot], s->trial_off, s->trial_boots };
}

/* --- the two stretches of a candidate that are copied: all but the padding of its header --- */

static uint32_t whole_size(const struct td_boot_run *run, const struct candidate *c)
{
    return td_round_up(run->work->report.img.size, c->stage->slots[c->slot]->dev->write_size);
}

// A copy that was cut in its last word may read right now and then: it has to read so always.
static bool is_equal(const struct td_boot_run *run, const struct candidate *c, uint32_t off,
                     uint32_t end)
{
    uint8_t *mine = run->work->copy, *other = run->work->copy + TD_BOOT_COPY_SIZE / 2;

    for (uint32_t n; off < end; off += n) {
        bool steady = false;

        n = td_min_u32(end - off, TD_BOOT_COPY_SIZE / 2);
        td_boot_feed(run);
        if (td_flash_read(&c->area, off, mine, n) != TD_OK ||
            td_flash_read_steady(c->stage->slots[c->slot], off, other, n, &steady) != TD_OK ||
            !steady || memcmp(mine, other, n) != 0)
            return false;
    }
    return true;
}

/* Whether its slot holds it already; work->report is about it. */
static bool is_in_place(const struct td_boot_run *run, const struct candidate *c)
{
    uint32_t size = run->work->report.img.size;

    return size <= c->stage->slots[c->slot]->size && is_equal(run, c, 0, TD_IMAGE_HEADER_SIZE) &&
           is_equal(run, c, c->hdr.hdr_size, size);
}

// The firmware last: when the first stage finds it whole, the rest is there as well, and whoever
// finds the request again sees that there is nothing left to copy.
static enum td_err copy(const struct td_boot_run *run, const struct candidate *c)
{
    const struct td_flash_area *to = c->stage->slots[c->slot];
    uint32_t unit = to->dev->write_size;
    uint32_t head = td_round_up(TD_IMAGE_HEADER_SIZE, unit);
    uint32_t from = td_round_down(c->hdr.hdr_size, unit);
    uint32_t tail = td_round_up(c->hdr.hdr_size + c->hdr.img_size, unit);
    enum td_err err = td_boot_erase(run, to, 0, to->size);

    if (err == TD_OK)
        err = td_boot_copy(run, &c->area, 0, to, 0, head);
    if (err == TD_OK)
        err = td_boot_copy(run, &c->area, tail, to, tail, whole_size(run, c) - tail);
    if (err == TD_OK)
        err = td_boot_copy(run, &c->area, from, to, from, tail - from);
    return err;
}

/* --- what is said, and what becomes of the request --- */

static void begin_verdict(const struct td_boot_run *run, const struct candidate *c,
                          enum td_verdict_code code, struct td_verdict *v)
{
    td_boot_verdict(run, code, v);
    td_boot_verdict_of_image(v, &run->work->report);
    v->slot = c->slot;
    v->off = v->wanted = v->found = 0;
}

// The bytes stay where they are: whoever sent the wrong file can still be told what it is.
static enum td_err refuse(struct td_boot_run *run, struct td_verdict *v)
{
    v->swap_type = run->view.request == TD_REQUEST_PERM ? TD_SWAP_PERM : TD_SWAP_TEST;
    td_boot_record(run, v);
    if (run->manner->erases_refused)
        return td_boot_erase(run, run->secondary.area, 0, run->secondary.area->size);
    return td_boot_drop_request(run);
}

static enum td_err refuse_with(struct td_boot_run *run, const struct candidate *c,
                               enum td_verdict_code code, uint32_t wanted, uint32_t found)
{
    struct td_verdict v;

    begin_verdict(run, c, code, &v);
    v.wanted = wanted;
    v.found = found;
    return refuse(run, &v);
}

static enum td_err hold(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_STAGE_ON_TRIAL, &v);
    v.slot = 1;
    td_boot_record_once(run, &v);
    run->view.request_blocked = true;
    run->view.revert_impossible = true;
    return TD_OK;
}

static void note_installed(struct td_boot_run *run, const struct candidate *c)
{
    struct td_verdict v;

    begin_verdict(run, c, TD_V_STAGE_INSTALLED, &v);
    v.found = c->version;
    td_boot_record_note(run, &v);
}

static enum td_err ask_for_reset(struct td_boot_run *run, const struct candidate *c)
{
    enum td_err err;

    note_installed(run, c);
    err = td_boot_drop_request(run);
    if (err != TD_OK)
        return err;
    run->result->reset = true;
    run->settled = true;
    return TD_OK;
}

/* --- judging --- */

static enum td_err opinion(const struct candidate *c, const struct td_flash_area *area,
                           uint32_t *version, struct td_verdict *why)
{
    return c->stage->validate(c->stage->ctx, c->slot, area, 0, version, why);
}

// Of two equal versions the first stage takes S0: there an equal one is used, in S1 it is not.
static enum td_verdict_code compare(const struct candidate *c)
{
    uint32_t running = c->stage->facts->version;

    if (c->version < running)
        return TD_V_NSIB_ROLLBACK;
    return c->version == running && c->slot == 1 ? TD_V_STAGE_SAME_VERSION : TD_V_NONE;
}

static enum td_err install(struct td_boot_run *run, struct candidate *c)
{
    struct td_verdict why = { 0 };
    struct td_verdict v;
    uint32_t version;
    enum td_err err = copy(run, c);

    if (err == TD_OK && is_in_place(run, c) &&
        opinion(c, c->stage->slots[c->slot], &version, &why) == TD_OK)
        return ask_for_reset(run, c);
    if (err == TD_EFLASH)
        return err;
    // Read back, it is not what was written: trying at each boot would wear out the rest.
    begin_verdict(run, c, TD_V_FLASH_FAILED, &v);
    v.found = why.code;
    return refuse(run, &v);
}

static enum td_err already_there(struct td_boot_run *run, const struct candidate *c)
{
    struct td_trial_place cells = cells_of(c->stage, c->slot);
    struct td_trial trial;
    enum td_err err = td_trial_read(&cells, &trial);

    if (err != TD_OK)
        return err;
    if (trial.begun > 0 || trial.closed)
        return refuse_with(run, c, TD_V_STAGE_TRIED, 0, c->version);
    return ask_for_reset(run, c);
}

static enum td_err judge(struct td_boot_run *run, struct candidate *c)
{
    const struct td_boot_stage *s = c->stage;
    struct td_verdict v, why;
    enum td_verdict_code code;
    enum td_err err;

    // The first stage decrypts nothing, and copying is all that this stage does.
    if ((c->hdr.flags & TD_IMAGE_F_ENCRYPTED) != 0)
        return refuse_with(run, c, TD_V_ENCRYPTED, 0, c->hdr.flags);
    if ((c->hdr.flags & TD_IMAGE_F_COMPRESSED) != 0)
        return refuse_with(run, c, TD_V_COMPRESSED, 0, c->hdr.flags);
    if (run->work->report.img.size > s->slots[c->slot]->size)
        return refuse_with(run, c, TD_V_TOO_LARGE, s->slots[c->slot]->size,
                           run->work->report.img.size);
    if (c->slot == s->facts->active)
        return refuse_with(run, c, TD_V_STAGE_VARIANT, s->addr[1 - c->slot], c->address);
    err = opinion(c, &c->area, &c->version, &why);
    if (err == TD_EFLASH)
        return err;
    if (err != TD_OK) {
        begin_verdict(run, c, (enum td_verdict_code)why.code, &v);
        v.wanted = why.wanted;
        v.found = why.found;
        return refuse(run, &v);
    }
    code = compare(c);
    if (code != TD_V_NONE)
        return refuse_with(run, c, code, s->facts->version, c->version);
    return is_in_place(run, c) ? already_there(run, c) : install(run, c);
}

static enum td_err refuse_outer(struct td_boot_run *run, const struct candidate *c, enum td_err why)
{
    struct td_verdict v;

    td_boot_verdict(run, td_boot_verdict_of(why), &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.slot = c->slot;
    return refuse(run, &v);
}

static enum td_err block_unreadable(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_SLOT_UNREADABLE, &v);
    v.slot = 1;
    td_boot_record_once(run, &v);
    run->view.request_blocked = true;
    return TD_OK;
}

// The update itself may have been cut after its copy: the new stage runs, and finds the request.
static bool is_leftover(const struct td_boot_run *run, const struct candidate *c)
{
    return c->slot == c->stage->facts->active && is_in_place(run, c);
}

// The cut may have come before its note was written, too. A proven stage was noted long ago.
static enum td_err finish(struct td_boot_run *run, struct candidate *c)
{
    c->version = c->stage->facts->version;
    if (c->stage->facts->may_prove)
        note_installed(run, c);
    return td_boot_drop_request(run);
}

enum td_err td_boot_stage_request(struct td_boot_run *run, bool *taken)
{
    const struct td_boot_stage *s = run->config->stage;
    struct candidate c = { 0 };
    bool is_ours = has_stage(run) && classify(run, &c, where(run));
    enum td_err err = TD_OK;

    *taken = is_ours;
    if (is_ours)
        err = td_boot_verify(run, &c.area);
    if (err == TD_OK && is_ours && is_leftover(run, &c))
        return finish(run, &c);
    if (s != NULL && s->facts->on_trial) {
        *taken = true;
        return hold(run);
    }
    if (!is_ours)
        return TD_OK;
    if (err == TD_EFLASH)
        return block_unreadable(run);
    return err != TD_OK ? refuse_outer(run, &c, err) : judge(run, &c);
}

enum td_err td_boot_stage_revert(struct td_boot_run *run, bool *taken)
{
    const struct td_boot_stage *s = run->config->stage;

    *taken = s != NULL && s->facts->on_trial;
    return *taken ? hold(run) : TD_OK;
}

void td_boot_stage_booted(const struct td_boot_config *config, const struct td_boot_result *result)
{
    const struct td_boot_stage *s = config->stage;
    struct td_trial_place cells;

    if (s == NULL || !s->facts->may_prove || !result->bootable || result->on_trial ||
        result->reset || result->recover != TD_RECOVER_NO)
        return;
    cells = cells_of(s, s->facts->active);
    // Without cells, or with a torn one, this boot proves nothing; the next one may.
    (void)td_trial_booted(&cells);
}
