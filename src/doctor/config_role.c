/*
 * doctor/config_role.c - which image a configuration is for, from names of files.
 */
#include <string.h>

#include "doctor/config_priv.h"

static const char *const role_names[TD_ROLE_COUNT] = {
    "unknown", "app", "mcuboot", "b0", "net", "sysbuild",
};

const char *td_role_name(enum td_role role)
{
    return role_names[role];
}

enum td_role td_role_from_name(const char *name)
{
    for (int role = TD_ROLE_APP; role < TD_ROLE_COUNT; role++)
        if (strcmp(name, role_names[role]) == 0)
            return (enum td_role)role;
    return TD_ROLE_UNKNOWN;
}

/* Names of images, and of the files that configure them, as far as they go without a suffix. */
static const struct {
    const char *prefix;
    enum td_role role;
} images[] = {
    { "mcuboot", TD_ROLE_MCUBOOT },
    { "b0", TD_ROLE_B0 }, /* b0.conf, b0n.conf */
    { "hci_rpmsg", TD_ROLE_NET },
    { "hci_ipc", TD_ROLE_NET },
    { "hci_uart", TD_ROLE_NET },
    { "ipc_radio", TD_ROLE_NET },
    { "rpc_host", TD_ROLE_NET },
    { "802154_rpmsg", TD_ROLE_NET },
    { "multiprotocol_rpmsg", TD_ROLE_NET },
    { "empty_net_core", TD_ROLE_NET },
    { "empty_flpr", TD_ROLE_NET },
    { "net_core", TD_ROLE_NET },
    { "netcore", TD_ROLE_NET },
    { "nrf5340_cpunet", TD_ROLE_NET },
    { "sysbuild", TD_ROLE_SYSBUILD },
    { "Kconfig.sysbuild", TD_ROLE_SYSBUILD },
    { "SB", TD_ROLE_SYSBUILD },
};

