/*
 * server/server.h - SMP requests in, answers out; groups as a table.
 *
 * The caller places struct td_server, lends every buffer and owns the links. The server has no
 * clock and sends nothing: it is handed a packet and gives back an answer. A device with two
 * links gives both to one server. There is one upload, as the protocol has it: the link whose
 * first chunk came last has it.
 *
 * The loop of a port:
 *
 *     while (len > 0) {                               // a packet may hold several requests
 *         size_t used = td_server_handle(&srv, link, packet, len, rsp, sizeof rsp, &reply);
 *         if (reply.len > 0)
 *             send(reply.link, rsp, reply.len);
 *         packet += used, len -= used;
 *     }
 *     ...
 *     while (td_server_busy(&srv)) {                  // between packets, whenever there is time
 *         td_server_work(&srv, 2000, rsp, sizeof rsp, &reply);
 *         if (reply.len > 0)
 *             send(reply.link, rsp, reply.len);
 *     }
 *
 * Erasing takes long, and so does hashing a whole slot. Where the config lends a `hold` buffer, a
 * request that has to wait for either is kept there, the job goes on in steps of td_server_work,
 * and the answer comes out of work when it is done: every link is served all the while, with what
 * touches no flash. Without one, handle blocks.
 *
 * Flags and swap types are read from the trailers each time they are wanted. The only state is
 * the upload under way. Where there is a boot log, how far it has come is kept there, so that the
 * same file goes on after a reset of the device (docs/spec/boot-log.md, Bookmark).
 *
 * No command reads a slot back: images leave a device by no way of this server.
 */
#ifndef TD_SERVER_SERVER_H
#define TD_SERVER_SERVER_H

#include "base/verdict.h"
#include "base/version.h"
#include "cbor/cbor.h"
#include "crypto/hash.h"
#include "flash/flash.h"
#include "server/backend.h"
#include "slot/room.h"
#include "smp/error.h"
#include "smp/header.h"
#include "smp/os.h"

struct td_server;
struct td_tandem_stage; /* smp/tandem.h */

/* ---- links --------------------------------------------------------------------------- */

/* One way in, kept by the caller as long as the server lives or an answer is owed to it. */
struct td_server_link {
    bool authenticated; /* the peer proved who it is; a cable on the desk counts as it */
    bool encrypted;     /* nobody can listen in; authenticated links count as encrypted */
    size_t max_reply;   /* bytes of the largest answer that this link carries; 0: any */
    void *ctx;          /* the port's */
};

/* ---- access -------------------------------------------------------------------------- */

/* What a link must be for a request to be let through; more is also enough. */
enum td_server_grant {
    TD_GRANT_OPEN = 0,
    TD_GRANT_ENCRYPTED,
    TD_GRANT_AUTHENTICATED,
    TD_GRANT_NEVER
};

/*
 * A rule. The first that names the group (and command) decides; where none does, the link must be
 * authenticated. It is asked before a handler sees a byte of the payload, again when a request that had to wait
 * goes on, and refuses with rc 11 and a reason that says what the link lacks. What the device
 * does not know at all is rc 8, whoever asks.
 */
struct td_server_access {
    uint16_t group;
    bool any_group;
    bool any_command;
    uint8_t command;
    enum td_server_grant read, write;
};

/*
 * Rules that a product can ship with. To open more, a port writes its own rules in front:
 * { { 9, false, true, 0, TD_GRANT_AUTHENTICATED, TD_GRANT_AUTHENTICATED }, TD_SERVER_SAFE_RULES }
 *
 * Whoever comes near may ask what a device is and why it refused, as a client has to before it
 * can help: versions, hashes of images and fingerprints of public keys are no secrets. What
 * changes the device wants a peer that has proved who it is: a stranger who can write a slot
 * cannot run his image, but he can wear the flash out, undo an update, end a trial. Settings and
 * files may hold secrets, so reading them counts as much; erasing the storage erases the bonds.
 * A shell is a key to everything, so a product that wants one says so itself. What the groups of
 * an application do only the application knows.
 */
