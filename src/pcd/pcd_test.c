/* Both cores in one thread: the network core runs while the other one waits for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/range.h"
#include "pcd/b0n.h"
#include "pcd/pcd.h"
#include "sim/nor.h"

#define APP_ADDR  0x01008800u
#define APP_OFF   0x8800
#define DATA_ADDR 0x00080000u /* where the other core's flash holds the new image */
#define RAM_ADDR  0x20000000u
#define RAM_SIZE  0x80000u
#define SIZE_MAX_ 0x4000u

static const struct td_flash_run net_runs[] = { { 128, 2048 } };
static const struct sim_nor_model net_model = {
    .name = "nRF5340, network core",
    .runs = net_runs,
    .n_runs = 1,
    .erased = 0xff,
    .budget = 2,
    .write_size = 4,
    .write_us = 43,
    .write_unit = 4,
    .erase_us = 87500,
    .erase_unit = 2048,
};

/* One board. */
struct board {
    struct sim_power power;
    struct sim_nor nor;
    uint8_t *bytes, *meta;
    struct td_flash_area app;
    uint32_t ram[RAM_SIZE / 4];
    uint8_t data[SIZE_MAX_]; /* what the network core can read of the other one's flash */
    uint32_t data_len;
    uint32_t now_ms;
    bool held, hangs;
    uint32_t locked[2];
    unsigned n_locked, boots;
    struct td_b0n_config net;
    struct td_b0n_port net_port;
    struct td_b0n_work work;
    struct td_b0n_result result;
    struct td_pcd_port port;
    struct td_pcd pcd;
};

static uint32_t ram_load(void *ctx, uint32_t addr)
{
    struct board *b = ctx;

    assert_true(addr >= RAM_ADDR && addr % 4 == 0 && addr - RAM_ADDR < RAM_SIZE);
    return b->ram[(addr - RAM_ADDR) / 4];
}

static void ram_store(void *ctx, uint32_t addr, uint32_t value)
{
    struct board *b = ctx;

    assert_true(addr >= RAM_ADDR && addr % 4 == 0 && addr - RAM_ADDR < RAM_SIZE);
    b->ram[(addr - RAM_ADDR) / 4] = value;
}

static enum td_err data_read(void *ctx, uint32_t addr, void *dst, size_t len)
{
    struct board *b = ctx;

    if (addr < DATA_ADDR || !td_range_in(addr - DATA_ADDR, (uint32_t)len, b->data_len))
        return TD_EREAD;
    memcpy(dst, b->data + (addr - DATA_ADDR), len);
    return TD_OK;
}

static void run_net(struct board *b)
{
    if (b->held || b->hangs || b->boots > 0)
        return;
    b->boots++;
    td_b0n_go(&b->net, &b->work, &b->result);
}

static void hold(void *ctx, bool held)
{
    struct board *b = ctx;

    if (held)
        b->boots = 0; // the next release is a start
    b->held = held;
}

static uint32_t now_ms(void *ctx)
{
    return ((struct board *)ctx)->now_ms;
}

static void wait(void *ctx)
{
    struct board *b = ctx;

    b->now_ms++;
    run_net(b);
}

static void lock(void *ctx, uint32_t addr)
{
    struct board *b = ctx;

    b->locked[b->n_locked++ % 2] = addr;
}

static struct board *board_make(void)
{
    struct board *b = calloc(1, sizeof *b);

    assert_non_null(b);
    b->bytes = malloc(sim_nor_size(&net_model));
    b->meta = malloc(sim_nor_meta_size(&net_model));
    assert_true(b->bytes != NULL && b->meta != NULL);
    sim_power_on(&b->power);
    sim_nor_init(&b->nor, &net_model, b->bytes, b->meta, &b->power, 1);
    b->app = (struct td_flash_area){ &b->nor.dev, APP_OFF, 0x37800 };
    b->held = true;
    b->net_port =
        (struct td_b0n_port){ .load = ram_load, .store = ram_store, .read = data_read, .ctx = b };
    b->net = (struct td_b0n_config){
        .app = &b->app,
        .app_addr = APP_ADDR,
        .offset = APP_OFF,
        .block = TD_PCD_ADDR_FIRST,
        .ram_addr = RAM_ADDR,
        .ram_size = RAM_SIZE,
        .search = TD_FW_SEARCH_2_9,
        .port = &b->net_port,
    };
    b->port = (struct td_pcd_port){ .hold = hold,
                                    .load = ram_load,
                                    .store = ram_store,
                                    .now_ms = now_ms,
                                    .wait = wait,
                                    .lock = lock,
                                    .ctx = b };
    b->pcd = (struct td_pcd){ .port = &b->port,
                              .n_addr = 2,
                              .offset = APP_OFF,
                              .addr = { TD_PCD_ADDR_LAST, TD_PCD_ADDR_FIRST } };
    return b;
}

