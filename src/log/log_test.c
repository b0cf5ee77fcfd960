#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/range.h"
#include "log/log.h"
#include "sim/nor.h"

static const struct td_flash_run small_runs[] = { { 4, 640 } }; /* ten slots a sector */
static const struct td_flash_run page_runs[] = { { 4, 4096 } };

#define MODEL(title, run, word, blank, times, ecc)                                                 \
    {                                                                                              \
        .name = title, .runs = run, .n_runs = 1, .erased = blank, .budget = times,                 \
        .write_size = word, .ecc_error = ecc, .write_unit = word, .erase_unit = 128                \
    }

static const struct sim_nor_model models[] = {
    MODEL("bytes", small_runs, 1, 0xFF, 0, false),
    MODEL("words of 4, twice", small_runs, 4, 0xFF, 2, false),
    MODEL("words of 4, once, erased to 0", small_runs, 4, 0x00, 1, false),
    MODEL("words of 8, once, error correction", small_runs, 8, 0xFF, 1, true),
    MODEL("words of 32, once, error correction", small_runs, 32, 0xFF, 1, true),
};
static const struct sim_nor_model pages = MODEL("pages", page_runs, 4, 0xFF, 1, false);

struct bench {
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area;
    struct td_log log;
    uint8_t *bytes, *meta;
};

static void start(struct bench *b, const struct sim_nor_model *model, uint32_t sectors,
                  uint64_t seed)
{
    memset(b, 0, sizeof *b);
    b->bytes = malloc(sim_nor_size(model));
    b->meta = malloc(sim_nor_meta_size(model));
    sim_nor_init(&b->nor, model, b->bytes, b->meta, &b->power, seed);
    b->area = (struct td_flash_area){ &b->nor.dev, 0, sectors * model->runs[0].sector_size };
    b->log.area = &b->area;
}

static void stop(struct bench *b)
{
    assert_int_equal(b->nor.stats.over_budget, 0);
    assert_int_equal(b->nor.stats.weak_writes, 0);
    assert_int_equal(b->nor.stats.misaligned, 0);
    free(b->bytes);
    free(b->meta);
}

/* A verdict whose facts all follow from its number, so that a broken one is noticed. */
static struct td_verdict verdict(uint8_t class, uint8_t image, uint32_t id)
{
    struct td_verdict v = { .kind = class, .image = image, .code = (uint16_t)(class * 20) };

    v.off = id;
    v.found = id * 2654435761u;
    v.wanted = ~id;
    memset(v.hash, (int)(id & 0xFF), sizeof v.hash);
    return v;
}

static bool is_whole(const struct td_verdict *v)
{
    struct td_verdict want = verdict(v->kind, v->image, v->off);

    return td_verdict_same(v, &want);
}

static void append(struct bench *b, struct td_verdict v)
{
    assert_int_equal(td_log_append(&b->log, &v), TD_OK);
}

/* Every entry, newest first, into out; how many there are. */
static uint32_t list(struct bench *b, struct td_verdict *out, uint32_t cap)
{
    struct td_log_iter it;
    uint32_t n = 0;
    bool end = false;

    td_log_begin(&it, &b->log);
    for (;;) {
        struct td_verdict v;

        assert_int_equal(td_log_next(&it, &v, &end), TD_OK);
        if (end)
            break;
        assert_true(n < cap);
        assert_true(is_whole(&v));
        assert_true(v.count > 0);
        assert_true(n == 0 || v.seq < out[n - 1].seq);
        out[n++] = v;
    }
    return n;
}

