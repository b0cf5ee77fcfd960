/* layout/sample_test.h - layouts that the tests share, and how they are read. */
#ifndef TD_LAYOUT_SAMPLE_TEST_H
#define TD_LAYOUT_SAMPLE_TEST_H

#include <stdio.h>
#include <string.h>

#include "layout/read.h"

/* nRF52833, MCUboot alone; every line can be replaced by one of the same name. */
#define SAMPLE_ONE                                                                                 \
    "mcuboot: {address: 0x0, size: 0xc000}\n"                                                      \
    "mcuboot_pad: {address: 0xc000, size: 0x200}\n"                                                \
    "app: {address: 0xc200, size: 0x38e00}\n"                                                      \
    "mcuboot_primary: {address: 0xc000, size: 0x39000, span: [mcuboot_pad, app]}\n"                \
    "mcuboot_secondary: {address: 0x45000, size: 0x39000}\n"                                       \
    "settings_storage: {address: 0x7e000, size: 0x2000}\n"

/* nRF52833, b0 and MCUboot. */
#define SAMPLE_TWO                                                                                 \
    "b0: {address: 0x0, size: 0x7000}\n"                                                           \
    "provision: {address: 0x7000, size: 0x1000}\n"                                                 \
    "b0_container: {address: 0x0, size: 0x8000, span: [b0, provision]}\n"                          \
    "s0_pad: {address: 0x8000, size: 0x200}\n"                                                     \
    "mcuboot: {address: 0x8200, size: 0xbe00}\n"                                                   \
    "s0_image: {address: 0x8200, size: 0xbe00, span: [mcuboot]}\n"                                 \
    "s0: {address: 0x8000, size: 0xc000, span: [s0_pad, mcuboot]}\n"                               \
    "s1_pad: {address: 0x14000, size: 0x200}\n"                                                    \
    "s1_image: {address: 0x14200, size: 0xbe00}\n"                                                 \
    "s1: {address: 0x14000, size: 0xc000, span: [s1_pad, s1_image]}\n"                             \
    "mcuboot_pad: {address: 0x20000, size: 0x200}\n"                                               \
    "app: {address: 0x20200, size: 0x2ee00}\n"                                                     \
    "app_image: {address: 0x20200, size: 0x2ee00, span: [app]}\n"                                  \
    "mcuboot_primary_app: {address: 0x20200, size: 0x2ee00, span: [app]}\n"                        \
    "mcuboot_primary: {address: 0x20000, size: 0x2f000, span: [mcuboot_pad, app]}\n"               \
    "mcuboot_secondary: {address: 0x4f000, size: 0x2f000}\n"                                       \
    "settings_storage: {address: 0x7e000, size: 0x2000}\n"

/* nRF5340, both cores updated at once through external flash. */
#define SAMPLE_53                                                                                  \
    "b0: {address: 0x0, size: 0x8000}\n"                                                           \
    "s0_pad: {address: 0x8000, size: 0x200}\n"                                                     \
    "mcuboot: {address: 0x8200, size: 0xbe00}\n"                                                   \
    "s0: {address: 0x8000, size: 0xc000, span: [s0_pad, mcuboot]}\n"                               \
    "s1_pad: {address: 0x14000, size: 0x200}\n"                                                    \
    "s1_image: {address: 0x14200, size: 0xbe00}\n"                                                 \
    "s1: {address: 0x14000, size: 0xc000, span: [s1_pad, s1_image]}\n"                             \
    "mcuboot_pad: {address: 0x20000, size: 0x200}\n"                                               \
    "app: {address: 0x20200, size: 0xdbe00}\n"                                                     \
    "mcuboot_primary: {address: 0x20000, size: 0xdc000, span: [mcuboot_pad, app]}\n"               \
    "settings_storage: {address: 0xfc000, size: 0x2000}\n"                                         \
    "EMPTY_0: {address: 0xfe000, size: 0x2000}\n"                                                  \
    "provision: {address: 0xff8100, size: 0x280, region: otp}\n"                                   \
    "otp: {address: 0xff8380, size: 0x7c, region: otp}\n"                                          \
    "mcuboot_secondary: {address: 0x0, size: 0xdc000, region: external_flash}\n"                   \
    "mcuboot_secondary_1: {address: 0xdc000, size: 0x40000, region: external_flash}\n"             \
    "mcuboot_primary_1: {address: 0x0, size: 0x40000, region: ram_flash}\n"                        \
    "pcd_sram: {address: 0x20000000, size: 0x2000, region: sram_primary}\n"                        \
    "sram_primary: {address: 0x20002000, size: 0x6e000, region: sram_primary}\n"                   \
    "rpmsg_nrf53_sram: {address: 0x20070000, size: 0x10000, region: sram_primary}\n"

#define SAMPLE_NET                                                                                 \
    "b0n: {address: 0x1000000, size: 0x8580}\n"                                                    \
    "provision: {address: 0x1008580, size: 0x280}\n"                                               \
    "b0n_container: {address: 0x1000000, size: 0x8800, span: [b0n, provision]}\n"                  \
    "hci_ipc: {address: 0x1008800, size: 0x37800}\n"                                               \
    "app: {address: 0x1008800, size: 0x37800, span: [hci_ipc]}\n"

static inline void sample_add(struct td_layout *layout, const char *domain, const char *text)
{
    struct td_layout_fault fault;

    if (td_layout_read_yaml(text, strlen(text), domain, layout, &fault) != TD_OK)
        fail_msg("%s, line %u", fault.what, (unsigned)fault.line);
}

/* The sample with each line of `other` in the place of the one of that name, or behind them. */
static inline struct td_layout *sample_with(const char *sample, const char *other)
{
    struct td_layout *layout = td_layout_new(), *more = td_layout_new();

    assert_non_null(layout);
    assert_non_null(more);
    sample_add(layout, "", sample);
    if (other != NULL && other[0] != '\0')
        sample_add(more, "", other);
    for (size_t i = 0; i < more->n; i++) {
        size_t k = 0;

        while (k < layout->n && strcmp(layout->at[k].name, more->at[i].name) != 0)
            k++;
        layout->at[k] = more->at[i];
        if (k == layout->n)
            layout->n++;
    }
    td_layout_free(more);
    return layout;
}

static inline void sample_drop(struct td_layout *layout, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < layout->n; i++) {
        if (strcmp(layout->at[i].name, name) != 0)
            layout->at[n++] = layout->at[i];
    }
    layout->n = n;
}

#endif
