/* server/server_priv.h - what the groups of the server share. */
#ifndef TD_SERVER_SERVER_PRIV_H
#define TD_SERVER_SERVER_PRIV_H

#include "image/image.h"
#include "server/server.h"
#include "slot/request.h"
#include "smp/image.h"

/* ---- results ------------------------------------------------------------------------- */

static inline struct td_server_result td_result_done(void)
{
    return (struct td_server_result){ TD_SERVER_DONE, 0, { NULL, 0 } };
}

static inline struct td_server_result td_result_wait(void)
{
    return (struct td_server_result){ TD_SERVER_WAIT, 0, { NULL, 0 } };
}

static inline struct td_server_result td_result_rc(uint32_t rc, struct td_cbor_text reason)
{
    return (struct td_server_result){ TD_SERVER_RC, rc, reason };
}

static inline struct td_server_result td_result_err(uint32_t code, struct td_cbor_text reason)
{
    return (struct td_server_result){ TD_SERVER_ERR, code, reason };
}

#define TD_NO_REASON ((struct td_cbor_text){ NULL, 0 })

/* There is no such command here, or nothing behind it. */
static inline struct td_server_result td_result_not_built(void)
{
    return td_result_rc(TD_SMP_RC_NOT_SUPPORTED, TD_NO_REASON);
}

static inline struct td_server_result td_result_malformed(void)
{
    return td_result_rc(TD_SMP_RC_INVALID, TD_TEXT("malformed request"));
}

/* What a hook said: an rc, or with TD_SERVER_GROUP_CODE a code of the group. */
static inline struct td_server_result td_result_of_hook(uint32_t said, struct td_cbor_text reason)
{
    if (said == TD_SMP_RC_OK)
        return td_result_done();
    return said < TD_SERVER_GROUP_CODE(0) ? td_result_rc(said, reason)
                                          : td_result_err(said - TD_SERVER_GROUP_CODE(0), reason);
}

/* ---- access -------------------------------------------------------------------------- */

/* Whether the rules let the request through; if not, the reason says what the link lacks. */
bool td_server_may(const struct td_server_config *cfg, const struct td_server_link *link,
                   const struct td_smp_header *hdr, struct td_cbor_text *reason);

/* ---- what takes long ------------------------------------------------------------------ */

/* A job is between two steps: flash is not to be touched otherwise. */
bool td_server_job_runs(const struct td_server *srv);
void td_server_job_step(struct td_server *srv, uint32_t budget_us);

/* It is done, and the request that asked for it is gone. */
void td_server_job_forget(struct td_server *srv);

struct td_server_range {
    uint32_t off, len;
};

/*
 * Erases first, then second, of one area; either may be empty. false: it is under way, the
 * handler answers WAIT and is called again. true: it is done, and how it ended is in *err.
 */
bool td_server_erase(struct td_server_call *call, const struct td_flash_area *area,
                     struct td_server_range first, struct td_server_range second, enum td_err *err);

/* Hashes a range into upload.hash, which is begun anew; likewise. */
bool td_server_hash(struct td_server_call *call, const struct td_flash_area *area,
                    struct td_server_range range, enum td_err *err);

/* ---- slots --------------------------------------------------------------------------- */

/* An image as it lies in a slot. */
struct td_server_look {
    bool present;  /* header and TLV areas make sense; otherwise nothing else holds */
    uint32_t base; /* bytes into the slot */
    struct td_image img;
    uint8_t hash[64];
    uint8_t hash_len; /* 0: it carries none */
};

/* TD_EFLASH when the slot cannot be read; a slot without a sound image is not an error. */
enum td_err td_server_look(const struct td_server_image *image, unsigned slot,
                           struct td_server_look *look);

/* Both trailers of an image, what the next boot does, and the calls that change it. */
struct td_server_pair {
    struct td_trailer trailer[2];
    struct td_trailer_state state[2];
    struct td_slots slots; /* points into this structure: not to be copied */
    enum td_swap_type next;
    bool older;  /* modes that choose: they would not choose the other slot's version */
    bool needed; /* the other slot holds what an image on trial is reverted to */
};

