/*
 * tools/package_make.c - what is written is read back by the reader, and refused by its rules.
 */
#include "tools/package_make.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <zip.h>

#include "tools/imagefile.h"
#include "tools/package_priv.h"

/* ---- the files ---------------------------------------------------------------------- */

/* The name without folders; a hex file goes in as the binary that it describes. */
static void member_name(const char *path, char *out, size_t cap)
{
    const char *slash = strrchr(path, '/');
    size_t len;

    snprintf(out, cap, "%s", slash != NULL ? slash + 1 : path);
    len = strlen(out);
    if (td_file_is_hex(out))
        memcpy(out + len - 4, ".bin", 4);
}

bool td_package_text_fits(const char *text)
{
    json_t *json = json_string(text);

    json_decref(json);
    return json != NULL;
}

/* What is neither image nor made for a first stage is said as an image's fault. */
static int check_image(struct td_cli *cli, const char *path)
{
    struct td_image_file f;
    int exit = td_image_file_open(cli, path, false, &f);

    td_image_file_close(&f);
    return exit;
}

static int read_member(struct td_cli *cli, const struct td_package_file *from, struct td_package *p)
{
    char name[sizeof p->at[0].name];
    struct td_member *m;
    struct td_disk_file file;
    int exit;

    member_name(from->path, name, sizeof name);
    if (!td_package_text_fits(name))
        return td_cli_fail(cli, TD_EXIT_USAGE, "name-not-utf8",
                           "the file's name is no UTF-8, and a manifest holds nothing else",
                           from->path, "rename it");
    if (td_package_find(p, name) != NULL)
        return td_cli_fail(cli, TD_EXIT_USAGE, "name-twice",
                           "two files would have the same name in the package", from->path,
                           "a package has no folders: rename one of them");
    exit = td_file_read(cli, from->path, &file);
    if (exit != TD_EXIT_OK)
        return exit;
    m = td_package_add(p, name);
    if (m == NULL) {
        td_file_free(&file);
        return td_cli_usagef(cli, "a package has at most %d files", TD_PACKAGE_MEMBERS);
    }
    m->present = m->in_manifest = true;
    m->bytes = file.bytes;
    m->size = file.size;
    td_package_look(m);
    return m->is_image || !td_nsib_is_signed(&m->nsib) ? check_image(cli, from->path) : exit;
}

/* Where it lies when it runs: as was said, or as the file itself tells. */
static int64_t address_of(const struct td_package_file *from, const struct td_member *m)
{
    const struct td_image_header *hdr = &m->image.image.hdr;

    if (from->load_address != TD_PACKAGE_NOT_SAID)
        return from->load_address;
    // The firmware of a second stage begins behind the header that wraps it.
    if (m->nsib.found && td_nsib_is_signed(&m->nsib))
        return (int64_t)m->nsib.info.address - (m->is_image ? hdr->hdr_size : 0);
    if (m->is_image && (hdr->flags & (TD_IMAGE_F_ROM_FIXED | TD_IMAGE_F_RAM_LOAD)) != 0)
        return hdr->load_addr;
    return 0;
}

/* Two builds of a second stage, and nobody said which slot is whose: their addresses do. */
static void sort_variants(struct td_package_order *order, const struct td_package *p)
{
    for (size_t i = 0; i < order->n; i++) {
        for (size_t k = i + 1; k < order->n; k++) {
            struct td_package_file *a = &order->files[i], *b = &order->files[k];
            const struct td_nsib_found *na = &p->at[i].nsib, *nb = &p->at[k].nsib;

            if (a->image != b->image || a->slot >= 0 || b->slot >= 0 || !td_nsib_is_signed(na) ||
                !td_nsib_is_signed(nb) || na->info.address == nb->info.address)
                continue;
            a->slot = na->info.address < nb->info.address ? 0 : 1;
            b->slot = 1 - a->slot;
        }
    }
}

/* ---- the manifest ------------------------------------------------------------------- */

