/* Two images as one update, and what keeps old ones out: single states, each with its trap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/range.h"
#include "boot/boot.h"
#include "boot/jump.h"
#include "image/build.h"
#include "sim/nor.h"

#define SECTOR   1024u
#define SLOT     (8u * SECTOR)
#define N_SECTOR 32

static const struct td_flash_run runs[] = { { N_SECTOR, SECTOR } };
static const struct sim_nor_model model = { .name = "test",
                                            .runs = runs,
                                            .n_runs = 1,
                                            .erased = 0xff,
                                            .budget = 2,
                                            .write_size = 4,
                                            .write_unit = 4,
                                            .erase_unit = SECTOR };

static struct bench {
    uint8_t bytes[N_SECTOR * SECTOR];
    uint8_t *meta;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area primary[2], secondary[2];
    struct td_boot_slots slots[2];
    struct td_boot_config config;
    struct td_trailer p[2], x[2];
    struct td_slots requests[2];
    struct td_boot_work work;
    struct td_boot_result result;
    uint32_t stored[2];
    unsigned reads, lies_from; /* the counter that is read from the lies_from-th time on is 99 */
    bool full;
    unsigned jumps;
} b;

static enum td_err counter_read(void *ctx, uint8_t image, uint32_t *value)
{
    (void)ctx;
    b.reads++;
    *value = b.lies_from != 0 && b.reads >= b.lies_from ? 99 : b.stored[image];
    return TD_OK;
}

static enum td_err counter_rise(void *ctx, uint8_t image, uint32_t value)
{
    (void)ctx;
    b.stored[image] = value;
    return TD_OK;
}

static bool counter_can_rise(void *ctx, uint8_t image, uint32_t value)
{
    (void)ctx;
    (void)image;
    (void)value;
    return !b.full;
}

static const struct td_boot_counters counters = { counter_read, counter_rise, counter_can_rise,
                                                  NULL };

static void count_jump(void *ctx, const struct td_boot_result *r)
{
    (void)ctx;
    (void)r;
    b.jumps++;
}

static const struct td_boot_hooks hooks = { .jump = count_jump };

static void make_bench(const struct td_strategy *strategy)
{
    free(b.meta);
    memset(&b, 0, sizeof b);
    b.meta = malloc(sim_nor_meta_size(&model));
    sim_nor_init(&b.nor, &model, b.bytes, b.meta, &b.power, 7);
    sim_power_on(&b.power);
    for (unsigned i = 0; i < 2; i++) {
        b.primary[i] = (struct td_flash_area){ &b.nor.dev, 2 * i * SLOT, SLOT };
        b.secondary[i] = (struct td_flash_area){ &b.nor.dev, (2 * i + 1) * SLOT, SLOT };
        b.slots[i] =
            (struct td_boot_slots){ .primary = &b.primary[i], .secondary = &b.secondary[i] };
        b.p[i] = (struct td_trailer){ .area = &b.primary[i],
                                      .mode = td_strategy_mode(strategy),
                                      .max_sectors = 8,
                                      .write_size = 4,
                                      .max_align = 8 };
        b.x[i] = b.p[i];
        b.x[i].area = &b.secondary[i];
        b.requests[i] = (struct td_slots){ &b.p[i], &b.x[i], TD_SLOT_MENDED, (uint8_t)i };
    }
    b.config = (struct td_boot_config){ .images = b.slots,
                                        .n_images = 2,
                                        .strategy = strategy,
                                        .policy = { .hash = &td_sha256 },
                                        .max_align = 8,
                                        .max_sectors = 8,
                                        .hooks = &hooks };
}

/* What an image carries besides its hash. */
struct plan {
    uint8_t major;
    uint8_t counter; /* 0: none */
    uint8_t wants;   /* major of the other image; 0: does not depend on it */
    uint8_t of;      /* that other image's number */
    bool unprotected;
};

