/* client/update_send.c - the image into its slot, and the mark that starts it. */
#include "base/range.h"
#include "client/update_priv.h"
#include "smp/error.h"

/* ---- the slot -------------------------------------------------------------------------- */

/* What runs is a second stage: how far the first one trusts it. */
void td_update_finish_stage(struct td_update *u, uint64_t now_ms)
{
    const uint32_t trial = u->device.accepts.stage.trial;

    u->item = 0;
    td_update_set_outcome(u, trial == TD_TANDEM_ON_TRIAL ? TD_RESULT_TESTED : TD_RESULT_UPDATED,
                          "the device runs ",
                          trial == TD_TANDEM_ON_TRIAL
                              ? "confirm the application: tandem image confirm; then reset once"
                              : "");
    td_update_add_new_images(u);
    td_update_add_text(
        u, trial == TD_TANDEM_ON_TRIAL ? " on trial: it has not yet booted a confirmed application"
           : trial == TD_TANDEM_SERVES
               ? "; it has booted the confirmed application, and the next reset makes it the "
                 "least version from now on"
               : ", for good");
    td_update_close(u, now_ms);
}

void td_update_finish_running(struct td_update *u, uint64_t now_ms, bool confirmed)
{
    bool on_trial = u->cfg.mode == TD_UPDATE_TEST && !confirmed && td_update_has_trials(u);

    u->item = 0;
    td_update_set_outcome(u, on_trial ? TD_RESULT_TESTED : TD_RESULT_UPDATED, "the device runs ",
                          on_trial ? "confirm it when it has proved itself: tandem image confirm"
                                   : "");
    td_update_add_new_images(u);
    td_update_add_text(u, on_trial    ? " on trial; the next reset brings the old one back"
                          : confirmed ? ", confirmed"
                                      : "; its bootloader knows no confirmation");
    if (u->cfg.mode == TD_UPDATE_TEST && !on_trial && !td_update_has_trials(u))
        td_update_add_text(u, "; this bootloader has no trials, the image is installed for good");
    td_update_close(u, now_ms);
}

static void finish_unreset(struct td_update *u, uint64_t now_ms)
{
    u->item = 0;
    if (u->cfg.mode == TD_UPDATE_UPLOAD && td_update_any_plan(u, 1u << TD_PLAN_RESET))
        td_update_finish(u, now_ms, TD_RESULT_UPLOADED,
                         "the image lies in its slot and is pending: the next reset starts it",
                         "tandem os reset, or take it back: tandem image erase");
    else if (u->cfg.mode == TD_UPDATE_UPLOAD && td_update_any_plan(u, 1u << TD_PLAN_MARK))
        td_update_finish(u, now_ms, TD_RESULT_UPLOADED,
                         "the image lies in its slot; nothing starts it until it is marked",
                         "tandem image test FILE, then tandem os reset");
    else
        td_update_finish_running(u, now_ms, false);
}

void td_update_next_item(struct td_update *u, uint64_t now_ms)
{
    for (; u->item < u->cfg.n_files; u->item++) {
        switch (td_update_item_of(u)->plan) {
        case TD_PLAN_ERASE: td_update_go(u, STEP_ERASE); return;
        case TD_PLAN_UPLOAD: td_update_go(u, STEP_UPLOAD); return;
        case TD_PLAN_MARK:
            if (u->cfg.mode == TD_UPDATE_UPLOAD)
                break;
            td_update_go(u, STEP_MARK);
            return;
        default: break;
        }
    }
    u->item = 0;
    if (u->cfg.mode == TD_UPDATE_UPLOAD)
        finish_unreset(u, now_ms);
    else if (td_update_any_plan(u, 1u << TD_PLAN_RESET))
        td_update_go(u, u->cfg.erase_settings && !u->settings_done ? STEP_STORAGE : STEP_RESET);
    else if (u->cfg.mode == TD_UPDATE_TEST)
        finish_unreset(u, now_ms);
    else
        td_update_go(u, STEP_CONFIRM);
}

void td_update_ask_erase(struct td_update *u, uint64_t now_ms)
{
    const struct td_image_state *other = td_update_someone_pending(u, td_update_item_of(u));
    struct td_request req = { .kind = TD_REQ_IMAGE_ERASE };

    // Left to itself a device takes the slot that does not run, which is the right one.
    if (td_update_item_of(u)->file->image > 0 && other != NULL) {
        req.has_slot = true;
        req.slot = (uint32_t)td_update_item_of(u)->file->image * 2 + other->slot;
    }
    td_update_note(u, "another image is pending; its slot is erased first");
    td_update_ask(u, now_ms, &req);
}

