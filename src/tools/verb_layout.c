/*
 * tools/verb_layout.c - tandem layout report | check | diff: options, words and JSON around
 * the room layout/.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "layout/diff.h"
#include "layout/report.h"
#include "layout/svg.h"
#include "tools/file.h"
#include "tools/imagefile.h"
#include "tools/layoutfile.h"
#include "tools/prose.h"

/* What the three have in common. */
struct laying {
    struct td_cli *cli;
    struct td_layout_file files[2]; /* the second: of diff */
    size_t n_words;
    struct td_layout_env env;
    const char *svg;
    bool exact;
    const char *title[2];
};

enum {
    OPT_SOC,
    OPT_EXACT,
    OPT_SVG,
    OPT_STRATEGY,
    OPT_SECTOR_SIZE,
    OPT_EXTERNAL_SECTOR,
    OPT_MAX_SECTORS,
    OPT_ALIGN,
    OPT_HEADER_SIZE,
    OPT_IMAGE,
    OPT_RUNNING,
    OPT_KEYS,
    OPT_COUNTER_SLOTS,
    OPT_SEQUENTIAL,
};

#define OPTS_SHARED                                                                                \
    { "soc", 0, true, OPT_SOC }, { "external-sector-size", 0, true, OPT_EXTERNAL_SECTOR },         \
    {                                                                                              \
        "svg", 0, true, OPT_SVG                                                                    \
    }
#define OPTS_ROOM                                                                                  \
    { "strategy", 0, true, OPT_STRATEGY }, { "sector-size", 0, true, OPT_SECTOR_SIZE },            \
        { "max-sectors", 'M', true, OPT_MAX_SECTORS }, { "align", 0, true, OPT_ALIGN },            \
    {                                                                                              \
        "image", 0, true, OPT_IMAGE                                                                \
    }

static const struct td_opt report_opts[] = { OPTS_SHARED, { "exact", 0, false, OPT_EXACT } };
static const struct td_opt diff_opts[] = { OPTS_SHARED, OPTS_ROOM };
static const struct td_opt check_opts[] = {
    OPTS_SHARED,
    OPTS_ROOM,
    { "header-size", 'H', true, OPT_HEADER_SIZE },
    { "running", 0, true, OPT_RUNNING },
    { "keys", 0, true, OPT_KEYS },
    { "counter-slots", 0, true, OPT_COUNTER_SLOTS },
    { "sequential-net", 0, false, OPT_SEQUENTIAL },
};

/* ---- the command line ------------------------------------------------------------------ */

static int take_number(struct laying *l, const char *name, const char *text, uint32_t most,
                       uint32_t *out)
{
    if (td_parse_u32(text, 1, most, out))
        return TD_EXIT_OK;
    return td_cli_usagef(l->cli, "--%s is a number from 1 to %u, and not '%s'", name,
                         (unsigned)most, text);
}

static int take_image(struct laying *l, const char *path, uint32_t *size)
{
    struct td_image_file file;
    int exit = td_image_file_open(l->cli, path, false, &file);

    if (exit == TD_EXIT_OK)
        *size = file.facts.image.size;
    td_image_file_close(&file);
    return exit;
}

static int take_align(struct laying *l, const char *text)
{
    uint32_t value;

    if (!td_parse_u32(text, 1, 32, &value) || (value & (value - 1)) != 0)
        return td_cli_usagef(l->cli, "--align is 1, 2, 4, 8, 16 or 32, and not '%s'", text);
    l->env.write_size = (uint8_t)value;
    return TD_EXIT_OK;
}

