/*
 * layout/check_memory.c - partitions against one another and against the memory: overlap, gaps,
 * alignment, containers, names.
 */
#include "layout/check_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/range.h"

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

bool td_partition_is_container(const struct td_partition *part)
{
    static const char *const names[] = { "mcuboot_primary",
                                         "mcuboot_primary_app",
                                         "app_image",
                                         "s0",
                                         "s1",
                                         "s0_image",
                                         "s1_image",
                                         "tfm_secure",
                                         "tfm_nonsecure",
                                         "sram_secure",
                                         "sram_nonsecure",
                                         "pm_sram" };

    if (part->container || ends_with(part->name, "_container"))
        return true;
    for (size_t i = 0; i < TD_N_OF(names); i++) {
        if (strcmp(part->name, names[i]) == 0)
            return true;
    }
    return false;
}

bool td_partition_is_storage(const struct td_partition *part)
{
    static const char *const parts[] = { "storage", "settings", "littlefs", "nvs", "fcb" };

    for (size_t i = 0; i < TD_N_OF(parts); i++) {
        if (strstr(part->name, parts[i]) != NULL)
            return strcmp(part->name, "bl_storage") != 0;
    }
    return false;
}

/* "mcuboot_primary_1", and not "mcuboot_primary_app". */
static bool is_numbered(const char *name, const char *begin)
{
    const char *digit = name + strlen(begin);

    return begins_with(name, begin) && *digit >= '0' && *digit <= '9';
}

static bool is_slot(const struct td_partition *p)
{
    static const char *const names[] = {
        "mcuboot_primary", "mcuboot_secondary", "primary", "secondary", "s0", "s1",
        "s0_partition",    "s1_partition"
    };

    for (size_t i = 0; i < TD_N_OF(names); i++) {
        if (strcmp(p->name, names[i]) == 0)
            return true;
    }
    return is_numbered(p->name, "mcuboot_primary_") || is_numbered(p->name, "mcuboot_secondary_") ||
           (begins_with(p->name, "slot") && ends_with(p->name, "_partition"));
}

/* ---- overlap ------------------------------------------------------------------------- */

/* Containers share their place with their members; a slot and its app may be the same range. */
static bool may_share(const struct td_partition *a, const struct td_partition *b)
{
    if (td_partition_is_container(a) && td_partition_holds(a, b))
        return true;
    return td_partition_is_container(b) && td_partition_holds(b, a);
}

/* How much of two partitions is the same, in bytes. */
static uint64_t shared(const struct td_partition *a, const struct td_partition *b)
{
    uint64_t from = a->addr > b->addr ? a->addr : b->addr;
    uint64_t ea = td_partition_end(a), eb = td_partition_end(b);

    return (ea < eb ? ea : eb) - from;
}

static void check_pair(struct checking *c, const struct td_partition *a,
                       const struct td_partition *b)
{
    uint64_t n;

    if (!td_partition_overlaps(a, b) || may_share(a, b))
        return;
    // Of a container and what is in it, the member says it best.
    n = shared(a, b);
    if ((is_slot(a) && td_partition_is_storage(b)) || (is_slot(b) && td_partition_is_storage(a))) {
        const struct td_partition *slot = is_slot(a) ? a : b;
        const struct td_partition *storage = slot == a ? b : a;

        td_layout_issue(
            c, TD_LAYOUT_STORAGE, TD_HARM_ERROR, storage,
            "move the storage behind the slot, or end the slot where it begins",
            "%s and %s share 0x%llx bytes. What the application stores there is written "
            "over by an update, and erasing it takes the slot's trailer along: a mark "
            "or a swap is lost, and the update does nothing or is undone",
            slot->name, storage->name, (unsigned long long)n);
        return;
    }
    td_layout_issue(c, TD_LAYOUT_OVERLAP, TD_HARM_ERROR, b,
                    "give each its own range; what lies at the same place needs a span that names "
                    "it",
                    "%s (0x%x to 0x%llx) and %s (0x%x to 0x%llx) share 0x%llx bytes, and neither "
                    "is a container that holds the other",
                    a->name, (unsigned)a->addr, (unsigned long long)td_partition_end(a), b->name,
                    (unsigned)b->addr, (unsigned long long)td_partition_end(b),
                    (unsigned long long)n);
}

