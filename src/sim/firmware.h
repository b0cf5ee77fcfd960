/*
 * sim/firmware.h - what stands for a second stage or a network core's application.
 *
 * It is laid out as Nordic's builds are: a vector table, fw_info at 0x200, and behind the last
 * byte the validation info that a first stage reads (docs/spec/nsib.md). In place of code it
 * has a descriptor of sim/app.h, so that a device can tell whose it is and how it behaves
 * (docs/spec/sim-app.md). Signing is the caller's.
 */
#ifndef TD_SIM_FIRMWARE_H
#define TD_SIM_FIRMWARE_H

#include "base/err.h"
#include "sim/app.h"

#define SIM_FIRMWARE_INFO       0x200 /* where fw_info stands */
#define SIM_FIRMWARE_DESCRIPTOR 0x240
#define SIM_FIRMWARE_MIN        (SIM_FIRMWARE_DESCRIPTOR + SIM_APP_DESCRIPTOR_SIZE)
#define SIM_FIRMWARE_SEAL       (3 + 176) /* bytes that sealing adds at most */

struct sim_firmware {
    struct sim_app app; /* name, flags, and size: of all of it, without the seal */
    uint32_t address;   /* of its first byte */
    uint32_t stack;     /* what the vector table's first word says */
    uint32_t version;   /* fw_info's */
    uint8_t soc;        /* family number: 52, 53 */
};

/* Writes app.size bytes. TD_EARG, as sim_app_build; TD_ESPACE. */
enum td_err sim_firmware_build(const struct sim_firmware *fw, uint8_t *out, size_t cap);

/* The SHA-256 of the firmware: what is signed, as a message. */
void sim_firmware_hash(const struct sim_firmware *fw, const uint8_t *bytes, uint8_t hash[32]);

/*
 * Appends the validation info: key X and Y, sig r and s, big-endian. bytes has room for
 * SIM_FIRMWARE_SEAL more. Returns how long it is now.
 */
size_t sim_firmware_seal(const struct sim_firmware *fw, uint8_t *bytes, const uint8_t hash[32],
                         const uint8_t key[64], const uint8_t sig[64]);

/* Reads the descriptor of a firmware that begins at off of the source; as sim_app_read. */
struct td_source;
enum td_err sim_firmware_read(const struct td_source *src, uint32_t off, struct sim_app *app);

#endif
