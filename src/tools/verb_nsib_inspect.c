/*
 * tools/verb_nsib_inspect.c - tandem nsib inspect: what a first stage reads in a file: firmware with
 * the services it offers and asks for, provision data, and which slot would boot.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "tools/b0.h"
#include "tools/inspect.h"
#include "tools/kind.h"
#include "tools/nsib_record.h"
#include "tools/nsib_tool.h"
#include "tools/nsib_verbs.h"
#include "tools/whole.h"

enum { OPT_BASE, OPT_AT, OPT_WIDTH, OPT_GENERATION };

static const struct td_opt options[] = {
    { "base", 0, true, OPT_BASE },
    { "provision-addr", 0, true, OPT_AT },
    { "otp-write-width", 0, true, OPT_WIDTH },
    { "b0-generation", 0, true, OPT_GENERATION },
};

#define RECORDS_MAX    (64u * 1024) /* bytes of EXT_API records that are looked at */
#define PROVISION_READ 0x1000u

struct inspecting {
    struct td_cli *cli;
    uint32_t base, at;
    bool has_base, has_at;
    enum td_provision_form form;
    const char *paths[64];
    size_t n;
};

struct seen {
    const char *path;
    struct td_memory m;
    struct td_survey s;
    struct td_thing bare; /* when the survey finds no firmware: an unsigned one from byte 0 on */
    bool has_provision;   /* of --provision-addr */
    struct td_provision provision;
};

/* ---- EXT_API ------------------------------------------------------------------------ */

static const char *api_name(uint32_t id)
{
    static const struct {
        uint32_t id;
        const char *name;
    } names[] = {
        { 0x1001, "BL_ROT_VERIFY" },  { 0x1002, "BL_SHA256" },       { 0x1003, "BL_SECP256R1" },
        { 0x1101, "BL_VALIDATE_FW" }, { 0x1200, "EXT_API_PROVIDE" },
    };

    for (size_t i = 0; i < TD_N_OF(names); i++)
        if (names[i].id == id)
            return names[i].name;
    return "unknown to us";
}

/* Calls take for each record behind fw_info. false: what is there is no list of records. */
static bool each_record(const struct td_memory *m, const struct td_nsib_found *f,
                        void (*take)(const struct nsib_record *r, void *ctx), void *ctx)
{
    uint32_t len = f->info.total_size - TD_FW_INFO_SIZE;
    struct nsib_records list = { NULL, len, f->info.n_ext_apis, f->info.n_requests };
    struct nsib_record r;
    uint8_t *bytes;

    if (list.offered == 0 && list.asked == 0)
        return true;
    if (f->info.total_size < TD_FW_INFO_SIZE || len > RECORDS_MAX || (bytes = malloc(len)) == NULL)
        return false;
    td_memory_read(m, f->info.off + TD_FW_INFO_SIZE, bytes, len);
    list.bytes = bytes;
    while (nsib_record_next(&list, &r))
        take(&r, ctx);
    free(bytes);
    return list.offered == 0 && list.asked == 0;
}

static void say_record(const struct nsib_record *r, void *ctx)
{
    if (r->asks)
        fprintf(ctx, "  asks for   %s (0x%x), version %u up to below %u, flags 0x%x, %s\n",
                api_name(r->id), r->id, r->version, r->max_version, r->flags,
                r->required != 0 ? "required: without it there is no boot" : "optional");
    else
        fprintf(ctx, "  offers     %s (0x%x), version %u, flags 0x%x\n", api_name(r->id), r->id,
                r->version, r->flags);
}

static void add_record(const struct nsib_record *r, void *ctx)
{
    json_t *json = json_pack("{s:b, s:I, s:s, s:I, s:I}", "request", r->asks, "id",
                             (json_int_t)r->id, "name", api_name(r->id), "version",
                             (json_int_t)r->version, "flags", (json_int_t)r->flags);

    if (r->asks) {
        json_object_set_new(json, "max_version", json_integer(r->max_version));
        json_object_set_new(json, "required", json_boolean(r->required != 0));
    }
    json_array_append_new(ctx, json);
}

