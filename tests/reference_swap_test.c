/* Sections 4.1, 4.2 and 5.1: every combination of two trailers, and what one
 * boot makes of it. */
#include "reference.h"

/* What one boot does; the first four are MCUboot's numbers. */
enum action {
    NONE = 1,
    TEST = 2,
    PERM = 3,
    REVERT = 4,
    MEND, /* "torn copy_done: never reverted" - "written again; the trial takes
           place" */
    DROP, /* "torn magic in X blocks every later request" - "cleared away, told"
         */
};

static const char *const action_name[] = { "", "NONE", "TEST", "PERM", "REVERT", "MEND", "DROP" };

struct way {
    const char *name;
    const struct td_strategy *strategy;
    bool swaps, offsets;
};

static const struct way ways[] = {
    { "swap-move", &td_strategy_move, true, false },
    { "swap-scratch", &td_strategy_scratch, true, false },
    { "swap-offset", &td_strategy_offset, true, true },
    { "overwrite-only, fast", &td_strategy_overwrite, false, false },
    { "overwrite-only, plain", &td_strategy_overwrite_plain, false, false },
};

#define N_WAYS (sizeof ways / sizeof ways[0])

static struct ref_device dev;

/* --- the table, as data: 0 is "any" --- */

static const struct row {
    const char *name; /* section and row */
    bool offset_only, swaps_only;
    struct ref_cells p, x;
    enum action action;
} table[] = {
    { "4.1 row 1", true, true, { 0, 0, 0, 0, 0 }, { GOOD, UNSET, SET, 0, 0 }, REVERT },
    { "4.1 row 2", false, false, { 0, 0, 0, 0, 0 }, { GOOD, UNSET, 0, 0, 0 }, TEST },
    { "4.1 row 3", false, false, { 0, 0, 0, 0, 0 }, { GOOD, SET, 0, 0, 0 }, PERM },
    { "4.1 row 4", false, true, { GOOD, UNSET, SET, 0, 0 }, { 0, 0, 0, 0, 0 }, REVERT },
};

/*
 * trailer.md's rows with a dagger, and boot.md's mends; they come after the
 * rows above, which none of them contradicts: a BAD flag matches no row of the
 * original.
 */
static const struct row mends[] = {
    { "a torn copy_done is written again",
      0,
      true,
      { GOOD, 0, BAD, 0, 0 },
      { 0, 0, 0, 0, 0 },
      MEND },
    { "a torn confirmation counts as none",
      0,
      true,
      { GOOD, BAD, SET, 2, 0 },
      { 0, 0, 0, 0, 0 },
      REVERT },
    { "a torn request is cleared away", 0, 0, { 0, 0, 0, 0, 0 }, { BAD, 0, 0, 0, 0 }, DROP },
};

static bool cell_fits(uint8_t wanted, uint8_t is)
{
    return wanted == 0 || wanted == is;
}

static bool cells_fit(const struct ref_cells *wanted, const struct ref_cells *is)
{
    return cell_fits(wanted->magic, is->magic) && cell_fits(wanted->image_ok, is->image_ok) &&
           cell_fits(wanted->copy_done, is->copy_done) &&
           cell_fits(wanted->swap_info, is->swap_info);
}

static const struct row *first_match(const struct row *rows, size_t n, const struct way *way,
                                     const struct ref_cells *p, const struct ref_cells *x)
{
    for (size_t i = 0; i < n; i++) {
        if ((rows[i].offset_only && !way->offsets) || (rows[i].swaps_only && !way->swaps))
            continue;
        if (cells_fit(&rows[i].p, p) && cells_fit(&rows[i].x, x))
            return &rows[i];
    }
    return NULL;
}

/*
 * 4.2: P GOOD, copy_done UNSET and no status cell: the type is swap_info's, while
 * X has no request. In swap-scratch the original does not look at X's; ours does,
 * since nothing was moved and what is asked for is judged anew. One whose image_ok is
 * torn, as its cut erase leaves it, is none in the original's manner, and then
 * stops the original for good; here it does not.
 */
static bool is_begun(const struct way *way, bool mended, const struct ref_cells *p,
                     const struct ref_cells *x)
{
    bool asks = x->magic == GOOD && (mended || x->image_ok != BAD);

    return way->swaps && p->magic == GOOD && p->copy_done == UNSET && p->swap_info != 0 && !asks;
}

/*
 * Row 1 is the original's mark of a revert that it is about to begin, which it
 * never does while P is confirmed. Mended in both manners: such a mark is
 * somebody else's.
 */
