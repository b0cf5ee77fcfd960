/* doctor/layout_facts.c - what layouts say, in the doctor's words. */
#include "doctor/layout_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/check.h"
#include "layout/read.h"

/* A layout, and where it stood. */
struct seen {
    struct td_layout *layout;
    enum td_layout_kind kind;
    struct td_place at;
};

struct td_layout_facts {
    struct td_facts *facts;
    struct td_layout_scan *scan;
    struct seen seen[TD_LAYOUTS_MAX];
    size_t n_seen;
    uint16_t file;
};

static struct td_place place_of(const struct seen *seen, uint32_t line)
{
    struct td_place at = seen->at;

    if (line > 0)
        at.line = line;
    return at;
}

static bool has_domain(const struct td_layout *layout, const char *domain)
{
    for (size_t i = 0; i < layout->n; i++) {
        if (strcmp(layout->at[i].domain, domain) == 0)
            return true;
    }
    return false;
}

/* partitions_CPUNET.yml goes with the partitions.yml before it. */
static struct seen *place_for(struct td_layout_facts *lf, const struct td_layout *found)
{
    const char *domain = found->at[0].domain;
    struct seen *last = lf->n_seen > 0 ? &lf->seen[lf->n_seen - 1] : NULL;

    if (last != NULL && domain[0] != '\0' && !has_domain(last->layout, domain))
        return last;
    if (lf->n_seen == TD_LAYOUTS_MAX)
        return NULL;
    last = &lf->seen[lf->n_seen];
    last->layout = td_layout_new();
    if (last->layout == NULL)
        return NULL;
    lf->n_seen++;
    return last;
}

static void say_partition(struct td_layout_facts *lf, const struct seen *seen,
                          const struct td_partition *p)
{
    struct td_place at = place_of(seen, p->line);
    char quote[160];

    (void)snprintf(quote, sizeof quote, "0x%x: %s (0x%x)", (unsigned)p->addr, p->name,
                   (unsigned)p->size);
    (void)td_fact_add(lf->facts, "partition", &at, TD_NO_TIME, quote,
                      "name='%s' addr=%u size=%u region='%s' domain='%s' layout=%u", p->name,
                      (unsigned)p->addr, (unsigned)p->size, p->region, p->domain,
                      (unsigned)(seen - lf->seen));
}

static void take(void *ctx, enum td_layout_kind kind, const struct td_layout *found, uint32_t line)
{
    struct td_layout_facts *lf = ctx;
    struct seen *seen = place_for(lf, found);

    if (seen == NULL)
        return;
    if (seen->layout->n == 0) {
        seen->kind = kind;
        seen->at = (struct td_place){ .file = lf->file, .line = line };
        // The file's number keeps a second layout from being counted as the first seen again.
        (void)td_fact_add(lf->facts, "have", &seen->at, TD_NO_TIME, NULL, "what=%s file=%u",
                          kind == TD_LAYOUT_REPORT ? "report" : "layout", (unsigned)lf->file);
    }
    for (size_t i = 0; i < found->n; i++) {
        if (td_layout_add(seen->layout, &found->at[i]) == TD_OK)
            say_partition(lf, seen, &found->at[i]);
    }
}

struct td_layout_facts *td_layout_facts_new(struct td_facts *facts)
{
    struct td_layout_facts *lf = calloc(1, sizeof *lf);
    const struct td_layout_scan_hooks hooks = { .found = take, .ctx = lf };

    if (lf == NULL)
        return NULL;
    lf->facts = facts;
    lf->scan = td_layout_scan_new(&hooks);
    if (lf->scan == NULL) {
        td_layout_facts_free(lf);
        return NULL;
    }
    return lf;
}

void td_layout_facts_free(struct td_layout_facts *lf)
{
    if (lf == NULL)
        return;
    for (size_t i = 0; i < lf->n_seen; i++)
        td_layout_free(lf->seen[i].layout);
    td_layout_scan_free(lf->scan);
    free(lf);
}

void td_layout_facts_file(struct td_layout_facts *lf, uint16_t file, const char *name)
{
    char domain[16];

    lf->file = file;
    td_layout_scan_domain(lf->scan, td_layout_domain_of(name, domain));
}

void td_layout_facts_line(struct td_layout_facts *lf, const struct td_place *at, const char *text,
                          size_t len)
{
    td_layout_scan_line(lf->scan, at->line, text, len);
}

