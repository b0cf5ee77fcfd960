/*
 * doctor/config_spell.c - which option a name that is none was meant to be.
 *
 * Near is not enough: BT_BUF_ACL_TX_COUNT is near BT_BUF_ACL_RX_COUNT, and both are right. A name
 * is taken for misspelt when one of its words stands in no option that is known, or when only
 * its capital letters are missing.
 */
#include <string.h>
#include <strings.h>

#include "doctor/config_priv.h"

/* A part between underscores that no known option has: without one it is an unknown name. */
static bool has_strange_word(const struct td_config *config, const char *name)
{
    while (*name != 0) {
        size_t len = strcspn(name, "_");

        if (len >= 4 && !td_config_word(config, name, len))
            return true;
        name += len + (name[len] == '_');
    }
    return false;
}

const struct td_option *td_option_nearest(const struct td_config *config, const char *name)
{
    const struct td_knowledge *knowledge = config->knowledge;
    bool sysbuild = strncmp(name, "SB_CONFIG_", 10) == 0;
    const char *bare = sysbuild ? name + 10 : name;
    const struct td_option *nearest = NULL;
    size_t len = strlen(bare);
    bool strange = has_strange_word(config, bare);
    unsigned least = 3;

    if (len < 6)
        return NULL;
    for (size_t i = 0; i < knowledge->n_options; i++) {
        const struct td_option *option = &knowledge->options[i];
        unsigned far = 3;

        if ((strncmp(option->name, "SB_CONFIG_", 10) == 0) != sysbuild)
            continue;
        if (strcasecmp(option->name, name) == 0)
            far = 0;
        else if (strange)
            far = td_option_distance(name, option->name);
        if (far < least) {
            least = far;
            nearest = option;
        }
    }
    return least > (len < 14 ? 1 : 2) ? NULL : nearest;
}
