/* tools/update_run.h - one run of `tandem update`: what verb_update.c does and update_say.c tells. */
#ifndef TD_TOOLS_UPDATE_RUN_H
#define TD_TOOLS_UPDATE_RUN_H

#include "client/update.h"
#include "tools/device.h"
#include "tools/imagefile.h"
#include "tools/layoutfile.h"
#include "tools/update_package.h"

struct td_update_run {
    struct td_cli *cli;
    struct td_device dev;
    struct td_update core;
    struct td_update_config config;
    struct td_update_file files[TD_UPDATE_FILES];
    struct td_image_file opened[TD_UPDATE_FILES];
    uint8_t n_opened;
    struct td_update_package package;
    struct td_image_file running;
    bool has_running;
    const char *layout; /* --layout, read when all options are known */
    struct td_layout_env layout_env;
    struct td_room_geometry geometry[TD_UPDATE_FILES]; /* of the image of each file */
    uint32_t accepted;                                 /* mask over the names of --accept */
    struct td_progress bar;
    bool finished;    /* the result was told */
    uint32_t unknown; /* checks that wait to be named in one line, 1 << enum td_check */
    int exit;
};

/* One event of the core, as it comes. The result sets the run's exit code. */
void td_update_say_event(struct td_update_run *run, const struct td_update_event *event);

/* The result, also of a run that the core never saw. */
void td_update_say_result(struct td_update_run *run, const struct td_update_outcome *outcome);

/* The result as --json has it, and nothing else. */
void td_update_say_json(struct td_cli *cli, const struct td_update_outcome *outcome);

#endif
