/* tools/update_package.c - sorts the files by image, and the variants by slot. */
#include "tools/update_package.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "tools/kind.h"
#include "tools/whole.h"

bool td_update_package_is(const char *path)
{
    FILE *in = fopen(path, "rb");
    uint8_t head[TD_KIND_HEAD];
    size_t len;
    enum td_kind kind;

    if (in == NULL)
        return false;
    len = fread(head, 1, sizeof head, in);
    fclose(in);
    kind = td_kind_of(head, len);
    return kind == TD_KIND_ZIP || kind == TD_KIND_MULTI;
}

/* ---- what is for which image --------------------------------------------------------- */

static int64_t image_of(const struct td_member *m)
{
    return m->image_index < 0 ? 0 : m->image_index;
}

/* The slot of the image that a variant is for; -1: not said. The manifest counts all slots. */
static int slot_of(const struct td_member *m)
{
    int64_t slot = m->slot >= 2 ? m->slot - 2 * image_of(m) : m->slot;

    return slot == 0 || slot == 1 ? (int)slot : -1;
}

static bool is_stage(const struct td_member *m)
{
    return strcmp(m->type, "mcuboot") == 0 || td_nsib_is_signed(&m->nsib);
}

/* Whether b belongs in front of a: by what the manifest says, else by where they are linked. */
static bool are_swapped(const struct td_member *a, const struct td_member *b)
{
    if (slot_of(a) >= 0 && slot_of(b) >= 0)
        return slot_of(a) > slot_of(b);
    if (a->nsib.found && b->nsib.found)
        return a->nsib.info.address > b->nsib.info.address;
    return a->has_vectors && b->has_vectors && a->vectors.reset > b->vectors.reset;
}

static struct td_choice *choice_for(struct td_update_package *up, int64_t image)
{
    for (uint8_t i = 0; i < up->n; i++)
        if (up->images[i].image == image)
            return &up->images[i];
    if (up->n == TD_UPDATE_FILES || image > UINT8_MAX)
        return NULL;
    up->images[up->n].image = (uint8_t)image;
    return &up->images[up->n++];
}

static int refuse(struct td_cli *cli, const struct td_update_package *up, const char *code,
                  const char *text, const char *remedy)
{
    return td_cli_fail(cli, TD_EXIT_FILE, code, text, up->path, remedy);
}

static int take_member(struct td_cli *cli, struct td_update_package *up, struct td_member *m)
{
    struct td_choice *choice = choice_for(up, image_of(m));
    struct td_member *other;

    if (choice == NULL)
        return refuse(cli, up, "too-many-images", "the package has more images than an update",
                      "unpack it and update in several steps");
    if (choice->n == 2)
        return refuse(cli, up, "same-target", "the package has more than two files for one image",
                      "unpack it and name the one that is meant: tandem update IMAGE=FILE");
    other = choice->n == 1 ? choice->at[0] : NULL;
    if (other != NULL && is_stage(other) != is_stage(m))
        return refuse(cli, up, "two-kinds",
                      "the package has an application and a second stage for the same slot, which "
                      "takes one at a time",
                      "unpack it, and update with one after the other");
    choice->is_stage = is_stage(m);
    choice->at[choice->n++] = m;
    if (other != NULL && are_swapped(other, m)) {
        choice->at[0] = m;
        choice->at[1] = other;
    }
    return TD_EXIT_OK;
}

/* Two files that nothing tells apart: which of them is for which slot would be a guess. */
static int check_pairs(struct td_cli *cli, const struct td_update_package *up)
{
    for (uint8_t i = 0; i < up->n; i++) {
        const struct td_choice *c = &up->images[i];

        if (c->n == 2 && !are_swapped(c->at[1], c->at[0]))
            return refuse(cli, up, "variants-without-slot",
                          "nothing tells which of the two variants in the package is for which "
                          "slot",
                          "unpack it and name the one that is meant: tandem update IMAGE=FILE");
    }
    return up->n > 0 ? TD_EXIT_OK
                     : refuse(cli, up, "empty-package", "the package has no file for any image",
                              "tandem inspect shows what is in it");
}

/* ---- reading ------------------------------------------------------------------------- */

static int say_issues(struct td_cli *cli, const struct td_update_package *up)
{
    const struct td_package *p = up->package;

    for (size_t i = 0; i < p->n_issues; i++)
        if (p->issues[i].harm == TD_PACKAGE_ERROR)
            return td_cli_fail(cli, TD_EXIT_FILE, p->issues[i].code, p->issues[i].text, up->path,
                               "tandem inspect shows all of it; build or download it again");
    for (size_t i = 0; i < p->n_issues; i++)
        if (p->issues[i].harm == TD_PACKAGE_WARN)
            td_cli_note(cli, "%s: %s", up->path, p->issues[i].text);
    return TD_EXIT_OK;
}

