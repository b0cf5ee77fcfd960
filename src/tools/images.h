/*
 * tools/images.h - what the verbs about a device's images share: the list in words, and how
 * people name a slot or an image.
 */
#ifndef TD_TOOLS_IMAGES_H
#define TD_TOOLS_IMAGES_H

#include "client/requests.h"
#include "tools/device.h"

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