#define TD_SERVER_SAFE_RULES                                                                       \
    { TD_SMP_GROUP_OS, false, false, TD_OS_ECHO, TD_GRANT_OPEN, TD_GRANT_OPEN },                   \
        { TD_SMP_GROUP_OS, false, true, 0, TD_GRANT_OPEN, TD_GRANT_AUTHENTICATED },                \
        { TD_SMP_GROUP_IMAGE, false, true, 0, TD_GRANT_OPEN, TD_GRANT_AUTHENTICATED },             \
        { TD_SMP_GROUP_STAT, false, true, 0, TD_GRANT_OPEN, TD_GRANT_NEVER },                      \
        { TD_SMP_GROUP_SETTINGS, false, true, 0, TD_GRANT_AUTHENTICATED, TD_GRANT_AUTHENTICATED }, \
        { TD_SMP_GROUP_FS, false, true, 0, TD_GRANT_AUTHENTICATED, TD_GRANT_AUTHENTICATED },       \
        { TD_SMP_GROUP_SHELL, false, true, 0, TD_GRANT_NEVER, TD_GRANT_NEVER },                    \
        { TD_SMP_GROUP_ENUM, false, true, 0, TD_GRANT_OPEN, TD_GRANT_NEVER },                      \
        { TD_SMP_GROUP_TANDEM, false, true, 0, TD_GRANT_OPEN, TD_GRANT_NEVER },                    \
    {                                                                                              \
        0, true, true, 0, TD_GRANT_AUTHENTICATED, TD_GRANT_AUTHENTICATED                           \
    }

#define TD_SERVER_ACCESS_DEFAULT_N 10
extern const struct td_server_access td_server_access_default[TD_SERVER_ACCESS_DEFAULT_N];

/* One rule: anyone may do everything. For desks; nothing takes it by itself. */
extern const struct td_server_access td_server_access_open[1];

/* ---- manners ------------------------------------------------------------------------- */

/*
 * What tells our server from those that stand in the field, as data. Tandem's manner is the
 * default; the others are for virtual devices that replay what users meet.
 */
struct td_server_manner {
    const char *name;
    enum td_cbor_style style;  /* of answers */
    bool v1_only;              /* groups' errors as rc alone, the version bits as they came */
    bool reasons;              /* "rsn" beside an rc or err */
    bool frugal;               /* false flags and splitStatus left out of lists */
    bool stock_requests;       /* requests are written as MCUboot's own library writes them */
    bool old_state_write;      /* marks as before Zephyr 3.4: done is said though nothing changed */
    bool pending_is_in_use;    /* a pending slot is neither overwritten nor erased */
    bool size_is_slot_size;    /* rule 8 checks the slot, not what can be swapped */
    bool checks_sha;           /* "match" at the first and after the last chunk */
    bool remembers_end;        /* the last chunk again is answered like the first time */
    bool binds_uploads;        /* chunks of another link than began the upload are refused */
    bool survives_resets;      /* the same file goes on after a reset, where there is a boot log */
    bool steps;                /* erase and hash in steps where a hold buffer is lent */
    bool full_list_is_corrupt; /* a list of groups that does not fit is rc 9, not 7 */
    bool shell_ret_is_rc;      /* what a shell command returned stands under "rc" */
};

extern const struct td_server_manner td_server_tandem;     /* "tandem" */
extern const struct td_server_manner td_server_zephyr_4;   /* "zephyr-4" */
extern const struct td_server_manner td_server_zephyr_3_3; /* "zephyr-3.3" */

/* ---- hooks --------------------------------------------------------------------------- */

struct td_server_reset {
    bool force;
    uint8_t boot_mode; /* enum td_os_boot_mode */
    uint32_t delay_ms; /* let the answer get out first */
};

struct td_server_upload {
    uint8_t image;
    uint8_t slot; /* where it will be written */
    uint32_t len; /* bytes of the whole file */
    struct td_version version;
};

/*
 * Any of them may be NULL, all are called inside handle or work. Where an rc is returned, 0
 * lets the request pass and another td_smp_rc refuses it, or TD_SERVER_GROUP_CODE(code), which
 * goes out as the group's code and is translated for v1. A refusal may give a reason.
 */
#define TD_SERVER_GROUP_CODE(code) (0x10000u | (uint32_t)(code))