static void set_text(json_t *o, const char *key, const char *text)
{
    json_object_set_new(o, key, json_string(text));
}

static void set_decimal(json_t *o, const char *key, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)value);
    set_text(o, key, text);
}

static void set_versions(json_t *o, const struct td_package_file *from, const struct td_member *m)
{
    const struct td_version *v = &m->image.image.hdr.version;
    char text[40];

    snprintf(text, sizeof text, "%u.%u.%u+%u", v->major, v->minor, v->revision, v->build);
    // Readers know by this key that the device runs either slot where it lies.
    if (m->is_image)
        set_text(o,
                 from->slot >= 0 && !td_nsib_is_signed(&m->nsib) ? "version_MCUBOOT+XIP"
                                                                 : "version_MCUBOOT",
                 text);
    if (td_nsib_is_signed(&m->nsib))
        set_decimal(o, "version_B0", m->nsib.info.version);
}

static int64_t modified(const struct td_package_order *order, const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_mtime < order->time ? (int64_t)st.st_mtime : order->time;
}

static json_t *file_json(const struct td_package_order *order, const struct td_package_file *from,
                         const struct td_member *m)
{
    bool stage2 = m->is_image && td_nsib_is_signed(&m->nsib);
    json_t *o = json_object();

    set_text(o, "type", order->type != NULL ? order->type : stage2 ? "mcuboot" : "application");
    set_text(o, "board", order->board != NULL ? order->board : "");
    set_text(o, "soc", order->soc != NULL ? order->soc : "");
    json_object_set_new(o, "load_address", json_integer(address_of(from, m)));
    set_decimal(o, "image_index", from->image);
    if (from->slot >= 0) {
        set_decimal(o, "slot", 2 * from->image + from->slot);
    } else {
        set_decimal(o, "slot_index_primary", 2 * from->image + 1);
        set_decimal(o, "slot_index_secondary", 2 * from->image + 2);
    }
    set_versions(o, from, m);
    json_object_set_new(o, "size", json_integer(m->size));
    set_text(o, "file", m->name);
    json_object_set_new(o, "modtime", json_integer(modified(order, from->path)));
    return o;
}

static char *manifest_text(const struct td_package_order *order, const struct td_package *p)
{
    json_t *files = json_array();
    json_t *root =
        json_pack("{s:I, s:I, s:s*, s:o}", "format-version", (json_int_t)order->format_version,
                  "time", (json_int_t)order->time, "name", order->name, "files", files);
    char *text;

    for (size_t i = 0; i < order->n; i++)
        json_array_append_new(files, file_json(order, &order->files[i], &p->at[i]));
    text = json_dumps(root, JSON_INDENT(4) | JSON_ENSURE_ASCII);
    json_decref(root);
    return text;
}

/* ---- the archive -------------------------------------------------------------------- */

/* Clocks of zip archives know no zone: UTC, so that the same order gives the same bytes. */
static void set_time(zip_t *zip, zip_uint64_t index, int64_t when)
{
    time_t at = (time_t)when;
    struct tm tm;

    if (gmtime_r(&at, &tm) == NULL || tm.tm_year < 80)
        return;
    (void)zip_file_set_dostime(
        zip, index, (zip_uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2),
        (zip_uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday), 0);
}

/* Stored as they are, as builds do it: signed and encrypted bytes do not shrink much. */
static bool put(zip_t *zip, const char *name, const void *bytes, size_t len, int64_t when)
{
    zip_source_t *source = zip_source_buffer(zip, bytes, len, 0);
    zip_int64_t index;

    if (source == NULL)
        return false;
    index = zip_file_add(zip, name, source, ZIP_FL_ENC_GUESS);
    if (index < 0) {
        zip_source_free(source);
        return false;
    }
    set_time(zip, (zip_uint64_t)index, when);
    return zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0;
}

