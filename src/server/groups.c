/* server/groups.c - which commands there are; a config names the groups that it wants. */
#include "base/range.h"
#include "server/server_priv.h"
#include "smp/basic.h"
#include "smp/enum.h"
#include "smp/fs.h"
#include "smp/image.h"
#include "smp/settings.h"
#include "smp/shell.h"
#include "smp/stat.h"
#include "smp/tandem.h"

static const struct td_server_command os[] = {
    { TD_OS_ECHO, td_server_os_echo, td_server_os_echo },
    { TD_OS_TASKS, td_server_os_tasks, NULL },
    { TD_OS_POOLS, td_server_os_pools, NULL },
    { TD_OS_DATETIME, td_server_os_datetime, td_server_os_set_datetime },
    { TD_OS_RESET, NULL, td_server_os_reset },
    { TD_OS_PARAMS, td_server_os_params, NULL },
    { TD_OS_INFO, td_server_os_info, NULL },
    { TD_OS_BOOTLOADER, td_server_os_bootloader, NULL },
};

static const struct td_server_command image[] = {
    { TD_IMG_STATE, td_server_img_list, td_server_img_state },
    { TD_IMG_UPLOAD, NULL, td_server_img_upload },
    { TD_IMG_ERASE, NULL, td_server_img_erase },
    { TD_IMG_SLOT_INFO, td_server_img_slots, NULL },
};

static const struct td_server_command stat[] = {
    { TD_STAT_SHOW, td_server_stat_show, NULL },
    { TD_STAT_LIST, td_server_stat_list, NULL },
};

static const struct td_server_command settings[] = {
    { TD_SETTINGS_VALUE, td_server_settings_read, td_server_settings_write },
    { TD_SETTINGS_DELETE, NULL, td_server_settings_delete },
    { TD_SETTINGS_COMMIT, NULL, td_server_settings_commit },
    { TD_SETTINGS_LOAD_SAVE, td_server_settings_load, td_server_settings_save },
};

static const struct td_server_command fs[] = {
    { TD_FS_FILE, td_server_fs_download, td_server_fs_upload },
    { TD_FS_STATUS, td_server_fs_status, NULL },
    { TD_FS_HASH, td_server_fs_hash, NULL },
    { TD_FS_TYPES, td_server_fs_types, NULL },
    { TD_FS_CLOSE, NULL, td_server_fs_close },
};

static const struct td_server_command shell[] = {
    { TD_SHELL_EXEC, NULL, td_server_shell_exec },
};

static const struct td_server_command enumeration[] = {
    { TD_ENUM_COUNT, td_server_enum_count, NULL },
    { TD_ENUM_LIST, td_server_enum_list, NULL },
    { TD_ENUM_SINGLE, td_server_enum_single, NULL },
    { TD_ENUM_DETAILS, td_server_enum_details, NULL },
};

static const struct td_server_command basic[] = {
    { TD_BASIC_STORAGE_ERASE, NULL, td_server_basic_erase },
};

static const struct td_server_command tandem[] = {
    { TD_TANDEM_WHY, td_server_tandem_why, NULL },
    { TD_TANDEM_ACCEPTS, td_server_tandem_accepts, NULL },
    { TD_TANDEM_UPLOAD, td_server_tandem_upload, NULL },
};

const struct td_server_group td_server_group_os = {
    .id = TD_SMP_GROUP_OS,
    .commands = os,
    .n_commands = TD_N_OF(os),
    .name = TD_TEXT_INIT("os mgmt"),
};
const struct td_server_group td_server_group_os_old = {
    .id = TD_SMP_GROUP_OS,
    .commands = os,
    .n_commands = TD_N_OF(os) - 1,
    .name = TD_TEXT_INIT("os mgmt"),
};
const struct td_server_group td_server_group_image = {
    .id = TD_SMP_GROUP_IMAGE,
    .commands = image,
    .n_commands = TD_N_OF(image),
    .uses_flash = true,
    .name = TD_TEXT_INIT("img mgmt"),
};
const struct td_server_group td_server_group_image_old = {
    .id = TD_SMP_GROUP_IMAGE,
    .commands = image,
    .n_commands = TD_N_OF(image) - 1,
    .uses_flash = true,
    .name = TD_TEXT_INIT("img mgmt"),
};
const struct td_server_group td_server_group_stat = {
    .id = TD_SMP_GROUP_STAT,
    .commands = stat,
    .n_commands = TD_N_OF(stat),
    .name = TD_TEXT_INIT("stat mgmt"),
};
const struct td_server_group td_server_group_settings = {
    .id = TD_SMP_GROUP_SETTINGS,
    .commands = settings,
    .n_commands = TD_N_OF(settings),
    .uses_flash = true,
    .name = TD_TEXT_INIT("settings mgmt"),
};
const struct td_server_group td_server_group_fs = {
    .id = TD_SMP_GROUP_FS,
    .commands = fs,
    .n_commands = TD_N_OF(fs),
    .uses_flash = true,
    .name = TD_TEXT_INIT("fs mgmt"),
};
// Nobody knows what a command line does, so it counts as one that uses flash.
const struct td_server_group td_server_group_shell = {
    .id = TD_SMP_GROUP_SHELL,
    .commands = shell,
    .n_commands = TD_N_OF(shell),
    .uses_flash = true,
    .name = TD_TEXT_INIT("shell mgmt"),
};
const struct td_server_group td_server_group_enum = {
    .id = TD_SMP_GROUP_ENUM,
    .commands = enumeration,
    .n_commands = TD_N_OF(enumeration),
    .name = TD_TEXT_INIT("enum mgmt"),
};
const struct td_server_group td_server_group_basic = {
    .id = TD_SMP_GROUP_BASIC,
    .commands = basic,
    .n_commands = TD_N_OF(basic),
    .uses_flash = true,
    .name = TD_TEXT_INIT("zephyr basic mgmt"),
};
const struct td_server_group td_server_group_tandem = {
    .id = TD_SMP_GROUP_TANDEM,
    .commands = tandem,
    .n_commands = TD_N_OF(tandem),
    .uses_flash = true,
    .name = TD_TEXT_INIT("tandem"),
};
