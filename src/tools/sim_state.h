/*
 * tools/sim_state.h - the folder in which a virtual device keeps its flash.
 *
 *   lock        the number of the process that uses the folder
 *   flash.bin   the bytes of the first flash; flash1.bin those of the second
 *   flash.meta  what else a flash remembers: torn words, wear (sim/nor.h)
 *
 * The files are mapped shared: what the device has written is in the files at once, and a
 * process that is killed leaves them as the device's power cut would.
 */
#ifndef TD_TOOLS_SIM_STATE_H
#define TD_TOOLS_SIM_STATE_H

#include "sim/device.h"
#include "tools/desk.h"

struct td_sim_state {
    char dir[256];
    int lock_fd;
    struct sim_memory memory[SIM_FLASHES_MAX]; /* what the device is built over */
    size_t size[SIM_FLASHES_MAX], meta_size[SIM_FLASHES_MAX];
    uint8_t n;
};

/*
 * Makes the folder if it is missing, locks it and maps the files. False: *fault says why, and
 * nothing is left open; td_sim_state_close is then not called.
 */
bool td_sim_state_open(struct td_sim_state *s, const char *dir, const struct sim_profile *p,
                       struct td_desk_fault *fault);

/*
 * To be called once the device is built: from now on the next process finds a flash that has
 * been initialised. A process that dies before leaves the folder as if it had never been.
 */
bool td_sim_state_commit(struct td_sim_state *s, struct td_desk_fault *fault);

void td_sim_state_close(struct td_sim_state *s);

#endif