/* The bytes of a source that was written; NULL: no memory. */
static uint8_t *drain(zip_source_t *source, size_t *len)
{
    zip_stat_t st;
    uint8_t *bytes = NULL;

    if (zip_source_open(source) != 0)
        return NULL;
    if (zip_source_stat(source, &st) == 0 && (st.valid & ZIP_STAT_SIZE) != 0)
        bytes = malloc((size_t)st.size + 1);
    if (bytes != NULL && zip_source_read(source, bytes, st.size) != (zip_int64_t)st.size) {
        free(bytes);
        bytes = NULL;
    }
    zip_source_close(source);
    if (bytes != NULL)
        *len = (size_t)st.size;
    return bytes;
}

static uint8_t *archive(const struct td_package_order *order, const struct td_package *p,
                        const char *manifest, size_t *len)
{
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *zip = source == NULL ? NULL : zip_open_from_source(source, ZIP_TRUNCATE, NULL);
    uint8_t *bytes = NULL;
    bool good = zip != NULL;

    if (good)
        zip_source_keep(source);
    for (size_t i = 0; i < order->n && good; i++)
        good = put(zip, p->at[i].name, p->at[i].bytes, p->at[i].size,
                   modified(order, order->files[i].path));
    good = good && put(zip, "manifest.json", manifest, strlen(manifest), order->time);
    if (zip != NULL && (!good || zip_close(zip) != 0)) {
        zip_discard(zip);
        good = false;
    }
    if (good)
        bytes = drain(source, len);
    zip_source_free(source);
    return bytes;
}

/* ---- all of it ---------------------------------------------------------------------- */

static const char *remedy_of(const char *code)
{
    if (strcmp(code, "same-target") == 0)
        return "name the image of each file: 0=FILE 1=FILE; variants for two slots: 0.0=FILE "
               "0.1=FILE";
    return "give files of one build, each as the signer wrote it";
}

/* The finished package by the reader's own rules. */
static int judge(struct td_cli *cli, const struct td_package *p)
{
    for (size_t i = 0; i < p->n_issues; i++) {
        const struct td_package_issue *issue = &p->issues[i];

        if (issue->harm == TD_PACKAGE_ERROR)
            return td_cli_fail(cli, TD_EXIT_FILE, issue->code, issue->text,
                               issue->member < 0 ? "the package" : p->at[issue->member].name,
                               remedy_of(issue->code));
    }
    for (size_t i = 0; i < p->n_issues; i++)
        td_cli_note(cli, "%s: %s", td_package_harm_name(p->issues[i].harm), p->issues[i].text);
    return TD_EXIT_OK;
}

static int make(struct td_cli *cli, struct td_package_order *order, struct td_package *parts,
                uint8_t **bytes, size_t *len)
{
    char *manifest;
    int exit = TD_EXIT_OK;

    for (size_t i = 0; i < order->n && exit == TD_EXIT_OK; i++)
        exit = read_member(cli, &order->files[i], parts);
    if (exit != TD_EXIT_OK)
        return exit;
    sort_variants(order, parts);
    manifest = manifest_text(order, parts);
    *bytes = manifest == NULL ? NULL : archive(order, parts, manifest, len);
    free(manifest);
    if (*bytes == NULL)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory left", NULL, NULL);
    return TD_EXIT_OK;
}

int td_package_make(struct td_cli *cli, struct td_package_order *order, struct td_package *p,
                    uint8_t **bytes, size_t *len)
{
    struct td_package_fault fault = { .what = "there is not enough memory" };
    int exit;

    memset(p, 0, sizeof *p);
    *bytes = NULL;
    exit = make(cli, order, p, bytes, len);
    if (exit != TD_EXIT_OK)
        return exit;
    td_package_free(p);
    if (!td_package_read(p, *bytes, *len, TD_PACKAGE_LIMIT, &fault))
        exit =
            td_cli_fail(cli, TD_EXIT_FILE, "bad-package", fault.what, "the package", fault.remedy);
    return exit == TD_EXIT_OK ? judge(cli, p) : exit;
}
