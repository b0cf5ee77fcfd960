/* Sections 5.6 and 5.7: which of two slots runs, and what is noted, where nothing is swapped. */
#include "reference.h"

static struct ref_device dev;

static bool in_ram(const struct td_strategy *strategy)
{
    return strategy == &td_strategy_ram || strategy == &td_strategy_ram_revert ||
           strategy == &td_strategy_single_ram;
}

static void make(const struct td_strategy *strategy)
{
    ref_make(&dev, strategy, &ref_usual);
    assert_int_equal(td_boot_check(&dev.config), TD_OK);
}

static void put(unsigned slot, struct ref_image image)
{
    if (in_ram(dev.config.strategy)) {
        image.flags |= TD_IMAGE_F_RAM_LOAD;
        image.load_addr = REF_RAM_ADDR;
    }
    ref_put(&dev, slot == 0 ? &dev.primary : &dev.secondary, 0, &image);
}

/* --- 5.6 without revert: the highest valid version, whatever the trailers say --- */

static const struct ref_image v1 = { .major = 1 }, v2 = { .major = 2 }, v2_other = { .major = 2 },
                              v1_1 = { .major = 1, .minor = 1 },
                              v1_1_1 = { .major = 1, .minor = 1, .revision = 1 },
                              v1_build = { .major = 1, .build = 9 },
                              broken = { .major = 3, .broken = true };

static const struct version_row {
    const struct ref_image *slot[2];
    unsigned runs; /* the slot; 2: nothing */
} version_rows[] = {
    { { &v1, &v2 }, 1 },      { { &v2, &v1 }, 0 },       { { &v2, &v2_other }, 0 },
    { { &v1, &v1_1 }, 1 },    { { &v1_1, &v1 }, 0 },     { { &v1_1, &v1_1_1 }, 1 },
    { { &v1_1_1, &v2 }, 1 },  { { &v1, &v1_build }, 0 }, { { &v1_build, &v1 }, 0 },
    { { NULL, &v1 }, 1 },     { { &v1, NULL }, 0 },      { { NULL, NULL }, 2 },
    { { &v1, &broken }, 0 },  { { &broken, &v1 }, 1 },   { { &broken, &broken }, 2 },
    { { &broken, NULL }, 2 }, { { NULL, &broken }, 2 },
};

static void the_highest_version_that_is_valid_runs(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_xip, &td_strategy_ram };
    static const struct ref_cells flagged = { GOOD, SET, UNSET, 3, 0 };
    const size_t n_rows = sizeof version_rows / sizeof version_rows[0];

    (void)state;
    for (size_t n = 0; n < n_rows * 2 * 2 * 3; n++) {
        const struct version_row *r = &version_rows[n % n_rows];
        bool stock = n / n_rows % 2 != 0;
        unsigned asked = (unsigned)(n / n_rows / 4); /* 5.6: "no pending concept" */

        make(ways[n / n_rows / 2 % 2]);
        dev.config.manner = stock ? &td_boot_manner_mcuboot : NULL;
        for (unsigned i = 0; i < 2; i++)
            if (r->slot[i] != NULL)
                put(i, *r->slot[i]);
        if (asked != 0)
            ref_cells(&dev, asked == 1 ? &dev.primary : &dev.secondary, &flagged);
        ref_boot(&dev);
        assert_int_equal(dev.result.bootable, r->runs != 2);
        if (r->runs != 2 && dev.result.slot != r->runs)
            fail_msg("row %zu: slot %u runs", n % n_rows, dev.result.slot);
        if (asked != 0) { /* "the flag is never cleared", but with its slot */
            const struct ref_image *of = r->slot[asked - 1];
            bool gone = stock && of != NULL && of->broken;

            assert_true(ref_cells_are(asked == 1 ? &dev.p : &dev.x, gone ? &ref_blank : &flagged));
        }
        if (r->runs != 2)
            assert_int_equal(dev.result.run_addr, in_ram(dev.config.strategy) ? REF_RAM_ADDR : 0);
        /* "What is refused is erased": in the original's manner; mended: "it stays". */
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(ref_has_image(&dev, i == 0 ? &dev.primary : &dev.secondary, 0),
                             r->slot[i] != NULL && !(stock && r->slot[i]->broken));
    }
}