void td_layout_facts_file_end(struct td_layout_facts *lf)
{
    td_layout_scan_end(lf->scan);
}

const struct td_layout *td_layout_facts_at(const struct td_layout_facts *lf, size_t n)
{
    return n < lf->n_seen ? lf->seen[n].layout : NULL;
}

/* ---- what the other facts say about a layout's device ---------------------------------- */

static const struct {
    const char *condition;
    enum td_strategy_id mode;
} ways[] = {
    { "option name=BOOT_UPGRADE_ONLY value=y", TD_MODE_OVERWRITE },
    { "option name=BOOT_SWAP_USING_MOVE value=y", TD_MODE_MOVE },
    { "option name=BOOT_SWAP_USING_OFFSET value=y", TD_MODE_OFFSET },
    { "option name=BOOT_SWAP_USING_SCRATCH value=y", TD_MODE_SCRATCH },
    { "option name=BOOT_DIRECT_XIP value=y", TD_MODE_XIP },
    { "option name=BOOT_RAM_LOAD value=y", TD_MODE_RAM_LOAD },
    { "option name=SB_CONFIG_MCUBOOT_MODE_OVERWRITE_ONLY value=y", TD_MODE_OVERWRITE },
    { "option name=SB_CONFIG_MCUBOOT_MODE_SWAP_USING_MOVE value=y", TD_MODE_MOVE },
    { "option name=SB_CONFIG_MCUBOOT_MODE_SWAP_WITHOUT_SCRATCH value=y", TD_MODE_MOVE },
    { "option name=SB_CONFIG_MCUBOOT_MODE_SWAP_USING_OFFSET value=y", TD_MODE_OFFSET },
    { "option name=SB_CONFIG_MCUBOOT_MODE_SWAP_SCRATCH value=y", TD_MODE_SCRATCH },
    { "option name=SB_CONFIG_MCUBOOT_MODE_DIRECT_XIP value=y", TD_MODE_XIP },
    { "boot started_swap=move", TD_MODE_MOVE },
    { "boot started_swap=offset", TD_MODE_OFFSET },
    { "boot started_swap=scratch", TD_MODE_SCRATCH },
};

const char *td_layout_facts_condition(size_t n)
{
    return n < sizeof ways / sizeof ways[0] ? ways[n].condition : NULL;
}

static bool take_strategy_option(const struct td_facts *facts, struct td_layout_env *env)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (!td_facts_hold(facts, ways[i].condition))
            continue;
        env->has_strategy = true;
        env->strategy = ways[i].mode;
        return true;
    }
    return false;
}

/* A decimal attribute of the first fact that satisfies the condition; 0: there is none. */
static uint32_t number(const struct td_facts *facts, const char *condition, const char *key)
{
    size_t at = 0;
    const struct td_fact *fact = td_facts_next(facts, condition, &at);
    const char *text = fact != NULL ? td_fact_get(fact, key) : NULL;
    unsigned long value = text != NULL ? strtoul(text, NULL, 10) : 0;

    return value <= UINT32_MAX ? (uint32_t)value : 0;
}

static struct td_layout_env env_of(const struct td_facts *facts)
{
    struct td_layout_env env = { .soc = NULL };
    size_t at = 0;
    const struct td_fact *fact = td_facts_next(facts, "bootloader", &at);
    const char *text = fact != NULL ? td_fact_get(fact, "mode") : NULL;
    uint32_t sectors = number(facts, "option name=BOOT_MAX_IMG_SECTORS", "value");

    // What the device says about itself outweighs a configuration.
    if (text != NULL && text[0] >= '0' && text[0] <= '9' && text[1] == '\0') {
        env.has_strategy = true;
        env.strategy = (enum td_strategy_id)(text[0] - '0');
    } else {
        (void)take_strategy_option(facts, &env);
    }
    at = 0;
    fact = td_facts_next(facts, "soc", &at);
    text = fact != NULL ? td_fact_get(fact, "name") : NULL;
    if (text != NULL)
        env.soc = td_soc_by_name(text);
    env.max_sectors = sectors <= UINT16_MAX ? (uint16_t)sectors : 0;
    return env;
}

/*
 * A chip that was named elsewhere is this layout's unless the layout fits another one and not
 * that: a file of another board may be among those given.
 */
