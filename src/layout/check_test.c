/* Each rule of the check: a layout that breaks it, and none of the sound ones does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "layout/check.h"
#include "layout/sample_test.h"

static struct td_layout_issues issues;

static const struct td_layout_issue *find(enum td_layout_rule rule)
{
    for (size_t i = 0; i < issues.n; i++) {
        if (issues.at[i].rule == rule)
            return &issues.at[i];
    }
    return NULL;
}

/* pm_static.yml may leave app out, which then is the one gap that there is. */
static void app_may_be_left_out(void **state)
{
    struct td_layout *layout = sample_with(SAMPLE_ONE, NULL);
    const struct td_layout_env env = { .soc = NULL };

    (void)state;
    sample_drop(layout, "app");
    td_layout_check(layout, &env, &issues);
    if (issues.n > 0)
        fail_msg("%s: %s", td_layout_rule_name(issues.at[0].rule), issues.at[0].text);
    td_layout_free(layout);
}

static void sound_layouts_have_notes_at_most(void **state)
{
    static const struct {
        const char *app, *net, *other;
    } rows[] = {
        { SAMPLE_ONE, NULL, "" },
        { SAMPLE_TWO, NULL, "" },
        { SAMPLE_53, SAMPLE_NET, "" },
        { SAMPLE_ONE, NULL,
          "mcuboot_primary: {address: 0xc000, size: 0x3a000}\n" // no settings
          "app: {address: 0xc200, size: 0x39e00}\n"
          "mcuboot_secondary: {address: 0x46000, size: 0x3a000}\n"
          "settings_storage: {address: 0, size: 0x1000, region: external_flash}\n" },
        // device tree: no pads, no containers
        { "boot_partition: {address: 0, size: 0x10000}\n"
          "slot0_partition: {address: 0x10000, size: 0x70000}\n"
          "slot1_partition: {address: 0x80000, size: 0x70000}\n"
          "storage_partition: {address: 0xf0000, size: 0x10000}\n",
          NULL, "" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_layout *layout = sample_with(rows[i].app, rows[i].other);
        const struct td_layout_env env = { .soc = NULL };

        if (rows[i].net != NULL)
            sample_add(layout, "CPUNET", rows[i].net);
        td_layout_check(layout, &env, &issues);
        if (td_layout_is_harmed(&issues, TD_HARM_WARNING))
            fail_msg("row %zu: %s: %s", i, td_layout_rule_name(issues.at[0].rule),
                     issues.at[0].text);
        td_layout_free(layout);
    }
}

#define MB "more: {address: 0x80000, size: 0x80000}\n"

static void each_mistake_is_found(void **state)
{
    static const struct {
        const char *says;
        enum td_layout_rule rule;
        enum td_harm harm;
        const char *sample, *other, *drop;
        const char *partition, *text; /* of the issue; NULL: any */
        struct td_layout_env env;
        const char *soc;
    } rows[] = {
        { "storage at the secondary's end",
          TD_LAYOUT_STORAGE,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "settings_storage: {address: 0x7c000, size: 0x4000}\n",
          NULL,
          "settings_storage",
          "share 0x2000 bytes",
          { 0 },
          NULL },
        { "two at one place",
          TD_LAYOUT_OVERLAP,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mine: {address: 0x7d000, size: 0x1000}\n",
          NULL,
          "mine",
          NULL,
          { 0 },
          NULL },
        { "a container holds half of a member",
          TD_LAYOUT_OVERLAP,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_primary: {address: 0xc000, size: 0x38000, span: [mcuboot_pad, app]}\n",
          NULL,
          "mcuboot_primary",
          NULL,
          { 0 },
          NULL },
        { "a container of another size than its members",
          TD_LAYOUT_MEMBERS,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "app: {address: 0xc200, size: 0x30000}\n",
          NULL,
          "mcuboot_primary",
          NULL,
          { 0 },
          NULL },
        { "a size of nothing",
          TD_LAYOUT_EMPTY,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "nvs: {address: 0x7e000, size: 0}\n",
          NULL,
          "nvs",
          NULL,
          { 0 },
          NULL },
        { "size and end contradict",
          TD_LAYOUT_END,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot: {address: 0, size: 0xc000, end_address: 0xd000}\n",
          NULL,
          "mcuboot",
          NULL,
          { 0 },
          NULL },
        { "beyond the chip that was named",
          TD_LAYOUT_BEYOND_MEMORY,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          MB,
          NULL,
          "more",
          NULL,
          { 0 },
          "nrf52833" },
        { "RAM that is not there",
          TD_LAYOUT_BEYOND_MEMORY,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "ram: {address: 0x20020000, size: 0x10, region: sram_primary}\n",
          NULL,
          "ram",
          NULL,
          { 0 },
          "nrf52833" },
        { "room that nobody has",
          TD_LAYOUT_GAP,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "",
          "settings_storage",
          "",
          "0x7e000 to 0x80000",
          { 0 },
          "nrf52833" },
        { "no gap for app",
          TD_LAYOUT_APP_GAPS,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mine: {address: 0xc200, size: 0x38e00}\n",
          "app",
          "",
          "there is none",
          { 0 },
          NULL },
        { "two gaps for app",
          TD_LAYOUT_APP_GAPS,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x38000}\n",
          "app",
          "",
          "0xc200 to 0x45000, 0x7d000 to 0x7e000",
          { 0 },
          NULL },
        { "a slot off the page",
          TD_LAYOUT_PAGE,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45800, size: 0x38800}\n",
          NULL,
          "mcuboot_secondary",
          NULL,
          { 0 },
          NULL },
        { "storage that ends off the page",
          TD_LAYOUT_PAGE,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "settings_storage: {address: 0x7e000, size: 0x1f00}\n",
          NULL,
          "settings_storage",
          NULL,
          { 0 },
          NULL },
        { "the primary off nRF53's protection",
          TD_LAYOUT_LOCK,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot: {address: 0x0, size: 0xd000}\n"
          "mcuboot_primary: {address: 0xd000, size: 0x38000, span: [mcuboot_pad, app]}\n"
          "mcuboot_pad: {address: 0xd000, size: 0x200}\n"
          "app: {address: 0xd200, size: 0x37e00}\n",
          NULL,
          "mcuboot_primary",
          "0x4000",
          { 0 },
          "nrf5340" },
        { "b0 of half a block",
          TD_LAYOUT_LOCK,
          TD_HARM_ERROR,
          SAMPLE_TWO,
          "b0: {address: 0, size: 0x6800}\nprovision: {address: 0x6800, size: 0x1800}\n",
          NULL,
          "b0_container",
          "Failed to protect B0",
          { 0 },
          NULL },
        { "S0 too large for a lock of the nRF54L",
          TD_LAYOUT_LOCK_SIZE,
          TD_HARM_WARNING,
          SAMPLE_TWO,
          "",
          NULL,
          "s0",
          "0x7c00",
          { 0 },
          "nrf54l15" },
        { "the LM20's regions are larger",
          TD_LAYOUT_LOCK_REGIONS,
          TD_HARM_NOTE,
          SAMPLE_TWO,
          "",
          NULL,
          "s0",
          "takes both",
          { 0 },
          "nrf54lm20" },
        { "b0 cannot join two regions",
          TD_LAYOUT_LOCK_SIZE,
          TD_HARM_WARNING,
          SAMPLE_TWO,
          "b0: {address: 0, size: 0x8000}\n"
          "s0: {address: 0x8000, size: 0x7c00}\ns1: {address: 0x14000, size: 0x7c00}\n",
          NULL,
          "b0",
          "0x7c00",
          { 0 },
          "nrf54l10" },
        { "MCUboot needs two regions of the nRF54L",
          TD_LAYOUT_LOCK_REGIONS,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "",
          NULL,
          "mcuboot",
          "COMBINED_REGIONS",
          { 0 },
          "nrf54l05" },
        { "which are not enough",
          TD_LAYOUT_LOCK_REGIONS,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "mcuboot_primary: {address: 0x10000, size: 0x35000}\n",
          NULL,
          "mcuboot",
          "too small as well",
          { 0 },
          "nrf54l15" },
        { "and are joined from 0 only",
          TD_LAYOUT_LOCK_REGIONS,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "mcuboot: {address: 0x400, size: 0xbc00}\n",
          NULL,
          "mcuboot",
          "from address 0 only",
          { 0 },
          "nrf54l15" },
        { "more than half the nRF52840's flash in one lock",
          TD_LAYOUT_LOCK_SIZE,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_pad: {address: 0x81000, size: 0x200}\n"
          "app: {address: 0x81200, size: 0x3e00}\n"
          "mcuboot_primary: {address: 0x81000, size: 0x4000}\n",
          NULL,
          "mcuboot",
          "at most 0x80000",
          { 0 },
          "nrf52840" },
        { "an external flash of sectors that nobody said",
          TD_LAYOUT_EXTERNAL_SECTOR,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0, size: 0x39000, region: external_flash}\n",
          NULL,
          "mcuboot_secondary",
          "taken as 0x1000",
          { 0 },
          NULL },
        { "an external flash of large sectors",
          TD_LAYOUT_PAGE,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0, size: 0x39000, region: external_flash}\n",
          NULL,
          "mcuboot_secondary",
          "(0x10000)",
          { .external_sector = 0x10000 },
          NULL },
        { "swap wants the same sectors in both slots",
          TD_LAYOUT_ROOM,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_primary: {address: 0xc000, size: 0x30000}\n"
          "app: {address: 0xc200, size: 0x2fe00}\n"
          "mcuboot_secondary: {address: 0, size: 0x30000, region: external_flash}\n",
          NULL,
          "mcuboot_primary",
          "no image fits",
          { .external_sector = 0x10000 },
          NULL },
        { "a secondary one sector short of everything",
          TD_LAYOUT_UNEQUAL,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x30000}\n",
          NULL,
          "mcuboot_secondary",
          "Cannot upgrade",
          { 0 },
          NULL },
        { "one sector more in the primary: move's",
          TD_LAYOUT_UNEQUAL,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x38000}\n",
          NULL,
          "mcuboot_secondary",
          "swap-move needs",
          { 0 },
          NULL },
        { "the same for offset",
          TD_LAYOUT_UNEQUAL,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x38000}\n",
          NULL,
          "mcuboot_secondary",
          NULL,
          { .has_strategy = true, .strategy = TD_MODE_OFFSET },
          NULL },
        { "one sector more in the secondary: perhaps offset's",
          TD_LAYOUT_UNEQUAL,
          TD_HARM_WARNING,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x3a000}\n",
          "settings_storage",
          "mcuboot_secondary",
          "right for swap-offset",
          { 0 },
          NULL },
        { "and offset's for certain",
          TD_LAYOUT_UNEQUAL,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x3a000}\n",
          "settings_storage",
          "mcuboot_secondary",
          "swap-offset needs",
          { .has_strategy = true, .strategy = TD_MODE_OFFSET },
          NULL },
        { "in direct-XIP the smaller one decides",
          TD_LAYOUT_UNEQUAL,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x30000}\n",
          NULL,
          "mcuboot_secondary",
          "smaller one",
          { .has_strategy = true, .strategy = TD_MODE_XIP },
          NULL },
        { "slots of image 1",
          TD_LAYOUT_UNEQUAL,
          TD_HARM_ERROR,
          SAMPLE_53,
          "mcuboot_secondary_1: {address: 0xdc000, size: 0x30000, region: external_flash}\n",
          NULL,
          "mcuboot_secondary_1",
          "image 1",
          { 0 },
          NULL },
        { "no secondary",
          TD_LAYOUT_NO_SECONDARY,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "",
          "mcuboot_secondary",
          "mcuboot_primary",
          NULL,
          { 0 },
          NULL },
        { "no primary",
          TD_LAYOUT_NO_PRIMARY,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "",
          "mcuboot_primary",
          "mcuboot",
          NULL,
          { 0 },
          NULL },
        { "no bootloader",
          TD_LAYOUT_NO_BOOT,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "",
          "mcuboot",
          "mcuboot_primary",
          NULL,
          { 0 },
          NULL },
        { "more sectors than are counted",
          TD_LAYOUT_SECTORS,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "",
          NULL,
          "mcuboot_primary",
          "57 sectors",
          { .max_sectors = 56 },
          NULL },
        { "more than are usually counted",
          TD_LAYOUT_SECTORS,
          TD_HARM_NOTE,
          SAMPLE_53,
          "",
          NULL,
          "mcuboot_primary",
          "220 sectors",
          { 0 },
          NULL },
        { "scratch wanted and not there",
          TD_LAYOUT_SCRATCH,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "",
          NULL,
          "",
          NULL,
          { .has_strategy = true, .strategy = TD_MODE_SCRATCH },
          NULL },
        { "scratch of half a sector",
          TD_LAYOUT_SCRATCH,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_scratch: {address: 0x7f000, size: 0x800}\n",
          NULL,
          "mcuboot_scratch",
          NULL,
          { 0 },
          NULL },
        { "sectors of two sizes cannot be moved",
          TD_LAYOUT_ROOM,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x0, size: 0x38000, region: external_flash}\n"
          "mcuboot_primary: {address: 0xc000, size: 0x38000}\n",
          NULL,
          "mcuboot_primary",
          "sectors have 0x1000 bytes, and the secondary's 0x8000",
          { .has_strategy = true, .strategy = TD_MODE_MOVE, .external_sector = 0x8000 },
          "nrf52833" },
        { "nor swapped by offset",
          TD_LAYOUT_ROOM,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x0, size: 0x38000, region: external_flash}\n"
          "mcuboot_primary: {address: 0xc000, size: 0x38000}\n",
          NULL,
          "mcuboot_primary",
          "no image fits with swap-offset",
          { .has_strategy = true, .strategy = TD_MODE_OFFSET, .external_sector = 0x8000 },
          "nrf52833" },
        { "a slot of 28 sectors and a half",
          TD_LAYOUT_ROOM,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x0, size: 0x39000, region: external_flash}\n",
          NULL,
          "mcuboot_primary",
          "0x39000 in sectors of 0x2000, are not whole ones",
          { .has_strategy = true, .strategy = TD_MODE_OVERWRITE, .external_sector = 0x2000 },
          "nrf52833" },
        { "an external flash of many sectors",
          TD_LAYOUT_SECTORS,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x0, size: 0x39000, region: external_flash}\n",
          NULL,
          "mcuboot_secondary",
          "114 sectors and the bootloader counts 64",
          { .max_sectors = 64, .external_sector = 0x800 },
          "nrf52833" },
        { "sectors that do not tile",
          TD_LAYOUT_SCRATCH,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_scratch: {address: 0x7e000, size: 0x1000}\n"
          "settings_storage: {address: 0x7f000, size: 0x1000}\n"
          "mcuboot_secondary: {address: 0x0, size: 0x39000, region: external_flash}\n",
          NULL,
          "mcuboot_secondary",
          "of 0x1000 and of 0x1800 bytes do not tile",
          { .external_sector = 0x1800 },
          "nrf52833" },
        { "scratch smaller than a group",
          TD_LAYOUT_SCRATCH,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_scratch: {address: 0x7e000, size: 0x1000}\n"
          "settings_storage: {address: 0x7f000, size: 0x1000}\n"
          "mcuboot_secondary: {address: 0x0, size: 0x38000, region: external_flash}\n"
          "mcuboot_primary: {address: 0xc000, size: 0x38000}\n",
          NULL,
          "mcuboot_scratch",
          "(0x1000) is smaller than a sector (0x2000) and the smaller ones",
          { .external_sector = 0x2000 },
          "nrf52833" },
        { "a network core that nothing keeps",
          TD_LAYOUT_NET_REVERT,
          TD_HARM_NOTE,
          SAMPLE_53,
          "",
          NULL,
          "mcuboot_primary_1",
          "through mcuboot_primary_1 and is kept nowhere",
          { 0 },
          NULL },
        { "nor when it comes through the application's slot",
          TD_LAYOUT_NET_REVERT,
          TD_HARM_NOTE,
          SAMPLE_53,
          "",
          "mcuboot_primary_1",
          "pcd_sram",
          "passes through the secondary slot",
          { 0 },
          NULL },
        { "scratch that nobody uses",
          TD_LAYOUT_SCRATCH,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "mcuboot_scratch: {address: 0x7f000, size: 0x1000}\n",
          NULL,
          "mcuboot_scratch",
          NULL,
          { .has_strategy = true, .strategy = TD_MODE_MOVE },
          NULL },
        { "slots smaller than a trailer",
          TD_LAYOUT_ROOM,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_primary: {address: 0xc000, size: 0x1000}\n"
          "mcuboot_secondary: {address: 0x45000, size: 0x1000}\n",
          NULL,
          "mcuboot_primary",
          NULL,
          { 0 },
          NULL },
        { "an image one byte too large",
          TD_LAYOUT_IMAGE,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "",
          NULL,
          "mcuboot_primary",
          "takes at most 225280",
          { .image_size = 225281 },
          NULL },
        { "a running image one byte too large",
          TD_LAYOUT_RUNNING,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "",
          NULL,
          "mcuboot_primary",
          "swapped out",
          { .image_size = 5, .running_size = 225281 },
          NULL },
        { "a pad of 0x20",
          TD_LAYOUT_PAD,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_pad: {address: 0xc000, size: 0x20}\napp: {address: 0xc020, size: 0x38fe0}\n",
          NULL,
          "mcuboot_pad",
          "hard fault",
          { 0 },
          NULL },
        { "a pad that is not the header's",
          TD_LAYOUT_PAD,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "",
          NULL,
          "mcuboot_pad",
          "0x800",
          { .header_size = 0x800 },
          NULL },
        { "a pad that is not the usual one",
          TD_LAYOUT_PAD,
          TD_HARM_WARNING,
          SAMPLE_ONE,
          "",
          NULL,
          "mcuboot_pad",
          "usually",
          { 0 },
          "nrf54l15" },
        { "a pad elsewhere",
          TD_LAYOUT_PAD,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_pad: {address: 0xc400, size: 0x200}\n",
          NULL,
          "mcuboot_pad",
          "first byte",
          { 0 },
          NULL },
        { "no pad",
          TD_LAYOUT_NO_PAD,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "app: {address: 0xc000, size: 0x39000}\n",
          "mcuboot_pad",
          "app",
          NULL,
          { 0 },
          NULL },
        { "unequal S0 and S1",
          TD_LAYOUT_S0_S1,
          TD_HARM_ERROR,
          SAMPLE_TWO,
          "s1: {address: 0x14000, size: 0xb000}\n",
          NULL,
          "s1",
          NULL,
          { 0 },
          NULL },
        { "unequal pads of S0 and S1",
          TD_LAYOUT_PAD,
          TD_HARM_ERROR,
          SAMPLE_TWO,
          "s1_pad: {address: 0x14000, size: 0x400}\ns1_image: {address: 0x14400, size: 0xbc00}\n",
          NULL,
          "s0",
          "built differently",
          { 0 },
          NULL },
        { "no S1",
          TD_LAYOUT_NO_S1,
          TD_HARM_WARNING,
          SAMPLE_TWO,
          "",
          "s1",
          "s0",
          NULL,
          { 0 },
          NULL },
        { "provision data elsewhere",
          TD_LAYOUT_PROVISION_PLACE,
          TD_HARM_ERROR,
          SAMPLE_TWO,
          "provision: {address: 0x7e000, size: 0x1000}\n"
          "settings_storage: {address: 0x7f000, size: 0x1000}\n",
          NULL,
          "provision",
          "ends at 0x7000",
          { 0 },
          NULL },
        { "provision data of the nRF53 in flash",
          TD_LAYOUT_PROVISION_PLACE,
          TD_HARM_ERROR,
          SAMPLE_53,
          "provision: {address: 0xf8000, size: 0x1000}\n",
          NULL,
          "provision",
          "0xff8100",
          { 0 },
          "nrf5340" },
        { "300 slots do not fit into the OTP",
          TD_LAYOUT_PROVISION_ROOM,
          TD_HARM_ERROR,
          SAMPLE_53,
          "",
          NULL,
          "provision",
          "need 680 bytes, and b0 reads 640: 280 slots",
          { .counter_slots = 300 },
          NULL },
        { "nor 240 with 6 keys",
          TD_LAYOUT_PROVISION_ROOM,
          TD_HARM_ERROR,
          SAMPLE_53,
          "",
          NULL,
          "provision",
          "need 660",
          { .counter_slots = 240, .keys = 6 },
          NULL },
        { "two slots share a word",
          TD_LAYOUT_PROVISION_WRITES,
          TD_HARM_NOTE,
          SAMPLE_TWO,
          "",
          NULL,
          "provision",
          "2 times",
          { 0 },
          NULL },
        { "OTP takes half a word once",
          TD_LAYOUT_PROVISION_WRITES,
          TD_HARM_NOTE,
          SAMPLE_53,
          "",
          NULL,
          "provision",
          "each half-word once",
          { 0 },
          NULL },
        { "and on the nRF54L a word",
          TD_LAYOUT_PROVISION_WRITES,
          TD_HARM_NOTE,
          SAMPLE_TWO,
          "provision: {address: 0xffd500, size: 0x460, region: otp}\n",
          NULL,
          "provision",
          "each word once",
          { 0 },
          "nrf54l15" },
        { "a block of the nRF52832 takes 181 writes",
          TD_LAYOUT_PROVISION_WRITES,
          TD_HARM_WARNING,
          SAMPLE_TWO,
          "",
          NULL,
          "provision",
          "allows 181",
          { .counter_slots = 240 },
          "nrf52832" },
        { "no provision data",
          TD_LAYOUT_NO_PROVISION,
          TD_HARM_WARNING,
          SAMPLE_TWO,
          "",
          "provision",
          "b0",
          NULL,
          { 0 },
          "nrf52833" },
        { "net updates through external flash",
          TD_LAYOUT_NET_EXTERNAL,
          TD_HARM_ERROR,
          SAMPLE_53,
          "",
          "mcuboot_primary_1",
          "mcuboot_secondary",
          "cannot read",
          { 0 },
          NULL },
        { "the same, said by the user",
          TD_LAYOUT_NET_EXTERNAL,
          TD_HARM_ERROR,
          SAMPLE_ONE,
          "mcuboot_secondary: {address: 0, size: 0x39000, region: external_flash}\n",
          NULL,
          "mcuboot_secondary",
          NULL,
          { .sequential_net = true },
          NULL },
        { "a RAM slot without its other half",
          TD_LAYOUT_NET_RAM,
          TD_HARM_ERROR,
          SAMPLE_53,
          "",
          "mcuboot_secondary_1",
          "mcuboot_primary_1",
          NULL,
          { 0 },
          NULL },
        { "the command word off its region",
          TD_LAYOUT_PCD,
          TD_HARM_ERROR,
          SAMPLE_53,
          "pcd_sram: {address: 0x20001000, size: 0x1000, region: sram_primary}\n",
          NULL,
          "pcd_sram",
          "regions of 0x2000",
          { 0 },
          NULL },
        { "the command word is for ever",
          TD_LAYOUT_PCD,
          TD_HARM_NOTE,
          SAMPLE_53,
          "",
          NULL,
          "pcd_sram",
          "0x20000000",
          { 0 },
          NULL },
        { "the cores' talk over the command word",
          TD_LAYOUT_RPMSG,
          TD_HARM_ERROR,
          SAMPLE_53,
          "rpmsg_nrf53_sram: {address: 0x20000000, size: 0x10000, region: sram_primary}\n",
          NULL,
          "rpmsg_nrf53_sram",
          NULL,
          { 0 },
          NULL },
        { "a secondary outside",
          TD_LAYOUT_EXTERNAL,
          TD_HARM_NOTE,
          SAMPLE_53,
          "",
          NULL,
          "mcuboot_secondary",
          "driver",
          { 0 },
          NULL },
        { "a letter too few",
          TD_LAYOUT_NAME_MISSPELT,
          TD_HARM_WARNING,
          SAMPLE_ONE,
          "mcuboot_secondry: {address: 0x45000, size: 0x39000}\n",
          "mcuboot_secondary",
          "mcuboot_secondry",
          "mcuboot_secondary was probably meant",
          { 0 },
          NULL },
        { "a region that is nearly one",
          TD_LAYOUT_REGION_UNKNOWN,
          TD_HARM_WARNING,
          SAMPLE_53,
          "mcuboot_secondary: {address: 0x0, size: 0xdc000, region: extern_flash}\n",
          NULL,
          "mcuboot_secondary",
          "external_flash",
          { 0 },
          NULL },
        { "several chips fit",
          TD_LAYOUT_SOC_UNSURE,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          MB,
          NULL,
          "",
          "several chips",
          { 0 },
          NULL },
        { "no chip fits",
          TD_LAYOUT_SOC_UNSURE,
          TD_HARM_NOTE,
          SAMPLE_ONE,
          "more: {address: 0x80000, size: 0x800000}\n",
          NULL,
          "",
          "no chip",
          { 0 },
          NULL },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_layout *layout = sample_with(rows[i].sample, rows[i].other);
        struct td_layout_env env = rows[i].env;
        const struct td_layout_issue *issue;

        if (rows[i].drop != NULL)
            sample_drop(layout, rows[i].drop);
        if (rows[i].soc != NULL)
            env.soc = td_soc_by_name(rows[i].soc);
        td_layout_check(layout, &env, &issues);
        issue = find(rows[i].rule);
        if (issue == NULL)
            fail_msg("%s: not found", rows[i].says);
        if (issue->harm != rows[i].harm || strcmp(issue->partition, rows[i].partition) != 0 ||
            (rows[i].text != NULL && strstr(issue->text, rows[i].text) == NULL))
            fail_msg("%s: %s, %s: %s", rows[i].says, td_harm_name(issue->harm), issue->partition,
                     issue->text);
        td_layout_free(layout);
    }
}

