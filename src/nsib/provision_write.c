/* nsib/provision_write.c - one field after the other; what does not fit is only counted. */
#include "nsib/provision_write.h"

#include <string.h>

#include "base/bytes.h"

#define TYPE_COUNTERS 1u
#define TYPE_VARIABLE 0x9312u
#define ENTRY_PSA     1u
#define TOKEN_OLD     0xffffffffu
#define TOKEN_YOUNG   0x50faffffu

struct writer {
    uint8_t *out;
    size_t cap, len;
};

static void put(struct writer *w, uint32_t value, size_t width)
{
    uint8_t bytes[4];

    td_store_le32(bytes, value);
    if (w->len + width <= w->cap)
        memcpy(w->out + w->len, bytes, width);
    w->len += width;
}

static void put_bytes(struct writer *w, const void *bytes, size_t len)
{
    if (w->len + len <= w->cap)
        memcpy(w->out + w->len, bytes, len);
    w->len += len;
}

static void put_key(struct writer *w, const struct td_provision_plan *plan, uint32_t i)
{
    put(w, plan->old_tokens ? TOKEN_OLD : TOKEN_YOUNG + (i << 24), 4);
    put_bytes(w, plan->prints[i], 16);
}

static void put_counter(struct writer *w, enum td_provision_form form, enum td_counter_what what,
                        uint16_t slots)
{
    if (slots == 0)
        return;
    put(w, (uint32_t)what, 2);
    put(w, slots, 2);
    for (uint32_t i = 0; i < slots; i++)
        put(w, UINT32_MAX, form == TD_PROVISION_WORD ? 4 : 2);
}

static void put_counters(struct writer *w, const struct td_provision_plan *plan)
{
    uint32_t n = (plan->firmware_slots > 0 ? 1u : 0u) + (plan->mcuboot_slots > 0 ? 1u : 0u);

    if (n == 0)
        return;
    put(w, TYPE_COUNTERS, 2);
    put(w, n, 2);
    put_counter(w, plan->form, TD_COUNTER_FIRMWARE, plan->firmware_slots);
    put_counter(w, plan->form, TD_COUNTER_MCUBOOT, plan->mcuboot_slots);
}

static void put_reference(struct writer *w, const char *reference)
{
    size_t len = 0;

    while (reference != NULL && reference[len] != '\0' && len < TD_PROVISION_REFERENCE_MAX)
        len++;
    if (len == 0)
        return;
    put(w, TYPE_VARIABLE, 2);
    put(w, 1, 2);
    put(w, ENTRY_PSA, 1);
    put(w, (uint32_t)len, 1);
    put_bytes(w, reference, len);
    while (w->len % 4 != 0)
        put(w, 0, 1);
}

size_t td_provision_write(const struct td_provision_plan *plan, uint8_t *out, size_t cap)
{
    struct writer w = { out, cap, 0 };

    put(&w, plan->s0_address, 4);
    put(&w, plan->s1_address, 4);
    put(&w, plan->n_keys, 4);
    for (uint32_t i = 0; i < plan->n_keys; i++)
        put_key(&w, plan, i);
    put_counters(&w, plan);
    put_reference(&w, plan->psa_reference);
    return w.len;
}
