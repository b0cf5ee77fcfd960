/* doctor/say.c - see say.h. */
#include "doctor/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/range.h"

/* ---- text that may not fit ----------------------------------------------------------- */

struct out {
    char *p;
    size_t len, cap;
    bool full;
};

static void add(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct out *o, const char *format, ...)
{
    va_list list;
    int n;

    if (o->full)
        return;
    va_start(list, format);
    n = vsnprintf(o->p + o->len, o->cap - o->len, format, list);
    va_end(list);
    if (n >= 0 && (size_t)n < o->cap - o->len) {
        o->len += (size_t)n;
        return;
    }
    o->full = true;
    o->len = o->cap - 1;
    if (o->cap > 3)
        memcpy(o->p + o->cap - 4, "...", 4);
}

static struct out begin(char *out, size_t cap)
{
    out[0] = 0;
    return (struct out){ out, 0, cap, false };
}

/* A text of the device's without what would disturb a terminal. */
static void add_text(struct out *o, const char *text)
{
    for (; *text != 0 && !o->full; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            add(o, "\\x%02x", (unsigned char)*text);
        else
            add(o, "%c", *text);
    }
}

/* ---- names --------------------------------------------------------------------------- */

struct command {
    uint16_t group;
    uint8_t id;
    const char *read, *write; /* NULL: there is no such request, so the other's name serves */
};

static const struct {
    uint16_t group;
    const char *name;
} groups[] = {
    { TD_SMP_GROUP_OS, "os" },
    { TD_SMP_GROUP_IMAGE, "image" },
    { TD_SMP_GROUP_STAT, "statistics" },
    { TD_SMP_GROUP_SETTINGS, "settings" },
    { 4, "log" },
    { 5, "crash" },
    { 6, "split" },
    { 7, "run" },
    { TD_SMP_GROUP_FS, "file" },
    { TD_SMP_GROUP_SHELL, "shell" },
    { TD_SMP_GROUP_ENUM, "enum" },
    { 11, "transport" },
    { TD_SMP_GROUP_BASIC, "basic" },
    { 66, "suit" },
    { 128, "memfault" },
    { TD_SMP_GROUP_TANDEM, "tandem" },
};

static const struct command commands[] = {
    { 0, 0, "echo", "echo" },
    { 0, 1, "console echo", "console echo" },
    { 0, 2, "task statistics", NULL },
    { 0, 3, "memory pools", NULL },
    { 0, 4, "date and time", "set date and time" },
    { 0, 5, "reset", "reset" },
    { 0, 6, "buffer parameters", NULL },
    { 0, 7, "application info", NULL },
    { 0, 8, "bootloader info", NULL },
    { 1, 0, "list", "set state" },
    { 1, 1, "upload", "upload" },
    { 1, 2, "file", "file" },
    { 1, 3, "core list", "core list" },
    { 1, 4, "core load", "core erase" },
    { 1, 5, "erase", "erase" },
    { 1, 6, "slot info", NULL },
    { 2, 0, "values", NULL },
    { 2, 1, "groups", NULL },
    { 3, 0, "read value", "write value" },
    { 3, 1, "delete", "delete" },
    { 3, 2, "commit", "commit" },
    { 3, 3, "load", "save" },
    { 4, 0, "show", NULL },
    { 4, 1, "clear", "clear" },
    { 4, 2, "append", "append" },
    { 4, 3, "modules", NULL },
    { 4, 4, "levels", NULL },
    { 4, 5, "logs", NULL },
    { 5, 0, "trigger", "trigger" },
    { 7, 0, "test", "test" },
    { 7, 1, "list", NULL },
    { 8, 0, "download", "upload" },
    { 8, 1, "status", NULL },
    { 8, 2, "hash", NULL },
    { 8, 3, "hash types", NULL },
    { 8, 4, "close", "close" },
    { 9, 0, "command", "command" },
    { 10, 0, "count", NULL },
    { 10, 1, "list", NULL },
    { 10, 2, "one group", NULL },
    { 10, 3, "details", NULL },
    { 11, 0, "connect", "connect" },
    { 11, 1, "disconnect", "disconnect" },
    { 11, 2, "status", NULL },
    { 11, 6, "list", NULL },
    { 63, 0, "erase storage", "erase storage" },
    { 66, 0, "manifests", NULL },
    { 66, 1, "manifest state", NULL },
    { 66, 2, "envelope upload", "envelope upload" },
    { 128, 0, "device info", NULL },
    { 128, 1, "project key", NULL },
    { TD_SMP_GROUP_TANDEM, 0, "why", NULL },
    { TD_SMP_GROUP_TANDEM, 1, "accepts", NULL },
};

