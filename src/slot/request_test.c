#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "sim/nor.h"
#include "slot/request.h"

#define SLOT      16384u
#define IMAGE_END 5000u

static const struct td_flash_run runs[] = { { 8, 4096 } };

static const struct sim_nor_model models[] = {
    {
        .name = "words of 4, twice",
        .runs = runs,
        .n_runs = 1,
        .erased = 0xFF,
        .budget = 2,
        .write_size = 4,
        .write_unit = 4,
        .erase_unit = 4096,
    },
    {
        .name = "words of 8, once, error correction",
        .runs = runs,
        .n_runs = 1,
        .erased = 0xFF,
        .budget = 1,
        .write_size = 8,
        .ecc_error = true,
        .write_unit = 8,
        .erase_unit = 4096,
    },
    {
        .name = "words of 16, once",
        .runs = runs,
        .n_runs = 1,
        .erased = 0xFF,
        .budget = 1,
        .write_size = 16,
        .write_unit = 16,
        .erase_unit = 4096,
    },
    {
        .name = "words of 4, once, erased to 0",
        .runs = runs,
        .n_runs = 1,
        .erased = 0x00,
        .budget = 1,
        .write_size = 4,
        .write_unit = 4,
        .erase_unit = 4096,
    },
};

struct bench {
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area pa, xa;
    struct td_trailer p, x;
    struct td_slots slots;
    uint8_t bytes[32768];
    uint8_t meta[65536 + 4096];
};

static void start(struct bench *b, const struct sim_nor_model *model, enum td_strategy_id mode,
                  uint64_t seed)
{
    assert_true(sim_nor_meta_size(model) <= sizeof b->meta);
    b->power = (struct sim_power){ 0 };
    sim_nor_init(&b->nor, model, b->bytes, b->meta, &b->power, seed);
    b->pa = (struct td_flash_area){ &b->nor.dev, 0, SLOT };
    b->xa = (struct td_flash_area){ &b->nor.dev, SLOT, SLOT };
    b->p = (struct td_trailer){
        .area = &b->pa,
        .mode = mode,
        .max_sectors = 16,
        .write_size = (uint8_t)model->write_size,
        .max_align = model->write_size > 8 ? (uint8_t)model->write_size : 8,
    };
    b->x = b->p;
    b->x.area = &b->xa;
    b->slots = (struct td_slots){ .primary = &b->p, .secondary = &b->x };
    assert_int_equal(td_trailer_check(&b->x), TD_OK);
}

static enum td_swap_type next_of(struct bench *b)
{
    struct td_trailer_state p, x;

    assert_int_equal(td_trailer_read(&b->p, &p), TD_OK);
    assert_int_equal(td_trailer_read(&b->x, &x), TD_OK);
    return td_slot_next(b->slots.manner, b->p.mode, &p, &x);
}

/* What a stock MCUboot would do with the same flash. */
static enum td_swap_type stock_next_of(struct bench *b)
{
    struct td_trailer_state p, x;

    assert_int_equal(td_trailer_read(&b->p, &p), TD_OK);
    assert_int_equal(td_trailer_read(&b->x, &x), TD_OK);
    return td_slot_next(TD_SLOT_STOCK, b->p.mode, &p, &x);
}

/* The primary as a swap of this type leaves it. */
static void leave_swapped(struct bench *b, enum td_swap_type type)
{
    assert_int_equal(td_trailer_write_swap_info(&b->p, type, 0), TD_OK);
    if (type != TD_SWAP_TEST)
        assert_int_equal(td_trailer_write_image_ok(&b->p), TD_OK);
    assert_int_equal(td_trailer_write_magic(&b->p), TD_OK);
    assert_int_equal(td_trailer_write_copy_done(&b->p), TD_OK);
}

/* --- the table --- */