static void check_overlap(struct checking *c)
{
    for (size_t i = 0; i < c->layout->n; i++) {
        for (size_t k = i + 1; k < c->layout->n; k++)
            check_pair(c, &c->layout->at[i], &c->layout->at[k]);
    }
}

/* ---- containers ---------------------------------------------------------------------- */

static void check_member_range(struct checking *c, const struct td_partition *p)
{
    uint64_t from = UINT64_MAX, to = 0;
    unsigned found = 0;

    for (uint8_t i = 0; i < p->n_span; i++) {
        const struct td_partition *m = td_layout_find(c->layout, p->domain, p->span[i]);

        if (m == NULL || strcmp(m->region, p->region) != 0)
            continue;
        found++;
        from = m->addr < from ? m->addr : from;
        to = td_partition_end(m) > to ? td_partition_end(m) : to;
    }
    // Members that are not there are left out by the build, too; app may be one of them.
    if (found == 0 || found < p->n_span || (from == p->addr && to == td_partition_end(p)))
        return;
    td_layout_issue(c, TD_LAYOUT_MEMBERS, TD_HARM_ERROR, p,
                    "a container begins where its first member does and ends with its last",
                    "%s is 0x%x to 0x%llx, but its members reach from 0x%llx to 0x%llx: what is "
                    "built from the container's size is cut off or reads beyond it",
                    p->name, (unsigned)p->addr, (unsigned long long)td_partition_end(p),
                    (unsigned long long)from, (unsigned long long)to);
}

static void check_members(struct checking *c)
{
    for (size_t i = 0; i < c->layout->n; i++)
        check_member_range(c, &c->layout->at[i]);
}

/* ---- sizes and ends ------------------------------------------------------------------ */

static void check_sizes(struct checking *c)
{
    for (size_t i = 0; i < c->layout->n; i++) {
        const struct td_partition *p = &c->layout->at[i];

        if (p->size == 0)
            td_layout_issue(c, TD_LAYOUT_EMPTY, TD_HARM_ERROR, p, "give it a size, or remove it",
                            "%s has a size of 0", p->name);
        if (p->end_given != 0 && p->end_given != td_partition_end(p))
            td_layout_issue(c, TD_LAYOUT_END, TD_HARM_ERROR, p,
                            "end_address is address + size; leave it away, it is reckoned",
                            "%s: address + size is 0x%llx, but end_address says 0x%llx", p->name,
                            (unsigned long long)td_partition_end(p),
                            (unsigned long long)p->end_given);
    }
}

static void check_beyond(struct checking *c, const struct td_partition *p, const struct td_soc *soc)
{
    uint64_t from, to;

    if (td_partition_is_flash(p)) {
        from = soc->flash_addr;
        to = from + soc->flash_size;
    } else if (strcmp(p->region, "sram_primary") == 0) {
        from = soc->ram_addr;
        to = from + soc->ram_size;
    } else if (strcmp(p->region, "otp") == 0 && soc->otp_addr != 0) {
        from = soc->otp_addr;
        to = from + soc->otp_size;
    } else {
        return;
    }
    if (p->addr >= from && td_partition_end(p) <= to)
        return;
    td_layout_issue(c, TD_LAYOUT_BEYOND_MEMORY, TD_HARM_ERROR, p,
                    "end it within the memory, or name the chip that is meant (--soc)",
                    "%s is 0x%x to 0x%llx, but the %s's %s is 0x%llx to 0x%llx", p->name,
                    (unsigned)p->addr, (unsigned long long)td_partition_end(p), soc->title,
                    p->region, (unsigned long long)from, (unsigned long long)to);
}

static void check_memories(struct checking *c)
{
    for (size_t i = 0; i < c->layout->n; i++) {
        const struct td_partition *p = &c->layout->at[i];
        const struct td_soc *soc = td_layout_soc_of(c, p);

        if (soc != NULL)
            check_beyond(c, p, soc);
    }
}

/* ---- gaps ---------------------------------------------------------------------------- */

/* Whether something lies in a container; without members a container is its own content. */
static bool has_content(const struct td_layout *layout, const struct td_partition *p)
{
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *m = &layout->at[i];

        if (m != p && td_partition_holds(p, m) && (m->size < p->size || !m->container))
            return true;
    }
    return false;
}

static bool covers(const struct td_layout *layout, const struct td_partition *p)
{
    return p->size > 0 && (!td_partition_is_container(p) || !has_content(layout, p));
}

