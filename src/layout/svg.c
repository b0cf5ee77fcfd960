/*
 * layout/svg.c - the scale is bent: every stretch between two boundaries gets the height of a
 * line of text at least, and what is left of the height is shared out by size. Both sides of a
 * comparison use the boundaries of both, so that one address has one height.
 */
#include "layout/svg.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/check_priv.h"
#include "layout/report.h"

#define MARGIN     32
#define TITLE      38 /* characters */
#define TOP        84
#define GUTTER     92  /* for addresses, left of a column */
#define BOX_WIDTH  128 /* of a slot or a container */
#define LEAF_WIDTH 268
#define COLUMN     (GUTTER + BOX_WIDTH + LEAF_WIDTH)
#define BETWEEN    120 /* for the ties of two layouts */
#define LINE       24  /* the least height of a stretch */
#define SHARE      430 /* height that is shared out by size, in flash */
#define SHARE_LESS 64  /* for each stretch of any other memory, up to the same */
#define STOPS_MAX  (4 * TD_LAYOUT_MAX + 2)

enum paint {
    PAINT_B0,
    PAINT_BOOT,
    PAINT_PROVISION,
    PAINT_PAD,
    PAINT_APP,
    PAINT_SECONDARY,
    PAINT_SCRATCH,
    PAINT_STORAGE,
    PAINT_NET,
    PAINT_RAM,
    PAINT_EMPTY,
    PAINT_OTHER,
    N_PAINTS,
};

static const struct {
    const char *words, *fill, *edge;
} paints[N_PAINTS] = {
    [PAINT_B0] = { "first stage", "#c9bfe8", "#6f5cab" },
    [PAINT_BOOT] = { "bootloader", "#b9cdf0", "#4a6fb3" },
    [PAINT_PROVISION] = { "provision data", "#e6c4e4", "#9a5596" },
    [PAINT_PAD] = { "room for a header", "#e3e7ec", "#8b95a3" },
    [PAINT_APP] = { "application", "#bfe3c3", "#4b9056" },
    [PAINT_SECONDARY] = { "secondary slot", "#b8e2e2", "#3c8f90" },
    [PAINT_SCRATCH] = { "scratch", "#f6d2b0", "#bf7a34" },
    [PAINT_STORAGE] = { "storage", "#f7e6a6", "#b0922a" },
    [PAINT_NET] = { "network core", "#cfe6b4", "#6d9238" },
    [PAINT_RAM] = { "RAM", "#dfdccf", "#8f886c" },
    [PAINT_EMPTY] = { "unused", "#fbfbfc", "#b6bcc6" },
    [PAINT_OTHER] = { "other", "#d9dde6", "#727c8f" },
};

/* A memory that is drawn: a domain's region, on one side or both. */
struct memory {
    char domain[16], region[24];
    unsigned rank;
    uint64_t stops[STOPS_MAX]; /* boundaries, ascending */
    int y[STOPS_MAX];          /* of each, from the top of the column */
    size_t n;
};

/* Where its next entry goes. */
struct legend {
    int x, y, width, lines;
};

struct drawing {
    const struct td_svg_side *sides;
    size_t n_sides;
    struct memory *memories;
    size_t n_memories;
    bool used[N_PAINTS];
    bool any_bad;
    struct td_text *out;
};

/* ---- what there is to draw ------------------------------------------------------------- */

static unsigned rank_of(const char *domain, const char *region)
{
    static const char *const order[] = { "flash_primary", "external_flash", "otp", "ram_flash" };
    unsigned rank = 4;

    for (unsigned i = 0; i < 4; i++)
        rank = strcmp(order[i], region) == 0 ? i : rank;
    return 2 * rank + (domain[0] != '\0');
}

static bool in_memory(const struct memory *m, const struct td_partition *p)
{
    return strcmp(m->domain, p->domain) == 0 && strcmp(m->region, p->region) == 0;
}

static void add_stop(struct memory *m, uint64_t at)
{
    size_t i = 0;

    while (i < m->n && m->stops[i] < at)
        i++;
    if ((i < m->n && m->stops[i] == at) || m->n == STOPS_MAX)
        return;
    memmove(&m->stops[i + 1], &m->stops[i], (m->n - i) * sizeof m->stops[0]);
    m->stops[i] = at;
    m->n++;
}

static void add_partition(struct drawing *d, const struct td_partition *p)
{
    struct memory *m = NULL;

    for (size_t i = 0; i < d->n_memories && m == NULL; i++)
        m = in_memory(&d->memories[i], p) ? &d->memories[i] : NULL;
    if (m == NULL) {
        m = &d->memories[d->n_memories++];
        memcpy(m->domain, p->domain, sizeof m->domain);
        memcpy(m->region, p->region, sizeof m->region);
        m->rank = rank_of(m->domain, m->region);
    }
    add_stop(m, p->addr);
    add_stop(m, td_partition_end(p));
}

