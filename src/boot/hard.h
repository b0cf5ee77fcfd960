/*
 * boot/hard.h - answers that one flipped bit, or one skipped instruction, does not turn round.
 *
 * Used at two doors only, verify.c and jump.c. A yes is two words, each the other's complement;
 * memory that was zeroed, or that is all ones, is no yes. The flow is a sum to which each step
 * adds its own number when it is done: a step that was jumped over is missing from it.
 */
#ifndef TD_BOOT_HARD_H
#define TD_BOOT_HARD_H

#include <stdbool.h>
#include <stdint.h>

#define TD_HARD_YES 0x6a95c33au
#define TD_HARD_NO  0x956a3cc5u /* its complement */

#define TD_FLOW_IMAGE    0x00013b27u /* structure, hash, signatures */
#define TD_FLOW_FLAGS    0x0002a6c9u /* what the header says of itself */
#define TD_FLOW_COUNTER  0x00047d1bu /* the security counter, where there is one */
#define TD_FLOW_VERIFIED (TD_FLOW_IMAGE + TD_FLOW_FLAGS + TD_FLOW_COUNTER)

struct td_hard {
    uint32_t yes; /* TD_HARD_YES, or it is none */
    uint32_t no;  /* TD_HARD_NO */
    uint32_t flow;
};

/* Reads memory each time, also when the compiler knows what it wrote there. */
static inline bool td_hard_is(const volatile struct td_hard *h, uint32_t flow)
{
    return h->yes == TD_HARD_YES && h->no == TD_HARD_NO && h->flow == flow;
}

#endif
