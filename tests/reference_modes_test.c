/*
 * Sections 5.2-5.8: what layouts each mode takes, the largest image to the byte, what a refusal
 * leaves behind, and which image runs.
 */
#include "reference.h"

static struct ref_device dev;

static void make(const struct td_strategy *strategy, const struct ref_shape *shape)
{
    ref_make(&dev, strategy, shape);
    assert_int_equal(td_boot_check(&dev.config), TD_OK);
}

/* --- layouts --- */

static const struct layout {
    const char *section;
    const struct td_strategy *strategy;
    uint16_t n_primary, n_secondary, n_scratch, max_sectors;
    bool is_taken;
} layouts[] = {
    { "5.3 equal", &td_strategy_move, 16, 16, 0, 16, true },
    { "5.3 P one more", &td_strategy_move, 16, 15, 0, 16, true },
    { "5.3 X one more", &td_strategy_move, 15, 16, 0, 16, false },
    { "5.3 P two more", &td_strategy_move, 16, 14, 0, 16, false },
    { "5.3 more than M", &td_strategy_move, 16, 16, 0, 15, false },
    { "5.4 equal", &td_strategy_offset, 16, 16, 0, 16, true },
    { "5.4 X one more", &td_strategy_offset, 15, 16, 0, 16, true },
    { "5.4 P one more", &td_strategy_offset, 16, 15, 0, 16, false },
    { "5.4 X two more", &td_strategy_offset, 14, 16, 0, 16, false },
    { "5.4 more than M", &td_strategy_offset, 16, 16, 0, 15, false },
    { "5.2 equal", &td_strategy_scratch, 16, 16, 1, 16, true },
    { "5.2 larger scratch", &td_strategy_scratch, 16, 16, 4, 16, true },
    { "5.2 P one more", &td_strategy_scratch, 16, 15, 1, 16, false },
    { "5.2 X one more", &td_strategy_scratch, 15, 16, 1, 16, false },
    { "5.2 more than M", &td_strategy_scratch, 16, 16, 1, 15, false },
    { "5.5 equal", &td_strategy_overwrite, 16, 16, 0, 16, true },
    { "5.5 mended: slots of different sizes", &td_strategy_overwrite, 16, 12, 0, 16, true },
    { "5.5 mended: more than M", &td_strategy_overwrite, 16, 16, 0, 15, true },
    { "5.5 plain", &td_strategy_overwrite_plain, 16, 16, 0, 16, true },
    { "5.6 any sizes", &td_strategy_xip, 16, 12, 0, 16, true },
    { "5.6 revert, any sizes", &td_strategy_xip_revert, 12, 16, 0, 16, true },
    { "5.6 RAM load", &td_strategy_ram, 16, 12, 0, 16, true },
    { "5.6 RAM load, revert", &td_strategy_ram_revert, 16, 16, 0, 16, true },
    { "5.7 single", &td_strategy_single, 16, 0, 0, 16, true },
    { "5.7 loader", &td_strategy_loader, 16, 8, 0, 16, true },
};

/* A layout that cannot be: the check says so, and a boot runs what it has and touches no request. */
static void each_mode_takes_the_layouts_of_its_section_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        const struct layout *l = &layouts[i];
        struct ref_shape shape = ref_usual;

        shape.n_primary = l->n_primary;
        shape.n_secondary = l->n_secondary;
        shape.n_scratch = l->n_scratch;
        shape.max_sectors = l->max_sectors;
        ref_make(&dev, l->strategy, &shape);
        if ((td_boot_check(&dev.config) == TD_OK) != l->is_taken)
            fail_msg("%s: %s", l->section, td_errname(td_boot_check(&dev.config)));
        if (l->is_taken)
            continue;
        ref_put(&dev, &dev.primary, 0, &(struct ref_image){ .major = 1 });
        ref_put(&dev, &dev.secondary, l->strategy == &td_strategy_offset ? 1024 : 0,
                &(struct ref_image){ .major = 2 });
        ref_cells(&dev, &dev.secondary, &(struct ref_cells){ GOOD, UNSET, UNSET, 2, 0 });
        if (ref_runs(&dev) != 1)
            fail_msg("%s: image 1 does not run", l->section);
        assert_true(ref_has_verdict(&dev, TD_V_BAD_LAYOUT));
        assert_true(ref_cells_are(&dev.x, &(struct ref_cells){ GOOD, UNSET, UNSET, 2, 0 }));
        assert_true(ref_has_image(&dev, &dev.primary, 0));
    }
}

/* --- 5.8, to the byte, by real boots --- */