static void an_area_of_one_sector_or_of_small_ones_is_no_log(void **state)
{
    static const struct td_flash_run tiny_runs[] = { { 8, 512 } };
    static const struct sim_nor_model tiny = MODEL("tiny", tiny_runs, 4, 0xFF, 1, false);
    struct td_verdict v = verdict(TD_VERDICT_NOTE, 0, 1);
    struct bench b;

    (void)state;
    start(&b, &models[0], 1, 1);
    assert_int_equal(td_log_append(&b.log, &v), TD_ELOG_AREA);
    assert_int_equal(b.power.ops, 0);
    stop(&b);
    start(&b, &tiny, 8, 1);
    assert_int_equal(td_log_check(&b.log), TD_ELOG_AREA);
    stop(&b);
}

static void entries_come_newest_first_with_numbers(void **state)
{
    struct td_verdict got[64];
    struct bench b;

    (void)state;
    start(&b, &pages, 2, 1);
    assert_int_equal(list(&b, got, 64), 0);
    for (uint32_t i = 1; i <= 5; i++)
        append(&b, verdict(TD_VERDICT_REFUSAL, 0, i));
    assert_int_equal(list(&b, got, 64), 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(got[i].off, 5 - i);
        assert_int_equal(got[i].seq, 5 - i);
        assert_int_equal(got[i].count, 1);
    }
    stop(&b);
}

static void repetitions_are_one_entry_with_a_count(void **state)
{
    struct td_verdict got[64];
    struct bench b;

    (void)state;
    start(&b, &pages, 2, 1);
    for (int i = 0; i < 7; i++) {
        append(&b, verdict(TD_VERDICT_REFUSAL, 0, 1));
        append(&b, verdict(TD_VERDICT_REFUSAL, 1, 2)); /* another image's, in between */
    }
    append(&b, verdict(TD_VERDICT_NOTE, 0, 3));
    append(&b, verdict(TD_VERDICT_REFUSAL, 0, 1));
    assert_int_equal(list(&b, got, 64), 4);
    assert_int_equal(got[0].off, 1);
    assert_int_equal(got[0].count, 1); /* not in a row any more */
    assert_int_equal(got[1].off, 3);
    assert_int_equal(got[2].off, 2);
    assert_int_equal(got[2].count, 7);
    assert_int_equal(got[3].off, 1);
    assert_int_equal(got[3].count, 7);
    stop(&b);
}

static void a_count_stands_still_at_its_end(void **state)
{
    struct td_verdict got[64], v = verdict(TD_VERDICT_REFUSAL, 0, 1);
    uint8_t sector[4096];
    struct bench b;

    (void)state;
    start(&b, &pages, 2, 1);
    append(&b, v);
    memcpy(sector, sim_nor_peek(&b.nor, 0), sizeof sector);
    td_store_le16(sector + 64 + 8, 65534);
    td_store_le32(sector + 64 + 60, td_crc32(0, sector + 64, 60));
    sim_nor_program(&b.nor, 0, sector, sizeof sector);
    append(&b, v);
    assert_int_equal(list(&b, got, 64), 1);
    assert_int_equal(got[0].count, 65535);
    sim_power_on(&b.power);
    append(&b, v);
    assert_int_equal(b.power.ops, 0);
    stop(&b);
}

static void lesser_entries_never_push_out_the_last_of_a_class(void **state)
{
    struct td_verdict got[256];
    struct bench b;

    (void)state;
    for (uint32_t sectors = 2; sectors <= 4; sectors++) {
        uint32_t n, refusals = 0, reverts = 0, faults = 0;

        start(&b, &models[1], sectors, 1);
        append(&b, verdict(TD_VERDICT_REFUSAL, 0, 1));
        append(&b, verdict(TD_VERDICT_REFUSAL, 0, 2));
        append(&b, verdict(TD_VERDICT_REVERT, 0, 3));
        append(&b, verdict(TD_VERDICT_FAULT, 0, 4));
        for (uint32_t i = 5; i < 500; i++)
            append(&b, verdict(TD_VERDICT_NOTE, 0, i));
        n = list(&b, got, 256);
        for (uint32_t i = 0; i < n; i++) {
            refusals += got[i].kind == TD_VERDICT_REFUSAL && got[i].off == 2;
            reverts += got[i].kind == TD_VERDICT_REVERT;
            faults += got[i].kind == TD_VERDICT_FAULT;
        }
        assert_int_equal(refusals, 1);
        assert_int_equal(reverts, 1);
        assert_int_equal(faults, 1);
        assert_int_equal(got[0].off, 499);
        assert_int_equal(got[0].seq, 499);
        assert_true(sim_nor_wear(&b.nor, 0) < 500 / 5);
        stop(&b);
    }
}