static int take_option(struct laying *l, int id, const char *text)
{
    uint32_t value = 0;
    int exit;

    switch (id) {
    case OPT_SOC: return td_layout_take_soc(l->cli, text, &l->env);
    case OPT_SVG: l->svg = text; return TD_EXIT_OK;
    case OPT_EXACT: l->exact = true; return TD_EXIT_OK;
    case OPT_STRATEGY: return td_layout_take_strategy(l->cli, text, &l->env);
    case OPT_SECTOR_SIZE: return take_number(l, "sector-size", text, 1u << 24, &l->env.sector);
    case OPT_EXTERNAL_SECTOR:
        return take_number(l, "external-sector-size", text, 1u << 24, &l->env.external_sector);
    case OPT_MAX_SECTORS:
        exit = take_number(l, "max-sectors", text, UINT16_MAX, &value);
        l->env.max_sectors = (uint16_t)value;
        return exit;
    case OPT_ALIGN: return take_align(l, text);
    case OPT_HEADER_SIZE:
        return take_number(l, "header-size", text, UINT16_MAX, &l->env.header_size);
    case OPT_IMAGE: return take_image(l, text, &l->env.image_size);
    case OPT_RUNNING: return take_image(l, text, &l->env.running_size);
    case OPT_KEYS: return take_number(l, "keys", text, 16, &l->env.keys);
    case OPT_COUNTER_SLOTS:
        return take_number(l, "counter-slots", text, 4096, &l->env.counter_slots);
    case OPT_SEQUENTIAL: l->env.sequential_net = true; return TD_EXIT_OK;
    default: return TD_EXIT_OK;
    }
}

/* Words are files: of one layout, or of diff's two. */
static int take_word(struct laying *l, const char *path, bool two)
{
    size_t side = two ? l->n_words : 0;

    if (two && l->n_words == 2)
        return td_cli_usage(l->cli, "diff compares two layouts: FROM and TO");
    if (l->title[side] == NULL)
        l->title[side] = path;
    l->n_words++;
    return td_layout_file_add(l->cli, path, &l->files[side]);
}

static int parse(struct laying *l, const struct td_opt *opts, size_t n_opts, bool two, int argc,
                 char **argv)
{
    struct td_args args;
    int exit = TD_EXIT_OK, id;

    td_args_begin(&args, l->cli, opts, n_opts, argc, argv);
    while (exit == TD_EXIT_OK && (id = td_args_next(&args)) != TD_ARG_END) {
        if (id == TD_ARG_STOP)
            return args.exit == TD_EXIT_OK ? -1 : args.exit;
        exit = id == TD_ARG_WORD ? take_word(l, args.value, two) : take_option(l, id, args.value);
    }
    if (exit != TD_EXIT_OK)
        return exit;
    if (l->n_words < (two ? 2u : 1u))
        return td_cli_usage(l->cli, two ? "diff wants two layouts: FROM and TO"
                                        : "the layout is missing: partitions.yml, pm_static.yml, "
                                          "or a report");
    return TD_EXIT_OK;
}

static void forget(struct laying *l)
{
    td_layout_file_close(&l->files[0]);
    td_layout_file_close(&l->files[1]);
}

/* ---- pictures ---------------------------------------------------------------------------- */

static int write_text(struct laying *l, const char *path, struct td_text *text)
{
    int exit = text->failed ? td_cli_fail(l->cli, TD_EXIT_FILE, "no-memory", "there is no memory",
                                          path, NULL)
                            : td_file_write(l->cli, path, text->at, text->len, false);

    free(text->at);
    return exit;
}

static int draw(struct laying *l, const struct td_layout_issues *issues, size_t n_sides)
{
    const struct td_svg_side sides[] = {
        { l->files[0].layout, l->title[0], issues },
        { l->files[1].layout, l->title[1], NULL },
    };
    struct td_text out = { 0 };

    if (l->svg == NULL)
        return TD_EXIT_OK;
    td_layout_svg(sides, n_sides, &out);
    return write_text(l, l->svg, &out);
}

/* ---- report ------------------------------------------------------------------------------ */

static void partition_json(struct td_cli *cli, const struct td_partition *p)
{
    json_t *members = json_array();

    for (uint8_t i = 0; i < p->n_span; i++)
        json_array_append_new(members, json_string(p->span[i]));
    td_cli_json(cli,
                json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:o}", "name", p->name, "domain",
                          p->domain, "region", p->region, "address", (json_int_t)p->addr, "size",
                          (json_int_t)p->size, "container", p->container, "members", members));
}

