/*
 * tools/package.c - opens the two forms; what a member unpacks to is bounded before it is read.
 */
#include "tools/package.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "base/bytes.h"
#include "base/range.h"
#include "cbor/cbor.h"
#include "tools/kind.h"
#include "tools/package_priv.h"

#define ENTRIES_MAX  256 /* that are looked at; a package has two to five */
#define MANIFEST_MAX (256u * 1024)

bool td_package_fail(struct td_package_fault *fault, const char *remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(fault->what, sizeof fault->what, format, args);
    va_end(args);
    snprintf(fault->remedy, sizeof fault->remedy, "%s", remedy);
    return false;
}

void td_package_issue(struct td_package *p, enum td_package_harm harm, const char *code, int member,
                      const char *format, ...)
{
    struct td_package_issue *issue;
    va_list args;

    if (p->n_issues == TD_PACKAGE_ISSUES)
        return;
    issue = &p->issues[p->n_issues++];
    issue->harm = harm;
    issue->code = code;
    issue->member = member;
    va_start(args, format);
    vsnprintf(issue->text, sizeof issue->text, format, args);
    va_end(args);
}

struct td_member *td_package_add(struct td_package *p, const char *name)
{
    struct td_member *m;

    if (p->n == TD_PACKAGE_MEMBERS) {
        td_package_issue(p, TD_PACKAGE_WARN, "too-many", -1,
                         "there are more than %d members; the others were not looked at",
                         TD_PACKAGE_MEMBERS);
        return NULL;
    }
    m = &p->at[p->n++];
    memset(m, 0, sizeof *m);
    // A name is shown to people, so what it may do to a terminal is taken out.
    for (size_t i = 0; i + 1 < sizeof m->name && name[i] != '\0'; i++)
        m->name[i] = (char)((unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i]);
    m->image_index = m->slot = m->load_address = m->size_said = -1;
    return m;
}

struct td_member *td_package_find(struct td_package *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strncmp(p->at[i].name, name, sizeof p->at[i].name - 1) == 0)
            return &p->at[i];
    return NULL;
}

const char *td_package_harm_name(enum td_package_harm harm)
{
    return harm == TD_PACKAGE_ERROR ? "error" : harm == TD_PACKAGE_WARN ? "warning" : "note";
}

void td_package_free(struct td_package *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->at[i].bytes);
    p->n = 0;
}

/* ---- zip ---------------------------------------------------------------------------- */

/* All of an entry, or as much as left allows and one byte more; NULL: it cannot be unpacked. */
static uint8_t *unpack(zip_t *zip, zip_uint64_t index, uint32_t left, size_t *len)
{
    zip_file_t *in = zip_fopen_index(zip, index, 0);
    size_t cap = 65536;
    uint8_t *buf = NULL;

    *len = 0;
    while (in != NULL) {
        uint8_t *more = realloc(buf, cap);
        zip_int64_t got;

        if (more == NULL)
            break;
        buf = more;
        got = zip_fread(in, buf + *len, cap - *len);
        if (got < 0)
            break;
        *len += (size_t)got;
        if (got == 0 || *len > left) {
            zip_fclose(in);
            return buf;
        }
        if (*len == cap)
            cap *= 2;
    }
    free(buf);
    if (in != NULL)
        zip_fclose(in);
    return NULL;
}

/* One entry into its member; returns the bytes that it took of the limit. */
static uint32_t take_entry(struct td_package *p, zip_t *zip, zip_uint64_t index, const char *name,
                           uint32_t left)
{
    struct td_member *m = td_package_find(p, name);
    size_t len;

    if (m != NULL) {
        td_package_issue(p, TD_PACKAGE_ERROR, "there-twice", (int)(m - p->at),
                         "the package holds %s twice: clients take one or the other", name);
        return 0;
    }
    m = td_package_add(p, name);
    if (m == NULL)
        return 0;
    m->present = true;
    m->bytes = unpack(zip, index, left, &len);
    if (m->bytes == NULL) {
        td_package_issue(p, TD_PACKAGE_ERROR, "not-unpacked", (int)(m - p->at),
                         "%s cannot be unpacked: its data are damaged, encrypted, or packed in a "
                         "way that is not known",
                         m->name);
        return 0;
    }
    if (len > left) {
        free(m->bytes);
        m->bytes = NULL;
        td_package_issue(p, TD_PACKAGE_ERROR, "too-large", (int)(m - p->at),
                         "%s unpacks to more than any device holds, and was left packed", m->name);
        return left;
    }
    m->size = (uint32_t)len;
    return m->size;
}

static void take_entries(struct td_package *p, zip_t *zip, uint32_t limit)
{
    zip_int64_t n = zip_get_num_entries(zip, 0);
    zip_int64_t manifest = zip_name_locate(zip, "manifest.json", 0);
    uint32_t left = limit;

    if (n > ENTRIES_MAX) {
        td_package_issue(p, TD_PACKAGE_WARN, "too-many", -1,
                         "the archive has %lld entries; the first %d were looked at", (long long)n,
                         ENTRIES_MAX);
        n = ENTRIES_MAX;
    }
    // The manifest first: whatever else is in there shall not crowd it out.
    if (manifest >= 0)
        left -= take_entry(p, zip, (zip_uint64_t)manifest, "manifest.json", left);
    for (zip_int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
        size_t len = name == NULL ? 0 : strlen(name);

        if (len == 0 || name[len - 1] == '/' || i == manifest)
            continue;
        left -= take_entry(p, zip, (zip_uint64_t)i, name, left);
    }
}

