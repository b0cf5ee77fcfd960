/* server/groups.c - which commands there are; a config names the groups that it wants. */
#include "base/range.h"
#include "server/server_priv.h"
#include "smp/basic.h"
#include "smp/image.h"
#include "smp/tandem.h"

static const struct td_server_command os[] = {
    { TD_OS_ECHO, td_server_os_echo, td_server_os_echo },
    { TD_OS_RESET, NULL, td_server_os_reset },
    { TD_OS_PARAMS, td_server_os_params, NULL },
    { TD_OS_BOOTLOADER, td_server_os_bootloader, NULL },
};

static const struct td_server_command image[] = {
    { TD_IMG_STATE, td_server_img_list, td_server_img_state },
    { TD_IMG_UPLOAD, NULL, td_server_img_upload },
    { TD_IMG_ERASE, NULL, td_server_img_erase },
    { TD_IMG_SLOT_INFO, td_server_img_slots, NULL },
};

static const struct td_server_command basic[] = {
    { TD_BASIC_STORAGE_ERASE, NULL, td_server_basic_erase },
};

static const struct td_server_command tandem[] = {
    { TD_TANDEM_WHY, td_server_tandem_why, NULL },
    { TD_TANDEM_ACCEPTS, td_server_tandem_accepts, NULL },
    { TD_TANDEM_UPLOAD, td_server_tandem_upload, NULL },
};

const struct td_server_group td_server_group_os = { TD_SMP_GROUP_OS, os, TD_N_OF(os), false };
const struct td_server_group td_server_group_os_old = {
    TD_SMP_GROUP_OS,
    os,
    TD_N_OF(os) - 1,
    false,
};
const struct td_server_group td_server_group_image = {
    TD_SMP_GROUP_IMAGE,
    image,
    TD_N_OF(image),
    true,
};
const struct td_server_group td_server_group_image_old = {
    TD_SMP_GROUP_IMAGE,
    image,
    TD_N_OF(image) - 1,
    true,
};
const struct td_server_group td_server_group_basic = {
    TD_SMP_GROUP_BASIC,
    basic,
    TD_N_OF(basic),
    true,
};
const struct td_server_group td_server_group_tandem = {
    TD_SMP_GROUP_TANDEM,
    tandem,
    TD_N_OF(tandem),
    true,
};
