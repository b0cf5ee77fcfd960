#include "boot/deps.h"

static bool is_met(const struct td_boot_versions *versions, const struct td_image_dependency *dep)
{
    return versions->known[dep->image] &&
           td_version_cmp(&versions->version[dep->image], &dep->version) >= 0;
}

static enum td_boot_met judge(const struct td_boot_versions *versions,
                              const struct td_image_dependency *dep)
{
    if (dep->image >= versions->n)
        return TD_DEPS_ABSURD;
    return is_met(versions, dep) ? TD_DEPS_MET : TD_DEPS_UNMET;
}

enum td_err td_boot_deps(const struct td_source *src, const struct td_boot_versions *versions,
                         enum td_boot_met *met, struct td_image_dependency *which)
{
    struct td_image img;
    struct td_tlv_iter it;
    struct td_tlv tlv;
    bool end = false;
    enum td_err err;

    *met = TD_DEPS_MET;
    if (td_image_open(src, UINT32_MAX, &img, NULL) != TD_OK)
        return TD_OK;
    td_tlv_begin(&it, src, &img);
    err = td_tlv_next(&it, &tlv, &end);
    while (err == TD_OK && !end && *met == TD_DEPS_MET) {
        if (tlv.type == TD_TLV_DEPENDENCY && tlv.is_protected) {
            err = td_image_dependency(src, &tlv, which);
            if (err == TD_OK)
                *met = judge(versions, which);
        }
        if (err == TD_OK)
            err = td_tlv_next(&it, &tlv, &end);
    }
    return err;
}

void td_boot_deps_note(struct td_boot_versions *versions, uint8_t i, const struct td_source *src)
{
    struct td_image img;

    versions->known[i] = td_image_open(src, UINT32_MAX, &img, NULL) == TD_OK;
    if (versions->known[i])
        versions->version[i] = img.hdr.version;
}
