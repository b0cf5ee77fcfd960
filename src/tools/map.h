/*
 * tools/map.h - a picture of what lies where: lines with bars for a terminal, SVG for a page.
 *
 * Regions ascend, touch one another and do not overlap. Bands (slots, partitions) are drawn
 * beside them and may lie in one another.
 */
#ifndef TD_TOOLS_MAP_H
#define TD_TOOLS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum td_map_ink {
    TD_INK_HEADER,
    TD_INK_IMAGE,
    TD_INK_TLV,
    TD_INK_TRAILER,
    TD_INK_CODE,
    TD_INK_NSIB,
    TD_INK_STORAGE,
    TD_INK_LOG,
    TD_INK_DATA,
    TD_INK_BLANK,
    TD_INK_HOLE, /* not in the file: drawn short, whatever its size */
    TD_N_INKS
};

#define TD_MAP_TEXT  120
#define TD_MAP_BANDS 16
#define TD_MAP_LINES 8

struct td_map_region {
    uint32_t addr;
    uint32_t size;
    enum td_map_ink ink;
    char text[TD_MAP_TEXT];
};

struct td_map_band {
    uint32_t addr;
    uint32_t size;
    char name[32];
};

struct td_map {
    char title[200];
    char lines[TD_MAP_LINES][400]; /* below the title of a picture */
    size_t n_lines;
    struct td_map_region *at;
    size_t n;
    struct td_map_band bands[TD_MAP_BANDS];
    size_t n_bands;
};

/* false: no memory. */
bool td_map_add(struct td_map *map, uint32_t addr, uint32_t size, enum td_map_ink ink,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
void td_map_band(struct td_map *map, uint32_t addr, uint32_t size, const char *name);
void td_map_line(struct td_map *map, const char *format, ...) __attribute__((format(printf, 2, 3)));
void td_map_free(struct td_map *map);

/* One line a region: address, size, where it lies, what it is. */
void td_map_print(const struct td_map *map, FILE *out);

/* Maps side by side as one SVG document. */
void td_map_svg(const struct td_map *maps, size_t n, FILE *out);

#endif
