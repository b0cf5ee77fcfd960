/* layout/layout.c - partitions, and the names that people and build systems give them. */
#include "layout/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct td_layout *td_layout_new(void)
{
    return calloc(1, sizeof(struct td_layout));
}

void td_layout_free(struct td_layout *layout)
{
    free(layout);
}

enum td_err td_layout_add(struct td_layout *layout, const struct td_partition *part)
{
    if (layout->n == TD_LAYOUT_MAX)
        return TD_ESPACE;
    layout->at[layout->n++] = *part;
    return TD_OK;
}

const struct td_partition *td_layout_find(const struct td_layout *layout, const char *domain,
                                          const char *name)
{
    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];

        if (strcmp(p->name, name) == 0 && (domain == NULL || strcmp(p->domain, domain) == 0))
            return p;
    }
    return NULL;
}

uint64_t td_partition_end(const struct td_partition *part)
{
    return (uint64_t)part->addr + part->size;
}

static bool same_memory(const struct td_partition *a, const struct td_partition *b)
{
    return strcmp(a->domain, b->domain) == 0 && strcmp(a->region, b->region) == 0;
}

bool td_partition_overlaps(const struct td_partition *a, const struct td_partition *b)
{
    return same_memory(a, b) && a->size > 0 && b->size > 0 && a->addr < td_partition_end(b) &&
           b->addr < td_partition_end(a);
}

bool td_partition_holds(const struct td_partition *outer, const struct td_partition *inner)
{
    return same_memory(outer, inner) && inner->addr >= outer->addr &&
           td_partition_end(inner) <= td_partition_end(outer);
}

bool td_partition_is_flash(const struct td_partition *part)
{
    return strcmp(part->region, "flash_primary") == 0;
}

bool td_partition_is_external(const struct td_partition *part)
{
    return strcmp(part->region, "external_flash") == 0;
}

/* Names of a role; %u stands for what follows from the image's number. */
static const struct role_name {
    enum td_role role;
    const char *first; /* of image 0 */
    const char *other; /* of image n: NULL, there is one only */
    unsigned step;     /* the number in `other` is first_number + step * image */
    unsigned first_number;
} names[] = {
    { TD_ROLE_BOOT, "mcuboot", NULL, 0, 0 },
    { TD_ROLE_BOOT, "boot_partition", NULL, 0, 0 },
    { TD_ROLE_BOOT, "boot", NULL, 0, 0 },
    { TD_ROLE_PRIMARY, "mcuboot_primary", "mcuboot_primary_%u", 1, 0 },
    { TD_ROLE_PRIMARY, "slot0_partition", "slot%u_partition", 2, 0 },
    { TD_ROLE_PRIMARY, "primary", "primary_%u", 1, 0 },
    { TD_ROLE_SECONDARY, "mcuboot_secondary", "mcuboot_secondary_%u", 1, 0 },
    { TD_ROLE_SECONDARY, "slot1_partition", "slot%u_partition", 2, 1 },
    { TD_ROLE_SECONDARY, "secondary", "secondary_%u", 1, 0 },
    { TD_ROLE_SCRATCH, "mcuboot_scratch", NULL, 0, 0 },
    { TD_ROLE_SCRATCH, "scratch_partition", NULL, 0, 0 },
    { TD_ROLE_SCRATCH, "scratch", NULL, 0, 0 },
    { TD_ROLE_STORAGE, "settings_storage", NULL, 0, 0 },
    { TD_ROLE_STORAGE, "storage_partition", NULL, 0, 0 },
    { TD_ROLE_STORAGE, "nvs_storage", NULL, 0, 0 },
    { TD_ROLE_STORAGE, "zms_storage", NULL, 0, 0 },
    { TD_ROLE_STORAGE, "littlefs_storage", NULL, 0, 0 },
    { TD_ROLE_STORAGE, "nonsecure_storage", NULL, 0, 0 },
    { TD_ROLE_STORAGE, "storage", NULL, 0, 0 },
    { TD_ROLE_B0, "b0", NULL, 0, 0 },
    { TD_ROLE_B0, "b0_partition", NULL, 0, 0 },
    { TD_ROLE_PROVISION, "provision", NULL, 0, 0 },
    { TD_ROLE_PROVISION, "provision_partition", NULL, 0, 0 },
    { TD_ROLE_PROVISION, "bl_storage", NULL, 0, 0 },
    { TD_ROLE_S0, "s0", NULL, 0, 0 },
    { TD_ROLE_S0, "s0_partition", NULL, 0, 0 },
    { TD_ROLE_S1, "s1", NULL, 0, 0 },
    { TD_ROLE_S1, "s1_partition", NULL, 0, 0 },
};

#define N_NAMES (sizeof names / sizeof names[0])

/* The number in "slot3_partition", where prefix and suffix are what stands around it. */
static bool has_number(const char *name, const char *pattern, unsigned number)
{
    const char *mark = strstr(pattern, "%u");
    size_t before = (size_t)(mark - pattern);
    char digits[12];
    size_t n;

    (void)snprintf(digits, sizeof digits, "%u", number);
    n = strlen(digits);
    return strncmp(name, pattern, before) == 0 && strncmp(name + before, digits, n) == 0 &&
           strcmp(name + before + n, mark + 2) == 0;
}

static bool is_name(const struct role_name *row, unsigned image, const char *name)
{
    if (image == 0)
        return strcmp(name, row->first) == 0;
    return row->other != NULL &&
           has_number(name, row->other, row->first_number + row->step * image);
}

const struct td_partition *td_layout_role(const struct td_layout *layout, enum td_role role,
                                          unsigned image)
{
    const struct td_partition *elsewhere = NULL;

    for (size_t k = 0; k < N_NAMES; k++) {
        for (size_t i = 0; names[k].role == role && i < layout->n; i++) {
            const struct td_partition *p = &layout->at[i];

            if (!is_name(&names[k], image, p->name))
                continue;
            if (p->domain[0] == '\0')
                return p;
            if (elsewhere == NULL)
                elsewhere = p;
        }
    }
    // What a network core's image is kept in, where it does not pass through memory alone.
    if (elsewhere == NULL && role == TD_ROLE_PRIMARY && image == 1)
        elsewhere = td_layout_find(layout, "", "netcore_good");
    return elsewhere;
}

unsigned td_layout_stages(const struct td_layout *layout)
{
    bool b0 = td_layout_role(layout, TD_ROLE_B0, 0) != NULL;
    bool boot = td_layout_role(layout, TD_ROLE_BOOT, 0) != NULL;

    // Devicetree has no name for what lies in S0; slots beside it are a second stage's.
    boot |= td_layout_role(layout, TD_ROLE_S0, 0) != NULL &&
            td_layout_role(layout, TD_ROLE_PRIMARY, 0) != NULL;
    return (unsigned)b0 + (unsigned)boot;
}
