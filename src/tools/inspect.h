/* tools/inspect.h - what the files of `tandem inspect` share: one for each kind of file. */
#ifndef TD_TOOLS_INSPECT_H
#define TD_TOOLS_INSPECT_H

#include "tools/cli.h"
#include "tools/map.h"
#include "tools/slots.h"

struct td_inspect {
    struct td_cli *cli;
    const char *layout; /* --layout, or NULL */
    bool has_base;      /* --base */
    uint32_t base;
    uint32_t align;             /* --align, 0: as the layout says, or as found */
    struct td_place_of storage; /* --storage; size 0: as the layout says, or as found */
    uint32_t storage_sector;    /* 0: as found, or 4096 */
    const char *svg;

    struct td_map *maps; /* of the files that were drawn, for --svg */
    size_t n_maps;
};

/* Each says a file's contents, adds its map, and returns an exit code; bytes stay the caller's. */
int td_inspect_image(struct td_inspect *in, const char *path); /* reads it itself */
int td_inspect_flash(struct td_inspect *in, const char *path, const uint8_t *bytes, size_t len,
                     bool hex);
int td_inspect_package(struct td_inspect *in, const char *path, const uint8_t *bytes, size_t len);

/* Keeps a map for --svg; it belongs to in from then on. */
void td_inspect_keep(struct td_inspect *in, struct td_map *map);

/*
 * Where the slots lie: as --layout says, else guessed from the finds. TD_EXIT_OK and *known, or
 * the exit code of what was said about the layout.
 */
int td_inspect_plan(const struct td_inspect *in, const struct td_survey *s,
                    const struct td_memory *m, struct td_plan *plan, bool *known);

/* One line about a thing: "image 1.2.3, 20552 bytes, hash 0123abcd". */
void td_thing_text(const struct td_thing *t, char *out, size_t cap);
enum td_map_ink td_thing_ink(const struct td_thing *t);

/*
 * The settings of a memory, a table for people or an object for programs (NULL: there are none).
 * plan is NULL where none is known.
 */
void td_inspect_settings_say(const struct td_inspect *in, const struct td_survey *s,
                             const struct td_memory *m, const struct td_plan *plan);
json_t *td_inspect_settings_json(const struct td_inspect *in, const struct td_survey *s,
                                 const struct td_memory *m, const struct td_plan *plan);

json_t *td_hex_json(const uint8_t *bytes, size_t len);
json_t *td_thing_json(const struct td_thing *t);

/* What the first stage reads of a firmware, in words and for programs (null: nothing found). */
void td_nsib_say(FILE *out, const char *indent, const struct td_nsib_found *f);
json_t *td_nsib_json(const struct td_nsib_found *f);
void td_provision_say(FILE *out, const struct td_provision *p);
json_t *td_provision_json(const struct td_provision *p);

#endif
