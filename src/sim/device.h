/*
 * sim/device.h - a device on the desk: flash, bootloader, server, application, watchdog.
 *
 * It is built from a profile and runs the same boot/ and server/ as a board does, in the
 * caller's memory and without I/O of its own: packets and the time go in, and what the device
 * says comes out of callbacks. Two devices are two structures.
 *
 *     sim_device_init(&dev, &profile, memory, &io);
 *     sim_device_power_on(&dev, now);                    // boots, and starts the application
 *     sim_device_receive(&dev, now, &link, packet, len); // answers come out of io.send
 *     sim_device_poll(&dev, now);                        // not later than sim_device_wake_us
 *
 * What crosses a reset: flash always; retained RAM unless the power was off; nothing else. The
 * clock counts microseconds from anywhere, and does not go back.
 */
#ifndef TD_SIM_DEVICE_H
#define TD_SIM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/boot.h"
#include "patch/lzma2.h"
#include "server/nvs_settings.h"
#include "server/server.h"
#include "sim/app.h"
#include "sim/board.h"
#include "sim/files.h"
#include "sim/first.h"
#include "sim/net.h"
#include "sim/nor.h"
#include "sim/profile.h"
#include "sim/rescue.h"
#include "sim/shell.h"
#include "sim/stats.h"

/* What the device says. send and console must be there; spend may be NULL. */
struct sim_device_io {
    /* An answer to link; the bytes are valid during the call. */
    void (*send)(void *ctx, const struct td_server_link *link, const uint8_t *packet, size_t len);
    /* Bytes of the recovery server for a serial line; NULL: the device has no recovery. */
    void (*bytes)(void *ctx, const struct td_server_link *link, const uint8_t *bytes, size_t len);
    /* A line of the console, without line end. */
    void (*console)(void *ctx, const char *line);
    /* Flash was busy for so long since the last call: who wants real speed sleeps here. */
    void (*spend)(void *ctx, uint64_t us);
    void *ctx;
    const struct sim_files *files; /* NULL: it has no file system */
    const char *version;           /* of the build, for whoever asks; NULL: not told */
};

/* One flash's memory, the caller's: see sim/nor.h. */
struct sim_memory {
    uint8_t *bytes; /* the profile's size */
    uint8_t *meta;  /* sim_device_meta_size */
    bool is_new;    /* make it a flash fresh from the factory; else it is one from before */
};

enum sim_state {
    SIM_OFF,      /* without power, from the start or since a cut */
    SIM_DEAD,     /* nothing bootable, or the flash failed: waits for another power-on */
    SIM_SERVES,   /* the application runs and answers SMP */
    SIM_MUTE,     /* the application runs without SMP */
    SIM_HANGS,    /* the application stopped; the watchdog, where there is one, will bite */
    SIM_CRASHES,  /* the application is about to reset the device */
    SIM_RECOVERS, /* the bootloader serves recovery on the serial lines */
    SIM_RESETS,   /* the bootloader is about to reset the device */
    SIM_LOOPS,    /* it crashed SIM_CRASHES_MAX times in a row and was stopped */
};

#define SIM_CRASHES_MAX 8
#define SIM_CRASH_US    20000 /* how long a crashing application lives */
#define SIM_BUF_MAX     16384 /* the largest server.buf_size */

/* RAM that a reset leaves alone and a power cut wipes. */
struct sim_retained {
    uint8_t boot_mode; /* as the last reset request had it */
    enum td_reset_cause cause;
    struct td_boot_result boot; /* what the bootloader handed to the application */
    bool clock_set;
    int64_t clock_offset_ms; /* of the wall clock to the time base */
};

struct sim_device {
    const struct sim_profile *profile;
    struct sim_device_io io;
    enum sim_state state;
    uint64_t now_us;
    uint64_t reset_at_us; /* UINT64_MAX: no reset is due */
    enum td_reset_cause reset_cause;
    uint64_t spent_us;   /* of power.busy_us, what io.spend was told */
    unsigned boots;      /* since init */
    unsigned crashes;    /* in a row */
    unsigned crashed;    /* since init */
    uint64_t started_us; /* when the last reset was */
    bool was_cut;        /* the power went where power_on was told to let it go */
    bool has_app;        /* app holds the running application's descriptor */
    struct sim_app app;
    struct sim_retained retained;

    struct sim_power power;
    struct sim_nor_model model[SIM_FLASHES_MAX];
    struct sim_nor nor[SIM_FLASHES_MAX];
    struct td_flash_area area[SIM_PART_COUNT];

