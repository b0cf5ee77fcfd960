/*
 * tools/sign_opts.c - sign's options: imgtool's names and meanings, and a few of our own.
 *
 * What imgtool would turn into an image that nothing can boot is refused here or in
 * verb_sign.c, with the reason.
 */
#include "tools/sign_opts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/range.h"
#include "tools/layoutfile.h"

enum {
    OPT_VERSION,
    OPT_HEADER_SIZE,
    OPT_SLOT_SIZE,
    OPT_PAD_HEADER,
    OPT_PAD,
    OPT_TEST,
    OPT_CONFIRM,
    OPT_ALIGN,
    OPT_MAX_ALIGN,
    OPT_MAX_SECTORS,
    OPT_OVERWRITE_ONLY,
    OPT_ENDIAN,
    OPT_KEY,
    OPT_KEY_FORMAT,
    OPT_SHA,
    OPT_PURE,
    OPT_PAD_SIG,
    OPT_VECTOR,
    OPT_FIX_SIG,
    OPT_FIX_SIG_PUBKEY,
    OPT_SIG_OUT,
    OPT_ENCRYPT,
    OPT_ENCRYPT_KEYLEN,
    OPT_HMAC_SHA,
    OPT_CLEAR,
    OPT_SAVE_ENCTLV,
    OPT_COMPRESSION,
    OPT_LOAD_ADDR,
    OPT_ROM_FIXED,
    OPT_NON_BOOTABLE,
    OPT_COUNTER,
    OPT_DEPENDENCIES,
    OPT_BOOT_RECORD,
    OPT_CUSTOM_TLV,
    OPT_CUSTOM_TLV_FILE,
    OPT_VID,
    OPT_CID,
    OPT_ERASED_VAL,
    OPT_HEX_ADDR,
    OPT_PASSPHRASE_FILE,
    OPT_STRATEGY,
    OPT_SECTOR_SIZE,
    OPT_LAYOUT,
    OPT_SOC,
    OPT_IMAGE,
};

static const struct td_opt opts[] = {
    { "version", 'v', true, OPT_VERSION },
    { "header-size", 'H', true, OPT_HEADER_SIZE },
    { "slot-size", 'S', true, OPT_SLOT_SIZE },
    { "pad-header", 0, false, OPT_PAD_HEADER },
    { "pad", 0, false, OPT_PAD },
    { "test", 0, false, OPT_TEST },
    { "confirm", 0, false, OPT_CONFIRM },
    { "align", 0, true, OPT_ALIGN },
    { "max-align", 0, true, OPT_MAX_ALIGN },
    { "max-sectors", 'M', true, OPT_MAX_SECTORS },
    { "overwrite-only", 0, false, OPT_OVERWRITE_ONLY },
    { "endian", 'e', true, OPT_ENDIAN },
    { "key", 'k', true, OPT_KEY },
    { "public-key-format", 0, true, OPT_KEY_FORMAT },
    { "sha", 0, true, OPT_SHA },
    { "pure", 0, false, OPT_PURE },
    { "pad-sig", 0, false, OPT_PAD_SIG },
    { "vector-to-sign", 0, true, OPT_VECTOR },
    { "fix-sig", 0, true, OPT_FIX_SIG },
    { "fix-sig-pubkey", 0, true, OPT_FIX_SIG_PUBKEY },
    { "sig-out", 0, true, OPT_SIG_OUT },
    { "encrypt", 'E', true, OPT_ENCRYPT },
    { "encrypt-keylen", 0, true, OPT_ENCRYPT_KEYLEN },
    { "hmac-sha", 0, true, OPT_HMAC_SHA },
    { "clear", 'c', false, OPT_CLEAR },
    { "save-enctlv", 0, false, OPT_SAVE_ENCTLV },
    { "compression", 0, true, OPT_COMPRESSION },
    { "load-addr", 'L', true, OPT_LOAD_ADDR },
    { "rom-fixed", 'F', true, OPT_ROM_FIXED },
    { "non-bootable", 0, false, OPT_NON_BOOTABLE },
    { "security-counter", 's', true, OPT_COUNTER },
    { "dependencies", 'd', true, OPT_DEPENDENCIES },
    { "boot-record", 0, true, OPT_BOOT_RECORD },
    { "custom-tlv", 0, true, OPT_CUSTOM_TLV },
    { "custom-tlv-file", 0, true, OPT_CUSTOM_TLV_FILE },
    { "vid", 0, true, OPT_VID },
    { "cid", 0, true, OPT_CID },
    { "erased-val", 'R', true, OPT_ERASED_VAL },
    { "hex-addr", 'x', true, OPT_HEX_ADDR },
    { "passphrase-file", 0, true, OPT_PASSPHRASE_FILE },
    { "strategy", 0, true, OPT_STRATEGY },
    { "sector-size", 0, true, OPT_SECTOR_SIZE },
    { "layout", 0, true, OPT_LAYOUT },
    { "soc", 0, true, OPT_SOC },
    { "image", 0, true, OPT_IMAGE },
};

