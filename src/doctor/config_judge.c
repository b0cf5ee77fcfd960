/*
 * doctor/config_judge.c - from the options of all files to facts.
 *
 * 1. Every text gets its image, every option with it. 2. The SDK's generation follows from what
 * was said, else from the names. 3. Per image it is worked out what holds (config_holds.c).
 * 4. Facts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/config_priv.h"

/* What a device prints outranks what a person says; of "2.0 before, now 2.5" the newer counts. */
static bool outranks(const struct td_sdk *one, const struct td_sdk *other)
{
    if (one->banner != other->banner)
        return one->banner;
    if (one->family != other->family)
        return one->family == TD_SDK_NCS;
    return !one->banner && one->number > other->number;
}

static void add_sdk(struct td_judge *judge)
{
    struct td_config *config = judge->config;
    const struct td_sdk_said *said = NULL;
    bool meant_ncs;
    char version[24];
    struct td_sdk as_ncs;

    for (size_t i = 0; i < config->n_said; i++)
        if (said == NULL || outranks(&config->said[i].sdk, &said->sdk))
            said = &config->said[i];
    if (said == NULL)
        return;
    judge->sdk = said->sdk;
    as_ncs = said->sdk;
    as_ncs.family = TD_SDK_NCS;
    // "Zephyr V2.4.1" beside names that came with Zephyr 3.3: the nRF Connect SDK 2.4.1 is meant.
    meant_ncs = judge->sdk.family == TD_SDK_ZEPHYR && !judge->sdk.banner &&
                judge->lower > judge->sdk.number && td_sdk_zephyr(&as_ncs) >= judge->lower &&
                td_facts_hold(config->facts, "soc");
    if (meant_ncs)
        judge->sdk = as_ncs;
    judge->generation = td_sdk_zephyr(&judge->sdk);
    if (judge->sdk.patch == TD_SDK_NO_PATCH)
        snprintf(version, sizeof version, "%u.%u", judge->sdk.number / 100,
                 judge->sdk.number % 100);
    else
        snprintf(version, sizeof version, "%u.%u.%u", judge->sdk.number / 100,
                 judge->sdk.number % 100, judge->sdk.patch);
    td_fact_add(config->facts, "sdk", &said->at, TD_NO_TIME, said->quote,
                "family=%s version=%s number=%u zephyr=%u from=%s%s",
                judge->sdk.family == TD_SDK_NCS ? "ncs" : "zephyr", version, judge->sdk.number,
                judge->generation, said->sdk.banner ? "banner" : "said",
                meant_ncs ? " called=zephyr" : "");
}

/* ----------------------------------------------------------------- images */

static bool has_text(td_texts list, const char *text)
{
    for (; list != NULL && *list != NULL; list++)
        if (strcmp(*list, text) == 0)
            return true;
    return false;
}

/* Of one image only: what an option says about the file that it stands in. */
static enum td_role home_of(const struct td_option *known)
{
    if (known == NULL || known->images == NULL || known->images[0] == NULL ||
        known->images[1] != NULL)
        return TD_ROLE_UNKNOWN;
    return td_role_from_name(known->images[0]);
}

static void name_block(struct td_config *config, size_t n)
{
    struct td_block *block = &config->blocks[n];
    unsigned votes[TD_ROLE_COUNT] = { 0 };
    enum td_role best = TD_ROLE_UNKNOWN;

    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_setting *setting = &config->settings[i];

        if (setting->block != n || setting->pinned)
            continue;
        if (block->merged && strcmp(setting->name, "MCUBOOT") == 0)
            votes[TD_ROLE_MCUBOOT] += 1000;
        if (block->merged && strcmp(setting->name, "IS_SECURE_BOOTLOADER") == 0 &&
            !td_is_no(setting->value))
            votes[TD_ROLE_B0] += 1000;
        votes[home_of(setting->known)]++;
    }
    for (int role = TD_ROLE_APP; role < TD_ROLE_COUNT; role++)
        if (votes[role] > (best == TD_ROLE_UNKNOWN ? 0 : votes[best]))
            best = (enum td_role)role;
    block->role = best;
    // A whole prj.conf pasted without a word about it.
    block->whole = block->merged || (best == TD_ROLE_APP && block->options >= TD_CONFIG_WHOLE);
}

