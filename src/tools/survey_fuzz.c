/*
 * tools/survey_fuzz.c - hostile bytes as a dump of flash, or as a hex file of one.
 *
 * Input is run-length coded (a byte of 00 or FF is followed by how many pages of it stand
 * there), so that a mutation moves whole slots. What is found covers every byte once, and the
 * next boot is one of those that there are.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX (96u * 1024)

static size_t unpack(const uint8_t *data, size_t size, uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < size && n < MAX; i++) {
        size_t run = 1;

        if ((data[i] == 0xff || data[i] == 0) && i + 2 < size && data[i + 1] == 0x9d) {
            run = (size_t)data[i + 2] * 256 - n % 256;
            if (run > MAX - n || run == 0)
                run = MAX - n;
        }
        memset(out + n, data[i], run);
        n += run;
        i += run > 1 ? 2 : 0;
    }
    return n;
}

static void check(const struct td_survey *s, const struct td_memory *m)
{
    uint64_t at = td_memory_low(m);

    for (size_t i = 0; i < s->n; i++) {
        if (s->at[i].size == 0 || s->at[i].addr < at ||
            (!s->truncated && s->at[i].addr > at &&
             td_memory_has(m, (uint32_t)at, (uint32_t)(s->at[i].addr - at))))
            abort();
        at = (uint64_t)s->at[i].addr + s->at[i].size;
    }
    if (at > td_memory_end(m) || (!s->truncated && at < td_memory_end(m)))
        abort();
}

static void survey(const struct td_memory *m, enum td_strategy_id mode)
{
    struct td_outlook *o = malloc(sizeof *o);
    struct td_survey s;
    struct td_plan plan;

    if (o == NULL || !td_survey(&s, m))
        abort();
    check(&s, m);
    if (td_plan_guess(&plan, &s, m)) {
        plan.mode = mode;
        plan.mode_known = mode != TD_MODE_SINGLE;
        td_outlook(o, &plan, &s, m);
        if (td_next_name(o->next) == NULL || o->text[0] == '\0')
            abort();
        if (o->entries_known && o->entries_all > 0 && mode == TD_MODE_MOVE &&
            o->entries > o->entries_all)
            abort();
    }
    td_survey_free(&s);
    free(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(MAX);
    struct td_hex_error error = { NULL, 0 };
    struct td_memory m = { .n = 0 };
    enum td_strategy_id mode = (enum td_strategy_id)(size % (TD_MODE_OFFSET + 1));
    size_t n;

    if (bytes == NULL)
        abort();
    n = unpack(data, size, bytes);
    if (n > 0 && bytes[0] == ':') {
        if (td_memory_of_hex(&m, (const char *)data, size, &error))
            survey(&m, mode);
        else if (error.text == NULL)
            abort();
    } else if (n > 0 && td_memory_of_bytes(&m, bytes, (uint32_t)n, size % 3 == 0 ? 0xc000 : 0)) {
        survey(&m, mode);
    }
    td_memory_free(&m);
    free(bytes);
    return 0;
}
