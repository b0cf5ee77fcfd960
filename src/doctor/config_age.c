/*
 * doctor/config_age.c - names of options have their time.
 */
#include <stdio.h>
#include <string.h>

#include "doctor/config_priv.h"

bool td_is_set(const char *text)
{
    return text != NULL && text[0] != 0;
}

uint16_t td_bound_zephyr(const char *bound)
{
    struct td_sdk sdk;

    return td_is_set(bound) && td_sdk_from_text(bound, &sdk) ? td_sdk_zephyr(&sdk) : 0;
}

bool td_reached(const struct td_judge *judge, const char *bound)
{
    struct td_sdk sdk;

    if (!td_sdk_from_text(bound, &sdk))
        return false;
    if (sdk.family == judge->sdk.family)
        return judge->sdk.number >= sdk.number;
    return judge->generation >= td_sdk_zephyr(&sdk);
}

const char *td_fate(const struct td_judge *judge, const struct td_option *known)
{
    if (known == NULL || !td_is_set(known->until))
        return NULL;
    if (judge->generation != 0)
        return td_reached(judge, known->until) ? "dropped" : NULL;
    return judge->lower >= td_bound_zephyr(known->until) ? "mixed" : "old";
}

const struct td_option *td_option_current(const struct td_judge *judge,
                                          const struct td_option *known)
{
    for (int steps = 0; steps < 8 && known != NULL && td_is_set(known->now); steps++) {
        if (strcmp(known->now, "-") == 0)
            return NULL;
        if (judge->generation != 0 && !td_reached(judge, known->until))
            return known;
        known = td_option_find(judge->config->knowledge, known->now);
    }
    return known;
}
