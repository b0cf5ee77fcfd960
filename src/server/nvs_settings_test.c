#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/nvs_settings.h"
#include "server/rig_test.h"

static struct rig rig;
static struct td_server_nvs_settings store;
static struct td_nvs_config flash_config;
static uint8_t ram[64];

#define NAME(literal) TD_TEXT(literal)

static void begin(size_t cap)
{
    rig_init(&rig, &td_server_tandem, TD_MODE_MOVE);
    flash_config = (struct td_nvs_config){ .area = &rig.storage };
    assert_int_equal(td_server_nvs_settings_init(&store, &flash_config, ram, cap), TD_OK);
}

static enum td_err set(const char *name, const char *value)
{
    return store.backend.set(&store, (struct td_cbor_text){ name, strlen(name) },
                             (const uint8_t *)value, strlen(value));
}

static void holds(const char *name, const char *want)
{
    uint8_t got[64];
    size_t len;
    enum td_err err = store.backend.get(&store, (struct td_cbor_text){ name, strlen(name) }, got,
                                        sizeof got, &len);

    if (want == NULL) {
        assert_int_equal(err, TD_ENOTFOUND);
        return;
    }
    assert_int_equal(err, TD_OK);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(got, want, len);
}

static void what_is_set_is_in_ram_until_it_is_saved(void **state)
{
    (void)state;
    begin(sizeof ram);
    sim_power_on(&rig.power);
    assert_int_equal(set("a/x", "1"), TD_OK);
    assert_int_equal(set("a/x", "22"), TD_OK);
    assert_int_equal(set("b", "3"), TD_OK);
    assert_int_equal(rig.power.ops, 0);
    holds("a/x", "22");
    assert_int_equal(store.backend.load(&store), TD_OK);
    holds("a/x", NULL);
    assert_int_equal(set("a/x", "44"), TD_OK);
    assert_int_equal(set("ab", "5"), TD_OK);
    assert_int_equal(store.backend.save(&store, NAME("a")), TD_OK);
    assert_int_equal(store.backend.load(&store), TD_OK);
    holds("a/x", "44");
    holds("ab", NULL);
    assert_int_equal(set("b", "6"), TD_OK);
    assert_int_equal(store.backend.save(&store, NAME("")), TD_OK);
    assert_int_equal(td_server_nvs_settings_init(&store, &flash_config, ram, sizeof ram), TD_OK);
    holds("b", "6");
    assert_int_equal(store.backend.commit(&store), TD_OK);
}

static void without_ram_it_is_in_flash_at_once(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(set("a", "1"), TD_OK);
    assert_int_equal(td_server_nvs_settings_init(&store, &flash_config, NULL, 0), TD_OK);
    holds("a", "1");
}

static void a_removal_is_in_flash_at_once_and_may_be_asked_twice(void **state)
{
    (void)state;
    begin(sizeof ram);
    assert_int_equal(set("a", "1"), TD_OK);
    assert_int_equal(store.backend.save(&store, NAME("")), TD_OK);
    assert_int_equal(set("a", "2"), TD_OK);
    assert_int_equal(store.backend.remove(&store, NAME("a")), TD_OK);
    assert_int_equal(store.backend.remove(&store, NAME("a")), TD_OK);
    holds("a", NULL);
    assert_int_equal(store.backend.load(&store), TD_OK);
    holds("a", NULL);
}

static void ram_that_is_full_takes_no_more_and_loses_nothing(void **state)
{
    (void)state;
    begin(16);
    assert_int_equal(set("a", "12345"), TD_OK);
    assert_int_equal(set("b", "12345"), TD_ENOSPC);
    assert_int_equal(set("a", "1234567890123"), TD_ENOSPC);
    holds("a", "12345");
    assert_int_equal(set("a", "123456789012"), TD_OK);
    holds("a", "123456789012");
}

static void bonds_are_not_there_unless_they_are_opened(void **state)
{
    static const char key[] = "bt/keys/112233445566";

    (void)state;
    begin(0);
    assert_int_equal(td_settings_set(&store.flash, key, sizeof key - 1, "secret", 6), TD_OK);
    holds(key, NULL);
    assert_int_equal(set(key, "mine"), TD_ENOTFOUND);
    assert_int_equal(set("btx", "no bond"), TD_OK);
    store.open = true;
    holds(key, "secret");
}

static enum td_err takes_digits(void *ctx, struct td_cbor_text name, const uint8_t *val, size_t len)
{
    (void)ctx;
    (void)name;
    return len == 1 && val[0] >= '0' && val[0] <= '9' ? TD_OK : TD_EARG;
}

static void the_application_may_refuse_a_value(void **state)
{
    (void)state;
    begin(sizeof ram);
    store.takes = takes_digits;
    assert_int_equal(set("a", "7"), TD_OK);
    assert_int_equal(set("a", "x"), TD_EARG);
    holds("a", "7");
}

/* --- group 63 --- */

static struct {
    uint32_t rc;
    unsigned erased;
} told;

static uint32_t erase_begins(void *ctx, struct td_flash_sector *keep, struct td_cbor_text *reason)
{
    (void)ctx;
    *reason = TD_TEXT("a bond is in use");
    if (told.rc == 0)
        *keep = td_server_nvs_settings_begin_erase(&store);
    return told.rc;
}