const char *td_say_group(uint16_t group)
{
    for (size_t i = 0; i < TD_N_OF(groups); i++)
        if (groups[i].group == group)
            return groups[i].name;
    return NULL;
}

const char *td_say_command(uint16_t group, uint8_t id, uint8_t op)
{
    for (size_t i = 0; i < TD_N_OF(commands); i++) {
        const struct command *c = &commands[i];

        if (c->group == group && c->id == id)
            return (op | 1) == TD_SMP_WRITE_RSP && c->write ? c->write : c->read;
    }
    return NULL;
}

bool td_say_is_answer(uint8_t op)
{
    return (op & 1) != 0;
}

size_t td_say_what(const struct td_smp_header *hdr, char *out, size_t cap)
{
    const char *group = td_say_group(hdr->group);
    const char *command = td_say_command(hdr->group, hdr->id, hdr->op);
    struct out o = begin(out, cap);

    if (!command)
        add(&o, "%s ", (hdr->op | 1) == TD_SMP_READ_RSP ? "read" : "write");
    if (group)
        add(&o, "%s", group);
    else
        add(&o, "group %u", hdr->group);
    if (command)
        add(&o, " %s", command);
    else
        add(&o, " command %u", hdr->id);
    return o.len;
}

/* ---- errors -------------------------------------------------------------------------- */

static bool number(const json_t *map, const char *key, uint32_t *value)
{
    const json_t *json = json_object_get(map, key);

    if (!json_is_integer(json) || json_integer_value(json) < 0 ||
        json_integer_value(json) > UINT32_MAX)
        return false;
    *value = (uint32_t)json_integer_value(json);
    return true;
}

bool td_say_status(const struct td_message *message, struct td_smp_status *status)
{
    const json_t *err = json_object_get(message->body, "err");
    const char *reason = json_string_value(json_object_get(message->body, "rsn"));
    uint32_t group = 0;

    *status = (struct td_smp_status){ .of_group = false };
    if (!json_is_object(message->body) || !td_say_is_answer(message->hdr.op))
        return false;
    if (reason)
        status->reason = (struct td_cbor_text){ reason, strlen(reason) };
    if (err) {
        if (!number(err, "group", &group) || !number(err, "rc", &status->code) || group > 65535)
            return false;
        status->of_group = true;
        status->group = (uint16_t)group;
        return true;
    }
    // The shell's rc is what the command returned.
    if (message->hdr.group == TD_SMP_GROUP_SHELL && json_object_get(message->body, "o"))
        return true;
    return !json_object_get(message->body, "rc") || number(message->body, "rc", &status->code);
}

