/*
 * How much an update asks of flash: in proportion to what changes, no sector more than four times,
 * no word twice, and none that would be programmed with its erased value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "boot/boot.h"
#include "image/build.h"
#include "sim/nor.h"

enum {
    SECTOR = 1024,
    WORD = 8,
    SLOT_SECTORS = 20,
    SCRATCH_SECTORS = 1,
    SLOT = SLOT_SECTORS * SECTOR,
    N_SECTORS = 2 * SLOT_SECTORS + SCRATCH_SECTORS,
    IMAGE_MAX = 16 * SECTOR,
    ERASES_MAX = 4, /* of one sector in one update: what the project promises */
};

static const struct td_flash_run runs[] = { { N_SECTORS, SECTOR } };
static const struct sim_nor_model model = { .name = "test",
                                            .runs = runs,
                                            .n_runs = 1,
                                            .erased = 0xff,
                                            .budget = 1,
                                            .write_size = WORD,
                                            .write_unit = WORD,
                                            .erase_unit = SECTOR };

static struct device {
    uint8_t bytes[N_SECTORS * SECTOR];
    uint8_t *meta;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_dev watch; /* the flash, with an eye on what is written */
    unsigned blank_words;
    struct td_flash_area primary, secondary, scratch;
    struct td_boot_slots slots;
    struct td_boot_config config;
    struct td_trailer p, x;
    struct td_slots requests;
    struct td_boot_work work;
    struct td_boot_result result;
    uint32_t wear[N_SECTORS]; /* when it was looked at last */
} dev;

/* --- a flash that sees words which are programmed with their erased value --- */

static enum td_err watch_read(const struct td_flash_dev *d, uint32_t off, void *dst, size_t len)
{
    (void)d;
    return dev.nor.dev.ops->read(&dev.nor.dev, off, dst, len);
}

static enum td_err watch_write(const struct td_flash_dev *d, uint32_t off, const void *src,
                               size_t len)
{
    static const uint8_t blank[WORD] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    const uint8_t *bytes = src;

    (void)d;
    for (size_t i = 0; i + WORD <= len; i += WORD)
        dev.blank_words += memcmp(bytes + i, blank, WORD) == 0;
    return dev.nor.dev.ops->write(&dev.nor.dev, off, src, len);
}

static enum td_err watch_erase_begin(const struct td_flash_dev *d, uint32_t off, uint32_t len)
{
    (void)d;
    return dev.nor.dev.ops->erase_begin(&dev.nor.dev, off, len);
}

static enum td_err watch_erase_step(const struct td_flash_dev *d, uint32_t budget_us, bool *done)
{
    (void)d;
    return dev.nor.dev.ops->erase_step(&dev.nor.dev, budget_us, done);
}

static const struct td_flash_ops watch_ops = { watch_read, watch_write, watch_erase_begin,
                                               watch_erase_step };

/* --- the device --- */

static const struct strategy {
    const char *name;
    const struct td_strategy *strategy;
    uint32_t new_off; /* where a new image goes in the secondary */
    bool swaps;
    /* Erases for m sectors that differ, beside the trailers': of the primary, of the secondary. */
    unsigned primary, secondary;
} strategies[] = {
    { "swap-move", &td_strategy_move, 0, true, 2, 1 },
    { "swap-offset", &td_strategy_offset, SECTOR, true, 1, 0 },
    { "overwrite-only", &td_strategy_overwrite, 0, false, 1, 0 },
    { "overwrite-plain", &td_strategy_overwrite_plain, 0, false, 1, 0 },
};

static void make_device(const struct strategy *s)
{
    free(dev.meta);
    memset(&dev, 0, sizeof dev);
    dev.meta = malloc(sim_nor_meta_size(&model));
    assert_non_null(dev.meta);
    sim_nor_init(&dev.nor, &model, dev.bytes, dev.meta, &dev.power, 7);
    sim_power_on(&dev.power);
    dev.watch = dev.nor.dev;
    dev.watch.ops = &watch_ops;
    dev.primary = (struct td_flash_area){ &dev.watch, 0, SLOT };
    dev.secondary = (struct td_flash_area){ &dev.watch, SLOT, SLOT };
    dev.scratch = (struct td_flash_area){ &dev.watch, 2 * SLOT, SCRATCH_SECTORS * SECTOR };
    dev.slots = (struct td_boot_slots){ .primary = &dev.primary,
                                        .secondary = &dev.secondary,
                                        .scratch = &dev.scratch };
    dev.config = (struct td_boot_config){ .images = &dev.slots,
                                          .n_images = 1,
                                          .strategy = s->strategy,
                                          .policy = { .hash = &td_sha256 },
                                          .max_align = 8,
                                          .max_sectors = SLOT_SECTORS };
    dev.p = (struct td_trailer){ .area = &dev.primary,
                                 .mode = td_strategy_mode(s->strategy),
                                 .max_sectors = SLOT_SECTORS,
                                 .write_size = WORD,
                                 .max_align = 8 };
    dev.x = dev.p;
    dev.x.area = &dev.secondary;
    dev.requests = (struct td_slots){ &dev.p, &dev.x, TD_SLOT_MENDED, 0 };
    assert_int_equal(td_boot_check(&dev.config), TD_OK);
}

