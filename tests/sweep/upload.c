/*
 * upload.c - the rows of uploads: a client sends a file again and again until it is there, and the
 * device is reset whenever it likes.
 *
 * The first run may do something else before (another file, an erase, a reset in the middle), so that
 * records of another time are about. Whatever happened: an answer that says "it is all there" is
 * true of every byte, an upload that has a record goes on, and no verdict is lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "log/log.h"
#include "planted.h"
#include "rows.h"
#include "server/server.h"
#include "smp/image.h"
#include "smp/tandem.h"

enum {
    SECTOR = 1024,
    SLOT = 8 * SECTOR,
    LOG_SECTOR = 2048,
    FILE_LEN = 6001, /* five whole sectors, and what fills no word */
    CHUNK = 700,
    BUF = 1200,
    TURNS_MAX = 200,
};

/* Bits for the judge. */
enum { HAS_RECORD = 1, FALSE_END = 2, LOST_VERDICT = 4 };

static const struct chip {
    const char *name;
    uint16_t word;
    uint8_t budget, erased;
    bool ecc_error;
    enum td_strategy_id mode;
} chips[] = {
    { "8x1K", 4, 2, 0xff, false, TD_MODE_MOVE },
    { "8x1K ecc", 8, 1, 0xff, true, TD_MODE_OVERWRITE },
    { "8x1K ecc", 32, 1, 0xff, true, TD_MODE_OFFSET },
    { "8x1K, 0x00", 4, 1, 0x00, false, TD_MODE_OVERWRITE },
};

enum { A, B };

static const struct story {
    const char *name;
    const char *before; /* a, b: the file's first half; r: a reset; e: the slot is erased */
    uint8_t notes;      /* verdicts in the log, so that it turns over */
    bool goes_on;       /* where there is a record the upload has to go on */
} stories[] = {
    { "file", "", 4, true },
    { "file, log full", "", 26, true },
    { "another before", "arbr", 4, false },
    { "erased before", "are", 20, false },
};

static struct bench {
    struct td_flash_run runs[2];
    struct sim_nor_model model;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area slot[2], log;
    struct td_room_geometry room;
    struct td_server_image image;
    const struct td_server_group *groups[2];
    struct td_server_config cfg;
    struct td_server srv;
    struct td_server_link link;
    struct shim shim;
    const struct story *story;
    uint8_t hold[BUF], rsp[BUF];
    size_t rsp_len;
    uint8_t files[2][FILE_LEN], sha[2][32];
    bool acted;     /* what the story has before is done, or was cut */
    unsigned wrong; /* bits */
    uint8_t start;  /* how the last run's upload began: enum td_tandem_start */
    bool done;
} b;

/* ---- a client ---------------------------------------------------------------------------- */

static void boot(void)
{
    shim_forget(&b.shim);
    td_server_init(&b.srv, &b.cfg, b.hold, sizeof b.hold);
}

static bool talk(const uint8_t *packet, size_t len)
{
    struct td_server_reply reply;
    struct td_smp_status status;

    td_server_handle(&b.srv, &b.link, packet, len, b.rsp, sizeof b.rsp, &reply);
    while (reply.len == 0 && td_server_owes(&b.srv))
        td_server_work(&b.srv, 100000, b.rsp, sizeof b.rsp, &reply);
    b.rsp_len = reply.len;
    // Without power nobody hears the answer.
    return !b.power.lost && reply.len > 8 &&
           td_smp_status_decode(b.rsp + 8, reply.len - 8, &status) == TD_OK && status.code == 0;
}

static bool send_chunk(unsigned file, uint32_t off, struct td_img_upload_rsp *rsp)
{
    const struct td_smp_header hdr = { 1, TD_SMP_WRITE, 0, 0, 1, 0, TD_IMG_UPLOAD };
    const struct td_img_upload_req req = {
        .has_off = true,
        .off = off,
        .has_data = true,
        .data = { b.files[file] + off, td_min_u32(CHUNK, FILE_LEN - off) },
        .has_len = off == 0,
        .len = FILE_LEN,
        .has_sha = off == 0,
        .sha = { b.sha[file], off == 0 ? 32 : 0 },
    };
    struct td_cbor_writer w;
    uint8_t packet[BUF];
    size_t len;

    td_smp_begin(&w, packet, sizeof packet, TD_CBOR_DEFINITE);
    td_img_upload_req_put(&w, &req);
    return td_smp_end(&w, &hdr, &len) == TD_OK && talk(packet, len) &&
           td_img_upload_rsp_get(b.rsp + 8, b.rsp_len - 8, rsp) == TD_OK;
}