static void name_images(struct td_config *config)
{
    for (size_t i = 0; i < config->n_blocks; i++) {
        struct td_block *block = &config->blocks[i];

        // A build's result, whatever it is called: nobody writes so many lines.
        if (block->unset_lines > 40 || block->options >= TD_CONFIG_MERGED)
            block->merged = block->whole = true;
        if (block->role == TD_ROLE_UNKNOWN)
            name_block(config, i);
    }
    for (size_t i = 0; i < config->n_settings; i++) {
        struct td_setting *setting = &config->settings[i];
        const struct td_block *block = &config->blocks[setting->block];
        enum td_role home = home_of(setting->known);

        if (setting->pinned)
            continue;
        // Only a file's name makes an option misplaced; without one it goes where it belongs.
        setting->role = !block->named && home != TD_ROLE_UNKNOWN ? home : block->role;
        if (setting->sysbuild && !block->named)
            setting->role = TD_ROLE_SYSBUILD;
    }
}

/* ------------------------------------------------------------------ facts */

static bool is_sysbuild(const char *name)
{
    return strncmp(name, "SB_CONFIG_", 10) == 0;
}

/* What the books say of an option, or of its name of today: " means='...'", "" for nothing. */
static void say_means(const struct td_judge *judge, const struct td_option *known, char out[256])
{
    size_t n = 0;

    out[0] = 0;
    if (known != NULL && !td_is_set(known->means))
        known = td_option_current(judge, known);
    if (known == NULL || !td_is_set(known->means))
        return;
    n = (size_t)snprintf(out, 256, " means='");
    // A quote would end the value.
    for (const char *p = known->means; *p != 0 && n < 240; p++)
        n += (size_t)(*p == '\'' ? snprintf(out + n, 256 - n, "\xE2\x80\x99")
                                 : snprintf(out + n, 256 - n, "%c", *p));
    snprintf(out + n, 256 - n, "'");
}

/* rest: what else shows it, behind the assignment itself. */
static void add_with(const struct td_judge *judge, const struct td_setting *setting,
                     const char *fact, const char *attrs, const char *rest)
{
    char say[160], quote[400], means[256];

    td_option_spell(setting->name, say);
    say_means(judge, setting->known, means);
    snprintf(quote, sizeof quote, "%s=%s%s", say, setting->value, rest);
    td_fact_add(judge->config->facts, fact, &setting->at, setting->time_us, quote,
                "name=%s say=%s value='%s' role=%s file='%s'%s %s", setting->name, say,
                setting->value, td_role_name(setting->role),
                judge->config->blocks[setting->block].name, means, attrs);
}

static void add(const struct td_judge *judge, const struct td_setting *setting, const char *fact,
                const char *attrs)
{
    add_with(judge, setting, fact, attrs, "");
}

static void add_options(const struct td_judge *judge, enum td_role role)
{
    const struct td_effects *map = &judge->maps[role];

    for (size_t i = 0; i <= map->mask; i++) {
        const struct td_effect *effect = &map->slots[i];
        const struct td_block *block;
        char say[160], quote[256], extra[192] = "";

        if (effect->name == NULL || !td_config_asks(judge->config, effect->name))
            continue;
        block = &judge->config->blocks[effect->from->block];
        td_option_spell(effect->name, say);
        snprintf(quote, sizeof quote, "%s%s=%s",
                 strncmp(effect->from->name, "SB_CONFIG_", 10) == 0 ? "" : "CONFIG_",
                 effect->from->name, effect->from->value);
        if (effect->by != NULL)
            snprintf(extra, sizeof extra, " by=%s", effect->by);
        else if (effect->was != NULL)
            snprintf(extra, sizeof extra, " was=%s", effect->was);
        td_fact_add(judge->config->facts, "option", &effect->from->at, effect->from->time_us, quote,
                    "name=%s say=%s value='%s' role=%s file='%s'%s%s", effect->name, say,
                    effect->value, td_role_name(role), block->name,
                    block->merged ? " merged=1" : "", extra);
    }
}