/* An image; letters say what its sectors hold: another letter, other bytes; b blank ones. */
static uint32_t make_image(uint8_t *buf, const char *letters, uint8_t major)
{
    uint32_t size = (uint32_t)strlen(letters) * SECTOR - 100;
    struct td_image_header hdr = { .hdr_size = 32,
                                   .img_size = size - 32,
                                   .version = { .major = major } };
    struct td_build b;
    uint8_t digest[32];

    for (uint32_t i = 32; i < size; i++) {
        uint8_t letter = (uint8_t)letters[i / SECTOR];

        buf[i] = letter == 'b' ? 0xff : (uint8_t)(i * 7u + i / 200u + letter * 31u);
    }
    td_build_begin(&b, buf, IMAGE_MAX, size);
    td_build_header(&b, &hdr);
    td_hash_of(&td_sha256, buf, b.len, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, sizeof digest);
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    return b.len;
}

static void note_wear(void)
{
    for (uint32_t n = 0; n < N_SECTORS; n++)
        dev.wear[n] = sim_nor_wear(&dev.nor, n);
    dev.blank_words = 0;
}

static uint32_t erases(uint32_t from, uint32_t n)
{
    uint32_t sum = 0;

    for (uint32_t i = from; i < from + n; i++)
        sum += sim_nor_wear(&dev.nor, i) - dev.wear[i];
    return sum;
}

static uint32_t most_erases(void)
{
    uint32_t most = 0;

    for (uint32_t n = 0; n < N_SECTORS; n++)
        most = td_max_u32(most, erases(n, 1));
    return most;
}

static void boot(uint8_t major)
{
    sim_power_on(&dev.power);
    assert_int_equal(td_boot_go(&dev.config, &dev.work, &dev.result), TD_OK);
    assert_true(dev.result.bootable);
    assert_int_equal(dev.result.hdr.version.major, major);
    assert_int_equal(dev.nor.stats.over_budget, 0);
    assert_int_equal(dev.blank_words, 0);
}

/* --- what changes, and what that may cost --- */

static const struct pair {
    const char *name;
    const char *old, *new; /* as make_image takes them; the version alone changes a header */
} pairs[] = {
    { "everything changes", "aaaaaaaaaaaa", "cccccccccccc" },
    { "one sector changes", "aaaaaaaaaaaa", "aaaaaacaaaaa" },
    { "every third changes", "aaaaaaaaaaaa", "aaaccacaacaa" },
    { "the image grows", "aaaaaaaa", "aaaaaaaaaaaac" },
    { "the image shrinks", "aaaaaaaaaaaa", "aaaaaacc" },
    { "blank sectors come and go", "aabbaaaabbaa", "aaaabbaabbaa" },
};

struct case_of {
    const struct strategy *s;
    const struct pair *pair;
    uint32_t m; /* sectors that differ, up to where the longer image ends */
};

/* Puts both images, and counts where they differ. */
static void prepare(struct case_of *c)
{
    static uint8_t old[IMAGE_MAX], new[IMAGE_MAX];
    uint32_t n_old, n_new, longer;
    enum td_slot_done done;

    make_device(c->s);
    memset(old, 0xff, sizeof old);
    memset(new, 0xff, sizeof new);
    n_old = make_image(old, c->pair->old, 1);
    n_new = make_image(new, c->pair->new, 2);
    longer = c->s->strategy == &td_strategy_overwrite ? n_new : td_max_u32(n_old, n_new);
    c->m = 0;
    for (uint32_t at = 0; at < longer; at += SECTOR)
        c->m += memcmp(old + at, new + at, SECTOR) != 0;
    sim_nor_program(&dev.nor, 0, old, n_old);
    sim_nor_program(&dev.nor, SLOT + c->s->new_off, new, n_new);
    note_wear();
    assert_int_equal(td_slot_set_pending(&dev.requests, false, c->s->new_off + n_new, &done),
                     TD_OK);
    note_wear();
}

static void each_case(void (*check)(struct case_of *c))
{
    for (size_t i = 0; i < TD_N_OF(strategies); i++) {
        for (size_t k = 0; k < TD_N_OF(pairs); k++) {
            struct case_of c = { &strategies[i], &pairs[k], 0 };

            check(&c);
        }
    }
}

static void say(const struct case_of *c, const char *what, uint32_t n, uint32_t most)
{
    if (n > most)
        fail_msg("%s, %s: %s %u times, %u would do", c->s->name, c->pair->name, what, n, most);
}

static void wears_little(struct case_of *c)
{
    enum td_slot_done done;

    prepare(c);
    boot(2);
    say(c, "a sector was erased", most_erases(), ERASES_MAX);
    if (!c->s->swaps)
        return;
    note_wear();
    boot(1);
    say(c, "in the revert a sector was erased", most_erases(), ERASES_MAX);
    // Request, update and confirmation together, as a device in the field sees them.
    prepare(c);
    boot(2);
    assert_int_equal(td_slot_confirm(&dev.requests, &done), TD_OK);
    boot(2);
    say(c, "in all a sector was erased", most_erases(), ERASES_MAX);
}

