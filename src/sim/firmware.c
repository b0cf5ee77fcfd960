/* sim/firmware.c - every byte of a firmware that no processor runs. */
#include "sim/firmware.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "base/source.h"
#include "crypto/hash.h"
#include "image/fw_info.h"

#define RESET_OFF  0x101 /* a place inside, with the Thumb bit */
#define ECDSA_P256 1     /* crypto id of a validation info's magic */

static void put_magic(uint8_t *out, uint32_t kind, uint8_t soc, uint8_t crypto)
{
    td_store_le32(out, TD_FW_MAGIC_COMMON);
    td_store_le32(out + 4, kind);
    td_store_le32(out + 8, 2u | (uint32_t)soc << 8 | (uint32_t)crypto << 16);
}

static void put_info(const struct sim_firmware *fw, uint8_t *out)
{
    memset(out, 0, TD_FW_INFO_SIZE);
    put_magic(out, TD_FW_MAGIC_INFO, fw->soc, 0);
    td_store_le32(out + 12, TD_FW_INFO_SIZE);
    td_store_le32(out + 16, fw->app.size);
    td_store_le32(out + 20, fw->version);
    td_store_le32(out + 24, fw->address);
    td_store_le32(out + 28, fw->address);
    td_store_le32(out + 32, TD_FW_VALID);
}

enum td_err sim_firmware_build(const struct sim_firmware *fw, uint8_t *out, size_t cap)
{
    struct sim_app app = fw->app;
    enum td_err err;

    if (fw->app.size < SIM_FIRMWARE_MIN)
        return TD_EARG;
    if (cap < fw->app.size)
        return TD_ESPACE;
    app.size -= SIM_FIRMWARE_DESCRIPTOR;
    err = sim_app_build(&app, out + SIM_FIRMWARE_DESCRIPTOR, cap - SIM_FIRMWARE_DESCRIPTOR);
    if (err != TD_OK)
        return err;
    memset(out, 0, SIM_FIRMWARE_DESCRIPTOR);
    td_store_le32(out, fw->stack);
    td_store_le32(out + 4, fw->address + RESET_OFF);
    put_info(fw, out + SIM_FIRMWARE_INFO);
    return TD_OK;
}

void sim_firmware_hash(const struct sim_firmware *fw, const uint8_t *bytes, uint8_t hash[32])
{
    struct td_hash h;

    td_hash_init(&h, &td_sha256);
    td_hash_update(&h, bytes, fw->app.size);
    td_hash_final(&h, hash);
}

size_t sim_firmware_seal(const struct sim_firmware *fw, uint8_t *bytes, const uint8_t hash[32],
                         const uint8_t key[64], const uint8_t sig[64])
{
    uint32_t end = fw->app.size;
    uint8_t *v;

    while (end % 4 != 0)
        bytes[end++] = 0xff;
    v = bytes + end;
    put_magic(v, TD_FW_MAGIC_VALIDATION, fw->soc, ECDSA_P256);
    td_store_le32(v + 12, fw->address);
    memcpy(v + 16, hash, 32);
    memcpy(v + 48, key, 64);
    memcpy(v + 112, sig, 64);
    return end + TD_FW_VALIDATION_SIZE;
}

enum td_err sim_firmware_read(const struct td_source *src, uint32_t off, struct sim_app *app)
{
    uint8_t bytes[SIM_APP_DESCRIPTOR_SIZE];
    enum td_err err = TD_ETRUNC;

    if (td_range_in(off, SIM_FIRMWARE_MIN, src->size))
        err = td_source_read(src, off + SIM_FIRMWARE_DESCRIPTOR, bytes, sizeof bytes);
    return err == TD_OK ? sim_app_read(bytes, app) : err;
}
