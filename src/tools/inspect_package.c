/* tools/inspect_package.c - a package explained: its manifest, its members, what is odd. */
#include <stdlib.h>
#include <string.h>

#include "tools/inspect.h"
#include "tools/package.h"

static void version_text(const struct td_version *v, char out[40])
{
    snprintf(out, 40, "%u.%u.%u+%u", v->major, v->minor, v->revision, v->build);
}

static void target_text(const struct td_member *m, char *out, size_t cap)
{
    int n = 0;

    out[0] = '\0';
    if (m->type[0] != '\0')
        n = snprintf(out, cap, "%s", m->type);
    if (m->image_index >= 0)
        n += snprintf(out + n, cap - (size_t)n, "%simage %lld", n > 0 ? ", " : "",
                      (long long)m->image_index);
    if (m->slot >= 0)
        n += snprintf(out + n, cap - (size_t)n, "%sslot %lld", n > 0 ? ", " : "",
                      (long long)m->slot);
    if (m->board[0] != '\0')
        snprintf(out + n, cap - (size_t)n, ", %s", m->board);
}

static void say_member(FILE *out, const struct td_member *m)
{
    char target[160], version[40], hash[17] = "none";

    target_text(m, target, sizeof target);
    fprintf(out, "%s%s%s\n", m->name, target[0] == '\0' ? "" : ": ", target);
    if (!m->present) {
        fprintf(out, "  is not there\n");
        return;
    }
    if (!m->is_image && m->bytes == NULL) {
        fprintf(out, "  was not unpacked\n");
    } else if (!m->is_image) {
        fprintf(out, "  %u bytes, no MCUboot image\n", m->size);
    } else {
        version_text(&m->image.image.hdr.version, version);
        if (m->image.hash_len > 0)
            td_hex(m->image.hash, 8, hash);
        fprintf(out, "  MCUboot image, version %s, %u bytes, hash %s%s, %s\n", version, m->size,
                hash,
                m->image.err == TD_OK          ? ""
                : m->image.err == TD_EIMG_HASH ? " DOES NOT MATCH THE BYTES"
                                               : " (damaged)",
                m->image.sig_tlv == 0 ? "not signed" : td_tlv_name(m->image.sig_tlv));
    }
    if (m->has_vectors)
        fprintf(out, "  starts at 0x%x\n", m->vectors.reset & ~1u);
    if (m->nsib.found)
        td_nsib_say(out, "  ", &m->nsib);
}

static void say(struct td_cli *cli, const char *path, const struct td_package *p)
{
    FILE *out = cli->out;

    fprintf(out, "%s: %s", path,
            p->kind == TD_PACKAGE_MULTI ? "dfu_multi_image, several images in one file"
                                        : "update package (zip)");
    if (p->title[0] != '\0')
        fprintf(out, " of \"%s\"", p->title);
    if (p->format_version >= 0)
        fprintf(out, ", manifest format %lld (%s)", (long long)p->format_version,
                p->format_version == 0 ? "builds with child images" : "sysbuild");
    fputc('\n', out);
    for (size_t i = 0; i < p->n; i++)
        if (!p->at[i].is_manifest)
            say_member(out, &p->at[i]);
    if (p->n_issues == 0)
        fprintf(out, "nothing is odd: %s and contents agree\n",
                p->kind == TD_PACKAGE_MULTI ? "list" : "manifest");
    for (size_t i = 0; i < p->n_issues; i++)
        fprintf(out, "%s%s%s: %s\n",
                td_cli_color(cli, out, p->issues[i].harm == TD_PACKAGE_ERROR ? "31" : "33"),
                td_package_harm_name(p->issues[i].harm), td_cli_color(cli, out, "0"),
                p->issues[i].text);
}

static json_t *number_or_null(int64_t value)
{
    return value < 0 ? json_null() : json_integer(value);
}

static json_t *text_or_null(const char *text)
{
    return text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *member_json(const struct td_member *m)
{
    json_t *json = json_pack(
        "{s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:o}", "file", m->name, "present",
        m->present, "in_manifest", m->in_manifest, "type", text_or_null(m->type), "image",
        number_or_null(m->image_index), "slot", number_or_null(m->slot), "load_address",
        number_or_null(m->load_address), "version_said", text_or_null(m->version), "size",
        (json_int_t)m->size, "is_image", m->is_image, "nsib", td_nsib_json(&m->nsib));
    char version[40];

    if (!m->is_image)
        return json;
    version_text(&m->image.image.hdr.version, version);
    json_object_set_new(json, "version", json_string(version));
    json_object_set_new(json, "sound", json_boolean(m->image.err == TD_OK));
    json_object_set_new(json, "hash",
                        m->image.hash_len == 0 ? json_null()
                                               : td_hex_json(m->image.hash, m->image.hash_len));
    json_object_set_new(json, "key",
                        m->image.key_len == 0 ? json_null()
                                              : td_hex_json(m->image.key, m->image.key_len));
    return json;
}

static void say_json(struct td_cli *cli, const char *path, const struct td_package *p)
{
    json_t *files = json_array(), *issues = json_array();

    for (size_t i = 0; i < p->n; i++)
        if (!p->at[i].is_manifest)
            json_array_append_new(files, member_json(&p->at[i]));
    for (size_t i = 0; i < p->n_issues; i++)
        json_array_append_new(
            issues,
            json_pack("{s:s, s:s, s:s, s:o}", "harm", td_package_harm_name(p->issues[i].harm),
                      "issue", p->issues[i].code, "text", p->issues[i].text, "file",
                      p->issues[i].member < 0 ? json_null()
                                              : json_string(p->at[p->issues[i].member].name)));
    td_cli_json(cli, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "file", path, "kind",
                               "package", "form", p->kind == TD_PACKAGE_MULTI ? "multi" : "zip",
                               "format_version", number_or_null(p->format_version), "name",
                               text_or_null(p->title), "files", files, "issues", issues));
}

/* The members one behind the other, as they are unpacked. */
static void draw(struct td_inspect *in, const char *path, const struct td_package *p)
{
    struct td_map map = { .n = 0 };
    uint32_t at = 0;

    snprintf(map.title, sizeof map.title, "%.150s: package", path);
    for (size_t i = 0; i < p->n; i++) {
        const struct td_member *m = &p->at[i];

        if (m->is_manifest || m->bytes == NULL || at + m->size < at)
            continue;
        (void)td_map_add(&map, at, m->size, m->is_image ? TD_INK_IMAGE : TD_INK_DATA, "%s",
                         m->name);
        at += m->size;
    }
    for (size_t i = 0; i < p->n_issues && i < 4; i++)
        td_map_line(&map, "%s: %s", td_package_harm_name(p->issues[i].harm), p->issues[i].text);
    td_inspect_keep(in, &map);
}

int td_inspect_package(struct td_inspect *in, const char *path, const uint8_t *bytes, size_t len)
{
    struct td_package_fault fault = { .what = "there is not enough memory" };
    struct td_package *p = malloc(sizeof *p);
    int exit = TD_EXIT_OK;

    if (p == NULL || !td_package_read(p, bytes, len, TD_PACKAGE_LIMIT, &fault))
        exit = td_cli_fail(in->cli, TD_EXIT_FILE, "bad-package", fault.what, path, fault.remedy);
    if (exit == TD_EXIT_OK && in->cli->json)
        say_json(in->cli, path, p);
    else if (exit == TD_EXIT_OK)
        say(in->cli, path, p);
    if (exit == TD_EXIT_OK)
        draw(in, path, p);
    if (p != NULL)
        td_package_free(p);
    free(p);
    return exit;
}
