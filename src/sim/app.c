/*
 * sim/app.c - writing and reading the descriptor of a simulated application.
 *
 * A descriptor counts only when its checksum holds, so a payload from elsewhere is never
 * taken for one, and a damaged one runs as an ordinary application.
 */
#include "sim/app.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"

enum {
    AT_MAGIC = 0,
    AT_FORM = 8,
    AT_FLAGS = 10,
    AT_SIZE = 12,
    AT_NAME = 16,
    AT_CRC = 60,
};

#define FORM      1
#define ALL_FLAGS (SIM_APP_SELF_CONFIRM | SIM_APP_CRASH | SIM_APP_MUTE | SIM_APP_HANG)

static const uint8_t magic[8] = { 'T', 'D', 'S', 'I', 'M', 'A', 'P', 'P' };

bool sim_app_name_ok(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > SIM_APP_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < 0x20 || name[i] > 0x7e)
            return false;
    }
    return true;
}

/* FNV-1a, 64 bits: where the filler of a name begins. */
static uint64_t seed_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    return hash;
}

/* SplitMix64: passes over a counter, so no seed is a bad one. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void fill(uint8_t *out, size_t len, const char *name)
{
    uint64_t state = seed_of(name);
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            word = next_random(&state);
        out[i] = (uint8_t)(word >> (8 * (i % 8)));
    }
}

enum td_err sim_app_build(const struct sim_app *app, uint8_t *out, size_t cap)
{
    if (!sim_app_name_ok(app->name) || (app->flags & ~ALL_FLAGS) != 0 ||
        app->size < SIM_APP_DESCRIPTOR_SIZE || app->size > SIM_APP_SIZE_MAX)
        return TD_EARG;
    if (cap < app->size)
        return TD_ESPACE;
    memset(out, 0, SIM_APP_DESCRIPTOR_SIZE);
    memcpy(out + AT_MAGIC, magic, sizeof magic);
    td_store_le16(out + AT_FORM, FORM);
    td_store_le16(out + AT_FLAGS, app->flags);
    td_store_le32(out + AT_SIZE, app->size);
    memcpy(out + AT_NAME, app->name, strlen(app->name));
    td_store_le32(out + AT_CRC, td_crc32(0, out, AT_CRC));
    fill(out + SIM_APP_DESCRIPTOR_SIZE, app->size - SIM_APP_DESCRIPTOR_SIZE, app->name);
    return TD_OK;
}

enum td_err sim_app_read(const uint8_t bytes[SIM_APP_DESCRIPTOR_SIZE], struct sim_app *app)
{
    struct sim_app found;

    if (memcmp(bytes + AT_MAGIC, magic, sizeof magic) != 0 ||
        td_load_le32(bytes + AT_CRC) != td_crc32(0, bytes, AT_CRC))
        return TD_ENOTFOUND;
    if (td_load_le16(bytes + AT_FORM) != FORM)
        return TD_EUNSUPPORTED;
    found.flags = td_load_le16(bytes + AT_FLAGS);
    found.size = td_load_le32(bytes + AT_SIZE);
    memcpy(found.name, bytes + AT_NAME, sizeof found.name);
    found.name[SIM_APP_NAME_MAX] = '\0';
    if (!sim_app_name_ok(found.name))
        return TD_ENOTFOUND;
    *app = found;
    return TD_OK;
}