static void erased(void *ctx)
{
    (void)ctx;
    told.erased++;
    td_server_nvs_settings_forget(&store);
}

static const struct td_server_hooks hooks = { .storage_begin = erase_begins,
                                              .storage_erased = erased };
static const uint8_t erase_packet[] = { 0x0a, 0, 0, 1, 0, 0x3f, 0, 0, 0xa0 };

/* The whole of group 63's command, as the server does it; false: the power went. */
static bool erase_storage(void)
{
    rig.cfg.hooks = &hooks;
    rig_send(&rig, erase_packet, sizeof erase_packet);
    return !rig.power.lost;
}

static void fill(void)
{
    char name[] = "key/a";

    begin(0);
    for (char c = 'a'; c < 'm'; c++) {
        name[4] = c;
        assert_int_equal(set(name, "a value of some length"), TD_OK);
    }
}

static void after_a_cut_in_a_storage_erase_all_settings_are_there_or_none(void **state)
{
    unsigned cuts = 0;
    bool over = false;

    (void)state;
    for (uint32_t op = 0; !over; op++) {
        for (unsigned kind = 0; kind < 3; kind++) {
            uint8_t first[32];
            size_t len;

            fill();
            sim_power_on(&rig.power);
            sim_power_cut_at(&rig.power, op, (enum sim_cut)kind);
            over = erase_storage();
            cuts += !over;
            sim_power_on(&rig.power);
            assert_int_equal(td_server_nvs_settings_init(&store, &flash_config, NULL, 0), TD_OK);
            holds("key/a",
                  store.backend.get(&store, NAME("key/l"), first, sizeof first, &len) == TD_OK
                      ? "a value of some length"
                      : NULL);
            if (over)
                assert_int_equal(store.backend.get(&store, NAME("key/a"), first, 32, &len),
                                 TD_ENOTFOUND);
            assert_int_equal(set("new", "one"), TD_OK);
            holds("new", "one");
            assert_int_equal(rig.nor.stats.weak_writes, 0);
        }
    }
    print_message("%u cuts in a storage erase\n", cuts);
    assert_true(cuts >= 9);
}

static void an_erase_whose_link_went_away_leaves_a_store_that_can_be_used(void **state)
{
    struct td_server_reply reply;

    (void)state;
    fill();
    rig.cfg.hooks = &hooks;
    told.erased = 0;
    td_server_handle(&rig.srv, &rig.link, erase_packet, sizeof erase_packet, rig.rsp,
                     sizeof rig.rsp, &reply);
    assert_true(td_server_owes(&rig.srv));
    td_server_link_down(&rig.srv, &rig.link);
    while (td_server_busy(&rig.srv))
        td_server_work(&rig.srv, 10000, rig.rsp, sizeof rig.rsp, &reply);
    assert_int_equal(told.erased, 1);
    assert_int_equal(set("new", "one"), TD_OK);
    holds("new", "one");
    holds("key/a", NULL);
}

static void an_erase_that_failed_is_over_too(void **state)
{
    struct td_smp_status status;

    (void)state;
    fill();
    told.erased = 0;
    sim_power_on(&rig.power);
    sim_power_cut_at(&rig.power, 2, SIM_CUT_BEFORE);
    assert_false(erase_storage());
    assert_int_equal(td_smp_status_decode(rig.rsp + 8, rig.rsp_len - 8, &status), TD_OK);
    assert_true(status.of_group && status.code == TD_BASIC_FLASH_ERASE);
    assert_int_equal(told.erased, 1);
}

static void the_application_may_refuse_to_have_its_storage_erased(void **state)
{
    struct td_smp_status status;

    (void)state;
    fill();
    told.erased = 0;
    told.rc = TD_SMP_RC_BUSY;
    assert_true(erase_storage());
    told.rc = 0;
    assert_int_equal(td_smp_status_decode(rig.rsp + 8, rig.rsp_len - 8, &status), TD_OK);
    assert_int_equal(status.code, TD_SMP_RC_BUSY);
    assert_true(td_cbor_text_is(status.reason, TD_TEXT("a bond is in use")));
    assert_int_equal(told.erased, 0);
    holds("key/a", "a value of some length");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_is_in_ram_until_it_is_saved),
        cmocka_unit_test(without_ram_it_is_in_flash_at_once),
        cmocka_unit_test(a_removal_is_in_flash_at_once_and_may_be_asked_twice),
        cmocka_unit_test(ram_that_is_full_takes_no_more_and_loses_nothing),
        cmocka_unit_test(bonds_are_not_there_unless_they_are_opened),
        cmocka_unit_test(the_application_may_refuse_a_value),
        cmocka_unit_test(after_a_cut_in_a_storage_erase_all_settings_are_there_or_none),
        cmocka_unit_test(an_erase_whose_link_went_away_leaves_a_store_that_can_be_used),
        cmocka_unit_test(an_erase_that_failed_is_over_too),
        cmocka_unit_test(the_application_may_refuse_to_have_its_storage_erased),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