static bool is_strangers(const struct way *way, const struct ref_cells *p,
                         const struct ref_cells *x)
{
    return way->offsets && p->magic == GOOD && p->copy_done == SET && p->image_ok == SET &&
           x->magic == GOOD && x->copy_done == SET && x->image_ok == UNSET;
}

static enum action expected(const struct way *way, bool mended, const struct ref_cells *p,
                            const struct ref_cells *x)
{
    const struct row *row;

    if (is_begun(way, mended, p, x))
        return (enum action)p->swap_info;
    if (is_strangers(way, p, x))
        return NONE;
    if (mended && x->magic == GOOD && x->image_ok == BAD)
        return TEST; /* "a torn image_ok of a request is a test" */
    row = first_match(table, 4, way, p, x);
    if (row == NULL && mended)
        row = first_match(mends, sizeof mends / sizeof mends[0], way, p, x);
    return row != NULL ? row->action : NONE;
}

/* --- the pure function that clients and servers ask --- */

static void combination(unsigned n, struct ref_cells *p, struct ref_cells *x)
{
    uint8_t c[6];

    for (unsigned i = 0; i < 6; i++, n /= 3)
        c[i] = (uint8_t)(1 + n % 3);
    *p = (struct ref_cells){ c[0], c[2], c[4], 0, 0 };
    *x = (struct ref_cells){ c[1], c[3], c[5], 0, 0 };
    if (n != 0) {
        p->swap_info = (uint8_t)(n + 1);
        p->swap_size = 2500;
    }
}

#define N_COMBINATIONS (729u * 4u)

static struct td_trailer_state as_state(const struct ref_cells *c)
{
    return (struct td_trailer_state){ .magic = (enum td_magic)c->magic,
                                      .image_ok = (enum td_flag)c->image_ok,
                                      .copy_done = (enum td_flag)c->copy_done,
                                      .swap_info = c->swap_info != 0 ? TD_FLAG_SET : TD_FLAG_UNSET,
                                      .swap_type = c->swap_info != 0
                                                       ? (enum td_swap_type)c->swap_info
                                                       : TD_SWAP_NONE };
}

static void the_swap_type_of_4_1_is_the_first_row_that_fits(void **state)
{
    struct ref_cells p, x;

    (void)state;
    for (size_t w = 0; w < N_WAYS; w++) {
        for (unsigned n = 0; n < N_COMBINATIONS; n++) {
            combination(n, &p, &x);
            const struct row *row = first_match(table, 4, &ways[w], &p, &x);
            struct td_trailer_state ps = as_state(&p), xs = as_state(&x);
            enum td_swap_type type =
                td_slot_next(TD_SLOT_STOCK, td_strategy_mode(ways[w].strategy), &ps, &xs);

            if (type != (enum td_swap_type)(row != NULL ? row->action : NONE))
                fail_msg("%s: P %u/%u/%u X %u/%u/%u: %d", ways[w].name, p.magic, p.image_ok,
                         p.copy_done, x.magic, x.image_ok, x.copy_done, type);
        }
    }
}

/* --- the real thing --- */

/* 5.1: what the trailers hold afterwards; X is blank in every case. */
static const struct ref_cells ends[] = {
    [TEST] = { GOOD, UNSET, SET, 2, 0 },
    [PERM] = { GOOD, SET, SET, 3, 0 },
    [REVERT] = { GOOD, SET, SET, 4, 0 },
};

/* Images 1 in P and 2 in X; 5.4: a new one lies one sector in, a previous one
 * at the start. */
static void lay_out(const struct way *way, bool comes_back)
{
    uint32_t off = way->offsets && !comes_back ? ref_usual.sector : 0;

    ref_put(&dev, &dev.primary, 0, &(struct ref_image){ .major = 1, .size = 1500 });
    ref_put(&dev, &dev.secondary, off, &(struct ref_image){ .major = 2, .size = 2500 });
}