static void a_log_begins_in_whatever_was_there(void **state)
{
    struct td_verdict got[64];
    uint8_t junk[2560];
    struct bench b;

    (void)state;
    for (unsigned fill = 0; fill < 4; fill++) {
        for (size_t i = 0; i < sizeof junk; i++)
            junk[i] = (uint8_t)(fill == 0 ? 0 : fill == 1 ? 1 : i * 131 * fill);
        start(&b, &models[1], 4, 1);
        sim_nor_program(&b.nor, 0, junk, sizeof junk);
        assert_int_equal(list(&b, got, 64), 0);
        for (uint32_t i = 0; i < 30; i++)
            append(&b, verdict(TD_VERDICT_NOTE, 0, i));
        assert_true(list(&b, got, 64) > 10);
        assert_int_equal(got[0].off, 29);
        stop(&b);
    }
}

/* --- cuts --- */

/* A history with everything in it: few refusals and reverts, many notes, two images, repeats. */
static struct td_verdict history(uint32_t i)
{
    uint8_t image = i % 7 == 0;

    if (i % 23 == 4)
        return verdict(TD_VERDICT_REFUSAL, image, i);
    if (i % 29 == 9)
        return verdict(TD_VERDICT_REVERT, image, i);
    return verdict(TD_VERDICT_NOTE, image, i / 3 * 3);
}

/* What must be read: entries 0..last have been acknowledged, last + 1 may be there as well. */
static void check_history(struct bench *b, uint32_t last, const char *when, uint32_t op)
{
    struct td_verdict got[64], want = history(last);
    uint32_t n = list(b, got, 64), refusal = 0, revert = 0;
    bool there = false;

    for (uint32_t i = 0; i <= last; i++) {
        refusal = history(i).kind == TD_VERDICT_REFUSAL ? i : refusal;
        revert = history(i).kind == TD_VERDICT_REVERT ? i : revert;
    }
    for (uint32_t i = 0; i < n; i++) {
        there = there || (i < 2 && td_verdict_same(&got[i], &want));
        refusal = refusal != 0 && got[i].off == refusal ? 0 : refusal;
        revert = revert != 0 && got[i].off == revert ? 0 : revert;
        assert_true(got[i].off <= last + 1);
        assert_true(got[i].count <= 5); /* three in a row, and two cuts after the write */
    }
    // A younger one of its class may have replaced it just now.
    if (n > 0 && got[0].off == last + 1) {
        refusal = got[0].kind == TD_VERDICT_REFUSAL ? 0 : refusal;
        revert = got[0].kind == TD_VERDICT_REVERT ? 0 : revert;
    }
    if (!there || refusal != 0 || revert != 0)
        fail_msg("%s %u, after %u: newest %d, lost refusal %u, lost revert %u", when, op, last,
                 there, refusal, revert);
}

/* Appends entry i with a cut; true when the power went. */
static bool append_cut(struct bench *b, uint32_t i, uint32_t op, enum sim_cut kind)
{
    struct td_verdict v = history(i);
    enum td_err err;
    bool cut;

    sim_power_on(&b->power);
    sim_power_cut_at(&b->power, op, kind);
    err = td_log_append(&b->log, &v);
    cut = b->power.lost;
    assert_int_equal(err, cut ? TD_EFLASH : TD_OK);
    sim_power_on(&b->power);
    return cut;
}

struct snapshots {
    struct sim_nor_snapshot before, between;
};