static const struct ref_shape example = { 4096, 8, 8, 1, 128, 8, 8, 0xff };

static const struct limit {
    const char *name;
    const struct td_strategy *strategy;
    uint32_t max; /* that an update may have */
    uint16_t more_primary, more_secondary;
    uint16_t verdict; /* one byte more */
} limits[] = {
    { "move", &td_strategy_move, 24576, 0, 0, TD_V_NO_SWAP_ROOM },
    { "move, P one sector more", &td_strategy_move, 28672, 1, 0, TD_V_NO_SWAP_ROOM },
    { "offset", &td_strategy_offset, 24576, 0, 0, TD_V_NO_SWAP_ROOM },
    { "offset, X one sector more", &td_strategy_offset, 28672, 0, 1, TD_V_NO_SWAP_ROOM },
    /* mended: 64 bytes for the note, rounded down to 32; 29648 in the original */
    { "scratch", &td_strategy_scratch, 29568, 0, 0, TD_V_NO_SWAP_ROOM },
    /* mended: out of the sector with the flags; 32728 in the original */
    { "overwrite, fast", &td_strategy_overwrite, 28672, 0, 0, TD_V_TOO_LARGE },
    { "overwrite, plain", &td_strategy_overwrite_plain, 28672, 0, 0, TD_V_TOO_LARGE },
};

static void fill(const struct td_strategy *strategy, const struct ref_shape *shape, uint32_t size)
{
    uint32_t off = strategy == &td_strategy_offset ? shape->sector : 0;

    make(strategy, shape);
    ref_put(&dev, &dev.primary, 0, &(struct ref_image){ .major = 1 });
    ref_put(&dev, &dev.secondary, off, &(struct ref_image){ .major = 2, .size = size });
    ref_cells(&dev, &dev.secondary, &(struct ref_cells){ GOOD, UNSET, UNSET, 2, 0 });
}

static void the_largest_update_of_5_8_is_installed_and_one_byte_more_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const struct limit *l = &limits[i];
        struct ref_shape shape = example;
        uint32_t max;

        shape.n_primary = (uint16_t)(shape.n_primary + l->more_primary);
        shape.n_secondary = (uint16_t)(shape.n_secondary + l->more_secondary);
        for (uint32_t more = 0; more < 2; more++) {
            fill(l->strategy, &shape, l->max + more);
            assert_int_equal(td_boot_max_image(&dev.config, 0, &max), TD_OK);
            if (max != l->max || ref_runs(&dev) != 2 - more)
                fail_msg("%s, %u bytes: the limit is said to be %u, image %u runs", l->name,
                         l->max + more, max, dev.result.hdr.version.major);
            if (more != 0 && !ref_has_verdict(&dev, (enum td_verdict_code)l->verdict))
                fail_msg("%s: verdict %u", l->name, dev.result.verdicts[0].code);
            if (more != 0)
                assert_true(ref_cells_are(&dev.x, &ref_blank));
        }
    }
}

/* 5.8: in the modes that do not move anything the limit is about what runs. */
static void the_largest_image_of_5_8_runs_and_one_byte_more_does_not(void **state)
{
    static const struct {
        const char *name;
        const struct td_strategy *strategy;
        uint32_t max;
    } rows[] = {
        { "direct-XIP", &td_strategy_xip, 32728 },
        { "direct-XIP, revert", &td_strategy_xip_revert, 32728 },
        { "RAM load", &td_strategy_ram, 32728 },
        { "RAM load, revert", &td_strategy_ram_revert, 32728 },
        /* mended ("it runs; updates are refused"): up to swap_info; 32720 in the original */
        { "single", &td_strategy_single, 32728 },
        { "loader", &td_strategy_loader, 32728 },
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const struct td_strategy *strategy = rows[i / 2].strategy;
        bool in_ram = strategy == &td_strategy_ram || strategy == &td_strategy_ram_revert;
        struct ref_image image = { .major = 1,
                                   .size = rows[i / 2].max + (uint32_t)(i % 2),
                                   .flags = in_ram ? TD_IMAGE_F_RAM_LOAD : 0,
                                   .load_addr = in_ram ? REF_RAM_ADDR : 0 };

        make(strategy, &example);
        ref_put(&dev, &dev.primary, 0, &image);
        if (ref_runs(&dev) != 1 - i % 2)
            fail_msg("%s, %u bytes", rows[i / 2].name, image.size);
        assert_true(ref_has_image(&dev, &dev.primary, 0));
    }
}

