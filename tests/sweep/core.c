/*
 * core.c - two cores: image 0 runs on the application core, image 1 is given to the network core
 * by the real pcd/ and taken by the real b0n. Every cut hits both of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "device.h"
#include "flash/ram.h"
#include "pcd/b0n.h"
#include "pcd/pcd.h"
#include "planted.h"
#include "rows.h"
#include "sim/firmware.h"

#define NET_ADDR   0x01008800u
#define NET_OFFSET 0x8800
#define NET_SECTOR 1024u
#define NET_COUNT  8u
#define NET_SIZE   5000u
#define RAM_ADDR   0x20000000u
#define RAM_WORDS  8u
#define MEMORY     0x20040000u /* where the application core has the slot that is memory */
#define SLOT_MAX   (16u * 1024u)

enum { TRIAL_OVER = 1 };

static struct board {
    struct device d;
    struct td_flash_run net_run;
    struct sim_nor_model net_model;
    struct sim_nor net;
    struct td_flash_area app;
    uint32_t ram[RAM_WORDS];
    uint32_t now_ms;
    bool held, started, hangs, has_memory;
    struct td_flash_ram memory;
    struct td_flash_area memory_area;
    uint8_t bytes[SLOT_MAX];
    struct td_b0n_port net_port;
    struct td_b0n_config b0n;
    struct td_b0n_work work;
    struct td_b0n_result result;
    struct td_pcd_port port;
    struct td_pcd pcd;
    struct td_boot_follower follower;
    bool gives_late; /* a planted bug: the cell is written first */
    struct {
        const struct td_flash_area *slot;
        uint32_t off, len;
    } late;
} board;

static const struct way keeps = { "network core", &td_strategy_move, true, 0, 0, 0, NULL };
static const struct shape shape = {
    "1K, ext. byte", { 1024, 8, 1, 0xff, true }, { 1024, 1, 0, 0xff, false }, 10, 9, 0, 7, 8
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "sweep: %s\n", what);
        exit(2);
    }
}

/* --- the network core --- */

static uint32_t ram_load(void *ctx, uint32_t addr)
{
    (void)ctx;
    return board.ram[(addr - RAM_ADDR) / 4 % RAM_WORDS];
}

static void ram_store(void *ctx, uint32_t addr, uint32_t value)
{
    (void)ctx;
    board.ram[(addr - RAM_ADDR) / 4 % RAM_WORDS] = value;
}

/* The application core's flash from 0 on, and its memory. */
static enum td_err read_other(void *ctx, uint32_t addr, void *dst, size_t len)
{
    const struct td_flash_dev *dev = &board.d.nors[0].dev;
    struct td_flash_area all = { dev, 0, dev->size };

    (void)ctx;
    if (board.has_memory && addr >= MEMORY) {
        if (!td_range_in(addr - MEMORY, (uint32_t)len, board.memory_area.size))
            return TD_EREAD;
        memcpy(dst, board.bytes + (addr - MEMORY), len);
        return TD_OK;
    }
    return td_flash_read(&all, addr, dst, len);
}

static void start_net(void)
{
    if (board.held || board.started || board.hangs || board.d.power.lost)
        return;
    board.started = true;
    td_b0n_go(&board.b0n, &board.work, &board.result);
}

static void hold(void *ctx, bool held)
{
    (void)ctx;
    board.held = held;
    if (held)
        board.started = false;
}

static uint32_t now_ms(void *ctx)
{
    (void)ctx;
    return board.now_ms;
}

// Without power nobody waits: the deadline is over at once.
static void wait(void *ctx)
{
    (void)ctx;
    board.now_ms += board.d.power.lost || board.hangs ? 1000000u : 1u;
    start_net();
}

/* --- the application core --- */

static enum td_err give_now(const struct td_flash_area *slot, uint32_t off, uint32_t len,
                            struct td_verdict *v)
{
    uint32_t at = board.has_memory ? MEMORY + off : slot->off + off;
    struct td_pcd_answer answer;
    enum td_err err = td_pcd_give(&board.pcd, at, len, &answer);

    if (board.d.power.lost)
        return TD_EFLASH;
    if (err == TD_EPCD_SILENT)
        v->code = TD_V_CORE_SILENT;
    else if (err != TD_OK)
        v->code = TD_V_CORE_FAILED;
    v->found = (uint32_t)answer.reason;
    return err;
}

static enum td_err give(void *ctx, const struct td_flash_area *slot, uint32_t off, uint32_t len,
                        struct td_verdict *v)
{
    (void)ctx;
    if (!board.gives_late)
        return give_now(slot, off, len, v);
    board.late.slot = slot;
    board.late.off = off;
    board.late.len = len;
    return TD_OK;
}

static void give_what_is_late(void)
{
    struct td_verdict v;

    if (board.late.slot != NULL)
        (void)give_now(board.late.slot, board.late.off, board.late.len, &v);
}

