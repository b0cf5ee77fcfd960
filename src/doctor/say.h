/*
 * doctor/say.h - a message in words: what was asked, what was answered, what went wrong.
 *
 * Texts go into the caller's buffer, ended by 0; what does not fit is cut and ends in "...".
 */
#ifndef TD_DOCTOR_SAY_H
#define TD_DOCTOR_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/event.h"
#include "smp/error.h"

#define TD_SAY_MAX 1024 /* enough for most messages; uploads and lists are short */

/* "image", "os"; NULL for a group that has no name. */
const char *td_say_group(uint16_t group);

/* "upload", "list" or "set state" of a group; op tells the two apart. NULL: it has no name. */
const char *td_say_command(uint16_t group, uint8_t id, uint8_t op);

/* Whether the operation is an answer. */
bool td_say_is_answer(uint8_t op);

/*
 * "image upload"; what has no name is "group 70 command 3". Whether it was written, where the
 * name leaves that open, is said in front: "read settings value".
 */
size_t td_say_what(const struct td_smp_header *hdr, char *out, size_t cap);

/*
 * What an answer's body says about success, from rc, err and rsn. False: there is no body, or
 * it says nothing that can be read. reason points into the body.
 */
bool td_say_status(const struct td_message *message, struct td_smp_status *status);

/* The name of an error as the protocol has it: "NOT_SUPPORTED". */
const char *td_say_error_name(const struct td_smp_status *status);

/* "rc 8 NOT_SUPPORTED: the device's firmware was built without this command" */
size_t td_say_error(const struct td_smp_status *status, char *out, size_t cap);

/* The body in words; an error in words when the answer is one. */
size_t td_say_body(const struct td_message *message, char *out, size_t cap);

#endif
