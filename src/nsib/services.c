/* nsib/services.c - EXT_API: what the next stage asks of this one, and what it is given. */
#include "base/bytes.h"
#include "base/range.h"
#include "nsib/nsib_priv.h"

#define RECORD_SIZE  28u /* a provider's, without its functions */
#define REQUEST_SIZE 40u

struct record {
    uint32_t len;
    uint32_t id;
    uint32_t flags;
    uint32_t version;
    uint32_t below; /* requests: the version has to be lower than this */
    uint32_t required;
    uint32_t variable; /* that is to be filled in */
};

/* One record of at least size bytes at off, which ends before end. TD_EFORMAT: there is none. */
static enum td_err read_record(const struct td_source *src, uint32_t off, uint32_t end,
                               uint32_t size, struct record *r)
{
    uint8_t raw[REQUEST_SIZE];
    enum td_err err;

    if (!td_range_in(off, size, end))
        return TD_EFORMAT;
    err = td_source_read(src, off, raw, size);
    if (err != TD_OK)
        return err;
    r->len = td_load_le32(raw + 12);
    r->id = td_load_le32(raw + 16);
    r->flags = td_load_le32(raw + 20);
    r->version = td_load_le32(raw + 24);
    if (size == REQUEST_SIZE) {
        r->below = td_load_le32(raw + 28);
        r->required = td_load_le32(raw + 32);
        r->variable = td_load_le32(raw + 36);
    }
    if (td_load_le32(raw) != TD_FW_MAGIC_COMMON || td_load_le32(raw + 4) != TD_FW_MAGIC_EXT_API ||
        r->len < size || r->len % 4 != 0 || !td_range_in(off, r->len, end))
        return TD_EFORMAT;
    return TD_OK;
}

static uint32_t provider_of(const struct td_nsib_config *c, const struct record *r)
{
    for (unsigned i = 0; i < c->n_apis; i++) {
        const struct td_nsib_api *api = &c->apis[i];

        if (api->id == r->id && api->version >= r->version && api->version < r->below &&
            (api->flags & r->flags) == r->flags)
            return api->record;
    }
    return 0;
}

// The variable is written before the jump: it must not be a register, or this stage's own.
static bool may_write(const struct td_nsib_config *c, uint32_t address)
{
    return address % 4 == 0 && (c->ram_size == 0 || (address >= c->ram_addr && c->ram_size >= 4 &&
                                                     address - c->ram_addr <= c->ram_size - 4));
}

static bool grant(struct td_nsib_check *k, const struct record *r, struct td_nsib_why *why)
{
    uint32_t record = provider_of(k->config, r);

    if (record == 0 && r->required != 0) {
        k->unmet = k->manner->ignores_ext_api;
        if (!k->unmet)
            *why = (struct td_nsib_why){ TD_V_NSIB_NO_API, r->id, r->version };
        return k->unmet;
    }
    if (!may_write(k->config, r->variable) || k->fw->n_grants == TD_NSIB_GRANTS_MAX) {
        *why = (struct td_nsib_why){ TD_V_NSIB_BAD_INFO, 0, r->variable };
        return false;
    }
    k->fw->grants[k->fw->n_grants++] = (struct td_nsib_grant){ r->variable, record };
    return true;
}

enum td_err td_nsib_services(struct td_nsib_check *check, struct td_nsib_why *why)
{
    const struct td_fw_info *info = &check->fw->info;
    struct td_source src = td_flash_source(&check->area);
    uint32_t end = info->off + info->total_size;
    uint32_t at = info->off + TD_FW_INFO_SIZE;
    struct record r = { 0 };
    enum td_err err = TD_OK;

    check->unmet = false;
    for (uint32_t i = 0; err == TD_OK && i < info->n_ext_apis; i++, at += r.len)
        err = read_record(&src, at, end, RECORD_SIZE, &r);
    for (uint32_t i = 0; err == TD_OK && i < info->n_requests; i++, at += r.len) {
        err = read_record(&src, at, end, REQUEST_SIZE, &r);
        if (err == TD_OK && !grant(check, &r, why))
            return TD_OK;
    }
    if (err == TD_EFORMAT)
        *why = (struct td_nsib_why){ TD_V_NSIB_BAD_INFO, end, at };
    return err == TD_EFORMAT ? TD_OK : err;
}
