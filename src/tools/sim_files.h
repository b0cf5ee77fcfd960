/*
 * tools/sim_files.h - a folder of this machine as a virtual device's file system.
 *
 * It is mounted at /lfs1. Nothing outside of the folder can be named: "." and ".." are no names,
 * and a symbolic link is neither followed nor read. Folders are made by whoever owns the machine;
 * the device makes files. Each is at most TD_SIM_FILE_MAX bytes.
 */
#ifndef TD_TOOLS_SIM_FILES_H
#define TD_TOOLS_SIM_FILES_H

#include "sim/files.h"
#include "tools/desk.h"

#define TD_SIM_FILE_MAX (8u * 1024 * 1024)

struct td_sim_files {
    struct sim_files files; /* for struct sim_device_io */
    int root;               /* the folder */
};

/* Makes the folder if it is missing. False: *fault says why. */
bool td_sim_files_open(struct td_sim_files *f, const char *folder, struct td_desk_fault *fault);
void td_sim_files_close(struct td_sim_files *f);

#endif
