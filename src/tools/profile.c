/*
 * tools/profile.c - the YAML of a profile, key by key: flash, partitions, server, application.
 *
 * The tables are read by profile_yaml.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "tools/profile_priv.h"

#define FILE_MAX (256u * 1024)

/* flash */

struct run_text {
    uint32_t count, size;
};

static bool read_run(struct reading *r, yaml_node_t *node, size_t i, void *dst)
{
    static const struct key keys[] = {
        { "count", false, KIND_NUMBER, AT(struct run_text, count), 1, 65535, NULL, NULL },
        { "size", false, KIND_NUMBER, AT(struct run_text, size), 1, 1u << 24, NULL, NULL },
    };
    struct sim_flash *flash = dst;
    struct run_text run;

    if (!td_profile_map(r, node, "sectors", keys, TD_N_OF(keys), &run))
        return false;
    flash->runs[i].count = (uint16_t)run.count;
    flash->runs[i].sector_size = run.size;
    flash->n_runs = (uint8_t)(i + 1);
    return true;
}

static bool read_runs(struct reading *r, yaml_node_t *node, void *dst)
{
    return td_profile_list(r, node, "sectors", SIM_RUNS_MAX, read_run, dst);
}

static bool read_torn(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice choices[] = { { "unstable", 0 }, { "read-error", 1 }, { NULL, 0 } };
    unsigned value;

    if (!td_profile_choose(r, node, "torn_word", choices, &value))
        return false;
    *(bool *)dst = value == 1;
    return true;
}

static bool read_timing(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct key keys[] = {
        { "erase_us", false, KIND_NUMBER, AT(struct sim_flash, erase_us), 0, 60000000, NULL, NULL },
        { "program_us", false, KIND_NUMBER, AT(struct sim_flash, program_us), 0, 1000000, NULL,
          NULL },
        { "read_us_per_kb", true, KIND_NUMBER, AT(struct sim_flash, read_us_per_kb), 0, 1000000,
          NULL, NULL },
    };

    return td_profile_map(r, node, "timing", keys, TD_N_OF(keys), dst);
}

static bool read_flash(struct reading *r, yaml_node_t *node, size_t i, void *dst)
{
    static const struct key keys[] = {
        { "name", false, KIND_TEXT, AT(struct sim_flash, name), 0, 0, NULL, NULL },
        { "address", true, KIND_NUMBER, AT(struct sim_flash, address), 0, UINT32_MAX, NULL, NULL },
        { "size", false, KIND_NUMBER, AT(struct sim_flash, size), 1, 1u << 28, NULL, NULL },
        { "sectors", false, KIND_OTHER, 0, 0, 0, 0, NULL, read_runs },
        { "write_size", false, KIND_NUMBER, AT(struct sim_flash, write_size), 1, 32, NULL, NULL },
        { "erased", true, KIND_NUMBER, AT(struct sim_flash, erased), 0, 255, NULL, NULL },
        { "writes_per_word", true, KIND_NUMBER, AT(struct sim_flash, budget), 0, 255, NULL, NULL },
        { "torn_word", true, KIND_OTHER, AT(struct sim_flash, ecc_error), 0, 0, NULL, read_torn },
        { "timing", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_timing },
    };
    struct sim_profile *p = dst;
    struct sim_flash *flash = &p->flash[i];

    flash->erased = 0xff;
    flash->budget = 1;
    p->n_flash = (uint8_t)(i + 1);
    if (!td_profile_map(r, node, "flash", keys, TD_N_OF(keys), flash))
        return false;
    if (flash->erased != 0 && flash->erased != 0xff)
        return td_profile_fail(r, node, "allowed: 0x00, 0xff",
                               "flash: erased: %u is no erased value", flash->erased);
    return true;
}

static bool read_flashes(struct reading *r, yaml_node_t *node, void *dst)
{
    return td_profile_list(r, node, "flash", SIM_FLASHES_MAX, read_flash, dst);
}

/* partitions */

struct part_text {
    char flash[SIM_NAME_MAX + 1];
    uint32_t offset, size;
};

static bool read_part(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct key keys[] = {
        { "flash", true, KIND_TEXT, AT(struct part_text, flash), 0, 0, NULL, NULL },
        { "offset", false, KIND_NUMBER, AT(struct part_text, offset), 0, 1u << 28, NULL, NULL },
        { "size", false, KIND_NUMBER, AT(struct part_text, size), 1, 1u << 28, NULL, NULL },
    };
    struct sim_partition *part = dst;
    const enum sim_part which = (enum sim_part)(part - r->p->part);
    struct part_text text = { .offset = 0 };

    if (!td_profile_map(r, node, sim_part_name(which), keys, TD_N_OF(keys), &text))
        return false;
    memcpy(r->flash_of[which], text.flash, sizeof text.flash);
    r->line_of[which] = td_profile_line(node);
    part->off = text.offset;
    part->size = text.size;
    return true;
}