static bool begins(struct td_span text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

static bool ends(struct td_span text, const char *suffix)
{
    size_t len = strlen(suffix);

    return text.len >= len && memcmp(text.at + text.len - len, suffix, len) == 0;
}

static bool holds(struct td_span text, const char *needle)
{
    return td_find_text(text.at, text.len, needle) != NULL;
}

enum td_role td_role_of_image(struct td_span image)
{
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        if (begins(image, images[i].prefix))
            return images[i].role;
    return TD_ROLE_UNKNOWN;
}

static struct td_span last_part(struct td_span path)
{
    for (size_t i = path.len; i > 0; i--)
        if (path.at[i - 1] == '/' || path.at[i - 1] == '\\')
            return (struct td_span){ path.at + i, path.len - i };
    return path;
}

static enum td_role role_of_folder(struct td_span folder)
{
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        if (strlen(images[i].prefix) == folder.len && begins(folder, images[i].prefix))
            return images[i].role;
    return folder.len == 3 && begins(folder, "b0n") ? TD_ROLE_B0 : TD_ROLE_UNKNOWN;
}

/*
 * child_image/mcuboot/prj.conf, build/mcuboot/zephyr/.config: a folder names the image. Only where
 * the build puts images: a project may be called mcuboot as well.
 */
static enum td_role role_of_folders(struct td_span path, bool built)
{
    struct td_span name = last_part(path);
    struct td_span rest = { path.at, path.len - name.len };
    enum td_role inner = TD_ROLE_UNKNOWN;

    if (holds(path, "mcuboot/boot/zephyr/"))
        return TD_ROLE_MCUBOOT;
    while (rest.len > 0) {
        struct td_span part = last_part((struct td_span){ rest.at, rest.len - 1 });
        enum td_role role = role_of_folder(part);

        if (inner != TD_ROLE_UNKNOWN &&
            (role == TD_ROLE_SYSBUILD || (part.len == 11 && begins(part, "child_image"))))
            return inner;
        inner = role == TD_ROLE_SYSBUILD ? TD_ROLE_UNKNOWN : role;
        if (built && inner != TD_ROLE_UNKNOWN)
            return inner;
        rest.len = (size_t)(part.at - rest.at);
    }
    return TD_ROLE_UNKNOWN;
}

struct td_heading td_heading_of_path(struct td_span path)
{
    struct td_span name = last_part(path);
    struct td_heading got = { .name = name };

    if (ends(name, ".config") || begins(name, "autoconf.h")) {
        got.merged = got.whole = true;
        got.role = role_of_folders(path, true);
        return got;
    }
    if (!ends(name, ".conf") && !begins(name, "Kconfig.sysbuild"))
        return (struct td_heading){ .role = TD_ROLE_UNKNOWN };
    got.role = td_role_of_image(name);
    // sysbuild/mcuboot/prj.conf: MCUboot's own, not the application's.
    if (got.role == TD_ROLE_UNKNOWN)
        got.role = role_of_folders(path, false);
    if (got.role == TD_ROLE_UNKNOWN && holds(name, "cpunet"))
        got.role = TD_ROLE_NET;
    if (got.role == TD_ROLE_UNKNOWN && (holds(path, "child_image") || holds(path, "sysbuild/")))
        return got; // an image that no table knows
    if (got.role == TD_ROLE_UNKNOWN)
        got.role = TD_ROLE_APP;
    got.whole = begins(name, "prj") || begins(name, "proj") || begins(name, "app.conf");
    return got;
}

static bool is_path(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("_./\\-+", c) != NULL);
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Words that stand beside a file's name in a heading and say nothing else. */
static bool is_heading_word(struct td_span word)
{
    static const char *const words[] = { "file",        "my",   "the",    "of",       "here",
                                         "is",          "see",  "this",   "a",        "b",
                                         "in",          "diff", "git",    "cat",      "and",
                                         "from",        "conf", "config", "contents", "content",
                                         "application", "app",  "index",  "new" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == word.len && td_find_text(word.at, word.len, words[i]) == word.at)
            return true;
    return false;
}

/* Nothing but a name and words that introduce it. */
static bool only_a_heading(const char *line, size_t len, struct td_span name)
{
    const char *end = line + len;

    for (const char *p = line; p < end;) {
        const char *word = p;

        if (p == name.at) {
            p += name.len;
            continue;
        }
        while (p < end && is_letter(*p))
            p++;
        if (p > word && !is_heading_word((struct td_span){ word, (size_t)(p - word) }))
            return false;
        if (p == word)
            p++;
    }
    return true;
}

/* "My mcuboot config:": no file is named, an image is. */
static bool heading_in_words(const char *line, size_t len, struct td_heading *out)
{
    static const struct {
        const char *says;
        enum td_role role;
    } words[] = {
        { "mcuboot", TD_ROLE_MCUBOOT }, { "sysbuild", TD_ROLE_SYSBUILD },
        { "hci_rpmsg", TD_ROLE_NET },   { "hci_ipc", TD_ROLE_NET },
        { "ipc_radio", TD_ROLE_NET },   { "network core", TD_ROLE_NET },
        { "net core", TD_ROLE_NET },    { "netcore", TD_ROLE_NET },
        { "application", TD_ROLE_APP }, { "main image", TD_ROLE_APP },
    };

    if (len > 60 || td_find_text(line, len, "conf") == NULL || line[len - 1] != ':')
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *found = td_find_text(line, len, words[i].says);

        if (found != NULL) {
            *out = (struct td_heading){
                .role = words[i].role,
                .whole = words[i].role == TD_ROLE_APP,
                .name = { found, strlen(words[i].says) },
            };
            return true;
        }
    }
    return false;
}

bool td_heading_in_line(const char *line, size_t len, struct td_heading *out)
{
    const char *end = line + len;
    struct td_span path = { line, 0 };
    bool found = false;

    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r' || line[len - 1] == '\t'))
        len--;
    end = line + len;
    // Every heading has it, in "prj.conf" and in "configuration".
    if (len < 3 || len > 300 || memmem(line, len, "onf", 3) == NULL)
        return false;
    for (const char *p = line; p < end;) {
        const char *word = p;
        struct td_heading got;

        while (p < end && is_path(*p))
            p++;
        if (p == word) {
            p++;
            continue;
        }
        path = (struct td_span){ word, (size_t)(p - word) };
        while (path.len > 0 && path.at[path.len - 1] == '.')
            path.len--;
        got = td_heading_of_path(path);
        if (got.name.len < 5)
            continue;
        got.sure = only_a_heading(line, len, path);
        // "in prj.conf and in mcuboot.conf": what follows may belong to either.
        if (found && got.role != out->role) {
            *out = (struct td_heading){ .role = TD_ROLE_UNKNOWN, .name = { line, 0 } };
            return true;
        }
        *out = got;
        found = true;
    }
    return found || heading_in_words(line, len, out);
}