static void the_network_core_is_checked_with_its_own_measure(void **state)
{
    static const struct {
        const char *other;
        enum td_layout_rule rule;
    } rows[] = {
        { "b0n_container: {address: 0x1000000, size: 0x8900}\n", TD_LAYOUT_NET_CONTAINER },
        { "app: {address: 0x1009000, size: 0x37000}\n", TD_LAYOUT_NET_CONTAINER },
        { "pcd_sram: {address: 0x2006e000, size: 0x2000, region: sram_primary}\n", TD_LAYOUT_PCD },
        { "rpmsg_nrf53_sram: {address: 0x20060000, size: 0x10000, region: sram_primary}\n",
          TD_LAYOUT_RPMSG },
        { "app: {address: 0x1008800, size: 0x40800}\n", TD_LAYOUT_NET_RAM },
        { "app: {address: 0x1008800, size: 0x37900}\n", TD_LAYOUT_NET_CONTAINER },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_layout *net = sample_with(SAMPLE_NET, rows[i].other);
        struct td_layout *layout = sample_with(SAMPLE_53, NULL);
        const struct td_layout_env env = { .soc = NULL };

        for (size_t k = 0; k < net->n; k++) {
            memcpy(net->at[k].domain, "CPUNET", sizeof "CPUNET");
            assert_int_equal(td_layout_add(layout, &net->at[k]), TD_OK);
        }
        td_layout_check(layout, &env, &issues);
        if (find(rows[i].rule) == NULL || find(rows[i].rule)->harm != TD_HARM_ERROR)
            fail_msg("%s: not found", rows[i].other);
        td_layout_free(layout);
        td_layout_free(net);
    }
}

