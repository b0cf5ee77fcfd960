/* client/failure.c - what an answer says about success, as a failure that owns its words. */
#include "client/failure.h"

#include "smp/error.h"

enum td_err td_failure_read(const uint8_t *body, size_t len, struct td_failure *f)
{
    struct td_smp_status status = { 0 };
    size_t n;

    if (td_smp_status_decode(body, len, &status) != TD_OK)
        return TD_EGARBAGE;
    if (status.code == 0)
        return TD_OK;
    f->by_group = status.of_group;
    if (status.of_group)
        f->group = status.group;
    f->code = status.code;
    n = status.reason.len < sizeof(f->rsn) - 1 ? status.reason.len : sizeof(f->rsn) - 1;
    for (size_t i = 0; i < n; i++) {
        char c = status.reason.p[i];

        f->rsn[i] = c < ' ' || c > '~' ? '?' : c; // it ends up on a terminal
    }
    f->rsn[n] = '\0';
    return TD_EREFUSED;
}

const char *td_failure_sentence(const struct td_failure *f)
{
    if (f->err != TD_EREFUSED)
        return td_strerror(f->err);
    return f->by_group ? td_smp_group_error_text(f->group, f->code) : td_smp_rc_text(f->code);
}