static bool ended_well(const struct way *way, bool mended, enum action action,
                       const struct ref_cells *p, const struct ref_cells *x, unsigned runs)
{
    struct ref_cells end;

    switch (action) {
    case TEST:
    case PERM:
    case REVERT:
        if (!way->swaps)
            return runs == 2 && ref_cells_are(&dev.x, &ref_blank) && !dev.result.on_trial;
        end = ends[action];
        if (is_begun(way, mended, p, x) && p->image_ok != UNSET)
            end.image_ok = p->image_ok; /* a cell that is there already is not written again */
        return runs == 2 && dev.result.did == (enum td_swap_type)action &&
               dev.result.on_trial ==
                   (end.image_ok == UNSET || (mended && end.image_ok == BAD && action == TEST)) &&
               ref_cells_are(&dev.p, &end) && ref_cells_are(&dev.x, &ref_blank);
    case MEND:
        end = ends[p->swap_info != 0 ? p->swap_info : p->image_ok == SET ? PERM : TEST];
        if (p->image_ok == SET)
            end.image_ok = SET;
        /* The note is X's for a while; in swap-scratch the scratch area's, and a torn request
         * is cleared away. */
        return runs == 1 && ref_cells_are(&dev.p, &end) &&
               ref_cells_are(&dev.x, way->strategy == &td_strategy_scratch && x->magic != BAD
                                         ? x
                                         : &ref_blank);
    case DROP:
        return runs == 1 && ref_cells_are(&dev.p, p) && ref_cells_are(&dev.x, &ref_blank) &&
               ref_has_verdict(&dev, TD_V_TORN_REQUEST);
    case NONE: break;
    }
    return runs == 1 && ref_cells_are(&dev.p, p) && ref_cells_are(&dev.x, x);
}

static unsigned try_combination(const struct way *way, bool mended, unsigned n)
{
    struct ref_cells p, x;
    struct td_trailer_state ps, xs;
    unsigned runs;

    combination(n, &p, &x);
    enum action action = expected(way, mended, &p, &x);

    ref_cells(&dev, &dev.primary, &p);
    ref_cells(&dev, &dev.secondary, &x);
    runs = ref_runs(&dev);
    if (ended_well(way, mended, action, &p, &x, runs))
        return 0;
    ps = ref_state(&dev.p);
    xs = ref_state(&dev.x);
    print_error("%s, %s: P %u/%u/%u info %u, X %u/%u/%u: %s expected; image %u runs, "
                "P %u/%u/%u info %u, X %u/%u/%u, verdict %u\n",
                way->name, mended ? "mended" : "stock", p.magic, p.image_ok, p.copy_done,
                p.swap_info, x.magic, x.image_ok, x.copy_done, action_name[action], runs, ps.magic,
                ps.image_ok, ps.copy_done, ps.swap_type, xs.magic, xs.image_ok, xs.copy_done,
                dev.result.n_verdicts != 0 ? dev.result.verdicts[0].code : 0u);
    return 1;
}

/* All combinations whose image comes back (or not), on one device that is
 * restored each time. */
static unsigned try_all(const struct way *way, bool mended, bool comes_back)
{
    struct sim_nor_snapshot fresh;
    struct ref_cells p, x;
    unsigned n_wrong = 0;

    ref_make(&dev, way->strategy, &ref_usual);
    dev.config.manner = mended ? &td_boot_manner_tandem : &td_boot_manner_mcuboot;
    assert_int_equal(td_boot_check(&dev.config), TD_OK);
    lay_out(way, comes_back);
    fresh.bytes = malloc(sim_nor_size(&dev.model));
    fresh.meta = malloc(sim_nor_meta_size(&dev.model));
    sim_nor_save(&dev.nor, &fresh);
    for (unsigned n = 0; n < N_COMBINATIONS; n++) {
        combination(n, &p, &x);
        if ((expected(way, mended, &p, &x) == REVERT) != comes_back)
            continue;
        sim_nor_load(&dev.nor, &fresh);
        n_wrong += try_combination(way, mended, n);
    }
    free(fresh.bytes);
    free(fresh.meta);
    return n_wrong;
}

static void every_pair_of_trailers_boots_as_4_1_and_5_1_say(void **state)
{
    unsigned n_wrong = 0;

    (void)state;
    for (size_t w = 0; w < N_WAYS; w++)
        n_wrong += try_all(&ways[w], false, false) + try_all(&ways[w], false, true);
    assert_int_equal(n_wrong, 0);
}

static void every_pair_of_trailers_boots_as_the_mends_say(void **state)
{
    unsigned n_wrong = 0;

    (void)state;
    for (size_t w = 0; w < N_WAYS; w++)
        n_wrong += try_all(&ways[w], true, false) + try_all(&ways[w], true, true);
    assert_int_equal(n_wrong, 0);
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
        cmocka_unit_test(the_swap_type_of_4_1_is_the_first_row_that_fits),
        cmocka_unit_test(every_pair_of_trailers_boots_as_4_1_and_5_1_say),
        cmocka_unit_test(every_pair_of_trailers_boots_as_the_mends_say),
    };

    return cmocka_run_group_tests(tests, NULL, clean_up);
}
