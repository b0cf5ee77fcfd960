/*
 * log/log.c - a ring of sectors, each with a head that is written when the sector is ready.
 *
 * A sector is a row of slots of 64 bytes: the head, then records. The newest sector is the one
 * with the highest generation; when it is full the one behind it is erased, takes over the
 * entries that must not be lost, and gets its head. A record is a verdict or a bookmark; the first
 * byte tells them apart.
 *
 * 1. The newest sector holds a record of the newest entry of each class above NOTE and of the
 *    newest bookmark, or that one is younger than all it held when it was begun. So any other
 *    sector may be erased.
 * 2. A sector without a sound head is erased before anything is written to it, also when it
 *    reads blank: its erase may have been cut short.
 * 3. A slot is programmed once. One that reads neither blank nor sound is passed over.
 */
#include "log/log.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/range.h"

#define SLOT_SIZE   64u
#define SLOTS_MIN   10u /* head, a carried record for each class, the bookmark, and some to append */
#define HEAD_SIZE   16u
#define HEAD_MAGIC  0x676C4454u /* "TDlg" */
#define HEAD_FORMAT 1u

#define H_MAGIC      0
#define H_FORMAT     4
#define H_GENERATION 8
#define H_CRC        12

#define R_CRC TD_VERDICT_SIZE

#define BOOKMARK_VERSION 2u /* where a verdict has 1 */
#define B_VERSION        0
#define B_KIND           1
#define B_SEQ            4
#define B_BODY           8

#define CLASS_FIRST (TD_VERDICT_NOTE + 1)
#define CLASS_LAST  7 /* with room for classes of the future */
#define ANY         (-1)
#define NO_SECTOR   0xFFFFFFFFu

/* Records in order of age; the place decides between two copies of one record. */
struct key {
    uint32_t seq;
    uint32_t off;
};

/* Which records are looked for; ANY for either. */
struct wanted {
    int image;
    int class;
};

struct record {
    struct key key;
    struct td_verdict verdict;
};

static bool key_less(struct key a, struct key b)
{
    return a.seq != b.seq ? a.seq < b.seq : a.off < b.off;
}

enum td_err td_log_check(const struct td_log *log)
{
    uint32_t n = td_flash_sector_count(log->area);
    struct td_flash_sector s;

    if (n < 2)
        return TD_ELOG_AREA;
    for (uint32_t i = 0; i < n; i++) {
        if (td_flash_sector_nth(log->area, i, &s) != TD_OK || s.size < SLOTS_MIN * SLOT_SIZE)
            return TD_ELOG_AREA;
    }
    return TD_OK;
}

/* --- heads --- */

/* The generation of a sector with a sound head; 0 for any other. */
static enum td_err read_head(const struct td_log *log, uint32_t off, uint32_t *generation)
{
    uint8_t head[HEAD_SIZE];
    bool steady;
    enum td_err err = td_flash_read_steady(log->area, off, head, sizeof head, &steady);

    *generation = 0;
    if (err != TD_OK || !steady || td_load_le32(head + H_MAGIC) != HEAD_MAGIC ||
        td_load_le32(head + H_FORMAT) != HEAD_FORMAT ||
        td_load_le32(head + H_CRC) != td_crc32(0, head, H_CRC))
        return err;
    *generation = td_load_le32(head + H_GENERATION);
    return TD_OK;
}

static enum td_err write_head(const struct td_log *log, uint32_t off, uint32_t generation)
{
    uint8_t head[TD_FLASH_WRITE_MAX];
    uint32_t len = td_round_up(HEAD_SIZE, log->area->dev->write_size);

    memset(head, log->area->dev->erased, sizeof head);
    td_store_le32(head + H_MAGIC, HEAD_MAGIC);
    td_store_le32(head + H_FORMAT, HEAD_FORMAT);
    td_store_le32(head + H_GENERATION, generation);
    td_store_le32(head + H_CRC, td_crc32(0, head, H_CRC));
    return td_flash_write(log->area, off, head, len);
}

