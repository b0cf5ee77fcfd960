#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "nvs/settings.h"
#include "sim/nor.h"

static const struct td_flash_run runs[] = { { 4, 1024 } };
static const struct sim_nor_model model = {
    .name = "1 KB",
    .runs = runs,
    .n_runs = 1,
    .erased = 0xFF,
    .budget = 1,
    .write_size = 4,
    .write_unit = 4,
    .erase_unit = 1024,
};

static struct bench {
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area;
    struct td_nvs_config cfg;
    struct td_settings settings;
    uint8_t *bytes, *meta;
} b;

static int start(void **state)
{
    (void)state;
    memset(&b, 0, sizeof b);
    b.bytes = malloc(sim_nor_size(&model));
    b.meta = malloc(sim_nor_meta_size(&model));
    sim_nor_init(&b.nor, &model, b.bytes, b.meta, &b.power, 1);
    b.area = (struct td_flash_area){ &b.nor.dev, 0, 4096 };
    b.cfg.area = &b.area;
    return td_settings_mount(&b.settings, &b.cfg) == TD_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    free(b.bytes);
    free(b.meta);
    return 0;
}

static void put(const char *name, const char *value)
{
    assert_int_equal(td_settings_set(&b.settings, name, strlen(name), value, strlen(value)), TD_OK);
}

static void holds(const char *name, const char *want)
{
    char got[64];
    size_t len;

    assert_int_equal(td_settings_get(&b.settings, name, strlen(name), got, sizeof got, &len),
                     TD_OK);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(got, want, len);
}

static void lacks(const char *name)
{
    char got[4];
    size_t len;

    assert_int_equal(td_settings_get(&b.settings, name, strlen(name), got, sizeof got, &len),
                     TD_ENOTFOUND);
}

static void id_holds(uint16_t id, const char *want)
{
    char got[64];
    size_t len;

    assert_int_equal(td_nvs_read(&b.settings.nvs, id, got, sizeof got, &len),
                     want == NULL ? TD_ENOTFOUND : TD_OK);
    assert_int_equal(len, want == NULL ? 0 : strlen(want));
    assert_true(want == NULL || memcmp(got, want, len) == 0);
}

static void names_and_values_stand_where_zephyr_puts_them(void **state)
{
    (void)state;
    put("app/a", "1");
    put("app/b", "22");
    put("app/c", "333");
    id_holds(0x8000, "\x03\x80");
    id_holds(0x8001, "app/a");
    id_holds(0xC001, "1");
    id_holds(0x8003, "app/c");
    id_holds(0xC003, "333");
    // A hole is filled by the next new name; the highest lowers the count.
    assert_int_equal(td_settings_remove(&b.settings, "app/b", 5), TD_OK);
    id_holds(0x8002, NULL);
    id_holds(0xC002, NULL);
    put("d", "4444");
    id_holds(0x8002, "d");
    assert_int_equal(td_settings_remove(&b.settings, "app/c", 5), TD_OK);
    id_holds(0x8000, "\x02\x80");
}

static void settings_are_kept_and_removed_by_name(void **state)
{
    (void)state;
    lacks("app/a");
    put("app/a", "old");
    put("app/ab", "other");
    put("app/a", "new");
    assert_int_equal(td_settings_mount(&b.settings, &b.cfg), TD_OK);
    holds("app/a", "new");
    holds("app/ab", "other");
    assert_int_equal(td_settings_remove(&b.settings, "app/a", 5), TD_OK);
    lacks("app/a");
    assert_int_equal(td_settings_remove(&b.settings, "app/a", 5), TD_ENOTFOUND);
    put("app/a", "");
    holds("app/ab", "other");
    assert_int_equal(td_settings_wipe(&b.settings), TD_OK);
    lacks("app/ab");
    put("x", "y");
    holds("x", "y");
}

static void a_name_has_one_to_74_bytes(void **state)
{
    static const char name[TD_SETTINGS_NAME_MAX + 1];
    uint8_t got[1];
    size_t len;

    (void)state;
    assert_int_equal(td_settings_set(&b.settings, name, sizeof name, "x", 1), TD_EARG);
    assert_int_equal(td_settings_set(&b.settings, name, 0, "x", 1), TD_EARG);
    assert_int_equal(td_settings_get(&b.settings, name, 0, got, 1, &len), TD_EARG);
    assert_int_equal(td_settings_set(&b.settings, name, sizeof name - 1, "x", 1), TD_OK);
    assert_int_equal(td_settings_get(&b.settings, name, sizeof name - 1, got, 1, &len), TD_OK);
}

static void all_of_them_are_listed(void **state)
{
    struct td_settings_iter it;
    struct td_settings_item one;
    char value[8];
    size_t len;
    bool end;

    (void)state;
    put("a", "1");
    put("b", "22");
    td_settings_begin(&it, &b.settings);
    assert_int_equal(td_settings_next(&it, &one, &end), TD_OK);
    assert_false(end);
    assert_int_equal(one.name_len, 1);
    assert_int_equal(one.name[0], 'b');
    assert_int_equal(one.len, 2);
    assert_int_equal(td_settings_value(&b.settings, &one, value, sizeof value, &len), TD_OK);
    assert_memory_equal(value, "22", 2);
    assert_int_equal(td_settings_next(&it, &one, &end), TD_OK);
    assert_int_equal(one.name[0], 'a');
    assert_int_equal(td_settings_next(&it, &one, &end), TD_OK);
    assert_true(end);
}

static void halves_of_a_setting_are_removed_by_the_mount(void **state)
{
    struct td_nvs *nvs = &b.settings.nvs;

    (void)state;
    put("a", "1");
    put("b", "2");
    put("c", "3");
    assert_int_equal(td_nvs_delete(nvs, 0xC003), TD_OK);
    assert_int_equal(td_nvs_delete(nvs, 0x8001), TD_OK);
    assert_int_equal(td_settings_mount(&b.settings, &b.cfg), TD_OK);
    id_holds(0x8003, NULL);
    id_holds(0xC001, NULL);
    id_holds(0x8000, "\x02\x80");
    lacks("a");
    holds("b", "2");
}

static void a_full_store_keeps_no_half_of_a_new_setting(void **state)
{
    char name[] = "app/00", value[100] = "x";
    enum td_err err = TD_OK;
    struct td_settings_iter it;
    struct td_settings_item one;
    unsigned n = 0, listed = 0;
    bool end = false;

    (void)state;
    while (err == TD_OK) {
        name[4] = (char)('0' + n / 10);
        name[5] = (char)('0' + n % 10);
        err = td_settings_set(&b.settings, name, 6, value, sizeof value);
        n += err == TD_OK;
    }
    assert_int_equal(err, TD_ENOSPC);
    lacks(name);
    assert_int_equal(td_settings_mount(&b.settings, &b.cfg), TD_OK);
    td_settings_begin(&it, &b.settings);
    while (td_settings_next(&it, &one, &end) == TD_OK && !end)
        listed++;
    assert_int_equal(listed, n);
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_and_values_stand_where_zephyr_puts_them, start, stop),
        cmocka_unit_test_setup_teardown(settings_are_kept_and_removed_by_name, start, stop),
        cmocka_unit_test_setup_teardown(a_name_has_one_to_74_bytes, start, stop),
        cmocka_unit_test_setup_teardown(all_of_them_are_listed, start, stop),
        cmocka_unit_test_setup_teardown(halves_of_a_setting_are_removed_by_the_mount, start, stop),
        cmocka_unit_test_setup_teardown(a_full_store_keeps_no_half_of_a_new_setting, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