/* Integers as imgtool takes them: decimal without leading zeros, 0x, 0o, 0b. */
static bool parse_int(const char *text, uint32_t *out)
{
    static const struct {
        char letter;
        int base;
    } bases[] = { { 'x', 16 }, { 'o', 8 }, { 'b', 2 } };
    unsigned long long value;
    int base = 10;
    char *end;

    if (text[0] == '0' && text[1] != 0) {
        base = 0;
        for (size_t i = 0; i < TD_N_OF(bases); i++)
            if ((text[1] | 0x20) == bases[i].letter)
                base = bases[i].base;
        if (base == 0 && strspn(text, "0") != strlen(text))
            return false;
        text += base != 0 ? 2 : 1;
        base = base != 0 ? base : 10;
    }
    // strtoull would take blanks and signs.
    if (strspn(text, "0123456789abcdefABCDEF") != strlen(text) || text[0] == 0 || strlen(text) > 32)
        return false;
    value = strtoull(text, &end, base);
    if (*end != 0 || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* One number of a version: no leading zeros, at most max. Steps *text over it. */
static bool version_part(const char **text, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    const char *start = *text;

    for (; **text >= '0' && **text <= '9'; ++*text) {
        value = value * 10 + (uint64_t)(**text - '0');
        if (value > max)
            return false;
    }
    *out = (uint32_t)value;
    return *text > start && (*start != '0' || *text == start + 1);
}

/* maj[.min[.rev[+build]]] up to the character stop or the end. */
static bool parse_version(const char **text, struct td_version *version)
{
    uint32_t part[4] = { 0 };
    static const uint32_t max[4] = { UINT8_MAX, UINT8_MAX, UINT16_MAX, UINT32_MAX };
    static const char sep[4] = { '.', '.', '+', 0 };

    for (int i = 0; i < 4; i++) {
        if (!version_part(text, max[i], &part[i]))
            return false;
        if (**text != sep[i] || sep[i] == 0)
            break;
        ++*text;
    }
    version->major = (uint8_t)part[0];
    version->minor = (uint8_t)part[1];
    version->revision = (uint16_t)part[2];
    version->build = part[3];
    return true;
}

static void skip_blanks(const char **text)
{
    *text += strspn(*text, " \t");
}

/* "(1, 1.2.3+0)(2, 4.5)"; commas and blanks may stand between the pairs. */
static bool parse_dependencies(const char *text, struct sign_opts *o)
{
    for (;;) {
        uint32_t image;

        text += strspn(text, " \t,");
        if (*text == 0)
            return o->n_deps > 0;
        if (o->n_deps == SIGN_DEPS_MAX || *text++ != '(')
            return false;
        skip_blanks(&text);
        if (!version_part(&text, UINT8_MAX, &image))
            return false;
        skip_blanks(&text);
        if (*text++ != ',')
            return false;
        skip_blanks(&text);
        if (!parse_version(&text, &o->deps[o->n_deps].version))
            return false;
        skip_blanks(&text);
        if (*text++ != ')')
            return false;
        o->deps[o->n_deps++].image = (uint8_t)image;
    }
}

static int take_version(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    const char *at = text;

    if (!parse_version(&at, &o->version) || *at != 0)
        return td_cli_usagef(cli,
                             "'%s' is no version: it is MAJOR[.MINOR[.REVISION[+BUILD]]], without "
                             "leading zeros, up to 255.255.65535+4294967295",
                             text);
    o->has_version = true;
    return TD_EXIT_OK;
}

static int take_int(struct td_cli *cli, const char *name, const char *text, uint32_t *out)
{
    if (parse_int(text, out))
        return TD_EXIT_OK;
    return td_cli_usagef(cli, "%s wants a number of 32 bits (decimal, 0x, 0o or 0b), and not '%s'",
                         name, text);
}

/* One of a few words; *index tells which. */
static int take_choice(struct td_cli *cli, const char *name, const char *text,
                       const char *const *choices, size_t n, size_t *index)
{
    char list[128] = "";

    for (size_t i = 0; i < n; i++) {
        if (strcmp(choices[i], text) == 0) {
            *index = i;
            return TD_EXIT_OK;
        }
        strncat(list, i > 0 ? ", " : "", sizeof list - strlen(list) - 1);
        strncat(list, choices[i], sizeof list - strlen(list) - 1);
    }
    return td_cli_usagef(cli, "%s is one of %s, and not '%s'", name, list, text);
}

static int take_align(struct td_cli *cli, const char *name, const char *text, size_t first,
                      uint32_t *out)
{
    static const char *const choices[] = { "1", "2", "4", "8", "16", "32" };
    size_t i = 0;
    int exit = take_choice(cli, name, text, choices + first, TD_N_OF(choices) - first, &i);

    *out = 1u << (i + first);
    return exit;
}

static int take_sha(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    static const char *const choices[] = { "auto", "256", "384", "512" };
    static const uint16_t bits[] = { 0, 256, 384, 512 };
    size_t i = 0;
    int exit = take_choice(cli, "--sha", text, choices, TD_N_OF(choices), &i);

    o->sha = bits[i];
    return exit;
}

static int take_vector(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    static const char *const choices[] = { "payload", "digest" };
    size_t i = 0;
    int exit = take_choice(cli, "--vector-to-sign", text, choices, TD_N_OF(choices), &i);

    o->vector = i == 0 ? VECTOR_PAYLOAD : VECTOR_DIGEST;
    return exit;
}

static int take_key_format(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    static const char *const choices[] = { "hash", "full" };
    size_t i = 0;
    int exit = take_choice(cli, "--public-key-format", text, choices, TD_N_OF(choices), &i);

    o->full_key = i == 1;
    return exit;
}

static int take_erased(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    static const char *const choices[] = { "0", "0xff" };
    size_t i = 0;
    int exit = take_choice(cli, "--erased-val", text, choices, TD_N_OF(choices), &i);

    o->erased = i == 0 ? 0 : 0xff;
    return exit;
}

static int take_endian(struct td_cli *cli, const char *text)
{
    static const char *const choices[] = { "little", "big" };
    size_t i = 0;
    int exit = take_choice(cli, "--endian", text, choices, TD_N_OF(choices), &i);

    if (exit != TD_EXIT_OK || i == 0)
        return exit;
    return td_cli_fail(cli, TD_EXIT_USAGE, "big-endian",
                       "an image with a big-endian header is read by no bootloader and no tool",
                       "-e big", "leave -e away: the header's byte order is not the processor's");
}

static int take_counter(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    o->has_counter = true;
    o->counter_is_auto = strcasecmp(text, "auto") == 0;
    return o->counter_is_auto ? TD_EXIT_OK : take_int(cli, "--security-counter", text, &o->counter);
}

static int take_dependencies(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    o->n_deps = 0;
    if (parse_dependencies(text, o))
        return TD_EXIT_OK;
    return td_cli_usagef(cli, "'%s' are no dependencies: they look like \"(1, 1.2.3+0)(2, 4.5)\"",
                         text);
}

static int take_custom(struct sign_opts *o, struct td_args *args, bool is_file)
{
    const char *name = is_file ? "--custom-tlv-file" : "--custom-tlv";
    const char *tag = args->value;
    const char *value = td_args_second(args);
    uint32_t type;

    if (value == NULL)
        return td_cli_usagef(args->cli, "%s wants two values: a type and %s", name,
                             is_file ? "a file" : "a value");
    if (!parse_int(tag, &type) || type < TD_TLV_VENDOR_MIN || type > TD_TLV_VENDOR_MAX)
        return td_cli_usagef(args->cli, "%s: type '%s' is not in 0x%x..0x%x", name, tag,
                             (unsigned)TD_TLV_VENDOR_MIN, (unsigned)TD_TLV_VENDOR_MAX);
    for (size_t i = 0; i < o->n_custom; i++)
        if (o->custom[i].type == type)
            return td_cli_usagef(args->cli, "custom TLV 0x%x is given twice", type);
    if (o->n_custom == SIGN_CUSTOM_MAX)
        return td_cli_usagef(args->cli, "more than %d custom TLVs", SIGN_CUSTOM_MAX);
    o->custom[o->n_custom++] = (struct sign_custom){ (uint16_t)type, value, is_file };
    return TD_EXIT_OK;
}

static int take_boot_record(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    size_t letters = 0;

    for (const char *at = text; *at != 0; at++)
        letters += ((unsigned char)*at & 0xc0) != 0x80; // not a continuation of UTF-8
    if (letters > 12)
        return td_cli_usagef(cli, "--boot-record '%s' has %zu characters, and 12 is the most", text,
                             letters);
    o->boot_record = text;
    return TD_EXIT_OK;
}

static int take_strategy(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    struct td_layout_env env = { .soc = NULL };
    int exit = td_layout_take_strategy(cli, text, &env);

    o->has_strategy = true;
    o->strategy = env.strategy;
    return exit;
}

static int take_soc(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    struct td_layout_env env = { .soc = NULL };
    int exit = td_layout_take_soc(cli, text, &env);

    o->soc = env.soc;
    return exit;
}

static int take_compression(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    static const char *const choices[] = { "disabled", "lzma2", "lzma2armthumb" };
    size_t i = 0;
    int exit = take_choice(cli, "--compression", text, choices, TD_N_OF(choices), &i);

    o->compression = (enum sign_compression)i;
    return exit;
}

static int take_keylen(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    static const char *const choices[] = { "128", "256" };
    size_t i = 0;
    int exit = take_choice(cli, "--encrypt-keylen", text, choices, TD_N_OF(choices), &i);

    o->encrypt_bits = i == 0 ? 128 : 256;
    return exit;
}

static int take_hmac(struct sign_opts *o, struct td_cli *cli, const char *text)
{
    static const char *const choices[] = { "auto", "256", "512" };
    size_t i = 0;
    int exit = take_choice(cli, "--hmac-sha", text, choices, TD_N_OF(choices), &i);

    o->hmac_bits = i == 2 ? 512 : 256;
    return exit;
}

static int take(struct sign_opts *o, struct td_args *args, int id)
{
    struct td_cli *cli = args->cli;
    const char *value = args->value;

    switch (id) {
    case OPT_VERSION: return take_version(o, cli, value);
    case OPT_HEADER_SIZE:
        o->has_header_size = true;
        return take_int(cli, "--header-size", value, &o->header_size);
    case OPT_SLOT_SIZE:
        o->has_slot_size = true;
        return take_int(cli, "--slot-size", value, &o->slot_size);
    case OPT_PAD_HEADER: o->pad_header = true; return TD_EXIT_OK;
    case OPT_PAD: o->pad = true; return TD_EXIT_OK;
    case OPT_TEST: o->test = o->pad = true; return TD_EXIT_OK;
    case OPT_CONFIRM: o->confirm = o->pad = true; return TD_EXIT_OK;
    case OPT_ALIGN: o->has_align = true; return take_align(cli, "--align", value, 0, &o->align);
    case OPT_MAX_ALIGN: return take_align(cli, "--max-align", value, 3, &o->max_align);
    case OPT_MAX_SECTORS:
        o->has_max_sectors = true;
        return take_int(cli, "--max-sectors", value, &o->max_sectors);
    case OPT_OVERWRITE_ONLY: o->overwrite_only = true; return TD_EXIT_OK;
    case OPT_ENDIAN: return take_endian(cli, value);
    case OPT_KEY: o->key = value; return TD_EXIT_OK;
    case OPT_KEY_FORMAT: return take_key_format(o, cli, value);
    case OPT_SHA: return take_sha(o, cli, value);
    case OPT_PURE: o->pure = true; return TD_EXIT_OK;
    case OPT_PAD_SIG: o->pad_sig = true; return TD_EXIT_OK;
    case OPT_VECTOR: return take_vector(o, cli, value);
    case OPT_FIX_SIG: o->fix_sig = value; return TD_EXIT_OK;
    case OPT_FIX_SIG_PUBKEY: o->fix_sig_pubkey = value; return TD_EXIT_OK;
    case OPT_SIG_OUT: o->sig_out = value; return TD_EXIT_OK;
    case OPT_ENCRYPT: o->encrypt = value; return TD_EXIT_OK;
    case OPT_ENCRYPT_KEYLEN: return take_keylen(o, cli, value);
    case OPT_HMAC_SHA: return take_hmac(o, cli, value);
    case OPT_CLEAR: o->clear = true; return TD_EXIT_OK;
    case OPT_SAVE_ENCTLV: o->save_enctlv = true; return TD_EXIT_OK;
    case OPT_COMPRESSION: return take_compression(o, cli, value);
    case OPT_LOAD_ADDR: return take_int(cli, "--load-addr", value, &o->load_addr);
    case OPT_ROM_FIXED: return take_int(cli, "--rom-fixed", value, &o->rom_fixed);
    case OPT_NON_BOOTABLE: o->non_bootable = true; return TD_EXIT_OK;
    case OPT_COUNTER: return take_counter(o, cli, value);
    case OPT_DEPENDENCIES: return take_dependencies(o, cli, value);
    case OPT_BOOT_RECORD: return take_boot_record(o, cli, value);
    case OPT_CUSTOM_TLV: return take_custom(o, args, false);
    case OPT_CUSTOM_TLV_FILE: return take_custom(o, args, true);
    case OPT_VID: o->vid = value; return TD_EXIT_OK;
    case OPT_CID: o->cid = value; return TD_EXIT_OK;
    case OPT_ERASED_VAL: return take_erased(o, cli, value);
    case OPT_HEX_ADDR:
        o->has_hex_addr = true;
        return take_int(cli, "--hex-addr", value, &o->hex_addr);
    case OPT_PASSPHRASE_FILE: o->passphrase_file = value; return TD_EXIT_OK;
    case OPT_STRATEGY: return take_strategy(o, cli, value);
    case OPT_SECTOR_SIZE: return take_int(cli, "--sector-size", value, &o->sector_size);
    case OPT_LAYOUT: o->layout = value; return TD_EXIT_OK;
    case OPT_SOC: return take_soc(o, cli, value);
    case OPT_IMAGE: o->has_image = true; return take_int(cli, "--image", value, &o->image);
    default: return TD_EXIT_OK;
    }
}

static int take_word(struct sign_opts *o, struct td_cli *cli, const char *word)
{
    if (o->in == NULL)
        o->in = word;
    else if (o->out == NULL)
        o->out = word;
    else
        return td_cli_usagef(cli, "'%s' is one file too many: sign takes IN and OUT", word);
    return TD_EXIT_OK;
}

/* The pad in front of the application is as large as the header, or the vectors are misplaced. */
static int check_pad(const struct sign_opts *o, struct td_cli *cli, const struct td_layout *layout)
{
    const struct td_partition *pad = td_layout_find(layout, "", "mcuboot_pad");
    char where[160];

    if (pad == NULL || pad->size == o->header_size)
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "mcuboot_pad 0x%x, --header-size 0x%x", (unsigned)pad->size,
             o->header_size);
    return td_cli_fail(cli, TD_EXIT_REFUSED, "header-size",
                       "the header is not as large as the room that the layout has for it", where,
                       "sign with the pad's size, for which the program was built");
}

/* What the layout says of the image: the slots' sizes and sectors, and with them the way. */
static int read_layout(struct sign_opts *o, struct td_cli *cli)
{
    const struct td_layout_env env = {
        .soc = o->soc,
        .image = o->image,
        .has_strategy = o->has_strategy,
        .strategy = o->strategy,
        .sector = o->sector_size,
        .max_sectors = o->has_max_sectors ? (uint16_t)o->max_sectors : 0,
        .write_size = o->has_align ? (uint8_t)o->align : 0,
        .max_align = o->max_align > 8 ? (uint8_t)o->max_align : 0, // 8 is what a chip has at least
    };
    struct td_layout_file file = { 0 };
    int exit = td_layout_file_pair(cli, o->layout, &env, &file, &o->pair);

    if (exit == TD_EXIT_OK && !o->has_strategy) {
        o->strategy = td_layout_strategy(file.layout, &env);
        o->has_strategy = true;
    }
    if (exit == TD_EXIT_OK && o->has_slot_size && o->slot_size != o->pair.primary_size)
        exit = td_cli_usagef(cli, "-S says 0x%x, and the layout's primary slot has 0x%x bytes",
                             o->slot_size, (unsigned)o->pair.primary_size);
    if (exit == TD_EXIT_OK && o->has_header_size && o->image == 0)
        exit = check_pad(o, cli, file.layout);
    o->slot_size = o->pair.primary_size;
    o->has_slot_size = true;
    td_layout_file_close(&file);
    return exit;
}

/* Who packs an image must know that the bootloader unpacks it, as far as that was said. */
static int check_packing(const struct sign_opts *o, struct td_cli *cli)
{
    bool in_place = o->strategy == TD_MODE_XIP || o->strategy == TD_MODE_XIP_REVERT;

    if (!o->has_strategy)
        return TD_EXIT_OK;
    if (o->compression != COMPRESSION_NONE && o->strategy != TD_MODE_OVERWRITE)
        return td_cli_fail(
            cli, TD_EXIT_REFUSED, "compression-strategy",
            "a bootloader unpacks compressed images in overwrite-only alone",
            td_mode_name(o->strategy),
            "sign without --compression, or build the bootloader for overwrite-only");
    if (o->encrypt != NULL && in_place)
        return td_cli_fail(cli, TD_EXIT_REFUSED, "encryption-strategy",
                           "a program that runs where it was stored cannot be encrypted",
                           td_mode_name(o->strategy),
                           "sign without -E, or build the bootloader for another strategy");
    return TD_EXIT_OK;
}

/* What the options say together. */
static int judge(struct sign_opts *o, struct td_cli *cli)
{
    int exit;

    if (o->in == NULL || o->out == NULL)
        return td_cli_usage(cli, "sign wants two files: IN and OUT");
    if (!o->has_version)
        return td_cli_usage(cli, "the image's version is missing: -v, --version");
    if (!o->has_header_size)
        return td_cli_usage(cli, "the header's size is missing: -H, --header-size");
    if (!o->has_slot_size && o->layout == NULL)
        return td_cli_usage(cli, "the slot's size is missing: -S, --slot-size");
    if (o->header_size < TD_IMAGE_HEADER_SIZE || o->header_size > UINT16_MAX)
        return td_cli_usagef(cli, "a header has 32 to 65535 bytes, and not %u", o->header_size);
    if (o->pad && o->has_slot_size && o->slot_size == 0)
        return td_cli_usage(cli, "a slot of 0 bytes cannot be padded to: -S, --slot-size");
    if (o->max_align == 0)
        o->max_align = td_max_u32(8, o->align);
    if (o->align > o->max_align)
        return td_cli_usagef(cli,
                             "--align %u with --max-align %u: a bootloader could not write the "
                             "trailer's cells, the larger alignment is --max-align",
                             o->align, o->max_align);
    if (o->has_max_sectors && (o->max_sectors == 0 || o->max_sectors > UINT16_MAX))
        return td_cli_usage(cli, "--max-sectors is 1 to 65535");
    if (o->load_addr != 0 && o->rom_fixed != 0)
        return td_cli_usage(cli, "--load-addr and --rom-fixed exclude one another");
    if (o->pure && o->sha != 0)
        return td_cli_usage(cli, "--pure decides about the hash: leave --sha away");
    if (o->fix_sig != NULL && o->key != NULL)
        return td_cli_usage(cli, "-k and --fix-sig exclude one another");
    if ((o->fix_sig == NULL) != (o->fix_sig_pubkey == NULL))
        return td_cli_usage(cli, "--fix-sig and --fix-sig-pubkey belong together");
    if (o->layout == NULL && o->has_strategy != (o->sector_size != 0))
        return td_cli_usage(cli, "--strategy and --sector-size belong together");
    if (o->has_image && o->layout == NULL)
        return td_cli_usage(cli, "--image says which slots of a layout: --layout is missing");
    if (o->image > 3)
        return td_cli_usagef(cli, "--image is 0 to 3, and not %u", o->image);
    if (o->sig_out != NULL && o->key == NULL && o->fix_sig == NULL)
        return td_cli_usage(cli, "--sig-out without a key: there is no signature to write");
    if (o->compression != COMPRESSION_NONE && o->fix_sig != NULL)
        return td_cli_usage(cli, "a compressed image carries two signatures, of the packed and of "
                                 "the unpacked one, and --fix-sig is one: sign with -k");
    if (o->compression != COMPRESSION_NONE && o->vector != VECTOR_NONE)
        return td_cli_usage(cli, "a compressed image is signed twice, and the packed one carries "
                                 "the other's signature: sign with -k");
    exit = o->layout != NULL ? read_layout(o, cli) : TD_EXIT_OK;
    return exit == TD_EXIT_OK ? check_packing(o, cli) : exit;
}

int sign_opts_read(struct sign_opts *o, struct td_cli *cli, int argc, char **argv)
{
    struct td_args args;

    *o = (struct sign_opts){
        .align = 1,
        .max_sectors = 128,
        .erased = 0xff,
        .encrypt_bits = 128,
        .hmac_bits = 256,
    };
    td_args_begin(&args, cli, opts, TD_N_OF(opts), argc, argv);
    for (;;) {
        int id = td_args_next(&args);
        int exit;

        if (id == TD_ARG_END)
            return judge(o, cli);
        if (id == TD_ARG_STOP)
            return args.exit == TD_EXIT_OK ? -1 : args.exit;
        exit = id == TD_ARG_WORD ? take_word(o, cli, args.value) : take(o, &args, id);
        if (exit != TD_EXIT_OK)
            return exit;
    }
}