static bool is_there(unsigned file)
{
    uint8_t back[FILE_LEN];
    bool steady;

    return td_flash_read_steady(&b.slot[1], b.image.upload_off, back, sizeof back, &steady) ==
               TD_OK &&
           steady && memcmp(back, b.files[file], sizeof back) == 0;
}

/* Follows the device's offsets up to end; "it is there" has to be true. */
static bool send_file(unsigned file, uint32_t end)
{
    struct td_img_upload_rsp rsp = { .off = 0 };

    for (unsigned turn = 0; turn < TURNS_MAX && (turn == 0 || rsp.off < end); turn++) {
        if (!send_chunk(file, rsp.off, &rsp))
            return false;
        if (turn == 0)
            b.start = b.srv.upload.start;
    }
    if (rsp.off == FILE_LEN && (!rsp.match || !is_there(file)))
        b.wrong |= FALSE_END;
    return rsp.off >= end;
}

static bool erase(void)
{
    static const uint8_t packet[] = { 0x0a, 0, 0, 1, 0, 1, 0, TD_IMG_ERASE, 0xa0 };

    return talk(packet, sizeof packet);
}

static bool act(char what)
{
    switch (what) {
    case 'a': return send_file(A, FILE_LEN / 2);
    case 'b': return send_file(B, FILE_LEN / 2);
    case 'e': return erase();
    default: boot(); return true;
    }
}

/* ---- what is swept ------------------------------------------------------------------------ */

static void begin(void *ctx)
{
    (void)ctx;
    b.acted = false;
    b.wrong = 0;
}

static void run(void *ctx)
{
    (void)ctx;
    boot();
    b.done = false;
    for (const char *what = b.acted ? "" : b.story->before; *what != 0; what++) {
        b.acted = true;
        if (!act(*what))
            return;
    }
    b.acted = true;
    boot();
    b.done = send_file(A, FILE_LEN);
}

static bool has_verdicts(void)
{
    const struct td_log log = { &b.log };
    struct td_log_iter it;
    struct td_verdict v;
    unsigned seen = 0;
    bool end = false;

    td_log_begin(&it, &log);
    while (td_log_next(&it, &v, &end) == TD_OK && !end)
        seen |= v.kind == TD_VERDICT_NOTE || v.off == 70u + v.kind ? 1u << v.kind : 0x100u;
    return end && (seen & ~(1u << TD_VERDICT_NOTE)) ==
                      ((1u << TD_VERDICT_REFUSAL) | (1u << TD_VERDICT_REVERT));
}

static bool has_record(void)
{
    const struct td_log log = { &b.log };
    struct td_log_bookmark mark;
    bool found = false;

    // How much is kept stands behind image, slot and length.
    return td_log_get_bookmark(&log, &mark, &found) == TD_OK && found &&
           (mark.body[8] != 0 || mark.body[9] != 0);
}

static unsigned passed(void *ctx)
{
    (void)ctx;
    return b.wrong | (has_verdicts() ? 0 : LOST_VERDICT) | (has_record() ? HAS_RECORD : 0);
}

static const char *judge(void *ctx, unsigned before)
{
    unsigned wrong = before | b.wrong;

    (void)ctx;
    if ((wrong & FALSE_END) != 0)
        return "the device says that the file is there, and it is not";
    if ((wrong & LOST_VERDICT) != 0 || !has_verdicts())
        return "a verdict is gone";
    if (!b.done || !is_there(A))
        return "the file cannot be uploaded";
    if (b.story->goes_on && (before & HAS_RECORD) != 0 && b.start != TD_START_AFTER_RESET &&
        b.start != TD_START_THERE)
        return "an upload began at 0 though a record speaks of it";
    return NULL;
}

static void make_file(unsigned file)
{
    uint8_t *p = b.files[file];

    for (uint32_t i = 0; i < FILE_LEN; i++)
        p[i] = (uint8_t)(i * 7 + (i >> 8) + file * 31);
    memcpy(p, "\x3d\xb8\xf3\x96", 4);
    // Both begin alike for more than a sector: a header says nothing about the rest.
    if (file == B)
        memcpy(p, b.files[A], SECTOR + 100);
    td_hash_of(&td_sha256, p, FILE_LEN, b.sha[file]);
}