/* The first address from `from` on that nothing covers, and where the next begins. */
static bool next_gap(const struct td_layout *layout, uint64_t from, uint64_t end, uint64_t *gap_at,
                     uint64_t *gap_end)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (size_t i = 0; i < layout->n; i++) {
            const struct td_partition *p = &layout->at[i];

            if (p->domain[0] == '\0' && td_partition_is_flash(p) && covers(layout, p) &&
                p->addr <= from && td_partition_end(p) > from) {
                from = td_partition_end(p);
                moved = true;
            }
        }
    }
    *gap_at = from;
    *gap_end = end;
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];

        if (p->domain[0] == '\0' && td_partition_is_flash(p) && covers(layout, p) &&
            p->addr > from && p->addr < *gap_end)
            *gap_end = p->addr;
    }
    return from < end;
}

/* partition manager's own files, where "app" is the name of what is left over. */
static bool is_pm_style(const struct td_layout *layout)
{
    return td_layout_find(layout, "", "mcuboot_pad") != NULL &&
           td_layout_find(layout, "", "mcuboot_primary") != NULL;
}

static void check_gaps(struct checking *c)
{
    uint64_t end = 0, at = UINT64_MAX, gap_at, gap_end;
    bool app_left_out;
    unsigned n = 0;
    char list[120] = "";

    for (size_t i = 0; i < c->layout->n; i++) {
        const struct td_partition *p = &c->layout->at[i];

        if (p->domain[0] == '\0' && td_partition_is_flash(p)) {
            end = td_partition_end(p) > end ? td_partition_end(p) : end;
            at = p->addr < at ? p->addr : at;
        }
    }
    if (end == 0)
        return;
    if (c->env->soc != NULL) {
        at = c->soc->flash_addr;
        end = at + c->soc->flash_size > end ? at + c->soc->flash_size : end;
    }
    app_left_out = is_pm_style(c->layout) && td_layout_find(c->layout, "", "app") == NULL &&
                   td_layout_find(c->layout, "", "tfm") == NULL;
    for (; next_gap(c->layout, at, end, &gap_at, &gap_end); at = gap_end) {
        size_t len = strlen(list);

        n++;
        (void)snprintf(list + len, sizeof list - len, "%s0x%llx to 0x%llx", n > 1 ? ", " : "",
                       (unsigned long long)gap_at, (unsigned long long)gap_end);
    }
    if (app_left_out && n != 1)
        td_layout_issue(c, TD_LAYOUT_APP_GAPS, TD_HARM_ERROR, NULL,
                        "write app down with address and size, or leave one gap and no other",
                        "app is left out, so that the one gap would become it, and there %s%s%s",
                        n == 0 ? "is none" : "are several: ", list, "");
    else if (!app_left_out && n > 0)
        td_layout_issue(c, TD_LAYOUT_GAP, TD_HARM_NOTE, NULL,
                        "let a neighbour have it, when it is not kept on purpose",
                        "nothing uses %s", list);
}

/* ---- alignment ----------------------------------------------------------------------- */

static uint32_t erase_unit(const struct checking *c, const struct td_partition *p)
{
    const struct td_soc *soc = td_layout_soc_of(c, p);
    bool assumed;

    if (td_partition_is_flash(p))
        return soc != NULL ? soc->page : 0x1000;
    if (td_partition_is_external(p))
        return td_layout_external_sector(p, c->env, &assumed);
    return 0;
}

static void check_page(struct checking *c, const struct td_partition *p)
{
    uint32_t unit = erase_unit(c, p);

    if (unit == 0 || (p->addr % unit == 0 && td_partition_end(p) % unit == 0))
        return;
    td_layout_issue(c, TD_LAYOUT_PAGE, TD_HARM_ERROR, p, "begin and end it on a page boundary",
                    "%s is 0x%x to 0x%llx, which is not on boundaries of its erase page (0x%x): "
                    "erasing fails, or takes a neighbour's bytes along, and the bootloader cannot "
                    "list its sectors",
                    p->name, (unsigned)p->addr, (unsigned long long)td_partition_end(p),
                    (unsigned)unit);
}