/* What cannot be, for one slot, or for a network core that has a slot in flash: not said. */
static void what_a_way_does_not_need_is_not_asked_for(void **state)
{
    static const struct {
        const char *sample, *other, *drop;
        enum td_layout_rule rule;
        struct td_layout_env env;
    } rows[] = {
        { SAMPLE_53,
          "netcore_good: {address: 0xe0000, size: 0x40000, region: external_flash}\n",
          "mcuboot_primary_1",
          TD_LAYOUT_NET_REVERT,
          { 0 } },
        { SAMPLE_ONE, "", "", TD_LAYOUT_NET_REVERT, { 0 } },
        { SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x30000}\n",
          "",
          TD_LAYOUT_UNEQUAL,
          { .has_strategy = true, .strategy = TD_MODE_LOADER } },
        { SAMPLE_ONE,
          "mcuboot_secondary: {address: 0x45000, size: 0x30000}\n",
          "",
          TD_LAYOUT_UNEQUAL,
          { .has_strategy = true, .strategy = TD_MODE_SINGLE } },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_layout *layout = sample_with(rows[i].sample, rows[i].other);

        sample_drop(layout, rows[i].drop);
        td_layout_check(layout, &rows[i].env, &issues);
        for (size_t k = 0; k < issues.n; k++)
            assert_int_not_equal(issues.at[k].rule, rows[i].rule);
        td_layout_free(layout);
    }
}