static void board_free(struct board *b)
{
    free(b->bytes);
    free(b->meta);
    free(b);
}

/* An application of size bytes with its validation info; the number of bytes of it all. */
static uint32_t app_make(uint8_t *to, uint32_t size, uint32_t version)
{
    static const uint8_t compat[] = { 2, 53, 0, 0 };
    uint32_t end = (size + 3) / 4 * 4;
    struct td_source src = td_source_memory(to, size);

    memset(to, 0xff, end + TD_FW_VALIDATION_SIZE);
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)(i * 7 + version * 13);
    td_store_le32(to, 0x21001000);
    td_store_le32(to + 4, APP_ADDR + 0x101);
    memset(to + 0x200, 0, TD_FW_INFO_SIZE);
    td_store_le32(to + 0x200, TD_FW_MAGIC_COMMON);
    td_store_le32(to + 0x204, TD_FW_MAGIC_INFO);
    memcpy(to + 0x208, compat, sizeof compat);
    td_store_le32(to + 0x20c, TD_FW_INFO_SIZE);
    td_store_le32(to + 0x210, size);
    td_store_le32(to + 0x214, version);
    td_store_le32(to + 0x218, APP_ADDR);
    td_store_le32(to + 0x21c, APP_ADDR);
    td_store_le32(to + 0x220, TD_FW_VALID);
    memset(to + end, 0, TD_FW_VALIDATION_SIZE);
    td_store_le32(to + end, TD_FW_MAGIC_COMMON);
    td_store_le32(to + end + 4, TD_FW_MAGIC_VALIDATION);
    memcpy(to + end + 8, compat, sizeof compat);
    to[end + 10] = 1;
    td_store_le32(to + end + 12, APP_ADDR);
    assert_int_equal(td_fw_hash(&src, 0, size, to + end + 16), TD_OK);
    return end + TD_FW_VALIDATION_SIZE;
}

static void install(struct board *b, uint32_t size, uint32_t version)
{
    uint8_t *app = malloc(SIZE_MAX_);
    uint32_t len = app_make(app, size, version);

    sim_nor_program(&b->nor, APP_OFF, app, len);
    free(app);
}

static void offer(struct board *b, uint32_t size, uint32_t version)
{
    b->data_len = app_make(b->data, size, version);
}

static bool runs(struct board *b, uint32_t version)
{
    td_pcd_release(&b->pcd);
    b->boots = 0;
    run_net(b);
    hold(b, true);
    return b->result.next == TD_B0N_BOOT && b->result.version == version &&
           b->result.boot_address == APP_ADDR;
}

static void a_new_application_is_copied_verified_and_started(void **state)
{
    struct board *b = board_make();
    struct td_pcd_answer answer;

    (void)state;
    install(b, 3001, 1);
    offer(b, 9002, 2);
    assert_int_equal(td_pcd_give(&b->pcd, DATA_ADDR, b->data_len, &answer), TD_OK);
    assert_true(b->held);
    assert_int_equal(answer.addr, TD_PCD_ADDR_FIRST);
    assert_true(answer.has_version);
    assert_int_equal(answer.version, 1); // asked before the copy
    assert_true(runs(b, 2));
    assert_int_equal(b->n_locked, 2);
    board_free(b);
}

