/*
 * tools/map.c - a scale that leaves out the holes, and gives the smallest region a line.
 *
 * In a picture each region is at least as high as its label, the rest of the height is shared by
 * size: so labels never overlap, and what is large looks large.
 */
#include "tools/map.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BAR    32 /* columns of the terminal's picture */
#define ROW    20 /* pixels: the least height of a region */
#define SHARED 460
#define WIDTH  760
#define TITLE  60 /* characters */
#define WRAP   96 /* characters of a line below the title */
#define TOP    34

bool td_map_add(struct td_map *map, uint32_t addr, uint32_t size, enum td_map_ink ink,
                const char *format, ...)
{
    struct td_map_region *more;
    va_list args;

    if (size == 0)
        return true;
    more = realloc(map->at, (map->n + 1) * sizeof *map->at);
    if (more == NULL)
        return false;
    map->at = more;
    more = &map->at[map->n++];
    more->addr = addr;
    more->size = size;
    more->ink = ink;
    va_start(args, format);
    vsnprintf(more->text, sizeof more->text, format, args);
    va_end(args);
    return true;
}

void td_map_band(struct td_map *map, uint32_t addr, uint32_t size, const char *name)
{
    struct td_map_band *band;

    if (size == 0 || map->n_bands == TD_MAP_BANDS)
        return;
    band = &map->bands[map->n_bands++];
    band->addr = addr;
    band->size = size;
    snprintf(band->name, sizeof band->name, "%s", name);
}

void td_map_line(struct td_map *map, const char *format, ...)
{
    va_list args;

    if (map->n_lines == TD_MAP_LINES)
        return;
    va_start(args, format);
    vsnprintf(map->lines[map->n_lines++], sizeof map->lines[0], format, args);
    va_end(args);
}

void td_map_free(struct td_map *map)
{
    free(map->at);
    map->at = NULL;
    map->n = 0;
}

/* Bytes that are there, and how many of them lie in front of region n. */
static uint64_t there(const struct td_map *map, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        if (map->at[i].ink != TD_INK_HOLE)
            sum += map->at[i].size;
    return sum;
}

/* ---- a terminal --------------------------------------------------------------------- */

static void size_text(uint32_t size, char out[16])
{
    if (size < 10240)
        snprintf(out, 16, "%u B", size);
    else
        snprintf(out, 16, "%.1f KB", size / 1024.0);
}

static char ink_char(enum td_map_ink ink)
{
    static const char chars[TD_N_INKS] = {
        [TD_INK_HEADER] = 'h', [TD_INK_IMAGE] = '#', [TD_INK_TLV] = 't',     [TD_INK_TRAILER] = 'T',
        [TD_INK_CODE] = '=',   [TD_INK_NSIB] = 'N',  [TD_INK_STORAGE] = 's', [TD_INK_LOG] = 'L',
        [TD_INK_DATA] = '+',   [TD_INK_BLANK] = '-', [TD_INK_HOLE] = ' ',
    };

    return chars[ink];
}

static void bar_of(const struct td_map *map, size_t n, char bar[BAR + 1])
{
    const struct td_map_region *r = &map->at[n];
    uint64_t all = there(map, map->n);
    uint64_t from = there(map, n);
    uint64_t first, last;

    memset(bar, '.', BAR);
    bar[BAR] = '\0';
    if (all == 0 || r->ink == TD_INK_HOLE)
        return;
    first = from * BAR / all;
    last = (from + r->size - 1) * BAR / all;
    for (uint64_t i = first; i <= last && i < BAR; i++)
        bar[i] = ink_char(r->ink);
}

void td_map_print(const struct td_map *map, FILE *out)
{
    char bar[BAR + 1], size[16];

    fprintf(out, "map:\n");
    for (size_t i = 0; i < map->n; i++) {
        const struct td_map_region *r = &map->at[i];

        size_text(r->size, size);
        bar_of(map, i, bar);
        fprintf(out, "  0x%06x  %9s  |%s|  %s\n", r->addr, size, bar, r->text);
    }
}

