/*
 * doctor/config_judge.c - from the options of all files to facts.
 *
 * 1. Every text gets its image, every option with it. 2. The SDK's generation follows from what
 * was said, else from the names. 3. Per image it is worked out what holds: last assignment
 * first, old names under their new ones while the old ones work, then what helpers switch on.
 * 4. Facts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/config_priv.h"

/* What holds in an image. */
struct effect {
    const char *name, *value;
    const struct td_setting *from; /* the assignment, or that of the helper */
    const char *by;                /* the helper; NULL: assigned */
    const char *was;               /* the old name that was used; NULL: none */
};

struct map {
    struct effect *slots;
    size_t mask;
};

struct judge {
    struct td_config *config;
    struct map maps[TD_ROLE_COUNT];
    struct td_sdk sdk;   /* family NONE: unknown */
    uint16_t generation; /* Zephyr number of sdk; 0: unknown */
    uint16_t lower;      /* names at hand are of this Zephyr at least */
    unsigned olds, news;
};

/* ------------------------------------------------------------- what holds */

static bool map_init(struct map *map, size_t entries)
{
    size_t size = 64;

    while (size < entries * 2)
        size *= 2;
    map->slots = calloc(size, sizeof *map->slots);
    map->mask = size - 1;
    return map->slots != NULL;
}

static struct effect *map_at(const struct map *map, const char *name)
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

static const struct effect *holds(const struct judge *judge, enum td_role role, const char *name)
{
    const struct effect *effect = map_at(&judge->maps[role], name);

    return effect->name != NULL ? effect : NULL;
}

static bool is_no(const char *value)
{
    return strcmp(value, "n") == 0;
}

/* "NAME", "NAME=value": the name into out; the value, "y" when none is given. */
static const char *split_need(const char *text, size_t len, char out[128])
{
    const char *eq = memchr(text, '=', len);
    size_t name = eq != NULL ? (size_t)(eq - text) : len;

    snprintf(out, 128, "%.*s", (int)(name < 127 ? name : 127), text);
    return eq != NULL ? eq + 1 : NULL;
}

enum need { NEED_MET, NEED_OPEN, NEED_REFUSED };

/* One alternative of a need. */
static enum need need_of(const struct judge *judge, enum td_role role, const char *text, size_t len)
{
    char name[128];
    const char *value = split_need(text, len, name);
    size_t value_len = value != NULL ? len - (size_t)(value - text) : 0;
    const struct effect *effect = holds(judge, role, name);

    if (effect == NULL)
        return NEED_OPEN;
    if (value == NULL)
        return is_no(effect->value) ? NEED_REFUSED : NEED_MET;
    return strlen(effect->value) == value_len && memcmp(effect->value, value, value_len) == 0
               ? NEED_MET
               : NEED_REFUSED;
}

/* "A|B=2": the best of the alternatives. */
static enum need need_any(const struct judge *judge, enum td_role role, const char *needs)
{
    enum need best = NEED_REFUSED;

    while (*needs != 0) {
        size_t len = strcspn(needs, "|");
        enum need got = need_of(judge, role, needs, len);

        if (got < best)
            best = got;
        needs += len + (needs[len] == '|');
    }
    return best;
}

/* "NAME=value if OTHER": switched on by a helper unless a file says otherwise. */
static bool expand_one(struct judge *judge, enum td_role role, const struct effect *helper,
                       const char *text)
{
    const char *condition = strstr(text, " if ");
    size_t len = condition != NULL ? (size_t)(condition - text) : strlen(text);
    const struct td_option *known;
    char name[128];
    const char *value = split_need(text, len, name);
    struct effect *slot;

    if (condition != NULL && need_any(judge, role, condition + 4) != NEED_MET)
        return false;
    known = td_option_find(judge->config->knowledge, name);
    if (known == NULL) // the books would not let a rule ask for it
        return false;
    slot = map_at(&judge->maps[role], known->name);
    if (slot->name != NULL)
        return false;
    *slot = (struct effect){ known->name, "y", helper->from, helper->name, NULL };
    if (value != NULL)
        slot->value = value; // up to the end of the text: no value stands before an "if"
    return true;
}