const char *td_say_error_name(const struct td_smp_status *status)
{
    static const char *const prefixes[] = { "TD_SMP_RC_", "TD_IMG_", "TD_OS_", "TD_BASIC_",
                                            "TD_TANDEM_" };
    const char *name = td_smp_status_name(status);

    for (size_t i = 0; i < TD_N_OF(prefixes); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return name + strlen(prefixes[i]);
    return name;
}

static void add_error(struct out *o, const struct td_smp_status *status)
{
    const char *group = td_say_group(status->group);

    if (!status->of_group)
        add(o, "rc %u", (unsigned)status->code);
    else if (group)
        add(o, "%s error %u", group, (unsigned)status->code);
    else
        add(o, "error %u of group %u", (unsigned)status->code, status->group);
    add(o, " %s: %s", td_say_error_name(status), td_smp_status_text(status));
    if (status->reason.len > 0) {
        add(o, " (\"");
        add_text(o, status->reason.p);
        add(o, "\")");
    }
}

size_t td_say_error(const struct td_smp_status *status, char *out, size_t cap)
{
    struct out o = begin(out, cap);

    add_error(&o, status);
    return o.len;
}

/* ---- bodies -------------------------------------------------------------------------- */

#define DEPTH 8

/* "hex:" strings: short ones whole, long ones by their beginning and length. */
static void add_string(struct out *o, const char *text)
{
    size_t n;

    if (strncmp(text, "hex:", 4) != 0) {
        add(o, "\"");
        add_text(o, text);
        add(o, "\"");
        return;
    }
    n = strlen(text + 4) / 2;
    if (n <= 8)
        add(o, "%s", n == 0 ? "nothing" : text + 4);
    else
        add(o, "%.8s... (%zu bytes)", text + 4, n);
}

static void add_value(struct out *o, const json_t *json, unsigned depth);

static void add_members(struct out *o, json_t *map, unsigned depth)
{
    const char *key;
    json_t *value;
    bool first = true;

    json_object_foreach(map, key, value)
    {
        if (o->full)
            return;
        add(o, "%s", first ? "" : ", ");
        first = false;
        add_text(o, key);
        if (json_is_true(value))
            continue;
        add(o, " ");
        add_value(o, value, depth);
    }
}

static void add_value(struct out *o, const json_t *json, unsigned depth)
{
    if (depth == 0) {
        add(o, "...");
        return;
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        add(o, "{");
        add_members(o, (json_t *)(uintptr_t)json, depth - 1);
        add(o, "}");
        break;
    case JSON_ARRAY:
        add(o, "[");
        for (size_t i = 0; i < json_array_size(json) && !o->full; i++) {
            add(o, "%s", i == 0 ? "" : ", ");
            add_value(o, json_array_get(json, i), depth - 1);
        }
        add(o, "]");
        break;
    case JSON_STRING: add_string(o, json_string_value(json)); break;
    case JSON_INTEGER: add(o, "%lld", (long long)json_integer_value(json)); break;
    case JSON_REAL: add(o, "%g", json_real_value(json)); break;
    case JSON_TRUE: add(o, "yes"); break;
    case JSON_FALSE: add(o, "no"); break;
    case JSON_NULL: add(o, "null"); break;
    }
}

/* Image lists: "slot 1: 0.0.0 bc1d3df3 pending". */
static void add_entry(struct out *o, const json_t *entry)
{
    static const char *const flags[] = { "active", "confirmed", "pending", "permanent" };
    const json_t *image = json_object_get(entry, "image");
    const json_t *slot = json_object_get(entry, "slot");
    const char *version = json_string_value(json_object_get(entry, "version"));
    const char *hash = json_string_value(json_object_get(entry, "hash"));

    if (json_is_integer(image) && json_integer_value(image) > 0)
        add(o, "image %lld ", (long long)json_integer_value(image));
    if (json_is_integer(slot))
        add(o, "slot %lld: ", (long long)json_integer_value(slot));
    add_text(o, version ? version : "no version");
    if (hash && strncmp(hash, "hex:", 4) == 0)
        add(o, " %.8s", hash + 4);
    for (size_t i = 0; i < TD_N_OF(flags); i++)
        if (json_is_true(json_object_get(entry, flags[i])))
            add(o, " %s", flags[i]);
    if (json_is_false(json_object_get(entry, "bootable")))
        add(o, " not bootable");
}

static bool add_list(struct out *o, const json_t *body)
{
    const json_t *images = json_object_get(body, "images");

    if (!json_is_array(images))
        return false;
    if (json_array_size(images) == 0)
        add(o, "no images");
    for (size_t i = 0; i < json_array_size(images) && !o->full; i++) {
        add(o, "%s", i == 0 ? "" : "; ");
        add_entry(o, json_array_get(images, i));
    }
    return true;
}

/* Requests of image state: "confirm bc1d3df3", "test bc1d3df3", "confirm what runs". */
static bool add_state(struct out *o, const json_t *body)
{
    const char *hash = json_string_value(json_object_get(body, "hash"));
    const json_t *confirm = json_object_get(body, "confirm");

    if (!json_is_object(body))
        return false;
    add(o, "%s ", json_is_true(confirm) ? "confirm" : "test");
    if (hash && strncmp(hash, "hex:", 4) == 0 && hash[4] != 0)
        add(o, "%.8s", hash + 4);
    else
        add(o, "%s", json_is_true(confirm) ? "the running image" : "without a hash");
    return true;
}

/* Requests of uploads: "offset 0 of 230000, 2341 bytes of data, sha 1234abcd". */
static bool add_chunk(struct out *o, const json_t *body)
{
    const json_t *off = json_object_get(body, "off"), *len = json_object_get(body, "len");
    const json_t *image = json_object_get(body, "image");
    const char *data = json_string_value(json_object_get(body, "data"));
    const char *sha = json_string_value(json_object_get(body, "sha"));
    const char *name = json_string_value(json_object_get(body, "name"));

    if (!json_is_integer(off))
        return false;
    if (name) {
        add_text(o, name);
        add(o, ": ");
    }
    add(o, "offset %lld", (long long)json_integer_value(off));
    if (json_is_integer(len))
        add(o, " of %lld", (long long)json_integer_value(len));
    if (data && strncmp(data, "hex:", 4) == 0)
        add(o, ", %zu bytes of data", strlen(data + 4) / 2);
    else if (data)
        add(o, ", %zu characters of data", strlen(data));
    if (json_is_integer(image))
        add(o, ", image %lld", (long long)json_integer_value(image));
    if (sha && strncmp(sha, "hex:", 4) == 0)
        add(o, ", sha %.8s", sha + 4);
    if (json_is_true(json_object_get(body, "upgrade")))
        add(o, ", only if newer");
    return true;
}

static bool is(const struct td_message *m, uint16_t group, uint8_t id, enum td_smp_op op)
{
    return m->hdr.group == group && m->hdr.id == id && m->hdr.op == op;
}

static bool add_known(struct out *o, const struct td_message *m)
{
    if (is(m, TD_SMP_GROUP_IMAGE, 0, TD_SMP_READ_RSP) ||
        is(m, TD_SMP_GROUP_IMAGE, 0, TD_SMP_WRITE_RSP))
        return add_list(o, m->body);
    if (is(m, TD_SMP_GROUP_IMAGE, 0, TD_SMP_WRITE))
        return add_state(o, m->body);
    if (is(m, TD_SMP_GROUP_IMAGE, 1, TD_SMP_WRITE) || is(m, TD_SMP_GROUP_FS, 0, TD_SMP_WRITE))
        return add_chunk(o, m->body);
    return false;
}

size_t td_say_body(const struct td_message *m, char *out, size_t cap)
{
    struct out o = begin(out, cap);
    struct td_smp_status status;

    if (!m->body) {
        if (m->cut)
            add(&o, "the rest is missing");
        else if (!m->bytes)
            add(&o, "the log has the header alone");
        else
            add(&o, "the body cannot be read");
        return o.len;
    }
    if (td_say_is_answer(m->hdr.op) && td_say_status(m, &status) && status.code != 0) {
        add(&o, "refused, ");
        add_error(&o, &status);
    } else if (!add_known(&o, m)) {
        if (json_is_object(m->body))
            add_members(&o, m->body, DEPTH);
        else
            add_value(&o, m->body, DEPTH);
        if (o.len == 0)
            add(&o, "%s", td_say_is_answer(m->hdr.op) ? "done" : "");
    }
    return o.len;
}