static void print_report(struct laying *l)
{
    const struct td_layout *layout = l->files[0].layout;
    struct td_cli *cli = l->cli;
    const struct td_report_style style = {
        .exact = l->exact,
        .blue = td_cli_color(cli, cli->out, "94"),
        .yellow = td_cli_color(cli, cli->out, "93"),
        .plain = td_cli_color(cli, cli->out, "0"),
    };
    struct td_text out = { 0 }, remarks = { 0 };
    bool sure;
    const struct td_soc *soc = td_layout_soc(layout, &l->env, &sure);

    td_report_print(layout, &style, &out);
    if (!l->exact)
        td_report_remarks(layout, sure ? soc : NULL, &l->env, &remarks);
    if (out.len > 0)
        fputs(out.at, cli->out);
    if (remarks.len > 0)
        td_prose(cli->out, "", 0, td_prose_width(cli->out), remarks.at);
    free(out.at);
    free(remarks.at);
}

static int run_report(struct td_cli *cli, int argc, char **argv)
{
    struct laying l = { .cli = cli };
    int exit = parse(&l, report_opts, TD_N_OF(report_opts), false, argc, argv);

    if (exit == TD_EXIT_OK && cli->json) {
        for (size_t i = 0; i < l.files[0].layout->n; i++)
            partition_json(cli, &l.files[0].layout->at[i]);
    } else if (exit == TD_EXIT_OK) {
        print_report(&l);
    }
    if (exit == TD_EXIT_OK)
        exit = draw(&l, NULL, 1);
    forget(&l);
    return exit < 0 ? TD_EXIT_OK : exit;
}

/* ---- check ------------------------------------------------------------------------------- */

static void issue_json(struct laying *l, const struct td_layout_issue *issue)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "event", "issue", "rule",
                          td_layout_rule_name(issue->rule), "harm", td_harm_name(issue->harm),
                          "text", issue->text, "remedy", issue->remedy, "partition",
                          issue->partition, "domain", issue->domain);

    json_object_set_new(o, "file", json_string(td_layout_file_of(&l->files[0], issue->domain)));
    if (issue->line > 0)
        json_object_set_new(o, "line", json_integer((json_int_t)issue->line));
    td_cli_json(l->cli, o);
}

/* What is wrong, behind where and how badly, with the rule's name; and what to do. */
static void say_prose(struct laying *l, const char *label, const char *text, const char *rule,
                      const char *remedy)
{
    size_t width = td_prose_width(l->cli->out);
    char whole[1200];

    (void)snprintf(whole, sizeof whole, "%s [%s]", text, rule);
    td_prose(l->cli->out, label, 2, width, whole);
    if (remedy[0] != '\0')
        td_prose(l->cli->out, "    try: ", 9, width, remedy);
}

static void say_issue(struct laying *l, const struct td_layout_issue *issue)
{
    static const char *const colors[] = { "2", "33", "31" };
    struct td_cli *cli = l->cli;
    char line[16] = "", label[600];

    if (issue->line > 0)
        (void)snprintf(line, sizeof line, ":%u", (unsigned)issue->line);
    (void)snprintf(label, sizeof label, "%s%s: %s%s:%s ",
                   td_layout_file_of(&l->files[0], issue->domain), line,
                   td_cli_color(cli, cli->out, colors[issue->harm]), td_harm_name(issue->harm),
                   td_cli_color(cli, cli->out, "0"));
    say_prose(l, label, issue->text, td_layout_rule_name(issue->rule), issue->remedy);
}

static void say_room(struct laying *l, const struct td_layout_room *room)
{
    struct td_cli *cli = l->cli;
    const char *usual = room->strategy != td_layout_strategy(l->files[0].layout, &l->env) ? ""
                        : l->env.has_strategy ? "  < as given"
                                              : "  < supposed";
    char size[24];

    if (cli->json) {
        td_cli_json(cli, room->err == TD_OK
                             ? json_pack("{s:s, s:s, s:I}", "event", "room", "strategy",
                                         td_mode_name(room->strategy), "max_image",
                                         (json_int_t)room->max)
                             : json_pack("{s:s, s:s, s:n, s:s}", "event", "room", "strategy",
                                         td_mode_name(room->strategy), "max_image", "why",
                                         td_strerror(room->err)));
        return;
    }
    if (room->err != TD_OK) {
        fprintf(cli->out, "  %-16s none: %s%s\n", td_mode_name(room->strategy),
                td_strerror(room->err), usual);
        return;
    }
    td_report_size(room->max, true, size);
    fprintf(cli->out, "  %-16s %8u  %s%s\n", td_mode_name(room->strategy), (unsigned)room->max,
            size, usual);
}

