/*
 * client/failure.h - why a request, an upload or an update came to nothing.
 */
#ifndef TD_CLIENT_FAILURE_H
#define TD_CLIENT_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TD_FAILURE_RSN 64

struct td_failure {
    enum td_err err; /* TD_OK: nothing failed. TD_EREFUSED: the device said no, see below */
    bool by_group;   /* code belongs to group (an "err" map), else it is SMP's own "rc" */
    uint16_t group;  /* the group that refused, or that was asked */
    uint32_t code;   /* as the device sent it */
    char rsn[TD_FAILURE_RSN]; /* the device's own words, cut to fit; "" when it gave none */
};

/* Whether the device said that it does not know this command at all (rc 8). */
static inline bool td_failure_unsupported(const struct td_failure *f)
{
    return f->err == TD_EREFUSED && !f->by_group && f->code == 8;
}

/* Whether no answer came, for whatever reason: nobody can tell what the device did. */
static inline bool td_failure_silent(const struct td_failure *f)
{
    return f->err == TD_ENOANSWER || f->err == TD_ELINKDOWN;
}

/*
 * What an answer's body says: TD_OK, TD_EREFUSED with code, group and rsn of *f filled in, or
 * TD_EGARBAGE. f->group holds the group that was asked; f->err is left to the caller.
 */
enum td_err td_failure_read(const uint8_t *body, size_t len, struct td_failure *f);

/* For a person: what the device's code means where it refused, else the error. */
const char *td_failure_sentence(const struct td_failure *f);

#endif
