/* Sections 6.3, 6.4 and 6.8: what may be older than what, and what the primary's check is for. */
#include "reference.h"

static struct ref_device dev;

static bool offsets(const struct td_strategy *strategy)
{
    return strategy == &td_strategy_offset;
}

static bool in_ram(const struct td_strategy *strategy)
{
    return strategy == &td_strategy_ram || strategy == &td_strategy_ram_revert;
}

static void make(const struct td_strategy *strategy)
{
    ref_make(&dev, strategy, &ref_usual);
    assert_int_equal(td_boot_check(&dev.config), TD_OK);
}

static void put(const struct td_flash_area *area, struct ref_image image)
{
    const struct td_strategy *strategy = dev.config.strategy;
    bool one_sector_in = offsets(strategy) && area == &dev.secondary;

    if (in_ram(strategy)) {
        image.flags |= TD_IMAGE_F_RAM_LOAD;
        image.load_addr = REF_RAM_ADDR;
    }
    ref_put(&dev, area, one_sector_in ? 1024 : 0, &image);
}

static void ask(bool permanent)
{
    ref_cells(&dev, &dev.secondary,
              &(struct ref_cells){ GOOD, permanent ? SET : UNSET, UNSET, permanent ? 3 : 2, 0 });
}

static void confirm(void)
{
    enum td_slot_done done;

    assert_int_equal(td_slot_confirm(&dev.requests, &done), TD_OK);
}

static const struct td_strategy *const moving[] = {
    &td_strategy_move,      &td_strategy_scratch,         &td_strategy_offset,
    &td_strategy_overwrite, &td_strategy_overwrite_plain,
};

/* --- 6.3: versions --- */

static const struct version_row {
    struct ref_image p, x;
    bool is_older;
} version_rows[] = {
    { { .major = 2 }, { .major = 1 }, true },
    { { .major = 2, .minor = 1 }, { .major = 2 }, true },
    { { .major = 2, .revision = 1 }, { .major = 2 }, true },
    { { .major = 2, .minor = 1 }, { .major = 2, .revision = 9 }, true },
    { { .major = 2 }, { .major = 2 }, false },
    { { .major = 2, .build = 9 }, { .major = 2, .build = 1 }, false }, /* 12.18 */
    { { .major = 2 }, { .major = 2, .revision = 1 }, false },
    { { .major = 2, .minor = 9 }, { .major = 3 }, false },
    { { .major = 255 }, { .major = 1 }, true },
    { { .major = 2, .revision = 65535 }, { .major = 2, .revision = 256 }, true },
};

static void an_older_version_is_refused_where_downgrades_are(void **state)
{
    const size_t n_rows = sizeof version_rows / sizeof version_rows[0];

    (void)state;
    for (size_t n = 0; n < n_rows * 5 * 2 * 2 * 2; n++) {
        const struct version_row *r = &version_rows[n % n_rows];
        bool permanent = n / n_rows / 5 % 2 != 0, prevented = n / n_rows / 10 % 2 != 0;
        bool stock = n / n_rows / 20 != 0, refused = prevented && r->is_older;

        make(moving[n / n_rows % 5]);
        dev.config.downgrade_prevention = prevented;
        dev.config.manner = stock ? &td_boot_manner_mcuboot : NULL;
        put(&dev.primary, r->p);
        put(&dev.secondary, r->x);
        ask(permanent);
        ref_boot(&dev);
        assert_true(dev.result.bootable);
        if ((dev.result.did == TD_SWAP_NONE) != refused)
            fail_msg("row %zu, mode %zu: did %d", n % n_rows, n / n_rows % 5, dev.result.did);
        assert_int_equal(ref_has_verdict(&dev, TD_V_DOWNGRADE), refused);
        assert_true(ref_cells_are(&dev.x, &ref_blank));
        if (refused) /* "X erased"; mended: "its request goes" */
            assert_int_equal(ref_is_erased(&dev, &dev.secondary), stock);
    }
}

/* 6.3: "skipped if P's header is erased"; mended: "installed for good" (boot.md, P blank). */
static void a_blank_primary_has_no_version_to_be_older_than(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        make(moving[i]);
        dev.config.downgrade_prevention = true;
        put(&dev.secondary, (struct ref_image){ .major = 1 });
        ask(false);
        assert_int_equal(ref_runs(&dev), 1);
        assert_false(dev.result.on_trial);
        assert_int_equal(ref_runs(&dev), 1); /* 6.8: no spurious revert */
        assert_int_equal(dev.result.did, TD_SWAP_NONE);
    }
}

