/*
 * tools/verbs.h - the table of verbs that main() dispatches on.
 *
 * A verb is a constant of its own in the file that implements it; verbs.c lists them. To add
 * one: define `const struct td_verb td_verb_NAME`, declare it here, add its row in verbs.c.
 */
#ifndef TD_TOOLS_VERBS_H
#define TD_TOOLS_VERBS_H

#include <stdbool.h>
#include <stddef.h>

struct td_cli;

enum td_verb_kind {
    TD_VERB_DEVICE, /* talks to a device: global options may stand behind it, too */
    TD_VERB_FILE,   /* works on files: its options are imgtool's; answers as `imgtool VERB` */
    TD_VERB_DESK,   /* the virtual device and what belongs to it */
};

struct td_verb {
    const char *name;
    enum td_verb_kind kind;
    const char *summary; /* one line for the list of verbs, without a full stop */
    const char *usage;   /* what --help prints, beginning with "usage: tandem NAME ..." */

    /* Runs with the arguments behind the verb, returns an exit code (enum td_exit). */
    int (*run)(struct td_cli *cli, int argc, char **argv);

    /* Instead of run: verbs of the second level ("image list"). Their usage is their own. */
    const struct td_verb *subs;
    size_t n_subs;

    bool unlisted; /* another name of a verb that is listed */
};

extern const struct td_verb td_verb_update, td_verb_image, td_verb_os, td_verb_storage, td_verb_why;
extern const struct td_verb td_verb_groups, td_verb_raw, td_verb_scan;
extern const struct td_verb td_verb_stat, td_verb_settings, td_verb_shell, td_verb_fs;
/* files */
extern const struct td_verb td_verb_sign, td_verb_create, td_verb_verify, td_verb_inspect;
extern const struct td_verb td_verb_dumpinfo, td_verb_keygen, td_verb_getpub;
extern const struct td_verb td_verb_getpubhash, td_verb_getpriv, td_verb_keyinfo, td_verb_version;
extern const struct td_verb td_verb_doctor, td_verb_decode, td_verb_layout, td_verb_nsib;
extern const struct td_verb td_verb_package;
extern const struct td_verb td_verb_sim, td_verb_sim_app, td_verb_completion;

extern const struct td_verb *const td_verbs[]; /* ended by NULL, in the order of --help */

/* Reads the command line and runs it; what main() returns. */
int td_main(struct td_cli *cli, int argc, char **argv);

/* cli over this process's streams and environment. */
void td_cli_init(struct td_cli *cli);

#endif