/* Modes without requests, and images with one slot, give TD_SWAP_NONE. TD_EFLASH, or TD_ESLOT_*. */
enum td_err td_server_pair_read(const struct td_server *srv, unsigned image,
                                struct td_server_pair *pair);

/* Whether the mode takes requests: those that swap or copy, and those that choose on trial. */
bool td_server_has_requests(const struct td_server_image *image);

/* The slot that uploads of the image go to, unless the request says; NULL when there is none. */
const struct td_flash_area *td_server_target(const struct td_server_config *cfg, unsigned image,
                                             unsigned *slot);

/* Where the trailer's first sector begins; the slot's size when the mode has no trailers. */
uint32_t td_server_trailer_at(const struct td_server_image *image, unsigned slot);

/* The group image's code for an error of flash/ or slot/. */
uint32_t td_server_image_error(enum td_err err);

/* ---- answers ------------------------------------------------------------------------- */

/*
 * The end of the answer's buffer, as long as leaves `ahead` bytes for what is written besides;
 * what a back end puts there is then written from there without another buffer.
 */
static inline void *td_server_tail(const struct td_server_call *call, size_t ahead, size_t *room)
{
    const struct td_cbor_writer *w = call->out;

    *room = w->cap - w->len > ahead ? w->cap - w->len - ahead : 0;
    return w->buf + w->cap - *room;
}

/* Whether a group's error can only be told as an rc. */
static inline bool td_server_speaks_v1(const struct td_server_call *call)
{
    return call->hdr->version == TD_SMP_V1 || call->srv->cfg->manner->v1_only;
}

/* ---- files --------------------------------------------------------------------------- */

#define TD_SERVER_IDLE_MS 10000 /* where the back end does not say */

/* Whether there is a file under way that was not heard of for too long. */
static inline bool td_server_file_is_idle(const struct td_server *srv)
{
    const struct td_server_files *files = srv->cfg->files;

    return srv->file.state != TD_SERVER_NO_FILE && files->now_ms != NULL &&
           files->now_ms(files->ctx) - srv->file.heard_ms >=
               (files->idle_ms > 0 ? files->idle_ms : TD_SERVER_IDLE_MS);
}

/* The file under way is over, or given up. */
static inline void td_server_file_close(struct td_server *srv)
{
    const struct td_server_files *files = srv->cfg->files;

    if (srv->file.state == TD_SERVER_NO_FILE)
        return;
    srv->file.state = TD_SERVER_NO_FILE;
    srv->file.link = NULL;
    if (files->close != NULL)
        files->close(files->ctx);
}

/* ---- storage ------------------------------------------------------------------------- */

/* Its erase is over, however it ended and whether or not anybody waits for it. */
static inline void td_server_storage_erased(const struct td_server *srv)
{
    const struct td_server_config *cfg = srv->cfg;

    if (cfg->hooks != NULL && cfg->hooks->storage_erased != NULL)
        cfg->hooks->storage_erased(cfg->hook_ctx);
}

/* ---- handlers ------------------------------------------------------------------------ */

struct td_server_result td_server_os_echo(struct td_server_call *call);
struct td_server_result td_server_os_console(struct td_server_call *call);
struct td_server_result td_server_os_tasks(struct td_server_call *call);
struct td_server_result td_server_os_pools(struct td_server_call *call);
struct td_server_result td_server_os_datetime(struct td_server_call *call);
struct td_server_result td_server_os_set_datetime(struct td_server_call *call);
struct td_server_result td_server_os_info(struct td_server_call *call);
struct td_server_result td_server_os_reset(struct td_server_call *call);
struct td_server_result td_server_os_params(struct td_server_call *call);
struct td_server_result td_server_os_bootloader(struct td_server_call *call);
struct td_server_result td_server_img_list(struct td_server_call *call);
struct td_server_result td_server_img_state(struct td_server_call *call);
struct td_server_result td_server_img_upload(struct td_server_call *call);
struct td_server_result td_server_img_erase(struct td_server_call *call);
struct td_server_result td_server_img_slots(struct td_server_call *call);
struct td_server_result td_server_stat_show(struct td_server_call *call);
struct td_server_result td_server_stat_list(struct td_server_call *call);
struct td_server_result td_server_settings_read(struct td_server_call *call);
struct td_server_result td_server_settings_write(struct td_server_call *call);
struct td_server_result td_server_settings_delete(struct td_server_call *call);
struct td_server_result td_server_settings_commit(struct td_server_call *call);
struct td_server_result td_server_settings_load(struct td_server_call *call);
struct td_server_result td_server_settings_save(struct td_server_call *call);
struct td_server_result td_server_fs_download(struct td_server_call *call);
struct td_server_result td_server_fs_upload(struct td_server_call *call);
struct td_server_result td_server_fs_status(struct td_server_call *call);
struct td_server_result td_server_fs_hash(struct td_server_call *call);
struct td_server_result td_server_fs_types(struct td_server_call *call);
struct td_server_result td_server_fs_close(struct td_server_call *call);
struct td_server_result td_server_shell_exec(struct td_server_call *call);
struct td_server_result td_server_enum_count(struct td_server_call *call);
struct td_server_result td_server_enum_list(struct td_server_call *call);
struct td_server_result td_server_enum_single(struct td_server_call *call);
struct td_server_result td_server_enum_details(struct td_server_call *call);
struct td_server_result td_server_basic_erase(struct td_server_call *call);
struct td_server_result td_server_tandem_why(struct td_server_call *call);
struct td_server_result td_server_tandem_accepts(struct td_server_call *call);

