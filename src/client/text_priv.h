/*
 * client/text_priv.h - sentences into a buffer of fixed size, without stdio.
 *
 * What does not fit is cut off; the text is always ended by a 0.
 */
#ifndef TD_CLIENT_TEXT_PRIV_H
#define TD_CLIENT_TEXT_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/version.h"

struct td_text_out {
    char *buf;
    size_t cap; /* 1 or more */
    size_t len;
};

struct td_text_out td_text_begin(char *buf, size_t cap);
void td_text_add(struct td_text_out *t, const char *words);
void td_text_add_n(struct td_text_out *t, const char *chars, size_t n);
void td_text_num(struct td_text_out *t, uint32_t number);
void td_text_addr(struct td_text_out *t, uint32_t addr); /* hexadecimal, no zeros in front */
void td_text_hex(struct td_text_out *t, const uint8_t *bytes, size_t n);
void td_text_version(struct td_text_out *t, const struct td_version *version);

#endif