static void a_b0n_at_either_address_is_found_and_a_wrong_one_costs_one_deadline(void **state)
{
    static const uint32_t rows[] = { TD_PCD_ADDR_FIRST, TD_PCD_ADDR_LAST };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct board *b = board_make();
        struct td_pcd_answer answer;

        b->net.block = rows[i];
        install(b, 3000, 7);
        assert_int_equal(td_pcd_ask(&b->pcd, &answer), TD_OK);
        assert_int_equal(answer.addr, rows[i]);
        assert_int_equal(answer.version, 7);
        assert_in_range(b->now_ms, 0, 600);
        board_free(b);
    }
}

static void a_core_that_hangs_is_given_up_in_time(void **state)
{
    struct board *b = board_make();
    struct td_pcd_answer answer;

    (void)state;
    b->hangs = true;
    offer(b, 5000, 2);
    assert_int_equal(td_pcd_give(&b->pcd, DATA_ADDR, b->data_len, &answer), TD_EPCD_SILENT);
    assert_true(b->held);
    assert_in_range(b->now_ms, 1000, 1100); // two addresses, half a second each
    board_free(b);
}

static void break_hash(struct board *b)
{
    b->data[0x300] ^= 1;
}

static void break_address(struct board *b)
{
    td_store_le32(b->data + 0x218, 0x00010000);
}

static void break_soc(struct board *b)
{
    b->data[0x200] ^= 1; // without its magic it is no application at all
}

static void break_length(struct board *b)
{
    td_store_le32(b->data + 0x210, 0xfffffff0);
}

static void break_reset_vector(struct board *b)
{
    td_store_le32(b->data + 4, 0x00000101);
}

static void cut_off(struct board *b)
{
    b->data_len -= 100;
}

static void a_source_that_is_not_sound_changes_nothing_and_is_named(void **state)
{
    static void (*const rows[])(struct board *) = { break_hash,   break_address,      break_soc,
                                                    break_length, break_reset_vector, cut_off };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct board *b = board_make();
        struct td_pcd_answer answer;
        uint64_t erases;

        install(b, 3000, 1);
        offer(b, 5000, 2);
        rows[i](b);
        erases = b->nor.stats.erases;
        assert_int_equal(td_pcd_give(&b->pcd, DATA_ADDR, b->data_len, &answer), TD_EPCD_FAILED);
        assert_int_equal(answer.reason, TD_PCD_SOURCE);
        assert_int_equal(b->nor.stats.erases, erases);
        assert_true(runs(b, 1));
        board_free(b);
    }
}

static void an_offset_or_length_of_somebody_else_is_refused(void **state)
{
    struct board *b = board_make();
    struct td_pcd_answer answer;

    (void)state;
    install(b, 3000, 1);
    offer(b, 5000, 2);
    b->pcd.offset = 0; // where its bootloader lies
    assert_int_equal(td_pcd_give(&b->pcd, DATA_ADDR, b->data_len, &answer), TD_EPCD_FAILED);
    assert_int_equal(answer.reason, TD_PCD_RANGE);
    b->pcd.offset = APP_OFF;
    assert_int_equal(td_pcd_give(&b->pcd, DATA_ADDR, 0x38000, &answer), TD_EPCD_FAILED);
    assert_int_equal(answer.reason, TD_PCD_RANGE);
    assert_true(runs(b, 1));
    board_free(b);
}

static void a_version_pointer_out_of_the_others_ram_is_refused(void **state)
{
    struct board *b = board_make();

    (void)state;
    install(b, 3000, 1);
    ram_store(b, TD_PCD_ADDR_FIRST, TD_PCD_READ_VERSION);
    ram_store(b, TD_PCD_ADDR_FIRST + TD_PCD_AT_DATA, 0x50005000);
    td_b0n_go(&b->net, &b->work, &b->result);
    assert_int_equal(ram_load(b, TD_PCD_ADDR_FIRST), TD_PCD_FAIL);
    assert_int_equal(b->result.reason, TD_PCD_RANGE);
    board_free(b);
}

// The original writes FAIL and then DONE, so that its other side reads a version of 0.
static void no_application_is_no_version_and_not_version_0(void **state)
{
    struct board *b = board_make();
    struct td_pcd_answer answer;

    (void)state;
    assert_int_equal(td_pcd_ask(&b->pcd, &answer), TD_OK);
    assert_false(answer.has_version);
    board_free(b);
}

