/*
 * base/verdict_name.c - the names of the verdict list, for a bootloader's console line.
 *
 * A file of its own: a linker keeps or drops the strings of a file together, and a bootloader
 * has no room for the sentences.
 */
#include "base/verdict.h"

const char *td_verdict_name(uint16_t code)
{
    switch (code) {
#define TD_VERDICT_NAME_CASE(name, number, text, class, sentence, remedy)                          \
    case number: return text;
        TD_VERDICTS(TD_VERDICT_NAME_CASE)
#undef TD_VERDICT_NAME_CASE
    default: return "unknown";
    }
}
