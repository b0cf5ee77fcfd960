/* base/verdict_text.c - the sentences of the verdict list; linked only where somebody prints. */
#include "base/verdict.h"

const char *td_verdict_sentence(uint16_t code)
{
    switch (code) {
#define TD_VERDICT_SENTENCE_CASE(name, number, text, class, sentence, remedy)                      \
    case number: return sentence;
        TD_VERDICTS(TD_VERDICT_SENTENCE_CASE)
#undef TD_VERDICT_SENTENCE_CASE
    default: return "the device gives a reason that this version does not know";
    }
}

const char *td_verdict_remedy(uint16_t code)
{
    switch (code) {
#define TD_VERDICT_REMEDY_CASE(name, number, text, class, sentence, remedy)                        \
    case number: return remedy;
        TD_VERDICTS(TD_VERDICT_REMEDY_CASE)
#undef TD_VERDICT_REMEDY_CASE
    default: return "update tandem and ask again";
    }
}
