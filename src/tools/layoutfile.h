/*
 * tools/layoutfile.h - layouts from files, for every verb that is given one, and the options
 * that say what a layout does not.
 */
#ifndef TD_TOOLS_LAYOUTFILE_H
#define TD_TOOLS_LAYOUTFILE_H

#include "layout/check.h"
#include "tools/cli.h"

#define TD_LAYOUT_FILES 8 /* of one layout: a file for each domain */

struct td_layout_file {
    struct td_layout *layout;
    const char *paths[TD_LAYOUT_FILES]; /* as given, or found in a folder that was */
    char *owned[TD_LAYOUT_FILES];       /* those that were found; NULL: given */
    size_t first[TD_LAYOUT_FILES];      /* index of the first partition of each */
    size_t n;
};

/*
 * Adds what path holds ("-": standard input): YAML, a report, devicetree, or any in a text; of a
 * folder partitions.yml and partitions_*.yml, else pm_static.yml. What goes wrong is said, with
 * the line. Begin with { 0 }, end with td_layout_file_close.
 */
int td_layout_file_add(struct td_cli *cli, const char *path, struct td_layout_file *file);
void td_layout_file_close(struct td_layout_file *file);

/* The file that a domain's partitions are from; never NULL once a file was added. */
const char *td_layout_file_of(const struct td_layout_file *file, const char *domain);

/*
 * Reads the layout of a device with slots, and the geometry of env's image. A layout without a
 * pair of slots for it, or of an unknown chip, is said: TD_EXIT_FILE. file is closed by the caller.
 */
int td_layout_file_pair(struct td_cli *cli, const char *path, const struct td_layout_env *env,
                        struct td_layout_file *file, struct td_room_geometry *g);

/* Options of a verb that fill in env. Each says its own error. */
int td_layout_take_soc(struct td_cli *cli, const char *text, struct td_layout_env *env);
int td_layout_take_strategy(struct td_cli *cli, const char *text, struct td_layout_env *env);

#endif