#define PART(name, which)                                                                          \
    {                                                                                              \
        name, true, KIND_OTHER, (which) * sizeof(struct sim_partition), 0, 0, 0, NULL, read_part   \
    }

static bool read_parts(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct key keys[] = {
        PART("boot", SIM_PART_BOOT),
        PART("primary", SIM_PART_PRIMARY),
        PART("secondary", SIM_PART_SECONDARY),
        PART("scratch", SIM_PART_SCRATCH),
        PART("storage", SIM_PART_STORAGE),
        PART("boot_log", SIM_PART_BOOT_LOG),
        PART("primary_1", SIM_PART_PRIMARY_1),
        PART("secondary_1", SIM_PART_SECONDARY_1),
        PART("counters", SIM_PART_COUNTERS),
        PART("s0", SIM_PART_S0),
        PART("s1", SIM_PART_S1),
        PART("provision", SIM_PART_PROVISION),
        PART("net_boot", SIM_PART_NET_BOOT),
        PART("net_provision", SIM_PART_NET_PROVISION),
        PART("net_app", SIM_PART_NET_APP),
        PART("netcore_good", SIM_PART_NETCORE_GOOD),
    };

    (void)dst;
    return td_profile_map(r, node, "partitions", keys, TD_N_OF(keys), r->p->part);
}

/* Partitions may stand before the flash that they name, so names are looked up last. */
static bool resolve_parts(struct reading *r)
{
    for (unsigned which = 0; which < SIM_PART_COUNT; which++) {
        const char *name = r->flash_of[which];
        uint8_t i = 0;

        if (r->p->part[which].size == 0 || name[0] == '\0')
            continue;
        while (i < r->p->n_flash && strcmp(r->p->flash[i].name, name) != 0)
            i++;
        if (i == r->p->n_flash)
            return td_profile_fail_line(r, r->line_of[which], "name one that stands under flash:",
                                        "the partition names a flash that does not exist");
        r->p->part[which].flash = i;
    }
    return true;
}

/* application */

static bool read_application(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice confirms[] = {
        { "when-told", SIM_CONFIRMS_WHEN_TOLD },
        { "itself", SIM_CONFIRMS_ITSELF },
        { NULL, 0 },
    };
    static const struct key keys[] = {
        { "confirms", true, KIND_CHOICE, AT(struct sim_profile, confirms), 0, 0, confirms, NULL },
    };

    return td_profile_map(r, node, "application", keys, TD_N_OF(keys), dst);
}

static const struct key top_keys[] = {
    { "name", false, KIND_TEXT, AT(struct sim_profile, name), 0, 0, NULL, NULL },
    { "board", true, KIND_TEXT, AT(struct sim_profile, board), 0, 0, NULL, NULL },
    { "flash", false, KIND_OTHER, 0, 0, 0, 0, NULL, read_flashes },
    { "partitions", false, KIND_OTHER, 0, 0, 0, 0, NULL, read_parts },
    { "boot", false, KIND_OTHER, 0, 0, 0, 0, NULL, td_profile_read_boot },
    { "recovery", true, KIND_OTHER, 0, 0, 0, 0, NULL, td_profile_read_recovery },
    { "first_stage", true, KIND_OTHER, 0, 0, 0, 0, NULL, td_profile_read_first },
    { "network_core", true, KIND_OTHER, 0, 0, 0, 0, NULL, td_profile_read_net },
    { "server", false, KIND_OTHER, 0, 0, 0, 0, NULL, td_profile_read_server },
    { "application", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_application },
    { "watchdog_ms", true, KIND_NUMBER, AT(struct sim_profile, watchdog_ms), 0, 600000, NULL,
      NULL },
};

/* As Zephyr builds choose it: the number of sectors in the slot that has more of them. */
static void set_auto_sectors(struct sim_profile *p)
{
    uint32_t a = sim_profile_sectors(p, SIM_PART_PRIMARY);
    uint32_t b = sim_profile_sectors(p, SIM_PART_SECONDARY);

    p->boot.max_sectors = (uint16_t)td_min_u32(td_max_u32(a, b), UINT16_MAX);
}

static bool check_whole(struct reading *r, size_t line)
{
    struct sim_profile_fault found;

    if (!resolve_parts(r))
        return false;
    if (r->auto_sectors)
        set_auto_sectors(r->p);
    if (r->p->boot.sig != TD_SIG_NONE && r->p->boot.n_keys == 0)
        return td_profile_fail_line(r, r->sig_line, "add keys: [ FILE.pem ]",
                                    "signature: signatures are wanted, but there are no keys");
    if (sim_profile_check(r->p, &found))
        return true;
    if (found.part < SIM_PART_COUNT)
        line = r->line_of[found.part];
    return td_profile_fail_line(r, line, "correct the profile", found.text);
}