static void put(const struct td_flash_area *area, struct plan plan)
{
    static uint8_t buf[SLOT];
    bool is_protected = (plan.counter != 0 || plan.wants != 0) && !plan.unprotected;
    unsigned tlvs = 4u + (plan.counter != 0 ? 8u : 0u) + (plan.wants != 0 ? 16u : 0u);
    struct td_image_header hdr = { .hdr_size = 32,
                                   .img_size = 1500,
                                   .protect_tlv_size = (uint16_t)(is_protected ? tlvs : 0),
                                   .version = { .major = plan.major } };
    uint8_t digest[32], counter[4] = { plan.counter }, dep[12] = { plan.of, 0, 0, 0, plan.wants };
    struct td_build build;

    memset(buf, plan.major, sizeof buf);
    td_build_begin(&build, buf, sizeof buf, 32 + 1500);
    td_build_header(&build, &hdr);
    if (is_protected) {
        td_build_area(&build, TD_TLV_PROT_MAGIC);
        if (plan.counter != 0)
            td_build_tlv(&build, TD_TLV_SEC_CNT, counter, sizeof counter);
        if (plan.wants != 0)
            td_build_tlv(&build, TD_TLV_DEPENDENCY, dep, sizeof dep);
        td_build_close(&build);
    }
    td_hash_of(&td_sha256, buf, build.len, digest);
    td_build_area(&build, TD_TLV_MAGIC);
    td_build_tlv(&build, TD_TLV_SHA256, digest, sizeof digest);
    if (plan.unprotected)
        td_build_tlv(&build, TD_TLV_DEPENDENCY, dep, sizeof dep);
    td_build_close(&build);
    assert_int_equal(build.err, TD_OK);
    assert_int_equal(td_flash_erase(area, 0, SLOT), TD_OK);
    sim_nor_program(&b.nor, area->off, buf, build.len);
}

static void ask(unsigned image, struct plan plan, bool permanent)
{
    enum td_slot_done done;

    put(&b.secondary[image], plan);
    assert_int_equal(td_slot_set_pending(&b.requests[image], permanent, 1700, &done), TD_OK);
}

/* Changes one byte of the payload, in the image's second sector. */
static void damage(const struct td_flash_area *area)
{
    uint8_t sector[SECTOR];

    memcpy(sector, sim_nor_peek(&b.nor, area->off + SECTOR), sizeof sector);
    sector[100] ^= 0x55;
    sim_nor_program(&b.nor, area->off + SECTOR, sector, sizeof sector);
}

static void confirm(unsigned image)
{
    enum td_slot_done done;

    assert_int_equal(td_slot_confirm(&b.requests[image], &done), TD_OK);
}

static void run(void)
{
    sim_power_on(&b.power);
    assert_int_equal(td_boot_go(&b.config, &b.work, &b.result), TD_OK);
}

static uint8_t major_of(unsigned image)
{
    struct td_source src = td_flash_source(&b.primary[image]);
    struct td_image_header hdr = { 0 };

    return td_image_header_read(&src, &hdr) == TD_OK ? hdr.version.major : 0;
}

static void runs_pair(uint8_t first, uint8_t second)
{
    run();
    assert_true(b.result.bootable);
    assert_int_equal(major_of(0), first);
    assert_int_equal(major_of(1), second);
}

static bool told(uint16_t code, uint8_t image)
{
    for (unsigned i = 0; i < b.result.n_verdicts; i++) {
        if (b.result.verdicts[i].code == code && b.result.verdicts[i].image == image)
            return true;
    }
    return false;
}

static void fill(const struct td_strategy *strategy)
{
    make_bench(strategy);
    put(&b.primary[0], (struct plan){ .major = 1, .counter = 1 });
    put(&b.primary[1], (struct plan){ .major = 1, .counter = 1 });
}

static const struct plan new_one = { .major = 2, .counter = 2 };

/* --- one update --- */

static void both_come_in_together_and_stay_when_both_are_confirmed(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    ask(0, new_one, false);
    ask(1, new_one, false);
    runs_pair(2, 2);
    assert_true(b.result.on_trial);
    confirm(0);
    confirm(1);
    runs_pair(2, 2);
    assert_false(b.result.on_trial);
    assert_int_equal(b.power.ops, 0);
}

static void one_that_is_not_confirmed_takes_the_other_back_with_it(void **state)
{
    (void)state;
    for (unsigned confirmed = 0; confirmed < 2; confirmed++) {
        fill(&td_strategy_move);
        ask(0, new_one, false);
        ask(1, new_one, false);
        runs_pair(2, 2);
        confirm(confirmed);
        runs_pair(1, 1);
        assert_true(told(TD_V_REVERTED_TOGETHER, (uint8_t)confirmed));
        assert_true(told(TD_V_REVERTED, (uint8_t)(1 - confirmed)));
        runs_pair(1, 1);
        assert_int_equal(b.power.ops, 0);
    }
}

static void a_permanent_one_goes_back_with_the_other_s_trial(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    ask(0, new_one, true);
    ask(1, new_one, false);
    runs_pair(2, 2);
    assert_true(b.result.on_trial);
    runs_pair(1, 1);
}

// Complaint 9 of the reference: one image's problem cancels all.
static void a_bad_candidate_does_not_block_the_other_image(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    ask(0, new_one, false);
    ask(1, new_one, false);
    damage(&b.secondary[1]);
    runs_pair(2, 1);
    assert_true(told(TD_V_HASH_MISMATCH, 1));
}