/* ---- for people --------------------------------------------------------------------- */

static void say_firmware(const struct seen *f, const struct td_thing *t, FILE *out)
{
    const struct td_fw_info *info = &t->nsib.info;

    fprintf(out, "firmware at 0x%x%s\n", t->nsib.start,
            t->kind == TD_THING_IMAGE ? ", in MCUboot's image" : "");
    td_nsib_say(out, "  ", &t->nsib);
    fprintf(out, "  fw_info    at 0x%x, SoC family %u, product %u, boot address 0x%x\n", info->off,
            info->compat.soc, info->compat.product, info->boot_address);
    if (t->has_vectors)
        fprintf(out, "  starts     at 0x%x, with its stack at 0x%x\n", t->vectors.reset & ~1u,
                t->vectors.stack);
    if (!each_record(&f->m, &t->nsib, say_record, out))
        fprintf(out, "  EXT_API    the records behind fw_info are damaged\n");
}

/* Of a file that holds a slot as well: provision data alone choose nothing. */
static bool look_b0(const struct seen *f, struct td_b0_outlook *o)
{
    return td_b0_look(o, &f->s) &&
           (o->slot[0].firmware != NULL || (o->n_slots > 1 && o->slot[1].firmware != NULL));
}

static void say_b0(const struct seen *f, FILE *out)
{
    struct td_b0_outlook o;

    if (!look_b0(f, &o))
        return;
    if (o.boots < 0)
        fprintf(out, "first stage: boots neither slot\n");
    else
        fprintf(out, "first stage: boots version %u from S%d\n",
                o.slot[o.boots].firmware->info.version, o.boots);
    for (unsigned n = 0; n < o.n_slots; n++)
        if (o.slot[n].refused != NULL)
            fprintf(out, "  S%u, 0x%x: %s\n", n, o.slot[n].addr, o.slot[n].refused);
}

static void say(const struct seen *f, FILE *out)
{
    fprintf(out, "%s:\n", f->path);
    for (size_t i = 0; i < f->s.n; i++) {
        if (f->s.at[i].nsib.found)
            say_firmware(f, &f->s.at[i], out);
        if (f->s.at[i].kind == TD_THING_PROVISION)
            td_provision_say(out, &f->s.at[i].u.provision);
    }
    if (f->bare.nsib.found)
        say_firmware(f, &f->bare, out);
    if (f->has_provision)
        td_provision_say(out, &f->provision);
    say_b0(f, out);
}

/* ---- for programs ------------------------------------------------------------------- */

static json_t *firmware_json(const struct seen *f, const struct td_thing *t)
{
    json_t *json = td_nsib_json(&t->nsib), *records = json_array();

    if (!each_record(&f->m, &t->nsib, add_record, records)) {
        json_decref(records);
        records = json_null();
    }
    json_object_set_new(json, "start", json_integer(t->nsib.start));
    json_object_set_new(json, "product", json_integer(t->nsib.info.compat.product));
    json_object_set_new(json, "wrapped", json_boolean(t->kind == TD_THING_IMAGE));
    json_object_set_new(json, "records", records);
    return json;
}

static void add_provision(json_t *list, const struct td_provision *p)
{
    json_t *json = td_provision_json(p);

    json_object_set_new(json, "address", json_integer(p->off));
    json_array_append_new(list, json);
}

static void say_json(struct td_cli *cli, const struct seen *f)
{
    json_t *firmware = json_array(), *provision = json_array(), *boots = json_null();
    struct td_b0_outlook o;

    for (size_t i = 0; i < f->s.n; i++) {
        if (f->s.at[i].nsib.found)
            json_array_append_new(firmware, firmware_json(f, &f->s.at[i]));
        if (f->s.at[i].kind == TD_THING_PROVISION)
            add_provision(provision, &f->s.at[i].u.provision);
    }
    if (f->bare.nsib.found)
        json_array_append_new(firmware, firmware_json(f, &f->bare));
    if (f->has_provision)
        add_provision(provision, &f->provision);
    if (look_b0(f, &o) && o.boots >= 0)
        boots = json_integer(o.boots);
    td_cli_json(cli, json_pack("{s:s, s:o, s:o, s:o}", "file", f->path, "firmware", firmware,
                               "provision", provision, "boots", boots));
}