static uint32_t firmware(uint32_t version, uint8_t *out, uint32_t cap)
{
    static const uint8_t unsigned_key[64];
    struct sim_firmware fw = { .app = { .size = NET_SIZE },
                               .address = NET_ADDR,
                               .stack = 0x21010000,
                               .version = version,
                               .soc = 53 };
    uint8_t hash[32];

    memcpy(fw.app.name, "net", 4);
    must(sim_firmware_build(&fw, out, cap) == TD_OK, "the network core's application");
    sim_firmware_hash(&fw, out, hash);
    return (uint32_t)sim_firmware_seal(&fw, out, hash, unsigned_key, unsigned_key);
}

static void make_net_image(struct image *image, unsigned version)
{
    static uint8_t bytes[SLOT_MAX];
    struct image_plan plan = device_candidate(&board.d, 1);

    plan.major = (uint8_t)(10 + version);
    plan.counter = version;
    plan.payload_len = firmware(version, bytes, sizeof bytes);
    plan.payload = bytes;
    free(image->bytes);
    free(image->sealed);
    *image = image_make(&plan);
}

static void make_net(void)
{
    struct board *b = &board;

    b->net_run = (struct td_flash_run){ NET_COUNT, NET_SECTOR };
    b->net_model = (struct sim_nor_model){ .name = "network core",
                                           .runs = &b->net_run,
                                           .n_runs = 1,
                                           .erased = 0xff,
                                           .budget = 2,
                                           .write_size = 4,
                                           .write_unit = 4,
                                           .erase_unit = NET_SECTOR };
    sim_nor_init(&b->net, &b->net_model, calloc(1, sim_nor_size(&b->net_model)),
                 calloc(1, sim_nor_meta_size(&b->net_model)), &b->d.power, 7);
    b->app = (struct td_flash_area){ &b->net.dev, 0, NET_COUNT * NET_SECTOR };
    b->net_port = (struct td_b0n_port){ .load = ram_load, .store = ram_store, .read = read_other };
    b->b0n = (struct td_b0n_config){ .app = &b->app,
                                     .app_addr = NET_ADDR,
                                     .offset = NET_OFFSET,
                                     .block = RAM_ADDR,
                                     .ram_addr = RAM_ADDR,
                                     .ram_size = 4 * RAM_WORDS,
                                     .search = TD_FW_SEARCH_2_9,
                                     .port = &b->net_port };
    b->port = (struct td_pcd_port){
        .hold = hold, .load = ram_load, .store = ram_store, .now_ms = now_ms, .wait = wait
    };
    b->pcd = (struct td_pcd){
        .port = &b->port, .addr = { RAM_ADDR }, .n_addr = 1, .offset = NET_OFFSET
    };
    b->follower = (struct td_boot_follower){ .give = give, .is_volatile = b->has_memory };
    b->d.slots[1].follower = &b->follower;
}

static void use_memory(void)
{
    struct device *d = &board.d;

    td_flash_ram_init(&board.memory, board.bytes, 9, 1024, 8);
    board.memory_area = (struct td_flash_area){ &board.memory.dev, 0, 9 * 1024 };
    d->slots[1].primary = &board.memory_area;
    d->slots[1].strategy = &td_strategy_overwrite;
}

/* --- what happens --- */

static void run(void *ctx)
{
    struct board *b = ctx;

    memset(b->ram, 0x5a, sizeof b->ram);
    hold(b, true);
    if (b->has_memory)
        use_memory();
    b->late.slot = NULL;
    device_boot(&b->d);
    give_what_is_late();
    if (!b->d.result.bootable)
        return;
    td_pcd_release(&b->pcd);
    start_net();
}

static void ask(unsigned i, bool permanent)
{
    struct td_trailer p, x;
    struct td_slots slots = device_slots(&board.d, i, &p, &x);
    enum td_slot_done done;

    if (i == 1 && board.has_memory) {
        p.mode = x.mode = TD_MODE_OVERWRITE;
        p.area = &board.memory_area;
    }
    must(td_slot_set_pending(&slots, permanent, board.d.images[i].new.size, &done) == TD_OK,
         "the request was refused");
}

/* Old images in both slots and in the network core, which knows it. */
static void prepare_old(void)
{
    struct device *d = &board.d;

    device_put_primary(d, 0, &d->images[0].old);
    if (!board.has_memory)
        device_put_primary(d, 1, &d->images[1].old);
    sim_nor_program(&board.net, 0, d->images[1].old.bytes + 32, d->images[1].old.size - 32 - 200);
    run(&board);
    must(d->result.bootable && board.result.version == 1, "the old pair does not run");
}

static void prepare_requests(bool permanent)
{
    prepare_old();
    for (unsigned i = 0; i < 2; i++) {
        device_put_secondary(&board.d, i, &board.d.images[i].new);
        ask(i, permanent);
    }
}

static void prepare_test(void)
{
    prepare_requests(false);
}

static void prepare_perm(void)
{
    prepare_requests(true);
}

