/* image/fw_info.c - NSIB's structures, read word by word, bounds first. */
#include "image/fw_info.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"

#define EXT_API_SIZE 28u
#define REQUEST_SIZE 40u

static struct td_fw_compat compat_of(uint32_t word)
{
    return (struct td_fw_compat){ (uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
                                  (uint8_t)(word >> 24) };
}

static bool is_magic(const uint8_t *bytes, uint32_t type)
{
    return td_load_le32(bytes) == TD_FW_MAGIC_COMMON && td_load_le32(bytes + 4) == type;
}

/* Records need not be there, but their number has to fit into what total_size leaves them. */
static bool counts_fit(const struct td_fw_info *info)
{
    uint32_t room = info->total_size - TD_FW_INFO_SIZE;
    uint32_t provided, requested;

    if (info->n_ext_apis > room / EXT_API_SIZE || info->n_requests > room / REQUEST_SIZE)
        return false;
    provided = info->n_ext_apis * EXT_API_SIZE;
    requested = info->n_requests * REQUEST_SIZE;
    return requested <= room && provided <= room - requested;
}

enum td_err td_fw_info_read(const struct td_source *src, uint32_t off, struct td_fw_info *info)
{
    uint8_t raw[TD_FW_INFO_SIZE];
    enum td_err err = td_source_read(src, off, raw, TD_FW_MAGIC_SIZE);

    memset(info, 0, sizeof *info);
    if (err != TD_OK)
        return err;
    if (!is_magic(raw, TD_FW_MAGIC_INFO))
        return TD_ENOTFOUND;
    err = td_source_read(src, off, raw, sizeof raw);
    if (err != TD_OK)
        return err;
    info->off = off;
    info->compat = compat_of(td_load_le32(raw + 8));
    info->total_size = td_load_le32(raw + 12);
    info->size = td_load_le32(raw + 16);
    info->version = td_load_le32(raw + 20);
    info->address = td_load_le32(raw + 24);
    info->boot_address = td_load_le32(raw + 28);
    info->valid = td_load_le32(raw + 32);
    info->n_ext_apis = td_load_le32(raw + 52);
    info->n_requests = td_load_le32(raw + 56);
    if (info->compat.format != 2 || info->total_size < TD_FW_INFO_SIZE ||
        info->total_size % 4 != 0 || info->size < info->total_size || !counts_fit(info))
        return TD_EFORMAT;
    return td_range_in(off, info->total_size, src->size) ? TD_OK : TD_ETRUNC;
}

bool td_fw_search_nth(enum td_fw_search search, unsigned n, uint32_t *off)
{
    // In the order in which they are tried; who: the first and last generation that tries it.
    static const struct {
        uint16_t off;
        uint8_t first, last;
    } places[] = {
        { 0x0, TD_FW_SEARCH_2_7, TD_FW_SEARCH_2_9 },
        { 0x200, TD_FW_SEARCH_2019, TD_FW_SEARCH_2_9 },
        { 0x400, TD_FW_SEARCH_2019, TD_FW_SEARCH_2_9 },
        { 0x600, TD_FW_SEARCH_2_9, TD_FW_SEARCH_2_9 },
        { 0x800, TD_FW_SEARCH_2019, TD_FW_SEARCH_2_9 },
        { 0xe00, TD_FW_SEARCH_2_9, TD_FW_SEARCH_2_9 },
        { 0x1000, TD_FW_SEARCH_2_7, TD_FW_SEARCH_2_9 },
    };

    for (size_t i = 0; i < TD_N_OF(places); i++) {
        if (search < places[i].first || search > places[i].last || n-- > 0)
            continue;
        *off = places[i].off;
        return true;
    }
    return false;
}

enum td_err td_fw_info_find(const struct td_source *src, uint32_t base, enum td_fw_search search,
                            struct td_fw_info *info)
{
    uint32_t off;