static void what_is_there_already_is_not_written_again(void **state)
{
    struct board *b = board_make();
    struct td_pcd_answer answer;
    uint64_t erases;

    (void)state;
    install(b, 5000, 2);
    offer(b, 5000, 2);
    erases = b->nor.stats.erases;
    assert_int_equal(td_pcd_give(&b->pcd, DATA_ADDR, b->data_len, &answer), TD_OK);
    assert_int_equal(b->nor.stats.erases, erases);
    board_free(b);
}

static void stale_ram_is_no_command(void **state)
{
    static const uint32_t rows[] = { 0, 0xffffffff, TD_PCD_DONE, TD_PCD_FAIL, 0x12345678 };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct board *b = board_make();

        install(b, 3000, 4);
        ram_store(b, TD_PCD_ADDR_FIRST, rows[i]);
        td_b0n_go(&b->net, &b->work, &b->result);
        assert_int_equal(b->result.next, TD_B0N_BOOT);
        board_free(b);
    }
}

// (R) The original starts what lies there without looking; half an application hangs the core.
static void half_an_application_is_not_started(void **state)
{
    struct board *b = board_make();

    (void)state;
    install(b, 5000, 4);
    b->bytes[APP_OFF + 0x900] ^= 1;
    td_b0n_go(&b->net, &b->work, &b->result);
    assert_int_equal(b->result.next, TD_B0N_STOP);
    assert_int_equal(b->result.reason, TD_PCD_VERIFY);
    b->net.as_original = true;
    td_b0n_go(&b->net, &b->work, &b->result);
    assert_int_equal(b->result.next, TD_B0N_BOOT);
    board_free(b);
}

// Both cores lose their power together: whatever was cut, giving the image again mends it.
static void a_cut_anywhere_is_mended_by_giving_it_again(void **state)
{
    unsigned cuts = 0, pairs = 0;

    (void)state;
    for (unsigned kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++) {
        for (uint32_t first = 0, over = 0; !over; first++) {
            uint32_t step = 1 + first % 3;

            for (uint32_t second = 0, done = 0; !done; second += step) {
                struct board *b = board_make();
                struct td_pcd_answer answer;

                install(b, 3000, 1);
                offer(b, 5000, 2);
                sim_power_on(&b->power);
                sim_power_cut_at(&b->power, first, (enum sim_cut)kind);
                (void)td_pcd_give(&b->pcd, DATA_ADDR, b->data_len, &answer);
                over = !b->power.lost;
                memset(b->ram, 0xa5, sizeof b->ram);
                hold(b, true);
                sim_power_on(&b->power);
                sim_power_cut_at(&b->power, second, (enum sim_cut)(second % 3));
                (void)td_pcd_give(&b->pcd, DATA_ADDR, b->data_len, &answer);
                done = !b->power.lost;
                hold(b, true);
                sim_power_on(&b->power);
                assert_int_equal(td_pcd_give(&b->pcd, DATA_ADDR, b->data_len, &answer), TD_OK);
                assert_true(runs(b, 2));
                assert_int_equal(b->nor.stats.over_budget, 0);
                assert_int_equal(b->nor.stats.weak_writes, 0);
                pairs += !done;
                board_free(b);
            }
            cuts += !over;
        }
    }
    printf("pcd: %u cuts, %u pairs of cuts, none lost\n", cuts, pairs);
    assert_true(cuts > 30 && pairs > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_application_is_copied_verified_and_started),
        cmocka_unit_test(a_b0n_at_either_address_is_found_and_a_wrong_one_costs_one_deadline),
        cmocka_unit_test(a_core_that_hangs_is_given_up_in_time),
        cmocka_unit_test(a_source_that_is_not_sound_changes_nothing_and_is_named),
        cmocka_unit_test(an_offset_or_length_of_somebody_else_is_refused),
        cmocka_unit_test(a_version_pointer_out_of_the_others_ram_is_refused),
        cmocka_unit_test(no_application_is_no_version_and_not_version_0),
        cmocka_unit_test(what_is_there_already_is_not_written_again),
        cmocka_unit_test(stale_ram_is_no_command),
        cmocka_unit_test(half_an_application_is_not_started),
        cmocka_unit_test(a_cut_anywhere_is_mended_by_giving_it_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