struct td_server_hooks {
    /* Every request that the rules let through, before its group sees it. */
    uint32_t (*access)(void *ctx, const struct td_server_link *link,
                       const struct td_smp_header *hdr, struct td_cbor_text *reason);
    /* The port resets after delay_ms. Without this hook reset is not supported. */
    uint32_t (*reset)(void *ctx, const struct td_server_reset *reset, struct td_cbor_text *reason);
    /* Before the first byte of the slot is erased. */
    uint32_t (*upload_begin)(void *ctx, const struct td_server_upload *upload,
                             struct td_cbor_text *reason);
    /*
     * Each chunk that is going to be written, before anything is erased or written for it: off is
     * where it belongs in the file, len its bytes. A refusal leaves the upload where it is.
     */
    uint32_t (*chunk)(void *ctx, const struct td_server_upload *upload, uint32_t off, uint32_t len,
                      struct td_cbor_text *reason);
    /* The last byte is written. */
    void (*upload_done)(void *ctx, const struct td_server_upload *upload);
    /* The running image was confirmed. */
    void (*confirmed)(void *ctx, uint8_t image);
    /*
     * The storage area is going to be erased. *keep, whose size is 0, may be set to what stays: a
     * sector that says already that all the others count for nothing, and is empty.
     */
    uint32_t (*storage_begin)(void *ctx, struct td_flash_sector *keep, struct td_cbor_text *reason);
    /*
     * The erase that storage_begin let through is over: what was read from the area is stale. Also
     * called when it failed half-way, and when the link that asked for it has gone meanwhile.
     */
    void (*storage_erased)(void *ctx);
    /* The last byte is written, and the answer is not: the image may still be refused. */
    uint32_t (*uploaded)(void *ctx, const struct td_server_upload *upload,
                         struct td_cbor_text *reason);
    /*
     * Whether the bootloader would run what lies in this slot; if not, the verdict. Asked for
     * each image of a list, and for "why". Without: what has a sound header counts as bootable.
     */
    bool (*judge)(void *ctx, uint8_t image, uint8_t slot, struct td_verdict *why);
};

/* ---- config -------------------------------------------------------------------------- */

/* One image with its pair of slots. */
struct td_server_image {
    const struct td_flash_area *slot[2]; /* primary, secondary; NULL: there is none */
    enum td_strategy_id strategy;        /* how the bootloader installs it */
    bool spoken_for; /* it has no server of its own (another core's, or a part of what runs
                        here): this one confirms it, too */
    bool reverts;    /* RAM load: with trials, as direct-XIP's mode 5 */
    const struct td_room_geometry *room; /* as the bootloader has it; shapes the trailers too */
    uint8_t active_slot;                 /* which slot runs; 0 where slots are swapped */
    uint32_t upload_off;                 /* bytes into slot 1 where an upload begins: 0, or
                                             a sector with swap-offset */
};

struct td_server_group;

/* Where uploads go. */
enum td_server_target {
    TD_SERVER_TO_SPARE = 0, /* into the slot that does not run */
    TD_SERVER_TO_PRIMARY,   /* into slot 0, whatever it holds; nothing may be running */
    TD_SERVER_TO_ANY,       /* "image" counts slots: 0 and 1 are image 0's primary, 2 its
                               secondary, 3 image 1's primary, and so on; likewise */
};

struct td_server_config {
    const struct td_server_manner *manner;
    const struct td_server_group *const *groups;
    uint8_t n_groups;

    const struct td_server_image *images;
    uint8_t n_images;
    uint8_t running_image; /* which of them is the one that runs this server */

    uint32_t buf_size;  /* bytes of the largest message, as params tells it */
    uint32_t buf_count; /* at least 1 */

    struct td_cbor_text bootloader; /* "MCUboot" */
    bool decrypts;                  /* the bootloader opens encrypted images */
    bool unpacks;                   /* and decompresses compressed ones */
    bool no_downgrade;              /* the bootloader refuses older versions */

    const struct td_flash_area *storage;  /* settings and bonds; NULL: none */
    const struct td_flash_area *boot_log; /* NULL: none */

    /* What group tandem tells about the bootloader's keys. */
    uint8_t sig; /* enum td_sig_id */
    struct td_cbor_text sig_name;
    uint8_t hash_len;
    const uint8_t (*keys)[32]; /* fingerprints: SHA-256 of each key's DER */
    uint8_t n_keys;
    struct td_cbor_text layout;
    struct td_cbor_text board;
    const struct td_tandem_stage *stage; /* how a first stage booted us; NULL: there is none */

    enum td_server_target target;
    bool recovers; /* only the bootloader runs: of several requests the last one wins */

    bool wants_authenticated;              /* all but echo and params is refused on other links */
    const struct td_server_access *access; /* NULL: td_server_access_default */
    uint8_t n_access;