static int read_package(struct td_cli *cli, struct td_update_package *up)
{
    struct td_package_fault fault = { .what = "" };
    struct td_whole file;
    int exit = td_whole_read(cli, up->path, &file);

    if (exit == TD_EXIT_OK &&
        !td_package_read(up->package, file.bytes, file.len, TD_PACKAGE_LIMIT, &fault))
        exit = td_cli_fail(cli, TD_EXIT_FILE, "bad-package", fault.what, up->path, fault.remedy);
    td_whole_free(&file);
    return exit;
}

int td_update_package_open(struct td_cli *cli, const char *path, struct td_update_package *up)
{
    int exit;

    *up =
        (struct td_update_package){ .path = path, .package = calloc(1, sizeof(struct td_package)) };
    if (up->package == NULL)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory left", NULL, NULL);
    exit = read_package(cli, up);
    if (exit == TD_EXIT_OK)
        exit = say_issues(cli, up);
    for (size_t i = 0; exit == TD_EXIT_OK && i < up->package->n; i++) {
        struct td_member *m = &up->package->at[i];

        if (m->in_manifest && !m->is_manifest && m->bytes != NULL)
            exit = take_member(cli, up, m);
    }
    return exit == TD_EXIT_OK ? check_pairs(cli, up) : exit;
}

void td_update_package_close(struct td_update_package *up)
{
    if (up->package != NULL)
        td_package_free(up->package);
    free(up->package);
    up->package = NULL;
}

/* ---- one of two ---------------------------------------------------------------------- */

int td_variant_choose(const struct td_choice *choice, const struct td_variant_facts *facts,
                      const char **why, const char **remedy)
{
    if (choice->n == 1)
        return 0;
    if (choice->is_stage && facts->stage_running >= 0)
        return 1 - facts->stage_running;
    if (choice->is_stage) {
        *why = "the package has the second stage for S0 and for S1, and the device does not say "
               "which of them runs";
        *remedy = "unpack it and send the one for the slot that does not run: tandem update FILE";
        return -1;
    }
    // Only where either slot is run from does anything run in the second.
    if (facts->running == 1)
        return 0;
    if (facts->has_mode && facts->mode != TD_MODE_XIP && facts->mode != TD_MODE_XIP_REVERT)
        return 0;
    if (facts->has_mode && facts->running == 0)
        return 1;
    *why = "the package has a file for each of two slots, and the device does not say whether it "
           "runs images in either";
    *remedy = "say how its bootloader updates: --strategy direct-xip, or --strategy swap-move; or "
              "unpack the package and name the file";
    return -1;
}

static void ask_stage(struct td_device *dev, struct td_variant_facts *facts)
{
    static const char query[] = "active_b0_slot";
    struct td_request request = { .kind = TD_REQ_ACCEPTS, .probe = true };
    struct td_reply reply;

    facts->stage_running = -1;
    if (td_device_ask(dev, &request, &reply) && reply.of.accepts.has_stage) {
        facts->stage_running = reply.of.accepts.stage.slot == 1 ? 1 : 0;
        return;
    }
    request.kind = TD_REQ_BOOTLOADER;
    request.text = (struct td_cbor_text){ .p = query, .len = sizeof query - 1 };
    if (td_device_ask(dev, &request, &reply) && reply.of.bootloader.has_active &&
        reply.of.bootloader.active <= 1)
        facts->stage_running = (int)reply.of.bootloader.active;
    facts->failure = reply.failure;
}

static void ask_mode(struct td_device *dev, struct td_variant_facts *facts)
{
    static const char query[] = "mode";
    struct td_request request = {
        .kind = TD_REQ_BOOTLOADER,
        .probe = true,
        .text = { .p = query, .len = sizeof query - 1 },
    };
    struct td_reply reply;

    if (facts->has_mode || !td_device_ask(dev, &request, &reply) || !reply.of.bootloader.has_mode)
        return;
    // What Zephyr has no number for it calls -1.
    facts->has_mode = reply.of.bootloader.mode >= 0;
    facts->mode = (enum td_strategy_id)reply.of.bootloader.mode;
}

void td_variant_ask(struct td_device *dev, const struct td_choice *choice,
                    struct td_variant_facts *facts)
{
    struct td_request request = { .kind = TD_REQ_IMAGE_LIST };
    const struct td_image_state *active;
    struct td_reply reply;

    facts->running = facts->stage_running = -1;
    if (choice->is_stage) {
        ask_stage(dev, facts);
        return;
    }
    ask_mode(dev, facts);
    if (!td_device_ask(dev, &request, &reply)) {
        facts->failure = reply.failure;
        return;
    }
    active = td_states_active(&reply.of.images, choice->image);
    if (active != NULL)
        facts->running = active->slot == 1 ? 1 : 0;
}
