#include "smp/error.h"

#include "base/range.h"
#include "smp/header.h"

enum td_err td_smp_status_decode(const uint8_t *payload, size_t len, struct td_smp_status *status)
{
    struct td_cbor_reader err_map;
    uint32_t rc = 0, group = 0, group_rc = 0;
    bool has_rc, has_err, has_reason, has_group, has_group_rc;
    struct td_cbor_text reason = { NULL, 0 };
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("rc", &rc, &has_rc),
        TD_CBOR_FIELD_MAP("err", &err_map, &has_err),
        TD_CBOR_FIELD_TEXT("rsn", &reason, &has_reason),
    };
    const struct td_cbor_field err_fields[] = {
        TD_CBOR_FIELD_UINT("group", &group, &has_group),
        TD_CBOR_FIELD_UINT("rc", &group_rc, &has_group_rc),
    };
    enum td_err err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));

    *status = (struct td_smp_status){ .of_group = false };
    if (err == TD_OK && has_err)
        err = td_cbor_get_map(&err_map, err_fields, TD_N_OF(err_fields));
    if (err != TD_OK)
        return err;
    if (has_err && group > UINT16_MAX)
        return TD_EFORMAT;
    status->reason = reason;
    status->code = rc;
    // Success may come as rc 0 beside an error of the group; what went wrong is what counts.
    if (has_err && group_rc != 0) {
        status->of_group = true;
        status->group = (uint16_t)group;
        status->code = group_rc;
    }
    return TD_OK;
}

void td_smp_put_reason(struct td_cbor_writer *w, struct td_cbor_text reason)
{
    if (reason.len == 0)
        return;
    td_cbor_key(w, "rsn");
    td_cbor_put_text(w, reason);
}

void td_smp_put_rc(struct td_cbor_writer *w, uint32_t rc, struct td_cbor_text reason)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "rc");
    td_cbor_put_uint(w, rc);
    td_smp_put_reason(w, reason);
    td_cbor_close(w);
}

void td_smp_put_err(struct td_cbor_writer *w, uint16_t group, uint32_t code)
{
    td_cbor_key(w, "err");
    td_cbor_open_map(w);
    td_cbor_key(w, "group");
    td_cbor_put_uint(w, group);
    td_cbor_key(w, "rc");
    td_cbor_put_uint(w, code);
    td_cbor_close(w);
}

void td_smp_put_group_error(struct td_cbor_writer *w, uint16_t group, uint32_t code,
                            struct td_cbor_text reason)
{
    td_cbor_open_map(w);
    td_smp_put_err(w, group, code);
    td_smp_put_reason(w, reason);
    td_cbor_close(w);
}

#define V1_OF(name, number, v1, text) [number] = (v1),

static const uint8_t os_v1[] = { TD_SMP_OS_ERRORS(V1_OF) };
static const uint8_t img_v1[] = { TD_SMP_IMG_ERRORS(V1_OF) };
static const uint8_t stat_v1[] = { TD_SMP_STAT_ERRORS(V1_OF) };
static const uint8_t settings_v1[] = { TD_SMP_SETTINGS_ERRORS(V1_OF) };
static const uint8_t fs_v1[] = { TD_SMP_FS_ERRORS(V1_OF) };
static const uint8_t shell_v1[] = { TD_SMP_SHELL_ERRORS(V1_OF) };
static const uint8_t enum_v1[] = { TD_SMP_ENUM_ERRORS(V1_OF) };
static const uint8_t basic_v1[] = { TD_SMP_BASIC_ERRORS(V1_OF) };
static const uint8_t tandem_v1[] = { TD_SMP_TANDEM_ERRORS(V1_OF) };

static const struct {
    uint16_t group;
    uint8_t n;
    const uint8_t *v1;
} groups[] = {
    { TD_SMP_GROUP_OS, TD_N_OF(os_v1), os_v1 },
    { TD_SMP_GROUP_IMAGE, TD_N_OF(img_v1), img_v1 },
    { TD_SMP_GROUP_STAT, TD_N_OF(stat_v1), stat_v1 },
    { TD_SMP_GROUP_SETTINGS, TD_N_OF(settings_v1), settings_v1 },
    { TD_SMP_GROUP_FS, TD_N_OF(fs_v1), fs_v1 },
    { TD_SMP_GROUP_SHELL, TD_N_OF(shell_v1), shell_v1 },
    { TD_SMP_GROUP_ENUM, TD_N_OF(enum_v1), enum_v1 },
    { TD_SMP_GROUP_BASIC, TD_N_OF(basic_v1), basic_v1 },
    { TD_SMP_GROUP_TANDEM, TD_N_OF(tandem_v1), tandem_v1 },
};

uint32_t td_smp_v1_rc(uint16_t group, uint32_t code)
{
    for (size_t i = 0; i < TD_N_OF(groups); i++)
        if (groups[i].group == group && code < groups[i].n)
            return groups[i].v1[code];
    return code == 0 ? TD_SMP_RC_OK : TD_SMP_RC_UNKNOWN;
}
