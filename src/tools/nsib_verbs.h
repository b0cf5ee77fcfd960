/* tools/nsib_verbs.h - the verbs below `tandem nsib`, listed in verb_nsib.c. */
#ifndef TD_TOOLS_NSIB_VERBS_H
#define TD_TOOLS_NSIB_VERBS_H

#include "tools/cli.h"

int nsib_sign_run(struct td_cli *cli, int argc, char **argv);
int nsib_provision_run(struct td_cli *cli, int argc, char **argv);
int nsib_keys_run(struct td_cli *cli, int argc, char **argv);
int nsib_inspect_run(struct td_cli *cli, int argc, char **argv);

extern const char nsib_sign_usage[], nsib_provision_usage[], nsib_keys_usage[];
extern const char nsib_inspect_usage[];

#endif