/* ---- one file ----------------------------------------------------------------------- */

static int read_memory(struct inspecting *in, struct seen *f, const struct td_whole *file)
{
    struct td_hex_error error;
    char where[400];

    if (td_kind_of(file->bytes, td_min_u32((uint32_t)file->len, TD_KIND_HEAD)) == TD_KIND_HEX) {
        if (td_memory_of_hex(&f->m, (const char *)file->bytes, file->len, &error))
            return TD_EXIT_OK;
        snprintf(where, sizeof where, "%.360s: line %u", f->path, error.line);
        return td_cli_fail(in->cli, TD_EXIT_FILE, "bad-hex", error.text, where,
                           "write the Intel hex file again; if it was copied, compare the copies");
    }
    if (file->len > TD_FILE_MAX ||
        !td_memory_of_bytes(&f->m, file->bytes, (uint32_t)file->len, in->base))
        return td_cli_fail(in->cli, TD_EXIT_FILE, "too-large",
                           "the file does not fit into the memory that it would be read into",
                           f->path, "give a smaller --base, or a dump of one memory");
    f->m.has_addresses = in->has_base;
    return TD_EXIT_OK;
}

/* Where the user says that provision data are, they are read whatever they look like. */
static int read_provision(struct inspecting *in, struct seen *f)
{
    struct td_window w;
    struct td_source src;
    char where[400];
    enum td_err err;

    if (!in->has_at)
        return TD_EXIT_OK;
    src = td_window_source(&w, &f->m, in->at, PROVISION_READ);
    err = td_memory_has(&f->m, in->at, PROVISION_READ)
              ? td_provision_read(&src, 0, in->form, &f->provision)
              : TD_ETRUNC;
    f->provision.off = in->at;
    snprintf(where, sizeof where, "%.360s: 0x%x", f->path, in->at);
    if (err != TD_OK)
        return td_cli_fail(in->cli, TD_EXIT_FILE, "no-provision",
                           "there are no provision data of this kind", where,
                           "check --provision-addr, and --otp-write-width or --b0-generation");
    f->has_provision = true;
    for (size_t i = 0; i < f->s.n; i++)
        if (f->s.at[i].kind == TD_THING_PROVISION && f->s.at[i].u.provision.off == in->at)
            f->has_provision = false; // shown already
    return TD_EXIT_OK;
}

/* A program as it was built, before anybody sealed it: a survey of flash takes it for bytes. */
static void find_bare(struct seen *f)
{
    for (size_t i = 0; i < f->s.n; i++)
        if (f->s.at[i].nsib.found)
            return;
    f->bare.kind = TD_THING_FIRMWARE;
    f->bare.addr = td_memory_low(&f->m);
    td_nsib_look(&f->m, f->bare.addr, &f->bare.nsib);
}

static bool is_something(const struct seen *f)
{
    for (size_t i = 0; i < f->s.n; i++)
        if (f->s.at[i].nsib.found || f->s.at[i].kind == TD_THING_PROVISION)
            return true;
    return f->has_provision || f->bare.nsib.found;
}

static int look(struct inspecting *in, struct seen *f, const struct td_whole *file)
{
    int exit = read_memory(in, f, file);

    if (exit != TD_EXIT_OK)
        return exit;
    if (!td_survey(&f->s, &f->m))
        return td_cli_fail(in->cli, TD_EXIT_FILE, "memory", "there is not enough memory", f->path,
                           NULL);
    find_bare(f);
    exit = read_provision(in, f);
    if (exit == TD_EXIT_OK && !is_something(f))
        exit = td_cli_fail(in->cli, TD_EXIT_FILE, "no-nsib",
                           "nothing in it is for a first stage: no fw_info, no provision data",
                           f->path,
                           "tandem inspect says what it is; --provision-addr reads provision data "
                           "without keys");
    if (exit != TD_EXIT_OK)
        return exit;
    if (in->cli->json)
        say_json(in->cli, f);
    else
        say(f, in->cli->out);
    return TD_EXIT_OK;
}