/* --- 5.6 with revert: every pair of trailers, images 1 in slot 0 and 2 in slot 1 --- */

/* Whether the original would start the slot; if not, it erases it. */
static bool original_takes(const struct ref_cells *c)
{
    return c->magic == GOOD && !(c->copy_done == SET && c->image_ok != SET);
}

/* boot.md, "Trials without a swap": 2 confirmed or asked, 1 factory, 0 tried. */
static unsigned rank(const struct ref_cells *c)
{
    if (c->magic != GOOD)
        return 1;
    return c->image_ok == SET || c->copy_done != SET ? 2 : 0;
}

static void combination(unsigned n, struct ref_cells *p, struct ref_cells *x)
{
    uint8_t c[6];

    for (unsigned i = 0; i < 6; i++, n /= 3)
        c[i] = (uint8_t)(1 + n % 3);
    *p = (struct ref_cells){ c[0], c[2], c[4], 0, 0 };
    *x = (struct ref_cells){ c[1], c[3], c[5], 0, 0 };
}

/* What the slot that ran holds: copy_done once it was chosen; a factory's is confirmed. */
static bool is_noted(const struct td_trailer *t, const struct ref_cells *was)
{
    struct td_trailer_state s = ref_state(t);

    if (was->magic == GOOD && was->copy_done == BAD)
        return s.magic == TD_MAGIC_GOOD && s.copy_done == TD_FLAG_BAD; /* not written again */
    if (was->magic == GOOD)
        return s.magic == TD_MAGIC_GOOD && s.copy_done == TD_FLAG_SET &&
               s.image_ok == (enum td_flag)was->image_ok;
    if (was->magic == UNSET && was->image_ok == UNSET && was->copy_done == UNSET)
        return ref_cells_are(t, &(struct ref_cells){ GOOD, SET, SET, 0, 0 });
    return ref_cells_are(t, was);
}

static void every_pair_of_trailers_chooses_as_5_6_says(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_xip_revert,
                                                      &td_strategy_ram_revert };
    struct ref_cells cells[2];
    unsigned n_alike = 0;

    (void)state;
    for (unsigned n = 0; n < 729 * 2 * 2; n++) {
        bool newer_is_0 = n / 1458 != 0;

        combination(n % 729, &cells[0], &cells[1]);
        make(ways[n / 729 % 2]);
        put(0, newer_is_0 ? v2 : v1);
        put(1, newer_is_0 ? v1 : v2);
        ref_cells(&dev, &dev.primary, &cells[0]);
        ref_cells(&dev, &dev.secondary, &cells[1]);
        unsigned a = rank(&cells[0]), b = rank(&cells[1]), newer = newer_is_0 ? 0 : 1;
        unsigned wanted = a > b ? 0 : b > a ? 1 : newer, version = wanted == newer ? 2 : 1;
        bool takes[2] = { original_takes(&cells[0]), original_takes(&cells[1]) };

        if (ref_runs(&dev) != version || dev.result.slot != wanted)
            fail_msg("%u: slot 0 %u/%u/%u, slot 1 %u/%u/%u: slot %u runs", n, cells[0].magic,
                     cells[0].image_ok, cells[0].copy_done, cells[1].magic, cells[1].image_ok,
                     cells[1].copy_done, dev.result.slot);
        /* Where the original finds anything that it does not erase, the choice is the same. */
        if (takes[0] || takes[1]) {
            assert_int_equal(wanted, takes[0] && takes[1] ? newer : takes[0] ? 0 : 1);
            n_alike++;
        }
        if (!is_noted(wanted == 0 ? &dev.p : &dev.x, &cells[wanted]))
            fail_msg("%u: slot %u %u/%u/%u is noted otherwise", n, wanted, cells[wanted].magic,
                     cells[wanted].image_ok, cells[wanted].copy_done);
        assert_true(ref_has_image(&dev, &dev.primary, 0)); /* nothing is erased */
        assert_true(ref_has_image(&dev, &dev.secondary, 0));
    }
    assert_true(n_alike > 1000);
}