static void say_rooms(struct laying *l, const struct td_soc *soc, bool sure)
{
    struct td_layout_room rooms[TD_LAYOUT_ROOMS];
    size_t n = td_layout_rooms(l->files[0].layout, &l->env, rooms);
    struct td_room_geometry g;
    char text[240];

    if (n > 0 && !l->cli->json && td_layout_geometry(l->files[0].layout, &l->env, &g) == TD_OK) {
        (void)snprintf(text, sizeof text,
                       "Largest image in bytes, header and TLVs included (%s%s, sectors of 0x%x, "
                       "%u of them counted, words of %u):",
                       soc != NULL ? soc->title : "unknown chip", soc == NULL || sure ? "" : "?",
                       (unsigned)g.primary_sector, (unsigned)g.max_sectors, (unsigned)g.write_size);
        fputc('\n', l->cli->out);
        td_prose(l->cli->out, "", 0, td_prose_width(l->cli->out), text);
    }
    for (size_t i = 0; i < n; i++)
        say_room(l, &rooms[i]);
}

static void count(const struct td_layout_issues *issues, unsigned n[3])
{
    n[0] = n[1] = n[2] = 0;
    for (size_t i = 0; i < issues->n; i++)
        n[issues->at[i].harm]++;
}

static void conclude(struct laying *l, const struct td_layout_issues *issues,
                     const struct td_soc *soc, bool sure)
{
    unsigned n[3];

    count(issues, n);
    if (l->cli->json) {
        td_cli_json(l->cli,
                    json_pack("{s:s, s:i, s:i, s:i, s:s?, s:b}", "result",
                              n[TD_HARM_ERROR] + n[TD_HARM_WARNING] > 0 ? "harmed" : "sound",
                              "errors", (int)n[TD_HARM_ERROR], "warnings", (int)n[TD_HARM_WARNING],
                              "notes", (int)n[TD_HARM_NOTE], "soc", soc != NULL ? soc->name : NULL,
                              "sure", sure));
        return;
    }
    if (issues->left_out > 0)
        fprintf(l->cli->out, "%zu more are left out.\n", issues->left_out);
    if (n[TD_HARM_ERROR] + n[TD_HARM_WARNING] == 0)
        fprintf(l->cli->out, "\nNothing is wrong with this layout.\n");
    else
        fprintf(l->cli->out, "\n%u error%s, %u warning%s.\n", n[TD_HARM_ERROR],
                n[TD_HARM_ERROR] == 1 ? "" : "s", n[TD_HARM_WARNING],
                n[TD_HARM_WARNING] == 1 ? "" : "s");
}

static int check(struct laying *l, struct td_layout_issues *issues)
{
    bool sure;
    const struct td_soc *soc = td_layout_soc(l->files[0].layout, &l->env, &sure);
    int exit;

    td_layout_check(l->files[0].layout, &l->env, issues);
    for (size_t i = 0; i < issues->n; i++) {
        if (l->cli->json)
            issue_json(l, &issues->at[i]);
        else if (issues->at[i].harm != TD_HARM_NOTE || !l->cli->quiet)
            say_issue(l, &issues->at[i]);
    }
    say_rooms(l, soc, sure);
    conclude(l, issues, soc, sure);
    exit = draw(l, issues, 1);
    if (exit != TD_EXIT_OK)
        return exit;
    return td_layout_is_harmed(issues, TD_HARM_WARNING) ? TD_EXIT_REFUSED : TD_EXIT_OK;
}