static void expand(struct judge *judge, enum td_role role)
{
    struct map *map = &judge->maps[role];
    bool more = true;

    for (int pass = 0; more && pass < 8; pass++) {
        more = false;
        for (size_t i = 0; i <= map->mask; i++) {
            struct effect *helper = &map->slots[i];
            const struct td_option *known;

            if (helper->name == NULL || is_no(helper->value))
                continue;
            known = td_option_find(judge->config->knowledge, helper->name);
            for (td_texts set = known != NULL ? known->sets : NULL; set != NULL && *set != NULL;
                 set++)
                more = expand_one(judge, role, helper, *set) || more;
        }
    }
}

/* ------------------------------------------------------- generations of names */

static bool is_set(const char *text)
{
    return text != NULL && text[0] != 0;
}

static uint16_t zephyr_of(const char *bound)
{
    struct td_sdk sdk;

    return is_set(bound) && td_sdk_from_text(bound, &sdk) ? td_sdk_zephyr(&sdk) : 0;
}

/* Whether the SDK at hand is at least `bound`; only with a known generation. */
static bool reached(const struct judge *judge, const char *bound)
{
    struct td_sdk sdk;

    if (!td_sdk_from_text(bound, &sdk))
        return false;
    if (sdk.family == judge->sdk.family)
        return judge->sdk.number >= sdk.number;
    return judge->generation >= td_sdk_zephyr(&sdk);
}

/* NULL: the name is right, as far as anybody can tell; else what became of it. */
static const char *fate(const struct judge *judge, const struct td_option *known)
{
    if (known == NULL || !is_set(known->until))
        return NULL;
    if (judge->generation != 0)
        return reached(judge, known->until) ? "dropped" : NULL;
    return judge->lower >= zephyr_of(known->until) ? "mixed" : "old";
}

/* The name of an option in the SDK at hand, else the newest; NULL: it went. */
static const struct td_option *current(const struct judge *judge, const struct td_option *known)
{
    for (int steps = 0; steps < 8 && known != NULL && is_set(known->now); steps++) {
        if (strcmp(known->now, "-") == 0)
            return NULL;
        if (judge->generation != 0 && !reached(judge, known->until))
            return known;
        known = td_option_find(judge->config->knowledge, known->now);
    }
    return known;
}

/* "zephyr-3.3" as a person says it. */
static void say_bound(const char *bound, char out[32])
{
    struct td_sdk sdk;

    out[0] = 0;
    if (is_set(bound) && td_sdk_from_text(bound, &sdk))
        snprintf(out, 32, "%s %u.%u", sdk.family == TD_SDK_NCS ? "nRF Connect SDK" : "Zephyr",
                 sdk.number / 100, sdk.number % 100);
}

static void add_sdk(struct judge *judge)
{
    struct td_config *config = judge->config;
    const struct td_sdk_said *said = NULL;
    bool meant_ncs;
    char version[24];
    struct td_sdk as_ncs;

    for (size_t i = 0; i < config->n_said; i++)
        if (said == NULL || (config->said[i].sdk.banner && !said->sdk.banner))
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

    block->merged = block->merged || block->unset_lines > 40;
    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_setting *setting = &config->settings[i];

        if (setting->block != n || setting->pinned)
            continue;
        if (block->merged && strcmp(setting->name, "MCUBOOT") == 0)
            votes[TD_ROLE_MCUBOOT] += 1000;
        if (block->merged && strcmp(setting->name, "IS_SECURE_BOOTLOADER") == 0 &&
            !is_no(setting->value))
            votes[TD_ROLE_B0] += 1000;
        votes[home_of(setting->known)]++;
    }
    for (int role = TD_ROLE_APP; role < TD_ROLE_COUNT; role++)
        if (votes[role] > (best == TD_ROLE_UNKNOWN ? 0 : votes[best]))
            best = (enum td_role)role;
    block->role = best;
    // A whole prj.conf pasted without a word about it.
    block->whole = block->merged || (best == TD_ROLE_APP && block->options >= 8);
}

