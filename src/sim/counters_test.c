/* Security counters of a virtual device: they only rise, and a cut leaves the old or the new one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/counters.h"
#include "sim/nor.h"

#define SIZE 64

static const struct td_flash_run runs[] = { { 1, SIZE } };
static const struct sim_nor_model model = {
    .name = "counters",
    .runs = runs,
    .n_runs = 1,
    .erased = 0xff,
    .budget = 1,
    .write_size = 4,
    .write_unit = 4,
    .erase_unit = SIZE,
};

static struct {
    uint8_t bytes[SIZE], meta[4096];
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area;
    struct td_boot_counters c;
} rig;

static void start(uint64_t seed)
{
    assert_true(sim_nor_meta_size(&model) <= sizeof rig.meta);
    sim_nor_init(&rig.nor, &model, rig.bytes, rig.meta, &rig.power, seed);
    sim_power_on(&rig.power);
    rig.area = (struct td_flash_area){ &rig.nor.dev, 0, SIZE };
    rig.c = sim_counters(&rig.area);
}

static uint32_t counter(uint8_t image)
{
    uint32_t value = 99;

    assert_int_equal(rig.c.read(rig.c.ctx, image, &value), TD_OK);
    return value;
}

static void they_rise_until_the_cells_are_used_up_and_never_fall(void **state)
{
    (void)state;
    start(1);
    assert_int_equal(counter(0), 0);
    assert_int_equal(rig.c.rise(rig.c.ctx, 0, 3), TD_OK);
    assert_int_equal(rig.c.rise(rig.c.ctx, 1, 7), TD_OK);
    assert_int_equal(rig.c.rise(rig.c.ctx, 0, 2), TD_OK);
    assert_int_equal(counter(0), 3);
    assert_int_equal(counter(1), 7);
    assert_false(rig.c.can_rise(rig.c.ctx, 0, 3));
    assert_true(rig.c.can_rise(rig.c.ctx, 0, 4));
    assert_int_equal(rig.c.rise(rig.c.ctx, 0, 4), TD_OK);
    assert_int_equal(rig.c.rise(rig.c.ctx, 0, 5), TD_OK);
    assert_false(rig.c.can_rise(rig.c.ctx, 0, 6));
    assert_int_equal(rig.c.rise(rig.c.ctx, 0, 6), TD_ENOSPC);
    assert_int_equal(counter(0), 5);
}

static void a_cut_leaves_the_old_value_or_the_new_one_and_it_can_be_raised_again(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++) {
        start(seed);
        assert_int_equal(rig.c.rise(rig.c.ctx, 0, 3), TD_OK);
        sim_power_cut_at(&rig.power, rig.power.ops, (enum sim_cut)(seed % 3));
        (void)rig.c.rise(rig.c.ctx, 0, 9);
        sim_power_on(&rig.power);
        for (unsigned boot = 0; boot < 5; boot++) {
            uint32_t now = counter(0);

            assert_true(now == 3 || now == 9);
        }
        assert_int_equal(rig.c.rise(rig.c.ctx, 0, 10), TD_OK);
        assert_int_equal(counter(0), 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_rise_until_the_cells_are_used_up_and_never_fall),
        cmocka_unit_test(a_cut_leaves_the_old_value_or_the_new_one_and_it_can_be_raised_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
