/*
 * tools/images.h - what the verbs about images share: the file, the list in words, and how
 * people name a slot or an image.
 */
#ifndef TD_TOOLS_IMAGES_H
#define TD_TOOLS_IMAGES_H

#include "client/preflight.h"
#include "client/requests.h"
#include "tools/device.h"
#include "tools/file.h"

/* A signed image from a file, read whole. */
struct td_image_file {
    const char *path;
    struct td_file file;
    struct td_source src; /* over file */
    uint8_t sha[32];      /* SHA-256 of all bytes */
    struct td_image_facts facts;
};

/*
 * Reads path and looks at it. A file that cannot be read or is no sound image (structure, own
 * hash) is said, TD_EXIT_FILE; with unsound_is_fine only what cannot be read is. Ended by
 * td_image_file_close in either case.
 */
int td_image_file_open(struct td_cli *cli, const char *path, bool unsound_is_fine,
                       struct td_image_file *out);
void td_image_file_close(struct td_image_file *f);

/* "slot0", "slot1", "N" for image 0, "I.S" for others. */
bool td_parse_slot(const char *text, uint32_t *image, uint32_t *slot);

/* "0" or "1.0": the way back, for sentences. */
void td_slot_text(uint32_t image, uint32_t slot, char out[24]);

/*
 * The line of the list that HASH or FILE means. TD_EXIT_OK and *state; otherwise said: USAGE when
 * it is neither a hash nor a file, or when it is ambiguous; FILE; REFUSED when no slot has it.
 */
int td_find_image(struct td_cli *cli, const struct td_image_states *list, const char *text,
                  const struct td_image_state **state);

/* What this line's flags mean, in a few words. */
const char *td_state_words(const struct td_image_states *list, const struct td_image_state *state);

/* The list as a table on stdout, or as JSON. */
void td_print_states(struct td_cli *cli, const struct td_image_states *list);
json_t *td_states_json(const struct td_image_states *list);

/* The list from the device; a failure was said, with the attempt in words. */
int td_read_states(struct td_device *dev, struct td_reply *reply);

#endif
