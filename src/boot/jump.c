#include "boot/jump.h"

static bool has_passed(const struct td_boot_config *config, const volatile struct td_boot_result *r)
{
    return r->bootable && !r->reset && r->hash_len != 0 &&
           td_hard_is(&r->passed, TD_FLOW_VERIFIED * config->n_images);
}

enum td_err td_boot_jump(const struct td_boot_config *config, const struct td_boot_result *result)
{
    const volatile struct td_boot_result *again = result;

    if (!has_passed(config, result) || config->hooks == NULL || config->hooks->jump == NULL)
        return TD_ESTATE;
    // Once more, the other way round: one glitched branch above is not enough to get here.
    if (again->passed.no != TD_HARD_NO || (again->passed.yes ^ again->passed.no) != UINT32_MAX ||
        again->passed.flow != TD_FLOW_VERIFIED * config->n_images || !has_passed(config, again))
        return TD_ESTATE;
    config->hooks->jump(config->hook_ctx, result);
    return TD_OK;
}