/* The sector that is being filled, by its number; NO_SECTOR and generation 0 in a new log. */
static enum td_err find_newest_sector(const struct td_log *log, uint32_t *n, uint32_t *generation)
{
    uint32_t count = td_flash_sector_count(log->area);

    *n = NO_SECTOR;
    *generation = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct td_flash_sector s;
        uint32_t here = 0;
        enum td_err err = td_flash_sector_nth(log->area, i, &s);

        if (err == TD_OK)
            err = read_head(log, s.off, &here);
        if (err != TD_OK)
            return err;
        if (here > *generation) {
            *generation = here;
            *n = i;
        }
    }
    return TD_OK;
}

/* --- records --- */

/* The slot's record if it looks like one wanted; one read, to be confirmed by check_record. */
static enum td_err glance(const struct td_log *log, uint32_t off, struct wanted w,
                          struct td_verdict *v, bool *match)
{
    uint8_t raw[TD_VERDICT_SIZE];
    enum td_err err = td_flash_read(log->area, off, raw, sizeof raw);

    *match = err == TD_OK && td_verdict_decode(raw, v) == TD_OK &&
             (w.image == ANY || v->image == w.image) && (w.class == ANY || v->kind == w.class);
    return err == TD_EECC ? TD_OK : err;
}

/* Whether the slot holds the record, sound and steady. */
static enum td_err check_record(const struct td_log *log, struct record *r, bool *sound)
{
    uint8_t raw[SLOT_SIZE];
    enum td_err err = td_flash_read_steady(log->area, r->key.off, raw, sizeof raw, sound);

    *sound = err == TD_OK && *sound && td_load_le32(raw + R_CRC) == td_crc32(0, raw, R_CRC) &&
             td_verdict_decode(raw, &r->verdict) == TD_OK && r->verdict.seq == r->key.seq;
    return err;
}

/* Of two keys, whether a is the nearer one to where the search comes from. */
static bool is_nearer(struct key a, struct key b, bool downwards)
{
    return downwards ? key_less(b, a) : key_less(a, b);
}

/* Goes through the slots of one sector for the nearest key beyond from. */
static enum td_err scan_sector(const struct td_log *log, struct td_flash_sector s, struct key from,
                               bool downwards, struct wanted w, struct record *best, bool *found)
{
    for (uint32_t at = SLOT_SIZE; at + SLOT_SIZE <= s.size; at += SLOT_SIZE) {
        struct record r = { .key.off = s.off + at };
        bool match;
        enum td_err err = glance(log, r.key.off, w, &r.verdict, &match);

        if (err != TD_OK)
            return err;
        r.key.seq = r.verdict.seq;
        if (!match || !is_nearer(from, r.key, downwards))
            continue;
        if (!*found || is_nearer(r.key, best->key, downwards)) {
            *best = r;
            *found = true;
        }
    }
    return TD_OK;
}

/*
 * The nearest slot beyond from that looks like a record wanted. Heads do not matter here: what
 * a sector holds before it has one, or after its erase was cut, are copies and old entries.
 */
static enum td_err scan(const struct td_log *log, struct key from, bool downwards, struct wanted w,
                        struct record *best, bool *found)
{
    uint32_t count = td_flash_sector_count(log->area);

    *found = false;
    for (uint32_t i = 0; i < count; i++) {
        struct td_flash_sector s;
        enum td_err err = td_flash_sector_nth(log->area, i, &s);

        if (err == TD_OK)
            err = scan_sector(log, s, from, downwards, w, best, found);
        if (err != TD_OK)
            return err;
    }
    return TD_OK;
}

/* The nearest sound record beyond from. What only looks like one is stepped over. */
static enum td_err find(const struct td_log *log, struct key from, bool downwards, struct wanted w,
                        struct record *r, bool *found)
{
    bool sound = false;
    enum td_err err;

    do {
        err = scan(log, from, downwards, w, r, found);
        if (err != TD_OK || !*found)
            return err;
        from = r->key;
        err = check_record(log, r, &sound);
    } while (err == TD_OK && !sound);
    return err;
}