    for (unsigned n = 0; td_fw_search_nth(search, n, &off); n++) {
        uint32_t at;
        enum td_err err;

        if (!td_add_u32(base, off, &at) || !td_range_in(at, TD_FW_MAGIC_SIZE, src->size))
            continue;
        err = td_fw_info_read(src, at, info);
        if (err != TD_ENOTFOUND)
            return err;
    }
    return TD_ENOTFOUND;
}

enum td_err td_fw_validation_read(const struct td_source *src, uint32_t end,
                                  struct td_fw_validation *v)
{
    uint8_t raw[TD_FW_VALIDATION_SIZE];
    enum td_err err;

    memset(v, 0, sizeof *v);
    for (uint32_t shift = 0; shift <= 4; shift++) {
        uint32_t at;

        if (!td_add_u32(end, shift, &at) || !td_range_in(at, TD_FW_MAGIC_SIZE, src->size))
            return TD_ENOTFOUND;
        err = td_source_read(src, at, raw, TD_FW_MAGIC_SIZE);
        if (err != TD_OK)
            return err;
        if (!is_magic(raw, TD_FW_MAGIC_VALIDATION))
            continue;
        v->off = at;
        v->compat = compat_of(td_load_le32(raw + 8));
        if (v->compat.format != 2 || v->compat.crypto != 1)
            return TD_EUNSUPPORTED;
        err = td_source_read(src, at, raw, sizeof raw);
        if (err != TD_OK)
            return err;
        v->address = td_load_le32(raw + 12);
        memcpy(v->hash, raw + 16, sizeof v->hash);
        memcpy(v->key, raw + 48, sizeof v->key);
        memcpy(v->sig, raw + 112, sizeof v->sig);
        return TD_OK;
    }
    return TD_ENOTFOUND;
}

enum td_err td_fw_hash(const struct td_source *src, uint32_t start, uint32_t size, uint8_t hash[32])
{
    uint8_t buf[256];
    struct td_hash state;

    if (!td_range_in(start, size, src->size))
        return TD_ETRUNC;
    td_hash_init(&state, &td_sha256);
    for (uint32_t done = 0; done < size;) {
        uint32_t n = td_min_u32(size - done, sizeof buf);
        enum td_err err = td_source_read(src, start + done, buf, n);

        if (err != TD_OK)
            return err;
        td_hash_update(&state, buf, n);
        done += n;
    }
    td_hash_final(&state, hash);
    return TD_OK;
}

void td_fw_fingerprint(const uint8_t key[64], uint8_t out[TD_FW_FINGERPRINT])
{
    uint8_t digest[32];

    td_hash_of(&td_sha256, key, 64, digest);
    memcpy(out, digest, TD_FW_FINGERPRINT);
}

/* DER's INTEGER of 32 bytes big-endian: no leading zeros, but one in front of a high bit. */
static size_t put_integer(uint8_t *out, const uint8_t value[32])
{
    size_t skip = 0;
    size_t len = 0;

    while (skip < 31 && value[skip] == 0)
        skip++;
    out[len++] = 2;
    out[len++] = (uint8_t)(32 - skip + (value[skip] >> 7));
    if ((value[skip] & 0x80) != 0)
        out[len++] = 0;
    memcpy(out + len, value + skip, 32 - skip);
    return len + 32 - skip;
}

enum td_err td_fw_verify(const struct td_fw_validation *v, const uint8_t hash[32],
                         const struct td_sig_alg *alg)
{
    uint8_t digest[32];

    td_hash_of(&td_sha256, hash, 32, digest);
    return td_fw_verify_digest(v, digest, alg);
}

enum td_err td_fw_verify_digest(const struct td_fw_validation *v, const uint8_t digest[32],
                                const struct td_sig_alg *alg)
{
    // SubjectPublicKeyInfo of an uncompressed point on P-256.
    static const uint8_t head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
    uint8_t key[sizeof head + 64];
    uint8_t sig[72];
    size_t len = 2;

    memcpy(key, head, sizeof head);
    memcpy(key + sizeof head, v->key, 64);
    len += put_integer(sig + len, v->sig);
    len += put_integer(sig + len, v->sig + 32);
    sig[0] = 0x30;
    sig[1] = (uint8_t)(len - 2);
    return alg->verify(key, sizeof key, digest, 32, sig, len);
}
