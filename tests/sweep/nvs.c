/*
 * nvs.c - the rows of settings in flash: keys are written, deleted and wiped while the power goes.
 *
 * Steps are numbered, and what every key holds after each of them is known. A run mounts the
 * store and finds out from its keys how many steps are done; it goes on from there. A cut may
 * leave the step it cut done or not, and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "nvs/settings.h"
#include "planted.h"
#include "rows.h"

enum {
    SECTOR = 256,
    SECTOR_NAMED = 512,
    SECTORS_MAX = 4,
    KEYS = 5,
    VALUE_MAX = 24,
    STEPS_MAX = 64
};

/* What was wrong with what a cut left behind. Nothing later makes it good. */
enum { NO_MOUNT = 1, NOT_OLD_OR_NEW = 2 };

static const struct chip {
    const char *name;
    uint16_t word;
    uint8_t budget, erased;
    bool ecc_error;
    uint8_t sectors;
    bool data_crc;
} chips[] = {
    { "2 of 256 B", 4, 2, 0xff, false, 2, false }, { "3, ecc", 8, 1, 0xff, true, 3, false },
    { "2, 0x00", 4, 1, 0x00, false, 2, true },     { "4, bytes", 1, 0, 0xff, false, 4, false },
    { "2, ecc", 8, 1, 0xff, true, 2, true },
};

/*
 * What is done to the keys a to e: a letter writes it, a capital deletes it, ! wipes all. Values
 * are long and short by turns, and every one tells the number of its step.
 */
static const struct story {
    const char *name;
    uint32_t before; /* steps that are done when the power comes on; without them it is erased */
    const char *steps;
    bool named; /* the keys are settings by name */
} stories[] = {
    { "set", 9, "abcdeabcdeabcdeababcdea", false },
    { "set and delete", 9, "abcdeAabBcCdDabcdeEAabcBCdeDEab", false },
    { "wipe", 11, "abcdeabcdea!bcde!abcdea", false },
    { "by name", 9, "abcdeAabBcCdDabc!deEa", true },
    { "first use", 0, "aabbA!a!!bc", false },
};

static struct bench {
    struct td_flash_run runs;
    struct sim_nor_model model;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area;
    struct td_nvs_config cfg;
    struct td_settings settings;
    struct shim shim;
    const struct story *story;
    uint32_t done; /* the latest step that this run was told is done */
} b;

static uint32_t n_steps(void)
{
    return (uint32_t)strlen(b.story->steps);
}

/* The value that step n writes. */
static size_t value_of(uint32_t n, uint8_t value[VALUE_MAX])
{
    size_t len = n % 3 == 0 ? VALUE_MAX : 2 + n % 7;

    // Words that read erased once they are written are a trap of their own.
    memset(value, n % 4 == 1 ? 0xff : (int)(0x40 + n), len);
    value[0] = (uint8_t)n;
    return len;
}

/* The step whose value key k holds after n steps; 0: it is not there. */
static uint32_t holder(unsigned k, uint32_t n)
{
    for (; n > 0; n--) {
        char step = b.story->steps[n - 1];

        if (step == (char)('a' + k))
            return n;
        if (step == (char)('A' + k) || step == '!')
            return 0;
    }
    return 0;
}

static enum td_err read_key(unsigned k, void *dst, size_t cap, size_t *len)
{
    const char name[] = { 'a', '/', (char)('a' + k) };

    return b.story->named ? td_settings_get(&b.settings, name, sizeof name, dst, cap, len)
                          : td_nvs_read(&b.settings.nvs, (uint16_t)(k * 1000), dst, cap, len);
}

static enum td_err write_key(unsigned k, const void *src, size_t len)
{
    const char name[] = { 'a', '/', (char)('a' + k) };

    return b.story->named ? td_settings_set(&b.settings, name, sizeof name, src, len)
                          : td_nvs_write(&b.settings.nvs, (uint16_t)(k * 1000), src, len);
}

/* Whether the keys read as they have to after n steps. */
static bool reads_as(uint32_t n)
{
    for (unsigned k = 0; k < KEYS; k++) {
        uint8_t want[VALUE_MAX], got[VALUE_MAX];
        uint32_t step = holder(k, n);
        size_t len, want_len = step == 0 ? 0 : value_of(step, want);
        enum td_err err = read_key(k, got, sizeof got, &len);

        if (err != (step == 0 ? TD_ENOTFOUND : TD_OK) || len != want_len ||
            memcmp(got, want, len) != 0)
            return false;
    }
    return true;
}

/* The number of steps after which keys read like this, at least from; UINT32_MAX: none. */
static uint32_t find_step(uint32_t from)
{
    for (uint32_t n = from; n <= n_steps(); n++) {
        if (reads_as(n))
            return n;
    }
    return UINT32_MAX;
}

static enum td_err do_step(uint32_t n)
{
    char step = b.story->steps[n - 1];
    uint8_t value[VALUE_MAX];
    size_t len = value_of(n, value);

    if (step == '!')
        return td_settings_wipe(&b.settings);
    if (step >= 'a')
        return write_key((unsigned)(step - 'a'), value, len);
    return write_key((unsigned)(step - 'A'), NULL, 0);
}

