/*
 * layout/check.h - is a layout one with which updates work? And how large may an image be?
 *
 * Pure: a layout and what is known besides in, issues out. What nobody said is left unchecked,
 * and nothing is guessed into an error.
 */
#ifndef TD_LAYOUT_CHECK_H
#define TD_LAYOUT_CHECK_H

#include "layout/soc.h"
#include "slot/room.h"

/* The rules: name for programs and --json. docs/spec/layout.md says what each looks at. */
#define TD_LAYOUT_RULES(X)                                                                         \
    X(TD_LAYOUT_OVERLAP, "overlap")                                                                \
    X(TD_LAYOUT_GAP, "gap")                                                                        \
    X(TD_LAYOUT_APP_GAPS, "app-gaps")                                                              \
    X(TD_LAYOUT_BEYOND_MEMORY, "beyond-memory")                                                    \
    X(TD_LAYOUT_EMPTY, "no-size")                                                                  \
    X(TD_LAYOUT_END, "end-contradicts-size")                                                       \
    X(TD_LAYOUT_PAGE, "page-alignment")                                                            \
    X(TD_LAYOUT_LOCK, "lock-alignment")                                                            \
    X(TD_LAYOUT_LOCK_SIZE, "lock-too-large")                                                       \
    X(TD_LAYOUT_LOCK_REGIONS, "lock-regions")                                                      \
    X(TD_LAYOUT_UNEQUAL, "slots-unequal")                                                          \
    X(TD_LAYOUT_NO_SECONDARY, "no-secondary")                                                      \
    X(TD_LAYOUT_NO_PRIMARY, "no-primary")                                                          \
    X(TD_LAYOUT_NO_BOOT, "no-bootloader")                                                          \
    X(TD_LAYOUT_SECTORS, "too-many-sectors")                                                       \
    X(TD_LAYOUT_SCRATCH, "scratch")                                                                \
    X(TD_LAYOUT_ROOM, "swap-room")                                                                 \
    X(TD_LAYOUT_IMAGE, "image-too-large")                                                          \
    X(TD_LAYOUT_RUNNING, "running-too-large")                                                      \
    X(TD_LAYOUT_STORAGE, "storage-in-slot")                                                        \
    X(TD_LAYOUT_S0_S1, "s0-s1-unequal")                                                            \
    X(TD_LAYOUT_NO_S1, "no-s1")                                                                    \
    X(TD_LAYOUT_PAD, "pad-size")                                                                   \
    X(TD_LAYOUT_NO_PAD, "no-pad")                                                                  \
    X(TD_LAYOUT_MEMBERS, "container-members")                                                      \
    X(TD_LAYOUT_MEMBER_MISSING, "member-missing")                                                  \
    X(TD_LAYOUT_PROVISION_PLACE, "provision-place")                                                \
    X(TD_LAYOUT_PROVISION_ROOM, "provision-room")                                                  \
    X(TD_LAYOUT_PROVISION_WRITES, "provision-writes")                                              \
    X(TD_LAYOUT_NO_PROVISION, "no-provision")                                                      \
    X(TD_LAYOUT_NET_CONTAINER, "net-container")                                                    \
    X(TD_LAYOUT_NET_EXTERNAL, "net-external-secondary")                                            \
    X(TD_LAYOUT_NET_RAM, "net-ram-slot")                                                           \
    X(TD_LAYOUT_NET_REVERT, "no-netcore-revert")                                                   \
    X(TD_LAYOUT_PCD, "pcd-address")                                                                \
    X(TD_LAYOUT_RPMSG, "rpmsg-overlap")                                                            \
    X(TD_LAYOUT_EXTERNAL, "external-flash")                                                        \
    X(TD_LAYOUT_EXTERNAL_SECTOR, "external-sector")                                                \
    X(TD_LAYOUT_NAME_MISSPELT, "name-misspelt")                                                    \
    X(TD_LAYOUT_REGION_UNKNOWN, "region-unknown")                                                  \
    X(TD_LAYOUT_SOC_UNSURE, "soc-unsure")

