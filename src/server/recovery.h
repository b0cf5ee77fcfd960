/*
 * server/recovery.h - the bootloader's own SMP server on a serial line, for when td_boot_go says
 * recover: bytes and the time in, bytes out.
 *
 * What it answers with is the server's (server.h): the same handlers, on fewer groups, with
 * nobody running. What it adds is the line's framing, the reset, and the bootloader's judgement:
 * the list and "why" tell which images may boot and why the others may not, and an upload that
 * the bootloader would refuse is refused at its last byte. docs/spec/recovery.md has the rest.
 *
 * The caller places the structure and lends the buffers; it owns the UART and the clock:
 *
 *     td_recovery_init(&rec, &config, &buffers);
 *     while (!td_recovery_resets(&rec, now_ms(), &reset)) {
 *         n = uart_read(bytes, sizeof bytes);
 *         for (size_t at = 0; at < n;) {
 *             at += td_recovery_receive(&rec, now_ms(), bytes + at, n - at);
 *             td_recovery_work(&rec, now_ms(), 20000);
 *             while ((len = td_recovery_send(&rec, out, sizeof out)) > 0)
 *                 uart_write(out, len);
 *         }
 *     }
 *
 * Nothing here survives a reset, and none of it has to: an upload that was cut leaves a slot that
 * does not verify, and what ran before runs again, or recovery comes up again.
 */
#ifndef TD_SERVER_RECOVERY_H
#define TD_SERVER_RECOVERY_H

#include "base/verdict.h"
#include "server/server.h"
#include "smp/console.h"
#include "smp/raw.h"

/* How packets lie on the line; both ends have to agree. */
enum td_recovery_framing {
    TD_RECOVERY_CONSOLE = 0, /* smp/console.h: lines of base64, beside other text */
    TD_RECOVERY_RAW,         /* smp/raw.h: the packet alone */
    TD_RECOVERY_COBS,        /* smp/raw.h: COBS with a CRC */
};

/* Groups for td_recovery_config. The first three are what the original has, and "why". */
extern const struct td_server_group td_recovery_group_os;    /* echo, console echo, reset, params */
extern const struct td_server_group td_recovery_group_image; /* list upload slot-info */
extern const struct td_server_group td_recovery_group_tandem;     /* why */
extern const struct td_server_group td_recovery_group_image_full; /* and test, confirm, erase */

/* Const data of a board. */
struct td_recovery_config {
    enum td_recovery_framing framing;
    const struct td_server_group *const *groups;
    uint8_t n_groups;
    const struct td_server_image *images; /* active_slot: what would have run, or 0 */
    uint8_t n_images;
    /*
     * Where uploads go. TO_SPARE: into the slot that does not run; an image that may boot is
     * marked at once, on trial when there is one to go back to. TO_PRIMARY: over what runs, for
     * devices with one slot. TO_ANY: the request says which.
     */
    enum td_server_target target;
    uint8_t hash_len;    /* of the images' hash: 32, 48 or 64 */
    uint32_t timeout_ms; /* raw: silence after which half a packet is forgotten; 0: 500 */
    const struct td_flash_area *boot_log; /* NULL: none */
    /*
     * Whether the bootloader would run what lies in the slot, and if not, the verdict: the port
     * hands on to td_boot_judge. NULL: everything with a sound header counts.
     */
    bool (*judge)(void *ctx, uint8_t image, uint8_t slot, struct td_verdict *why);
    void *ctx;
};

/* The caller's. Each of size bytes: what params tells as buf_size. hold may be NULL: then an
   erase is waited for inside td_recovery_receive. */
struct td_recovery_buffers {
    uint8_t *rx;
    uint8_t *tx;
    uint8_t *hold;
    size_t size; /* 256 or more; the original has 512, or 1024 */
};

struct td_recovery {
    const struct td_recovery_config *cfg;
    struct td_recovery_buffers buf;
    struct td_server_config server_cfg;
    struct td_server_hooks hooks;
    struct td_server srv;
    struct td_server_link link;

    struct td_console_in console_in;
    struct td_raw_in raw_in;
    struct td_cobs_in cobs_in;
    uint32_t heard_ms; /* when the last byte came */

    /* The answer on its way out. */
    struct td_console_out console_out;
    struct td_cobs_out cobs_out;
    size_t tx_len; /* bytes of the answer in buf.tx; 0: none */
    size_t tx_pos; /* raw: how many are out */
    uint8_t line[TD_CONSOLE_LINE_MAX];
    uint8_t n_line; /* bytes in line, and how many of them are out */
    uint8_t line_pos;

    bool reset_due;
    struct td_server_reset reset;
    uint32_t reset_ms; /* when the answer to it was made */
    uint32_t now_ms;
};

/* config and the buffers' memory outlive it. TD_EARG: buffers that are too small. */
enum td_err td_recovery_init(struct td_recovery *rec, const struct td_recovery_config *config,
                             const struct td_recovery_buffers *buffers);

/*
 * Takes bytes from the line and returns how many: all of them, or as many as make a packet whose
 * answer has to go out first (offer the rest again afterwards). Damaged packets are dropped
 * without an answer, as everywhere; the sender repeats. now_ms counts from anywhere and may
 * wrap around.
 */
size_t td_recovery_receive(struct td_recovery *rec, uint32_t now_ms, const uint8_t *bytes,
                           size_t len);

/* Bytes for the line, up to cap (1 or more); 0: nothing to say. */
size_t td_recovery_send(struct td_recovery *rec, uint8_t *out, size_t cap);

/* Spends about budget_us on an erase under way. To be called in every turn of the loop. */
void td_recovery_work(struct td_recovery *rec, uint32_t now_ms, uint32_t budget_us);

/* Whether work has something to do, so that a loop does not sleep. */
bool td_recovery_busy(const struct td_recovery *rec);

/* Whether the device is to be reset now: asked for, answered, and the delay is over. */
bool td_recovery_resets(const struct td_recovery *rec, uint32_t now_ms,
                        struct td_server_reset *reset);

#endif