/* 5.6: "copy_done is set before validation" - "after". */
static void a_trial_of_what_does_not_verify_is_not_noted(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_xip_revert,
                                                      &td_strategy_ram_revert };
    static const struct ref_cells asked = { GOOD, UNSET, UNSET, 0, 0 };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        make(ways[i]);
        put(0, v1);
        put(1, broken);
        ref_cells(&dev, &dev.primary, &(struct ref_cells){ GOOD, SET, SET, 0, 0 });
        ref_cells(&dev, &dev.secondary, &asked);
        assert_int_equal(ref_runs(&dev), 1);
        assert_true(ref_cells_are(&dev.x, &asked));
    }
}

/* 5.6: a test, then a reset: reverted; or confirmed, and kept. */
static void a_trial_ends_as_the_application_says(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_xip_revert,
                                                      &td_strategy_ram_revert };
    enum td_slot_done done;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct td_slots running;

        make(ways[i % 2]);
        put(0, v1);
        assert_int_equal(ref_runs(&dev), 1);
        put(1, v2);
        ref_request(&dev, false, 600);
        assert_int_equal(ref_runs(&dev), 2);
        assert_true(dev.result.on_trial);
        running = (struct td_slots){ &dev.x, &dev.p, TD_SLOT_MENDED, 0 };
        if (i / 2 == 0)
            assert_int_equal(td_slot_confirm(&running, &done), TD_OK);
        for (unsigned boot = 0; boot < 2; boot++) {
            assert_int_equal(ref_runs(&dev), i / 2 == 0 ? 2 : 1);
            assert_false(dev.result.on_trial);
        }
    }
}

/* --- 5.6: addresses and flags --- */

static void an_address_that_is_not_the_slot_s_is_passed_over(void **state)
{
    static const struct {
        const struct td_strategy *strategy;
        uint32_t flags, load_addr;
        enum td_verdict_code verdict; /* NONE: it runs */
    } rows[] = {
        { &td_strategy_xip, TD_IMAGE_F_ROM_FIXED, 8192, TD_V_NONE },
        { &td_strategy_xip, TD_IMAGE_F_ROM_FIXED, 0, TD_V_WRONG_ADDRESS },
        { &td_strategy_xip, TD_IMAGE_F_ROM_FIXED, 8191, TD_V_WRONG_ADDRESS },
        { &td_strategy_xip, 0, 4711, TD_V_NONE },
        { &td_strategy_xip_revert, TD_IMAGE_F_ROM_FIXED, 8192, TD_V_NONE },
        { &td_strategy_xip_revert, TD_IMAGE_F_ROM_FIXED, 4096, TD_V_WRONG_ADDRESS },
        { &td_strategy_ram, 0, REF_RAM_ADDR, TD_V_NOT_FOR_RAM },
        { &td_strategy_ram, TD_IMAGE_F_RAM_LOAD, REF_RAM_ADDR, TD_V_NONE },
        { &td_strategy_ram, TD_IMAGE_F_RAM_LOAD, REF_RAM_ADDR - 4, TD_V_OUTSIDE_RAM },
        { &td_strategy_ram, TD_IMAGE_F_RAM_LOAD, REF_RAM_ADDR + REF_RAM_SIZE - 600, TD_V_NONE },
        { &td_strategy_ram, TD_IMAGE_F_RAM_LOAD, REF_RAM_ADDR + REF_RAM_SIZE - 599,
          TD_V_OUTSIDE_RAM },
        { &td_strategy_ram, TD_IMAGE_F_RAM_LOAD, 0xffffff00, TD_V_OUTSIDE_RAM },
        { &td_strategy_ram_revert, 0, 0, TD_V_NOT_FOR_RAM },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ref_shape shape = ref_usual;
        bool ram = in_ram(rows[i].strategy);

        shape.n_primary = 8;
        ref_make(&dev, rows[i].strategy, &shape);
        ref_put(&dev, &dev.primary, 0,
                &(struct ref_image){ .major = 1,
                                     .flags = ram ? TD_IMAGE_F_RAM_LOAD : 0,
                                     .load_addr = ram ? REF_RAM_ADDR : 0 });
        ref_cells(&dev, &dev.primary, &(struct ref_cells){ GOOD, SET, SET, 0, 0 });
        ref_put(&dev, &dev.secondary, 0,
                &(struct ref_image){
                    .major = 2, .flags = rows[i].flags, .load_addr = rows[i].load_addr });
        ref_cells(&dev, &dev.secondary, &(struct ref_cells){ GOOD, UNSET, UNSET, 0, 0 });
        if (ref_runs(&dev) != (rows[i].verdict == TD_V_NONE ? 2 : 1))
            fail_msg("row %zu: image %u runs", i, dev.result.hdr.version.major);
        if (rows[i].verdict != TD_V_NONE)
            assert_true(ref_has_verdict(&dev, rows[i].verdict));
        assert_true(ref_has_image(&dev, &dev.secondary, 0));
    }
}

