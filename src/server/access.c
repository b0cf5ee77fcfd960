/*
 * server/access.c - whom a request is taken from.
 *
 * 1. Nothing of a request's payload is looked at before its link was found good enough.
 * 2. A refusal says what the link lacks, so that whoever is locked out knows what to do.
 */
#include "server/server_priv.h"

const struct td_server_access td_server_access_default[] = { TD_SERVER_SAFE_RULES };
const struct td_server_access td_server_access_open[] = {
    { .any_group = true, .any_command = true, .read = TD_GRANT_OPEN, .write = TD_GRANT_OPEN },
};

static bool is_harmless(const struct td_smp_header *hdr)
{
    return hdr->group == TD_SMP_GROUP_OS && (hdr->id == TD_OS_ECHO || hdr->id == TD_OS_PARAMS);
}

static bool is_about(const struct td_server_access *rule, const struct td_smp_header *hdr)
{
    return (rule->any_group || rule->group == hdr->group) &&
           (rule->any_command || rule->command == hdr->id);
}

/* What the rules ask of a link for this request. */
static enum td_server_grant grant_of(const struct td_server_config *cfg,
                                     const struct td_smp_header *hdr)
{
    const struct td_server_access *rules = cfg->access;
    uint8_t n = cfg->n_access;

    if (rules == NULL) {
        rules = td_server_access_default;
        n = TD_SERVER_ACCESS_DEFAULT_N;
    }
    for (uint8_t i = 0; i < n; i++) {
        const struct td_server_access *rule = &rules[i];

        if (is_about(rule, hdr))
            return hdr->op == TD_SMP_READ ? rule->read : rule->write;
    }
    return TD_GRANT_AUTHENTICATED;
}

static enum td_server_grant grade_of(const struct td_server_link *link)
{
    if (link->authenticated)
        return TD_GRANT_AUTHENTICATED;
    return link->encrypted ? TD_GRANT_ENCRYPTED : TD_GRANT_OPEN;
}

bool td_server_may(const struct td_server_config *cfg, const struct td_server_link *link,
                   const struct td_smp_header *hdr, struct td_cbor_text *reason)
{
    enum td_server_grant wanted = grant_of(cfg, hdr);

    if (cfg->wants_authenticated && !is_harmless(hdr) && wanted < TD_GRANT_AUTHENTICATED)
        wanted = TD_GRANT_AUTHENTICATED;
    switch (wanted) {
    case TD_GRANT_OPEN: *reason = TD_NO_REASON; break;
    case TD_GRANT_ENCRYPTED: *reason = TD_TEXT("needs an encrypted link: pair first"); break;
    case TD_GRANT_AUTHENTICATED:
        *reason = TD_TEXT("needs an authenticated link: pair with a passkey");
        break;
    default: *reason = TD_TEXT("never allowed on this device"); return false;
    }
    return grade_of(link) >= wanted;
}