void td_update_got_erase(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_image_state *other = td_update_someone_pending(u, td_update_item_of(u));

    if (r->failure.err == TD_OK) {
        td_update_go(u, STEP_ERASED);
    } else if (r->failure.err == TD_EREFUSED && td_update_is_by_version(u)) {
        // There "pending" is only another word for the higher version: sending replaces it.
        td_update_go(u, STEP_UPLOAD);
    } else if (r->failure.err == TD_EREFUSED) {
        td_update_finish_failure(
            u, now_ms, "another image is pending, and the device refuses to erase it", &r->failure,
            "reset the device: its bootloader tries that image, or drops it. If it is "
            "pending still after a reset it cannot be swapped in (room or partitions): "
            "build with CONFIG_MCUMGR_GRP_IMG_ALLOW_ERASE_PENDING, or erase the slot "
            "with a debugger");
        if (other != NULL) {
            td_update_add_text(u, "; it is ");
            td_update_add_hash(u, other->hash, other->hash_len);
        }
    } else {
        td_update_finish_failure(u, now_ms, "erasing the pending image failed", &r->failure,
                                 td_update_what_next(u));
    }
}

void td_update_got_erased(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    if (!td_update_take_list(u, now_ms, r))
        return;
    if (td_update_someone_pending(u, td_update_item_of(u)) != NULL)
        td_update_finish(
            u, now_ms, TD_RESULT_REFUSED,
            "another image is pending, and it is so still after the device said it was erased",
            "erase the slot with a debugger, or reset the device and see what it does");
    else
        td_update_go(u, STEP_UPLOAD);
}

void td_update_start_upload(struct td_update *u, uint64_t now_ms)
{
    const struct td_update_file *file = td_update_item_of(u)->file;
    struct td_upload_config cfg = { .src = file->src,
                                    .sha = u->cfg.no_resume ? NULL : file->sha,
                                    .image = file->image,
                                    .buf_size = u->device.buf_size,
                                    .buf_count = u->device.buf_count,
                                    .has_tandem = u->device.is_tandem };

    td_upload_start(&u->upload, &u->session, &cfg, now_ms);
    u->uploading = true;
    u->entered = true;
    u->n_uploads++;
    td_update_say_progress(u, now_ms);
}

static const char *upload_remedy(const struct td_failure *f)
{
    static const struct {
        uint32_t code;
        const char *remedy;
    } rows[] = {
        { TD_IMG_NO_FREE_SLOT, "a trial runs or an image is pending: see tandem image list, then "
                               "confirm, reset or erase" },
        { TD_IMG_SHORT_HEADER, "the packets are too small: raise the MTU or the device's buffers" },
        { TD_IMG_BAD_MAGIC, "send the signed image (app_update.bin, zephyr.signed.bin), not hex, "
                            "elf or an unsigned file" },
        { TD_IMG_BAD_ADDRESS, "send the build that was linked for the slot that does not run" },
        { TD_IMG_NOT_NEWER, "raise the version and sign again" },
        { TD_IMG_TOO_LARGE, "make the image smaller, or enlarge the slots" },
        { TD_IMG_FLASH_ERASE, "look at the flash driver and its wiring; erase the slot" },
        { TD_IMG_FLASH_WRITE, "look at the flash driver and its wiring; erase the slot" },
    };

    if (td_failure_unsupported(f))
        return "build the firmware with the image group (CONFIG_MCUMGR_GRP_IMG)";
    for (size_t i = 0; f->err == TD_EREFUSED && f->by_group && i < TD_N_OF(rows); i++)
        if (f->group == TD_SMP_GROUP_IMAGE && rows[i].code == f->code)
            return rows[i].remedy;
    if (f->err == TD_EREFUSED && f->code == TD_SMP_RC_BAD_STATE)
        return rows[0].remedy;
    if (f->err == TD_EREFUSED && f->code == TD_SMP_RC_ACCESS_DENIED)
        return "the device's firmware denies uploads now; see its documentation";
    if (f->err == TD_EPACKET)
        return "raise the link's packet size or the device's buffers";
    if (f->err == TD_EMATCH)
        return "run the same update again, which begins anew; if it happens again, look at the "
               "link (a raw line has no checksum) and at the device's flash";
    if (f->err == TD_EFORGETS || f->err == TD_ELINKDOWN)
        return "the device resets during the upload: look at its reset cause, stack and watchdog";
    return "run the same update again; it goes on where it stopped";
}