static void the_next_boot_follows_the_table(void **state)
{
    static const struct {
        const char *says;
        enum td_strategy_id mode;
        int p_magic, p_ok, p_done, p_type, x_magic, x_ok, x_done;
        enum td_swap_type mended, stock;
    } rows[] = {
        { "nothing anywhere", TD_MODE_MOVE, 3, 3, 3, 1, 3, 3, 3, TD_SWAP_NONE, TD_SWAP_NONE },
        { "test asked for", TD_MODE_MOVE, 3, 3, 3, 1, 1, 3, 3, TD_SWAP_TEST, TD_SWAP_TEST },
        { "permanent asked for", TD_MODE_MOVE, 3, 3, 3, 1, 1, 1, 3, TD_SWAP_PERM, TD_SWAP_PERM },
        { "permanent, copy_done", TD_MODE_OFFSET, 3, 3, 3, 1, 1, 1, 1, TD_SWAP_PERM, TD_SWAP_PERM },
        { "offset: revert begun", TD_MODE_OFFSET, 1, 3, 1, 2, 1, 3, 1, TD_SWAP_REVERT,
          TD_SWAP_REVERT },
        { "move: copy_done there is nothing", TD_MODE_MOVE, 3, 3, 3, 1, 1, 3, 1, TD_SWAP_TEST,
          TD_SWAP_TEST },
        { "trial, unconfirmed", TD_MODE_MOVE, 1, 3, 1, 2, 3, 3, 3, TD_SWAP_REVERT, TD_SWAP_REVERT },
        { "trial, confirmed", TD_MODE_MOVE, 1, 1, 1, 2, 3, 3, 3, TD_SWAP_NONE, TD_SWAP_NONE },
        { "a request outranks the revert", TD_MODE_MOVE, 1, 3, 1, 2, 1, 3, 3, TD_SWAP_TEST,
          TD_SWAP_TEST },
        { "copy_done without magic", TD_MODE_MOVE, 3, 3, 1, 2, 3, 3, 3, TD_SWAP_NONE,
          TD_SWAP_NONE },
        { "primary's magic torn", TD_MODE_MOVE, 2, 3, 1, 2, 3, 3, 3, TD_SWAP_NONE, TD_SWAP_NONE },
        { "request's magic torn", TD_MODE_MOVE, 3, 3, 3, 1, 2, 1, 3, TD_SWAP_NONE, TD_SWAP_NONE },
        { "only copy_done missing", TD_MODE_MOVE, 1, 3, 3, 2, 3, 3, 3, TD_SWAP_NONE, TD_SWAP_NONE },
        { "torn copy_done is set", TD_MODE_MOVE, 1, 3, 2, 2, 3, 3, 3, TD_SWAP_REVERT,
          TD_SWAP_NONE },
        { "torn image_ok is a test still", TD_MODE_MOVE, 3, 3, 3, 1, 1, 2, 3, TD_SWAP_TEST,
          TD_SWAP_NONE },
        { "torn confirmation", TD_MODE_MOVE, 1, 2, 1, 2, 3, 3, 3, TD_SWAP_REVERT, TD_SWAP_NONE },
        { "torn, but permanent", TD_MODE_MOVE, 1, 2, 1, 3, 3, 3, 3, TD_SWAP_NONE, TD_SWAP_NONE },
        { "torn, but reverted", TD_MODE_MOVE, 1, 2, 1, 4, 3, 3, 3, TD_SWAP_NONE, TD_SWAP_NONE },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_trailer_state p = { .magic = (enum td_magic)rows[i].p_magic,
                                      .image_ok = (enum td_flag)rows[i].p_ok,
                                      .copy_done = (enum td_flag)rows[i].p_done,
                                      .swap_type = (enum td_swap_type)rows[i].p_type };
        struct td_trailer_state x = { .magic = (enum td_magic)rows[i].x_magic,
                                      .image_ok = (enum td_flag)rows[i].x_ok,
                                      .copy_done = (enum td_flag)rows[i].x_done };

        if (td_slot_next(TD_SLOT_MENDED, rows[i].mode, &p, &x) != rows[i].mended)
            fail_msg("mended: %s", rows[i].says);
        if (td_slot_next(TD_SLOT_STOCK, rows[i].mode, &p, &x) != rows[i].stock)
            fail_msg("stock: %s", rows[i].says);
    }
}

/* --- requests without a cut --- */

enum ask { TEST, PERM, CANCEL, CONFIRM };

static enum td_err ask(struct bench *b, enum ask what, enum td_slot_done *done)
{
    switch (what) {
    case TEST: return td_slot_set_pending(&b->slots, false, IMAGE_END, done);
    case PERM: return td_slot_set_pending(&b->slots, true, IMAGE_END, done);
    case CANCEL: return td_slot_cancel(&b->slots, IMAGE_END, done);
    case CONFIRM: break;
    }
    return td_slot_confirm(&b->slots, done);
}

