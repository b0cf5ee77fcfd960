/* tools/verb_package.c - tandem package: makes an update package, and explains one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/range.h"
#include "tools/inspect.h"
#include "tools/kind.h"
#include "tools/layoutfile.h"
#include "tools/package_make.h"
#include "tools/file.h"
#include "tools/whole.h"

/* ---- create: the command line -------------------------------------------------------- */

enum { NAME, BOARD, SOC, TYPE, FORMAT, ADDRESS, LAYOUT };

static const struct td_opt options[] = {
    { "name", 0, true, NAME },
    { "board", 0, true, BOARD },
    { "soc", 0, true, SOC },
    { "type", 0, true, TYPE },
    { "format-version", 0, true, FORMAT },
    { "load-address", 0, true, ADDRESS },
    { "layout", 0, true, LAYOUT },
};

struct create {
    struct td_cli *cli;
    const char *out;
    const char *layout;
    struct td_package_order order;
    struct td_package_file addresses[TD_PACKAGE_MEMBERS]; /* of --load-address, paths unused */
    size_t n_addresses;
};

/*
 * "1.0=FILE", "1=FILE" or "FILE": an image, perhaps one of its slots, and the rest. A path with an
 * equals sign in it is still a path.
 */
static const char *take_target(const char *text, struct td_package_file *file)
{
    const char *equals = strchr(text, '=');
    char target[12], *dot;
    uint32_t image, slot = 0;

    *file = (struct td_package_file){ .slot = TD_PACKAGE_NOT_SAID,
                                      .load_address = TD_PACKAGE_NOT_SAID };
    if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof target)
        return text;
    memcpy(target, text, (size_t)(equals - text));
    target[equals - text] = '\0';
    dot = strchr(target, '.');
    if (dot != NULL)
        *dot = '\0';
    if (!td_parse_u32(target, 0, 127, &image) ||
        (dot != NULL && !td_parse_u32(dot + 1, 0, 1, &slot)))
        return text;
    file->image = image;
    file->slot = dot != NULL ? (int64_t)slot : TD_PACKAGE_NOT_SAID;
    return equals + 1;
}

static int take_file(struct create *c, const char *text)
{
    struct td_package_file *file = &c->order.files[c->order.n];
    const char *path;

    if (c->out == NULL) {
        c->out = text;
        return TD_EXIT_OK;
    }
    if (c->order.n == TD_PACKAGE_MEMBERS - 1)
        return td_cli_usagef(c->cli, "a package has at most %d files", TD_PACKAGE_MEMBERS - 1);
    path = take_target(text, file);
    file->path = path;
    c->order.n++;
    return TD_EXIT_OK;
}

static int take_address(struct create *c, const char *text)
{
    struct td_package_file *entry = &c->addresses[c->n_addresses];
    const char *number;
    uint32_t address;

    if (c->n_addresses == TD_PACKAGE_MEMBERS)
        return td_cli_usage(c->cli, "there are more addresses than files");
    number = take_target(text, entry);
    if (!td_parse_u32(number, 0, UINT32_MAX, &address))
        return td_cli_usagef(c->cli,
                             "--load-address wants an address, as in 0xc000 or 1=0x1008800, and "
                             "not '%s'",
                             text);
    entry->load_address = address;
    c->n_addresses++;
    return TD_EXIT_OK;
}

static int take_option(struct create *c, int id, const char *value)
{
    static const char *const types[] = { "application", "mcuboot", "bin" };
    struct td_package_order *order = &c->order;

    if ((id == NAME || id == BOARD || id == SOC) && !td_package_text_fits(value))
        return td_cli_usage(c->cli, "a text for the manifest is no UTF-8");
    switch (id) {
    case NAME: order->name = value; return TD_EXIT_OK;
    case BOARD: order->board = value; return TD_EXIT_OK;
    case SOC: order->soc = value; return TD_EXIT_OK;
    case LAYOUT: c->layout = value; return TD_EXIT_OK;
    case ADDRESS: return take_address(c, value);
    case FORMAT:
        if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
            return td_cli_usagef(c->cli, "--format-version is 0 or 1, not '%s'", value);
        order->format_version = value[0] - '0';
        return TD_EXIT_OK;
    default: break;
    }
    for (size_t i = 0; i < TD_N_OF(types); i++) {
        if (strcmp(types[i], value) == 0) {
            order->type = types[i];
            return TD_EXIT_OK;
        }
    }
    return td_cli_usagef(c->cli, "--type is application, mcuboot or bin, not '%s'", value);
}

