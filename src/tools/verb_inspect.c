/*
 * tools/verb_inspect.c - tandem inspect: finds out what each file is, and has it explained.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "tools/file.h"
#include "tools/inspect.h"
#include "tools/kind.h"
#include "tools/whole.h"

enum { OPT_LAYOUT, OPT_BASE, OPT_ALIGN, OPT_STORAGE, OPT_SVG };

static const struct td_opt options[] = {
    { "layout", 0, true, OPT_LAYOUT }, { "base", 0, true, OPT_BASE },
    { "align", 0, true, OPT_ALIGN },   { "storage", 0, true, OPT_STORAGE },
    { "svg", 0, true, OPT_SVG },
};

void td_inspect_keep(struct td_inspect *in, struct td_map *map)
{
    struct td_map *more = NULL;

    if (in->svg != NULL)
        more = realloc(in->maps, (in->n_maps + 1) * sizeof *more);
    if (more == NULL) {
        td_map_free(map);
        return;
    }
    in->maps = more;
    in->maps[in->n_maps++] = *map;
}

/* What people hand over that holds nothing for a bootloader. */
static int refuse(struct td_cli *cli, const char *path, enum td_kind kind)
{
    switch (kind) {
    case TD_KIND_ELF:
        return td_cli_fail(
            cli, TD_EXIT_FILE, "elf",
            "this is an ELF file, as the linker wrote it: it carries no MCUboot header", path,
            "name the signed image, the hex file or a dump");
    case TD_KIND_CAPTURE:
        return td_cli_fail(cli, TD_EXIT_FILE, "capture", "this is a capture of packets", path,
                           "tandem decode shows its frames, tandem doctor judges them");
    case TD_KIND_GZIP:
        return td_cli_fail(cli, TD_EXIT_FILE, "packed", "this is packed with gzip", path,
                           "unpack it, and name the result");
    default:
        return td_cli_fail(
            cli, TD_EXIT_FILE, "text", "this is text: neither an image, nor a package, nor a dump",
            path, "give logs and configurations to tandem doctor, layouts to tandem layout");
    }
}

/* An image alone is read in its own way; one that stands in a larger flash belongs to a dump. */
static bool is_image_alone(const struct td_inspect *in, const struct td_whole *file)
{
    struct td_image_work work = { .breathe = NULL };
    struct td_image_facts facts;
    struct td_source src;

    if (in->has_base || in->layout != NULL)
        return false;
    src = td_source_memory(file->bytes, (uint32_t)file->len);
    if (td_image_facts(&src, &work, &facts) != TD_OK && facts.err != TD_EIMG_HASH)
        return true;
    for (uint32_t at = td_round_up(facts.image.size, 256); at + 4 <= file->len; at += 256) {
        src = td_source_memory(file->bytes + at, (uint32_t)(file->len - at));
        if (td_image_facts(&src, &work, &facts) == TD_OK)
            return false;
    }
    return true;
}

/* A hex file that holds one image, and perhaps its trailer at the slot's end. */
static bool is_hex_image(const struct td_inspect *in, const struct td_whole *file)
{
    struct td_hex_error error;
    struct td_memory m;
    uint8_t head[4] = { 0 };
    bool alone;

    if (in->has_base || in->layout != NULL)
        return false;
    alone = td_memory_of_hex(&m, (const char *)file->bytes, file->len, &error);
    if (alone)
        td_memory_read(&m, td_memory_low(&m), head, sizeof head);
    // What is malformed as hex is said by the image's way of reading.
    alone = !alone || (td_kind_of(head, sizeof head) == TD_KIND_IMAGE && m.n <= 3 &&
                       td_memory_end(&m) - td_memory_low(&m) <= TD_FILE_MAX);
    td_memory_free(&m);
    return alone;
}

static int inspect(struct td_inspect *in, const char *path)
{
    struct td_whole file;
    int exit = td_whole_read(in->cli, path, &file);
    enum td_kind kind;

    if (exit != TD_EXIT_OK)
        return exit;
    kind = td_kind_of(file.bytes, file.len < TD_KIND_HEAD ? file.len : TD_KIND_HEAD);
    if (kind == TD_KIND_HEX)
        exit = td_file_is_hex(path) && is_hex_image(in, &file)
                   ? td_inspect_image(in, path)
                   : td_inspect_flash(in, path, file.bytes, file.len, true);
    else if (kind == TD_KIND_IMAGE)
        exit = is_image_alone(in, &file) ? td_inspect_image(in, path)
                                         : td_inspect_flash(in, path, file.bytes, file.len, false);
    else if (kind == TD_KIND_ZIP || kind == TD_KIND_MULTI)
        exit = td_inspect_package(in, path, file.bytes, file.len);
    else if (kind == TD_KIND_FLASH)
        exit = td_inspect_flash(in, path, file.bytes, file.len, false);
    else
        exit = refuse(in->cli, path, kind);
    td_whole_free(&file);
    return exit;
}

static int draw(struct td_inspect *in)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out;
    int exit;

    if (in->svg == NULL || in->n_maps == 0)
        return TD_EXIT_OK;
    out = open_memstream(&text, &len);
    if (out == NULL)
        return td_cli_fail(in->cli, TD_EXIT_FILE, "memory", "there is not enough memory", in->svg,
                           NULL);
    td_map_svg(in->maps, in->n_maps, out);
    fclose(out);
    exit = td_file_write(in->cli, in->svg, text, len, false);
    free(text);
    return exit;
}