/* Whether a text shows all of a prj.conf. */
static bool shows_application(const struct td_config *config, uint16_t file)
{
    for (size_t i = 0; i < config->n_blocks; i++) {
        const struct td_block *block = &config->blocks[i];

        if (block->file == file && block->role == TD_ROLE_APP && block->whole &&
            block->options >= TD_CONFIG_WHOLE)
            return true;
    }
    return false;
}

/*
 * Of what stands under a heading in a text, a few lines are an excerpt. The files of the other
 * images are short by nature: who shows all of a prj.conf shows all of them.
 */
static bool is_excerpt(const struct td_config *config, const struct td_block *block)
{
    if (block->own_file)
        return false;
    if (block->merged)
        return block->options < TD_CONFIG_MERGED;
    if (block->options >= TD_CONFIG_WHOLE)
        return false;
    return block->role == TD_ROLE_APP || !block->sure || !shows_application(config, block->file);
}

/* Whether all of an image's configuration is at hand, so that what is missing is missing. */
static const struct td_block *whole_config(const struct td_config *config, enum td_role role)
{
    const struct td_block *found = NULL;

    for (size_t i = 0; i < config->n_blocks; i++) {
        const struct td_block *block = &config->blocks[i];

        if (block->role != role || block->options == 0)
            continue;
        // An application's fragments say little; the other images' files are all fragments.
        if (role == TD_ROLE_APP && (!block->whole || block->options < 3))
            continue;
        if (is_excerpt(config, block))
            continue;
        if (found == NULL || block->options > found->options)
            found = block;
    }
    return found;
}

/* Whether an image can have an option. */
static bool takes(const struct td_option *known, enum td_role role)
{
    if (known == NULL)
        return false;
    return known->images == NULL || known->images[0] == NULL ||
           has_text(known->images, td_role_name(role));
}

static void add_unset(const struct td_judge *judge, enum td_role role)
{
    const struct td_config *config = judge->config;
    const struct td_block *block = whole_config(config, role);

    if (block == NULL)
        return;
    for (size_t i = 0; i < config->n_missed; i++) {
        const char *name = config->missed[i];
        bool sysbuild = strncmp(name, "SB_CONFIG_", 10) == 0;
        char say[160], quote[256];

        if ((i > 0 && strcmp(name, config->missed[i - 1]) == 0) ||
            sysbuild != (role == TD_ROLE_SYSBUILD) || td_holds(judge, role, name) != NULL ||
            !takes(td_option_find(config->knowledge, name), role))
            continue;
        td_option_spell(name, say);
        snprintf(quote, sizeof quote, "%s is not set%s%s", say, block->name[0] != 0 ? " in " : "",
                 block->name);
        td_fact_add(config->facts, "option.unset", &block->first, TD_NO_TIME, quote,
                    "name=%s say=%s role=%s file='%s'", name, say, td_role_name(role), block->name);
    }
}