static void doubt_soc(struct td_layout_env *env, const struct td_layout *layout)
{
    bool sure;
    const struct td_soc *guess = td_soc_guess(layout, "", &sure);
    uint64_t end = 0;

    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];

        if (p->domain[0] == '\0' && td_partition_is_flash(p) && td_partition_end(p) > end)
            end = td_partition_end(p);
    }
    if (env->soc == NULL)
        return;
    if (env->soc->domain[0] != '\0' ||
        (end > (uint64_t)env->soc->flash_addr + env->soc->flash_size && guess != NULL &&
         (sure || end == (uint64_t)guess->flash_addr + guess->flash_size)))
        env->soc = NULL;
}

/* ---- facts of one layout --------------------------------------------------------------- */

/* Values stand in single quotes, so that an apostrophe becomes the typographer's. */
static const char *quoted(const char *text, char *out, size_t cap)
{
    size_t n = 0;

    for (; *text != '\0' && n + 4 < cap; text++) {
        if (*text == '\'') {
            memcpy(out + n, "\xe2\x80\x99", 3);
            n += 3;
        } else {
            out[n++] = *text;
        }
    }
    out[n] = '\0';
    return out;
}

static void say_issues(struct td_layout_facts *lf, const struct seen *seen,
                       const struct td_layout_env *env)
{
    struct td_layout_issues *issues = malloc(sizeof *issues);

    if (issues == NULL)
        return;
    td_layout_check(seen->layout, env, issues);
    for (size_t i = 0; i < issues->n; i++) {
        const struct td_layout_issue *issue = &issues->at[i];
        struct td_place at = place_of(seen, issue->line);
        char text[480], remedy[320];

        (void)td_fact_add(lf->facts, "layout.issue", &at, TD_NO_TIME, issue->text,
                          "rule=%s harm=%s partition='%s' layout=%u text='%s' remedy='%s'",
                          td_layout_rule_name(issue->rule), td_harm_name(issue->harm),
                          issue->partition, (unsigned)(seen - lf->seen),
                          quoted(issue->text, text, sizeof text),
                          quoted(issue->remedy, remedy, sizeof remedy));
    }
    free(issues);
}

static uint32_t max_image(const struct td_layout *layout, const struct td_layout_env *env)
{
    struct td_room_geometry g;
    uint32_t max = 0;

    if (td_layout_geometry(layout, env, &g) == TD_OK)
        (void)td_room_max_image(td_layout_strategy(layout, env), &g, &max);
    return max;
}

static void say_layout(struct td_layout_facts *lf, const struct seen *seen,
                       const struct td_layout_env *env)
{
    const struct td_partition *p = td_layout_role(seen->layout, TD_ROLE_PRIMARY, 0);
    const struct td_partition *x = td_layout_role(seen->layout, TD_ROLE_SECONDARY, 0);
    uint32_t max = max_image(seen->layout, env);
    char more[160] = "";
    size_t n = 0;

    if (p != NULL)
        n += (size_t)snprintf(more + n, sizeof more - n, " primary=%u primary_size=%u",
                              (unsigned)p->addr, (unsigned)p->size);
    if (x != NULL)
        n += (size_t)snprintf(more + n, sizeof more - n, " secondary=%u secondary_size=%u",
                              (unsigned)x->addr, (unsigned)x->size);
    if (max > 0)
        (void)snprintf(more + n, sizeof more - n, " strategy=%s max_image=%u",
                       td_mode_name(td_layout_strategy(seen->layout, env)), (unsigned)max);
    (void)td_fact_add(lf->facts, "layout", &seen->at, TD_NO_TIME, NULL, "index=%u stages=%u%s",
                      (unsigned)(seen - lf->seen), td_layout_stages(seen->layout), more);
}

/* ---- two things together --------------------------------------------------------------- */

/*
 * An image that is known, or was sent, against the room. Which way of updating it is may be
 * known; else it is the usual one, and `sure` says so.
 */
static void weigh(struct td_layout_facts *lf, const struct seen *seen,
                  const struct td_layout_env *env, const char *kind)
{
    uint32_t max = max_image(seen->layout, env);
    const struct td_fact *fact;
    size_t at = 0;

    // Adding facts moves none of those that are there; the walk ends with those of this name.
    while (max > 0 && (fact = td_facts_next(lf->facts, kind, &at)) != NULL) {
        const char *text = td_fact_get(fact, "size");
        const char *image = td_fact_get(fact, "image");
        unsigned long size = text != NULL ? strtoul(text, NULL, 10) : 0;

        if (size == 0 || (image != NULL && strcmp(image, "0") != 0))
            continue;
        (void)td_fact_add(lf->facts, size > max ? "layout.image-too-large" : "layout.image-fits",
                          &fact->first, fact->first_us, fact->quote,
                          "what=%s size=%lu max=%u strategy=%s sure=%d layout=%u", kind, size,
                          (unsigned)max, td_mode_name(td_layout_strategy(seen->layout, env)),
                          env->has_strategy, (unsigned)(seen - lf->seen));
    }
}

