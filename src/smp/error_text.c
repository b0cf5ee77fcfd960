/* smp/error_text.c - names and sentences of SMP's errors, for those who print them. */
#include "smp/error.h"

#include "base/range.h"
#include "smp/header.h"

struct row {
    uint32_t code;
    const char *name, *text;
};

#define RC_ROW(name, number, text)        { number, #name, text },
#define GROUP_ROW(name, number, v1, text) { number, #name, text },

static const struct row rcs[] = { TD_SMP_RCS(RC_ROW) };
static const struct row os_rows[] = { TD_SMP_OS_ERRORS(GROUP_ROW) };
static const struct row img_rows[] = { TD_SMP_IMG_ERRORS(GROUP_ROW) };
static const struct row stat_rows[] = { TD_SMP_STAT_ERRORS(GROUP_ROW) };
static const struct row settings_rows[] = { TD_SMP_SETTINGS_ERRORS(GROUP_ROW) };
static const struct row fs_rows[] = { TD_SMP_FS_ERRORS(GROUP_ROW) };
static const struct row shell_rows[] = { TD_SMP_SHELL_ERRORS(GROUP_ROW) };
static const struct row enum_rows[] = { TD_SMP_ENUM_ERRORS(GROUP_ROW) };
static const struct row basic_rows[] = { TD_SMP_BASIC_ERRORS(GROUP_ROW) };
static const struct row tandem_rows[] = { TD_SMP_TANDEM_ERRORS(GROUP_ROW) };

static const struct {
    uint16_t group;
    const struct row *rows;
    size_t n;
} groups[] = {
    { TD_SMP_GROUP_OS, os_rows, TD_N_OF(os_rows) },
    { TD_SMP_GROUP_IMAGE, img_rows, TD_N_OF(img_rows) },
    { TD_SMP_GROUP_STAT, stat_rows, TD_N_OF(stat_rows) },
    { TD_SMP_GROUP_SETTINGS, settings_rows, TD_N_OF(settings_rows) },
    { TD_SMP_GROUP_FS, fs_rows, TD_N_OF(fs_rows) },
    { TD_SMP_GROUP_SHELL, shell_rows, TD_N_OF(shell_rows) },
    { TD_SMP_GROUP_ENUM, enum_rows, TD_N_OF(enum_rows) },
    { TD_SMP_GROUP_BASIC, basic_rows, TD_N_OF(basic_rows) },
    { TD_SMP_GROUP_TANDEM, tandem_rows, TD_N_OF(tandem_rows) },
};

static const struct row unknown_rc = { 0, "TD_SMP_RC_?", "an error number that has no name" };
static const struct row unknown_code = { 0, "?", "an error number of the group that has no name" };

static const struct row *find(const struct row *rows, size_t n, uint32_t code,
                              const struct row *otherwise)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].code == code)
            return &rows[i];
    return otherwise;
}

static const struct row *find_rc(uint32_t rc)
{
    return find(rcs, TD_N_OF(rcs), rc, &unknown_rc);
}

static const struct row *find_code(uint16_t group, uint32_t code)
{
    for (size_t i = 0; i < TD_N_OF(groups); i++)
        if (groups[i].group == group)
            return find(groups[i].rows, groups[i].n, code, &unknown_code);
    return &unknown_code;
}

const char *td_smp_rc_name(uint32_t rc)
{
    return find_rc(rc)->name;
}

const char *td_smp_rc_text(uint32_t rc)
{
    return find_rc(rc)->text;
}

const char *td_smp_group_error_name(uint16_t group, uint32_t code)
{
    return find_code(group, code)->name;
}

const char *td_smp_group_error_text(uint16_t group, uint32_t code)
{
    return find_code(group, code)->text;
}

const char *td_smp_status_name(const struct td_smp_status *status)
{
    return status->of_group ? td_smp_group_error_name(status->group, status->code)
                            : td_smp_rc_name(status->code);
}

const char *td_smp_status_text(const struct td_smp_status *status)
{
    return status->of_group ? td_smp_group_error_text(status->group, status->code)
                            : td_smp_rc_text(status->code);
}