static void no_sector_is_erased_more_than_four_times_an_update(void **state)
{
    (void)state;
    each_case(wears_little);
}

static void costs_what_changes(struct case_of *c)
{
    prepare(c);
    boot(2);
    say(c, "the primary's sectors were erased", erases(0, SLOT_SECTORS), c->s->primary * c->m + 1);
    if (c->s->secondary != 0)
        say(c, "the secondary's sectors were erased", erases(SLOT_SECTORS, SLOT_SECTORS),
            c->s->secondary * c->m + 1);
}

static void an_update_costs_what_it_changes(void **state)
{
    (void)state;
    each_case(costs_what_changes);
}

static void costs_no_more_after_a_cut(struct case_of *c)
{
    prepare(c);
    // In the middle of the work, once; the rest may do one step, or an overwriting's plan, again.
    sim_power_cut_at(&dev.power, 9, SIM_CUT_TORN);
    (void)td_boot_go(&dev.config, &dev.work, &dev.result);
    if (!dev.power.lost)
        return;
    boot(2);
    say(c, "a sector was erased", most_erases(), ERASES_MAX);
    if (c->s->swaps)
        say(c, "the primary's sectors were erased", erases(0, SLOT_SECTORS),
            c->s->primary * c->m + 2);
}

static void after_a_cut_an_update_costs_no_more_than_one_step_twice(void **state)
{
    (void)state;
    each_case(costs_no_more_after_a_cut);
}

static void blank_sectors_of_the_running_image_are_not_erased(void **state)
{
    struct case_of c = { &strategies[2], &pairs[5], 0 };

    (void)state;
    prepare(&c);
    boot(2);
    // Sectors 2 and 3 were blank and are not any more.
    assert_int_equal(erases(2, 2), 0);
    // 4 and 5 were not and are now.
    assert_int_equal(erases(4, 2), 2);
}

/* Trap 16, and mcuboot-format 5.5: there P ends with magic GOOD, as if it were asked for. */
static void plain_overwriting_leaves_the_request_in_the_secondary(void **state)
{
    struct case_of c = { &strategies[3], &pairs[0], 0 };
    struct td_trailer_state s;

    (void)state;
    prepare(&c);
    boot(2);
    assert_int_equal(td_trailer_read(&dev.p, &s), TD_OK);
    assert_int_equal(s.magic, TD_MAGIC_UNSET);
    assert_int_equal(s.swap_info, TD_FLAG_UNSET);
    assert_int_equal(td_trailer_read(&dev.x, &s), TD_OK);
    assert_int_equal(s.magic, TD_MAGIC_UNSET);
}

static void plain_overwriting_copies_the_whole_slot(void **state)
{
    static const uint8_t mark[WORD] = "marked!";
    struct case_of c = { &strategies[3], &pairs[0], 0 };
    uint32_t at = SLOT - 3 * SECTOR;

    (void)state;
    prepare(&c);
    sim_nor_program(&dev.nor, SLOT + at, mark, sizeof mark);
    boot(2);
    assert_memory_equal(sim_nor_peek(&dev.nor, at), mark, sizeof mark);
    c.s = &strategies[2];
    prepare(&c);
    sim_nor_program(&dev.nor, SLOT + at, mark, sizeof mark);
    boot(2);
    assert_int_equal(*sim_nor_peek(&dev.nor, at), 0xff);
}

/* mcuboot-format 5.5: a cut between its two last erases makes every later boot say "test". */
static void a_cut_at_any_end_of_overwriting_leaves_no_request_behind(void **state)
{
    (void)state;
    for (uint32_t op = 0;; op++) {
        for (int kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++) {
            struct case_of c = { &strategies[2], &pairs[1], 0 };

            prepare(&c);
            sim_power_cut_at(&dev.power, op, (enum sim_cut)kind);
            (void)td_boot_go(&dev.config, &dev.work, &dev.result);
            if (!dev.power.lost)
                return;
            boot(2);
            boot(2);
            assert_int_equal(dev.power.ops, 0);
            assert_int_equal(dev.result.did, TD_SWAP_NONE);
        }
    }
}

static int free_meta(void **state)
{
    (void)state;
    free(dev.meta);
    dev.meta = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sector_is_erased_more_than_four_times_an_update),
        cmocka_unit_test(an_update_costs_what_it_changes),
        cmocka_unit_test(after_a_cut_an_update_costs_no_more_than_one_step_twice),
        cmocka_unit_test(blank_sectors_of_the_running_image_are_not_erased),
        cmocka_unit_test(plain_overwriting_leaves_the_request_in_the_secondary),
        cmocka_unit_test(plain_overwriting_copies_the_whole_slot),
        cmocka_unit_test(a_cut_at_any_end_of_overwriting_leaves_no_request_behind),
    };

    return cmocka_run_group_tests(tests, NULL, free_meta);
}