/* --- dependencies (6.2, trap 17) --- */

static void what_depends_on_a_refused_image_waits_with_its_request(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    ask(0, (struct plan){ .major = 2, .wants = 2, .of = 1 }, false);
    ask(1, new_one, false);
    damage(&b.secondary[1]);
    runs_pair(1, 1);
    assert_true(told(TD_V_DEPENDENCY, 0));
    runs_pair(1, 1);
    assert_int_equal(b.power.ops, 0);
    ask(1, new_one, false);
    runs_pair(2, 2);
}

static void a_running_image_s_wants_are_not_broken_by_another_s_update(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    put(&b.primary[0], (struct plan){ .major = 3 });
    put(&b.primary[1], (struct plan){ .major = 1, .wants = 3, .of = 0 });
    ask(0, new_one, false);
    runs_pair(3, 1);
    assert_true(told(TD_V_DEPENDENCY, 0));
}

static void a_dependency_on_no_image_is_refused_for_good(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    ask(0, (struct plan){ .major = 2, .wants = 1, .of = 7 }, false);
    runs_pair(1, 1);
    assert_true(told(TD_V_DEPENDENCY, 0));
    run();
    assert_false(told(TD_V_DEPENDENCY, 0));
}

// CVE-2024-32883: what must be protected is taken from nowhere else, and refuses the image.
static void an_unprotected_dependency_is_no_dependency(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    ask(0, (struct plan){ .major = 2, .wants = 1, .of = 1, .unprotected = true }, false);
    runs_pair(1, 1);
    assert_true(told(TD_V_FORBIDDEN_TLV, 0));
}

/* --- an image that is not there --- */

static void an_image_that_was_never_filled_does_not_stop_the_others(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    assert_int_equal(td_flash_erase(&b.primary[1], 0, SLOT), TD_OK);
    run();
    assert_true(b.result.bootable);
    assert_true(told(TD_V_UNPROVISIONED, 1));
    assert_int_equal(td_boot_jump(&b.config, &b.result), TD_OK);
    put(&b.primary[0], (struct plan){ .major = 1, .wants = 1, .of = 1 });
    run();
    assert_false(b.result.bootable);
    b.config.manner = &td_boot_manner_mcuboot;
    fill(&td_strategy_move);
    assert_int_equal(td_flash_erase(&b.primary[1], 0, SLOT), TD_OK);
    b.config.manner = &td_boot_manner_mcuboot;
    run();
    assert_false(b.result.bootable);
}

// Complaint 3: a corrupt primary is not replaced by a good secondary.
static void a_damaged_primary_is_replaced_where_the_policy_says_so(void **state)
{
    static const struct {
        const char *says;
        bool falls_back, prevents, header_gone;
        uint8_t spare;
        bool boots;
    } rows[] = {
        { "not asked for", false, false, false, 2, false },
        { "a newer one", true, true, false, 2, true },
        { "the same version", true, true, false, 1, true },
        { "an older one", true, true, false, 0, false },
        { "an older one, downgrades allowed", true, false, false, 0, true },
        { "the damaged one does not say its version", true, true, true, 2, false },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        fill(&td_strategy_move);
        b.config.falls_back = rows[i].falls_back;
        b.config.downgrade_prevention = rows[i].prevents;
        put(&b.secondary[0], (struct plan){ .major = rows[i].spare });
        if (rows[i].header_gone)
            assert_int_equal(td_flash_erase(&b.primary[0], 0, SECTOR), TD_OK);
        else
            damage(&b.primary[0]);
        run();
        if (b.result.bootable != rows[i].boots || told(TD_V_FELL_BACK, 0) != rows[i].boots)
            fail_msg("%s", rows[i].says);
        if (rows[i].boots) {
            run();
            assert_int_equal(b.power.ops, 0);
        }
    }
}

/* --- counters --- */

// Trap 16: a counter that rises with a trial keeps the image out that a revert needs.
static void a_trial_raises_no_counter_and_a_confirmation_of_all_does(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    b.config.counters = &counters;
    ask(0, new_one, false);
    ask(1, new_one, true);
    runs_pair(2, 2);
    assert_true(b.stored[0] < 2 && b.stored[1] < 2);
    runs_pair(1, 1);
    assert_true(b.stored[0] == 1 && b.stored[1] == 1);
    ask(0, new_one, false);
    ask(1, new_one, true);
    runs_pair(2, 2);
    confirm(0);
    runs_pair(2, 2);
    assert_true(b.stored[0] == 2 && b.stored[1] == 2);
}