/* A layout does not say how an external flash is erased: whoever checks it has to know. */
static bool check_assumption(struct checking *c, const struct td_partition *p)
{
    bool assumed = false;
    uint32_t sector;

    if (!td_partition_is_external(p))
        return false;
    sector = td_layout_external_sector(p, c->env, &assumed);
    if (assumed)
        td_layout_issue(c, TD_LAYOUT_EXTERNAL_SECTOR, TD_HARM_NOTE, p,
                        "say it with --external-sector-size when it has others",
                        "%s lies in external flash%s%s, whose sectors were taken as 0x%x bytes",
                        p->name, p->device[0] != '\0' ? ", " : "", p->device, (unsigned)sector);
    return assumed;
}

static void check_pages(struct checking *c)
{
    bool said = false;

    for (size_t i = 0; i < c->layout->n; i++) {
        const struct td_partition *p = &c->layout->at[i];

        if (!is_slot(p) && !td_partition_is_storage(p) && strstr(p->name, "scratch") == NULL)
            continue;
        check_page(c, p);
        said = said || check_assumption(c, p);
    }
}

void td_layout_check_memory(struct checking *c)
{
    check_sizes(c);
    check_overlap(c);
    check_members(c);
    check_memories(c);
    check_pages(c);
    check_gaps(c);
}

/* ---- names --------------------------------------------------------------------------- */

/* How many letters differ, are missing or too many; beyond 2 it is 3. */
static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned row[TD_LAYOUT_NAME + 1];

    if (n >= TD_LAYOUT_NAME || m >= TD_LAYOUT_NAME || (n > m ? n - m : m - n) > 2)
        return 3;
    for (size_t k = 0; k <= m; k++)
        row[k] = (unsigned)k;
    for (size_t i = 1; i <= n; i++) {
        unsigned corner = row[0];

        row[0] = (unsigned)i;
        for (size_t k = 1; k <= m; k++) {
            unsigned change = corner + (a[i - 1] != b[k - 1]);
            unsigned less = row[k] < row[k - 1] ? row[k] : row[k - 1];

            corner = row[k];
            row[k] = change < less + 1 ? change : less + 1;
        }
    }
    return row[m] < 3 ? row[m] : 3;
}

static bool has_digit(const char *text)
{
    return strpbrk(text, "0123456789") != NULL;
}

static const char *meant(const struct checking *c, const struct td_partition *p)
{
    static const char *const known[] = { "mcuboot",
                                         "mcuboot_pad",
                                         "mcuboot_primary",
                                         "mcuboot_secondary",
                                         "mcuboot_scratch",
                                         "app_image",
                                         "mcuboot_primary_app",
                                         "settings_storage",
                                         "nvs_storage",
                                         "b0_container",
                                         "b0n_container",
                                         "provision",
                                         "s0_pad",
                                         "s1_pad",
                                         "s0_image",
                                         "s1_image",
                                         "pcd_sram",
                                         "rpmsg_nrf53_sram",
                                         "littlefs_storage" };

    for (size_t i = 0; i < TD_N_OF(known); i++) {
        if (strcmp(p->name, known[i]) == 0)
            return NULL;
    }
    for (size_t i = 0; i < TD_N_OF(known); i++) {
        unsigned d = distance(p->name, known[i]);

        if (d > 0 && d <= (strlen(known[i]) >= 9 ? 2u : 1u) &&
            has_digit(p->name) == has_digit(known[i]) &&
            td_layout_find(c->layout, p->domain, known[i]) == NULL)
            return known[i];
    }
    return NULL;
}

static void check_region(struct checking *c, const struct td_partition *p)
{
    static const char *const known[] = { "flash_primary", "sram_primary", "external_flash",
                                         "otp",           "ram_flash",    "flash_secondary" };

    for (size_t i = 0; i < TD_N_OF(known); i++) {
        unsigned d = distance(p->region, known[i]);

        if (d > 0 && d < 3)
            td_layout_issue(c, TD_LAYOUT_REGION_UNKNOWN, TD_HARM_WARNING, p,
                            "the build takes an unknown region for one of its own",
                            "%s lies in region %s; %s was probably meant", p->name, p->region,
                            known[i]);
    }
}

void td_layout_check_names(struct checking *c)
{
    for (size_t i = 0; i < c->layout->n; i++) {
        const struct td_partition *p = &c->layout->at[i];
        const char *name = meant(c, p);

        if (name != NULL)
            td_layout_issue(c, TD_LAYOUT_NAME_MISSPELT, TD_HARM_WARNING, p,
                            "the build finds partitions by their names",
                            "%s: %s was probably meant, which is not there", p->name, name);
        check_region(c, p);
    }
}