static const struct key beyond_all = { 0xFFFFFFFFu, 0xFFFFFFFFu };

static enum td_err find_newest(const struct td_log *log, struct wanted w, struct record *r,
                               bool *found)
{
    return find(log, beyond_all, true, w, r, found);
}

/* --- writing --- */

static bool is_erased(const struct td_log *log, const uint8_t *raw)
{
    for (uint32_t i = 0; i < SLOT_SIZE; i++) {
        if (raw[i] != log->area->dev->erased)
            return false;
    }
    return true;
}

/* One read says that a slot is taken; that it is free takes many. */
static enum td_err is_blank_slot(const struct td_log *log, uint32_t off, bool *blank)
{
    uint8_t raw[SLOT_SIZE];
    enum td_err err = td_flash_read(log->area, off, raw, sizeof raw);

    *blank = err == TD_OK && is_erased(log, raw);
    if (!*blank)
        return err == TD_EECC ? TD_OK : err;
    err = td_flash_read_steady(log->area, off, raw, sizeof raw, blank);
    *blank = *blank && is_erased(log, raw);
    return err;
}

/* Whether the slot holds these very bytes, and keeps to them. */
static enum td_err holds(const struct td_log *log, uint32_t off, const uint8_t *want, bool *sound)
{
    uint8_t raw[SLOT_SIZE];
    enum td_err err = td_flash_read_steady(log->area, off, raw, sizeof raw, sound);

    *sound = err == TD_OK && *sound && memcmp(raw, want, sizeof raw) == 0;
    return err;
}

/* Writes the record into the sector's first free slot from *at on; *at is moved past it. */
static enum td_err write_record(const struct td_log *log, struct td_flash_sector s, uint32_t *at,
                                const uint8_t raw[SLOT_SIZE], bool *written)
{
    enum td_err err = TD_OK;

    *written = false;
    for (; *at + SLOT_SIZE <= s.size && err == TD_OK && !*written; *at += SLOT_SIZE) {
        uint32_t off = s.off + *at;
        bool blank;

        err = is_blank_slot(log, off, &blank);
        if (err != TD_OK || !blank)
            continue;
        err = td_flash_write(log->area, off, raw, SLOT_SIZE);
        if (err == TD_OK)
            err = holds(log, off, raw, written);
    }
    return err;
}

static void seal(uint8_t raw[SLOT_SIZE])
{
    td_store_le32(raw + R_CRC, td_crc32(0, raw, R_CRC));
}

static void encode_verdict(const struct td_verdict *v, uint8_t raw[SLOT_SIZE])
{
    td_verdict_encode(v, raw);
    seal(raw);
}

/* --- bookmarks --- */

/* Whether the slot may hold a bookmark, by one read of its beginning; and which one. */
static enum td_err glance_bookmark(const struct td_log *log, uint32_t off, struct key *key,
                                   bool *match)
{
    uint8_t raw[B_BODY];
    enum td_err err = td_flash_read(log->area, off, raw, sizeof raw);

    *match = err == TD_OK && raw[B_VERSION] == BOOKMARK_VERSION;
    *key = (struct key){ *match ? td_load_le32(raw + B_SEQ) : 0, off };
    return err == TD_EECC ? TD_OK : err;
}

/* The slot with the highest key below from that looks like a bookmark. */
static enum td_err scan_bookmarks(const struct td_log *log, struct key from, struct key *best,
                                  bool *found)
{
    uint32_t count = td_flash_sector_count(log->area);

    *found = false;
    for (uint32_t i = 0; i < count; i++) {
        struct td_flash_sector s;
        enum td_err err = td_flash_sector_nth(log->area, i, &s);

        for (uint32_t at = SLOT_SIZE; err == TD_OK && at + SLOT_SIZE <= s.size; at += SLOT_SIZE) {
            struct key key;
            bool match;

            err = glance_bookmark(log, s.off + at, &key, &match);
            if (err != TD_OK || !match || !key_less(key, from))
                continue;
            if (!*found || key_less(*best, key))
                *best = key;
            *found = true;
        }
        if (err != TD_OK)
            return err;
    }
    return TD_OK;
}

