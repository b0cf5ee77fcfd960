/*
 * tools/complete.h - what may stand at the end of a command line that is being typed.
 *
 * There is no list beside the verbs: names come from their table, options from what each verb
 * reads itself, and what a place holds (a file, a slot, one of a few words) from its usage.
 */
#ifndef TD_TOOLS_COMPLETE_H
#define TD_TOOLS_COMPLETE_H

#include "tools/cli.h"

/*
 * Prints what fits the last of the words (behind the program's name, n at least 1, the last may
 * be empty) to cli->out, a line each: the word, and behind a tab what it is. The line ":files"
 * says that names of files fit as well.
 */
void td_complete(struct td_cli *cli, size_t n, char **words);

#endif