    /* back ends; NULL: the commands that need one are not supported */
    const struct td_server_os *os;
    const struct td_server_stat *stats;
    uint8_t n_stats;
    const struct td_server_settings *settings;
    const struct td_server_files *files;
    const struct td_server_shell *shell;

    const struct td_server_hooks *hooks; /* NULL: none */
    void *hook_ctx;
};

/* ---- groups -------------------------------------------------------------------------- */

/* How a handler ended. */
struct td_server_result {
    enum {
        TD_SERVER_DONE, /* the answer's map is written */
        TD_SERVER_RC,   /* {"rc":code}, whatever the version */
        TD_SERVER_ERR,  /* the group's code, translated for v1 */
        TD_SERVER_WAIT, /* for the erase that is under way; called again when it is done */
    } kind;
    uint32_t code;
    struct td_cbor_text reason;
};

/* One request on its way through a handler. */
struct td_server_call {
    struct td_server *srv;
    const struct td_server_link *link;
    const struct td_smp_header *hdr;
    const uint8_t *payload; /* hdr->len bytes */
    struct td_cbor_writer *out;
    bool resumed; /* it had to wait, and all that was decided before still holds */
};

typedef struct td_server_result (*td_server_handler)(struct td_server_call *call);

struct td_server_command {
    uint8_t id;
    td_server_handler read, write; /* NULL: not supported */
};

struct td_server_group {
    uint16_t id;
    const struct td_server_command *commands;
    uint8_t n_commands;
    bool uses_flash; /* waits while a sector is being erased; others are served meanwhile */
    struct td_cbor_text name; /* as enumeration tells it; may be empty */
};

/* With echo, reset and params; the rest of it where the config has what it tells of. */
extern const struct td_server_group td_server_group_os;
extern const struct td_server_group td_server_group_os_old;    /* without bootloader */
extern const struct td_server_group td_server_group_image;     /* state upload erase slot-info */
extern const struct td_server_group td_server_group_image_old; /* without slot-info */
extern const struct td_server_group td_server_group_stat;      /* show list */
extern const struct td_server_group td_server_group_settings;  /* get set delete commit load save */
extern const struct td_server_group td_server_group_fs;        /* files and their hashes */
extern const struct td_server_group td_server_group_shell;     /* exec */
extern const struct td_server_group td_server_group_enum;      /* which groups there are */
extern const struct td_server_group td_server_group_basic;     /* storage erase */
extern const struct td_server_group td_server_group_tandem;    /* why accepts upload */

/* ---- state --------------------------------------------------------------------------- */

#define TD_SERVER_SHA_LEN   32
#define TD_SERVER_ALIGN_MAX 32 /* largest write unit of a slot's flash */

struct td_server {
    const struct td_server_config *cfg;

    /* the upload under way; one for all images and links */
    struct td_server_session {
        const struct td_server_link *link; /* that began or resumed it; NULL: gone */
        enum {
            TD_SERVER_NO_UPLOAD,
            TD_SERVER_CHECKING, /* the first chunk waits while what lies in the slot is hashed */
            TD_SERVER_UPLOADING,
            TD_SERVER_FINISHING, /* all is written, and hashed */
            TD_SERVER_UPLOADED,  /* complete; len, off and matches say how it ended */
        } state;
        uint8_t start; /* enum td_tandem_start: how its first chunk was taken */
        uint8_t image;
        uint8_t slot;
        uint8_t n_tail;      /* bytes in tail: less than a write unit */
        bool trailer_erased; /* what was pending in the slot is not */
        bool ahead_failed;   /* erasing ahead of the data did not work; it is left be */
        bool matches;        /* when complete: what was written has the announced sha */
        uint32_t len;        /* of the whole file */
        uint32_t off;        /* bytes taken so far, tail included */
        uint32_t erased_to;  /* slot offset up to which it is erased */
        uint32_t trailer_at; /* slot offset from which on it was erased first of all */
        uint32_t kept;       /* bytes that would survive a reset */
        uint32_t keep_every; /* bytes between two records of that; 0: there are none */
        uint8_t sha_len;
        uint8_t sha[TD_SERVER_SHA_LEN];
        uint8_t tail[TD_SERVER_ALIGN_MAX];
        struct td_version version;
        struct td_hash hash; /* of the off bytes, where keep_every; or of what a job has read */
    } upload;

