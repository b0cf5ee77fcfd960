/* tools/plan.c - where the slots lie: as a profile or a layout says, or guessed from the finds. */
#include "tools/slots.h"

#include <stdio.h>
#include <string.h>

#include "base/range.h"

#define PAGE     4096u
#define SLOT_MIN 16384u

static void usual_shape(struct td_plan *plan)
{
    plan->mode = TD_MODE_MOVE;
    plan->sector = PAGE;
    plan->write_size = 4;
    plan->max_align = 8;
    plan->max_sectors = 128;
    plan->shape_guessed = true;
}

static struct td_place_of part_of(const struct sim_profile *p, enum sim_part part, unsigned flash)
{
    const struct sim_partition *at = &p->part[part];

    if (at->flash != flash)
        return (struct td_place_of){ 0, 0 };
    return (struct td_place_of){ at->off, at->size };
}

/* The sectors at the end of a partition, where its trailer lies. */
static uint32_t sector_at_end(const struct sim_flash *f, struct td_place_of at)
{
    uint32_t end = at.addr + at.size;
    uint32_t off = 0;

    for (unsigned i = 0; i < f->n_runs; i++) {
        off += f->runs[i].count * f->runs[i].sector_size;
        if (end <= off)
            return f->runs[i].sector_size;
    }
    return PAGE;
}

void td_plan_of_profile(struct td_plan *plan, const struct sim_profile *p, unsigned flash)
{
    const struct sim_flash *f = &p->flash[flash];

    memset(plan, 0, sizeof *plan);
    snprintf(plan->source, sizeof plan->source, "profile %s", p->name);
    plan->mode_known = true;
    plan->mode = sim_way_mode(p->boot.way);
    plan->boot = part_of(p, SIM_PART_BOOT, flash);
    plan->primary = part_of(p, SIM_PART_PRIMARY, flash);
    plan->secondary = part_of(p, SIM_PART_SECONDARY, flash);
    plan->scratch = part_of(p, SIM_PART_SCRATCH, flash);
    plan->storage = part_of(p, SIM_PART_STORAGE, flash);
    plan->boot_log = part_of(p, SIM_PART_BOOT_LOG, flash);
    plan->sector = sector_at_end(f, plan->primary.size > 0 ? plan->primary : plan->secondary);
    plan->max_sectors = p->boot.max_sectors;
    plan->write_size = (uint8_t)p->flash[p->part[SIM_PART_PRIMARY].flash].write_size;
    plan->max_align = p->boot.max_align;
    plan->tandem = p->boot.manner == SIM_BEHAVES_TANDEM;
}

static struct td_place_of role_of(const struct td_layout *layout, enum td_role role)
{
    const struct td_partition *p = td_layout_role(layout, role, 0);

    if (p == NULL || !td_partition_is_flash(p))
        return (struct td_place_of){ 0, 0 };
    return (struct td_place_of){ p->addr, p->size };
}

bool td_plan_of_layout(struct td_plan *plan, const struct td_layout *layout)
{
    struct td_layout_env env = { .soc = NULL };
    const struct td_soc *soc;
    bool sure;

    memset(plan, 0, sizeof *plan);
    usual_shape(plan);
    plan->primary = role_of(layout, TD_ROLE_PRIMARY);
    plan->secondary = role_of(layout, TD_ROLE_SECONDARY);
    plan->scratch = role_of(layout, TD_ROLE_SCRATCH);
    plan->storage = role_of(layout, TD_ROLE_STORAGE);
    plan->boot = role_of(layout, TD_ROLE_BOOT);
    plan->mode = td_layout_strategy(layout, &env);
    soc = td_layout_soc(layout, &env, &sure);
    if (soc != NULL) {
        plan->sector = soc->page;
        plan->write_size = soc->write_size;
        plan->max_align = soc->write_size > 8 ? soc->write_size : 8;
    }
    return plan->primary.size > 0;
}

/* ---- guessing ----------------------------------------------------------------------- */

static const struct td_thing *trailer_ending_at(const struct td_survey *s, uint64_t end)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].kind == TD_THING_TRAILER && (uint64_t)s->at[i].addr + s->at[i].size == end)
            return &s->at[i];
    return NULL;
}

static bool is_candidate(const struct td_thing *t)
{
    return t->kind == TD_THING_IMAGE && t->addr % PAGE == 0;
}

/*
 * How well two images stand in two slots of one size; 0: not at all. x is where the second slot
 * would begin: at the second image, or one sector in front of it, as swap-offset has it.
 */