static int run_check(struct td_cli *cli, int argc, char **argv)
{
    struct laying l = { .cli = cli };
    struct td_layout_issues *issues = calloc(1, sizeof *issues);
    int exit = issues == NULL
                   ? td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory", NULL, NULL)
                   : parse(&l, check_opts, TD_N_OF(check_opts), false, argc, argv);

    if (exit == TD_EXIT_OK)
        exit = check(&l, issues);
    free(issues);
    forget(&l);
    return exit < 0 ? TD_EXIT_OK : exit;
}

/* ---- diff -------------------------------------------------------------------------------- */

static json_t *place_json(const struct td_partition *p)
{
    if (p == NULL)
        return json_null();
    return json_pack("{s:I, s:I, s:s}", "address", (json_int_t)p->addr, "size", (json_int_t)p->size,
                     "region", p->region);
}

static void say_change(struct laying *l, const struct td_change *c)
{
    const struct td_partition *p = c->from != NULL ? c->from : c->to;
    const char *color = c->kind == TD_CHANGE_ADDED     ? "32"
                        : c->kind == TD_CHANGE_REMOVED ? "31"
                                                       : "33";
    FILE *out = l->cli->out;

    if (l->cli->json) {
        td_cli_json(l->cli, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "event", "change", "kind",
                                      td_change_name(c->kind), "name", p->name, "domain", p->domain,
                                      "from", place_json(c->from), "to", place_json(c->to)));
        return;
    }
    fprintf(out, "  %s%-17s%s %-18s", td_cli_color(l->cli, out, color), td_change_name(c->kind),
            td_cli_color(l->cli, out, "0"), p->name);
    if (c->from != NULL)
        fprintf(out, " 0x%x (0x%x)%s%s", (unsigned)c->from->addr, (unsigned)c->from->size,
                strcmp(c->from->region, "flash_primary") != 0 ? " " : "",
                strcmp(c->from->region, "flash_primary") != 0 ? c->from->region : "");
    if (c->from != NULL && c->to != NULL)
        fputs(" ->", out);
    if (c->to != NULL)
        fprintf(out, " 0x%x (0x%x)%s%s", (unsigned)c->to->addr, (unsigned)c->to->size,
                strcmp(c->to->region, "flash_primary") != 0 ? " " : "",
                strcmp(c->to->region, "flash_primary") != 0 ? c->to->region : "");
    fprintf(out, "%s%s\n", p->domain[0] != '\0' ? " of " : "", p->domain);
}

static void say_consequence(struct laying *l, const struct td_consequence *c)
{
    static const char *const colors[] = { "32", "33", "33", "31" };
    FILE *out = l->cli->out;
    char label[48];

    if (l->cli->json) {
        td_cli_json(l->cli,
                    json_pack("{s:s, s:s, s:s, s:s, s:s}", "event", "consequence", "rule", c->rule,
                              "way", td_way_name(c->way), "text", c->text, "remedy", c->remedy));
        return;
    }
    fputc('\n', out);
    (void)snprintf(label, sizeof label, "%s%s:%s ", td_cli_color(l->cli, out, colors[c->way]),
                   td_way_name(c->way), td_cli_color(l->cli, out, "0"));
    say_prose(l, label, c->text, c->rule, c->remedy);
}

static void say_verdict(struct laying *l, const struct td_layout_diff *d)
{
    char text[sizeof d->verdict + 2];

    if (d->n_changes > 0)
        fputc('\n', l->cli->out);
    (void)snprintf(text, sizeof text, "%s.", d->verdict);
    td_prose(l->cli->out, "Over the air: ", 2, td_prose_width(l->cli->out), text);
}

static int diff(struct laying *l, struct td_layout_diff *d)
{
    int exit;

    td_layout_compare(l->files[0].layout, l->files[1].layout, &l->env, d);
    if (!l->cli->json && d->n_changes > 0)
        fprintf(l->cli->out, "%s -> %s, %zu of %zu partitions stay as they are:\n", l->title[0],
                l->title[1], d->n_same, l->files[0].layout->n);
    for (size_t i = 0; i < d->n_changes; i++)
        say_change(l, &d->changes[i]);
    for (size_t i = 0; i < d->n_consequences; i++)
        say_consequence(l, &d->consequences[i]);
    if (l->cli->json)
        td_cli_json(l->cli,
                    json_pack("{s:s, s:s}", "result", td_way_name(d->way), "text", d->verdict));
    else
        say_verdict(l, d);
    exit = draw(l, NULL, 2);
    if (exit != TD_EXIT_OK)
        return exit;
    return d->way >= TD_WAY_BOOTLOADER ? TD_EXIT_REFUSED : TD_EXIT_OK;
}