static void bend_scale(struct memory *m)
{
    uint64_t total = m->stops[m->n - 1] - m->stops[0];
    uint64_t less = SHARE_LESS * (m->n - 1), height = m->rank < 2 || less > SHARE ? SHARE : less;
    int y = 0;

    m->y[0] = 0;
    for (size_t i = 1; i < m->n; i++) {
        uint64_t share = total > 0 ? (m->stops[i] - m->stops[i - 1]) * height / total : 0;

        y += LINE + (int)share;
        m->y[i] = y;
    }
}

static int y_of(const struct memory *m, uint64_t at)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->stops[i] == at)
            return m->y[i];
    }
    return m->y[m->n - 1];
}

static int by_rank(const void *a, const void *b)
{
    const struct memory *m = a, *k = b;
    int order;

    if (m->rank != k->rank)
        return m->rank < k->rank ? -1 : 1;
    order = strcmp(m->domain, k->domain);
    return order != 0 ? order : strcmp(m->region, k->region);
}

/* Short names are looked for where a word begins: there is an "app" in "mapped", too. */
static bool is_named(const char *name, const char *part)
{
    const char *at = strstr(name, part);

    while (at != NULL && strlen(part) < 5 && at > name && isalnum((unsigned char)at[-1]) &&
           isalnum((unsigned char)part[0]))
        at = strstr(at + 1, part);
    return at != NULL;
}

static enum paint paint_of(const struct td_partition *p)
{
    static const struct {
        const char *part;
        enum paint paint;
    } names[] = {
        { "EMPTY", PAINT_EMPTY },
        { "provision", PAINT_PROVISION },
        { "bl_storage", PAINT_PROVISION },
        { "_pad", PAINT_PAD },
        { "secondary", PAINT_SECONDARY },
        { "slot1_", PAINT_SECONDARY },
        { "slot3_", PAINT_SECONDARY },
        { "scratch", PAINT_SCRATCH },
        { "storage", PAINT_STORAGE },
        { "littlefs", PAINT_STORAGE },
        { "nvs", PAINT_STORAGE },
        { "settings", PAINT_STORAGE },
        { "sram", PAINT_RAM },
        { "b0", PAINT_B0 },
        { "mcuboot_primary", PAINT_APP },
        { "mcuboot", PAINT_BOOT },
        { "boot", PAINT_BOOT },
        { "s0", PAINT_BOOT },
        { "s1", PAINT_BOOT },
        { "hci_", PAINT_NET },
        { "app", PAINT_APP },
        { "slot0_", PAINT_APP },
        { "slot2_", PAINT_APP },
        { "primary", PAINT_APP },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (is_named(p->name, names[i].part))
            return names[i].paint == PAINT_APP && p->domain[0] != '\0' ? PAINT_NET : names[i].paint;
    }
    return strncmp(p->region, "sram", 4) == 0 ? PAINT_RAM : PAINT_OTHER;
}

/* Of containers only the outermost is drawn, and one that holds nothing is a leaf. */
static bool holds_any(const struct td_layout *layout, const struct td_partition *p)
{
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *m = &layout->at[i];

        if (m != p && td_partition_holds(p, m) &&
            (m->size < p->size || !td_partition_is_container(m)))
            return true;
    }
    return false;
}

static bool is_box(const struct td_layout *layout, const struct td_partition *p)
{
    return td_partition_is_container(p) && holds_any(layout, p);
}

static bool is_outermost(const struct td_layout *layout, const struct td_partition *p)
{
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *m = &layout->at[i];

        if (m != p && is_box(layout, m) && td_partition_holds(m, p) &&
            (m->size > p->size || (m < p && is_box(layout, p))))
            return false;
    }
    return true;
}

static bool in_a_box(const struct td_layout *layout, const struct td_partition *p)
{
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *m = &layout->at[i];

        if (m != p && is_box(layout, m) && td_partition_holds(m, p))
            return true;
    }
    return false;
}

/* ---- pieces ---------------------------------------------------------------------------- */

static void put_text(struct td_text *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<': td_text_printf(out, "&lt;"); break;
        case '>': td_text_printf(out, "&gt;"); break;
        case '&': td_text_printf(out, "&amp;"); break;
        case '"': td_text_printf(out, "&quot;"); break;
        default: td_text_fill(out, *text, 1); break;
        }
    }
}

