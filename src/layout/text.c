/* layout/text.c */
#include "layout/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct td_text *text, size_t more)
{
    size_t cap = text->cap;
    char *at;

    while (!text->failed && text->len + more + 1 > cap)
        cap = cap < 1024 ? 1024 : 2 * cap;
    if (text->failed || cap == text->cap)
        return !text->failed;
    at = realloc(text->at, cap);
    if (at == NULL) {
        text->failed = true;
        return false;
    }
    text->at = at;
    text->cap = cap;
    return true;
}

void td_text_printf(struct td_text *text, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !make_room(text, (size_t)n))
        return;
    va_start(args, fmt);
    (void)vsnprintf(text->at + text->len, (size_t)n + 1, fmt, args);
    va_end(args);
    text->len += (size_t)n;
}

void td_text_fill(struct td_text *text, char c, size_t n)
{
    if (!make_room(text, n))
        return;
    memset(text->at + text->len, c, n);
    text->len += n;
    text->at[text->len] = '\0';
}