/* 6.3: "not applied to REVERT"; "not for direct-xip". */
static void a_revert_is_no_downgrade(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        make(moving[i]);
        dev.config.downgrade_prevention = true;
        put(&dev.primary, (struct ref_image){ .major = 1 });
        put(&dev.secondary, (struct ref_image){ .major = 2 });
        ask(false);
        assert_int_equal(ref_runs(&dev), 2);
        assert_int_equal(ref_runs(&dev), 1);
        assert_int_equal(dev.result.did, TD_SWAP_REVERT);
    }
}

/* --- 6.3 and 6.4: security counters --- */

static const struct counter_row {
    const char *section;
    uint32_t stored, p, x; /* 0: the image has none */
    bool is_stuck;
    unsigned runs_without_request, runs_with_request;
    enum td_verdict_code verdict; /* of the boot with the request */
} counter_rows[] = {
    { "6.3 equal", 5, 5, 5, false, 1, 2, TD_V_NONE },
    { "6.3 higher", 5, 5, 6, false, 1, 2, TD_V_NONE },
    { "6.3 lower than stored", 5, 5, 4, false, 1, 1, TD_V_COUNTER_LOW },
    { "6.3 missing", 5, 5, 0, false, 1, 1, TD_V_COUNTER_MISSING },
    { "6.3 of P too: lower", 5, 4, 5, false, 0, 2, TD_V_NONE },
    { "6.3 of P too: missing", 5, 0, 5, false, 0, 2, TD_V_NONE },
    { "6.3 no update left, higher", 5, 5, 6, true, 1, 1, TD_V_COUNTER_STUCK },
    { "6.3 no update left, equal", 5, 5, 5, true, 1, 2, TD_V_NONE },
    { "6.3 the largest", 0xfffffffe, 0xfffffffe, 0xffffffff, false, 1, 2, TD_V_NONE },
};

static void a_counter_is_never_lower_than_the_stored_one(void **state)
{
    const size_t n_rows = sizeof counter_rows / sizeof counter_rows[0];

    (void)state;
    for (size_t n = 0; n < n_rows * 5 * 2; n++) {
        const struct counter_row *r = &counter_rows[n % n_rows];
        const struct td_strategy *strategy = moving[n / n_rows % 5];
        bool asked = n / n_rows / 5 != 0;
        unsigned wanted = asked ? r->runs_with_request : r->runs_without_request;

        make(strategy);
        dev.config.counters = &dev.counters;
        dev.stored = r->stored;
        dev.is_stuck = r->is_stuck;
        put(&dev.primary, (struct ref_image){ .major = 1, .counter = r->p });
        put(&dev.secondary, (struct ref_image){ .major = 2, .counter = r->x });
        if (asked)
            ask(true);
        if (ref_runs(&dev) != wanted)
            fail_msg("%s, mode %zu%s: image %u runs", r->section, n / n_rows % 5,
                     asked ? ", asked for" : "", dev.result.hdr.version.major);
        if (asked && r->verdict != TD_V_NONE)
            assert_true(ref_has_verdict(&dev, r->verdict));
        assert_true(dev.stored >= r->stored);
    }
}

/*
 * 6.4, when the value rises. Original: overwrite: after the copy; PERM: after the swap; TEST: one
 * reboot after the confirmation. Mended: at the first boot that verifies what is confirmed,
 * which is not later than in the original; and a trial raises nothing (RAM load does there).
 */
static void the_stored_counter_rises_when_6_4_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5 * 2; i++) {
        const struct td_strategy *strategy = moving[i % 5];
        bool swaps = i % 5 < 3, permanent = i / 5 != 0;

        make(strategy);
        dev.config.counters = &dev.counters;
        dev.stored = 3;
        put(&dev.primary, (struct ref_image){ .major = 1, .counter = 3 });
        put(&dev.secondary, (struct ref_image){ .major = 2, .counter = 7 });
        ask(permanent);
        assert_int_equal(ref_runs(&dev), 2);
        assert_int_equal(dev.stored, swaps && !permanent ? 3 : 7);
        if (swaps && !permanent) {
            confirm();
            assert_int_equal(dev.stored, 3);
        }
        assert_int_equal(ref_runs(&dev), 2);
        assert_int_equal(dev.stored, 7);
        assert_int_equal(ref_runs(&dev), 2);
        assert_int_equal(dev.n_risen, 1);
    }
}

static void a_trial_and_its_revert_raise_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        make(moving[i]);
        dev.config.counters = &dev.counters;
        dev.stored = 3;
        put(&dev.primary, (struct ref_image){ .major = 1, .counter = 3 });
        put(&dev.secondary, (struct ref_image){ .major = 2, .counter = 7 });
        ask(false);
        assert_int_equal(ref_runs(&dev), 2);
        assert_int_equal(ref_runs(&dev), 1);
        assert_int_equal(dev.stored, 3);
        assert_int_equal(dev.n_risen, 0);
    }
}

