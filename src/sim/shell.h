/*
 * sim/shell.h - the shell of a virtual device: group 9's back end, and what is typed on its console.
 *
 * Commands print what a board's shell prints, lines ended by CR LF. None reads a slot or writes
 * to one: what a shell may do is what the other groups may do, in words.
 */
#ifndef TD_SIM_SHELL_H
#define TD_SIM_SHELL_H

#include "server/backend.h"

struct sim_device;

#define SIM_SHELL_PROMPT "uart:~$ "

void sim_shell_build(struct sim_device *dev);

/* Runs a line. 0, or a negative errno as the command gave it: -8 where there is no such command. */
int32_t sim_shell_run(void *ctx, struct td_cbor_text line, char *out, size_t cap, size_t *len);

#endif
