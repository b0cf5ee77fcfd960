/*
 * tools/manifest.c - manifest.json as builds wrote it over the years.
 *
 * Numbers stand as numbers or as text, depending on how the build passed them; both are taken.
 * Unknown keys are passed over.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tools/package_priv.h"

/* A number, decimal or hex in text as well; -1 when there is none. */
static int64_t number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    char *end = NULL;
    long long number;

    if (json_is_integer(value))
        return json_integer_value(value) < 0 ? -1 : json_integer_value(value);
    if (!json_is_string(value) || json_string_length(value) == 0)
        return -1;
    number = strtoll(json_string_value(value), &end, 0);
    return *end == '\0' && number >= 0 ? number : -1;
}

static void text_of(const json_t *object, const char *key, char *out, size_t cap)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_string(value))
        snprintf(out, cap, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(out, cap, "%lld", (long long)json_integer_value(value));
}

static void read_version(const json_t *file, struct td_member *m)
{
    static const char *const keys[] = { "version_MCUBOOT", "version_MCUBOOT+XIP", "version_B0",
                                        "version" };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && m->version[0] == '\0'; i++)
        text_of(file, keys[i], m->version, sizeof m->version);
}

static void read_file(struct td_package *p, const json_t *file, size_t n)
{
    char name[96] = "";
    struct td_member *m;

    text_of(file, "file", name, sizeof name);
    if (name[0] == '\0') {
        td_package_issue(p, TD_PACKAGE_ERROR, "no-file-name", -1,
                         "entry %zu of the manifest names no file", n);
        return;
    }
    m = td_package_find(p, name);
    if (m != NULL && m->in_manifest) {
        td_package_issue(p, TD_PACKAGE_ERROR, "named-twice", (int)(m - p->at),
                         "the manifest names %s twice", name);
        return;
    }
    if (m == NULL)
        m = td_package_add(p, name);
    if (m == NULL)
        return;
    m->in_manifest = true;
    text_of(file, "type", m->type, sizeof m->type);
    text_of(file, "board", m->board, sizeof m->board);
    read_version(file, m);
    m->image_index = number_of(file, "image_index");
    m->slot = number_of(file, "slot");
    m->load_address = number_of(file, "load_address");
    m->size_said = number_of(file, "size");
}

void td_manifest_read(struct td_package *p, const char *text, size_t len)
{
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    const json_t *files, *file;
    size_t i;

    p->has_manifest = true;
    p->format_version = -1;
    if (root == NULL) {
        td_package_issue(p, TD_PACKAGE_ERROR, "manifest-malformed", -1,
                         "manifest.json is no JSON: line %d: %s", error.line, error.text);
        return;
    }
    files = json_object_get(root, "files");
    p->format_version = number_of(root, "format-version");
    text_of(root, "name", p->title, sizeof p->title);
    if (json_object_get(root, "manifest") != NULL && files == NULL)
        td_package_issue(p, TD_PACKAGE_ERROR, "other-bootloader", -1,
                         "this package is for the nRF5 SDK's own bootloader, not for MCUboot");
    else if (!json_is_array(files) || json_array_size(files) == 0)
        td_package_issue(p, TD_PACKAGE_ERROR, "manifest-empty", -1, "manifest.json lists no files");
    json_array_foreach((json_t *)(uintptr_t)files, i, file) read_file(p, file, i + 1);
    json_decref(root);
}
