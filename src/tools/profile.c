/*
 * tools/profile.c - the YAML of a profile, key by key.
 *
 * Each mapping has a table of the keys that may stand in it. A row says what kind of value is
 * wanted and where it goes, so that messages about unknown keys, missing keys and wrong
 * values come from the tables and cannot forget a key.
 */
#include "tools/profile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/range.h"
#include "keys/keys.h"

#define FILE_MAX (256u * 1024)

struct reading {
    const char *file;
    yaml_document_t *doc;
    struct sim_profile *p;
    struct td_desk_fault *fault;
    char flash_of[SIM_PART_COUNT][SIM_NAME_MAX + 1]; /* as written; resolved at the end */
    size_t line_of[SIM_PART_COUNT];
    bool auto_sectors;
    bool sig_given;
    size_t sig_line;
    size_t boot_line;
};

struct choice {
    const char *name;
    unsigned value;
};

enum kind { KIND_NUMBER, KIND_TEXT, KIND_CHOICE, KIND_OTHER };

struct key {
    const char *name;
    bool optional;
    enum kind kind;
    /* NUMBER: an unsigned of size bytes at offset; TEXT: an array of size; CHOICE: an enum. */
    size_t offset, size;
    uint32_t min, max;
    const struct choice *choices; /* ends with a NULL name */
    bool (*read)(struct reading *r, yaml_node_t *node, void *dst);
};

#define AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)

static bool fail_line(struct reading *r, size_t line, const char *remedy, const char *what)
{
    char where[sizeof r->fault->where];

    (void)snprintf(where, sizeof where, "%s:%zu", r->file, line);
    return td_desk_fail(r->fault, where, remedy, "%s", what);
}

