/*
 * doctor/config_holds.c - what holds in an image, when all is said.
 *
 * The last assignment counts; old names count under their new ones as long as they work; then
 * come the options that a helper switches on, where no file says otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/config_priv.h"

bool td_effects_init(struct td_effects *map, size_t entries)
{
    size_t size = 64;

    while (size < entries * 2)
        size *= 2;
    map->slots = calloc(size, sizeof *map->slots);
    map->mask = size - 1;
    return map->slots != NULL;
}

static struct td_effect *effect_at(const struct td_effects *map, const char *name)
{
    uint32_t hash = 2166136261u;
    size_t i;

    for (const char *p = name; *p != 0; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    for (i = hash & map->mask; map->slots[i].name != NULL; i = (i + 1) & map->mask)
        if (strcmp(map->slots[i].name, name) == 0)
            break;
    return &map->slots[i];
}

const struct td_effect *td_holds(const struct td_judge *judge, enum td_role role, const char *name)
{
    const struct td_effect *effect = effect_at(&judge->maps[role], name);

    return effect->name != NULL ? effect : NULL;
}

bool td_is_no(const char *value)
{
    return strcmp(value, "n") == 0;
}

const char *td_split_need(const char *text, size_t len, char out[128])
{
    const char *eq = memchr(text, '=', len);
    size_t name = eq != NULL ? (size_t)(eq - text) : len;

    snprintf(out, 128, "%.*s", (int)(name < 127 ? name : 127), text);
    return eq != NULL ? eq + 1 : NULL;
}

/* One alternative of a need. */
static enum td_need need_of(const struct td_judge *judge, enum td_role role, const char *text,
                            size_t len)
{
    char name[128];
    const char *value = td_split_need(text, len, name);
    size_t value_len = value != NULL ? len - (size_t)(value - text) : 0;
    const struct td_effect *effect = td_holds(judge, role, name);

    if (effect == NULL)
        return TD_NEED_OPEN;
    if (value == NULL)
        return td_is_no(effect->value) ? TD_NEED_REFUSED : TD_NEED_MET;
    return strlen(effect->value) == value_len && memcmp(effect->value, value, value_len) == 0
               ? TD_NEED_MET
               : TD_NEED_REFUSED;
}

enum td_need td_need(const struct td_judge *judge, enum td_role role, const char *needs)
{
    enum td_need best = TD_NEED_REFUSED;

    while (*needs != 0) {
        size_t len = strcspn(needs, "|");
        enum td_need got = need_of(judge, role, needs, len);

        if (got < best)
            best = got;
        needs += len + (needs[len] == '|');
    }
    return best;
}

/* "NAME=value if OTHER": switched on by a helper unless a file says otherwise. */
static bool expand_one(struct td_judge *judge, enum td_role role, const struct td_effect *helper,
                       const char *text)
{
    const char *condition = strstr(text, " if ");
    size_t len = condition != NULL ? (size_t)(condition - text) : strlen(text);
    const struct td_option *known;
    char name[128];
    const char *value = td_split_need(text, len, name);
    struct td_effect *slot;

    if (condition != NULL && td_need(judge, role, condition + 4) != TD_NEED_MET)
        return false;
    known = td_option_find(judge->config->knowledge, name);
    if (known == NULL) // the books would not let a rule ask for it
        return false;
    slot = effect_at(&judge->maps[role], known->name);
    if (slot->name != NULL)
        return false;
    *slot = (struct td_effect){ known->name, "y", helper->from, helper->name, NULL };
    if (value != NULL)
        slot->value = value; // up to the end of the text: no value stands before an "if"
    return true;
}

void td_judge_expand(struct td_judge *judge, enum td_role role)
{
    struct td_effects *map = &judge->maps[role];
    bool more = true;

    for (int pass = 0; more && pass < 8; pass++) {
        more = false;
        for (size_t i = 0; i <= map->mask; i++) {
            struct td_effect *helper = &map->slots[i];
            const struct td_option *known;

            if (helper->name == NULL || td_is_no(helper->value))
                continue;
            known = td_option_find(judge->config->knowledge, helper->name);
            for (td_texts set = known != NULL ? known->sets : NULL; set != NULL && *set != NULL;
                 set++)
                more = expand_one(judge, role, helper, *set) || more;
        }
    }
}

/* What the files assign, under all names that it goes by. */
void td_judge_fill(struct td_judge *judge)
{
    const struct td_config *config = judge->config;

    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_setting *setting = &config->settings[i];
        struct td_effects *map = &judge->maps[setting->role];
        const struct td_option *known = setting->known;
        const char *state = td_fate(judge, known);

        *effect_at(map, setting->name) =
            (struct td_effect){ setting->name, setting->value, setting, NULL, NULL };
        // Names that work: also those that the SDK will call it by.
        if (state != NULL && strcmp(state, "old") != 0)
            continue;
        for (int steps = 0; steps < 8 && known != NULL && td_is_set(known->now); steps++) {
            known = td_option_find(config->knowledge, known->now);
            if (known != NULL)
                *effect_at(map, known->name) =
                    (struct td_effect){ known->name, setting->value, setting, NULL, setting->name };
        }
    }
}