static void prepare_revert(void)
{
    prepare_requests(false);
    run(&board);
    must(board.d.result.on_trial && board.result.version == 2, "the trial did not begin");
}

static void prepare_hung(void)
{
    prepare_requests(false);
    board.hangs = true;
}

/* --- how it has to end --- */

static bool runs(bool new)
{
    struct device *d = &board.d;

    return device_primary_holds(d, 0, new ? &d->images[0].new : &d->images[0].old) &&
           (board.has_memory ||
            device_primary_holds(d, 1, new ? &d->images[1].new : &d->images[1].old)) &&
           board.result.next == TD_B0N_BOOT && board.result.version == (new ? 2u : 1u);
}

static const char *judge_trial(unsigned passed)
{
    bool over = passed & TRIAL_OVER;

    if (!runs(!over))
        return "the cores do not run the pair that belongs together";
    return board.d.result.on_trial == over ? "trial and confirmed are mixed up" : NULL;
}

static const char *judge_perm(unsigned passed)
{
    (void)passed;
    if (!runs(true))
        return "the cores do not run the new pair";
    return device_logged(&board.d, TD_V_CORE_GIVEN, 0) ? NULL : "nothing says that it was given";
}

// A core that hangs keeps the application core at what it had.
static const char *judge_hung(unsigned passed)
{
    (void)passed;
    if (!device_primary_holds(&board.d, 0, &board.d.images[0].old) ||
        !device_primary_holds(&board.d, 1, &board.d.images[1].old))
        return "one core is ahead of the other";
    return device_logged(&board.d, TD_V_CORE_SILENT, 0) ? NULL : "nobody says that it is silent";
}

static const struct scenario {
    const char *name;
    bool has_memory; /* no area of its own for the network core's image */
    void (*prepare)(void);
    const char *(*judge)(unsigned passed);
    unsigned passed_at_start;
} scenarios[] = {
    { "update", false, prepare_test, judge_trial, 0 },
    { "revert", false, prepare_revert, judge_trial, TRIAL_OVER },
    { "permanent", false, prepare_perm, judge_perm, 0 },
    { "core hangs", false, prepare_hung, judge_hung, 0 },
    { "through memory", true, prepare_perm, judge_perm, 0 },
};

static const struct scenario *scenario;

static unsigned passed(void *ctx)
{
    struct td_trailer p, x;
    struct td_trailer_state s;

    (void)ctx;
    for (unsigned i = 0; i < 2; i++) {
        (void)device_slots(&board.d, i, &p, &x);
        if (td_trailer_read(&p, &s) != TD_OK || s.magic != TD_MAGIC_GOOD ||
            s.copy_done != TD_FLAG_SET || s.swap_type != TD_SWAP_TEST ||
            s.image_ok != TD_FLAG_UNSET)
            return 0;
    }
    return TRIAL_OVER;
}

static const char *judge(void *ctx, unsigned seen)
{
    (void)ctx;
    if (board.d.err != TD_OK)
        return "the boot failed";
    return board.d.result.bootable ? scenario->judge(seen) : "nothing is bootable";
}

// A core that hangs is asked again in every boot.
static bool is_at_rest(void *ctx)
{
    (void)ctx;
    return !board.d.result.on_trial && !board.hangs;
}

static const struct cut_subject *make(const struct sweep_row *row)
{
    static const struct contents any = { NULL, NULL };
    static struct cut_subject subject;
    struct device *d = &board.d;

    scenario = row->part[0];
    memset(&board, 0, sizeof board);
    board.has_memory = scenario->has_memory;
    device_make(d, &shape, &keeps, false, 2, &any);
    make_net_image(&d->images[1].old, 1);
    make_net_image(&d->images[1].new, 2);
    make_net();
    sim_power_on(&d->power);
    scenario->prepare();
    subject = (struct cut_subject){ .ctx = &board,
                                    .power = &d->power,
                                    .flashes = { &d->nors[0], &d->nors[1], &board.net },
                                    .n_flashes = 3,
                                    .run = run,
                                    .passed = board.has_memory ? NULL : passed,
                                    .judge = judge,
                                    .is_at_rest = is_at_rest,
                                    .passed_at_start = scenario->passed_at_start };
    return &subject;
}

static bool row_nth(unsigned n, struct sweep_row *row)
{
    if (n >= TD_N_OF(scenarios))
        return false;
    *row = (struct sweep_row){ .way = keeps.name,
                               .scenario = scenarios[n].name,
                               .flash = shape.name,
                               .word = shape.chip.write_size,
                               .images = 2,
                               .quick = n < 2,
                               .share = 1,
                               .part = { &scenarios[n] } };
    return true;
}

const struct sweep_group sweep_core = { row_nth, make };

/* --- a planted bug: the cell that says "given" is written before the core says "done" --- */

const struct cut_subject *planted_core(void)
{
    struct sweep_row row;
    const struct cut_subject *subject;

    must(row_nth(0, &row), "there is no such row");
    subject = make(&row);
    board.gives_late = true;
    return subject;
}