static void add_age(const struct td_judge *judge, const struct td_setting *setting)
{
    const struct td_option *known = setting->known;
    const char *state = td_fate(judge, known);
    const struct td_option *now;
    char attrs[256], bound[32];

    if (state != NULL) {
        now = td_option_current(judge, known);
        td_say_bound(known->until, bound);
        if (td_is_set(known->now) && now != NULL && now != known) {
            snprintf(attrs, sizeof attrs, "now=%s since='%s' state=%s", now->name, bound, state);
            add(judge, setting, "option.renamed", attrs);
        } else {
            snprintf(attrs, sizeof attrs, "since='%s' state=%s", bound, state);
            add(judge, setting, "option.gone", attrs);
        }
        return;
    }
    if (!td_is_set(known->since) || judge->generation == 0 || td_reached(judge, known->since))
        return;
    td_say_bound(known->since, bound);
    now = NULL;
    for (size_t i = 0; i < judge->config->knowledge->n_options && now == NULL; i++) {
        const struct td_option *old = &judge->config->knowledge->options[i];

        if (td_is_set(old->now) && strcmp(old->now, known->name) == 0 &&
            td_fate(judge, old) == NULL)
            now = old;
    }
    snprintf(attrs, sizeof attrs, "since='%s'%s%s", bound, now != NULL ? " was=" : "",
             now != NULL ? now->name : "");
    add(judge, setting, "option.too-new", attrs);
}

static void add_flaw(const struct td_judge *judge, const struct td_setting *setting)
{
    const char *fallback = setting->known != NULL ? setting->known->fallback : NULL;
    bool yes_or_no = td_is_set(fallback) && fallback[1] == 0 && strchr("yn", fallback[0]) != NULL;
    bool says_so = strchr("ynm", setting->value[0]) != NULL;
    const char *why = NULL;
    char attrs[160];

    if (setting->flaw == TD_FLAW_BLANK)
        why = "blank";
    else if (setting->flaw == TD_FLAW_QUOTES)
        why = "quotes";
    else if (yes_or_no && !says_so && !judge->config->blocks[setting->block].merged)
        why = "value";
    // A yes or no is read up to its first letter; of a number all has to be one.
    else if (setting->flaw == TD_FLAW_COMMENT && !says_so)
        why = "comment";
    if (why == NULL)
        return;
    snprintf(attrs, sizeof attrs, "why=%s", why);
    add(judge, setting, "option.malformed", attrs);
}

static void add_place(const struct td_judge *judge, const struct td_setting *setting)
{
    const struct td_block *block = &judge->config->blocks[setting->block];
    const struct td_option *known = setting->known;
    char attrs[160];

    if (!block->named || setting->pinned || td_is_no(setting->value))
        return;
    if (setting->sysbuild != (block->role == TD_ROLE_SYSBUILD)) {
        snprintf(attrs, sizeof attrs, "belongs=%s", setting->sysbuild ? "sysbuild" : "app");
        if (!setting->sysbuild && known != NULL && known->images != NULL)
            snprintf(attrs, sizeof attrs, "belongs=%s", known->images[0]);
        add(judge, setting, "option.misplaced", attrs);
        return;
    }
    if (known == NULL || known->images == NULL || known->images[0] == NULL || setting->sysbuild)
        return;
    if (has_text(known->images, td_role_name(setting->role)))
        return;
    snprintf(attrs, sizeof attrs, "belongs=%s", known->images[0]);
    add(judge, setting, "option.misplaced", attrs);
}

/*
 * What nothing sets may be on by default, or in a file of the board; and sysbuild's file, which
 * sets options of images, may not be at hand.
 */
static bool off_by_default(const struct td_config *config, const char *need)
{
    while (*need != 0) {
        size_t len = strcspn(need, "|");
        const struct td_option *missing;
        char name[128];

        (void)td_split_need(need, len, name);
        missing = td_option_find(config->knowledge, name);
        if (missing == NULL || !td_is_set(missing->fallback) || !td_is_no(missing->fallback) ||
            is_sysbuild(name))
            return false;
        need += len + (need[len] == '|');
    }
    return true;
}

