/* tools/plan_file.c - --layout: a profile's name, a profile, or the build's partitions. */
#include <string.h>

#include "layout/read.h"
#include "tools/inspect.h"
#include "tools/profile.h"
#include "tools/whole.h"

/* A profile begins a line with "partitions:"; a layout has partitions as its own keys. */
static bool is_profile(const struct td_whole *file)
{
    const char *text = (const char *)file->bytes;
    const char *at = strstr(text, "partitions:");

    return at != NULL && (at == text || at[-1] == '\n') && strstr(text, "flash:") != NULL;
}

/* Which of the profile's flashes this is a dump of: the one that is as large, else the first. */
static unsigned flash_of(const struct sim_profile *p, const struct td_memory *m)
{
    uint64_t size = td_memory_end(m) - td_memory_low(m);

    for (unsigned i = 0; i < p->n_flash; i++)
        if (p->flash[i].size == size)
            return i;
    return 0;
}

static int take_profile(const struct td_inspect *in, const struct td_memory *m,
                        struct td_plan *plan)
{
    struct td_desk_fault fault;
    struct sim_profile p;

    if (!td_profile_load(in->layout, &p, &fault))
        return td_cli_fail(in->cli, TD_EXIT_FILE, "bad-profile", fault.what, fault.where,
                           fault.remedy);
    td_plan_of_profile(plan, &p, flash_of(&p, m));
    return TD_EXIT_OK;
}

static int take_layout(const struct td_inspect *in, const struct td_whole *file,
                       struct td_plan *plan)
{
    struct td_layout *layout = td_layout_new();
    struct td_layout_fault fault = { .what = "there is not enough memory" };
    enum td_layout_kind kind;
    char where[320];
    bool read;

    read = layout != NULL && td_layout_read((const char *)file->bytes, file->len, in->layout,
                                            layout, &kind, &fault) == TD_OK;
    if (read && !td_plan_of_layout(plan, layout)) {
        snprintf(fault.what, sizeof fault.what, "the layout has no primary slot");
        snprintf(fault.remedy, sizeof fault.remedy,
                 "give the layout of the application core: pm_static.yml or partitions.yml");
        read = false;
    }
    td_layout_free(layout);
    if (read) {
        snprintf(plan->source, sizeof plan->source, "%.150s", in->layout);
        return TD_EXIT_OK;
    }
    snprintf(where, sizeof where, "%.280s:%u", in->layout, fault.line);
    return td_cli_fail(in->cli, TD_EXIT_FILE, "bad-layout", fault.what, where, fault.remedy);
}

int td_inspect_plan(const struct td_inspect *in, const struct td_survey *s,
                    const struct td_memory *m, struct td_plan *plan, bool *known)
{
    struct td_whole file;
    int exit;

    if (in->layout == NULL) {
        *known = td_plan_guess(plan, s, m);
        exit = TD_EXIT_OK;
    } else if (strchr(in->layout, '/') == NULL && strstr(in->layout, ".y") == NULL) {
        exit = take_profile(in, m, plan);
        *known = exit == TD_EXIT_OK;
    } else {
        *known = false;
        exit = td_whole_read(in->cli, in->layout, &file);
        if (exit != TD_EXIT_OK)
            return exit;
        exit = is_profile(&file) ? take_profile(in, m, plan) : take_layout(in, &file, plan);
        td_whole_free(&file);
        *known = exit == TD_EXIT_OK;
    }
    if (*known && in->align != 0)
        plan->max_align = (uint8_t)in->align;
    if (*known && plan->write_size > plan->max_align)
        plan->write_size = plan->max_align;
    return exit;
}