static void run(void *ctx)
{
    (void)ctx;
    shim_forget(&b.shim);
    b.done = UINT32_MAX;
    if (td_settings_look(&b.settings, &b.cfg) != TD_OK)
        return;
    b.done = find_step(b.story->before);
    if (b.done == UINT32_MAX || td_settings_mount(&b.settings, &b.cfg) != TD_OK)
        return;
    while (b.done < n_steps() && do_step(b.done + 1) == TD_OK)
        b.done++;
}

/* What the cut left is looked at without a write, as an inspector would. */
static unsigned passed(void *ctx)
{
    (void)ctx;
    if (b.done == UINT32_MAX || td_settings_look(&b.settings, &b.cfg) != TD_OK)
        return NO_MOUNT;
    return reads_as(b.done) || (b.done < n_steps() && reads_as(b.done + 1)) ? 0 : NOT_OLD_OR_NEW;
}

static const char *judge(void *ctx, unsigned before)
{
    (void)ctx;
    if ((before & NO_MOUNT) != 0)
        return "the store cannot be read";
    if ((before & NOT_OLD_OR_NEW) != 0)
        return "a key reads neither its old nor its new value, or another one changed";
    if (b.done != n_steps() || !b.settings.nvs.writable || !reads_as(n_steps()))
        return "the store cannot be written any more";
    return NULL;
}

static const struct cut_subject *subject_of(const struct story *story, const struct chip *chip)
{
    static struct cut_subject subject;
    const uint32_t sector = story->named ? SECTOR_NAMED : SECTOR;

    memset(&b, 0, sizeof b);
    b.story = story;
    b.runs = (struct td_flash_run){ chip->sectors, sector };
    b.model = (struct sim_nor_model){ .name = chip->name,
                                      .runs = &b.runs,
                                      .n_runs = 1,
                                      .erased = chip->erased,
                                      .budget = chip->budget,
                                      .write_size = chip->word,
                                      .ecc_error = chip->ecc_error,
                                      .write_unit = chip->word,
                                      .erase_unit = sector };
    sim_nor_init(&b.nor, &b.model, calloc(1, sim_nor_size(&b.model)),
                 calloc(1, sim_nor_meta_size(&b.model)), &b.power, 7);
    b.area = (struct td_flash_area){ &b.nor.dev, 0, chip->sectors * sector };
    b.cfg = (struct td_nvs_config){ .area = &b.area, .data_crc = chip->data_crc };
    sim_power_on(&b.power);
    if (story->before > 0)
        (void)td_settings_mount(&b.settings, &b.cfg);
    for (uint32_t n = 1; n <= story->before; n++)
        (void)do_step(n);
    subject = (struct cut_subject){ .ctx = &b,
                                    .power = &b.power,
                                    .flashes = { &b.nor },
                                    .n_flashes = 1,
                                    .run = run,
                                    .passed = passed,
                                    .judge = judge };
    return &subject;
}

static const struct cut_subject *make(const struct sweep_row *row)
{
    return subject_of(row->part[0], row->part[1]);
}

static bool row_nth(unsigned n, struct sweep_row *row)
{
    const struct story *story = &stories[n % TD_N_OF(stories)];
    const struct chip *chip;

    if (n >= TD_N_OF(stories) * TD_N_OF(chips))
        return false;
    chip = &chips[n / TD_N_OF(stories)];
    *row = (struct sweep_row){ .way = "settings",
                               .scenario = story->name,
                               .flash = chip->name,
                               .word = chip->word,
                               .quick = n % 5 == 0 && n < 11,
                               .share = chip == &chips[0] ? 1 : 0,
                               .part = { story, chip } };
    return true;
}

const struct sweep_group sweep_nvs = { row_nth, make };

/* --- planted bugs --- */

static bool is_entry(const struct op *op)
{
    return !op->is_erase && op->len == TD_NVS_ENTRY_SIZE && op->off % SECTOR >= SECTOR / 2;
}

static bool is_value(const void *ctx, const struct op *op)
{
    (void)ctx;
    return !op->is_erase && op->off % SECTOR < SECTOR / 2;
}

static bool is_any_entry(const void *ctx, const struct op *op)
{
    (void)ctx;
    return is_entry(op);
}

/* The word that garbage collection is over: the id is ones, and it is no sector's last place. */
static bool is_done(const void *ctx, const struct op *op)
{
    (void)ctx;
    return is_entry(op) && b.settings.nvs.has_done == false &&
           op->off % SECTOR != SECTOR - TD_NVS_ENTRY_SIZE;
}

static bool is_erase(const void *ctx, const struct op *op)
{
    (void)ctx;
    return op->is_erase;
}

static const struct cut_subject *plant(bool (*held)(const void *, const struct op *),
                                       bool (*first)(const void *, const struct op *))
{
    const struct cut_subject *subject = subject_of(&stories[0], &chips[0]);

    b.shim.below = &b.nor;
    b.shim.held = held;
    b.shim.first = first;
    shim_init(&b.shim);
    b.area.dev = &b.shim.dev;
    return subject;
}

const struct cut_subject *planted_entry_first(void)
{
    return plant(is_value, is_any_entry);
}

const struct cut_subject *planted_erase_first(void)
{
    return plant(is_done, is_erase);
}
