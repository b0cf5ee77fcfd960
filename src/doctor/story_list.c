/* doctor/story_list.c - image lists: from an answer's body to slots, and what they show. */
#include "doctor/story_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"

static const char digits[] = "0123456789abcdef";

/* The first bytes of base64, enough for a hash's first digits. */
static void hash_base64(const char *text, char out[STORY_HASH + 1])
{
    uint32_t bits = 0;
    unsigned n_bits = 0, n = 0;

    for (; *text && n < STORY_HASH; text++) {
        int v = td_base64_value((uint8_t)*text);

        if (v < 0)
            break;
        bits = bits << 6 | (uint32_t)v;
        for (n_bits += 6; n_bits >= 4 && n < STORY_HASH; n_bits -= 4)
            out[n++] = digits[bits >> (n_bits - 4) & 15];
    }
    out[n == STORY_HASH ? n : 0] = '\0';
}

void story_hash_text(const char *text, size_t len, char out[STORY_HASH + 1])
{
    size_t hex = 0;

    out[0] = '\0';
    if (len >= 4 && strncmp(text, "hex:", 4) == 0) {
        text += 4;
        len -= 4;
    } else if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        len -= 2;
    }
    while (hex < len && isxdigit((unsigned char)text[hex]))
        hex++;
    if (hex >= STORY_HASH && (hex == len || hex >= 40)) {
        for (size_t i = 0; i < STORY_HASH; i++)
            out[i] = (char)tolower((unsigned char)text[i]);
        out[STORY_HASH] = '\0';
    } else if (len >= 12) {
        hash_base64(text, out);
    }
}

void story_hash(const json_t *value, char out[STORY_HASH + 1])
{
    out[0] = '\0';
    if (json_is_string(value))
        story_hash_text(json_string_value(value), json_string_length(value), out);
}

static void version(const json_t *value, char *out, size_t cap)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    size_t n = 0;

    for (; text[n] && n < cap - 1 && strchr("0123456789.+-", text[n]); n++)
        out[n] = text[n];
    out[n] = '\0';
}

static uint8_t small(const json_t *value)
{
    json_int_t n = json_integer_value(value);

    return n < 0 || n > 255 ? 255 : (uint8_t)n;
}

static void read_slot(const json_t *entry, struct story_slot *slot)
{
    memset(slot, 0, sizeof *slot);
    slot->image = small(json_object_get(entry, "image"));
    slot->slot = small(json_object_get(entry, "slot"));
    version(json_object_get(entry, "version"), slot->version, sizeof slot->version);
    story_hash(json_object_get(entry, "hash"), slot->hash);
    slot->pending = json_is_true(json_object_get(entry, "pending"));
    slot->permanent = json_is_true(json_object_get(entry, "permanent"));
    slot->confirmed = json_is_true(json_object_get(entry, "confirmed"));
    slot->active = json_is_true(json_object_get(entry, "active"));
    slot->bootable = json_is_true(json_object_get(entry, "bootable"));
}

bool story_list_read(const json_t *body, struct story_list *list)
{
    const json_t *images = json_object_get(body, "images");
    size_t n = json_array_size(images);

    memset(list, 0, sizeof *list);
    if (!json_is_array(images))
        return false;
    for (size_t i = 0; i < n && list->n < STORY_SLOTS; i++) {
        const json_t *entry = json_array_get(images, i);

        if (json_is_object(entry))
            read_slot(entry, &list->slots[list->n++]);
    }
    return true;
}

const struct story_slot *story_list_hash(const struct story_list *list, const char *hash)
{
    for (size_t i = 0; *hash && i < list->n; i++)
        if (strcmp(list->slots[i].hash, hash) == 0)
            return &list->slots[i];
    return NULL;
}

const struct story_slot *story_list_active(const struct story_list *list, uint8_t image)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->slots[i].active && list->slots[i].image == image)
            return &list->slots[i];
    return NULL;
}

const struct story_slot *story_list_pending(const struct story_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->slots[i].pending)
            return &list->slots[i];
    return NULL;
}

const struct story_slot *story_list_slot(const struct story_list *list, uint8_t image, uint8_t slot)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->slots[i].image == image && list->slots[i].slot == slot)
            return &list->slots[i];
    return NULL;
}

static bool same_slot(const struct story_slot *a, const struct story_slot *b)
{
    return a->image == b->image && a->slot == b->slot && a->pending == b->pending &&
           a->permanent == b->permanent && a->confirmed == b->confirmed && a->active == b->active &&
           strcmp(a->hash, b->hash) == 0;
}

bool story_list_same(const struct story_list *a, const struct story_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!same_slot(&a->slots[i], &b->slots[i]))
            return false;
    return true;
}

static void slot_words(const struct story_slot *slot, bool images, char *out, size_t cap)
{
    static const char *const names[] = { "active", "confirmed", "pending", "permanent" };
    const bool flags[] = { slot->active, slot->confirmed, slot->pending, slot->permanent };
    char image[16] = "";
    size_t n;

    if (images)
        snprintf(image, sizeof image, "image %u ", slot->image);
    snprintf(out, cap, "%sslot %u: %s %s", image, slot->slot,
             slot->version[0] ? slot->version : "(no version)",
             slot->hash[0] ? slot->hash : "(no hash)");
    for (size_t i = 0; i < 4; i++)
        if (flags[i]) {
            n = strlen(out);
            snprintf(out + n, cap - n, ", %s", names[i]);
        }
}

void story_list_words(const struct story_list *list, char *out, size_t cap)
{
    bool images = false;

    out[0] = '\0';
    if (list->n == 0)
        snprintf(out, cap, "no image at all");
    for (size_t i = 0; i < list->n; i++)
        images = images || list->slots[i].image != list->slots[0].image;
    for (size_t i = 0; i < list->n; i++) {
        char one[128];
        size_t n = strlen(out);

        slot_words(&list->slots[i], images, one, sizeof one);
        snprintf(out + n, cap - n, "%s%s", i ? "; " : "", one);
    }
}

void story_list_facts(struct td_story *s, const struct story_act *act, const char *when)
{
    for (size_t i = 0; i < act->list.n; i++) {
        const struct story_slot *slot = &act->list.slots[i];
        struct story_attrs a = { 0 };
        char words[128];

        story_attr(&a, "when", "%s", when);
        story_attr(&a, "image", "%u", slot->image);
        story_attr(&a, "slot", "%u", slot->slot);
        if (slot->version[0])
            story_attr(&a, "version", "%s", slot->version);
        if (slot->hash[0])
            story_attr(&a, "hash", "%s", slot->hash);
        story_attr(&a, "pending", "%d", slot->pending);
        story_attr(&a, "permanent", "%d", slot->permanent);
        story_attr(&a, "confirmed", "%d", slot->confirmed);
        story_attr(&a, "active", "%d", slot->active);
        story_attr(&a, "bootable", "%d", slot->bootable);
        slot_words(slot, false, words, sizeof words);
        story_fact(s, "slot", &act->at, act->time_us, words, &a);
    }
}
