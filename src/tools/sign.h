/* tools/sign.h - `tandem sign` for bytes that lie in memory, as another verb made them. */
#ifndef TD_TOOLS_SIGN_H
#define TD_TOOLS_SIGN_H

#include "tools/file.h"

/*
 * Runs sign's command line: its IN names in, which is taken over, for what is said of it. Says
 * its own errors and nothing else; the exit code of sign.
 */
int td_sign_bytes(struct td_cli *cli, int argc, char **argv, struct td_disk_file *in);

#endif