static void label(struct td_text *out, int x, int y, const char *style, const char *text)
{
    td_text_printf(out, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, style);
    put_text(out, text);
    td_text_printf(out, "</text>\n");
}

/* The end of a title that is too long for a column: a path tells most there. */
static void title(struct drawing *d, int x, const char *text)
{
    size_t len = strlen(text), from = len > TITLE ? len - TITLE : 0;
    char cut[TITLE + 4];

    while (((uint8_t)text[from] & 0xc0) == 0x80)
        from++; // no half a character
    (void)snprintf(cut, sizeof cut, "%s%s", from > 0 ? "..." : "", text + from);
    label(d->out, x, 36, "title", cut);
}

static bool has_error(const struct td_svg_side *side, const struct td_partition *p)
{
    for (size_t i = 0; side->issues != NULL && i < side->issues->n; i++) {
        const struct td_layout_issue *issue = &side->issues->at[i];

        if (issue->harm == TD_HARM_ERROR && strcmp(issue->partition, p->name) == 0 &&
            strcmp(issue->domain, p->domain) == 0)
            return true;
    }
    return false;
}

static void size_text(uint32_t size, char out[32])
{
    char kb[24];
    size_t n;

    td_report_size(size, true, kb);
    n = strlen(kb);
    // "47.5kB" reads better as "47.5 kB" where there is room.
    if (n > 2 && kb[n - 2] == 'k')
        (void)snprintf(out, 32, "%.*s kB", (int)(n - 2), kb);
    else
        (void)snprintf(out, 32, "%.*s B", (int)(n - 1), kb);
}

static void block(struct drawing *d, const struct td_svg_side *side, const struct td_partition *p,
                  int x, int y, int width, int height)
{
    enum paint paint = paint_of(p);
    bool bad = has_error(side, p);

    d->used[paint] = true;
    d->any_bad |= bad;
    td_text_printf(d->out,
                   "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" fill=\"%s\" "
                   "fill-opacity=\"0.92\" stroke=\"%s\" stroke-width=\"%s\"%s/>\n",
                   x + 1, y + 1, width - 2, height - 2, paints[paint].fill,
                   bad ? "#c62828" : paints[paint].edge, bad ? "3" : "1",
                   paint == PAINT_EMPTY ? " stroke-dasharray=\"4 3\"" : "");
}

static void draw_leaf(struct drawing *d, const struct td_svg_side *side, const struct memory *m,
                      const struct td_partition *p, int x, int y)
{
    bool boxed = in_a_box(side->layout, p);
    int left = x + (boxed ? BOX_WIDTH : 0);
    int width = LEAF_WIDTH + (boxed ? 0 : BOX_WIDTH);
    int from = y + y_of(m, p->addr), to = y + y_of(m, td_partition_end(p));
    int middle = (from + to) / 2 + 4;
    char size[32];

    if (p->size == 0)
        return;
    size_text(p->size, size);
    block(d, side, p, left, from, width, to - from);
    label(d->out, left + 10, middle, "name", p->name);
    label(d->out, left + width - 10, middle, "size", size);
}

static void draw_box(struct drawing *d, const struct td_svg_side *side, const struct memory *m,
                     const struct td_partition *p, int x, int y)
{
    int left = x, from = y + y_of(m, p->addr), to = y + y_of(m, td_partition_end(p));
    int middle = (from + to) / 2;
    const char *cut =
        strlen(p->name) > 17 && strncmp(p->name, "mcuboot_", 8) == 0 ? p->name + 8 : p->name;
    char size[32];

    size_text(p->size, size);
    block(d, side, p, left, from, BOX_WIDTH, to - from);
    if (to - from < 2 * LINE - 8) {
        label(d->out, left + 10, middle + 4, "name", cut);
        return;
    }
    label(d->out, left + 10, middle - 3, "name", cut);
    label(d->out, left + 10, middle + 13, "left", size);
}

static bool is_covered(const struct td_layout *layout, const struct memory *m, uint64_t at)
{
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];

        if (in_memory(m, p) && !is_box(layout, p) && p->addr <= at && td_partition_end(p) > at)
            return true;
    }
    return false;
}

/* Stretches that belong to nobody, those next to one another as one. */
static void draw_gaps(struct drawing *d, const struct td_svg_side *side, const struct memory *m,
                      int x, int y)
{
    for (size_t i = 0; i + 1 < m->n; i++) {
        size_t from = i;
        struct td_partition gap = { .name = "EMPTY" };
        char size[32];

        while (i + 1 < m->n && !is_covered(side->layout, m, m->stops[i]))
            i++;
        if (i == from)
            continue;
        gap.size = (uint32_t)(m->stops[i] - m->stops[from]);
        size_text(gap.size, size);
        block(d, side, &gap, x, y + m->y[from], BOX_WIDTH + LEAF_WIDTH, m->y[i] - m->y[from]);
        label(d->out, x + BOX_WIDTH + LEAF_WIDTH - 10, y + (m->y[from] + m->y[i]) / 2 + 4, "size",
              size);
    }
}

