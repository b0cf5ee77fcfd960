/*
 * doctor/body.h - a request's or an answer's body between JSON and CBOR.
 *
 * JSON has no byte strings: they are written "hex:0a0b", and a string of that form is one.
 */
#ifndef TD_DOCTOR_BODY_H
#define TD_DOCTOR_BODY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"

/*
 * Writes json as CBOR. TD_EUNSUPPORTED: it holds null, a number with a fraction, or one beyond
 * 32 bits; TD_ESPACE: longer than cap; TD_ESTATE: nested too deeply.
 */
enum td_err td_body_write(const json_t *json, uint8_t *out, size_t cap, size_t *len);

/* Reads one item. NULL when the bytes are no well-formed CBOR, or memory is short. */
json_t *td_body_read(const uint8_t *bytes, size_t len);

#endif