static void make_flash(const struct chip *chip)
{
    b.runs[0] = (struct td_flash_run){ 16, SECTOR };
    b.runs[1] = (struct td_flash_run){ 2, LOG_SECTOR };
    b.model = (struct sim_nor_model){ .name = chip->name,
                                      .runs = b.runs,
                                      .n_runs = 2,
                                      .erased = chip->erased,
                                      .budget = chip->budget,
                                      .write_size = chip->word,
                                      .ecc_error = chip->ecc_error,
                                      .write_unit = chip->word,
                                      .erase_unit = SECTOR };
    sim_nor_init(&b.nor, &b.model, calloc(1, sim_nor_size(&b.model)),
                 calloc(1, sim_nor_meta_size(&b.model)), &b.power, 7);
    sim_power_on(&b.power);
}

static void make_server(const struct chip *chip, const struct td_flash_dev *dev)
{
    b.slot[0] = (struct td_flash_area){ dev, 0, SLOT };
    b.slot[1] = (struct td_flash_area){ dev, SLOT, SLOT };
    b.log = (struct td_flash_area){ dev, 2 * SLOT, 2 * LOG_SECTOR };
    b.room = (struct td_room_geometry){
        .primary_size = SLOT,
        .secondary_size = SLOT,
        .primary_sector = SECTOR,
        .secondary_sector = SECTOR,
        .max_sectors = 8,
        .write_size = (uint8_t)chip->word,
        .max_align = chip->word < 8 ? 8 : (uint8_t)chip->word,
    };
    b.image = (struct td_server_image){
        .slot = { &b.slot[0], &b.slot[1] },
        .strategy = chip->mode,
        .room = &b.room,
        .upload_off = chip->mode == TD_MODE_OFFSET ? SECTOR : 0,
    };
    b.groups[0] = &td_server_group_image;
    b.cfg = (struct td_server_config){
        .manner = &td_server_tandem,
        .groups = b.groups,
        .n_groups = 1,
        .images = &b.image,
        .n_images = 1,
        .buf_size = BUF,
        .buf_count = 1,
        .boot_log = &b.log,
        .hash_len = 32,
    };
    b.link = (struct td_server_link){ .authenticated = true };
}

/* A refusal, a revert, and notes behind them. */
static void write_log(unsigned notes)
{
    const struct td_log log = { &b.log };

    for (unsigned i = 0; i < 2 + notes; i++) {
        uint8_t class = i == 0 ? TD_VERDICT_REFUSAL : i == 1 ? TD_VERDICT_REVERT : TD_VERDICT_NOTE;
        const struct td_verdict v = {
            .kind = class,
            .code = (uint16_t)(20 + class),
            .off = i < 2 ? 70u + class : i,
        };

        (void)td_log_append(&log, &v);
    }
}

static const struct cut_subject *subject_of(const struct story *story, const struct chip *chip)
{
    static struct cut_subject subject;

    memset(&b, 0, sizeof b);
    b.story = story;
    make_flash(chip);
    make_server(chip, &b.nor.dev);
    make_file(A);
    make_file(B);
    write_log(story->notes);
    subject = (struct cut_subject){ .ctx = &b,
                                    .power = &b.power,
                                    .flashes = { &b.nor },
                                    .n_flashes = 1,
                                    .begin = begin,
                                    .run = run,
                                    .passed = passed,
                                    .judge = judge };
    return &subject;
}

static const struct cut_subject *make(const struct sweep_row *row)
{
    return subject_of(row->part[0], row->part[1]);
}

static bool row_nth(unsigned n, struct sweep_row *row)
{
    const struct story *story = &stories[n % TD_N_OF(stories)];
    const struct chip *chip;

    if (n >= TD_N_OF(stories) * TD_N_OF(chips))
        return false;
    chip = &chips[n / TD_N_OF(stories)];
    *row = (struct sweep_row){ .way = "upload",
                               .scenario = story->name,
                               .flash = chip->name,
                               .word = chip->word,
                               .images = 1,
                               .quick = n % 5 == 0,
                               .share = chip == &chips[0] ? 1 : 0,
                               .part = { story, chip } };
    return true;
}

const struct sweep_group sweep_upload = { row_nth, make };

/* --- a planted bug: the record is written before the bytes of which it speaks --- */

static bool is_data(const void *ctx, const struct op *op)
{
    (void)ctx;
    return !op->is_erase && op->off >= SLOT && op->off < 2 * SLOT;
}

static bool is_record(const void *ctx, const struct op *op)
{
    (void)ctx;
    return !op->is_erase && op->off >= 2 * SLOT;
}

const struct cut_subject *planted_upload(void)
{
    const struct cut_subject *subject = subject_of(&stories[0], &chips[0]);

    b.shim.below = &b.nor;
    b.shim.held = is_data;
    b.shim.first = is_record;
    shim_init(&b.shim);
    make_server(&chips[0], &b.shim.dev);
    return subject;
}
