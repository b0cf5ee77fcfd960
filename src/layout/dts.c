/* layout/dts.c - which memory a partition lies in is told by the nearest node above that is one. */
#include "layout/dts.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX 240
#define NET_BASE 0x01000000u

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == ',' || c == '@' || c == '&';
}

/* The line without blanks around it and without comments. */
static size_t trimmed(const char *text, size_t len, char out[LINE_MAX + 1])
{
    size_t n = 0;

    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    for (size_t i = 0; i < len && n < LINE_MAX && text[i] != '\r'; i++) {
        if (text[i] == '/' && i + 1 < len && (text[i + 1] == '*' || text[i + 1] == '/'))
            break;
        out[n++] = text[i] == '\t' || text[i] == '\0' ? ' ' : text[i];
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return n;
}

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 16;
}

/* Digits of a base, at least one, 32 bits; NULL: none, or too many. */
static const char *digits(const char *at, unsigned base, uint32_t *out)
{
    uint64_t value = 0;
    const char *from = at;

    for (; digit_of(*at) < base; at++) {
        value = value * base + digit_of(*at);
        if (value > UINT32_MAX)
            return NULL;
    }
    *out = (uint32_t)value;
    return at > from ? at : NULL;
}

/* 0x10000, 65536, DT_SIZE_K(64). */
static const char *cell(const char *at, uint32_t *out)
{
    uint32_t factor = 1;

    while (*at == ' ')
        at++;
    if (begins_with(at, "0x") || begins_with(at, "0X"))
        return digits(at + 2, 16, out);
    if (begins_with(at, "DT_SIZE_K(") || begins_with(at, "DT_SIZE_M(")) {
        factor = at[8] == 'K' ? 1024 : 1024 * 1024;
        at += 10;
    }
    at = digits(at, 10, out);
    if (at == NULL || factor == 1)
        return at;
    if (*at != ')' || *out > UINT32_MAX / factor)
        return NULL;
    *out *= factor;
    return at + 1;
}

static uint32_t unit_address(const char *name)
{
    const char *at = strchr(name, '@');
    uint32_t value = 0;

    return at != NULL && digits(at + 1, 16, &value) != NULL ? value : 0;
}

/* The memory that a node stands for, if it is one. */
static void take_memory(struct td_dts_node *node, const char *name)
{
    static const char *const inner[] = { "flash@",       "rram@", "mram@",        "nvm@", "&flash0",
                                         "&cpuapp_rram", "&rram", "&cpuapp_mram", "&mram" };
    const char *region = NULL;

    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++)
        region = begins_with(name, inner[i]) ? "flash_primary" : region;
    if (begins_with(name, "&flash1")) {
        region = "flash_primary";
        node->base = NET_BASE;
    } else if (region != NULL) {
        node->base = unit_address(name);
    } else if (strstr(name, "flash_sim") != NULL || strstr(name, "flash-sim") != NULL) {
        region = "ram_flash";
        node->base = 0;
    } else if (strchr(name, '@') != NULL || name[0] == '&') {
        region = "external_flash"; // of a chip on a bus, when there are partitions below it
        node->base = 0;
    }
    if (region != NULL)
        memcpy(node->region, region, strlen(region) + 1);
}

static void open_partition(struct td_dts_node *node, uint32_t line, const char *label,
                           const char *name)
{
    struct td_partition *p = &node->part;

    memset(p, 0, sizeof *p);
    if (label[0] == '\0')
        label = name[0] == '&' ? name + 1 : name;
    (void)snprintf(p->name, sizeof p->name, "%s", label);
    if (node->region[0] == '\0')
        memcpy(node->region, "flash_primary", sizeof "flash_primary");
    memcpy(p->region, node->region, sizeof p->region);
    if (td_partition_is_flash(p) && node->base >= NET_BASE && node->base < NET_BASE + 0x40000)
        memcpy(p->domain, "CPUNET", sizeof "CPUNET");
    p->line = line;
    node->is_partition = true;
    node->has_reg = false;
}

static bool is_partition(const char *name)
{
    size_t n = strlen(name);

    return begins_with(name, "partition@") ||
           (name[0] == '&' && n > 10 && strcmp(name + n - 10, "_partition") == 0);
}

/* "slot0_partition: partition@c000 {": the first label and the node's name. */
static void open_node(struct td_dts *dts, uint32_t line, char *text, size_t n)
{
    struct td_dts_node *node;
    char label[TD_LAYOUT_NAME] = "";
    char *name = text + n, *colon = strchr(text, ':');

    dts->depth++;
    if (dts->depth > TD_DTS_DEPTH)
        return;
    node = &dts->open[dts->depth - 1];
    node->is_partition = false;
    node->region[0] = '\0';
    node->base = 0;
    if (dts->depth > 1) {
        const struct td_dts_node *above = node - 1;

        memcpy(node->region, above->region, sizeof node->region);
        node->base = above->is_partition ? above->part.addr : above->base;
    }
    while (name > text && is_word(name[-1]))
        name--;
    if (colon != NULL && (size_t)(colon - text) < sizeof label)
        memcpy(label, text, (size_t)(colon - text));
    for (const char *at = label; *at != '\0'; at++) {
        if (!is_word(*at))
            label[0] = '\0'; // prose with a colon and a brace
    }
    if (is_partition(name))
        open_partition(node, line, label, name);
    else
        take_memory(node, name);
}

static void take_reg(struct td_dts *dts, const char *text)
{
    struct td_dts_node *node;
    uint32_t addr, size;
    const char *at = strchr(text, '<');

    if (dts->depth == 0 || dts->depth > TD_DTS_DEPTH || at == NULL)
        return;
    node = &dts->open[dts->depth - 1];
    at = node->is_partition ? cell(at + 1, &addr) : NULL;
    at = at != NULL ? cell(at, &size) : NULL;
    if (at == NULL || (uint64_t)node->base + addr + size > UINT32_MAX)
        return;
    node->part.addr = node->base + addr;
    node->part.size = size;
    node->has_reg = true;
}

static bool close_node(struct td_dts *dts, struct td_partition *part)
{
    struct td_dts_node *node;

    if (dts->depth == 0)
        return false;
    dts->depth--;
    if (dts->depth >= TD_DTS_DEPTH)
        return false;
    node = &dts->open[dts->depth];
    if (!node->is_partition || !node->has_reg)
        return false;
    *part = node->part;
    for (unsigned i = 0; i < dts->depth; i++)
        dts->open[i].part.container |= dts->open[i].is_partition;
    return true;
}

bool td_dts_line(struct td_dts *dts, uint32_t line, const char *text, size_t len,
                 struct td_partition *part)
{
    char plain[LINE_MAX + 1];
    size_t n;

    // Most lines of most files: outside of any node, and opening none.
    if (dts->depth == 0 && memchr(text, '{', len) == NULL)
        return false;
    n = trimmed(text, len, plain);
    if (n == 0)
        return false;
    if (begins_with(plain, "/dts-v1/"))
        dts->depth = 0;
    if (plain[n - 1] == '{') {
        plain[--n] = '\0';
        while (n > 0 && plain[n - 1] == ' ')
            plain[--n] = '\0';
        open_node(dts, line, plain, n);
        return false;
    }
    if (plain[0] == '}')
        return close_node(dts, part);
    if (begins_with(plain, "reg ") || begins_with(plain, "reg="))
        take_reg(dts, plain);
    return false;
}
