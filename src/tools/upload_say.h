/*
 * tools/upload_say.h - what an upload tells on its way, for people and for programs.
 *
 * With --json each is an object on stdout (docs/spec/json.md), otherwise a remark on stderr.
 */
#ifndef TD_TOOLS_UPLOAD_SAY_H
#define TD_TOOLS_UPLOAD_SAY_H

#include "tools/device.h"

/* The device took up an earlier upload at off of size bytes; off 0: it has lost all of one. */
void td_upload_say_resumed(struct td_device *dev, uint32_t off, uint32_t size);

/*
 * How the device says that it took the upload, enum td_tandem_start. again: it had lost this one
 * before, so that people want to know also what goes without saying at an upload's beginning.
 */
void td_upload_say_start(struct td_device *dev, uint32_t start, bool again);

#endif
