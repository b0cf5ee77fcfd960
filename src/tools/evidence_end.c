/* tools/evidence_end.c - images against one another, against lists of logs, keys and layouts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/evidence_priv.h"

#define QUOTE 200

/* Whether the list of a log shows this image, and how. */
static void match_lists(struct td_evidence *e, const struct td_known_image *k)
{
    char condition[64];
    size_t at = 0;
    const struct td_fact *slot;

    snprintf(condition, sizeof condition, "slot when=last hash=%s", k->hash);
    while ((slot = td_facts_next(e->facts, condition, &at)) != NULL) {
        const char *number = td_fact_get(slot, "slot");
        const char *pending = td_fact_get(slot, "pending");
        const char *active = td_fact_get(slot, "active");

        td_fact_add(e->facts, "image.in-log", &k->at, TD_NO_TIME, slot->quote,
                    "file='%s' hash=%s slot=%s pending=%s active=%s", k->name, k->hash,
                    number == NULL ? "-" : number, pending == NULL ? "0" : pending,
                    active == NULL ? "0" : active);
    }
}

/* A list was seen, and neither slot of it holds this file's image. */
static void miss_lists(struct td_evidence *e, const struct td_known_image *k)
{
    char condition[64];

    snprintf(condition, sizeof condition, "slot hash=%s", k->hash);
    if (k->in_dump || k->is_stage2 || !td_facts_hold(e->facts, "slot when=last") ||
        td_facts_hold(e->facts, condition))
        return;
    td_fact_add(e->facts, "image.not-in-log", &k->at, TD_NO_TIME, k->name,
                "file='%s' hash=%s version=%s", k->name, k->hash, k->version);
}

static void compare(struct td_evidence *e, const struct td_known_image *a,
                    const struct td_known_image *b)
{
    char quote[QUOTE];

    if (a->is_stage2 != b->is_stage2)
        return;
    if (a->key[0] != '\0' && b->key[0] != '\0' && strcmp(a->key, b->key) != 0) {
        snprintf(quote, sizeof quote, "%.80s: signed by key %s; %.80s: by key %s", a->name, a->key,
                 b->name, b->key);
        td_fact_add(e->facts, "image.keys-differ", &a->at, TD_NO_TIME, quote,
                    "file='%s' other='%s' key=%s other_key=%s", a->name, b->name, a->key, b->key);
    }
    // A dump holds what was sent, and often twice.
    if (a->in_dump || b->in_dump)
        return;
    if (a->hash_len > 0 && a->hash_len == b->hash_len && strcmp(a->name, b->name) != 0 &&
        memcmp(a->full_hash, b->full_hash, a->hash_len) == 0)
        td_fact_add(e->facts, "image.same", &a->at, TD_NO_TIME, a->name,
                    "file='%s' other='%s' hash=%s", a->name, b->name, a->hash);
    else if (strcmp(a->version, b->version) == 0 && strcmp(a->name, b->name) != 0 &&
             a->hash_len > 0 && b->hash_len > 0 && !a->is_stage2)
        td_fact_add(e->facts, "image.same-version", &a->at, TD_NO_TIME, a->name,
                    "file='%s' other='%s' version=%s", a->name, b->name, a->version);
}

/* A partition of that name, of the first layout that has it. */
static bool find_partition(const struct td_evidence *e, const char *condition, uint32_t *addr,
                           uint32_t *size)
{
    size_t at = 0;
    const struct td_fact *part = td_facts_next(e->facts, condition, &at);

    if (part == NULL || td_fact_get(part, "addr") == NULL || td_fact_get(part, "size") == NULL)
        return false;
    *addr = (uint32_t)strtoul(td_fact_get(part, "addr"), NULL, 0);
    *size = (uint32_t)strtoul(td_fact_get(part, "size"), NULL, 0);
    return true;
}

/* Which of S0 and S1 an address lies in: 0, 1, or -1 when nobody says where they are. */
static int variant_of(const struct td_evidence *e, uint32_t addr)
{
    if (e->has_provision && e->s1 > e->s0)
        return addr >= e->s1 ? 1 : addr >= e->s0 ? 0 : -1;
    for (int n = 0; n < 2; n++) {
        uint32_t from, size;

        if (find_partition(e, n == 0 ? "partition name=s0" : "partition name=s1", &from, &size) &&
            addr >= from && addr - from < size)
            return n;
    }
    return -1;
}

/* MCUboot's own update goes into the slot that does not run: the variant for the other one. */
static void check_variant(struct td_evidence *e, const struct td_known_image *k)
{
    int variant = variant_of(e, k->linked_for);
    char condition[48], quote[QUOTE];

    if (variant < 0)
        return;
    snprintf(condition, sizeof condition, "bootloader active=%d", variant);
    snprintf(quote, sizeof quote, "%.96s: linked for 0x%x, in S%d", k->name, k->linked_for,
             variant);
    if (td_facts_hold(e->facts, condition))
        td_fact_add(e->facts, "image.wrong-variant", &k->at, TD_NO_TIME, quote,
                    "file='%s' linked=%u variant=%d wanted=%d", k->name, k->linked_for, variant,
                    1 - variant);
}

/* The application is linked for the primary slot; one that is not does not start there. */
static void check_address(struct td_evidence *e, const struct td_known_image *k)
{
    uint32_t addr, size;
    char quote[QUOTE];

    if (!k->is_app || k->reset == 0 || k->in_dump ||
        !find_partition(e, "partition name=mcuboot_primary", &addr, &size) ||
        (k->reset >= addr && k->reset - addr < size))
        return;
    snprintf(quote, sizeof quote, "%.96s: starts at 0x%x, and the primary slot is 0x%x to 0x%x",
             k->name, k->reset, addr, addr + size);
    td_fact_add(e->facts, "image.wrong-address", &k->at, TD_NO_TIME, quote,
                "file='%s' reset=0x%x primary=0x%x", k->name, k->reset, addr);
}

/* What b0 would say of a signature: the key has to be among those that the device was given. */
static void check_nsib_keys(struct td_evidence *e)
{
    const struct td_fact *fw;
    size_t at = 0;

    if (!e->has_provision)
        return;
    while ((fw = td_facts_next(e->facts, "nsib.metadata", &at)) != NULL) {
        const char *key = td_fact_get(fw, "key");
        const char *file = td_fact_get(fw, "file");
        char trusted[48], revoked[48];

        if (key == NULL || file == NULL)
            continue;
        snprintf(trusted, sizeof trusted, "nsib.key key=%s revoked=0", key);
        snprintf(revoked, sizeof revoked, "nsib.key key=%s revoked=1", key);
        if (!td_facts_hold(e->facts, trusted))
            td_fact_add(e->facts, "nsib.untrusted", &fw->first, TD_NO_TIME, fw->quote,
                        "file='%s' key=%s revoked=%d", file, key, td_facts_hold(e->facts, revoked));
    }
}

void td_evidence_end(struct td_evidence *evidence)
{
    check_nsib_keys(evidence);
    for (size_t i = 0; i < evidence->n_images; i++) {
        const struct td_known_image *k = &evidence->images[i];

        if (k->hash[0] != '\0') {
            match_lists(evidence, k);
            miss_lists(evidence, k);
        }
        if (k->is_stage2)
            check_variant(evidence, k);
        check_address(evidence, k);
        for (size_t n = 0; n < i; n++)
            compare(evidence, &evidence->images[n], k);
    }
}
