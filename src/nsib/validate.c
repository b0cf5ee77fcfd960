/*
 * nsib/validate.c - whether a firmware may run in a slot, in the original's order.
 *
 * The first thing that is wrong is the verdict. Each size is compared with what is there before
 * it is added to anything: the original adds first.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "nsib/nsib_priv.h"

#define VECTORS_ALIGN 128u /* VTOR's low bits are not there */

static void refuse(struct td_nsib_why *why, enum td_verdict_code code, uint32_t wanted,
                   uint32_t found)
{
    *why = (struct td_nsib_why){ code, wanted, found };
}

// Firmware of another chip family or product is not there, whatever else it says.
static bool is_for(const struct td_nsib_config *c, const struct td_fw_compat *compat)
{
    return compat->format == 2 && compat->soc == c->compat.soc &&
           compat->product == c->compat.product;
}

enum td_err td_nsib_find(const struct td_nsib_config *config, const struct td_source *src,
                         uint32_t from, struct td_fw_info *info)
{
    uint32_t off;

    for (unsigned n = 0; td_fw_search_nth(config->search, n, &off); n++) {
        uint32_t at;
        enum td_err err;

        if (!td_add_u32(from, off, &at) || !td_range_in(at, TD_FW_MAGIC_SIZE, src->size))
            continue;
        err = td_fw_info_read(src, at, info);
        if (err == TD_ENOTFOUND || (err == TD_OK && !is_for(config, &info->compat)) ||
            (err == TD_EFORMAT && !is_for(config, &info->compat)))
            continue;
        return err;
    }
    return TD_ENOTFOUND;
}

/* Offsets from the slot's first byte. */
struct span {
    uint32_t base;  /* of the firmware's first byte */
    uint32_t start; /* of the first signed one: behind a header, if that is part of the firmware */
    uint32_t end;   /* behind the last signed one */
};

static bool in_span(const struct span *s, uint32_t off, uint32_t len)
{
    return off >= s->start && td_range_in(off, len, s->end);
}

static bool is_flash_error(enum td_err err)
{
    return err != TD_OK && err != TD_ENOTFOUND && err != TD_EFORMAT && err != TD_ETRUNC;
}

static enum td_err check_info(const struct td_nsib_check *k, const struct td_source *src,
                              struct td_nsib_why *why)
{
    struct td_fw_info *info = &k->fw->info;
    enum td_err err = td_nsib_find(k->config, src, k->config->skip, info);

    if (err == TD_ENOTFOUND)
        refuse(why, TD_V_NSIB_EMPTY, 0, 0);
    else if (err == TD_EFORMAT || err == TD_ETRUNC)
        refuse(why, TD_V_NSIB_BAD_INFO, k->config->slot_size, info->size);
    return is_flash_error(err) ? err : TD_OK;
}

// Whoever looks from the firmware's own address on has to find the same structure.
static enum td_err check_place(const struct td_nsib_check *k, const struct td_source *src,
                               struct span *span, struct td_nsib_why *why)
{
    const struct td_fw_info *info = &k->fw->info;
    struct td_fw_info first;
    enum td_err err;

    span->base = info->address - k->address;
    if (info->address < k->address || span->base >= k->config->slot_size || span->base % 4 != 0) {
        refuse(why, TD_V_NSIB_WRONG_SLOT, k->address, info->address);
        return TD_OK;
    }
    span->start = td_max_u32(span->base, k->config->skip);
    err = td_nsib_find(k->config, src, span->start, &first);
    if (is_flash_error(err))
        return err;
    if (err == TD_ENOTFOUND || first.off != info->off)
        refuse(why, TD_V_NSIB_NOT_ITSELF, info->off, err == TD_ENOTFOUND ? UINT32_MAX : first.off);
    else if (info->valid != TD_FW_VALID)
        refuse(why, TD_V_NSIB_INVALIDATED, TD_FW_VALID, info->valid);
    return TD_OK;
}

static void check_version(const struct td_nsib_check *k, struct td_nsib_why *why)
{
    const struct td_provision *p = &k->work->provision;
    uint32_t stored = td_nsib_stored(p, NULL);

    if (k->fw->info.version < stored)
        refuse(why, TD_V_NSIB_ROLLBACK, stored, k->fw->info.version);
    else if (td_nsib_counter(p) != NULL && !k->manner->wraps_versions &&
             k->fw->info.version > td_nsib_version_max(p))
        refuse(why, TD_V_NSIB_VERSION_RANGE, td_nsib_version_max(p), k->fw->info.version);
}

static void check_sizes(const struct td_nsib_check *k, const struct td_source *src,
                        struct span *span, struct td_nsib_why *why)
{
    const struct td_fw_info *info = &k->fw->info;

    if (!td_range_in(span->base, info->size, td_min_u32(k->config->slot_size, src->size))) {
        refuse(why, TD_V_NSIB_BAD_INFO, k->config->slot_size, info->size);
        return;
    }
    span->end = span->base + info->size;
    if (!in_span(span, info->off, info->total_size))
        refuse(why, TD_V_NSIB_OUTSIDE, span->end, info->off);
}