struct td_server_result td_server_tandem_upload(struct td_server_call *call);

/* ---- uploads -------------------------------------------------------------------------- */

/*
 * Whether an upload is writing this slot: what it reads as then is a mixture, the header of one
 * image and the TLVs of another, say, and no image.
 */
bool td_server_is_written(const struct td_server *srv, unsigned image, unsigned slot);

/* Where the upload goes: the slot, and bytes into it where its first byte is put. */
const struct td_flash_area *td_server_upload_area(const struct td_server *srv);
uint32_t td_server_upload_base(const struct td_server *srv);

/* Whether a sector of the upload can be erased before its data comes, and the beginning of it. */
bool td_server_upload_wants_ahead(const struct td_server *srv);
void td_server_upload_ahead(struct td_server *srv);

/* The sector that went ahead is done. */
void td_server_upload_went_ahead(struct td_server *srv, enum td_err err);

/* The hash for which a request waited is there, or was broken off, and nobody waits any more. */
void td_server_upload_orphaned(struct td_server *srv, enum td_err err);

/* What the first chunk says, once it makes sense by itself. */
struct td_server_first {
    const struct td_img_upload_req *req;
    struct td_image_header hdr;
    uint8_t image;
    unsigned slot;
    const struct td_flash_area *area;
    uint32_t base;
};

/* Rules 2 to 5, and 7 to 10: a code of the group and a reason; TD_IMG_OK fills *first in. */
uint32_t td_server_first_chunk(struct td_server_first *first, struct td_cbor_text *reason);
uint32_t td_server_first_device(const struct td_server *srv, struct td_server_first *first,
                                struct td_cbor_text *reason);

/* Which image the request is about, and which slot of it; NULL: it has none. */
uint32_t td_server_wanted_image(const struct td_server *srv, const struct td_img_upload_req *req);
const struct td_flash_area *td_server_wanted_slot(const struct td_server *srv, unsigned image,
                                                  const struct td_img_upload_req *req,
                                                  unsigned *slot);

/* ---- across resets --------------------------------------------------------------------- */

#define TD_SERVER_KEPT_DIGEST 8 /* leading bytes of the SHA-256 of what is kept */

/* How often this upload is worth a record; upload.keep_every. */
void td_server_keep_plan(struct td_server *srv);

/*
 * How much of the upload that begins is said to lie in its slot, whole sectors from the start;
 * 0: nothing, and start says why.
 */
uint32_t td_server_kept(struct td_server *srv, uint8_t digest[TD_SERVER_KEPT_DIGEST],
                        uint8_t *start);

/* The upload's first len bytes lie in flash, and upload.hash is theirs. */
void td_server_keep(struct td_server *srv, uint32_t len,
                    const uint8_t digest[TD_SERVER_KEPT_DIGEST]);

/* Before anything of a slot is erased, and when it is complete: nothing is kept of it. */
void td_server_keep_nothing(const struct td_server *srv, unsigned image, unsigned slot);

#endif
