/*
 * client/cores.h - the room's conversations as cores, for whoever owns the link (base/core.h).
 *
 * The state of each is the structure of the same name, begun by its own _start; several of them
 * may follow one another on a session. Whoever wants to look at the state as it goes copies the
 * table and sets turn:
 *
 *     struct td_core core = td_update_core;
 *
 *     core.turn = print_events;
 */
#ifndef TD_CLIENT_CORES_H
#define TD_CLIENT_CORES_H

#include "base/core.h"

extern const struct td_core td_call_core;   /* struct td_call, one request */
extern const struct td_core td_upload_core; /* struct td_upload, one file into a slot */
extern const struct td_core td_update_core; /* struct td_update, a whole update */

#endif