static void the_last_request_wins(void **state)
{
    static const struct {
        enum ask first, second;
        enum td_swap_type want;
        uint32_t erases; /* of the second, and whether it wrote at all */
        enum td_slot_done done;
    } rows[] = {
        { TEST, TEST, TD_SWAP_TEST, 0, TD_SLOT_ALREADY },
        { TEST, PERM, TD_SWAP_PERM, 0, TD_SLOT_WRITTEN },
        { PERM, PERM, TD_SWAP_PERM, 0, TD_SLOT_ALREADY },
        { PERM, TEST, TD_SWAP_TEST, 1, TD_SLOT_WRITTEN },
        { TEST, CANCEL, TD_SWAP_NONE, 1, TD_SLOT_WRITTEN },
        { PERM, CANCEL, TD_SWAP_NONE, 1, TD_SLOT_WRITTEN },
        { CANCEL, CANCEL, TD_SWAP_NONE, 0, TD_SLOT_ALREADY },
        { CANCEL, TEST, TD_SWAP_TEST, 1, TD_SLOT_WRITTEN },
        { CANCEL, PERM, TD_SWAP_PERM, 1, TD_SLOT_WRITTEN },
    };
    static struct bench b;

    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        for (size_t i = 0; i < TD_N_OF(rows); i++) {
            enum td_slot_done done;
            uint64_t erases;

            start(&b, &models[m], TD_MODE_MOVE, 1);
            assert_int_equal(ask(&b, rows[i].first, &done), TD_OK);
            erases = b.nor.stats.erases;
            sim_power_on(&b.power);
            assert_int_equal(ask(&b, rows[i].second, &done), TD_OK);
            assert_int_equal(done, rows[i].done);
            assert_int_equal(b.nor.stats.erases - erases, rows[i].erases);
            assert_int_equal(b.power.ops == 0, done == TD_SLOT_ALREADY);
            assert_int_equal(next_of(&b), rows[i].want);
            assert_int_equal(stock_next_of(&b), rows[i].want);
            assert_int_equal(b.nor.stats.over_budget, 0);
        }
    }
}