static void set_defaults(struct sim_profile *p)
{
    memset(p, 0, sizeof *p);
    p->boot.max_align = 8;
    p->server.buf_size = 384;
    p->server.buf_count = 4;
    p->server.reset_delay_ms = 250;
}

static bool read_document(struct reading *r)
{
    yaml_node_t *root = yaml_document_get_root_node(r->doc);

    if (root == NULL)
        return td_profile_fail_line(r, 1, "docs/spec/profiles.md says what stands in a profile",
                                    "the profile is empty");
    return td_profile_map(r, root, "profile", top_keys, TD_N_OF(top_keys), r->p) &&
           check_whole(r, td_profile_line(root));
}

bool td_profile_parse(const char *yaml, size_t len, const char *file, struct sim_profile *p,
                      struct td_desk_fault *fault)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    struct reading r = {
        .file = file,
        .doc = &doc,
        .p = p,
        .fault = fault,
        .auto_sectors = true,
    };
    bool ok;

    set_defaults(p);
    if (!yaml_parser_initialize(&parser))
        return td_desk_fail(fault, file, "free some memory", "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, len);
    if (!yaml_parser_load(&parser, &doc)) {
        char what[160];

        (void)snprintf(what, sizeof what, "not YAML: %s",
                       parser.problem != NULL ? parser.problem : "out of memory");
        ok = td_profile_fail_line(&r, parser.problem_mark.line + 1, "correct the line", what);
        yaml_parser_delete(&parser);
        return ok;
    }
    ok = read_document(&r);
    yaml_document_delete(&doc);
    yaml_parser_delete(&parser);
    return ok;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool no_such_name(const char *name, struct td_desk_fault *fault)
{
    char list[240] = "";
    char remedy[300];

    for (const struct td_builtin_file *f = td_builtin_files; f->name != NULL; f++) {
        char stem[SIM_NAME_MAX + 1];

        if (!ends_with(f->name, ".yml") || strlen(f->name) - 4 > SIM_NAME_MAX)
            continue;
        (void)snprintf(stem, sizeof stem, "%.*s", (int)(strlen(f->name) - 4), f->name);
        td_profile_list_add(list, sizeof list, stem);
    }
    (void)snprintf(remedy, sizeof remedy, "built in are %s; or give the path of a .yml file", list);
    return td_desk_fail(fault, "", remedy, "there is no profile named '%s'", name);
}

static bool load_file(const char *path, struct sim_profile *p, struct td_desk_fault *fault)
{
    FILE *in = fopen(path, "rb");
    char *text;
    size_t len;
    bool ok;

    if (in == NULL)
        return td_desk_fail(fault, path, "check the path", "the profile cannot be read: %s",
                            strerror(errno));
    text = malloc(FILE_MAX);
    len = text == NULL ? 0 : fread(text, 1, FILE_MAX, in);
    if (text == NULL || ferror(in))
        ok = td_desk_fail(fault, path, "check the path", "the profile cannot be read: %s",
                          strerror(errno));
    else if (len == FILE_MAX)
        ok = td_desk_fail(fault, path, "check the path", "the file is too long for a profile");
    else
        ok = td_profile_parse(text, len, path, p, fault);
    free(text);
    fclose(in);
    return ok;
}

bool td_profile_load(const char *name, struct sim_profile *p, struct td_desk_fault *fault)
{
    char file[128];
    const struct td_builtin_file *f;

    (void)snprintf(file, sizeof file, "%s.yml", name);
    f = td_profile_builtin(file);
    if (f != NULL) {
        (void)snprintf(file, sizeof file, BUILTIN_PREFIX "%s", f->name);
        return td_profile_parse((const char *)f->bytes, f->len, file, p, fault);
    }
    if (strchr(name, '/') == NULL && !ends_with(name, ".yml") && !ends_with(name, ".yaml"))
        return no_such_name(name, fault);
    return load_file(name, p, fault);
}

bool td_profile_set_keys(struct sim_profile *p, const char *const *paths, size_t n_paths,
                         struct td_desk_fault *fault)
{
    const char *why;

    if (n_paths > SIM_KEYS_MAX)
        return td_desk_fail(fault, "", "leave some out", "more than %d keys", SIM_KEYS_MAX);
    p->boot.n_keys = 0;
    for (size_t i = 0; i < n_paths; i++) {
        if (!td_profile_add_key(p, paths[i], &why))
            return td_desk_fail(fault, paths[i], "give a PEM file with a private or public key",
                                "the key cannot be used: %s", why);
    }
    return true;
}
