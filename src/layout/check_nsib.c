/*
 * layout/check_nsib.c - the immutable first stage: its area, S0 and S1, provision data, and the
 * network core's share.
 */
#include "layout/check_priv.h"

#include <string.h>

#include "base/range.h"

/* ---- S0, S1 and the first stage's own area ---------------------------------------------- */

static void check_own_lock(struct checking *c, const struct td_partition *b0)
{
    const struct td_partition *box = td_layout_find(c->layout, b0->domain, "b0_container");
    uint32_t block = c->soc->lock_block;
    uint64_t end = td_partition_end(b0);

    // Where the container holds the provision page as well, both are whole blocks by themselves.
    if (b0->addr % block == 0 && end % block == 0)
        return;
    td_layout_issue(c, TD_LAYOUT_LOCK, TD_HARM_ERROR, box != NULL ? box : b0,
                    "make its size a multiple of the block",
                    "b0 locks itself (0x%x to 0x%llx), and the %s locks blocks of 0x%x: it stops "
                    "with \"Failed to protect B0 flash\"",
                    (unsigned)b0->addr, (unsigned long long)end, c->soc->title, (unsigned)block);
}

static void check_lock_size(struct checking *c, const struct td_partition *p, uint32_t most)
{
    if (c->soc->lock_max == 0 || p == NULL || p->size <= most)
        return;
    td_layout_issue(c, TD_LAYOUT_LOCK_SIZE, TD_HARM_WARNING, p, "make it smaller",
                    "%s is 0x%x bytes, and the %s locks at most 0x%x in this place: the rest stays "
                    "writable, or the start stops",
                    p->name, (unsigned)p->size, c->soc->title, (unsigned)most);
}

static void check_slot_blocks(struct checking *c, const struct td_partition *s)
{
    uint32_t block = c->soc->lock_block;

    if (s->addr % block == 0)
        return;
    td_layout_issue(c, TD_LAYOUT_LOCK, TD_HARM_ERROR, s, "begin it on such a boundary",
                    "%s begins at 0x%x; the %s locks blocks of 0x%x", s->name, (unsigned)s->addr,
                    c->soc->title, (unsigned)block);
}

static uint32_t pad_size(const struct checking *c, const char *name)
{
    const struct td_partition *pad = td_layout_find(c->layout, "", name);

    return pad != NULL ? pad->size : 0;
}

static void check_pads(struct checking *c, const struct td_partition *s0)
{
    uint32_t p0 = pad_size(c, "s0_pad"), p1 = pad_size(c, "s1_pad");

    if (strcmp(s0->name, "s0") != 0)
        return; // devicetree layouts have the header inside the partition
    if (p0 != p1)
        td_layout_issue(c, TD_LAYOUT_PAD, TD_HARM_ERROR, s0, "make both the same",
                        "s0_pad is 0x%x bytes and s1_pad 0x%x: the two variants of the bootloader "
                        "would be built differently",
                        (unsigned)p0, (unsigned)p1);
    else if (p0 == 0 && td_layout_role(c->layout, TD_ROLE_BOOT, 0) != NULL)
        td_layout_issue(c, TD_LAYOUT_NO_PAD, TD_HARM_WARNING, s0,
                        "add s0_pad and s1_pad of the header's size, usually 0x200",
                        "S0 and S1 have no pad: a bootloader update has no room for the header "
                        "that MCUboot wants in front of it");
}

static void check_s0_s1(struct checking *c)
{
    const struct td_partition *s0 = td_layout_role(c->layout, TD_ROLE_S0, 0);
    const struct td_partition *s1 = td_layout_role(c->layout, TD_ROLE_S1, 0);
    bool two = td_layout_stages(c->layout) == 2;

    if (s0 == NULL)
        return;
    if (s1 == NULL) {
        if (two)
            td_layout_issue(c, TD_LAYOUT_NO_S1, TD_HARM_WARNING, s0,
                            "add s1 of the same size, unless the bootloader is meant to stay",
                            "there is s0 and no s1: the second stage cannot be updated");
        return;
    }
    if (s0->size != s1->size)
        td_layout_issue(c, TD_LAYOUT_S0_S1, TD_HARM_ERROR, s1, "give both the same size",
                        "s0 is 0x%x bytes and s1 0x%x: the build refuses it, and a bootloader that "
                        "fits one would be cut off in the other",
                        (unsigned)s0->size, (unsigned)s1->size);
    check_pads(c, s0);
    if (c->soc == NULL || !c->sure)
        return;
    check_slot_blocks(c, s0);
    check_slot_blocks(c, s1);
    if (c->soc->lock_joined != 0) { // elsewhere the slot's own stage locks it
        check_lock_size(c, s0, c->soc->lock_max);
        check_lock_size(c, s1, c->soc->lock_max);
    }
}

