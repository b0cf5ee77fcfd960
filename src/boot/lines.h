/*
 * boot/lines.h - the console lines of a boot, as codes with arguments.
 *
 * The bootloader hands codes to a hook; words are made by whoever has a console, with
 * td_boot_line_text (lines_text.c, linked only there). Where the original prints a line for
 * the same event the words are its words, since that is what people search their logs for.
 * The texts below show what each argument is.
 */
#ifndef TD_BOOT_LINES_H
#define TD_BOOT_LINES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Name, level (I, W, E), text. %0..%4 stand for the arguments in decimal; after the number may
 * follow: x hexadecimal, m magic (good bad unset), t swap type (none test perm revert), v the
 * name of a verdict, s a slot (primary secondary).
 */
#define TD_BOOT_LINES(X)                                                                           \
    X(TD_LINE_START, 'I', "Starting bootloader")                                                   \
    X(TD_LINE_PRIMARY, 'I',                                                                        \
      "Primary image: magic=%0m, swap_type=0x%1x, copy_done=0x%2x, image_ok=0x%3x")                \
    X(TD_LINE_SECONDARY, 'I',                                                                      \
      "Secondary image: magic=%0m, swap_type=0x%1x, copy_done=0x%2x, image_ok=0x%3x")              \
    X(TD_LINE_SOURCE_NONE, 'I', "Boot source: none")                                               \
    X(TD_LINE_SOURCE_PRIMARY, 'I', "Boot source: primary slot")                                    \
    X(TD_LINE_SWAP_TYPE, 'I', "Image index: %0, Swap type: %1t")                                   \
    X(TD_LINE_SWAP_MOVE, 'I', "Starting swap using move algorithm.")                               \
    X(TD_LINE_SWAP_OFFSET, 'I', "Starting swap using offset algorithm.")                           \
    X(TD_LINE_SWAP_SCRATCH, 'I', "Starting swap using scratch algorithm.")                         \
    X(TD_LINE_WRONG_PLACE, 'E',                                                                    \
      "Secondary header magic detected in first sector, wrong upload address?")                    \
    X(TD_LINE_OVERWRITE, 'I', "Image %0 upgrade secondary slot -> primary slot")                   \
    X(TD_LINE_ERASE_PRIMARY, 'I', "Erasing the primary slot")                                      \
    X(TD_LINE_COPY, 'I', "Image %0 copying the secondary slot to the primary slot: 0x%1x bytes")   \
    X(TD_LINE_RESUME, 'I', "Resuming at step %1 of %2")                                            \
    X(TD_LINE_BAD_SECONDARY, 'E', "Image in the secondary slot is not valid!")                     \
    X(TD_LINE_BAD_PRIMARY, 'E', "Image in the primary slot is not valid!")                         \
    X(TD_LINE_NO_IMAGE, 'E', "Unable to find bootable image")                                      \
    X(TD_LINE_DOWNGRADE, 'I', "Image %0 in slot 1 refused by downgrade prevention")                \
    X(TD_LINE_NO_ROOM, 'W', "Not enough free space to run swap upgrade")                           \
    X(TD_LINE_NO_ROOM_BYTES, 'W', "required %0 bytes but only %1 are available")                   \
    X(TD_LINE_LAYOUT, 'W', "Cannot upgrade: slots are not compatible")                             \
    X(TD_LINE_UNREACHABLE, 'I',                                                                    \
      "Secondary image of image pair (%0) is unreachable. Treat it as empty")                      \
    X(TD_LINE_VERDICT, 'W', "Verdict %0: %0v")                                                     \
    X(TD_LINE_OFFSET, 'I', "Bootloader chainload address offset: 0x%0x")                           \
    X(TD_LINE_VERSION, 'I', "Image version: v%0.%1.%2")                                            \
    X(TD_LINE_PRIMARY_VERSION, 'I', "Primary   slot: version=%0.%1.%2+%3")                         \
    X(TD_LINE_SECONDARY_VERSION, 'I', "Secondary slot: version=%0.%1.%2+%3")                       \
    X(TD_LINE_NOT_FOUND, 'I', "Image %0 %1s slot: image not found")                                \
    X(TD_LINE_NO_SLOT, 'I', "No slot to load for image %0")                                        \
    X(TD_LINE_CHOSEN, 'I', "Image %0 loaded from the %1s slot")                                    \
    X(TD_LINE_OTHER_ADDRESS, 'W',                                                                  \
      "Image in %0s slot at 0x%1x has been built for offset 0x%2x, skipping")                      \
    X(TD_LINE_RAM_LOADED, 'I', "Image %0 RAM loading to 0x%1x is succeeded.")                      \
    X(TD_LINE_RAM_FAILED, 'I', "Image %0 RAM loading to 0x%1x is failed.")                         \
    X(TD_LINE_RAM_ADDRESS, 'I', "Image %0 RAM load address 0x%1x is invalid.")                     \
    X(TD_LINE_RAM_OVERLAP, 'I',                                                                    \
      "Image %0 RAM loading to address 0x%1x would overlap with another image.")                   \
    X(TD_LINE_RAM_WIPED, 'I', "Removing image %0 from SRAM at address 0x%1x")                      \
    X(TD_LINE_LOADER, 'I', "Image %0: the loader runs instead of the application")                 \
    X(TD_LINE_FOLLOW, 'I', "Starting network core update")                                         \
    X(TD_LINE_FOLLOWED, 'I', "Done updating network core")                                         \
    X(TD_LINE_FOLLOW_FAILED, 'E', "Network core update failed")                                    \
    X(TD_LINE_RECOVERY, 'I', "Enter the serial recovery mode")                                     \
    X(TD_LINE_JUMP, 'I', "Jumping to the first image slot")

enum td_boot_line_code {
#define TD_BOOT_LINE_ENUM(name, level, text) name,
    TD_BOOT_LINES(TD_BOOT_LINE_ENUM)
#undef TD_BOOT_LINE_ENUM
        TD_LINE_COUNT
};

#define TD_BOOT_LINE_ARGS 4

struct td_boot_line {
    enum td_boot_line_code code;
    uint32_t args[TD_BOOT_LINE_ARGS];
};

/*
 * "I: Swap type: test" into buf, with a NUL, cut off at cap; the length without the NUL.
 * No line is longer than 127 characters. cap is 1 or more.
 */
size_t td_boot_line_text(const struct td_boot_line *line, char *buf, size_t cap);

#endif
