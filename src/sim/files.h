/*
 * sim/files.h - the file system of a virtual device, given from outside: the room has no I/O.
 */
#ifndef TD_SIM_FILES_H
#define TD_SIM_FILES_H

#include "server/backend.h"

#define SIM_MOUNT "/lfs1" /* where it is mounted */

struct sim_file {
    char name[64];
    bool is_folder;
    uint64_t size;
};

struct sim_files {
    struct td_server_files server;
    /* Entry number i of a folder, in the order of names; false: there are no more, or it is none. */
    bool (*entry)(void *ctx, struct td_cbor_text folder, unsigned i, struct sim_file *file);
};

#endif