/* Every option, wherever it stands; whether there is a file. An exit code, or TD_EXIT_OK. */
/* "ADDR,SIZE" or "ADDR,SIZE,SECTOR". */
static bool read_storage(struct td_inspect *in, const char *text)
{
    uint32_t *const numbers[] = { &in->storage.addr, &in->storage.size, &in->storage_sector };
    char part[24];

    for (size_t i = 0; i < TD_N_OF(numbers); i++) {
        size_t len = strcspn(text, ",");

        if (len == 0 || len >= sizeof part)
            return false;
        memcpy(part, text, len);
        part[len] = '\0';
        if (!td_parse_u32(part, i == 0 ? 0 : 1, UINT32_MAX, numbers[i]))
            return false;
        text += len;
        if (*text == '\0')
            return i >= 1;
        text++;
    }
    return false;
}

static int read_options(struct td_inspect *in, struct td_args *args, bool *any, bool *stop)
{
    struct td_cli *cli = in->cli;
    int id;

    *any = *stop = false;
    while ((id = td_args_next(args)) != TD_ARG_END) {
        switch (id) {
        case TD_ARG_STOP: *stop = true; return args->exit;
        case OPT_LAYOUT: in->layout = args->value; break;
        case OPT_SVG: in->svg = args->value; break;
        case OPT_STORAGE:
            if (!read_storage(in, args->value))
                return td_cli_usage(cli, "--storage wants ADDR,SIZE or ADDR,SIZE,SECTOR: where the "
                                         "settings lie");
            break;
        case OPT_BASE:
            if (!td_parse_u32(args->value, 0, UINT32_MAX, &in->base))
                return td_cli_usage(cli, "--base wants an address, decimal or 0x");
            in->has_base = true;
            break;
        case OPT_ALIGN:
            if (!td_parse_u32(args->value, 1, 32, &in->align) ||
                (in->align != 8 && in->align != 16 && in->align != 32))
                return td_cli_usage(cli, "--align wants 8, 16 or 32: how far cells of a trailer "
                                         "are apart");
            break;
        default: *any = true; break;
        }
    }
    if (!*any)
        return td_cli_usage(cli, "inspect wants one file or more");
    return TD_EXIT_OK;
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct td_inspect in = { .cli = cli };
    struct td_args args;
    bool any, stop;
    int worst, id;

    // Options may stand behind the files, so all of them are read before the first file.
    td_args_begin(&args, cli, options, TD_N_OF(options), argc, argv);
    worst = read_options(&in, &args, &any, &stop);
    if (stop || worst != TD_EXIT_OK)
        return worst;
    td_args_begin(&args, cli, options, TD_N_OF(options), argc, argv);
    while ((id = td_args_next(&args)) != TD_ARG_END) {
        int exit = id == TD_ARG_WORD ? inspect(&in, args.value) : TD_EXIT_OK;

        if (exit > worst)
            worst = exit;
    }
    id = draw(&in);
    for (size_t i = 0; i < in.n_maps; i++)
        td_map_free(&in.maps[i]);
    free(in.maps);
    return id > worst ? id : worst;
}

static int run_dumpinfo(struct td_cli *cli, int argc, char **argv)
{
    struct td_inspect in = { .cli = cli };
    struct td_args args;
    int worst = TD_EXIT_OK;
    bool any = false;
    int id;

    td_args_begin(&args, cli, NULL, 0, argc, argv);
    while ((id = td_args_next(&args)) != TD_ARG_END) {
        if (id == TD_ARG_STOP)
            return args.exit;
        any = true;
    }
    if (!any)
        return td_cli_usage(cli, "inspect wants one file or more");
    td_args_begin(&args, cli, NULL, 0, argc, argv);
    while (td_args_next(&args) == TD_ARG_WORD) {
        int exit = td_inspect_image(&in, args.value);

        if (exit > worst)
            worst = exit;
    }
    return worst;
}

const struct td_verb td_verb_inspect = {
    .name = "inspect",
    .kind = TD_VERB_FILE,
    .summary = "explain an image, a package, a hex file or a flash dump",
    .usage = "usage: tandem inspect [--layout FILE] [--base ADDR] [--align N]\n"
             "                      [--storage WHERE] [--svg OUT] [--json] FILE...\n"
             "\n"
             "Says what is in each file, found by its content, with a map of the bytes.\n"
             "Images: header, TLVs, hash (computed again), trailer, NSIB's metadata. Packages\n"
             "(zip, dfu_multi_image.bin): manifest against contents, each image. Hex files and\n"
             "dumps: what lies where, what the bootloader will do at the next boot, the\n"
             "settings.\n"
             "\n"
             "  --layout FILE   where the slots lie: pm_static.yml, partitions.yml, or a\n"
             "                  profile; without it they are guessed from what is found\n"
             "  --base ADDR     address of a raw file's first byte (default 0)\n"
             "  --align N       distance of a trailer's cells: 8, 16 or 32\n"
             "  --storage ADDR,SIZE[,SECTOR]  where the settings lie, instead of searching\n"
             "  --svg OUT       draws the maps\n",
    .run = run,
};

const struct td_verb td_verb_dumpinfo = {
    .name = "dumpinfo",
    .kind = TD_VERB_FILE,
    .summary = "show what is in an image",
    .usage = "usage: tandem dumpinfo [--json] FILE...\n"
             "\n"
             "Header, TLVs, hash, trailer and map of an image, as tandem inspect shows them.\n",
    .run = run_dumpinfo,
    .unlisted = true,
};