/* ---- provision data --------------------------------------------------------------------- */

struct provision {
    uint32_t keys, slots;
    uint32_t head;  /* bytes of keys and before */
    uint32_t slot;  /* bytes of a counter slot */
    uint32_t needs; /* bytes in all */
    uint32_t room;
};

static struct provision reckon(const struct checking *c, const struct td_partition *p)
{
    bool two = td_layout_stages(c->layout) == 2;
    struct provision v = {
        .keys = c->soc->keys_in_kmu ? 0
                : c->env->keys != 0 ? c->env->keys
                                    : 1,
        .slots = c->env->counter_slots != 0 ? c->env->counter_slots
                 : two                      ? 20
                                            : 240,
        .slot = c->soc->counter_slot,
        .room = p->size,
    };

    if (c->soc->provision_used != 0)
        v.room = td_min_u32(v.room, c->soc->provision_used);
    v.head = (c->soc->counter_slot == 4 ? 60 : 52) + 20 * v.keys;
    v.needs = v.head + 8 + v.slot * v.slots;
    return v;
}

/*
 * Two halfword slots share a word. In flash that a word is programmed to but a few times, that is
 * all there is; where 512 bytes together have a budget, many slots exhaust it. OTP takes each
 * half-word or word once, until the whole chip is erased.
 */
static void check_writes(struct checking *c, const struct td_partition *p,
                         const struct provision *v)
{
    uint32_t in_block = td_min_u32(v->slots, 512 / v->slot);
    uint32_t writes = in_block + 128;

    if (c->soc->block_writes != 0 && writes > c->soc->block_writes)
        td_layout_issue(c, TD_LAYOUT_PROVISION_WRITES, TD_HARM_WARNING, p,
                        "provision fewer slots; each is one version of the bootloader",
                        "%u counter slots in 512 bytes, and the words that provisioning programs, "
                        "are up to %u writes; the %s allows %u there between two erasures",
                        (unsigned)in_block, (unsigned)writes, c->soc->title,
                        (unsigned)c->soc->block_writes);
    else if (c->soc->otp_unit != 0)
        td_layout_issue(c, TD_LAYOUT_PROVISION_WRITES, TD_HARM_NOTE, p,
                        "program provision.hex once, and check it before",
                        "OTP of the %s takes %s once: what was provisioned is changed by erasing "
                        "the whole chip and in no other way",
                        c->soc->title, c->soc->otp_unit == 2 ? "each half-word" : "each word");
    else if (c->soc->word_writes != 0 && v->slot == 2)
        td_layout_issue(c, TD_LAYOUT_PROVISION_WRITES, TD_HARM_NOTE, p,
                        "program provision.hex without its erased words (0xffffffff), and once",
                        "two counter slots share a word, and a key's token is programmed twice: "
                        "that is %u times, all that the %s allows for a word between two erasures",
                        2u, c->soc->title);
}

static void check_room(struct checking *c, const struct td_partition *p)
{
    struct provision v = reckon(c, p);
    uint32_t most = v.room > v.head + 8 ? (v.room - v.head - 8) / v.slot / 2 * 2 : 0;

    if (v.needs > v.room)
        td_layout_issue(c, TD_LAYOUT_PROVISION_ROOM, TD_HARM_ERROR, p,
                        "fewer counter slots or keys; OTP has no more room",
                        "%u keys and %u counter slots need %u bytes, and b0 reads %u: %u slots are "
                        "the most",
                        (unsigned)v.keys, (unsigned)v.slots, (unsigned)v.needs, (unsigned)v.room,
                        (unsigned)most);
    check_writes(c, p, &v);
}

static void check_place(struct checking *c, const struct td_partition *b0,
                        const struct td_partition *p)
{
    bool in_otp = strcmp(p->region, "otp") == 0;

    if (c->soc->otp_addr != 0 && (!in_otp || p->addr != c->soc->otp_addr))
        td_layout_issue(c, TD_LAYOUT_PROVISION_PLACE, TD_HARM_ERROR, p,
                        "put it into region otp, at its first byte",
                        "%s is at 0x%x in %s; b0 of the %s reads its OTP at 0x%x", p->name,
                        (unsigned)p->addr, p->region, c->soc->title, (unsigned)c->soc->otp_addr);
    if (c->soc->otp_addr == 0 && p->addr != td_partition_end(b0))
        td_layout_issue(c, TD_LAYOUT_PROVISION_PLACE, TD_HARM_ERROR, p,
                        "let it begin where b0 ends",
                        "%s begins at 0x%x and b0 ends at 0x%llx: the page behind b0 is what it "
                        "locks before it jumps",
                        p->name, (unsigned)p->addr, (unsigned long long)td_partition_end(b0));
    if (c->soc->otp_addr == 0 &&
        (p->addr % c->soc->lock_block != 0 || p->size % c->soc->lock_block != 0))
        td_layout_issue(c, TD_LAYOUT_LOCK, TD_HARM_ERROR, p, "give it whole blocks of its own",
                        "%s is 0x%x bytes at 0x%x; the %s locks blocks of 0x%x: b0 stops with "
                        "\"Failed to protect bootloader storage\"",
                        p->name, (unsigned)p->size, (unsigned)p->addr, c->soc->title,
                        (unsigned)c->soc->lock_block);
}