static int run_diff(struct td_cli *cli, int argc, char **argv)
{
    struct laying l = { .cli = cli };
    struct td_layout_diff *d = calloc(1, sizeof *d);
    int exit = d == NULL
                   ? td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory", NULL, NULL)
                   : parse(&l, diff_opts, TD_N_OF(diff_opts), true, argc, argv);

    if (exit == TD_EXIT_OK)
        exit = diff(&l, d);
    free(d);
    forget(&l);
    return exit < 0 ? TD_EXIT_OK : exit;
}

#define USAGE_FILES                                                                                \
    "A layout is partitions.yml, pm_static.yml, zephyr.dts, or a text that holds such\n"           \
    "YAML or the output of partition_manager_report; - is standard input.\n"                       \
    "partitions_CPUNET.yml beside it is the network core's; of a folder both are\n"                \
    "taken.\n\n"                                                                                   \
    "  --soc NAME           nrf52832, nrf52833, nrf52840, nrf5340, nrf5340-net,\n"                 \
    "                       nrf9160, nrf54l15, nrf54l10, nrf54l05, nrf54lm20;\n"                   \
    "                       guessed from the layout otherwise\n"                                   \
    "  --external-sector-size N\n"                                                                 \
    "                       of an external flash; 4096 unless its device is known\n"               \
    "  --svg FILE           a picture of the memories\n"

#define USAGE_ROOM                                                                                 \
    "  --strategy S         swap-move, swap-offset, swap-scratch, overwrite-only, ...\n"           \
    "  --sector-size N, -M, --max-sectors N, --align N\n"                                          \
    "                       of the bootloader; the chip's figures otherwise\n"                     \
    "  --image FILE         whether this image fits\n"

static const struct td_verb subs[] = {
    { .name = "report",
      .kind = TD_VERB_FILE,
      .summary = "the partitions in the look of partition_manager_report",
      .usage = "usage: tandem layout report [OPTIONS] FILE...\n\n"
               "Prints the partitions as partition_manager_report does, and below them what that\n"
               "look hides.\n\n" USAGE_FILES
               "  --exact              sizes as they are, not cut off to whole kB\n",
      .run = run_report },
    { .name = "check",
      .kind = TD_VERB_FILE,
      .summary = "what is wrong with it, and how large an image may be",
      .usage = "usage: tandem layout check [OPTIONS] FILE...\n\n"
               "Says what is wrong with a layout, and the largest image for each way of\n"
               "updating. Exit 1 when there are errors or warnings.\n\n" USAGE_FILES USAGE_ROOM
               "  --running FILE       the image that runs: it has to be swapped out\n"
               "  -H, --header-size N  of the images (imgtool's)\n"
               "  --keys N, --counter-slots N   what the provision data are to hold\n"
               "  --sequential-net     the network core is updated through the same slot\n",
      .run = run_check },
    { .name = "diff",
      .kind = TD_VERB_FILE,
      .summary = "what a move to another layout means for devices in the field",
      .usage = "usage: tandem layout diff [OPTIONS] FROM TO\n\n"
               "What changes from one layout to another, what the bootloader on the devices\n"
               "makes of it, and whether they can be updated over the air. Exit 1 when they\n"
               "cannot, or only with a new bootloader.\n\n" USAGE_FILES USAGE_ROOM,
      .run = run_diff },
};

const struct td_verb td_verb_layout = {
    .name = "layout",
    .kind = TD_VERB_FILE,
    .summary = "check, report and compare how flash is divided",
    .subs = subs,
    .n_subs = TD_N_OF(subs),
};