    /* what takes long, one at a time */
    struct td_server_job {
        enum {
            TD_SERVER_JOB_NONE,
            TD_SERVER_JOB_AHEAD,    /* a sector of the upload, before its data is there */
            TD_SERVER_JOB_ASKED,    /* a request waits for it */
            TD_SERVER_JOB_ORPHANED, /* the link of that request is gone */
            TD_SERVER_JOB_DONE,     /* the request that asked for it is to be handled again */
        } state;
        bool hashes; /* into upload.hash; otherwise it erases */
        struct td_flash_job erase;
        uint32_t then_off, then_len; /* to be erased after that; len 0: nothing */
        const struct td_flash_area *area;
        uint32_t next, end; /* to be hashed */
        enum td_err err;    /* when done */
    } job;

    /* the file under way; one for all links */
    struct td_server_file {
        const struct td_server_link *link; /* that opened it */
        enum td_server_file_state {
            TD_SERVER_NO_FILE,
            TD_SERVER_DOWNLOAD,
            TD_SERVER_FILE_UPLOAD,
        } state;
        uint8_t path_len;
        char path[TD_SERVER_PATH_MAX];
        uint64_t len;      /* of the whole file; 0: nobody said */
        uint64_t off;      /* uploads: bytes written */
        uint32_t heard_ms; /* when its last request came */
    } file;

    /* the hash of a file, which takes many steps; the request that asked for it waits */
    struct td_server_hashing {
        bool runs;
        uint32_t crc;
        struct td_hash sha;
        uint64_t at, end; /* bytes of the file */
    } hashing;

    /* the slot that was erased as a whole since the start, and not written since */
    const struct td_flash_area *blank;

    /* the request that waits for it */
    uint8_t *hold; /* the caller's; NULL: none lent */
    size_t hold_cap;
    size_t held; /* bytes; 0: nothing waits */
    const struct td_server_link *held_link;
};

/*
 * hold takes a whole request (buf_size bytes) or is NULL. The config and the hold buffer
 * outlive the server. A reset of the device is another init.
 */
void td_server_init(struct td_server *srv, const struct td_server_config *cfg, uint8_t *hold,
                    size_t hold_cap);

/* ---- use ----------------------------------------------------------------------------- */

struct td_server_reply {
    const struct td_server_link *link; /* whom it is for */
    size_t len;                        /* bytes in rsp; 0: nothing to send */
};

/*
 * Handles the first request of a packet and returns how many bytes of the packet that took:
 * call again with the rest. Short or broken packets are taken whole. rsp must not overlap the
 * packet; cap of buf_size is right, of less than 64 is refused silently.
 *
 * While an answer is owed that waits for an erase, requests that touch no flash are answered
 * at once. For another one the erase is first brought to its end, the owed answer given back,
 * and 0 returned: nothing was taken yet. Ports that would rather not block keep packets back
 * while td_server_would_wait.
 */
size_t td_server_handle(struct td_server *srv, const struct td_server_link *link,
                        const uint8_t *packet, size_t len, uint8_t *rsp, size_t cap,
                        struct td_server_reply *reply);

/*
 * Spends about budget_us on what is under way: the job that a held request waits for, or
 * the next sectors of an upload ahead of its data. Gives back the owed answer once it is ready.
 * A hash gets a byte for each microsecond, and no less than 1024 in a call. Closes a file that
 * was not heard of for too long.
 */
void td_server_work(struct td_server *srv, uint32_t budget_us, uint8_t *rsp, size_t cap,
                    struct td_server_reply *reply);

/* Whether work has something to do. */
bool td_server_busy(const struct td_server *srv);

/*
 * Whether something is under way in flash, between two calls: an erase that was begun, say. An
 * application that writes flash by itself, its settings for example, calls work until it is not.
 */
bool td_server_uses_flash(const struct td_server *srv);

/*
 * Whether a packet holds a request that has to stand behind the one whose answer is owed: one
 * that uses flash, or a reset, which would cut the erase.
 */
bool td_server_would_wait(const struct td_server *srv, const struct td_server_link *link,
                          const uint8_t *packet, size_t len);

/* Whether a request is held and its answer is still to come. */
bool td_server_owes(const struct td_server *srv);

/*
 * A link is gone: what is owed to it is dropped. Its upload stays open for a first chunk with the
 * same sha; other chunks are told offset 0, whichever link they come on.
 */
void td_server_link_down(struct td_server *srv, const struct td_server_link *link);

#endif