static void name_images(struct td_config *config)
{
    for (size_t i = 0; i < config->n_blocks; i++)
        if (config->blocks[i].role == TD_ROLE_UNKNOWN)
            name_block(config, i);
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

static void spell(const char *name, char out[160])
{
    snprintf(out, 160, "%s%s", strncmp(name, "SB_CONFIG_", 10) == 0 ? "" : "CONFIG_", name);
}

static void add(const struct judge *judge, const struct td_setting *setting, const char *fact,
                const char *attrs)
{
    char say[160], quote[256];

    spell(setting->name, say);
    snprintf(quote, sizeof quote, "%s=%s", say, setting->value);
    td_fact_add(judge->config->facts, fact, &setting->at, setting->time_us, quote,
                "name=%s say=%s value='%s' role=%s file='%s' %s", setting->name, say,
                setting->value, td_role_name(setting->role),
                judge->config->blocks[setting->block].name, attrs);
}

static void add_options(const struct judge *judge, enum td_role role)
{
    const struct map *map = &judge->maps[role];

    for (size_t i = 0; i <= map->mask; i++) {
        const struct effect *effect = &map->slots[i];
        const struct td_block *block;
        char say[160], quote[256], extra[192] = "";

        if (effect->name == NULL || !td_config_asks(judge->config, effect->name))
            continue;
        block = &judge->config->blocks[effect->from->block];
        spell(effect->name, say);
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

static void add_unset(const struct judge *judge, enum td_role role)
{
    const struct td_config *config = judge->config;
    const struct td_block *block = whole_config(config, role);

    if (block == NULL)
        return;
    for (size_t i = 0; i < config->n_asked; i++) {
        const char *name = config->asked[i];
        bool sysbuild = strncmp(name, "SB_CONFIG_", 10) == 0;
        char say[160], quote[256];

        if ((i > 0 && strcmp(name, config->asked[i - 1]) == 0) ||
            sysbuild != (role == TD_ROLE_SYSBUILD) || holds(judge, role, name) != NULL ||
            !takes(td_option_find(config->knowledge, name), role))
            continue;
        spell(name, say);
        snprintf(quote, sizeof quote, "%s is not set%s%s", say, block->name[0] != 0 ? " in " : "",
                 block->name);
        td_fact_add(config->facts, "option.unset", &block->first, TD_NO_TIME, quote,
                    "name=%s say=%s role=%s file='%s'", name, say, td_role_name(role), block->name);
    }
}

static void add_age(const struct judge *judge, const struct td_setting *setting)
{
    const struct td_option *known = setting->known;
    const char *state = fate(judge, known);
    const struct td_option *now;
    char attrs[256], bound[32];

    if (state != NULL) {
        now = current(judge, known);
        say_bound(known->until, bound);
        if (is_set(known->now) && now != NULL && now != known) {
            snprintf(attrs, sizeof attrs, "now=%s since='%s' state=%s", now->name, bound, state);
            add(judge, setting, "option.renamed", attrs);
        } else {
            snprintf(attrs, sizeof attrs, "since='%s' state=%s", bound, state);
            add(judge, setting, "option.gone", attrs);
        }
        return;
    }
    if (!is_set(known->since) || judge->generation == 0 || reached(judge, known->since))
        return;
    say_bound(known->since, bound);
    now = NULL;
    for (size_t i = 0; i < judge->config->knowledge->n_options && now == NULL; i++) {
        const struct td_option *old = &judge->config->knowledge->options[i];

        if (is_set(old->now) && strcmp(old->now, known->name) == 0 && fate(judge, old) == NULL)
            now = old;
    }
    snprintf(attrs, sizeof attrs, "since='%s'%s%s", bound, now != NULL ? " was=" : "",
             now != NULL ? now->name : "");
    add(judge, setting, "option.too-new", attrs);
}

static void add_flaw(const struct judge *judge, const struct td_setting *setting)
{
    const char *fallback = setting->known != NULL ? setting->known->fallback : NULL;
    bool yes_or_no = is_set(fallback) && fallback[1] == 0 && strchr("yn", fallback[0]) != NULL;
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

static void add_place(const struct judge *judge, const struct td_setting *setting)
{
    const struct td_block *block = &judge->config->blocks[setting->block];
    const struct td_option *known = setting->known;
    char attrs[160];

    if (!block->named || setting->pinned || is_no(setting->value))
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

static void add_needs(const struct judge *judge, const struct td_setting *setting)
{
    const struct td_option *known = setting->known;
    bool whole = setting->role == TD_ROLE_APP && whole_config(judge->config, TD_ROLE_APP) != NULL;

    if (known->needs == NULL || is_no(setting->value))
        return;
    for (td_texts need = known->needs; *need != NULL; need++) {
        enum need got = need_any(judge, setting->role, *need);
        char attrs[200], name[128];
        const struct td_option *missing;

        if (got == NEED_MET)
            continue;
        (void)split_need(*need, strcspn(*need, "|"), name);
        missing = td_option_find(judge->config->knowledge, name);
        // What nothing sets may be on by default, or in a board's file.
        if (got == NEED_OPEN &&
            (!whole || missing == NULL || !is_set(missing->fallback) || !is_no(missing->fallback)))
            continue;
        snprintf(attrs, sizeof attrs, "needs=%s sure=%d", *need, got == NEED_REFUSED);
        add(judge, setting, "option.no-effect", attrs);
        return;
    }
}

static void add_redundant(const struct judge *judge, const struct td_setting *setting)
{
    const struct td_config *config = judge->config;

    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_setting *helper = &config->settings[i];

        if (helper->role != setting->role || helper->known == NULL || helper->known->sets == NULL ||
            is_no(helper->value))
            continue;
        for (td_texts set = helper->known->sets; *set != NULL; set++) {
            char name[128], attrs[160];
            const char *value = split_need(*set, strcspn(*set, " "), name);

            if (strcmp(name, setting->name) != 0 || strstr(*set, " if ") != NULL ||
                strcmp(value != NULL ? value : "y", setting->value) != 0)
                continue;
            snprintf(attrs, sizeof attrs, "by=%s", helper->name);
            add(judge, setting, "option.redundant", attrs);
            return;
        }
    }
}

static void add_conflict(const struct judge *judge, const struct td_setting *one,
                         const struct td_setting *other, const char *why)
{
    char attrs[320];

    snprintf(attrs, sizeof attrs, "other=%s other_value='%s' other_role=%s why=%s", other->name,
             other->value, td_role_name(other->role), why);
    add(judge, one, "option.conflict", attrs);
}

/* Whether this assignment is the one that holds. */
static bool is_last(const struct judge *judge, const struct td_setting *setting)
{
    const struct effect *effect = holds(judge, setting->role, setting->name);

    return effect != NULL && effect->from == setting;
}

static void add_conflicts(const struct judge *judge, size_t n)
{
    const struct td_setting *one = &judge->config->settings[n];
    const struct td_option *known = one->known;

    for (size_t i = n + 1; i < judge->config->n_settings; i++) {
        const struct td_setting *other = &judge->config->settings[i];
        bool same = strcmp(one->name, other->name) == 0;

        if (same && one->block == other->block && one->role == other->role) {
            if (strcmp(one->value, other->value) != 0)
                add_conflict(judge, one, other, "twice");
        } else if (same && one->role != other->role &&
                   has_text(known->match, td_role_name(one->role)) &&
                   has_text(known->match, td_role_name(other->role))) {
            if (strcmp(one->value, other->value) != 0 && is_last(judge, one) &&
                is_last(judge, other))
                add_conflict(judge, one, other, "match");
        } else if (!same && is_set(known->choice) && other->known != NULL &&
                   is_set(other->known->choice) && one->role == other->role &&
                   strcmp(known->choice, other->known->choice) == 0 && !is_no(one->value) &&
                   !is_no(other->value) && is_last(judge, one) && is_last(judge, other)) {
            add_conflict(judge, one, other, "choice");
        }
    }
}

/* -------------------------------------------------------------- misspelt */

/* Letters to change, drop, add or swap; more than 2 is given as 3. */
static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned rows[3][96];

    if (n >= 96 || m >= 96 || n > m + 2 || m > n + 2)
        return 3;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        unsigned least = now[0] = (unsigned)i;

        for (size_t j = 1; j <= m; j++) {
            unsigned cost = last[j - 1] + (a[i - 1] != b[j - 1]);

            if (last[j] + 1 < cost)
                cost = last[j] + 1;
            if (now[j - 1] + 1 < cost)
                cost = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < cost)
                cost = before[j - 2] + 1;
            now[j] = cost;
            if (cost < least)
                least = cost;
        }
        if (least > 2)
            return 3;
    }
    return rows[n % 3][m] > 2 ? 3 : rows[n % 3][m];
}

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

static void add_misspelt(const struct judge *judge, const struct td_setting *setting)
{
    const struct td_knowledge *knowledge = judge->config->knowledge;
    const char *bare = setting->sysbuild ? setting->name + 10 : setting->name;
    const struct td_option *nearest = NULL;
    unsigned least = 3;
    size_t len = strlen(bare);
    char attrs[192];

    if (len < 6 || len >= 96)
        return;
    for (size_t i = 0; i < knowledge->n_options; i++) {
        const struct td_option *option = &knowledge->options[i];
        unsigned far;

        if ((strncmp(option->name, "SB_CONFIG_", 10) == 0) != setting->sysbuild)
            continue;
        far = strcasecmp(option->name, setting->name) == 0 ? 0
                                                           : distance(setting->name, option->name);
        if (far < least) {
            least = far;
            nearest = option;
        }
    }
    if (nearest == NULL || least > (len < 14 ? 1 : 2) ||
        (least > 0 && !has_strange_word(judge->config, bare)))
        return;
    snprintf(attrs, sizeof attrs, "meant=%s", nearest->name);
    add(judge, setting, "option.misspelt", attrs);
}

/* --------------------------------------------------------------- in order */

static void count_names(struct judge *judge)
{
    const struct td_config *config = judge->config;

    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_option *known = config->settings[i].known;
        uint16_t since;

        if (known == NULL)
            continue;
        if (is_set(known->until)) {
            judge->olds++;
        } else if ((since = zephyr_of(known->since)) != 0) {
            judge->news++;
            if (since > judge->lower)
                judge->lower = since;
        }
    }
}