/* Builds that are to be repeated say what time it is. */
static int take_time(struct create *c)
{
    const char *said = getenv("SOURCE_DATE_EPOCH");
    char *end;

    c->order.time = (int64_t)time(NULL);
    if (said == NULL || said[0] == '\0')
        return TD_EXIT_OK;
    errno = 0;
    c->order.time = strtoll(said, &end, 10);
    if (errno != 0 || *end != '\0' || c->order.time < 0)
        return td_cli_usagef(c->cli, "SOURCE_DATE_EPOCH is no number of seconds: '%s'", said);
    return TD_EXIT_OK;
}

static int parse(struct create *c, int argc, char **argv)
{
    struct td_args args;
    int got, exit = take_time(c);

    td_args_begin(&args, c->cli, options, TD_N_OF(options), argc, argv);
    while (exit == TD_EXIT_OK && (got = td_args_next(&args)) != TD_ARG_END) {
        if (got == TD_ARG_STOP)
            return args.exit == TD_EXIT_OK ? -1 : args.exit;
        exit = got == TD_ARG_WORD ? take_file(c, args.value) : take_option(c, got, args.value);
    }
    if (exit == TD_EXIT_OK && c->out == NULL)
        return td_cli_usage(c->cli, "package create wants OUT.zip, and the files that go in");
    if (exit == TD_EXIT_OK && c->order.n == 0)
        return td_cli_usage(c->cli, "which files go into the package?");
    return exit;
}

/* ---- create -------------------------------------------------------------------------- */

static void address_of_layout(const struct td_layout *layout, struct td_package_file *file)
{
    enum td_role role = file->slot == 1 ? TD_ROLE_SECONDARY : TD_ROLE_PRIMARY;
    const struct td_partition *at = td_layout_role(layout, role, (unsigned)file->image);

    if (file->load_address == TD_PACKAGE_NOT_SAID && at != NULL)
        file->load_address = at->addr;
}

/* --load-address for its file, and --layout for those that have none. */
static int place(struct create *c)
{
    struct td_layout_file layout = { 0 };
    int exit = TD_EXIT_OK;

    for (size_t i = 0; i < c->n_addresses; i++) {
        const struct td_package_file *at = &c->addresses[i];
        bool used = false;

        for (size_t k = 0; k < c->order.n; k++) {
            struct td_package_file *file = &c->order.files[k];

            if (file->image != at->image || file->slot != at->slot)
                continue;
            file->load_address = at->load_address;
            used = true;
        }
        if (!used)
            return td_cli_usagef(c->cli, "--load-address names image %lld%s, and no file is for it",
                                 (long long)at->image,
                                 at->slot == 0   ? ", slot 0"
                                 : at->slot == 1 ? ", slot 1"
                                                 : "");
    }
    if (c->layout != NULL) {
        exit = td_layout_file_add(c->cli, c->layout, &layout);
        for (size_t i = 0; i < c->order.n && exit == TD_EXIT_OK; i++)
            address_of_layout(layout.layout, &c->order.files[i]);
        td_layout_file_close(&layout);
    }
    return exit;
}

static json_t *member_json(const struct td_member *m)
{
    const struct td_version *v = &m->image.image.hdr.version;
    char version[40];

    snprintf(version, sizeof version, "%u.%u.%u+%u", v->major, v->minor, v->revision, v->build);
    return json_pack("{s:s, s:I, s:o, s:I, s:s?, s:o}", "file", m->name, "image",
                     (json_int_t)m->image_index, "slot",
                     m->slot < 0 ? json_null() : json_integer(m->slot), "size", (json_int_t)m->size,
                     "version", m->is_image ? version : NULL, "hash",
                     m->is_image ? td_hex_json(m->image.hash, m->image.hash_len) : json_null());
}

static void say_made(struct create *c, const struct td_package *p, size_t len)
{
    json_t *files;

    if (!c->cli->json) {
        fprintf(c->cli->out, "%s: %zu file%s, %zu bytes\n", c->out, c->order.n,
                c->order.n == 1 ? "" : "s", len);
        return;
    }
    files = json_array();
    for (size_t i = 0; i < p->n; i++)
        if (!p->at[i].is_manifest)
            json_array_append_new(files, member_json(&p->at[i]));
    td_cli_json(c->cli,
                json_pack("{s:s, s:I, s:I, s:o}", "package", c->out, "size", (json_int_t)len,
                          "format_version", (json_int_t)c->order.format_version, "files", files));
}