enum td_layout_rule {
#define TD_LAYOUT_RULE_ENUM(rule, name) rule,
    TD_LAYOUT_RULES(TD_LAYOUT_RULE_ENUM)
#undef TD_LAYOUT_RULE_ENUM
        TD_LAYOUT_N_RULES
};

const char *td_layout_rule_name(enum td_layout_rule rule); /* never NULL */

enum td_harm {
    TD_HARM_NOTE,    /* worth knowing */
    TD_HARM_WARNING, /* works today, bites later; or works with some bootloaders only */
    TD_HARM_ERROR,   /* an update, or the device, fails */
};

const char *td_harm_name(enum td_harm harm); /* "error", "warning", "note" */

struct td_layout_issue {
    enum td_layout_rule rule;
    enum td_harm harm;
    char text[360];   /* what is wrong and what comes of it */
    char remedy[240]; /* what to do */
    char partition[TD_LAYOUT_NAME];
    char domain[16];
    uint32_t line; /* of the partition in its source; 0: unknown */
};

#define TD_LAYOUT_ISSUES 96

struct td_layout_issues {
    struct td_layout_issue at[TD_LAYOUT_ISSUES]; /* errors first */
    size_t n;
    size_t left_out; /* for which there was no room */
};

/* What is known beside the layout. All zero: nothing. */
struct td_layout_env {
    const struct td_soc *soc; /* of the application core; NULL: guessed */
    bool has_strategy;
    enum td_strategy_id strategy;
    unsigned image;           /* whose pair of slots the geometry is of, from 0 */
    uint32_t sector;          /* of the slots, bytes; 0: the chip's page */
    uint32_t external_sector; /* of an external flash, bytes; 0: as its device says, else sector */
    uint16_t max_sectors;     /* BOOT_MAX_IMG_SECTORS; 0: as many as the slot has */
    uint8_t write_size;       /* 0: the chip's */
    uint8_t max_align;        /* 0: 8, or the write size where that is more */
    uint32_t header_size;     /* of the images; 0: 0x200, 0x800 on nRF54L */
    uint32_t image_size;      /* of the image that is to be installed; 0: not known */
    uint32_t running_size;
    uint32_t keys;          /* public keys to be provisioned; 0: one */
    uint32_t counter_slots; /* of b0's version counter; 0: the build's default */
    bool sequential_net;    /* the network core's image comes through image 0's secondary */
};

/* The chip that the checks go by: env's, or the guess. NULL: unknown. */
const struct td_soc *td_layout_soc(const struct td_layout *layout, const struct td_layout_env *env,
                                   bool *sure);

/* All rules. issues is overwritten. */
void td_layout_check(const struct td_layout *layout, const struct td_layout_env *env,
                     struct td_layout_issues *issues);

/* Whether any issue is of that harm or worse. */
bool td_layout_is_harmed(const struct td_layout_issues *issues, enum td_harm harm);

/*
 * The sector of an external flash: env's, or that of the partition's device. *assumed: nobody said
 * so, it is the usual one.
 */
uint32_t td_layout_external_sector(const struct td_partition *part, const struct td_layout_env *env,
                                   bool *assumed);

/*
 * The pair of slots of env's image, as slot/room.h reckons with it. TD_ENOTFOUND: there is no
 * primary, or the chip is not known and env gives no sector.
 */
enum td_err td_layout_geometry(const struct td_layout *layout, const struct td_layout_env *env,
                               struct td_room_geometry *g);

/* A way of updating, and the largest image that it takes with this layout. */
struct td_layout_room {
    enum td_strategy_id strategy;
    enum td_err err; /* why none fits; TD_OK */
    uint32_t max;    /* bytes; 0 when err */
};

#define TD_LAYOUT_ROOMS 10

/* One row for each way that this pair of slots admits of; their number. */
size_t td_layout_rooms(const struct td_layout *layout, const struct td_layout_env *env,
                       struct td_layout_room rooms[TD_LAYOUT_ROOMS]);

/* The way of updating: env's, swap-scratch where there is a scratch partition, else swap-move. */
enum td_strategy_id td_layout_strategy(const struct td_layout *layout,
                                       const struct td_layout_env *env);

#endif