/* Whether the side has a boundary there: the other's are of no interest to its reader. */
static bool has_stop(const struct td_layout *layout, const struct memory *m, uint64_t at)
{
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];

        if (in_memory(m, p) && (p->addr == at || td_partition_end(p) == at))
            return true;
    }
    return false;
}

/* Left of the blocks, or right of them where the left is taken. */
static void draw_addresses(struct drawing *d, const struct td_layout *layout,
                           const struct memory *m, int x, int y, bool right)
{
    int edge = right ? x + BOX_WIDTH + LEAF_WIDTH : x - 7;

    for (size_t i = 0; i < m->n; i++) {
        char text[24];

        if (!has_stop(layout, m, m->stops[i]))
            continue;
        (void)snprintf(text, sizeof text, "0x%llx", (unsigned long long)m->stops[i]);
        label(d->out, right ? edge + 12 : edge - 5, y + m->y[i] + 4, right ? "addr right" : "addr",
              text);
        td_text_printf(d->out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"tick\"/>\n",
                       edge, y + m->y[i], edge + 7, y + m->y[i]);
    }
}

static bool shows(const struct td_layout *layout, const struct memory *m)
{
    for (size_t i = 0; i < layout->n; i++) {
        if (in_memory(m, &layout->at[i]))
            return true;
    }
    return false;
}

/* x, y: of the blocks' upper left corner. */
static void draw_memory(struct drawing *d, const struct td_svg_side *side, const struct memory *m,
                        int x, int y, bool right)
{
    const struct td_layout *layout = side->layout;
    char title[64];

    (void)snprintf(title, sizeof title, "%s%s%s", m->domain, m->domain[0] != '\0' ? " " : "",
                   m->region);
    label(d->out, x, y - 12, "memory", title);
    if (!shows(layout, m)) {
        label(d->out, x, y + 18, "left", "not in this layout");
        return;
    }
    draw_gaps(d, side, m, x, y);
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];

        if (in_memory(m, p) && is_box(layout, p) && is_outermost(layout, p))
            draw_box(d, side, m, p, x, y);
    }
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];

        if (in_memory(m, p) && !is_box(layout, p))
            draw_leaf(d, side, m, p, x, y);
    }
    draw_addresses(d, layout, m, x, y, right);
}

/* From a partition on the left to the one of its name on the right. */
static void draw_ties(struct drawing *d, const struct memory *m, int x1, int x2, int y)
{
    const struct td_layout *from = d->sides[0].layout, *to = d->sides[1].layout;

    for (size_t i = 0; i < from->n; i++) {
        const struct td_partition *a = &from->at[i];
        const struct td_partition *b = td_layout_find(to, a->domain, a->name);
        bool same;

        if (!in_memory(m, a) || b == NULL || !in_memory(m, b) || is_box(from, a))
            continue;
        same = a->addr == b->addr && a->size == b->size;
        td_text_printf(
            d->out, "<path d=\"M%d %d L%d %d L%d %d L%d %d Z\" fill=\"%s\" fill-opacity=\"%s\"/>\n",
            x1, y + y_of(m, a->addr) + 1, x2, y + y_of(m, b->addr) + 1, x2,
            y + y_of(m, td_partition_end(b)) - 1, x1, y + y_of(m, td_partition_end(a)) - 1,
            same ? "#c9d0da" : "#f0a35e", same ? "0.35" : "0.5");
    }
}

/* ---- the whole ------------------------------------------------------------------------- */

static void draw_head(struct drawing *d, int width, int height)
{
    td_text_printf(
        d->out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
        "%d\" "
        "font-family=\"'DejaVu Sans', Verdana, Arial, sans-serif\">\n"
        "<style>\n"
        ".title{font-size:18px;font-weight:bold;fill:#1f2733}\n"
        ".memory{font-size:13px;font-weight:bold;fill:#3b4656}\n"
        ".name,.left{font-size:12px;fill:#1f2733}\n"
        ".size{font-size:11px;fill:#3b4656;text-anchor:end}\n"
        ".left{font-size:11px;fill:#3b4656}\n"
        ".addr{font-size:11px;fill:#5a6678;text-anchor:end;font-family:'DejaVu Sans Mono',"
        "Consolas,monospace}\n"
        ".right{text-anchor:start}\n"
        ".tick{stroke:#9aa4b2;stroke-width:1}\n"
        "</style>\n"
        "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
        width, height, width, height, width, height);
}