static void add_needs(const struct td_judge *judge, const struct td_setting *setting)
{
    const struct td_option *known = setting->known;
    bool whole = setting->role == TD_ROLE_APP && whole_config(judge->config, TD_ROLE_APP) != NULL;

    if (known->needs == NULL || td_is_no(setting->value))
        return;
    // What a file refuses is sure, whatever else is not to be seen.
    for (int sure = 1; sure >= 0; sure--) {
        for (td_texts need = known->needs; *need != NULL; need++) {
            enum td_need got = td_need(judge, setting->role, *need);
            char attrs[200];

            if (got != (sure ? TD_NEED_REFUSED : TD_NEED_OPEN) ||
                (!sure && !(whole && off_by_default(judge->config, *need))))
                continue;
            snprintf(attrs, sizeof attrs, "needs=%s sure=%d", *need, sure);
            add(judge, setting, "option.no-effect", attrs);
            return;
        }
    }
}

static void add_redundant(const struct td_judge *judge, const struct td_setting *setting)
{
    const struct td_config *config = judge->config;

    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_setting *helper = &config->settings[i];

        if (helper->role != setting->role || helper->known == NULL || helper->known->sets == NULL ||
            td_is_no(helper->value))
            continue;
        for (td_texts set = helper->known->sets; *set != NULL; set++) {
            char name[128], attrs[160];
            const char *value = td_split_need(*set, strcspn(*set, " "), name);

            if (strcmp(name, setting->name) != 0 || strstr(*set, " if ") != NULL ||
                strcmp(value != NULL ? value : "y", setting->value) != 0)
                continue;
            snprintf(attrs, sizeof attrs, "by=%s", helper->name);
            add(judge, setting, "option.redundant", attrs);
            return;
        }
    }
}

static void add_conflict(const struct td_judge *judge, const struct td_setting *one,
                         const struct td_setting *other, const char *why)
{
    const char *file = judge->config->blocks[other->block].name;
    char attrs[320], say[160], rest[256];

    td_option_spell(other->name, say);
    snprintf(rest, sizeof rest, ", and %s=%s in line %u%s%s", say, other->value, other->at.line,
             file[0] != 0 ? " of " : "", file);
    snprintf(attrs, sizeof attrs, "other=%s other_value='%s' other_role=%s why=%s", other->name,
             other->value, td_role_name(other->role), why);
    add_with(judge, one, "option.conflict", attrs, rest);
}

/* Whether this assignment is the one that holds. */
static bool is_last(const struct td_judge *judge, const struct td_setting *setting)
{
    const struct td_effect *effect = td_holds(judge, setting->role, setting->name);

    return effect != NULL && effect->from == setting;
}

/* An assignment that a later one of the same text undoes. */
static void add_twice(const struct td_judge *judge, size_t n)
{
    const struct td_setting *one = &judge->config->settings[n];

    for (size_t i = n + 1; i < judge->config->n_settings; i++) {
        const struct td_setting *other = &judge->config->settings[i];

        if (other->known != one->known || other->block != one->block || other->role != one->role)
            continue;
        if (strcmp(one->value, other->value) != 0)
            add_conflict(judge, one, other, "twice");
        return; // which is set against the one behind it in its turn
    }
}

static bool same_choice(const struct td_setting *one, const struct td_setting *other)
{
    return one->role == other->role && td_is_set(one->known->choice) &&
           td_is_set(other->known->choice) &&
           strcmp(one->known->choice, other->known->choice) == 0 && !td_is_no(one->value) &&
           !td_is_no(other->value);
}

/* Only what holds in the end: a name counts once for each image, however often it is assigned. */
static void add_conflicts(const struct td_judge *judge, size_t n)
{
    const struct td_setting *one = &judge->config->settings[n];

    if (!is_last(judge, one)) {
        add_twice(judge, n);
        return;
    }
    for (size_t i = n + 1; i < judge->config->n_settings; i++) {
        const struct td_setting *other = &judge->config->settings[i];

        if (other->known == NULL)
            continue;
        if (other->known == one->known) {
            // The application's first, in whatever order the files were given.
            if (one->role != other->role && has_text(one->known->match, td_role_name(one->role)) &&
                has_text(one->known->match, td_role_name(other->role)) &&
                strcmp(one->value, other->value) != 0 && is_last(judge, other))
                add_conflict(judge, one->role < other->role ? one : other,
                             one->role < other->role ? other : one, "match");
        } else if (same_choice(one, other) && is_last(judge, other)) {
            add_conflict(judge, one, other, "choice");
        }
    }
}