static void add_names(const struct judge *judge)
{
    static const struct td_place nowhere = { 0, 0, 0 };
    const struct td_config *config = judge->config;
    bool mixed = false;

    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_option *known = config->settings[i].known;

        if (known != NULL && is_set(known->until) && judge->lower >= zephyr_of(known->until))
            mixed = true;
    }
    if (judge->olds + judge->news > 0)
        td_fact_add(config->facts, "sdk.names",
                    config->n_blocks > 0 ? &config->blocks[0].first : &nowhere, TD_NO_TIME, NULL,
                    "age=%s",
                    mixed             ? "mixed"
                    : judge->olds > 0 ? "old"
                                      : "new");
}

static void add_have(const struct judge *judge)
{
    const struct td_config *config = judge->config;

    for (size_t i = 0; i < config->n_blocks; i++) {
        const struct td_block *block = &config->blocks[i];

        if (block->options > 0)
            td_fact_add(config->facts, "have", &block->first, TD_NO_TIME, NULL,
                        "what=config role=%s file='%s'%s", td_role_name(block->role), block->name,
                        block->merged ? " merged=1" : "");
    }
}

/* What the files assign, under all names that it goes by. */
static void fill(struct judge *judge)
{
    const struct td_config *config = judge->config;

    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_setting *setting = &config->settings[i];
        struct map *map = &judge->maps[setting->role];
        const struct td_option *known = setting->known;
        const char *state = fate(judge, known);

        *map_at(map, setting->name) =
            (struct effect){ setting->name, setting->value, setting, NULL, NULL };
        // Names that work: also those that the SDK will call it by.
        if (state != NULL && strcmp(state, "old") != 0)
            continue;
        for (int steps = 0; steps < 8 && known != NULL && is_set(known->now); steps++) {
            known = td_option_find(config->knowledge, known->now);
            if (known != NULL)
                *map_at(map, known->name) =
                    (struct effect){ known->name, setting->value, setting, NULL, setting->name };
        }
    }
}

