/* tools/profile_server.c - what the application's server offers, and to whom. */
#include <string.h>

#include "base/range.h"
#include "tools/profile_priv.h"

static const struct choice groups[] = {
    { "os", SIM_GROUP_OS },         { "image", SIM_GROUP_IMAGE },
    { "stat", SIM_GROUP_STAT },     { "settings", SIM_GROUP_SETTINGS },
    { "fs", SIM_GROUP_FS },         { "shell", SIM_GROUP_SHELL },
    { "enum", SIM_GROUP_ENUM },     { "basic", SIM_GROUP_BASIC },
    { "tandem", SIM_GROUP_TANDEM }, { NULL, 0 },
};

static bool read_group(struct reading *r, yaml_node_t *node, size_t i, void *dst)
{
    unsigned value;

    (void)i;
    if (!td_profile_choose(r, node, "groups", groups, &value))
        return false;
    *(uint16_t *)dst = (uint16_t)(*(uint16_t *)dst | value);
    return true;
}

static bool read_groups(struct reading *r, yaml_node_t *node, void *dst)
{
    *(uint16_t *)dst = 0;
    return td_profile_list(r, node, "groups", SIM_GROUPS_MAX, read_group, dst);
}

/* ---- access ---------------------------------------------------------------------------- */

static const struct choice grants[] = {
    { "open", TD_GRANT_OPEN },
    { "encrypted", TD_GRANT_ENCRYPTED },
    { "authenticated", TD_GRANT_AUTHENTICATED },
    { "never", TD_GRANT_NEVER },
    { NULL, 0 },
};

static bool read_grant(struct reading *r, yaml_node_t *node, void *dst)
{
    unsigned value;

    if (!td_profile_choose(r, node, "access", grants, &value))
        return false;
    *(enum td_server_grant *)dst = (enum td_server_grant)value;
    return true;
}

/* "never", or { read: open, write: never }; what is left out stays as the safe rules have it. */
static bool read_rule(struct reading *r, yaml_node_t *node, struct td_server_access *rule)
{
    static const struct key keys[] = {
        { "read", true, KIND_OTHER, AT(struct td_server_access, read), 0, 0, NULL, read_grant },
        { "write", true, KIND_OTHER, AT(struct td_server_access, write), 0, 0, NULL, read_grant },
    };

    if (td_profile_scalar(node) == NULL)
        return td_profile_map(r, node, "access", keys, TD_N_OF(keys), rule);
    if (!read_grant(r, node, &rule->read))
        return false;
    rule->write = rule->read;
    return true;
}

/* What the safe rules say about all of a group. */
static struct td_server_access safe_rule(uint16_t group)
{
    struct td_server_access rule = td_server_access_default[TD_SERVER_ACCESS_DEFAULT_N - 1];

    for (size_t i = TD_SERVER_ACCESS_DEFAULT_N; i-- > 0;) {
        if (td_server_access_default[i].group == group && td_server_access_default[i].any_command)
            rule = td_server_access_default[i];
    }
    rule.group = group;
    rule.any_group = false;
    return rule;
}

static bool read_rules(struct reading *r, yaml_node_t *node)
{
    struct sim_profile *p = r->p;

    p->server.access = SIM_ACCESS_RULES;
    for (const yaml_node_pair_t *it = node->data.mapping.pairs.start;
         it < node->data.mapping.pairs.top; it++) {
        yaml_node_t *name = yaml_document_get_node(r->doc, it->key);
        struct td_server_access rule;
        unsigned group;

        if (!td_profile_choose(r, name, "access", groups, &group))
            return false;
        rule = safe_rule(sim_group_id((enum sim_group)group));
        for (uint8_t i = 0; i < p->server.n_rules; i++) {
            if (p->server.rules[i].group == rule.group)
                return td_profile_fail(r, name, "leave one out", "access: '%s' stands there twice",
                                       td_profile_scalar(name));
        }
        if (!read_rule(r, yaml_document_get_node(r->doc, it->value), &rule))
            return false;
        // Each group has one, so that there is room for this one as well.
        p->server.rules[p->server.n_rules++] = rule;
    }
    return true;
}

static bool read_access(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice whole[] = {
        { "open", SIM_ACCESS_OPEN },
        { "locked", SIM_ACCESS_LOCKED },
        { NULL, 0 },
    };
    unsigned value;

    (void)dst;
    if (node->type == YAML_MAPPING_NODE)
        return read_rules(r, node);
    if (!td_profile_choose(r, node, "access", whole, &value))
        return false;
    r->p->server.access = (enum sim_access)value;
    return true;
}

static bool read_params(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice yes_no[] = { { "true", 1 }, { "false", 0 }, { NULL, 0 } };
    unsigned value;

    if (!td_profile_choose(r, node, "params", yes_no, &value))
        return false;
    *(bool *)dst = value == 0;
    return true;
}

/* ---- the whole ------------------------------------------------------------------------- */

bool td_profile_read_server(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice manners[] = {
        { "tandem", SIM_BEHAVES_TANDEM },
        { "zephyr-4", SIM_BEHAVES_ZEPHYR_4 },
        { "zephyr-3.3", SIM_BEHAVES_ZEPHYR_3_3 },
        { NULL, 0 },
    };
    static const struct key keys[] = {
        { "behaves_as", true, KIND_CHOICE, AT(struct sim_profile, server.manner), 0, 0, manners,
          NULL },
        { "groups", false, KIND_OTHER, AT(struct sim_profile, server.groups), 0, 0, NULL,
          read_groups },
        { "access", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_access },
        { "params", true, KIND_OTHER, AT(struct sim_profile, server.no_params), 0, 0, NULL,
          read_params },
        { "buf_size", true, KIND_NUMBER, AT(struct sim_profile, server.buf_size), 64, 16384, NULL,
          NULL },
        { "buf_count", true, KIND_NUMBER, AT(struct sim_profile, server.buf_count), 1, 64, NULL,
          NULL },
        { "reset_delay_ms", true, KIND_NUMBER, AT(struct sim_profile, server.reset_delay_ms), 0,
          60000, NULL, NULL },
    };

    return td_profile_map(r, node, "server", keys, TD_N_OF(keys), dst);
}