static void add_misspelt(const struct td_judge *judge, const struct td_setting *setting)
{
    const struct td_option *meant = td_option_nearest(judge->config, setting->name);
    char attrs[192];

    if (meant == NULL)
        return;
    snprintf(attrs, sizeof attrs, "meant=%s", meant->name);
    add(judge, setting, "option.misspelt", attrs);
}

static void count_names(struct td_judge *judge)
{
    const struct td_config *config = judge->config;

    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_option *known = config->settings[i].known;
        uint16_t since;

        if (known == NULL)
            continue;
        judge->olds += td_is_set(known->until);
        since = td_bound_zephyr(known->since);
        if (since > judge->lower)
            judge->lower = since;
    }
}

/* Zephyr 3.3 renamed all of the SMP server: before it names are old, from it on new. */
#define RENAMED 303

static void add_names(const struct td_judge *judge)
{
    static const struct td_place nowhere = { 0, 0, 0 };
    const struct td_config *config = judge->config;
    bool mixed = false;

    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_option *known = config->settings[i].known;

        if (known != NULL && td_is_set(known->until) &&
            judge->lower >= td_bound_zephyr(known->until))
            mixed = true;
    }
    if (mixed || judge->lower >= RENAMED || judge->olds > 0)
        td_fact_add(config->facts, "sdk.names",
                    config->n_blocks > 0 ? &config->blocks[0].first : &nowhere, TD_NO_TIME, NULL,
                    "age=%s",
                    mixed                     ? "mixed"
                    : judge->lower >= RENAMED ? "new"
                                              : "old");
}

static void add_have(const struct td_judge *judge)
{
    const struct td_config *config = judge->config;

    for (size_t i = 0; i < config->n_blocks; i++) {
        const struct td_block *block = &config->blocks[i];

        if (block->options > 0)
            td_fact_add(config->facts, "have", &block->first, TD_NO_TIME, block->name,
                        "what=config role=%s file='%s'%s", td_role_name(block->role), block->name,
                        block->merged ? " merged=1" : "");
    }
}

void td_config_judge(struct td_config *config)
{
    struct td_judge judge = { .config = config };
    size_t sets = 0, unknown = 0;

    name_images(config);
    count_names(&judge);
    add_sdk(&judge);
    for (size_t i = 0; i < config->knowledge->n_options; i++)
        for (td_texts set = config->knowledge->options[i].sets; set != NULL && *set != NULL; set++)
            sets++;
    for (int role = 0; role < TD_ROLE_COUNT; role++)
        if (!td_effects_init(&judge.maps[role], config->n_settings * 4 + sets + 16))
            goto out;
    td_judge_fill(&judge);
    add_have(&judge);
    add_names(&judge);
    for (int role = TD_ROLE_UNKNOWN; role < TD_ROLE_COUNT; role++) {
        td_judge_expand(&judge, (enum td_role)role);
        add_options(&judge, (enum td_role)role);
        add_unset(&judge, (enum td_role)role);
    }
    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_setting *setting = &config->settings[i];
        bool merged = config->blocks[setting->block].merged;

        add_flaw(&judge, setting);
        if (!merged)
            add_place(&judge, setting);
        if (!merged && setting->known == NULL && unknown++ < TD_CONFIG_SPELL)
            add_misspelt(&judge, setting);
        if (setting->known == NULL)
            continue;
        add_age(&judge, setting);
        if (!merged && td_fate(&judge, setting->known) == NULL)
            add_needs(&judge, setting);
        if (!merged)
            add_redundant(&judge, setting);
        add_conflicts(&judge, i);
    }
out:
    for (int role = 0; role < TD_ROLE_COUNT; role++)
        free(judge.maps[role].slots);
}