void td_config_judge(struct td_config *config)
{
    struct judge judge = { .config = config };
    size_t sets = 0;

    name_images(config);
    count_names(&judge);
    add_sdk(&judge);
    for (size_t i = 0; i < config->knowledge->n_options; i++)
        for (td_texts set = config->knowledge->options[i].sets; set != NULL && *set != NULL; set++)
            sets++;
    for (int role = 0; role < TD_ROLE_COUNT; role++)
        if (!map_init(&judge.maps[role], config->n_settings * 4 + sets + 16))
            goto out;
    fill(&judge);
    add_have(&judge);
    add_names(&judge);
    for (int role = TD_ROLE_UNKNOWN; role < TD_ROLE_COUNT; role++) {
        expand(&judge, (enum td_role)role);
        add_options(&judge, (enum td_role)role);
        add_unset(&judge, (enum td_role)role);
    }
    for (size_t i = 0; i < config->n_settings; i++) {
        const struct td_setting *setting = &config->settings[i];
        bool merged = config->blocks[setting->block].merged;

        add_flaw(&judge, setting);
        if (!merged)
            add_place(&judge, setting);
        if (!merged && setting->known == NULL)
            add_misspelt(&judge, setting);
        if (setting->known == NULL)
            continue;
        add_age(&judge, setting);
        if (!merged && fate(&judge, setting->known) == NULL)
            add_needs(&judge, setting);
        if (!merged)
            add_redundant(&judge, setting);
        add_conflicts(&judge, i);
    }
out:
    for (int role = 0; role < TD_ROLE_COUNT; role++)
        free(judge.maps[role].slots);
}