static void counters_keep_old_images_out(void **state)
{
    static const struct {
        const char *says;
        uint8_t counter;
        bool erased, full;
        uint16_t code;
    } rows[] = {
        { "lower than stored", 4, false, false, TD_V_COUNTER_LOW },
        { "none", 0, false, false, TD_V_COUNTER_MISSING },
        { "higher, and no step left", 6, false, true, TD_V_COUNTER_STUCK },
        { "erase and reset: lower, and nothing runs", 4, true, false, TD_V_COUNTER_LOW },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        fill(&td_strategy_move);
        b.config.counters = &counters;
        b.stored[0] = 5;
        put(&b.primary[0], (struct plan){ .major = 1, .counter = 5 });
        b.full = rows[i].full;
        if (rows[i].erased)
            assert_int_equal(td_flash_erase(&b.primary[0], 0, SLOT), TD_OK);
        ask(0, (struct plan){ .major = 9, .counter = rows[i].counter }, true);
        run();
        if (!told(rows[i].code, 0) || b.result.bootable == rows[i].erased || b.stored[0] != 5)
            fail_msg("%s", rows[i].says);
    }
}

/* --- the two doors --- */

static void one_wrong_answer_does_not_lead_to_a_jump(void **state)
{
    (void)state;
    fill(&td_strategy_move);
    b.config.counters = &counters;
    b.config.n_images = 1;
    b.config.checks_twice = true;
    b.lies_from = 2;
    run();
    assert_false(b.result.bootable);
    assert_int_equal(td_boot_jump(&b.config, &b.result), TD_ESTATE);
    b.result.bootable = true; // the branch that was glitched
    b.result.hash_len = 32;
    assert_int_equal(td_boot_jump(&b.config, &b.result), TD_ESTATE);
    assert_int_equal(b.jumps, 0);
}

static void a_skipped_step_does_not_lead_to_a_jump(void **state)
{
    static const struct {
        uint32_t yes, no, flow;
        bool jumps;
    } rows[] = {
        { TD_HARD_YES, TD_HARD_NO, 2 * TD_FLOW_VERIFIED, true },
        { TD_HARD_YES, TD_HARD_NO, TD_FLOW_VERIFIED, false },
        { TD_HARD_YES, TD_HARD_NO, 2 * TD_FLOW_VERIFIED - TD_FLOW_IMAGE, false },
        { TD_HARD_YES, TD_HARD_NO, 2 * TD_FLOW_VERIFIED - TD_FLOW_COUNTER, false },
        { TD_HARD_YES, 0, 2 * TD_FLOW_VERIFIED, false },
        { 0, TD_HARD_NO, 2 * TD_FLOW_VERIFIED, false },
        { TD_HARD_YES ^ 1, TD_HARD_NO, 2 * TD_FLOW_VERIFIED, false },
        { UINT32_MAX, UINT32_MAX, 2 * TD_FLOW_VERIFIED, false },
        { 0, 0, 0, false },
    };

    (void)state;
    fill(&td_strategy_move);
    run();
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        b.jumps = 0;
        b.result.passed = (struct td_hard){ rows[i].yes, rows[i].no, rows[i].flow };
        assert_int_equal(td_boot_jump(&b.config, &b.result), rows[i].jumps ? TD_OK : TD_ESTATE);
        assert_int_equal(b.jumps, rows[i].jumps ? 1 : 0);
    }
}

static int clean_up(void **state)
{
    (void)state;
    free(b.meta);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_come_in_together_and_stay_when_both_are_confirmed),
        cmocka_unit_test(one_that_is_not_confirmed_takes_the_other_back_with_it),
        cmocka_unit_test(a_permanent_one_goes_back_with_the_other_s_trial),
        cmocka_unit_test(a_bad_candidate_does_not_block_the_other_image),
        cmocka_unit_test(what_depends_on_a_refused_image_waits_with_its_request),
        cmocka_unit_test(a_running_image_s_wants_are_not_broken_by_another_s_update),
        cmocka_unit_test(a_dependency_on_no_image_is_refused_for_good),
        cmocka_unit_test(an_unprotected_dependency_is_no_dependency),
        cmocka_unit_test(an_image_that_was_never_filled_does_not_stop_the_others),
        cmocka_unit_test(a_damaged_primary_is_replaced_where_the_policy_says_so),
        cmocka_unit_test(a_trial_raises_no_counter_and_a_confirmation_of_all_does),
        cmocka_unit_test(counters_keep_old_images_out),
        cmocka_unit_test(one_wrong_answer_does_not_lead_to_a_jump),
        cmocka_unit_test(a_skipped_step_does_not_lead_to_a_jump),
    };

    return cmocka_run_group_tests_name("update", tests, NULL, clean_up);
}
