/* tools/sign_opts.h - sign's command line, read and judged; for verb_sign.c. */
#ifndef TD_TOOLS_SIGN_OPTS_H
#define TD_TOOLS_SIGN_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/version.h"
#include "image/image.h"
#include "layout/soc.h"
#include "slot/room.h"
#include "tools/cli.h"

#define SIGN_CUSTOM_MAX 64
#define SIGN_DEPS_MAX   32

struct sign_custom {
    uint16_t type;
    const char *value; /* as given: 0x…, text, or the path of a file */
    bool is_file;
};

enum sign_vector {
    VECTOR_NONE = 0,
    VECTOR_PAYLOAD, /* stop at the bytes that are signed, for a signer elsewhere */
    VECTOR_DIGEST,
};

enum sign_compression {
    COMPRESSION_NONE = 0,
    COMPRESSION_LZMA2,
    COMPRESSION_LZMA2_THUMB, /* behind the filter for the branches of Thumb code */
};

struct sign_opts {
    const char *in;
    const char *out;
    const char *key;
    const char *passphrase_file;
    const char *fix_sig;
    const char *fix_sig_pubkey;
    const char *sig_out;
    const char *boot_record;
    const char *vid;
    const char *cid;

    struct td_version version;
    uint32_t header_size;
    uint32_t slot_size;
    bool has_version, has_header_size, has_slot_size;
    bool pad_header, pad, test, confirm, overwrite_only, non_bootable;
    bool full_key, pure, pad_sig;
    uint32_t align;
    uint32_t max_align; /* 0: the default */
    uint32_t max_sectors;
    bool has_max_sectors;
    uint32_t load_addr;
    uint32_t rom_fixed;
    uint32_t hex_addr;
    bool has_hex_addr;
    uint8_t erased;
    uint16_t sha; /* bits; 0: what goes with the key */
    uint32_t counter;
    bool has_counter, counter_is_auto;
    enum sign_vector vector;

    const char *encrypt; /* a key file of the device's; NULL: not encrypted */
    uint16_t encrypt_bits;
    uint16_t hmac_bits;
    bool clear; /* with the key, and the payload as it is: for the primary slot */
    bool save_enctlv;
    enum sign_compression compression;

    struct td_image_dependency deps[SIGN_DEPS_MAX];
    size_t n_deps;
    struct sign_custom custom[SIGN_CUSTOM_MAX];
    size_t n_custom;

    bool has_strategy;
    enum td_strategy_id strategy;
    uint32_t sector_size;
    const char *layout;       /* a file; its pair of slots is in pair then */
    const struct td_soc *soc; /* of the layout; NULL: guessed */
    bool has_align;
    uint32_t image; /* whose pair of slots in the layout; by default where the program is linked */
    bool has_image;
    struct td_room_geometry pair;
};

/* Reads the whole command line. TD_EXIT_OK, or the exit code of what was said; -1: help. */
int sign_opts_read(struct sign_opts *o, struct td_cli *cli, int argc, char **argv);

#endif