static int score_pair(const struct td_survey *s, const struct td_memory *m,
                      const struct td_thing *a, const struct td_thing *b, uint32_t x)
{
    uint32_t size = x - a->addr;
    uint64_t end = (uint64_t)x + size;
    int score = 1;

    if (size < SLOT_MIN || a->size > size || b->size > size || end > td_memory_end(m) + size)
        return 0;
    if (trailer_ending_at(s, x) != NULL)
        score += 4;
    if (trailer_ending_at(s, end) != NULL)
        score += 4;
    // Without a trailer to show for it, the shift is not believed.
    if (x != b->addr && score == 1)
        return 0;
    if (end <= td_memory_end(m))
        score += 2;
    // The second stage itself is an image too, in S0 or S1.
    if (td_nsib_is_signed(&a->nsib))
        score -= 1;
    return score;
}

static bool guess_pair(struct td_plan *plan, const struct td_survey *s, const struct td_memory *m)
{
    int best = 0;

    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = i + 1; k < s->n && is_candidate(&s->at[i]); k++) {
            for (uint32_t shift = 0; shift <= PAGE && is_candidate(&s->at[k]); shift += PAGE) {
                uint32_t x = s->at[k].addr - shift;
                int score = score_pair(s, m, &s->at[i], &s->at[k], x);

                if (score <= best)
                    continue;
                best = score;
                plan->primary = (struct td_place_of){ s->at[i].addr, x - s->at[i].addr };
                plan->secondary = (struct td_place_of){ x, plan->primary.size };
                plan->mode = shift == 0 ? TD_MODE_MOVE : TD_MODE_OFFSET;
            }
        }
    }
    if (best > 0)
        snprintf(plan->source, sizeof plan->source, "guessed: two images, slots of 0x%x bytes%s",
                 plan->primary.size, best >= 5 ? ", and a trailer where one would end" : "");
    return best > 0;
}

/* One image, and a trailer behind it that ends a slot. */
static bool guess_single(struct td_plan *plan, const struct td_survey *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct td_thing *image = &s->at[i];
        const struct td_thing *t = NULL;
        uint64_t end;
        bool request;

        if (!is_candidate(image))
            continue;
        for (size_t k = i + 1; k < s->n && t == NULL && s->at[k].kind != TD_THING_IMAGE; k++)
            if (s->at[k].kind == TD_THING_TRAILER)
                t = &s->at[k];
        if (t == NULL)
            continue;
        end = (uint64_t)t->addr + t->size;
        if ((end - image->addr) % PAGE != 0)
            continue;
        // A request has neither swap info nor copy_done; what was swapped in has both.
        request = t->u.trailer.state.copy_done == TD_FLAG_UNSET &&
                  t->u.trailer.state.swap_info == TD_FLAG_UNSET;
        plan->primary = (struct td_place_of){ image->addr, (uint32_t)(end - image->addr) };
        if (request && image->addr >= plan->primary.size) {
            plan->secondary = plan->primary;
            plan->primary.addr -= plan->primary.size;
        } else if (request) {
            plan->secondary = plan->primary;
            plan->primary = (struct td_place_of){ 0, 0 };
        } else {
            plan->secondary = (struct td_place_of){ (uint32_t)end, plan->primary.size };
        }
        snprintf(plan->source, sizeof plan->source,
                 "guessed: one image, and a trailer 0x%x bytes behind its start",
                 (unsigned)(end - image->addr));
        return true;
    }
    return false;
}

bool td_plan_guess(struct td_plan *plan, const struct td_survey *s, const struct td_memory *m)
{
    memset(plan, 0, sizeof *plan);
    usual_shape(plan);
    plan->guessed = true;
    if (!guess_pair(plan, s, m) && !guess_single(plan, s))
        return false;
    for (size_t i = 0; i < s->n; i++) {
        const struct td_thing *t = &s->at[i];

        if (t->kind == TD_THING_TRAILER)
            plan->max_align = (uint8_t)t->u.trailer.max_align;
        if (t->kind == TD_THING_LOG) {
            plan->boot_log = (struct td_place_of){ t->addr, t->size };
            plan->tandem = true;
        }
        if (t->kind == TD_THING_STORAGE)
            plan->storage = (struct td_place_of){ t->addr, t->size };
    }
    if (plan->max_align > plan->write_size && plan->max_align > 8)
        plan->write_size = plan->max_align;
    return true;
}
