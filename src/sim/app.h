/*
 * sim/app.h - the payload that stands for an application on the virtual device.
 *
 * A real board runs whatever stands behind the image's header. The virtual one reads a small
 * descriptor there and behaves as it says (docs/spec/sim-app.md states every byte). The filler
 * behind it follows from the name, so that two names give two images with different bytes, and
 * the same name and size give the same file on every machine.
 */
#ifndef TD_SIM_APP_H
#define TD_SIM_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SIM_APP_DESCRIPTOR_SIZE 64
#define SIM_APP_NAME_MAX        43 /* characters; a NUL follows in the descriptor */
#define SIM_APP_SIZE_MAX        (16u * 1024 * 1024)

enum sim_app_flag {
    SIM_APP_SELF_CONFIRM = 1, /* marks its own image confirmed as soon as it runs */
    SIM_APP_CRASH = 2,        /* resets before SMP answers, and never confirms */
    SIM_APP_MUTE = 4,         /* runs and feeds the watchdog, but serves no SMP */
    SIM_APP_HANG = 8,         /* stops dead before SMP answers, and feeds no watchdog */
};

struct sim_app {
    uint16_t flags;                  /* of enum sim_app_flag, or-ed */
    uint32_t size;                   /* bytes of the whole payload */
    char name[SIM_APP_NAME_MAX + 1]; /* printable ASCII, ends with a NUL */
};

/* Whether a name may stand in a descriptor: 1 to SIM_APP_NAME_MAX printable characters. */
bool sim_app_name_ok(const char *name);

/*
 * Writes app->size bytes to out. TD_EARG: the name or the flags are not allowed, or the size
 * is not in SIM_APP_DESCRIPTOR_SIZE ... SIM_APP_SIZE_MAX; TD_ESPACE: cap is less than the size.
 */
enum td_err sim_app_build(const struct sim_app *app, uint8_t *out, size_t cap);

/*
 * Reads a descriptor. TD_ENOTFOUND: these bytes are no descriptor, the payload is somebody
 * else's and app is untouched. TD_EUNSUPPORTED: a descriptor of a newer form.
 */
enum td_err sim_app_read(const uint8_t bytes[SIM_APP_DESCRIPTOR_SIZE], struct sim_app *app);

#endif