static enum td_err check_vectors(const struct td_nsib_check *k, const struct td_source *src,
                                 const struct span *span, struct td_nsib_why *why)
{
    const struct td_nsib_config *c = k->config;
    uint32_t at = k->fw->info.boot_address - k->address;
    uint32_t entry;
    uint8_t raw[8];
    enum td_err err;

    if (k->fw->info.boot_address < k->address || !in_span(span, at, sizeof raw) ||
        k->fw->info.boot_address % VECTORS_ALIGN != 0) {
        refuse(why, TD_V_NSIB_OUTSIDE, span->end, at);
        return TD_OK;
    }
    err = td_source_read(src, at, raw, sizeof raw);
    if (err != TD_OK)
        return err;
    k->fw->stack = td_load_le32(raw);
    k->fw->entry = td_load_le32(raw + 4);
    entry = (k->fw->entry & ~1u) - k->address;
    if ((k->fw->entry & 1) == 0 || k->fw->entry < k->address || !in_span(span, entry, 2))
        refuse(why, TD_V_NSIB_OUTSIDE, span->end, entry);
    else if (c->ram_size > 0 && (k->fw->stack % 4 != 0 || k->fw->stack <= c->ram_addr ||
                                 k->fw->stack - c->ram_addr > c->ram_size))
        refuse(why, TD_V_NSIB_BAD_STACK, c->ram_addr, k->fw->stack);
    return TD_OK;
}

static enum td_err check_trailer(const struct td_nsib_check *k, const struct td_source *src,
                                 const struct span *span, struct td_nsib_why *why)
{
    struct td_fw_validation *v = &k->work->validation;
    enum td_err err = td_fw_validation_read(src, span->end, v);

    if (is_flash_error(err) && err != TD_EUNSUPPORTED)
        return err;
    if (err != TD_OK || !is_for(k->config, &v->compat))
        refuse(why, TD_V_NSIB_UNSIGNED, 0, 0);
    // Younger first stages compare the vector table's address; in most builds it is the same.
    else if (v->address != k->fw->info.address && v->address != k->fw->info.boot_address)
        refuse(why, TD_V_NSIB_FOREIGN_TRAILER, k->fw->info.address, v->address);
    return TD_OK;
}

/* The key that the trailer names, among the provisioned ones, in their order. */
static void find_key(const struct td_nsib_check *k, struct td_nsib_why *why)
{
    const struct td_provision *p = &k->work->provision;
    uint8_t print[TD_FW_FINGERPRINT];

    td_fw_fingerprint(k->work->validation.key, print);
    refuse(why, TD_V_NSIB_UNKNOWN_KEY, 0, 0);
    for (uint32_t i = 0; i < p->n_keys; i++) {
        if (memcmp(p->keys[i].fingerprint, print, sizeof print) != 0)
            continue;
        if (td_nsib_is_trusted(&p->keys[i])) {
            k->fw->key_index = (uint8_t)i;
            refuse(why, TD_V_NONE, 0, 0);
            return;
        }
        refuse(why, TD_V_NSIB_KEY_REVOKED, 0, i);
    }
}

static enum td_err check_signature(const struct td_nsib_check *k, const struct td_source *src,
                                   const struct span *span, struct td_nsib_why *why)
{
    const struct td_nsib_hooks *hooks = k->config->hooks;
    uint8_t hash[32];
    enum td_err err;

    find_key(k, why);
    if (why->code != TD_V_NONE)
        return TD_OK;
    if (hooks != NULL && hooks->feed != NULL)
        hooks->feed(k->config->hook_ctx);
    err = td_fw_hash(src, span->start, span->end - span->start, hash);
    if (err != TD_OK)
        return err;
    err = td_fw_verify(&k->work->validation, hash, k->config->sig);
    if (err != TD_OK)
        refuse(why, TD_V_NSIB_BAD_SIGNATURE, 0, k->fw->key_index);
    return TD_OK;
}

enum td_err td_nsib_judge(struct td_nsib_check *check, struct td_nsib_why *why)
{
    struct td_source src = td_flash_source(&check->area);
    struct span span = { 0, 0, 0 };
    enum td_err err;

    memset(check->fw, 0, sizeof *check->fw);
    *why = (struct td_nsib_why){ TD_V_NONE, 0, 0 };
    err = check_info(check, &src, why);
    if (err == TD_OK && why->code == TD_V_NONE)
        err = check_place(check, &src, &span, why);
    if (err == TD_OK && why->code == TD_V_NONE)
        check_version(check, why);
    if (err == TD_OK && why->code == TD_V_NONE)
        check_sizes(check, &src, &span, why);
    if (err == TD_OK && why->code == TD_V_NONE)
        err = check_vectors(check, &src, &span, why);
    if (err == TD_OK && why->code == TD_V_NONE)
        err = check_trailer(check, &src, &span, why);
    if (err == TD_OK && why->code == TD_V_NONE)
        err = check_signature(check, &src, &span, why);
    if (err == TD_OK && why->code == TD_V_NONE)
        err = td_nsib_services(check, why);
    return err;
}