/* The manifest is not a member like the others: it is read, and released. */
static void take_manifest(struct td_package *p)
{
    struct td_member *m = td_package_find(p, "manifest.json");

    if (m == NULL || m->bytes == NULL) {
        td_package_issue(p, TD_PACKAGE_ERROR, "no-manifest", -1,
                         "there is no manifest.json: clients do not know what is for which image");
        return;
    }
    m->is_manifest = true;
    if (m->size > MANIFEST_MAX)
        td_package_issue(p, TD_PACKAGE_ERROR, "manifest-malformed", -1,
                         "manifest.json is larger than any manifest");
    else
        td_manifest_read(p, (const char *)m->bytes, m->size);
}

static bool read_zip(struct td_package *p, const uint8_t *bytes, size_t len, uint32_t limit,
                     struct td_package_fault *fault)
{
    zip_error_t error;
    zip_source_t *source;
    zip_t *zip = NULL;

    zip_error_init(&error);
    source = zip_source_buffer_create(bytes, len, 0, &error);
    if (source != NULL)
        zip = zip_open_from_source(source, ZIP_RDONLY, &error);
    if (zip == NULL) {
        td_package_fail(fault,
                        "copy or download it again: its end, where the table stands, is missing",
                        "the zip archive cannot be read: %s", zip_error_strerror(&error));
        if (source != NULL)
            zip_source_free(source);
        zip_error_fini(&error);
        return false;
    }
    zip_error_fini(&error);
    take_entries(p, zip, limit);
    zip_discard(zip);
    take_manifest(p);
    return true;
}

/* ---- dfu_multi_image.bin ------------------------------------------------------------ */

static const char *multi_name(int32_t id)
{
    switch (id) {
    case 0: return "application";
    case 1: return "network core";
    case -2: return "MCUboot for S0";
    case -1: return "MCUboot for S1";
    default: return "image";
    }
}

/* One entry of the list; *at moves on behind its bytes. */
static bool take_part(struct td_package *p, const uint8_t *bytes, size_t len, size_t *at,
                      struct td_cbor_reader *r)
{
    int32_t id = 0;
    uint32_t size = 0;
    bool has_id, has_size;
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_INT("id", &id, &has_id),
                                            TD_CBOR_FIELD_UINT("size", &size, &has_size) };
    struct td_member *m;
    char name[64];

    if (td_cbor_get_map(r, fields, TD_N_OF(fields)) != TD_OK || !has_id || !has_size)
        return false;
    snprintf(name, sizeof name, "%d (%s)", id, multi_name(id));
    if (td_package_find(p, name) != NULL)
        td_package_issue(p, TD_PACKAGE_ERROR, "there-twice", -1, "id %d stands there twice", id);
    m = td_package_add(p, name);
    if (m == NULL)
        return true;
    m->in_manifest = true;
    m->size_said = size;
    m->image_index = id >= 0 ? id : -1;
    m->slot = id == -2 ? 0 : id == -1 ? 1 : -1;
    snprintf(m->type, sizeof m->type, "%s", id < 0 ? "mcuboot" : "application");
    // Parts may begin at multiples of an alignment, with erased bytes in between.
    while (*at + 4 <= len && td_load_le32(bytes + *at) == UINT32_MAX)
        *at += 4;
    if (*at > len || size > len - *at) {
        td_package_issue(p, TD_PACKAGE_ERROR, "truncated", (int)(m - p->at),
                         "%s should have %u bytes, and the file ends after %zu of them", m->name,
                         size, *at > len ? 0 : len - *at);
        *at = len;
        return true;
    }
    m->bytes = malloc(size + (size == 0));
    if (m->bytes == NULL)
        return false;
    memcpy(m->bytes, bytes + *at, size);
    m->size = size;
    m->present = true;
    *at += size;
    return true;
}

static bool read_multi(struct td_package *p, const uint8_t *bytes, size_t len,
                       struct td_package_fault *fault)
{
    size_t head = td_load_le16(bytes);
    struct td_cbor_reader r =
        td_cbor_reader_of(bytes + 2, td_min_u32((uint32_t)head, (uint32_t)len - 2));
    struct td_cbor_reader list;
    struct td_cbor_walk walk;
    bool found = false, more = false;
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_LIST("img", &list, &found) };
    size_t at = head + 2;

    if (head > len - 2 || td_cbor_get_map(&r, fields, 1) != TD_OK || !found ||
        td_cbor_list_begin(&list, &walk) != TD_OK)
        return td_package_fail(fault, "copy or build it again",
                               "the list in front of the images cannot be read");
    while (td_cbor_more(&list, &walk, &more) == TD_OK && more)
        if (!take_part(p, bytes, len, &at, &list))
            return td_package_fail(fault, "copy or build it again",
                                   "entry %zu of the list in front of the images is malformed",
                                   p->n + 1);
    if (p->n == 0)
        return td_package_fail(fault, "build it again", "the package lists no image");
    if (at < len)
        td_package_issue(p, TD_PACKAGE_WARN, "extra-bytes", -1,
                         "%zu bytes follow the last image, and belong to none", len - at);
    return true;
}

bool td_package_read(struct td_package *p, const uint8_t *bytes, size_t len, uint32_t limit,
                     struct td_package_fault *fault)
{
    bool read;

    memset(p, 0, sizeof *p);
    p->format_version = -1;
    switch (td_kind_of(bytes, len < TD_KIND_HEAD ? len : TD_KIND_HEAD)) {
    case TD_KIND_ZIP: read = read_zip(p, bytes, len, limit, fault); break;
    case TD_KIND_MULTI:
        p->kind = TD_PACKAGE_MULTI;
        if (len > limit)
            return td_package_fail(fault, "check that it is the right file",
                                   "the package is larger than any device's memory");
        read = read_multi(p, bytes, len, fault);
        break;
    default:
        return td_package_fail(fault, "name a zip or a dfu_multi_image.bin", "this is no package");
    }
    if (read)
        td_package_judge(p);
    return read;
}
