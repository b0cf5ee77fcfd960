/*
 * pcd/b0n.h - the network core's bootloader: takes a new application from the other core, and
 * starts the one it has.
 *
 * Its trust is the hash alone: whoever may write the command block has checked the signature
 * (pcd/pcd.h). What the original leaves out, it does: an application is verified before each
 * start and not started when it fails, the command's offset and length are its own area's or
 * refused, and every failure has a reason that the other core can read.
 *
 * Source: samples/nrf5340/netboot of the nRF Connect SDK. Everything is the caller's.
 */
#ifndef TD_PCD_B0N_H
#define TD_PCD_B0N_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "flash/flash.h"
#include "image/fw_info.h"
#include "pcd/pcd.h"

/* What this core can do on its board. */
struct td_b0n_port {
    uint32_t (*load)(void *ctx, uint32_t addr); /* words of the other core's RAM */
    void (*store)(void *ctx, uint32_t addr, uint32_t value);
    /* Copies from the other core's memory. An error when that core's memory is not for us. */
    enum td_err (*read)(void *ctx, uint32_t addr, void *dst, size_t len);
    void (*feed)(void *ctx);              /* between pieces of work; may be NULL */
    enum td_err (*lock_debug)(void *ctx); /* NULL: not supported */
    void *ctx;
};

struct td_b0n_config {
    const struct td_flash_area *app; /* the application's area */
    uint32_t app_addr;               /* its address: 0x01008800 */
    int32_t offset;                  /* its offset in this core's flash: 0x8800 */
    uint32_t block;                  /* address of the command block */
    uint32_t ram_addr;               /* the other core's RAM: a version is answered into it alone */
    uint32_t ram_size;
    enum td_fw_search search;
    const struct td_b0n_port *port;
    bool as_original; /* starts what it finds unverified, gives no reasons: for replay */
};

enum td_b0n_next {
    TD_B0N_SPIN, /* a command was taken: the other core resets us */
    TD_B0N_BOOT, /* start the application */
    TD_B0N_STOP, /* there is none that may be started */
};

struct td_b0n_result {
    enum td_b0n_next next;
    uint32_t boot_address;     /* BOOT: of the vector table */
    uint32_t version;          /* BOOT: of the application */
    enum td_pcd_reason reason; /* of a FAIL that was answered, or of STOP */
};

#define TD_B0N_COPY_SIZE 512

struct td_b0n_work {
    uint8_t copy[TD_B0N_COPY_SIZE];
};

/*
 * From reset to the jump: takes the command if there is one, else looks for the application.
 * Driver errors become answers (WRITE) and reasons. A power cut anywhere leaves an application
 * that verifies, or none, which the other core gives again.
 */
void td_b0n_go(const struct td_b0n_config *config, struct td_b0n_work *work,
               struct td_b0n_result *result);

/*
 * Whether [0, limit) of src is an application for this core: fw_info found, its address ours,
 * all of it and its validation info inside, the hash right. *end: bytes up to the end of the
 * validation info. TD_ENOTFOUND, TD_EFORMAT, TD_EIMG_HASH; the source's error.
 */
enum td_err td_b0n_check(const struct td_b0n_config *config, const struct td_source *src,
                         struct td_fw_info *info, uint8_t hash[32], uint32_t *end);

#endif