/*
 * Cuts the append of entry i at every operation, and its repetition at every one of that. Most
 * entries are one plain write; of those every eighth will do for the second cut.
 */
static void sweep_entry(struct bench *b, uint32_t i, const struct snapshots *s, uint32_t *single,
                        uint32_t *twice)
{
    sim_nor_save(&b->nor, &s->before);
    for (unsigned kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++) {
        bool cut = true;

        for (uint32_t op = 0; cut; op++) {
            bool again = true;

            sim_nor_load(&b->nor, &s->before);
            cut = append_cut(b, i, op, (enum sim_cut)kind);
            *single += cut;
            check_history(b, cut ? i - 1 : i, "cut", op);
            sim_nor_save(&b->nor, &s->between);
            again = op > 0 || i % 8 == 0;
            for (uint32_t second = 0; again && cut; second++) {
                for (unsigned k2 = SIM_CUT_BEFORE; k2 <= SIM_CUT_AFTER; k2++) {
                    sim_nor_load(&b->nor, &s->between);
                    again = append_cut(b, i, second, (enum sim_cut)k2);
                    *twice += again;
                    check_history(b, again ? i - 1 : i, "second cut", second);
                    // The third time nothing happens, and life goes on.
                    append(b, history(i));
                    append(b, history(i + 1));
                    check_history(b, i + 1, "after all", second);
                }
            }
        }
    }
    sim_nor_load(&b->nor, &s->before);
}

static void no_cut_anywhere_loses_an_entry_or_breaks_one(void **state)
{
    uint32_t single = 0, twice = 0;

    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        for (uint32_t sectors = 2; sectors <= (m == 1 ? 3 : 2); sectors++) {
            struct bench b;
            struct snapshots s;

            start(&b, &models[m], sectors, m + 1);
            s.before.bytes = malloc(b.nor.dev.size);
            s.between.bytes = malloc(b.nor.dev.size);
            s.before.meta = malloc(sim_nor_meta_size(&models[m]));
            s.between.meta = malloc(sim_nor_meta_size(&models[m]));
            append(&b, history(0));
            for (uint32_t i = 1; i < 45; i++) {
                sweep_entry(&b, i, &s, &single, &twice);
                append(&b, history(i));
                check_history(&b, i, "no cut", 0);
            }
            free(s.before.bytes);
            free(s.before.meta);
            free(s.between.bytes);
            free(s.between.meta);
            stop(&b);
        }
    }
    print_message("%u cuts, %u with a second one in the repetition\n", single, twice);
    assert_true(single > 1000 && twice > 4000);
}

/* --- bookmarks --- */

static struct td_log_bookmark bookmark(uint8_t number)
{
    struct td_log_bookmark mark = { .kind = TD_LOG_BOOKMARK_UPLOAD };

    memset(mark.body, number, sizeof mark.body);
    return mark;
}

static void the_newest_bookmark_is_read_and_verdicts_are_none(void **state)
{
    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        struct td_log_bookmark mark = bookmark(9), got;
        struct td_verdict v = verdict(TD_VERDICT_REFUSAL, 0, 1);
        struct bench b;
        bool found = true;

        start(&b, &models[m], 2, 1);
        assert_int_equal(td_log_get_bookmark(&b.log, &got, &found), TD_OK);
        assert_false(found);
        assert_int_equal(td_log_append(&b.log, &v), TD_OK);
        assert_int_equal(td_log_get_bookmark(&b.log, &got, &found), TD_OK);
        assert_false(found);
        for (uint8_t n = 1; n < 40; n++) {
            mark = bookmark(n);
            assert_int_equal(td_log_put_bookmark(&b.log, &mark), TD_OK);
            assert_int_equal(td_log_get_bookmark(&b.log, &got, &found), TD_OK);
            assert_true(found);
            assert_memory_equal(&got, &mark, sizeof got);
        }
        stop(&b);
    }
}