static bool shows_region(const struct td_layout *layout, const char *region)
{
    for (size_t i = 0; i < layout->n; i++) {
        if (strcmp(layout->at[i].region, region) == 0)
            return true;
    }
    return false;
}

static const struct td_partition *provision_of(const struct td_layout *layout)
{
    const struct td_partition *p = td_layout_role(layout, TD_ROLE_PROVISION, 0);

    return p != NULL && p->domain[0] == '\0' ? p : NULL;
}

void td_layout_check_nsib(struct checking *c)
{
    const struct td_partition *b0 = td_layout_role(c->layout, TD_ROLE_B0, 0);
    const struct td_partition *p = provision_of(c->layout);
    const struct td_partition *boot = td_layout_role(c->layout, TD_ROLE_BOOT, 0);

    if (!c->sure && (b0 != NULL || boot != NULL))
        td_layout_issue(c, TD_LAYOUT_SOC_UNSURE, TD_HARM_NOTE, NULL, "name it with --soc",
                        c->soc != NULL ? "several chips have such a memory (%s is one): "
                                         "protection blocks were not checked"
                                       : "no chip is known to have such a memory%s: pages were "
                                         "taken as 4096 bytes, protection blocks were not checked",
                        c->soc != NULL ? c->soc->title : "");
    if (b0 == NULL)
        return;
    check_s0_s1(c);
    if (c->soc == NULL || !c->sure)
        return;
    check_own_lock(c, b0);
    check_lock_size(c, b0, c->soc->lock_max);
    if (p != NULL) {
        check_place(c, b0, p);
        check_room(c, p);
    } else if (c->soc->otp_addr == 0 || shows_region(c->layout, "otp")) {
        td_layout_issue(c, TD_LAYOUT_NO_PROVISION, TD_HARM_WARNING, b0,
                        "add provision: 0x1000 bytes behind b0, on the nRF53 and nRF91 in otp",
                        "there is b0 and no provision partition: nothing tells b0 where S0 and S1 "
                        "are, and which keys it trusts");
    }
}

/* ---- the network core ------------------------------------------------------------------- */

#define NET_DOMAIN "CPUNET"

static void check_net_container(struct checking *c)
{
    const struct td_partition *box = td_layout_find(c->layout, NET_DOMAIN, "b0n_container");
    const struct td_partition *app = td_layout_find(c->layout, NET_DOMAIN, "app");
    uint32_t block = 0x800;

    if (box == NULL)
        return;
    if (box->size % block != 0)
        td_layout_issue(c, TD_LAYOUT_NET_CONTAINER, TD_HARM_ERROR, box,
                        "make b0n and provision together a multiple of 0x800",
                        "b0n_container is 0x%x bytes, and the network core locks blocks of 0x%x: "
                        "b0n stops at every start",
                        (unsigned)box->size, (unsigned)block);
    if (app != NULL && app->size % block != 0)
        td_layout_issue(c, TD_LAYOUT_NET_CONTAINER, TD_HARM_ERROR, app,
                        "make it a multiple of 0x800",
                        "the network core's app is 0x%x bytes, and b0n locks it in blocks of 0x%x: "
                        "it does not start it",
                        (unsigned)app->size, (unsigned)block);
    if (app != NULL && app->addr != td_partition_end(box))
        td_layout_issue(c, TD_LAYOUT_NET_CONTAINER, TD_HARM_ERROR, app,
                        "let it begin where b0n_container ends",
                        "the network core's app begins at 0x%x and b0n_container ends at 0x%llx: "
                        "b0n copies an update to the wrong place",
                        (unsigned)app->addr, (unsigned long long)td_partition_end(box));
}

static bool is_kept(const struct td_partition *slot)
{
    return td_partition_is_flash(slot) || td_partition_is_external(slot);
}