/* ---- SVG ---------------------------------------------------------------------------- */

static void put_text(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len && text[i] != '\0'; i++) {
        switch (text[i]) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        // A file's name may hold anything; a document may not.
        default: fputc((unsigned char)text[i] < 0x20 ? '?' : text[i], out);
        }
    }
}

static const char *ink_color(enum td_map_ink ink)
{
    static const char *const colors[TD_N_INKS] = {
        [TD_INK_HEADER] = "#2f6f4f",  [TD_INK_IMAGE] = "#63b081",   [TD_INK_TLV] = "#2f6f4f",
        [TD_INK_TRAILER] = "#e39c2b", [TD_INK_CODE] = "#5f8fd0",    [TD_INK_NSIB] = "#9b72c4",
        [TD_INK_STORAGE] = "#58b3c0", [TD_INK_LOG] = "#cf7f63",     [TD_INK_DATA] = "#a9a9a9",
        [TD_INK_BLANK] = "#f4f4f1",   [TD_INK_HOLE] = "url(#hole)",
    };

    return colors[ink];
}

/* Lines of at most WRAP characters, broken at blanks. Returns how many. */
static unsigned wrap(FILE *out, const char *text, unsigned x, unsigned y)
{
    unsigned n = 0;

    while (*text != '\0') {
        size_t len = strlen(text);

        if (len > WRAP) {
            for (len = WRAP; len > WRAP / 2 && text[len] != ' '; len--)
                ;
        }
        fprintf(out, "<text class=\"s\" x=\"%u\" y=\"%u\">", x, y + 16 * n);
        put_text(out, text, len);
        fputs("</text>\n", out);
        text += len;
        while (*text == ' ')
            text++;
        n++;
    }
    return n;
}

static double height_of(const struct td_map *map, size_t n)
{
    uint64_t all = there(map, map->n);
    const struct td_map_region *r = &map->at[n];

    if (r->ink == TD_INK_HOLE || all == 0)
        return ROW;
    return ROW + (double)SHARED * r->size / (double)all;
}

/* Where an address stands in the picture. */
static double y_of(const struct td_map *map, uint64_t addr)
{
    double y = 0;

    for (size_t i = 0; i < map->n; i++) {
        const struct td_map_region *r = &map->at[i];
        double h = height_of(map, i);

        if (addr < r->addr)
            return y;
        if (addr < (uint64_t)r->addr + r->size)
            return y + h * (double)(addr - r->addr) / r->size;
        y += h;
    }
    return y;
}

static void draw_regions(const struct td_map *map, double top, FILE *out)
{
    double y = top;
    uint64_t end = 0;
    char size[16];

    for (size_t i = 0; i < map->n; i++) {
        const struct td_map_region *r = &map->at[i];
        double h = height_of(map, i);

        end = (uint64_t)r->addr + r->size;
        size_text(r->size, size);
        fprintf(out,
                "<rect x=\"100\" y=\"%.1f\" width=\"150\" height=\"%.1f\" fill=\"%s\" "
                "stroke=\"#ffffff\"/>\n",
                y, h, ink_color(r->ink));
        fprintf(out, "<text class=\"a\" x=\"92\" y=\"%.1f\">0x%08x</text>\n", y + 11, r->addr);
        fprintf(out, "<line x1=\"94\" y1=\"%.1f\" x2=\"100\" y2=\"%.1f\"/>\n", y, y);
        fprintf(out, "<text class=\"l\" x=\"306\" y=\"%.1f\">", y + h / 2 + 4);
        put_text(out, r->text, sizeof r->text);
        fprintf(out, " <tspan class=\"z\">%s</tspan></text>\n", size);
        y += h;
    }
    fprintf(out, "<line x1=\"94\" y1=\"%.1f\" x2=\"100\" y2=\"%.1f\"/>\n", y, y);
    fprintf(out, "<text class=\"a\" x=\"92\" y=\"%.1f\">0x%08x</text>\n", y + 11, (unsigned)end);
    fprintf(out, "<rect x=\"100\" y=\"%.1f\" width=\"150\" height=\"%.1f\" class=\"frame\"/>\n",
            top, y - top);
}