/* 6.4: direct-XIP, RAM load: every boot; with revert when image_ok was SET (RAM load: mended). */
static void the_counter_where_a_slot_is_chosen(void **state)
{
    static const struct {
        const struct td_strategy *strategy;
        uint8_t image_ok;
        uint32_t stored;
    } rows[] = {
        { &td_strategy_xip, UNSET, 7 },        { &td_strategy_ram, UNSET, 7 },
        { &td_strategy_xip_revert, UNSET, 3 }, { &td_strategy_xip_revert, SET, 7 },
        { &td_strategy_ram_revert, UNSET, 3 }, { &td_strategy_ram_revert, SET, 7 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make(rows[i].strategy);
        dev.config.counters = &dev.counters;
        dev.stored = 3;
        put(&dev.primary, (struct ref_image){ .major = 1, .counter = 3 });
        ref_cells(&dev, &dev.primary, &(struct ref_cells){ GOOD, SET, SET, 0, 0 });
        put(&dev.secondary, (struct ref_image){ .major = 2, .counter = 7 });
        ref_cells(&dev, &dev.secondary, &(struct ref_cells){ GOOD, rows[i].image_ok, UNSET, 0, 0 });
        assert_int_equal(ref_runs(&dev), 2);
        if (dev.stored != rows[i].stored)
            fail_msg("row %zu: %u is stored", i, dev.stored);
        assert_int_equal(ref_runs(&dev), rows[i].stored == 3 ? 1 : 2);
    }
}

/* --- 6.8 --- */

/* "Invalid P never erased, never replaced from X: boot fails"; "where the configuration says so". */
static void an_invalid_primary_is_not_replaced_unless_the_policy_says_so(void **state)
{
    static const struct {
        bool stock, falls_back, has_x, is_broken;
        unsigned runs;
    } rows[] = {
        { true, false, true, true, 0 },  { true, true, true, true, 0 },
        { false, false, true, true, 0 }, { false, true, true, true, 2 },
        { false, true, false, true, 0 }, { false, false, false, true, 0 },
        { false, true, true, false, 1 }, { true, true, true, false, 1 },
    };
    const size_t n_rows = sizeof rows / sizeof rows[0];

    (void)state;
    for (size_t n = 0; n < n_rows * 5; n++) {
        size_t i = n % n_rows;

        make(moving[n / n_rows]);
        dev.config.manner = rows[i].stock ? &td_boot_manner_mcuboot : NULL;
        dev.config.falls_back = rows[i].falls_back;
        put(&dev.primary, (struct ref_image){ .major = 1, .broken = rows[i].is_broken });
        if (rows[i].has_x)
            put(&dev.secondary, (struct ref_image){ .major = 2 });
        if (ref_runs(&dev) != rows[i].runs)
            fail_msg("row %zu, mode %zu: image %u runs", i, n / n_rows,
                     dev.result.hdr.version.major);
        assert_true(ref_has_image(&dev, &dev.primary, 0));
        if (rows[i].runs == 2) { /* for good: no spurious revert */
            assert_true(ref_has_verdict(&dev, TD_V_FELL_BACK));
            assert_false(dev.result.on_trial);
            assert_int_equal(ref_runs(&dev), 2);
            assert_int_equal(dev.result.did, TD_SWAP_NONE);
        }
        if (rows[i].runs == 0)
            assert_true(ref_has_verdict(&dev, TD_V_PRIMARY_INVALID));
    }
}

/* 6.8, without a request: P blank and X valid is no reason to install (BOOTSTRAP is off). */
static void a_blank_primary_without_a_request_boots_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5 * 2; i++) {
        make(moving[i % 5]);
        dev.config.manner = i / 5 == 0 ? &td_boot_manner_mcuboot : NULL;
        put(&dev.secondary, (struct ref_image){ .major = 2 });
        assert_int_equal(ref_runs(&dev), 0);
        assert_true(ref_has_image(&dev, &dev.secondary, offsets(moving[i % 5]) ? 1024 : 0));
        assert_true(ref_is_erased(&dev, &dev.primary));
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
        cmocka_unit_test(an_older_version_is_refused_where_downgrades_are),
        cmocka_unit_test(a_blank_primary_has_no_version_to_be_older_than),
        cmocka_unit_test(a_revert_is_no_downgrade),
        cmocka_unit_test(a_counter_is_never_lower_than_the_stored_one),
        cmocka_unit_test(the_stored_counter_rises_when_6_4_says),
        cmocka_unit_test(a_trial_and_its_revert_raise_nothing),
        cmocka_unit_test(the_counter_where_a_slot_is_chosen),
        cmocka_unit_test(an_invalid_primary_is_not_replaced_unless_the_policy_says_so),
        cmocka_unit_test(a_blank_primary_without_a_request_boots_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, clean_up);
}
