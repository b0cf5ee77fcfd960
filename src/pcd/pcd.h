/*
 * pcd/pcd.h - giving the network core its new image: the application core's side, and what
 * both sides share.
 *
 * The network core's flash is written by its own bootloader alone (pcd/b0n.h). It is told by
 * a block of 16 bytes in the application core's RAM that both know the address of:
 *
 *   u32 magic | u32 address of the data | u32 length | i32 offset in the network core's flash
 *
 * The application core holds the other in reset, writes the block, the magic last, lets it go,
 * and waits until the magic has changed. Source: include/dfu/pcd_common.h and subsys/pcd of the
 * nRF Connect SDK; docs/spec/pcd.md states every step.
 *
 * Better than the original, and compatible with its b0n: every wait has a deadline; a b0n whose
 * block lies at another address (it moved with SDK 3.2, and b0n never changes) is found by
 * asking; ours says why it failed, in the second word, which the original's side never reads.
 *
 * Nothing is kept between two calls. The port and the structures are the caller's.
 */
#ifndef TD_PCD_PCD_H
#define TD_PCD_PCD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define TD_PCD_COPY         0xb5b4b3b6u
#define TD_PCD_READ_VERSION 0xdca345eau
#define TD_PCD_LOCK_DEBUG   0xb6f249ecu
#define TD_PCD_DONE         0xf103ce5du
#define TD_PCD_FAIL         0x25bafc15u

#define TD_PCD_BLOCK_SIZE 16
#define TD_PCD_ADDR_FIRST 0x20000000u /* of the block, SDK up to 3.0 */
#define TD_PCD_ADDR_LAST  0x2006e000u /* SDK 3.2 on: below the 64 KB that both cores talk in */

/* Words of the block, in bytes from its start; the version is answered in the word behind it. */
#define TD_PCD_AT_MAGIC   0
#define TD_PCD_AT_DATA    4
#define TD_PCD_AT_LEN     8
#define TD_PCD_AT_OFFSET  12
#define TD_PCD_AT_VERSION 16

/* Our b0n's reason for a FAIL: word AT_DATA is TD_PCD_REASON | one of these. */
#define TD_PCD_REASON 0x54440000u

enum td_pcd_reason {
    TD_PCD_UNKNOWN = 0, /* it failed and did not say why: the original's b0n */
    TD_PCD_SOURCE = 1,  /* what it was given is not a sound image for it */
    TD_PCD_RANGE = 2,   /* offset or length are not those of its application's area */
    TD_PCD_WRITE = 3,   /* its flash failed */
    TD_PCD_VERIFY = 4,  /* what it wrote does not verify */
    TD_PCD_COMMAND = 5, /* it does not know the command */
    TD_PCD_EMPTY = 6,   /* it has no application whose version it could tell */
};

/* The board. */
struct td_pcd_port {
    void (*hold)(void *ctx, bool held); /* the other core's reset; true: it stands still */
    uint32_t (*load)(void *ctx, uint32_t addr);
    void (*store)(void *ctx, uint32_t addr, uint32_t value); /* ordered, as seen by both cores */
    uint32_t (*now_ms)(void *ctx);
    void (*wait)(void *ctx);                /* about a millisecond; feeds the watchdog */
    void (*lock)(void *ctx, uint32_t addr); /* the block is read-only until reset; may be NULL */
    void *ctx;
};

struct td_pcd {
    const struct td_pcd_port *port;
    uint32_t addr[2];   /* where the block may lie, the likelier first; memory of nobody else */
    uint8_t n_addr;     /* 1 or 2 */
    int32_t offset;     /* of the network application in its flash: 0x8800 */
    uint32_t start_ms;  /* how long it takes to start and answer; 0: 500 */
    uint32_t ms_per_kb; /* to erase, write and verify 1 KB there; 0: 100 */
};

struct td_pcd_answer {
    uint32_t addr; /* where the block was seen; 0: nowhere */
    uint32_t ms;   /* how long it took */
    uint32_t version;
    bool has_version;          /* the original answers 0 when it has none, so 0 counts as none */
    enum td_pcd_reason reason; /* of TD_EPCD_FAILED */
};

/*
 * Asks for the network application's fw_info version, at each address in turn, and so finds
 * out where the block lies. The core is held afterwards.
 *
 * TD_EPCD_SILENT: no address was answered in time: no b0n there, another address, a core that
 * hangs. A b0n that cannot tell its version has answered all the same: TD_OK without version.
 */
enum td_err td_pcd_ask(const struct td_pcd *pcd, struct td_pcd_answer *answer);

/*
 * Has the len bytes at data, an address that the network core can read, written and verified.
 * The core is held afterwards.
 *
 * TD_EPCD_SILENT: as above, or it did not finish in time. TD_EPCD_FAILED: it says so, why in
 * answer->reason; unless that is SOURCE, RANGE or COMMAND its application may be half written:
 * the caller keeps the image and gives it again.
 */
enum td_err td_pcd_give(const struct td_pcd *pcd, uint32_t data, uint32_t len,
                        struct td_pcd_answer *answer);

/*
 * Lets the core start its application, and locks the block, so that ours cannot forge a
 * command. The block says DONE: nothing to do.
 */
void td_pcd_release(const struct td_pcd *pcd);

#endif
