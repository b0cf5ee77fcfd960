/*
 * client/update_priv.h - the steps of an update, and what its files call of each other.
 */
#ifndef TD_CLIENT_UPDATE_PRIV_H
#define TD_CLIENT_UPDATE_PRIV_H

#include "client/update.h"

enum td_update_step {
    STEP_PARAMS,
    STEP_LIST,
    STEP_MODE,
    STEP_SLOTS,
    STEP_ACCEPTS,
    STEP_B0,
    STEP_SEEN,
    STEP_DECIDE,
    STEP_NEXT,
    STEP_ERASE,
    STEP_ERASED,
    STEP_UPLOAD,
    STEP_UPLOADED,
    STEP_MARK,
    STEP_MARKED,
    STEP_STORAGE,
    STEP_RESET,
    STEP_POLL,
    STEP_STAGE,
    STEP_CONFIRM,
    STEP_CONFIRMED,
    STEP_WHY,
};

/* update.c: moving on. go enters a step with the next td_update_send. */
void td_update_go(struct td_update *u, enum td_update_step step);
void td_update_go_at(struct td_update *u, enum td_update_step step, uint64_t at_ms);
void td_update_ask(struct td_update *u, uint64_t now_ms, const struct td_request *req);
void td_update_ask_kind(struct td_update *u, uint64_t now_ms, enum td_request_kind kind,
                        bool probe);

/* update_say.c: events, and the sentences of the end. finish says how it ended and ends it. */
struct td_update_entry *td_update_add_event(struct td_update *u, enum td_update_event_kind kind);
void td_update_say_state(struct td_update *u, enum td_update_state state);
void td_update_note(struct td_update *u, const char *text);
void td_update_say_progress(struct td_update *u, uint64_t now_ms);
void td_update_say_turns(struct td_update *u, const struct td_upload *before);
struct td_update_item *td_update_item_of(struct td_update *u);
void td_update_set_remedy(struct td_update *u, const char *remedy);
void td_update_set_outcome(struct td_update *u, enum td_update_result result, const char *text,
                           const char *remedy);
void td_update_add_text(struct td_update *u, const char *more);
void td_update_add_number(struct td_update *u, uint32_t number);
void td_update_add_version(struct td_update *u, const struct td_version *version);
void td_update_add_hash(struct td_update *u, const uint8_t *hash, size_t len);
void td_update_close(struct td_update *u, uint64_t now_ms);
void td_update_finish(struct td_update *u, uint64_t now_ms, enum td_update_result result,
                      const char *text, const char *remedy);
const char *td_update_what_next(const struct td_update *u);
void td_update_finish_failure(struct td_update *u, uint64_t now_ms, const char *what,
                              const struct td_failure *f, const char *remedy);

/* update_look.c: what the device is, and the plan. */
bool td_update_is_mode(const struct td_update *u, enum td_strategy_id mode);
bool td_update_has_trials(const struct td_update *u);
bool td_update_is_by_version(const struct td_update *u);
int td_update_stage_slot(const struct td_update *u, const struct td_update_item *item);
bool td_update_stage_runs(const struct td_update *u, const struct td_update_item *item);
const struct td_image_state *td_update_new_image(const struct td_update *u,
                                                 const struct td_update_item *item);
const struct td_image_state *td_update_someone_pending(const struct td_update *u,
                                                       const struct td_update_item *item);
bool td_update_same_list(const struct td_image_states *a, const struct td_image_states *b);
void td_update_got_params(struct td_update *u, const struct td_reply *r);
bool td_update_take_list(struct td_update *u, uint64_t now_ms, const struct td_reply *r);
void td_update_got_mode(struct td_update *u, const struct td_reply *r);
void td_update_got_slots(struct td_update *u, const struct td_reply *r);
void td_update_got_accepts(struct td_update *u, const struct td_reply *r);
void td_update_ask_b0(struct td_update *u, uint64_t now_ms);
void td_update_got_b0(struct td_update *u, const struct td_reply *r);
void td_update_got_seen(struct td_update *u, const struct td_reply *r);
void td_update_add_new_images(struct td_update *u);
bool td_update_any_plan(const struct td_update *u, uint32_t plans);
void td_update_decide(struct td_update *u, uint64_t now_ms);

/* update_send.c: a step's request, or what its reply (got_) leads to. */
void td_update_finish_stage(struct td_update *u, uint64_t now_ms);
void td_update_finish_running(struct td_update *u, uint64_t now_ms, bool confirmed);
void td_update_next_item(struct td_update *u, uint64_t now_ms);
void td_update_ask_erase(struct td_update *u, uint64_t now_ms);
void td_update_got_erase(struct td_update *u, uint64_t now_ms, const struct td_reply *r);
void td_update_got_erased(struct td_update *u, uint64_t now_ms, const struct td_reply *r);
void td_update_start_upload(struct td_update *u, uint64_t now_ms);
void td_update_upload_done(struct td_update *u, uint64_t now_ms);
void td_update_got_uploaded(struct td_update *u, uint64_t now_ms, const struct td_reply *r);
void td_update_got_mark(struct td_update *u, uint64_t now_ms, const struct td_reply *r);
void td_update_got_marked(struct td_update *u, uint64_t now_ms, const struct td_reply *r);

/* update_run.c: likewise, from the reset on. */
void td_update_got_storage(struct td_update *u, const struct td_reply *r);
void td_update_ask_reset(struct td_update *u, uint64_t now_ms);
void td_update_got_reset(struct td_update *u, uint64_t now_ms, const struct td_failure *f);
void td_update_got_why(struct td_update *u, uint64_t now_ms, const struct td_reply *r);
void td_update_finish_gone(struct td_update *u, uint64_t now_ms);
void td_update_got_stage(struct td_update *u, uint64_t now_ms, const struct td_reply *r);
void td_update_got_poll(struct td_update *u, uint64_t now_ms, const struct td_reply *r);
void td_update_ask_confirm(struct td_update *u, uint64_t now_ms);
void td_update_got_confirm(struct td_update *u, uint64_t now_ms, const struct td_reply *r);
void td_update_got_confirmed(struct td_update *u, uint64_t now_ms, const struct td_reply *r);

#endif