static void bookmarks_push_out_no_last_verdict_and_notes_push_out_no_bookmark(void **state)
{
    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        struct td_log_bookmark mark, got;
        struct td_log_iter it;
        struct td_verdict v;
        struct bench b;
        unsigned seen = 0;
        bool found, end = false;

        start(&b, &models[m], 2, 1);
        for (uint8_t class = TD_VERDICT_REFUSAL; class <= TD_VERDICT_NO_IMAGE; class ++) {
            v = verdict(class, 0, class);
            assert_int_equal(td_log_append(&b.log, &v), TD_OK);
        }
        for (uint8_t n = 1; n < 60; n++) {
            mark = bookmark(n);
            assert_int_equal(td_log_put_bookmark(&b.log, &mark), TD_OK);
        }
        td_log_begin(&it, &b.log);
        while (td_log_next(&it, &v, &end) == TD_OK && !end) {
            assert_true(is_whole(&v));
            seen |= 1u << v.kind;
        }
        assert_int_equal(seen, 0x3c);
        for (uint32_t n = 0; n < 60; n++) {
            v = verdict(TD_VERDICT_NOTE, 0, 100 + n);
            assert_int_equal(td_log_append(&b.log, &v), TD_OK);
        }
        assert_int_equal(td_log_get_bookmark(&b.log, &got, &found), TD_OK);
        assert_true(found);
        assert_memory_equal(&got, &mark, sizeof got);
        stop(&b);
    }
}

static void a_bookmark_cut_in_its_writing_leaves_the_one_before(void **state)
{
    unsigned cuts = 0;

    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        for (int kind = 0; kind < 3; kind++) {
            bool was_cut = true;

            for (uint32_t op = 0; was_cut; op++) {
                struct td_log_bookmark got;
                struct td_verdict v = verdict(TD_VERDICT_REVERT, 0, 7);
                struct td_log_iter it;
                struct bench b;
                uint8_t done = 0;
                bool found, end = false;

                start(&b, &models[m], 2, op + 1);
                assert_int_equal(td_log_append(&b.log, &v), TD_OK);
                sim_power_on(&b.power);
                sim_power_cut_at(&b.power, op, (enum sim_cut)kind);
                for (uint8_t n = 1; n <= 24; n++) {
                    const struct td_log_bookmark mark = bookmark(n);

                    if (td_log_put_bookmark(&b.log, &mark) != TD_OK)
                        break;
                    done = n;
                }
                was_cut = done < 24;
                cuts += was_cut;
                sim_power_on(&b.power);
                assert_int_equal(td_log_get_bookmark(&b.log, &got, &found), TD_OK);
                assert_true(found || done == 0);
                if (found)
                    assert_in_range(got.body[0], done, done + 1);
                td_log_begin(&it, &b.log);
                assert_int_equal(td_log_next(&it, &v, &end), TD_OK);
                assert_false(end);
                assert_true(is_whole(&v));
                stop(&b);
            }
        }
    }
    print_message("%u cuts\n", cuts);
    assert_true(cuts > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_area_of_one_sector_or_of_small_ones_is_no_log),
        cmocka_unit_test(entries_come_newest_first_with_numbers),
        cmocka_unit_test(repetitions_are_one_entry_with_a_count),
        cmocka_unit_test(a_count_stands_still_at_its_end),
        cmocka_unit_test(lesser_entries_never_push_out_the_last_of_a_class),
        cmocka_unit_test(a_log_begins_in_whatever_was_there),
        cmocka_unit_test(no_cut_anywhere_loses_an_entry_or_breaks_one),
        cmocka_unit_test(the_newest_bookmark_is_read_and_verdicts_are_none),
        cmocka_unit_test(bookmarks_push_out_no_last_verdict_and_notes_push_out_no_bookmark),
        cmocka_unit_test(a_bookmark_cut_in_its_writing_leaves_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
