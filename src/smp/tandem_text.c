/* smp/tandem_text.c - sentences of group tandem, for those who print them. */
#include "smp/tandem.h"

const char *td_tandem_start_text(uint32_t start)
{
    switch (start) {
#define START_TEXT(name, number, text)                                                             \
    case number: return text;
        TD_TANDEM_STARTS(START_TEXT)
#undef START_TEXT
    default: return "it was taken in a way that this program does not know";
    }
}