static void check_net_update(struct checking *c)
{
    const struct td_partition *b0n = td_layout_find(c->layout, NET_DOMAIN, "b0n");
    const struct td_partition *pcd = td_layout_find(c->layout, "", "pcd_sram");
    const struct td_partition *x = td_layout_role(c->layout, TD_ROLE_SECONDARY, 0);
    const struct td_partition *ram = td_layout_role(c->layout, TD_ROLE_PRIMARY, 1);
    const struct td_partition *x1 = td_layout_role(c->layout, TD_ROLE_SECONDARY, 1);
    const struct td_partition *app = td_layout_find(c->layout, NET_DOMAIN, "app");
    bool updates = b0n != NULL || pcd != NULL || c->env->sequential_net;

    if (updates && ram == NULL && x != NULL && !td_partition_is_flash(x))
        td_layout_issue(c, TD_LAYOUT_NET_EXTERNAL, TD_HARM_ERROR, x,
                        "keep the secondary in internal flash, or update both cores at once "
                        "through mcuboot_primary_1 and mcuboot_secondary_1",
                        "%s lies in %s, and there is no slot of its own for the network core: its "
                        "updates come through this slot, which that core cannot read",
                        x->name, x->region);
    if (ram != NULL && app != NULL && ram->size < app->size)
        td_layout_issue(c, TD_LAYOUT_NET_RAM, TD_HARM_ERROR, ram,
                        "make it as large as the network core's flash: 0x40000",
                        "%s is 0x%x bytes and the network core's app 0x%x: a large image is cut "
                        "off",
                        ram->name, (unsigned)ram->size, (unsigned)app->size);
    if (ram != NULL && x1 == NULL)
        td_layout_issue(
            c, TD_LAYOUT_NET_RAM, TD_HARM_ERROR, ram, "add mcuboot_secondary_1 of the same size",
            "%s has no secondary: the network core's image cannot be uploaded", ram->name);
    if ((updates || ram != NULL) && (ram == NULL || !is_kept(ram)))
        td_layout_issue(c, TD_LAYOUT_NET_REVERT, TD_HARM_NOTE, ram != NULL ? ram : pcd,
                        "give it netcore_good, a primary slot in flash, as the virtual nRF5340 "
                        "has; or agree: tandem update --accept=no-netcore-revert",
                        "the network core's image passes through %s and is kept nowhere: what was "
                        "installed there cannot be brought back",
                        ram != NULL ? ram->name : "the secondary slot");
}

/* The word in RAM through which MCUboot tells b0n what to do; b0n never changes. */
static void check_pcd(struct checking *c)
{
    const struct td_partition *pcd = td_layout_find(c->layout, "", "pcd_sram");
    const struct td_partition *other = td_layout_find(c->layout, NET_DOMAIN, "pcd_sram");
    const struct td_partition *rpmsg = td_layout_find(c->layout, "", "rpmsg_nrf53_sram");
    const struct td_partition *rpmsg_net =
        td_layout_find(c->layout, NET_DOMAIN, "rpmsg_nrf53_sram");

    if (pcd != NULL && other != NULL && pcd->addr != other->addr)
        td_layout_issue(c, TD_LAYOUT_PCD, TD_HARM_ERROR, pcd, "give both cores the same address",
                        "pcd_sram is at 0x%x for one core and at 0x%x for the other: a network "
                        "update hangs the bootloader for good",
                        (unsigned)pcd->addr, (unsigned)other->addr);
    if (pcd != NULL && (pcd->addr % 0x2000 != 0 || pcd->size % 0x2000 != 0))
        td_layout_issue(c, TD_LAYOUT_PCD, TD_HARM_ERROR, pcd, "use 0x2000 bytes on such a boundary",
                        "pcd_sram is 0x%x bytes at 0x%x; RAM is locked in regions of 0x2000",
                        (unsigned)pcd->size, (unsigned)pcd->addr);
    else if (pcd != NULL)
        td_layout_issue(c, TD_LAYOUT_PCD, TD_HARM_NOTE, pcd,
                        "pin it in pm_static.yml: SDK 3.2 moved the default from 0x20000000 to "
                        "0x2006e000",
                        "pcd_sram is at 0x%x. A b0n in the field looks at the address that it was "
                        "built with, for ever; a bootloader with another one hangs in a network "
                        "update",
                        (unsigned)pcd->addr);
    if (rpmsg != NULL && rpmsg_net != NULL &&
        (rpmsg->addr != rpmsg_net->addr || rpmsg->size != rpmsg_net->size))
        td_layout_issue(c, TD_LAYOUT_RPMSG, TD_HARM_ERROR, rpmsg, "give both cores the same place",
                        "rpmsg_nrf53_sram is at 0x%x for one core and at 0x%x for the other: they "
                        "cannot talk",
                        (unsigned)rpmsg->addr, (unsigned)rpmsg_net->addr);
    if (rpmsg != NULL && pcd != NULL && td_partition_overlaps(rpmsg, pcd))
        td_layout_issue(c, TD_LAYOUT_RPMSG, TD_HARM_ERROR, rpmsg, "move one of them",
                        "rpmsg_nrf53_sram and pcd_sram overlap: the cores' talk writes over the "
                        "command for an update");
}

void td_layout_check_net(struct checking *c)
{
    check_net_container(c);
    check_net_update(c);
    check_pcd(c);
}