static int make(struct create *c)
{
    struct td_package *p = calloc(1, sizeof *p);
    uint8_t *bytes = NULL;
    size_t len = 0;
    int exit;

    if (p == NULL)
        return td_cli_fail(c->cli, TD_EXIT_FILE, "no-memory", "there is no memory left", NULL,
                           NULL);
    exit = td_package_make(c->cli, &c->order, p, &bytes, &len);
    if (exit == TD_EXIT_OK)
        exit = td_file_write(c->cli, c->out, bytes, len, false);
    if (exit == TD_EXIT_OK)
        say_made(c, p, len);
    if (exit == TD_EXIT_OK && (c->order.board == NULL || c->order.soc == NULL))
        td_cli_note(c->cli, "The manifest does not say which board it is for; --board and --soc "
                            "do, and some readers compare them.");
    free(bytes);
    td_package_free(p);
    free(p);
    return exit;
}

static int create(struct td_cli *cli, int argc, char **argv)
{
    struct create *c = calloc(1, sizeof *c);
    int exit;

    if (c == NULL)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory left", NULL, NULL);
    c->cli = cli;
    c->order.format_version = 1;
    exit = parse(c, argc, argv);
    if (exit == TD_EXIT_OK)
        exit = place(c);
    if (exit == TD_EXIT_OK)
        exit = make(c);
    free(c);
    return exit < 0 ? TD_EXIT_OK : exit;
}

/* ---- inspect ------------------------------------------------------------------------- */

static int inspect_one(struct td_inspect *in, const char *path)
{
    struct td_whole file;
    int exit = td_whole_read(in->cli, path, &file);
    enum td_kind kind;

    if (exit != TD_EXIT_OK)
        return exit;
    kind = td_kind_of(file.bytes, file.len < TD_KIND_HEAD ? file.len : TD_KIND_HEAD);
    if (kind == TD_KIND_ZIP || kind == TD_KIND_MULTI)
        exit = td_inspect_package(in, path, file.bytes, file.len);
    else
        exit = td_cli_fail(in->cli, TD_EXIT_FILE, "no-package", "this is no package", path,
                           "name a zip or a dfu_multi_image.bin; tandem inspect explains other "
                           "files");
    td_whole_free(&file);
    return exit;
}

static int inspect(struct td_cli *cli, int argc, char **argv)
{
    struct td_inspect in = { .cli = cli };
    struct td_args args;
    int got, exit = TD_EXIT_OK;
    bool any = false;

    td_args_begin(&args, cli, NULL, 0, argc, argv);
    while (exit == TD_EXIT_OK && (got = td_args_next(&args)) != TD_ARG_END) {
        if (got == TD_ARG_STOP)
            return args.exit;
        any = true;
        exit = inspect_one(&in, args.value);
    }
    return any ? exit : td_cli_usage(cli, "which package?");
}

static const struct td_verb subs[] = {
    { .name = "create",
      .kind = TD_VERB_FILE,
      .summary = "signed images into one file that phones and tandem take",
      .usage = "usage: tandem package create [OPTIONS] OUT.zip FILE...\n"
               "       tandem package create [OPTIONS] OUT.zip IMAGE[.SLOT]=FILE...\n"
               "\n"
               "Packs signed images and a manifest.json, as builds of the nRF Connect SDK do,\n"
               "for nRF Connect Device Manager, fwupd and tandem update. A file without IMAGE=\n"
               "is for image 0; with .SLOT it is the variant for one slot, where the device\n"
               "runs either. What the reader would call an error is refused, and nothing is\n"
               "written.\n"
               "\n"
               "  --name TEXT          what people are shown\n"
               "  --board B, --soc S   what it is for, as the build calls them\n"
               "  --load-address [IMAGE[.SLOT]=]ADDRESS\n"
               "                       where it runs; else as the image tells, else\n"
               "  --layout FILE        as the partitions say, else 0\n"
               "  --type TYPE          application, mcuboot or bin; by the file otherwise\n"
               "  --format-version N   1 (default); 0 as builds before sysbuild\n"
               "\n"
               "SOURCE_DATE_EPOCH, where it is set, is the time of all that is in it.\n",
      .run = create },
    { .name = "inspect",
      .kind = TD_VERB_FILE,
      .summary = "what is in a package, and what is odd about it",
      .usage = "usage: tandem package inspect [--json] FILE...\n\n"
               "Explains packages (zip with manifest.json, or dfu_multi_image.bin): what is for\n"
               "which image, and where manifest and contents disagree.\n",
      .run = inspect },
};

const struct td_verb td_verb_package = {
    .name = "package",
    .kind = TD_VERB_FILE,
    .summary = "update packages for phones and tandem: create, inspect",
    .subs = subs,
    .n_subs = TD_N_OF(subs),
};
