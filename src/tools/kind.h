/* tools/kind.h - what kind of file this is, by its first bytes and never by its name. */
#ifndef TD_TOOLS_KIND_H
#define TD_TOOLS_KIND_H

#include <stddef.h>
#include <stdint.h>

/* So many bytes of a file's beginning are enough. */
#define TD_KIND_HEAD 4096

enum td_kind {
    TD_KIND_EMPTY,   /* no byte at all */
    TD_KIND_TEXT,    /* a log, a configuration, a layout: lines; also in UTF-16 */
    TD_KIND_CAPTURE, /* btsnoop, pcap, pcapng */
    TD_KIND_IMAGE,   /* begins with MCUboot's magic */
    TD_KIND_HEX,     /* Intel hex */
    TD_KIND_ZIP,
    TD_KIND_MULTI, /* dfu_multi_image.bin: a CBOR list in front of several images */
    TD_KIND_ELF,
    TD_KIND_GZIP,
    TD_KIND_FLASH, /* any other binary: a dump, an unsigned program */
};

/* head: the first TD_KIND_HEAD bytes, or all when the file is shorter. */
enum td_kind td_kind_of(const uint8_t *head, size_t len);

#endif