/* "P holds an image above the limit for updates: it does not boot" - "it runs". */
static void a_factory_image_above_the_limit_runs_and_is_not_updated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const struct td_strategy *strategy = limits[i].strategy;
        bool swaps = td_mode_swaps(td_strategy_mode(strategy));

        make(strategy, &example);
        ref_put(&dev, &dev.primary, 0,
                &(struct ref_image){ .major = 1, .size = limits[i].max + 8 });
        ref_put(&dev, &dev.secondary, strategy == &td_strategy_offset ? 4096 : 0,
                &(struct ref_image){ .major = 2 });
        assert_int_equal(ref_runs(&dev), 1);
        ref_cells(&dev, &dev.secondary, &(struct ref_cells){ GOOD, UNSET, UNSET, 2, 0 });
        /* What is overwritten need not be brought back. */
        if (ref_runs(&dev) != (swaps ? 1 : 2))
            fail_msg("%s: image %u runs", limits[i].name, dev.result.hdr.version.major);
    }
}

/* --- 5.1: what a refusal leaves --- */

enum fault { F_BROKEN, F_NOTHING, F_NOT_BOOTABLE };

static void a_refused_candidate_leaves_what_5_1_says(void **state)
{
    static const struct td_strategy *const ways[] = {
        &td_strategy_move,      &td_strategy_scratch,         &td_strategy_offset,
        &td_strategy_overwrite, &td_strategy_overwrite_plain,
    };
    static const struct {
        enum fault fault;
        bool manner_mcuboot;
        bool slot_is_erased, request_goes;
    } rows[] = {
        { F_BROKEN, true, true, true },   /* "whole X slot erased" */
        { F_BROKEN, false, false, true }, /* "its request goes" */
        { F_NOTHING, true, true, true },  /* "header erased -> X trailer erased" */
        { F_NOTHING, false, true, true },
        { F_NOT_BOOTABLE, true, false, true }, /* "slot not erased" */
        { F_NOT_BOOTABLE, false, false, true },
    };

    (void)state;
    for (unsigned n = 0; n < 5 * 6 * 2; n++) {
        const struct td_strategy *strategy = ways[n % 5];
        unsigned i = n / 5 % 6;
        bool permanent = n / 30 != 0;
        uint32_t off = strategy == &td_strategy_offset ? 1024 : 0;
        struct ref_image image = { .major = 2, .broken = rows[i].fault == F_BROKEN };

        if (rows[i].fault == F_NOT_BOOTABLE)
            image.flags = TD_IMAGE_F_NON_BOOTABLE;
        make(strategy, &ref_usual);
        dev.config.manner = rows[i].manner_mcuboot ? &td_boot_manner_mcuboot : NULL;
        ref_put(&dev, &dev.primary, 0, &(struct ref_image){ .major = 1 });
        if (rows[i].fault != F_NOTHING)
            ref_put(&dev, &dev.secondary, off, &image);
        ref_cells(&dev, &dev.secondary,
                  &(struct ref_cells){ GOOD, permanent ? SET : UNSET, UNSET, 2, 0 });
        if (ref_runs(&dev) != 1)
            fail_msg("mode %u, row %u: image 1 does not run", n % 5, i);
        assert_true(ref_cells_are(&dev.p, &ref_blank)); /* P's image_ok is not written */
        if (ref_is_erased(&dev, &dev.secondary) != rows[i].slot_is_erased)
            fail_msg("mode %u, row %u: the slot is%s erased", n % 5, i,
                     rows[i].slot_is_erased ? " not" : "");
        if (ref_cells_are(&dev.x, &ref_blank) != rows[i].request_goes)
            fail_msg("mode %u, row %u: the request", n % 5, i);
        ref_boot(&dev);
        assert_int_equal(dev.power.ops, 0);
    }
}