/* The newest sound bookmark's record. */
static enum td_err find_bookmark(const struct td_log *log, uint8_t raw[SLOT_SIZE], bool *found)
{
    struct key key = beyond_all;
    bool sound = false;

    do {
        enum td_err err = scan_bookmarks(log, key, &key, found);

        if (err == TD_OK && *found)
            err = td_flash_read_steady(log->area, key.off, raw, SLOT_SIZE, &sound);
        if (err != TD_OK || !*found)
            return err;
        sound = sound && td_load_le32(raw + R_CRC) == td_crc32(0, raw, R_CRC) &&
                raw[B_VERSION] == BOOKMARK_VERSION;
    } while (!sound);
    return TD_OK;
}

/* --- sectors --- */

static enum td_err carry_bookmark(const struct td_log *log, struct td_flash_sector s, uint32_t *at)
{
    uint8_t raw[SLOT_SIZE];
    bool found, written = true;
    enum td_err err = find_bookmark(log, raw, &found);

    if (err == TD_OK && found)
        err = write_record(log, s, at, raw, &written);
    return err == TD_OK && !written ? TD_EFLASH : err;
}

/* Copies the newest entry of each class that must not be lost, and the newest bookmark. */
static enum td_err carry_over(const struct td_log *log, struct td_flash_sector s, uint32_t *at)
{
    for (int class = CLASS_FIRST; class <= CLASS_LAST; class ++) {
        const struct wanted w = { ANY, class };
        struct record r;
        uint8_t raw[SLOT_SIZE];
        bool found, written = true;
        enum td_err err = find_newest(log, w, &r, &found);

        if (err == TD_OK && found) {
            encode_verdict(&r.verdict, raw);
            err = write_record(log, s, at, raw, &written);
        }
        if (err != TD_OK)
            return err;
        if (!written)
            return TD_EFLASH;
    }
    return carry_bookmark(log, s, at);
}

/* Begins sector n: erased whatever it reads, filled, and valid with its head. */
static enum td_err begin_sector(const struct td_log *log, uint32_t n, uint32_t generation)
{
    struct td_flash_sector s;
    uint32_t at = SLOT_SIZE;
    enum td_err err = td_flash_sector_nth(log->area, n, &s);

    if (err == TD_OK)
        err = td_flash_erase(log->area, s.off, s.size);
    if (err == TD_OK)
        err = carry_over(log, s, &at);
    return err == TD_OK ? write_head(log, s.off, generation) : err;
}

static enum td_err write_to(const struct td_log *log, uint32_t n, const uint8_t raw[SLOT_SIZE],
                            bool *written)
{
    struct td_flash_sector s;
    uint32_t at = SLOT_SIZE;
    enum td_err err = td_flash_sector_nth(log->area, n, &s);

    return err == TD_OK ? write_record(log, s, &at, raw, written) : err;
}

/* Into the newest sector, or, where that is full, into the next one. */
static enum td_err store(const struct td_log *log, const uint8_t raw[SLOT_SIZE])
{
    uint32_t n, generation, next = 0;
    bool written = false;
    enum td_err err = find_newest_sector(log, &n, &generation);

    if (err == TD_OK && n != NO_SECTOR) {
        err = write_to(log, n, raw, &written);
        next = n + 1 < td_flash_sector_count(log->area) ? n + 1 : 0;
    }
    if (err != TD_OK || written)
        return err;
    err = begin_sector(log, next, generation + 1);
    if (err == TD_OK)
        err = write_to(log, next, raw, &written);
    return err != TD_OK || written ? err : TD_EFLASH;
}

enum td_err td_log_append(const struct td_log *log, const struct td_verdict *verdict)
{
    const struct wanted any = { ANY, ANY }, image = { verdict->image, ANY };
    struct td_verdict v = *verdict;
    uint8_t raw[SLOT_SIZE];
    struct record newest, last;
    bool have_newest = false, have_last = false;
    enum td_err err = td_log_check(log);

