#include "boot/jump.h"

enum td_err td_boot_jump(const struct td_boot_config *config, const struct td_boot_result *result)
{
    const volatile bool *may = &result->bootable;

    if (!*may || result->reset || config->hooks == NULL || config->hooks->jump == NULL)
        return TD_ESTATE;
    // Read again: one glitched branch above is not enough to get here with a bad image.
    if (!*may || result->hash_len == 0)
        return TD_ESTATE;
    config->hooks->jump(config->hook_ctx, result);
    return TD_OK;
}