static int inspect(struct inspecting *in, const char *path)
{
    struct seen f = { .path = path };
    struct td_whole file;
    int exit = td_whole_read(in->cli, path, &file);

    if (exit != TD_EXIT_OK)
        return exit;
    exit = look(in, &f, &file);
    td_survey_free(&f.s);
    td_memory_free(&f.m);
    td_whole_free(&file);
    return exit;
}

/* ---- the verb ----------------------------------------------------------------------- */

static int take(struct inspecting *in, int id, const char *value)
{
    const struct nsib_generation *generation;
    int exit;

    switch (id) {
    case OPT_BASE:
        in->has_base = true;
        if (!td_parse_u32(value, 0, UINT32_MAX, &in->base))
            return td_cli_usagef(in->cli, "--base wants an address, and not '%s'", value);
        return TD_EXIT_OK;
    case OPT_AT:
        in->has_at = true;
        if (!td_parse_u32(value, 0, UINT32_MAX - PROVISION_READ, &in->at) || in->at % 4 != 0)
            return td_cli_usagef(in->cli, "--provision-addr wants a multiple of 4, and not '%s'",
                                 value);
        return TD_EXIT_OK;
    case OPT_WIDTH:
        if (strcmp(value, "2") != 0 && strcmp(value, "4") != 0)
            return td_cli_usagef(in->cli, "--otp-write-width is 2 or 4, and not '%s'", value);
        in->form = value[0] == '4' ? TD_PROVISION_WORD : TD_PROVISION_HALFWORD;
        return TD_EXIT_OK;
    case OPT_GENERATION:
        exit = nsib_generation_take(in->cli, value, &generation);
        if (exit == TD_EXIT_OK && generation->bare)
            in->form = TD_PROVISION_BARE;
        return exit;
    default: break;
    }
    if (in->n == TD_N_OF(in->paths))
        return td_cli_usage(in->cli, "too many files");
    in->paths[in->n++] = value;
    return TD_EXIT_OK;
}

int nsib_inspect_run(struct td_cli *cli, int argc, char **argv)
{
    struct inspecting in = { .cli = cli, .form = TD_PROVISION_HALFWORD };
    int worst = TD_EXIT_OK;
    struct td_args args;
    int id;

    td_args_begin(&args, cli, options, TD_N_OF(options), argc, argv);
    while ((id = td_args_next(&args)) != TD_ARG_END) {
        int exit = id == TD_ARG_STOP ? args.exit : take(&in, id, args.value);

        if (exit != TD_EXIT_OK || id == TD_ARG_STOP)
            return exit;
    }
    if (in.n == 0)
        return td_cli_usage(cli, "a file is missing");
    for (size_t i = 0; i < in.n; i++) {
        int exit = inspect(&in, in.paths[i]);

        if (exit > worst)
            worst = exit;
    }
    return worst;
}

const char nsib_inspect_usage[] =
    "usage: tandem nsib inspect [--base A] [--provision-addr A] [--json] FILE...\n"
    "\n"
    "Says what a first stage reads in each file (binary, Intel hex, a dump): firmware\n"
    "with version, seal and EXT_API records; provision data with keys, tokens,\n"
    "counters and the slots left in them; which slot would boot.\n"
    "\n"
    "  --base A             address of a raw file's first byte (0)\n"
    "  --provision-addr A   read provision data there, whatever they look like\n"
    "  --otp-write-width N  2, or 4 on nRF54L\n"
    "  --b0-generation bare for data without life cycle, until about SDK 2.2\n";
