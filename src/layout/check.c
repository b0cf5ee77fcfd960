/* layout/check.c - the order of the checks, and how an issue is kept. */
#include "layout/check_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const rule_names[] = {
#define TD_LAYOUT_RULE_NAME(rule, name) name,
    TD_LAYOUT_RULES(TD_LAYOUT_RULE_NAME)
#undef TD_LAYOUT_RULE_NAME
};

const char *td_layout_rule_name(enum td_layout_rule rule)
{
    return (unsigned)rule < TD_LAYOUT_N_RULES ? rule_names[rule] : "unknown-rule";
}

const char *td_harm_name(enum td_harm harm)
{
    static const char *const words[] = { "note", "warning", "error" };

    return (unsigned)harm < 3 ? words[harm] : "note";
}

void td_layout_issue(struct checking *c, enum td_layout_rule rule, enum td_harm harm,
                     const struct td_partition *part, const char *remedy, const char *fmt, ...)
{
    struct td_layout_issues *all = c->issues;
    size_t at = all->n;
    struct td_layout_issue *issue;
    va_list args;

    if (all->n == TD_LAYOUT_ISSUES) {
        all->left_out++;
        return;
    }
    // Errors first, and within a harm in the order in which they were found.
    while (at > 0 && all->at[at - 1].harm < harm) {
        all->at[at] = all->at[at - 1];
        at--;
    }
    all->n++;
    issue = &all->at[at];
    memset(issue, 0, sizeof *issue);
    issue->rule = rule;
    issue->harm = harm;
    if (part != NULL) {
        memcpy(issue->partition, part->name, sizeof issue->partition);
        memcpy(issue->domain, part->domain, sizeof issue->domain);
        issue->line = part->line;
    }
    (void)snprintf(issue->remedy, sizeof issue->remedy, "%s", remedy);
    va_start(args, fmt);
    (void)vsnprintf(issue->text, sizeof issue->text, fmt, args);
    va_end(args);
}

const struct td_soc *td_layout_soc(const struct td_layout *layout, const struct td_layout_env *env,
                                   bool *sure)
{
    *sure = env->soc != NULL;
    return env->soc != NULL ? env->soc : td_soc_guess(layout, "", sure);
}

const struct td_soc *td_layout_soc_of(const struct checking *c, const struct td_partition *part)
{
    bool sure;

    if (part->domain[0] == '\0')
        return c->soc;
    return td_soc_guess(c->layout, part->domain, &sure);
}

void td_layout_check(const struct td_layout *layout, const struct td_layout_env *env,
                     struct td_layout_issues *issues)
{
    struct checking c = { .layout = layout, .env = env, .issues = issues };

    memset(issues, 0, sizeof *issues);
    c.soc = td_layout_soc(layout, env, &c.sure);
    td_layout_check_memory(&c);
    td_layout_check_slots(&c);
    td_layout_check_nsib(&c);
    td_layout_check_net(&c);
    td_layout_check_names(&c);
}

bool td_layout_is_harmed(const struct td_layout_issues *issues, enum td_harm harm)
{
    return issues->n > 0 && issues->at[0].harm >= harm;
}