static void the_original_calls_a_permanent_request_done_and_leaves_the_test(void **state)
{
    static struct bench b;
    enum td_slot_done done;

    (void)state;
    start(&b, &models[0], TD_MODE_MOVE, 1);
    b.slots.manner = TD_SLOT_STOCK;
    assert_int_equal(td_slot_set_pending(&b.slots, false, 0, &done), TD_OK); /* nothing there */
    assert_int_equal(td_slot_set_pending(&b.slots, true, IMAGE_END, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_ALREADY);
    assert_int_equal(next_of(&b), TD_SWAP_TEST);
    sim_nor_tear(&b.nor, 2 * SLOT - 8, 0x10);
    assert_int_equal(td_slot_set_pending(&b.slots, true, IMAGE_END, &done), TD_ESLOT_MAGIC);
    b.slots.manner = TD_SLOT_MENDED;
    assert_int_equal(td_slot_set_pending(&b.slots, true, IMAGE_END, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_REPAIRED);
    assert_int_equal(next_of(&b), TD_SWAP_PERM);
}

static void a_request_says_why_it_is_refused(void **state)
{
    static struct bench b;
    enum td_slot_done done;

    (void)state;
    start(&b, &models[0], TD_MODE_MOVE, 1);
    assert_int_equal(td_slot_set_pending(&b.slots, false, 0, &done), TD_ESLOT_EMPTY);
    leave_swapped(&b, TD_SWAP_TEST);
    sim_power_on(&b.power);
    assert_int_equal(ask(&b, TEST, &done), TD_ESLOT_TRIAL);
    assert_int_equal(b.power.ops, 0);
    assert_int_equal(ask(&b, CONFIRM, &done), TD_OK);
    assert_int_equal(ask(&b, TEST, &done), TD_OK);

    start(&b, &models[0], TD_MODE_MOVE, 1);
    assert_int_equal(ask(&b, TEST, &done), TD_OK);
    assert_int_equal(td_trailer_write_swap_info(&b.p, TD_SWAP_TEST, 0), TD_OK);
    assert_int_equal(td_trailer_write_magic(&b.p), TD_OK);
    assert_int_equal(ask(&b, PERM, &done), TD_ESLOT_UNDERWAY);
    assert_int_equal(ask(&b, CANCEL, &done), TD_ESLOT_UNDERWAY);

    start(&b, &models[0], TD_MODE_XIP, 1);
    assert_int_equal(ask(&b, TEST, &done), TD_EUNSUPPORTED);
}

static void an_image_in_the_trailers_sector_is_never_erased(void **state)
{
    static struct bench b;
    uint32_t end = SLOT - 40;
    enum td_slot_done done;

    (void)state;
    start(&b, &models[0], TD_MODE_OVERWRITE, 1);
    assert_int_equal(td_slot_set_pending(&b.slots, true, end, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_WRITTEN);
    assert_int_equal(b.nor.stats.erases, 0);
    assert_int_equal(next_of(&b), TD_SWAP_PERM);
    assert_int_equal(td_slot_set_pending(&b.slots, true, end, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_ALREADY);
    assert_int_equal(td_slot_set_pending(&b.slots, false, end, &done), TD_ESLOT_SHARED);
    assert_int_equal(td_slot_cancel(&b.slots, end, &done), TD_ESLOT_SHARED);
    assert_int_equal(next_of(&b), TD_SWAP_PERM);

    start(&b, &models[0], TD_MODE_OVERWRITE, 1);
    assert_int_equal(td_slot_set_pending(&b.slots, false, end, &done), TD_OK);
    assert_int_equal(td_slot_set_pending(&b.slots, true, end, &done), TD_OK);
    assert_int_equal(b.nor.stats.erases, 0);
    assert_int_equal(next_of(&b), TD_SWAP_PERM);

    start(&b, &models[0], TD_MODE_OVERWRITE, 1);
    sim_nor_tear(&b.nor, 2 * SLOT - 8, 0x10);
    assert_int_equal(td_slot_set_pending(&b.slots, false, end, &done), TD_ESLOT_SHARED);
    assert_int_equal(b.nor.stats.erases, 0);
}

static void confirming_says_what_it_did(void **state)
{
    static struct bench b;
    struct td_trailer_state p;
    enum td_slot_done done;

    (void)state;
    start(&b, &models[0], TD_MODE_MOVE, 1);
    assert_int_equal(ask(&b, CONFIRM, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_NATURAL);
    assert_int_equal(b.power.ops, 0);
    leave_swapped(&b, TD_SWAP_TEST);
    assert_int_equal(td_trailer_read(&b.p, &p), TD_OK);
    assert_true(td_slot_on_trial(&p));
    assert_false(td_slot_is_confirmed(&p));
    assert_int_equal(ask(&b, CONFIRM, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_WRITTEN);
    assert_int_equal(ask(&b, CONFIRM, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_ALREADY);
    assert_int_equal(td_trailer_read(&b.p, &p), TD_OK);
    assert_false(td_slot_on_trial(&p));
    assert_true(td_slot_is_confirmed(&p));
    sim_nor_tear(&b.nor, SLOT - 24, 0xFE);
    assert_int_equal(ask(&b, CONFIRM, &done), TD_ESLOT_IMAGE_OK);
    b.slots.manner = TD_SLOT_STOCK;
    assert_int_equal(ask(&b, CONFIRM, &done), TD_OK);
    b.slots.manner = TD_SLOT_MENDED;
    sim_nor_tear(&b.nor, SLOT - 1, 0xFE);
    assert_int_equal(ask(&b, CONFIRM, &done), TD_ESLOT_MAGIC);
}

/* An image that was padded by the signer brings its own request, without swap info. */
static void a_padded_image_is_a_request_already(void **state)
{
    static struct bench b;
    enum td_slot_done done;

    (void)state;
    start(&b, &models[0], TD_MODE_MOVE, 1);
    assert_int_equal(td_trailer_write_magic(&b.x), TD_OK);
    assert_int_equal(td_trailer_write_image_ok(&b.x), TD_OK);
    assert_int_equal(ask(&b, PERM, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_ALREADY);
    assert_int_equal(ask(&b, TEST, &done), TD_OK);
    assert_int_equal(next_of(&b), TD_SWAP_TEST);
}

/* --- and with cuts --- */

static bool is_one_of(enum td_swap_type type, const enum td_swap_type *list)
{
    for (; *list != 0; list++) {
        if (*list == type)
            return true;
    }
    return false;
}

static const struct story {
    const char *says;
    enum ask before, what;    /* before: CONFIRM means nothing at all */
    enum td_swap_type may[4]; /* after a cut */
    enum td_swap_type want;   /* once repeated */
} stories[] = {
    { "test", CONFIRM, TEST, { TD_SWAP_NONE, TD_SWAP_TEST }, TD_SWAP_TEST },
    { "permanent", CONFIRM, PERM, { TD_SWAP_NONE, TD_SWAP_PERM }, TD_SWAP_PERM },
    { "permanent after test", TEST, PERM, { TD_SWAP_TEST, TD_SWAP_PERM }, TD_SWAP_PERM },
    { "test after permanent",
      PERM,
      TEST,
      { TD_SWAP_PERM, TD_SWAP_TEST, TD_SWAP_NONE },
      TD_SWAP_TEST },
    { "cancel a test", TEST, CANCEL, { TD_SWAP_TEST, TD_SWAP_NONE }, TD_SWAP_NONE },
    { "cancel a permanent one",
      PERM,
      CANCEL,
      { TD_SWAP_PERM, TD_SWAP_TEST, TD_SWAP_NONE },
      TD_SWAP_NONE },
};

static void come_to(struct bench *b, const struct sim_nor_model *model, const struct story *story,
                    uint64_t seed)
{
    enum td_slot_done done;

    start(b, model, TD_MODE_MOVE, seed);
    if (story->before != CONFIRM)
        assert_int_equal(ask(b, story->before, &done), TD_OK);
    sim_power_on(&b->power);
}

/* What it will do is the same whenever it is asked, or the notes would be worth nothing. */
static enum td_swap_type settled(struct bench *b)
{
    enum td_swap_type first = next_of(b);

    assert_int_equal(next_of(b), first);
    return first;
}

static void finish(struct bench *b, const struct story *story)
{
    enum td_slot_done done;

    assert_int_equal(ask(b, story->what, &done), TD_OK);
    assert_int_equal(settled(b), story->want);
    assert_int_equal(stock_next_of(b), story->want);
    assert_int_equal(ask(b, story->what, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_ALREADY);
    assert_int_equal(b->nor.stats.over_budget, 0);
}

/* Cuts the call at op; true when it was cut. */
static bool cut_call(struct bench *b, const struct story *story, uint32_t op, enum sim_cut kind)
{
    bool torn_before = sim_nor_is_torn(&b->nor, 7), repairs;
    enum td_slot_done done;
    enum td_err err;
    bool cut;

    sim_power_cut_at(&b->power, op, kind);
    err = ask(b, story->what, &done);
    cut = b->power.lost;
    assert_int_equal(err, cut ? TD_EFLASH : TD_OK);
    sim_power_on(&b->power);
    // A torn permanent flag is mended by an erase, and in that a second cut may fall.
    repairs = story->before == TEST && story->what == PERM && torn_before;
    if (cut && !is_one_of(settled(b), story->may) && !(repairs && next_of(b) == TD_SWAP_NONE))
        fail_msg("%s: cut at %u (%d) leaves %d", story->says, op, kind, next_of(b));
    return cut;
}

static void a_request_survives_a_cut_anywhere_and_another_in_its_repetition(void **state)
{
    static struct bench b;
    uint32_t single = 0, twice = 0;

    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        for (size_t s = 0; s < TD_N_OF(stories); s++) {
            for (unsigned kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++) {
                bool cut = true;

                for (uint32_t op = 0; cut; op++) {
                    bool second = true;

                    for (uint64_t seed = 1; seed <= 16; seed++) {
                        come_to(&b, &models[m], &stories[s], seed);
                        cut = cut_call(&b, &stories[s], op, (enum sim_cut)kind);
                        single += cut;
                        finish(&b, &stories[s]);
                    }
                    for (uint32_t again = 0; cut && second; again++) {
                        for (uint64_t seed = 1; seed <= 4; seed++) {
                            come_to(&b, &models[m], &stories[s], seed);
                            cut_call(&b, &stories[s], op, (enum sim_cut)kind);
                            second = cut_call(&b, &stories[s], again, SIM_CUT_TORN);
                            twice += second;
                            finish(&b, &stories[s]);
                        }
                    }
                }
            }
        }
    }
    print_message("%u cuts, %u with a second one in the repetition\n", single, twice);
    assert_true(single > 1000 && twice > 1000);
}

static void a_fresh_request_never_relies_on_a_weak_sector(void **state)
{
    static struct bench b;
    enum td_slot_done done;

    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        for (uint64_t seed = 1; seed <= 100; seed++) {
            enum ask what = seed % 2 ? TEST : PERM;

            // The erase of an earlier call, or of an upload, was cut.
            start(&b, &models[m], TD_MODE_MOVE, seed);
            assert_int_equal(ask(&b, what == TEST ? PERM : TEST, &done), TD_OK);
            sim_power_on(&b.power);
            sim_power_cut_at(&b.power, 0, SIM_CUT_TORN);
            assert_int_equal(ask(&b, CANCEL, &done), TD_EFLASH);
            sim_power_on(&b.power);
            assert_int_equal(ask(&b, what, &done), TD_OK);
            assert_int_equal(settled(&b), what == TEST ? TD_SWAP_TEST : TD_SWAP_PERM);
            if (what == TEST)
                assert_int_equal(b.nor.stats.weak_writes, 0);
        }
    }
}

static void a_confirmation_survives_a_cut_or_the_trial_ends(void **state)
{
    static struct bench b;
    enum td_slot_done done;
    uint32_t kept = 0, reverts = 0;

    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        for (unsigned kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++) {
            for (uint64_t seed = 1; seed <= 40; seed++) {
                enum td_swap_type next;

                start(&b, &models[m], TD_MODE_MOVE, seed);
                leave_swapped(&b, TD_SWAP_TEST);
                sim_power_on(&b.power);
                sim_power_cut_at(&b.power, 0, (enum sim_cut)kind);
                assert_int_equal(ask(&b, CONFIRM, &done), TD_EFLASH);
                sim_power_on(&b.power);
                next = settled(&b);
                assert_int_equal(next, kind == SIM_CUT_AFTER ? TD_SWAP_NONE : TD_SWAP_REVERT);
                kept += next == TD_SWAP_NONE;
                reverts += next == TD_SWAP_REVERT;
                if (kind == SIM_CUT_TORN)
                    assert_int_equal(ask(&b, CONFIRM, &done), TD_ESLOT_IMAGE_OK);
                else
                    assert_int_equal(ask(&b, CONFIRM, &done), TD_OK);
                assert_int_equal(b.nor.stats.over_budget, 0);
            }
        }
    }
    print_message("%u confirmations cut: %u hold, %u revert\n", kept + reverts, kept, reverts);
}

static void a_slot_s_own_trailer_says_how_its_image_stands(void **state)
{
    enum { G = TD_MAGIC_GOOD, B = TD_MAGIC_BAD, U = TD_MAGIC_UNSET };
    static const struct {
        const char *says;
        int magic, copy_done, image_ok, swap_info;
        enum td_slot_stand want;
    } rows[] = {
        { "nothing", U, U, U, U, TD_STAND_FACTORY },
        { "torn magic", B, U, U, U, TD_STAND_FACTORY },
        { "magic came last, and did not come", U, U, G, U, TD_STAND_FACTORY },
        { "asked for", G, U, U, U, TD_STAND_ASKED },
        { "the note of its begin is torn", G, B, U, U, TD_STAND_ASKED },
        { "and the second one written", G, B, U, G, TD_STAND_TRIED },
        { "and torn as well", G, B, U, B, TD_STAND_TRIED },
        { "tried", G, G, U, U, TD_STAND_TRIED },
        { "tried, and the confirmation is torn", G, G, B, U, TD_STAND_TRIED },
        { "confirmed", G, G, G, U, TD_STAND_CONFIRMED },
        { "confirmed at the factory", G, U, G, U, TD_STAND_CONFIRMED },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct td_trailer_state s = { .magic = (enum td_magic)rows[i].magic,
                                            .copy_done = (enum td_flag)rows[i].copy_done,
                                            .image_ok = (enum td_flag)rows[i].image_ok,
                                            .swap_info = (enum td_flag)rows[i].swap_info };

        if (td_slot_stand(&s) != rows[i].want)
            fail_msg("%s", rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_boot_follows_the_table),
        cmocka_unit_test(the_last_request_wins),
        cmocka_unit_test(the_original_calls_a_permanent_request_done_and_leaves_the_test),
        cmocka_unit_test(a_request_says_why_it_is_refused),
        cmocka_unit_test(an_image_in_the_trailers_sector_is_never_erased),
        cmocka_unit_test(confirming_says_what_it_did),
        cmocka_unit_test(a_slot_s_own_trailer_says_how_its_image_stands),
        cmocka_unit_test(a_padded_image_is_a_request_already),
        cmocka_unit_test(a_request_survives_a_cut_anywhere_and_another_in_its_repetition),
        cmocka_unit_test(a_fresh_request_never_relies_on_a_weak_sector),
        cmocka_unit_test(a_confirmation_survives_a_cut_or_the_trial_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