static const struct td_soc *soc_of(const struct td_layout *layout,
                                   const struct td_layout_env *known)
{
    struct td_layout_env env = *known;
    bool sure;

    doubt_soc(&env, layout);
    return td_layout_soc(layout, &env, &sure);
}

/* How many of a's partitions of the application core there are, and how many have b's names. */
static size_t count_names(const struct td_layout *a, const struct td_layout *b, size_t *common)
{
    size_t n = 0;

    *common = 0;
    for (size_t i = 0; i < a->n; i++) {
        const struct td_partition *p = &a->at[i];

        if (p->domain[0] != '\0' || strncmp(p->name, "EMPTY", 5) == 0)
            continue;
        n++;
        *common += td_layout_find(b, "", p->name) != NULL;
    }
    return n;
}

/*
 * Whether two layouts seem to be of one device: the same chip, and of the shorter one's names
 * three out of four in the other as well. Else they are two projects that came in one heap.
 */
static bool is_one_device(const struct td_layout *a, const struct td_layout *b,
                          const struct td_layout_env *known)
{
    const struct td_soc *soc = soc_of(a, known);
    size_t in_a, in_b, a_in_b, b_in_a;

    in_a = count_names(a, b, &a_in_b);
    in_b = count_names(b, a, &b_in_a);
    if (soc == NULL || soc != soc_of(b, known))
        return false;
    return in_a < in_b ? 4 * a_in_b >= 3 * in_a : 4 * b_in_a >= 3 * in_b;
}

/* The bootloader was built with one layout, the application with another. */
static void compare(struct td_layout_facts *lf, const struct seen *a, const struct seen *b,
                    bool one_device, const char *what, const struct td_partition *p,
                    const struct td_partition *q)
{
    struct td_place at;

    if (p == NULL || q == NULL ||
        (p->addr == q->addr && p->size == q->size && strcmp(p->region, q->region) == 0))
        return;
    at = place_of(b, q->line);
    (void)td_fact_add(lf->facts, "layout.disagree", &at, TD_NO_TIME, NULL,
                      "what=%s one_device=%d layout=%u other=%u addr=0x%x size=0x%x "
                      "other_addr=0x%x other_size=0x%x",
                      what, one_device, (unsigned)(a - lf->seen), (unsigned)(b - lf->seen),
                      (unsigned)p->addr, (unsigned)p->size, (unsigned)q->addr, (unsigned)q->size);
}

static void compare_roles(struct td_layout_facts *lf, const struct seen *a, const struct seen *b,
                          const struct td_layout_env *known)
{
    static const struct {
        const char *what;
        enum td_role role;
    } roles[] = {
        { "secondary", TD_ROLE_SECONDARY },
        { "primary", TD_ROLE_PRIMARY },
        { "storage", TD_ROLE_STORAGE },
        { "s0", TD_ROLE_S0 },
    };
    bool one = is_one_device(a->layout, b->layout, known);

    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        compare(lf, a, b, one, roles[i].what, td_layout_role(a->layout, roles[i].role, 0),
                td_layout_role(b->layout, roles[i].role, 0));
    compare(lf, a, b, one, "pcd", td_layout_find(a->layout, "", "pcd_sram"),
            td_layout_find(b->layout, "", "pcd_sram"));
}

void td_layout_facts_end(struct td_layout_facts *lf)
{
    const struct td_layout_env known = env_of(lf->facts);

    for (size_t i = 0; i < lf->n_seen; i++) {
        const struct seen *seen = &lf->seen[i];
        struct td_layout_env env = known;

        doubt_soc(&env, seen->layout);
        say_layout(lf, seen, &env);
        say_issues(lf, seen, &env);
        weigh(lf, seen, &env, "upload");
        weigh(lf, seen, &env, "image");
        for (size_t k = 0; k < i; k++) {
            compare_roles(lf, &lf->seen[k], seen, &known);
        }
    }
}