static void errors_come_first_and_what_is_too_much_is_counted(void **state)
{
    struct td_layout *layout = td_layout_new();
    const struct td_layout_env env = { .soc = NULL };
    struct td_partition p = { .region = "flash_primary", .size = 0x1000 };

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(p.name, sizeof p.name, "p%u", i);
        assert_int_equal(td_layout_add(layout, &p), TD_OK);
    }
    td_layout_check(layout, &env, &issues);
    assert_int_equal(issues.n, TD_LAYOUT_ISSUES);
    assert_int_equal(issues.n + issues.left_out, 20 * 19 / 2);
    td_layout_free(layout);

    layout = sample_with(SAMPLE_TWO, "settings_storage: {address: 0x7c000, size: 0x2000}\n");
    sample_drop(layout, "s1");
    td_layout_check(layout, &env, &issues);
    for (size_t i = 1; i < issues.n; i++)
        assert_true(issues.at[i - 1].harm >= issues.at[i].harm);
    assert_int_equal(issues.at[0].harm, TD_HARM_ERROR);
    assert_int_equal(issues.at[issues.n - 1].harm, TD_HARM_NOTE);
    td_layout_free(layout);
}

/* 57 sectors of 4096 bytes: two less for a swap; the trailer, or its last 40 bytes, else. */
static void the_largest_image_is_the_bootloaders(void **state)
{
    static const struct {
        enum td_strategy_id mode;
        uint32_t max;
    } rows[] = {
        { TD_MODE_MOVE, 225280 },      { TD_MODE_OFFSET, 225280 }, { TD_MODE_SCRATCH, 231888 },
        { TD_MODE_OVERWRITE, 233432 }, { TD_MODE_XIP, 233432 },    { TD_MODE_RAM_LOAD, 233432 },
    };
    struct td_layout *layout =
        sample_with(SAMPLE_ONE, "mcuboot_scratch: {address: 0x7e000, size: 0x1000}\n");
    const struct td_layout_env env = { .soc = NULL };
    struct td_layout_room rooms[TD_LAYOUT_ROOMS];
    size_t n = td_layout_rooms(layout, &env, rooms);

    (void)state;
    assert_int_equal(n, TD_N_OF(rows));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rooms[i].strategy, rows[i].mode);
        assert_int_equal(rooms[i].err, TD_OK);
        assert_int_equal(rooms[i].max, rows[i].max);
    }
    assert_int_equal(td_layout_strategy(layout, &env), TD_MODE_SCRATCH);
    sample_drop(layout, "mcuboot_scratch");
    assert_int_equal(td_layout_strategy(layout, &env), TD_MODE_MOVE);
    sample_drop(layout, "mcuboot_secondary");
    n = td_layout_rooms(layout, &env, rooms);
    assert_int_equal(n, 2);
    assert_int_equal(rooms[0].strategy, TD_MODE_SINGLE);
    assert_int_equal(rooms[0].max, 0x39000 - 48);
    sample_drop(layout, "mcuboot_primary");
    assert_int_equal(td_layout_rooms(layout, &env, rooms), 0);
    td_layout_free(layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_layouts_have_notes_at_most),
        cmocka_unit_test(app_may_be_left_out),
        cmocka_unit_test(each_mistake_is_found),
        cmocka_unit_test(the_network_core_is_checked_with_its_own_measure),
        cmocka_unit_test(what_a_way_does_not_need_is_not_asked_for),
        cmocka_unit_test(errors_come_first_and_what_is_too_much_is_counted),
        cmocka_unit_test(the_largest_image_is_the_bootloaders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