/* One entry: what is drawn like that, and what it means. */
static void swatch(struct drawing *d, struct legend *at, const char *style, const char *words)
{
    int step = 40 + 7 * (int)strlen(words);

    if (at->x + step > at->width) {
        at->x = MARGIN;
        at->y += LINE;
        at->lines++;
    }
    td_text_printf(d->out, "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"14\" rx=\"3\" %s/>\n",
                   at->x, at->y, style);
    label(d->out, at->x + 20, at->y + 12, "left", words);
    at->x += step;
}

/* What was painted, in lines of that width; returns how many it takes. */
static int draw_legend(struct drawing *d, int y, int width)
{
    struct legend at = { MARGIN, y, width, 1 };
    char style[80];

    for (unsigned i = 0; i < N_PAINTS; i++) {
        (void)snprintf(style, sizeof style, "fill=\"%s\" stroke=\"%s\"", paints[i].fill,
                       paints[i].edge);
        if (d->used[i])
            swatch(d, &at, style, paints[i].words);
    }
    if (d->n_sides == 2) {
        swatch(d, &at, "fill=\"#c9d0da\" fill-opacity=\"0.35\"", "at the same place");
        swatch(d, &at, "fill=\"#f0a35e\" fill-opacity=\"0.5\"", "moved or resized");
    }
    if (d->any_bad)
        swatch(d, &at, "fill=\"none\" stroke=\"#c62828\" stroke-width=\"3\"",
               "an error of the check");
    return at.lines;
}

static int height_of(const struct memory *m)
{
    return m->y[m->n - 1];
}

/* The height comes first in the file and is known last: the body is drawn into a text of its own. */
static void finish(struct drawing *d, struct td_text *file, int width, int y)
{
    int lines = draw_legend(d, y, width);
    struct td_text *body = d->out;

    d->out = file;
    draw_head(d, width, y + lines * LINE + 16);
    td_text_printf(file, "%s</svg>\n", body->len > 0 ? body->at : "");
    file->failed |= body->failed;
}

/* One layout: its memories beside one another. */
static int draw_one(struct drawing *d, int *width)
{
    int most = 0, x = MARGIN + GUTTER - 16;

    title(d, MARGIN, d->sides[0].title);
    for (size_t i = 0; i < d->n_memories; i++) {
        draw_memory(d, &d->sides[0], &d->memories[i], x, TOP, false);
        most = height_of(&d->memories[i]) > most ? height_of(&d->memories[i]) : most;
        x += COLUMN + 24;
    }
    *width = x - GUTTER - 24 + MARGIN;
    return TOP + most + 36;
}

/* Two: memories below one another, a side for each layout. */
static int draw_two(struct drawing *d, int *width)
{
    int left = MARGIN + GUTTER - 16, right = left + BOX_WIDTH + LEAF_WIDTH + BETWEEN, y = TOP;

    title(d, left, d->sides[0].title);
    title(d, right, d->sides[1].title);
    for (size_t i = 0; i < d->n_memories; i++) {
        const struct memory *m = &d->memories[i];

        draw_ties(d, m, right - BETWEEN + 2, right - 2, y);
        draw_memory(d, &d->sides[0], m, left, y, false);
        draw_memory(d, &d->sides[1], m, right, y, true);
        y += height_of(m) + 64;
    }
    *width = right + COLUMN + MARGIN - 16;
    return y - 28;
}

void td_layout_svg(const struct td_svg_side *sides, size_t n, struct td_text *out)
{
    struct td_text body = { 0 };
    struct drawing d = { .sides = sides, .n_sides = n, .out = &body };
    int width, y;

    // As many memories as partitions, should each lie in one of its own.
    d.memories = calloc(2 * TD_LAYOUT_MAX, sizeof *d.memories);
    if (d.memories == NULL) {
        out->failed = true;
        return;
    }
    for (size_t s = 0; s < n; s++) {
        for (size_t i = 0; i < sides[s].layout->n; i++)
            add_partition(&d, &sides[s].layout->at[i]);
    }
    qsort(d.memories, d.n_memories, sizeof *d.memories, by_rank);
    for (size_t i = 0; i < d.n_memories; i++)
        bend_scale(&d.memories[i]);
    y = n == 2 ? draw_two(&d, &width) : draw_one(&d, &width);
    finish(&d, out, width, y);
    free(body.at);
    free(d.memories);
}
