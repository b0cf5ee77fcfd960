/* A firmware made for the sim is one to the readers of what first stages read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/source.h"
#include "image/fw_info.h"
#include "sim/firmware.h"

static struct sim_firmware stage(uint32_t size)
{
    return (struct sim_firmware){
        .app = { .flags = SIM_APP_HANG, .size = size, .name = "stage" },
        .address = 0xc200,
        .stack = 0x20040000,
        .version = 7,
        .soc = 53,
    };
}

static void it_is_found_with_its_seal_and_its_descriptor(void **state)
{
    static const uint32_t sizes[] = { SIM_FIRMWARE_MIN, 4097, 8190, 20000 };
    static uint8_t bytes[20000 + SIM_FIRMWARE_SEAL];
    uint8_t key[64], sig[64], hash[32], again[32];

    (void)state;
    memset(key, 0x11, sizeof key);
    memset(sig, 0x22, sizeof sig);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct sim_firmware fw = stage(sizes[i]);
        struct td_fw_info info;
        struct td_fw_validation v;
        struct sim_app app;
        struct td_source src;
        size_t len;

        assert_int_equal(sim_firmware_build(&fw, bytes, sizeof bytes), TD_OK);
        sim_firmware_hash(&fw, bytes, hash);
        len = sim_firmware_seal(&fw, bytes, hash, key, sig);
        assert_true(len <= sizes[i] + SIM_FIRMWARE_SEAL);
        src = td_source_memory(bytes, (uint32_t)len);
        assert_int_equal(td_fw_info_find(&src, 0, TD_FW_SEARCH_2_7, &info), TD_OK);
        assert_int_equal(info.off, SIM_FIRMWARE_INFO);
        assert_int_equal(info.address, 0xc200);
        assert_int_equal(info.version, 7);
        assert_int_equal(info.compat.soc, 53);
        assert_int_equal(info.size, sizes[i]);
        assert_int_equal(td_fw_validation_read(&src, info.size, &v), TD_OK);
        assert_int_equal(td_fw_hash(&src, 0, info.size, again), TD_OK);
        assert_memory_equal(v.hash, again, sizeof again);
        assert_memory_equal(v.key, key, sizeof key);
        assert_memory_equal(v.sig, sig, sizeof sig);
        assert_int_equal(v.address, 0xc200);
        assert_in_range(td_load_le32(bytes + 4), 0xc200, 0xc200 + sizes[i]);
        assert_int_equal(sim_firmware_read(&src, 0, &app), TD_OK);
        assert_string_equal(app.name, "stage");
        assert_int_equal(app.flags, SIM_APP_HANG);
    }
}

static void what_is_too_small_or_has_no_room_is_refused(void **state)
{
    uint8_t bytes[SIM_FIRMWARE_MIN];
    struct sim_firmware fw = stage(SIM_FIRMWARE_MIN - 1);

    (void)state;
    assert_int_equal(sim_firmware_build(&fw, bytes, sizeof bytes), TD_EARG);
    fw.app.size = SIM_FIRMWARE_MIN + 1;
    assert_int_equal(sim_firmware_build(&fw, bytes, sizeof bytes), TD_ESPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_found_with_its_seal_and_its_descriptor),
        cmocka_unit_test(what_is_too_small_or_has_no_room_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