/* --- 5.7 --- */

static bool pin_is_low(void *ctx)
{
    (void)ctx;
    return true;
}

static uint8_t mode_is_asked(void *ctx)
{
    (void)ctx;
    return 1;
}

static void the_loader_runs_when_it_is_asked_or_the_application_may_not(void **state)
{
    static const struct td_boot_hooks hooks[] = { { 0 },
                                                  { .recovery_pin = pin_is_low },
                                                  { .boot_mode = mode_is_asked } };
    static const struct {
        const struct ref_image *slot[2];
        unsigned hook;
        unsigned runs; /* 2: nothing */
    } rows[] = {
        { { &v1, &v2 }, 0, 0 },     { { &v2, &v1 }, 0, 0 },     { { &v1, &v2 }, 1, 1 },
        { { &v1, &v2 }, 2, 1 },     { { &broken, &v2 }, 0, 1 }, { { NULL, &v2 }, 0, 1 },
        { { &v1, &broken }, 0, 0 }, { { &v1, NULL }, 0, 0 },    { { &v1, &broken }, 1, 0 },
        { { &v1, NULL }, 2, 0 },    { { NULL, NULL }, 0, 2 },   { { &broken, &broken }, 1, 2 },
        { { NULL, &v2 }, 1, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make(&td_strategy_loader);
        dev.config.hooks = &hooks[rows[i].hook];
        for (unsigned n = 0; n < 2; n++)
            if (rows[i].slot[n] != NULL)
                put(n, *rows[i].slot[n]);
        ref_boot(&dev);
        assert_int_equal(dev.result.bootable, rows[i].runs != 2);
        if (rows[i].runs != 2 && dev.result.slot != rows[i].runs)
            fail_msg("row %zu: slot %u runs", i, dev.result.slot);
        assert_int_equal(dev.result.did, TD_SWAP_NONE);
        if (rows[i].slot[0] != NULL)
            assert_true(ref_has_image(&dev, &dev.primary, 0));
    }
}

/* 5.7: nothing is swapped, and a trailer says nothing. */
static void a_single_slot_runs_what_verifies_whatever_its_trailer_says(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_single,
                                                      &td_strategy_single_ram };
    struct ref_cells p, x;

    (void)state;
    for (unsigned n = 0; n < 729 * 2; n += 7) {
        combination(n % 729, &p, &x);
        make(ways[n / 729]);
        put(0, n % 2 == 0 ? v1 : broken);
        ref_cells(&dev, &dev.primary, &p);
        assert_int_equal(ref_runs(&dev), n % 2 == 0 ? 1 : 0);
        assert_true(ref_cells_are(&dev.p, &p));
        assert_true(ref_has_image(&dev, &dev.primary, 0));
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
        cmocka_unit_test(the_highest_version_that_is_valid_runs),
        cmocka_unit_test(every_pair_of_trailers_chooses_as_5_6_says),
        cmocka_unit_test(a_trial_of_what_does_not_verify_is_not_noted),
        cmocka_unit_test(a_trial_ends_as_the_application_says),
        cmocka_unit_test(an_address_that_is_not_the_slot_s_is_passed_over),
        cmocka_unit_test(the_loader_runs_when_it_is_asked_or_the_application_may_not),
        cmocka_unit_test(a_single_slot_runs_what_verifies_whatever_its_trailer_says),
    };

    return cmocka_run_group_tests(tests, NULL, clean_up);
}
