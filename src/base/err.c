/* base/err.c - the sentences of the error list; linked only where somebody prints. */
#include "base/err.h"

const char *td_strerror(enum td_err err)
{
    switch (err) {
#define TD_ERR_TEXT(name, value, text)                                                             \
    case name: return text;
        TD_ERRORS(TD_ERR_TEXT)
#undef TD_ERR_TEXT
    }
    return "an error that this version does not know";
}

const char *td_errname(enum td_err err)
{
    switch (err) {
#define TD_ERR_NAME(name, value, text)                                                             \
    case name: return #name;
        TD_ERRORS(TD_ERR_NAME)
#undef TD_ERR_NAME
    }
    return "TD_E?";
}