/* Two lanes, so that a slot and what lies in it stand beside one another. */
static void draw_bands(const struct td_map *map, double top, FILE *out)
{
    for (size_t i = 0; i < map->n_bands; i++) {
        const struct td_map_band *b = &map->bands[i];
        double y = top + y_of(map, b->addr);
        double end = top + y_of(map, (uint64_t)b->addr + b->size);
        double mid = (y + end) / 2;

        fprintf(out, "<path class=\"band\" d=\"M 254 %.1f H 262 V %.1f H 254\"/>\n", y + 2,
                end - 2);
        if (end - y < 7.0 * (double)strlen(b->name))
            continue; // no room for the word beside so short a bracket; the label has it
        fprintf(out, "<text class=\"b\" transform=\"translate(278 %.1f) rotate(-90)\">", mid);
        put_text(out, b->name, sizeof b->name);
        fputs("</text>\n", out);
    }
}

/* The end of a title that is too long for the picture: a path tells most there. */
static void put_title(FILE *out, const char *title)
{
    size_t len = strlen(title), from = len > TITLE ? len - TITLE : 0;

    while (((uint8_t)title[from] & 0xc0) == 0x80)
        from++; // no half a character
    if (from > 0)
        fputs("...", out);
    put_text(out, title + from, len - from);
}

/* Returns the height that the map took. */
static double draw_map(const struct td_map *map, FILE *out)
{
    unsigned y = TOP;
    double height = 0;

    fputs("<text class=\"t\" x=\"16\" y=\"24\">", out);
    put_title(out, map->title);
    fputs("</text>\n", out);
    for (size_t i = 0; i < map->n_lines; i++)
        y += 16 * wrap(out, map->lines[i], 16, y + 14);
    for (size_t i = 0; i < map->n; i++)
        height += height_of(map, i);
    draw_regions(map, y + 16, out);
    draw_bands(map, y + 16, out);
    return y + 16 + height + 24;
}

void td_map_svg(const struct td_map *maps, size_t n, FILE *out)
{
    char *body = NULL;
    size_t len = 0;
    FILE *inner = open_memstream(&body, &len);
    double tallest = 0;

    if (inner == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        double height;

        fprintf(inner, "<g transform=\"translate(%zu 0)\">\n", i * WIDTH);
        height = draw_map(&maps[i], inner);
        fputs("</g>\n", inner);
        tallest = height > tallest ? height : tallest;
    }
    fclose(inner);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" height=\"%.0f\" "
            "viewBox=\"0 0 %zu %.0f\" font-family=\"system-ui, sans-serif\">\n"
            "<defs><pattern id=\"hole\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
            "<rect width=\"8\" height=\"8\" fill=\"#ffffff\"/>"
            "<path d=\"M 0 8 L 8 0\" stroke=\"#c8c8c8\"/></pattern></defs>\n"
            "<style>text{fill:#222}line{stroke:#888}.t{font-size:16px;font-weight:600}"
            ".s{font-size:12.5px;fill:#444}.a{font:11px monospace;text-anchor:end}"
            ".l{font-size:12.5px}.z{fill:#888}.b{font-size:12px;text-anchor:middle;fill:#555}"
            ".band{fill:none;stroke:#888}.frame{fill:none;stroke:#666}</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
            n * WIDTH, tallest, n * WIDTH, tallest);
    if (body != NULL)
        fwrite(body, 1, len, out);
    fputs("</svg>\n", out);
    free(body);
}