    struct td_image_key keys[SIM_KEYS_MAX];
    struct td_image_unwrap unwrap; /* profile.boot.secret */
    uint8_t fingerprints[SIM_KEYS_MAX][32];
    uint8_t n_images;
    struct td_boot_slots slots[SIM_IMAGES_MAX];
    struct td_boot_ram ram;
    struct td_boot_counters counters; /* profile.boot.counters */
    struct td_boot_config boot;
    struct td_boot_work work;
    struct td_lzma2_work patch_work; /* overwrite */
    struct sim_first first;          /* profile.first.present */
    struct sim_net net;              /* profile.net.present */
    struct sim_rescue rescue;        /* profile.recovery.present */
    bool pin;                        /* held while it boots: recovery is wanted */

    struct td_room_geometry room[SIM_IMAGES_MAX];
    struct td_server_image image[SIM_IMAGES_MAX];
    const struct td_server_group *groups[SIM_GROUPS_MAX];
    struct td_server_group os_group; /* without params */
    struct td_server_command os_commands[16];
    struct sim_board board;
    struct sim_traffic traffic[SIM_TRAFFIC_MAX];
    struct sim_stat_of stat_of[SIM_STATS_MAX];
    struct td_server_stat stats[SIM_STATS_MAX];
    struct td_server_shell shell;
    struct td_server_access access[SIM_GROUPS_MAX + TD_SERVER_ACCESS_DEFAULT_N];
    struct td_server_hooks server_hooks;
    struct td_server_nvs_settings settings; /* where the profile has the group and a storage */
    struct td_nvs_config settings_config;
    uint8_t settings_ram[2048]; /* set, and not yet saved */
    struct td_server_config config;
    struct td_server server;
    uint8_t hold[SIM_BUF_MAX];
    uint8_t reply[SIM_BUF_MAX];
    uint8_t ram_bytes[SIM_RAM_MAX];
};

/* Bytes of metadata that flash i of the profile needs. */
size_t sim_device_meta_size(const struct sim_profile *p, unsigned i);

/*
 * Builds a device, without power. profile, which passed sim_profile_check, and the memory
 * outlive it. TD_EFORMAT: the memory holds a flash of another kind. TD_EKEY: a key of the
 * profile is malformed. Else as td_boot_check.
 */
enum td_err sim_device_init(struct sim_device *dev, const struct sim_profile *p,
                            const struct sim_memory memory[SIM_FLASHES_MAX],
                            const struct sim_device_io *io);

/*
 * Writes a partition as a debugger does: it is erased, then programmed from off on. Takes no
 * time and counts as no operation. TD_EBOUNDS; TD_ENOTFOUND: the device has no such partition.
 */
enum td_err sim_device_program(struct sim_device *dev, enum sim_part part, uint32_t off,
                               const uint8_t *bytes, uint32_t len);

/*
 * Switches the power on: boots, then starts the application. cut_at 0: the power stays. Else
 * it goes at the cut_at-th write or erase, counted from here: then the state is SIM_OFF.
 */
void sim_device_power_on(struct sim_device *dev, uint64_t now_us, uint32_t cut_at,
                         enum sim_cut kind);

/* Switches it off in the middle of whatever goes on. */
void sim_device_power_off(struct sim_device *dev);

/* A packet for the application. It is lost unless the device serves. */
void sim_device_receive(struct sim_device *dev, uint64_t now_us, const struct td_server_link *link,
                        const uint8_t *packet, size_t len);

/* Bytes on a serial line, unframed, while the state is SIM_RECOVERS. */
void sim_device_receive_bytes(struct sim_device *dev, uint64_t now_us,
                              const struct td_server_link *link, const uint8_t *bytes, size_t len);

/*
 * A line that was typed on the console: what the shell prints goes to out, its length is returned.
 * 0 where the device does not serve, has no shell, or the link may not use it.
 */
size_t sim_device_typed(struct sim_device *dev, uint64_t now_us, const struct td_server_link *link,
                        const char *line, size_t len, char *out, size_t cap);

/* The link is gone: nothing more is sent to it. */
void sim_device_link_down(struct sim_device *dev, const struct td_server_link *link);

/* Does what is due: a reset, the watchdog's bite, a piece of an erase. */
void sim_device_poll(struct sim_device *dev, uint64_t now_us);

/* When to poll again; UINT64_MAX: not before a packet comes. */
uint64_t sim_device_wake_us(const struct sim_device *dev);

/* Whether a packet had better be kept back: it would have to wait for an erase under way. */
bool sim_device_would_wait(const struct sim_device *dev, const struct td_server_link *link,
                           const uint8_t *packet, size_t len);

/* Puts into the metadata what the next process needs; cheap enough for every turn of a loop. */
void sim_device_sync(struct sim_device *dev);

#endif