static size_t line_of(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

static bool fail_at(struct reading *r, const yaml_node_t *node, const char *remedy, const char *fmt,
                    ...) __attribute__((format(printf, 4, 5)));

static bool fail_at(struct reading *r, const yaml_node_t *node, const char *remedy, const char *fmt,
                    ...)
{
    char what[sizeof r->fault->what];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return fail_line(r, line_of(node), remedy, what);
}

static const char *scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* Appends to a sentence of names; what does not fit is left out. */
static void list_add(char *list, size_t cap, const char *name)
{
    size_t len = strlen(list);

    (void)snprintf(list + len, cap - len, "%s%s", len == 0 ? "" : ", ", name);
}

static void allowed_choices(const struct choice *choices, char *out, size_t cap)
{
    char list[240] = "";

    for (; choices->name != NULL; choices++)
        list_add(list, sizeof list, choices->name);
    (void)snprintf(out, cap, "allowed: %s", list);
}

static bool number_of(const char *text, uint32_t *out)
{
    char *end;
    unsigned long long value;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    value = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
    if (errno != 0 || *end != '\0' || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool read_number(struct reading *r, yaml_node_t *node, const struct key *key, void *dst)
{
    uint32_t value;
    char allowed[80];

    (void)snprintf(allowed, sizeof allowed, "allowed: %lu to %lu, decimal or 0x and hexadecimal",
                   (unsigned long)key->min, (unsigned long)key->max);
    if (!number_of(scalar(node), &value))
        return fail_at(r, node, allowed, "%s: a number is wanted", key->name);
    if (value < key->min || value > key->max)
        return fail_at(r, node, allowed, "%s: %lu is out of range", key->name,
                       (unsigned long)value);
    if (key->size == 1)
        *(uint8_t *)dst = (uint8_t)value;
    else if (key->size == 2)
        *(uint16_t *)dst = (uint16_t)value;
    else
        *(uint32_t *)dst = value;
    return true;
}

static bool read_text(struct reading *r, yaml_node_t *node, const struct key *key, void *dst)
{
    const char *text = scalar(node);

    if (text == NULL || text[0] == '\0' || strlen(text) >= key->size)
        return fail_at(r, node, "shorten it", "%s: a text of 1 to %zu characters is wanted",
                       key->name, key->size - 1);
    memcpy(dst, text, strlen(text) + 1);
    return true;
}

static bool choose(struct reading *r, yaml_node_t *node, const char *name,
                   const struct choice *choices, unsigned *out)
{
    const char *text = scalar(node);
    char allowed[280];

    for (const struct choice *c = choices; text != NULL && c->name != NULL; c++) {
        if (strcmp(c->name, text) == 0) {
            *out = c->value;
            return true;
        }
    }
    allowed_choices(choices, allowed, sizeof allowed);
    return fail_at(r, node, allowed, "%s: '%s' is not one of its values", name,
                   text == NULL ? "(not a word)" : text);
}

static bool read_choice(struct reading *r, yaml_node_t *node, const struct key *key, void *dst)
{
    unsigned value;

    if (!choose(r, node, key->name, key->choices, &value))
        return false;
    if (key->size == 1)
        *(uint8_t *)dst = (uint8_t)value;
    else
        memcpy(dst, &value, sizeof value);
    return true;
}

static bool read_value(struct reading *r, yaml_node_t *node, const struct key *key, void *base)
{
    void *dst = (char *)base + key->offset;

    switch (key->kind) {
    case KIND_NUMBER: return read_number(r, node, key, dst);
    case KIND_TEXT: return read_text(r, node, key, dst);
    case KIND_CHOICE: return read_choice(r, node, key, dst);
    case KIND_OTHER: return key->read(r, node, dst);
    }
    return false;
}

static const struct key *find_key(const struct key *keys, size_t n_keys, const char *name)
{
    for (size_t i = 0; i < n_keys; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

static bool unknown_key(struct reading *r, const yaml_node_t *node, const struct key *keys,
                        size_t n_keys, const char *what)
{
    char list[240] = "";
    char remedy[280];

    for (size_t i = 0; i < n_keys; i++)
        list_add(list, sizeof list, keys[i].name);
    (void)snprintf(remedy, sizeof remedy, "allowed: %s", list);
    return fail_at(r, node, remedy, "%s: unknown key '%s'", what,
                   scalar(node) == NULL ? "(not a word)" : scalar(node));
}

/* Reads a mapping by its table; base is what the table's offsets count from. */
static bool read_map(struct reading *r, yaml_node_t *node, const char *what, const struct key *keys,
                     size_t n_keys, void *base)
{
    uint32_t seen = 0;

    if (node->type != YAML_MAPPING_NODE)
        return fail_at(r, node, "write it as key: value", "%s: a mapping is wanted", what);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = yaml_document_get_node(r->doc, pair->key);
        yaml_node_t *value = yaml_document_get_node(r->doc, pair->value);
        const struct key *key = scalar(name) ? find_key(keys, n_keys, scalar(name)) : NULL;

        if (key == NULL)
            return unknown_key(r, name, keys, n_keys, what);
        if ((seen & (1u << (key - keys))) != 0)
            return fail_at(r, name, "keep one of the two", "%s: '%s' stands here twice", what,
                           key->name);
        seen |= 1u << (key - keys);
        if (!read_value(r, value, key, base))
            return false;
    }
    for (size_t i = 0; i < n_keys; i++) {
        if (!keys[i].optional && (seen & (1u << i)) == 0)
            return fail_at(r, node, "docs/spec/profiles.md says what it means",
                           "%s: '%s' is missing", what, keys[i].name);
    }
    return true;
}

/* The items of a list one after the other, at most max of them. */
static bool read_list(struct reading *r, yaml_node_t *node, const char *what, size_t max,
                      bool (*item)(struct reading *r, yaml_node_t *node, size_t i, void *dst),
                      void *dst)
{
    size_t n = 0;

    if (node->type != YAML_SEQUENCE_NODE)
        return fail_at(r, node, "write it as a list: [ a, b ]", "%s: a list is wanted", what);
    for (yaml_node_item_t *it = node->data.sequence.items.start; it < node->data.sequence.items.top;
         it++, n++) {
        yaml_node_t *one = yaml_document_get_node(r->doc, *it);

        if (n == max)
            return fail_at(r, one, "leave some out", "%s: more than %zu", what, max);
        if (!item(r, one, n, dst))
            return false;
    }
    return true;
}

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

    if (!read_map(r, node, "sectors", keys, TD_N_OF(keys), &run))
        return false;
    flash->runs[i].count = (uint16_t)run.count;
    flash->runs[i].sector_size = run.size;
    flash->n_runs = (uint8_t)(i + 1);
    return true;
}

static bool read_runs(struct reading *r, yaml_node_t *node, void *dst)
{
    return read_list(r, node, "sectors", SIM_RUNS_MAX, read_run, dst);
}

static bool read_torn(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice choices[] = { { "unstable", 0 }, { "read-error", 1 }, { NULL, 0 } };
    unsigned value;

    if (!choose(r, node, "torn_word", choices, &value))
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

    return read_map(r, node, "timing", keys, TD_N_OF(keys), dst);
}

static bool read_flash(struct reading *r, yaml_node_t *node, size_t i, void *dst)
{
    static const struct key keys[] = {
        { "name", false, KIND_TEXT, AT(struct sim_flash, name), 0, 0, NULL, NULL },
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
    if (!read_map(r, node, "flash", keys, TD_N_OF(keys), flash))
        return false;
    if (flash->erased != 0 && flash->erased != 0xff)
        return fail_at(r, node, "allowed: 0x00, 0xff", "flash: erased: %u is no erased value",
                       flash->erased);
    return true;
}

static bool read_flashes(struct reading *r, yaml_node_t *node, void *dst)
{
    return read_list(r, node, "flash", SIM_FLASHES_MAX, read_flash, dst);
}

/* partitions */

struct part_text {
    char flash[SIM_NAME_MAX + 1];
    uint32_t offset, size;
};

static bool read_part(struct reading *r, yaml_node_t *node, enum sim_part which)
{
    static const struct key keys[] = {
        { "flash", true, KIND_TEXT, AT(struct part_text, flash), 0, 0, NULL, NULL },
        { "offset", false, KIND_NUMBER, AT(struct part_text, offset), 0, 1u << 28, NULL, NULL },
        { "size", false, KIND_NUMBER, AT(struct part_text, size), 1, 1u << 28, NULL, NULL },
    };
    struct part_text text = { .offset = 0 };

    if (!read_map(r, node, sim_part_name(which), keys, TD_N_OF(keys), &text))
        return false;
    memcpy(r->flash_of[which], text.flash, sizeof text.flash);
    r->line_of[which] = line_of(node);
    r->p->part[which].off = text.offset;
    r->p->part[which].size = text.size;
    return true;
}

#define PART_READER(name, which)                                                                   \
    static bool name(struct reading *r, yaml_node_t *node, void *dst)                              \
    {                                                                                              \
        (void)dst;                                                                                 \
        return read_part(r, node, which);                                                          \
    }

PART_READER(read_part_boot, SIM_PART_BOOT)
PART_READER(read_part_primary, SIM_PART_PRIMARY)
PART_READER(read_part_secondary, SIM_PART_SECONDARY)
PART_READER(read_part_scratch, SIM_PART_SCRATCH)
PART_READER(read_part_storage, SIM_PART_STORAGE)
PART_READER(read_part_boot_log, SIM_PART_BOOT_LOG)

static bool read_parts(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct key keys[] = {
        { "boot", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_part_boot },
        { "primary", false, KIND_OTHER, 0, 0, 0, 0, NULL, read_part_primary },
        { "secondary", false, KIND_OTHER, 0, 0, 0, 0, NULL, read_part_secondary },
        { "scratch", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_part_scratch },
        { "storage", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_part_storage },
        { "boot_log", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_part_boot_log },
    };

    return read_map(r, node, "partitions", keys, TD_N_OF(keys), dst);
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
            return fail_line(r, r->line_of[which], "name one that stands under flash:",
                             "the partition names a flash that does not exist");
        r->p->part[which].flash = i;
    }
    return true;
}

/* boot */

static const struct choice yes_no[] = { { "true", 1 }, { "false", 0 }, { NULL, 0 } };

static bool read_max_sectors(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct key key = { "max_sectors", false, KIND_NUMBER, 0, 2, 1, 65535, NULL, NULL };

    if (scalar(node) != NULL && strcmp(scalar(node), "auto") == 0) {
        r->auto_sectors = true;
        return true;
    }
    r->auto_sectors = false;
    return read_number(r, node, &key, dst);
}

static bool read_sig(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice choices[] = {
        { "none", TD_SIG_NONE },       { "rsa", TD_SIG_RSA }, { "ecdsa-p256", TD_SIG_ECDSA_P256 },
        { "ed25519", TD_SIG_ED25519 }, { NULL, 0 },
    };
    unsigned value;

    (void)dst;
    if (!choose(r, node, "signature", choices, &value))
        return false;
    r->p->boot.sig = (enum td_sig_id)value;
    r->sig_given = true;
    r->sig_line = line_of(node);
    return true;
}

/* keys */

static bool is_absolute(const char *path)
{
    return path[0] == '/';
}

/* path as it stands in the file r->file, seen from where the program runs. */
static void beside(const char *file, const char *path, char *out, size_t cap)
{
    const char *slash = strrchr(file, '/');

    if (is_absolute(path) || slash == NULL)
        (void)snprintf(out, cap, "%s", path);
    else
        (void)snprintf(out, cap, "%.*s%s", (int)(slash - file + 1), file, path);
}

static const struct td_builtin_file *builtin(const char *name)
{
    for (const struct td_builtin_file *f = td_builtin_files; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

/* Built-in profiles are parsed under this name, and their keys are built in as well. */
#define BUILTIN_PREFIX "built-in:"

static enum td_err load_key(const char *path, struct td_key **key)
{
    const size_t prefix = strlen(BUILTIN_PREFIX);
    const struct td_builtin_file *f;

    if (strncmp(path, BUILTIN_PREFIX, prefix) != 0)
        return td_key_load(path, NULL, key);
    f = builtin(path + prefix);
    return f == NULL ? TD_ENOTFOUND : td_key_parse(f->bytes, f->len, path, NULL, key);
}

/* Adds one key; false with the reason as a sentence. */
static bool add_key(struct sim_profile *p, const char *path, const char **why)
{
    struct td_key *key;
    const struct td_sig_alg *alg;
    struct sim_key *slot = &p->boot.key[p->boot.n_keys];
    size_t len = 0;
    enum td_err err = load_key(path, &key);

    if (err == TD_OK) {
        alg = td_key_sig_alg(key);
        if (alg == NULL)
            err = TD_EUNSUPPORTED;
        else
            err = td_key_public_der(key, slot->der, sizeof slot->der, &len);
        td_key_free(key);
    }
    if (err != TD_OK) {
        *why = td_strerror(err);
        return false;
    }
    if (p->boot.n_keys > 0 && (alg->id != p->boot.sig || len != p->boot.key[0].len)) {
        *why = "it is of another type than the keys before it";
        return false;
    }
    slot->len = (uint16_t)len;
    p->boot.sig = alg->id;
    p->boot.n_keys++;
    return true;
}

static bool read_key(struct reading *r, yaml_node_t *node, size_t i, void *dst)
{
    char path[512];
    const char *why;

    (void)i;
    (void)dst;
    if (scalar(node) == NULL)
        return fail_at(r, node, "name a PEM file", "keys: a path is wanted");
    if (strncmp(r->file, BUILTIN_PREFIX, strlen(BUILTIN_PREFIX)) == 0)
        (void)snprintf(path, sizeof path, BUILTIN_PREFIX "%s", scalar(node));
    else
        beside(r->file, scalar(node), path, sizeof path);
    if (!add_key(r->p, path, &why))
        return fail_at(r, node, "keys are PEM files, relative to the profile", "key %s: %s", path,
                       why);
    return true;
}

static bool read_keys(struct reading *r, yaml_node_t *node, void *dst)
{
    enum td_sig_id wanted = r->p->boot.sig;
    bool ok = read_list(r, node, "keys", SIM_KEYS_MAX, read_key, dst);

    if (r->sig_given && ok && r->p->boot.n_keys > 0 && r->p->boot.sig != wanted)
        return fail_at(r, node, "leave signature out, or name keys of that type",
                       "keys: they are of another type than signature says");
    return ok;
}

static bool read_boot(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice manners[] = {
        { "tandem", SIM_BEHAVES_TANDEM },
        { "mcuboot", SIM_BEHAVES_MCUBOOT },
        { NULL, 0 },
    };
    static const struct choice strategies[] = {
        { "swap-move", TD_MODE_MOVE },
        { "overwrite", TD_MODE_OVERWRITE },
        { NULL, 0 },
    };
    static const struct key keys[] = {
        { "behaves_as", true, KIND_CHOICE, AT(struct sim_profile, boot.manner), 0, 0, manners,
          NULL },
        { "strategy", false, KIND_CHOICE, AT(struct sim_profile, boot.strategy), 0, 0, strategies,
          NULL },
        { "max_align", true, KIND_NUMBER, AT(struct sim_profile, boot.max_align), 8, 32, NULL,
          NULL },
        { "max_sectors", true, KIND_OTHER, AT(struct sim_profile, boot.max_sectors), 0, 0, NULL,
          read_max_sectors },
        { "signature", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_sig },
        { "keys", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_keys },
        { "downgrade_prevention", true, KIND_CHOICE,
          AT(struct sim_profile, boot.downgrade_prevention), 0, 0, yes_no, NULL },
    };

    r->boot_line = line_of(node);
    return read_map(r, node, "boot", keys, TD_N_OF(keys), dst);
}

/* server and application */

static bool read_group(struct reading *r, yaml_node_t *node, size_t i, void *dst)
{
    static const struct choice groups[] = {
        { "os", SIM_GROUP_OS },
        { "image", SIM_GROUP_IMAGE },
        { "basic", SIM_GROUP_BASIC },
        { "tandem", SIM_GROUP_TANDEM },
        { NULL, 0 },
    };
    unsigned value;

    (void)i;
    if (!choose(r, node, "groups", groups, &value))
        return false;
    *(uint8_t *)dst = (uint8_t)(*(uint8_t *)dst | value);
    return true;
}

static bool read_groups(struct reading *r, yaml_node_t *node, void *dst)
{
    *(uint8_t *)dst = 0;
    return read_list(r, node, "groups", 8, read_group, dst);
}

static bool read_server(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice manners[] = {
        { "tandem", SIM_BEHAVES_TANDEM },
        { "zephyr-4", SIM_BEHAVES_ZEPHYR_4 },
        { "zephyr-3.3", SIM_BEHAVES_ZEPHYR_3_3 },
        { NULL, 0 },
    };
    static const struct choice access[] = {
        { "open", SIM_ACCESS_OPEN },
        { "locked", SIM_ACCESS_LOCKED },
        { NULL, 0 },
    };
    static const struct key keys[] = {
        { "behaves_as", true, KIND_CHOICE, AT(struct sim_profile, server.manner), 0, 0, manners,
          NULL },
        { "groups", false, KIND_OTHER, AT(struct sim_profile, server.groups), 0, 0, NULL,
          read_groups },
        { "access", true, KIND_CHOICE, AT(struct sim_profile, server.access), 0, 0, access, NULL },
        { "buf_size", true, KIND_NUMBER, AT(struct sim_profile, server.buf_size), 64, 16384, NULL,
          NULL },
        { "buf_count", true, KIND_NUMBER, AT(struct sim_profile, server.buf_count), 1, 64, NULL,
          NULL },
        { "reset_delay_ms", true, KIND_NUMBER, AT(struct sim_profile, server.reset_delay_ms), 0,
          60000, NULL, NULL },
    };

    return read_map(r, node, "server", keys, TD_N_OF(keys), dst);
}

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

    return read_map(r, node, "application", keys, TD_N_OF(keys), dst);
}

static const struct key top_keys[] = {
    { "name", false, KIND_TEXT, AT(struct sim_profile, name), 0, 0, NULL, NULL },
    { "board", true, KIND_TEXT, AT(struct sim_profile, board), 0, 0, NULL, NULL },
    { "flash", false, KIND_OTHER, 0, 0, 0, 0, NULL, read_flashes },
    { "partitions", false, KIND_OTHER, 0, 0, 0, 0, NULL, read_parts },
    { "boot", false, KIND_OTHER, 0, 0, 0, 0, NULL, read_boot },
    { "server", false, KIND_OTHER, 0, 0, 0, 0, NULL, read_server },
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
        return fail_line(r, r->sig_line, "add keys: [ FILE.pem ]",
                         "signature: signatures are wanted, but there are no keys");
    if (sim_profile_check(r->p, &found))
        return true;
    if (found.part < SIM_PART_COUNT)
        line = r->line_of[found.part];
    return fail_line(r, line, "correct the profile", found.text);
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
        return fail_line(r, 1, "docs/spec/profiles.md says what stands in a profile",
                         "the profile is empty");
    return read_map(r, root, "profile", top_keys, TD_N_OF(top_keys), r->p) &&
           check_whole(r, line_of(root));
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
        ok = fail_line(&r, parser.problem_mark.line + 1, "correct the line", what);
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
        list_add(list, sizeof list, stem);
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
    f = builtin(file);
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
        if (!add_key(p, paths[i], &why))
            return td_desk_fail(fault, paths[i], "give a PEM file with a private or public key",
                                "the key cannot be used: %s", why);
    }
    return true;
}