void td_update_upload_done(struct td_update *u, uint64_t now_ms)
{
    td_update_say_progress(u, now_ms);
    u->uploading = false;
    if (u->upload.state == TD_UPLOAD_DONE) {
        td_update_go(u, STEP_UPLOADED);
        return;
    }
    td_update_finish_failure(u, now_ms, "the upload ended early", &u->upload.failure,
                             upload_remedy(&u->upload.failure));
    td_update_add_text(u, ", at byte ");
    td_update_add_number(u, u->upload.acked);
}

/* Whether a slot of this image is listed without a hash: then the list proves nothing. */
static bool lists_without_hash(const struct td_image_states *list, uint32_t image)
{
    for (uint8_t i = 0; i < list->n; i++)
        if (list->at[i].image == image && list->at[i].hash_len == 0)
            return true;
    return false;
}

void td_update_got_uploaded(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    struct td_update_item *item = td_update_item_of(u);
    const struct td_image_state *here;

    if (!td_update_take_list(u, now_ms, r))
        return;
    here = td_update_new_image(u, item);
    if (here == NULL && u->upload.assumed && u->n_uploads < 3) {
        td_update_go(u, STEP_UPLOAD);
        return;
    }
    // A recovery server lists slots without hashes: there the reset has to tell.
    if (here == NULL && u->cfg.mode != TD_UPDATE_UPLOAD &&
        !lists_without_hash(&u->device.list, item->file->image)) {
        td_update_finish(
            u, now_ms, TD_RESULT_FAILED,
            "the device took every byte of the image, but does not list it",
            "the firmware cannot read its second slot, or reads another place than it writes: "
            "compare its partitions with the bootloader's");
        return;
    }
    item->plan = TD_PLAN_MARK;
    if (u->cfg.mode == TD_UPDATE_UPLOAD) {
        u->item++;
        td_update_go(u, STEP_NEXT);
    } else if (here != NULL && here->pending && !td_update_is_by_version(u)) {
        item->marked = true;
        item->plan = TD_PLAN_RESET;
        td_update_go(u, STEP_NEXT);
    } else {
        td_update_go(u, STEP_MARK);
    }
}

/* ---- the mark -------------------------------------------------------------------------- */

static void marked(struct td_update *u)
{
    td_update_item_of(u)->plan = TD_PLAN_RESET;
    u->n_uploads = 0;
    u->item++;
    td_update_go(u, STEP_NEXT);
}

void td_update_got_mark(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_failure *f = &r->failure;
    bool must_mark = u->device.mode_known &&
                     (td_update_has_trials(u) || td_update_is_mode(u, TD_MODE_OVERWRITE));
    bool busy = f->err == TD_EREFUSED && ((f->by_group && f->code == TD_IMG_ALREADY_PENDING) ||
                                          (!f->by_group && f->code == TD_SMP_RC_BAD_STATE));

    if (f->err == TD_OK || busy) {
        // Neither a yes nor a no proves anything: the list does.
        td_update_go(u, STEP_MARKED);
    } else if (td_failure_unsupported(f) && !must_mark) {
        td_update_note(u, "this device has nothing to mark: its bootloader chooses by itself");
        td_update_item_of(u)->unmarkable = true;
        marked(u);
    } else {
        td_update_finish_failure(
            u, now_ms, "the image is on the device, but cannot be marked to start", f,
            f->by_group && f->code == TD_IMG_BAD_MAGIC
                ? "the slot's trailer cannot be written: flash driver, or another "
                  "partition than the bootloader's"
                : "see tandem image list");
    }
}

void td_update_got_marked(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_image_state *here, *other;

    if (!td_update_take_list(u, now_ms, r))
        return;
    here = td_update_new_image(u, td_update_item_of(u));
    other = td_update_someone_pending(u, td_update_item_of(u));
    if (here != NULL && (here->pending || here->permanent)) {
        td_update_item_of(u)->marked = true;
        if (u->cfg.mode == TD_UPDATE_CONFIRM && !here->permanent)
            td_update_note(
                u, "the device marked the image for a trial only; it is confirmed when it runs");
        marked(u);
    } else if (other != NULL) {
        td_update_finish(u, now_ms, TD_RESULT_REFUSED,
                         "the device keeps another image pending and does not mark this one",
                         "erase the other one (tandem image erase), then run this update again");
    } else if (here != NULL && here->active) {
        td_update_finish(u, now_ms, TD_RESULT_FAILED,
                         "the device was reset before this update told it to, and runs the new "
                         "image already, unconfirmed",
                         "run the same update again before the next reset: it confirms the image");
    } else {
        td_update_finish(
            u, now_ms, TD_RESULT_FAILED,
            "the device said that it marked the image, but its list shows nothing pending",
            "its firmware and its bootloader disagree about the trailer: compare partitions and "
            "write alignment of both");
    }
}