/* 5.1: after a test: confirmed it stays; otherwise the next boot brings the old one back. */
static void the_boots_after_a_test(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_move, &td_strategy_scratch,
                                                      &td_strategy_offset };
    static const struct ref_cells confirmed = { GOOD, SET, SET, 2, 0 },
                                  reverted = { GOOD, SET, SET, 4, 0 };
    enum td_slot_done done;

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        const struct td_strategy *strategy = ways[i % 3];
        bool confirm = i / 3 % 2 != 0;
        struct ref_shape shape = ref_usual;

        shape.write_size = shape.align = i / 6 == 0 ? 8 : 16;
        make(strategy, &shape);
        ref_put(&dev, &dev.primary, 0, &(struct ref_image){ .major = 1, .size = 3000 });
        ref_request(&dev, false,
                    ref_put(&dev, &dev.secondary, strategy == &td_strategy_offset ? 1024 : 0,
                            &(struct ref_image){ .major = 2, .size = 1200 }));
        assert_int_equal(ref_runs(&dev), 2);
        assert_true(dev.result.on_trial);
        assert_true(ref_cells_are(&dev.p, &(struct ref_cells){ GOOD, UNSET, SET, 2, 0 }));
        assert_true(ref_cells_are(&dev.x, &ref_blank));
        if (confirm) {
            assert_int_equal(td_slot_confirm(&dev.requests, &done), TD_OK);
            assert_int_equal(done, TD_SLOT_WRITTEN);
        }
        for (unsigned boot = 0; boot < 2; boot++) {
            assert_int_equal(ref_runs(&dev), confirm ? 2 : 1);
            assert_int_equal(dev.result.did, confirm || boot != 0 ? TD_SWAP_NONE : TD_SWAP_REVERT);
            assert_true(ref_cells_are(&dev.p, confirm ? &confirmed : &reverted));
            assert_true(ref_cells_are(&dev.x, &ref_blank));
        }
        /* 5.4: the tried image lies one sector in again, the previous one at the start. */
        assert_true(ref_has_image(&dev, &dev.secondary,
                                  strategy == &td_strategy_offset && !confirm ? 1024 : 0));
    }
}

/*
 * 5.3, 5.4: N < Z is needed. Without swap room the original writes copy_done at every boot;
 * mended: refused once.
 */
static void a_request_without_swap_room_is_refused_once(void **state)
{
    (void)state;
    fill(&td_strategy_move, &example, 24577);
    assert_int_equal(ref_runs(&dev), 1);
    assert_true(ref_cells_are(&dev.p, &ref_blank));
    assert_int_equal(ref_runs(&dev), 1);
    assert_int_equal(dev.power.ops, 0);
}

/* 5.4: an image at X's start that is asked for. */
static void swap_offset_does_not_look_for_a_new_image_at_the_start(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        make(&td_strategy_offset, &ref_usual);
        dev.config.manner = i == 0 ? &td_boot_manner_mcuboot : &td_boot_manner_tandem;
        ref_put(&dev, &dev.primary, 0, &(struct ref_image){ .major = 1 });
        ref_put(&dev, &dev.secondary, 0, &(struct ref_image){ .major = 2 });
        ref_cells(&dev, &dev.secondary, &(struct ref_cells){ GOOD, UNSET, UNSET, 2, 0 });
        assert_int_equal(ref_runs(&dev), 1);
        assert_int_equal(ref_is_erased(&dev, &dev.secondary), i == 0);
        assert_true(ref_cells_are(&dev.x, &ref_blank));
        if (i == 1)
            assert_true(ref_has_verdict(&dev, TD_V_WRONG_PLACE));
    }
}

/* 5.5: TEST and PERM are the same, and nothing is brought back; 12.16 is mended. */
static void overwriting_has_no_way_back(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_overwrite,
                                                      &td_strategy_overwrite_plain };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        make(ways[i % 2], &ref_usual);
        ref_put(&dev, &dev.primary, 0, &(struct ref_image){ .major = 1, .size = 4000 });
        ref_request(&dev, i / 2 != 0,
                    ref_put(&dev, &dev.secondary, 0, &(struct ref_image){ .major = 2 }));
        assert_int_equal(ref_runs(&dev), 2);
        assert_false(dev.result.on_trial);
        assert_true(ref_cells_are(&dev.p, &ref_blank));
        assert_true(ref_cells_are(&dev.x, &ref_blank));
        assert_true(ref_has_image(&dev, &dev.secondary, 0)); /* "X keeps the image" */
        assert_int_equal(ref_runs(&dev), 2);
        assert_int_equal(dev.power.ops, 0);
    }
}

static int clean_up(void **state)
{
    (void)state;
    ref_free(&dev);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mode_takes_the_layouts_of_its_section_and_no_other),
        cmocka_unit_test(the_largest_update_of_5_8_is_installed_and_one_byte_more_is_refused),
        cmocka_unit_test(the_largest_image_of_5_8_runs_and_one_byte_more_does_not),
        cmocka_unit_test(a_factory_image_above_the_limit_runs_and_is_not_updated),
        cmocka_unit_test(a_refused_candidate_leaves_what_5_1_says),
        cmocka_unit_test(the_boots_after_a_test),
        cmocka_unit_test(a_request_without_swap_room_is_refused_once),
        cmocka_unit_test(swap_offset_does_not_look_for_a_new_image_at_the_start),
        cmocka_unit_test(overwriting_has_no_way_back),
    };

    return cmocka_run_group_tests(tests, NULL, clean_up);
}
