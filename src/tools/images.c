/* tools/images.c - slots and the image list, as people see them. */
#include "tools/images.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/imagefile.h"

#define HASH_SHOWN 16 /* hex digits in a table; --json has all of them */

bool td_parse_slot(const char *text, uint32_t *image, uint32_t *slot)
{
    const char *dot = strchr(text, '.');
    char first[12];

    *image = 0;
    if (strncmp(text, "slot", 4) == 0)
        return td_parse_u32(text + 4, 0, 1, slot);
    if (!dot)
        return td_parse_u32(text, 0, 1, slot);
    if ((size_t)(dot - text) >= sizeof first)
        return false;
    memcpy(first, text, (size_t)(dot - text));
    first[dot - text] = '\0';
    return td_parse_u32(first, 0, 255, image) && td_parse_u32(dot + 1, 0, 1, slot);
}

void td_slot_text(uint32_t image, uint32_t slot, char out[24])
{
    if (image == 0)
        snprintf(out, 24, "slot%u", slot);
    else
        snprintf(out, 24, "%u.%u", image, slot);
}

/* ---- HASH and FILE ------------------------------------------------------------------- */

static bool is_hash_text(const char *text)
{
    size_t len = strlen(text);

    return len >= 8 && len <= 2 * TD_IMG_HASH_MAX && strspn(text, "0123456789abcdefABCDEF") == len;
}

static bool begins_with(const struct td_image_state *state, const char *text)
{
    char hex[2 * TD_IMG_HASH_MAX + 1];

    td_hex(state->hash, state->hash_len, hex);
    for (size_t i = 0; text[i] != '\0'; i++) {
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];

        if (hex[i] != c)
            return false;
    }
    return true;
}

static int not_on_device(struct td_cli *cli, const char *text, bool is_file)
{
    return td_cli_fail(cli, TD_EXIT_REFUSED, "not-on-device",
                       is_file ? "no slot of the device holds this image"
                               : "no slot of the device holds an image with this hash",
                       text,
                       is_file ? "send it first: tandem image upload FILE"
                               : "tandem image list shows the hashes that are there");
}

static int find_by_hash(struct td_cli *cli, const struct td_image_states *list, const char *text,
                        const struct td_image_state **state)
{
    *state = NULL;
    for (unsigned i = 0; i < list->n; i++) {
        const struct td_image_state *at = &list->at[i];

        if (at->hash_len == 0 || !begins_with(at, text))
            continue;
        if (*state && ((*state)->hash_len != at->hash_len ||
                       memcmp((*state)->hash, at->hash, at->hash_len) != 0))
            return td_cli_usagef(cli, "two images have a hash that begins with %s", text);
        // The same image in both slots: the one that does not run is the one to be told about.
        if (!*state || (*state)->active)
            *state = at;
    }
    return *state ? TD_EXIT_OK : not_on_device(cli, text, false);
}

static int find_by_file(struct td_cli *cli, const struct td_image_states *list, const char *path,
                        const struct td_image_state **state)
{
    struct td_image_file f;
    int exit = td_image_file_open(cli, path, false, &f);

    *state = NULL;
    if (exit == TD_EXIT_OK) {
        for (unsigned i = 0; i < list->n; i++) {
            const struct td_image_state *at = &list->at[i];

            if (at->hash_len > 0 && at->hash_len == f.facts.hash_len &&
                memcmp(at->hash, f.facts.hash, at->hash_len) == 0 && (!*state || (*state)->active))
                *state = at;
        }
        if (!*state)
            exit = not_on_device(cli, path, true);
    }
    td_image_file_close(&f);
    return exit;
}

int td_find_image(struct td_cli *cli, const struct td_image_states *list, const char *text,
                  const struct td_image_state **state)
{
    struct stat st;

    if (is_hash_text(text) && stat(text, &st) != 0)
        return find_by_hash(cli, list, text, state);
    if (stat(text, &st) != 0 && !strchr(text, '/') && !strchr(text, '.'))
        return td_cli_usagef(cli, "'%s' is neither a hash (8 hex digits or more) nor a file", text);
    return find_by_file(cli, list, text, state);
}

/* ---- the list in words --------------------------------------------------------------- */

const char *td_state_words(const struct td_image_states *list, const struct td_image_state *s)
{
    const struct td_image_state *active = td_states_active(list, s->image);

    if (s->active) {
        if (s->confirmed)
            return "running, confirmed";
        return "running on trial; without confirm, the next reset brings the old one back";
    }
    if (s->pending && s->permanent)
        return "pending for good: installed at the next reset, without a trial";
    if (s->pending)
        return "pending: tried at the next reset";
    if (s->confirmed && active && !active->confirmed)
        return "the previous image: comes back at the next reset, unless the new one is confirmed";
    if (s->confirmed)
        return "confirmed";
    if (!s->bootable)
        return "not bootable";
    return "there, not requested";
}

json_t *td_states_json(const struct td_image_states *list)
{
    json_t *images = json_array();

    for (unsigned i = 0; i < list->n; i++) {
        const struct td_image_state *s = &list->at[i];
        char hex[2 * TD_IMG_HASH_MAX + 1];

        td_hex(s->hash, s->hash_len, hex);
        json_array_append_new(
            images,
            json_pack("{s:i, s:i, s:s?, s:s?, s:b, s:b, s:b, s:b, s:b}", "image", (int)s->image,
                      "slot", (int)s->slot, "version", s->version[0] ? s->version : NULL, "hash",
                      s->hash_len ? hex : NULL, "bootable", s->bootable, "pending", s->pending,
                      "confirmed", s->confirmed, "active", s->active, "permanent", s->permanent));
    }
    return json_pack("{s:o}", "images", images);
}

void td_print_states(struct td_cli *cli, const struct td_image_states *list)
{
    if (cli->json) {
        td_cli_json(cli, td_states_json(list));
        return;
    }
    if (list->n == 0) {
        fputs("The device lists no image.\n", cli->out);
        return;
    }
    fprintf(cli->out, "%sslot   version       hash              state%s\n",
            td_cli_color(cli, cli->out, "1"), td_cli_color(cli, cli->out, "0"));
    for (unsigned i = 0; i < list->n; i++) {
        const struct td_image_state *s = &list->at[i];
        char hex[2 * TD_IMG_HASH_MAX + 1], slot[24];

        td_hex(s->hash, s->hash_len, hex);
        td_slot_text(s->image, s->slot, slot);
        fprintf(cli->out, "%-6s %-13s %-*.*s  %s\n", slot, s->version[0] ? s->version : "?",
                HASH_SHOWN, HASH_SHOWN, s->hash_len ? hex : "not told", td_state_words(list, s));
    }
}

int td_read_states(struct td_device *dev, struct td_reply *reply)
{
    struct td_request request = { .kind = TD_REQ_IMAGE_LIST };

    if (td_device_ask(dev, &request, reply))
        return TD_EXIT_OK;
    return td_device_failed(dev, &reply->failure, "reading the image list", NULL);
}