    if (err == TD_OK)
        err = find_newest(log, any, &newest, &have_newest);
    if (err == TD_OK && have_newest)
        err = find_newest(log, image, &last, &have_last);
    if (err != TD_OK)
        return err;
    v.seq = have_newest ? newest.key.seq + 1 : 1;
    v.count = 1;
    if (have_last && td_verdict_same(&last.verdict, &v)) {
        if (last.verdict.count == UINT16_MAX)
            return TD_OK;
        v.count = (uint16_t)(last.verdict.count + 1);
    }
    encode_verdict(&v, raw);
    return store(log, raw);
}

enum td_err td_log_put_bookmark(const struct td_log *log, const struct td_log_bookmark *mark)
{
    uint8_t raw[SLOT_SIZE], last[SLOT_SIZE];
    bool found = false;
    enum td_err err = td_log_check(log);

    if (err == TD_OK)
        err = find_bookmark(log, last, &found);
    if (err != TD_OK)
        return err;
    memset(raw, 0, sizeof raw);
    raw[B_VERSION] = BOOKMARK_VERSION;
    raw[B_KIND] = mark->kind;
    td_store_le32(raw + B_SEQ, found ? td_load_le32(last + B_SEQ) + 1 : 1);
    memcpy(raw + B_BODY, mark->body, sizeof mark->body);
    seal(raw);
    return store(log, raw);
}

enum td_err td_log_get_bookmark(const struct td_log *log, struct td_log_bookmark *mark, bool *found)
{
    uint8_t raw[SLOT_SIZE];
    enum td_err err = td_log_check(log);

    *found = false;
    if (err == TD_OK)
        err = find_bookmark(log, raw, found);
    if (err != TD_OK || !*found)
        return err;
    mark->kind = raw[B_KIND];
    memcpy(mark->body, raw + B_BODY, sizeof mark->body);
    return TD_OK;
}

uint32_t td_log_sector_records(const struct td_log *log)
{
    uint32_t least = UINT32_MAX;
    struct td_flash_sector s;

    if (td_log_check(log) != TD_OK)
        return 0;
    for (uint32_t i = 0; td_flash_sector_nth(log->area, i, &s) == TD_OK; i++)
        least = td_min_u32(least, s.size / SLOT_SIZE - 1);
    return least;
}

/* --- reading --- */

void td_log_begin(struct td_log_iter *it, const struct td_log *log)
{
    *it = (struct td_log_iter){ .log = log, .seq = beyond_all.seq, .off = beyond_all.off };
}

/* Whether the next younger entry about the same image is this one's repetition. */
static enum td_err is_repeated(const struct td_log *log, const struct record *r, bool *repeated)
{
    const struct wanted w = { r->verdict.image, ANY };
    struct record younger;
    bool found;
    enum td_err err =
        find(log, (struct key){ r->key.seq, 0xFFFFFFFFu }, false, w, &younger, &found);

    *repeated = err == TD_OK && found && younger.verdict.count > r->verdict.count &&
                td_verdict_same(&younger.verdict, &r->verdict);
    return err;
}

enum td_err td_log_next(struct td_log_iter *it, struct td_verdict *verdict, bool *end)
{
    const struct wanted any = { ANY, ANY };
    struct record r;
    bool found = true, skip = true;

    while (skip) {
        bool copy;
        enum td_err err = find(it->log, (struct key){ it->seq, it->off }, true, any, &r, &found);

        *end = err == TD_OK && !found;
        if (err != TD_OK || !found)
            return err;
        copy = it->begun && r.key.seq == it->seq;
        it->seq = r.key.seq;
        it->off = r.key.off;
        it->begun = true;
        err = copy ? TD_OK : is_repeated(it->log, &r, &skip);
        if (err != TD_OK)
            return err;
        skip = skip || copy;
    }
    *verdict = r.verdict;
    return TD_OK;
}
