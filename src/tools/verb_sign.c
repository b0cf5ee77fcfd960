/*
 * tools/verb_sign.c - makes an image out of a program: header, TLVs, hash, signature, padding.
 *
 * The bytes are imgtool's for the same options. Before a file is written, the image is checked
 * with the code that the bootloader runs: what leaves this verb boots where its key is trusted.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/range.h"
#include "crypto/ct.h"
#include "tools/padding.h"
#include "tools/sign.h"
#include "tools/sign_priv.h"

int sign_fail(struct signing *s, const char *code, const char *text, const char *where,
              const char *remedy)
{
    return td_cli_fail(s->cli, TD_EXIT_FILE, code, text, where, remedy);
}

/* ---- input -------------------------------------------------------------------------- */

static int read_custom_files(struct signing *s)
{
    s->custom_files = calloc(s->o.n_custom + 1, sizeof *s->custom_files);
    if (s->custom_files == NULL)
        return sign_fail(s, "memory", "there is not enough memory", NULL, NULL);
    for (size_t i = 0; i < s->o.n_custom; i++) {
        int exit = s->o.custom[i].is_file
                       ? td_file_read(s->cli, s->o.custom[i].value, &s->custom_files[i])
                       : TD_EXIT_OK;

        if (exit != TD_EXIT_OK)
            return exit;
    }
    return TD_EXIT_OK;
}

/* Without --pad-header the program brings room for the header, filled with zeros. */
static int check_header_room(struct signing *s)
{
    char where[512];
    uint32_t off = 0;

    if (s->o.pad_header)
        return TD_EXIT_OK;
    while (off < td_min_u32(s->o.header_size, s->in.size) && s->in.bytes[off] == 0)
        off++;
    snprintf(where, sizeof where, "%s: offset 0x%x", s->o.in, off);
    if (s->in.size <= s->o.header_size)
        return sign_fail(s, "no-payload", "the file ends inside the room for the header", where,
                         "give --pad-header when the program does not leave room for it");
    if (off < s->o.header_size)
        return sign_fail(s, "no-header-room", "the room for the header is not filled with zeros",
                         where,
                         "give --pad-header when the program does not leave room for the header; "
                         "or is the file signed already?");
    return TD_EXIT_OK;
}

/* Header and payload into the buffer that becomes the image. */
static int read_program(struct signing *s)
{
    uint32_t room = s->o.pad_header ? s->o.header_size : 0;
    int exit = s->in.bytes == NULL ? td_file_read(s->cli, s->o.in, &s->in) : TD_EXIT_OK;

    if (exit == TD_EXIT_OK)
        exit = check_header_room(s);
    if (exit == TD_EXIT_OK)
        exit = read_custom_files(s);
    if (exit != TD_EXIT_OK)
        return exit;
    s->payload_end = room + s->in.size;
    s->cap = s->payload_end + SIGN_CIPHER_BLOCK + SIGN_AREAS_MAX;
    s->image = malloc(s->cap);
    if (s->image == NULL)
        return sign_fail(s, "memory", "there is not enough memory", NULL, NULL);
    memset(s->image, s->o.erased, room);
    memcpy(s->image + room, s->in.bytes, s->in.size);
    s->has_base = s->in.has_base;
    s->base = s->in.base;
    if (s->has_base && s->base != 0) {
        if (s->base < room)
            return sign_fail(s, "no-header-room", "there is no address space below the program",
                             s->o.in, "link the program above the header, or leave room for it");
        s->base -= room;
    }
    if (s->o.has_hex_addr) {
        s->has_base = true;
        s->base = s->o.hex_addr;
    }
    return TD_EXIT_OK;
}

/* ---- output ------------------------------------------------------------------------- */

static int write_bin(struct signing *s)
{
    const struct padding_shape shape = { s->o.max_align, s->o.erased,
                                         s->o.confirm && !s->o.overwrite_only };
    uint8_t *whole;
    int exit;

    if (!s->o.pad)
        return td_file_write(s->cli, s->o.out, s->image, s->b.len, false);
    whole = malloc(s->o.slot_size);
    if (whole == NULL)
        return sign_fail(s, "memory", "there is not enough memory", NULL, NULL);
    memset(whole, s->o.erased, s->o.slot_size);
    memcpy(whole, s->image, s->b.len);
    padding_end_of_slot(&shape, whole, s->o.slot_size);
    exit = td_file_write(s->cli, s->o.out, whole, s->o.slot_size, false);
    free(whole);
    return exit;
}

/* Sparse: the image, the image_ok cell where a state was asked for, the magic. */
static int write_hex(struct signing *s)
{
    const struct padding_shape shape = { s->o.max_align, s->o.erased,
                                         s->o.confirm && !s->o.overwrite_only };
    struct td_hex_chunk chunks[3] = { { s->base, s->image, s->b.len } };
    uint32_t end = s->base + s->o.slot_size;
    uint8_t cells[PADDING_MAX];
    size_t n = 1;
    size_t len;
    char *text;
    int exit;

    if (!s->has_base)
        return td_cli_usage(s->cli, "a hex file needs an address: -x, --hex-addr");
    if ((uint64_t)s->base + td_max_u32(s->b.len, s->o.pad ? s->o.slot_size : 0) > UINT32_MAX)
        return td_cli_usagef(s->cli, "at 0x%x the image would end beyond 32 bits", s->base);
    if (s->o.pad) {
        const uint8_t *cells_end = cells + sizeof cells;
        uint32_t magic = 16;
        uint32_t ok = td_round_up(magic, s->o.max_align) + s->o.max_align;

        memset(cells, s->o.erased, sizeof cells);
        padding_end_of_slot(&shape, cells, sizeof cells);
        if ((s->o.test || s->o.confirm) && !s->o.overwrite_only)
            chunks[n++] = (struct td_hex_chunk){ end - ok, cells_end - ok, s->o.max_align };
        chunks[n++] = (struct td_hex_chunk){ end - magic, cells_end - magic, magic };
    }
    text = td_hex_format(chunks, n, &len);
    if (text == NULL)
        return sign_fail(s, "memory", "there is not enough memory", NULL, NULL);
    exit = td_file_write(s->cli, s->o.out, text, len, false);
    free(text);
    return exit;
}

static int write_vector(struct signing *s)
{
    if (s->o.vector == VECTOR_PAYLOAD)
        return td_file_write(s->cli, s->o.out, s->image, s->hashed, false);
    return td_file_write(s->cli, s->o.out, s->digest, s->hash->size, false);
}

static int write_signature(struct signing *s)
{
    char text[TD_BASE64_SIZE(TD_KEY_SIG_MAX)];

    if (s->o.sig_out == NULL)
        return TD_EXIT_OK;
    td_base64_encode(s->sig, s->sig_len, text);
    return td_file_write(s->cli, s->o.sig_out, text, strlen(text), false);
}

static void say_json(struct signing *s)
{
    char hash[2 * TD_HASH_MAX + 1];
    char version[40];

    if (!s->cli->json)
        return;
    td_hex(s->digest, s->hash->size, hash);
    snprintf(version, sizeof version, "%u.%u.%u+%u", s->o.version.major, s->o.version.minor,
             s->o.version.revision, s->o.version.build);
    td_cli_json(s->cli, json_pack("{s:s, s:s, s:s, s:I}", "file", s->o.out, "version", version,
                                  "hash", hash, "size", (json_int_t)s->b.len));
}

/*
 * A layout's first pair of slots is the application's. A program of the other core has its own
 * pair, or comes through the first: only its maker knows.
 */
static int check_core(struct signing *s)
{
    const struct td_soc *net = td_soc_by_name("nrf5340-net");
    uint32_t at = s->o.header_size + 4, reset;
    char where[120];

    if (s->o.layout == NULL || s->o.has_image || s->payload_end < at + 4)
        return TD_EXIT_OK;
    reset = td_load_le32(s->image + at);
    if (reset < net->flash_addr || reset - net->flash_addr >= net->flash_size)
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "%.80s starts at 0x%x", s->o.in, (unsigned)reset);
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, "other-core",
                       "the program is the network core's, and nobody said which slots are its own",
                       where,
                       "--image 1 for mcuboot_primary_1; --image 0 when it is updated through the "
                       "application's slots");
}

static int sign(struct signing *s)
{
    int exit = read_program(s);

    if (exit == TD_EXIT_OK)
        exit = check_core(s);
    if (exit == TD_EXIT_OK)
        exit = sign_open_keys(s);
    if (exit == TD_EXIT_OK)
        exit = sign_choose_hash(s);
    if (exit == TD_EXIT_OK && s->o.compression != COMPRESSION_NONE)
        exit = sign_compress(s);
    if (exit == TD_EXIT_OK && s->recipient != NULL)
        exit = sign_choose_content_key(s);
    if (exit == TD_EXIT_OK)
        exit = sign_hashed_part(s);
    if (exit == TD_EXIT_OK && s->o.vector != VECTOR_NONE)
        return write_vector(s);
    if (exit == TD_EXIT_OK)
        exit = sign_seal(s);
    if (exit == TD_EXIT_OK)
        exit = sign_check_room(s);
    if (exit == TD_EXIT_OK)
        exit = sign_check_image(s);
    if (exit == TD_EXIT_OK && s->recipient != NULL && !s->o.clear)
        exit = sign_encrypt(s);
    if (exit == TD_EXIT_OK)
        exit = td_file_is_hex(s->o.out) ? write_hex(s) : write_bin(s);
    if (exit == TD_EXIT_OK)
        exit = write_signature(s);
    return exit;
}

static void forget(struct signing *s)
{
    for (size_t i = 0; s->custom_files != NULL && i < s->o.n_custom; i++)
        td_file_free(&s->custom_files[i]);
    free(s->custom_files);
    td_file_free(&s->in);
    td_key_free(s->key);
    td_key_free(s->recipient);
    td_wipe(s->content_key, sizeof s->content_key);
    free(s->image);
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct signing s = { .cli = cli };
    int exit = sign_opts_read(&s.o, cli, argc, argv);

    if (exit == TD_EXIT_OK) {
        exit = sign(&s);
        if (exit == TD_EXIT_OK && s.o.vector == VECTOR_NONE)
            say_json(&s);
    } else if (exit < 0) {
        exit = TD_EXIT_OK;
    }
    forget(&s);
    return exit;
}

int td_sign_bytes(struct td_cli *cli, int argc, char **argv, struct td_disk_file *in)
{
    struct signing s = { .cli = cli, .in = *in };
    int exit = sign_opts_read(&s.o, cli, argc, argv);

    in->bytes = NULL;
    if (exit == TD_EXIT_OK)
        exit = sign(&s);
    forget(&s);
    return exit;
}

#define USAGE                                                                                      \
    " [OPTIONS] IN OUT\n"                                                                          \
    "\n"                                                                                           \
    "Makes an MCUboot image of IN; files that end in .hex are Intel hex. OUT is\n"                 \
    "written whole or not at all.\n"                                                               \
    "\n"                                                                                           \
    "  -v, --version V          MAJOR[.MINOR[.REVISION[+BUILD]]] (required)\n"                     \
    "  -H, --header-size N      bytes in front of the program, 32 or more (required)\n"            \
    "  -S, --slot-size N        bytes of the slot: checked, and padded to (required)\n"            \
    "  -k, --key FILE           private key (PEM); without it the image is unsigned\n"             \
    "  --passphrase-file FILE   its first line opens the key, or a terminal is asked\n"            \
    "  --pad-header             put the header in front, instead of over zeros there\n"            \
    "  --pad, --test, --confirm fill up to the slot's size; marked pending; confirmed\n"           \
    "  --align N                write size (1..32)\n"                                              \
    "  --max-align N            cell size of the trailer (8, 16, 32)\n"                            \
    "  -M, --max-sectors N      sectors that the bootloader can swap (128)\n"                      \
    "  --overwrite-only         the bootloader overwrites and does not swap\n"                     \
    "  --strategy S --sector-size N\n"                                                             \
    "                           check the exact limit of swap-move, swap-offset,\n"                \
    "                           swap-scratch, overwrite-only, ...\n"                               \
    "  --layout FILE            the same with slots and sectors from partitions.yml,\n"            \
    "                           pm_static.yml or a report; -S may be left away\n"                  \
    "                           (--soc NAME: the chip)\n"                                          \
    "  --image N                whose slots in it: 0, or 1 for mcuboot_primary_1\n"                \
    "  -d, --dependencies D     \"(1, 1.2.3+0)(2, 4.5)\"\n"                                        \
    "  -s, --security-counter N number or auto\n"                                                  \
    "  --custom-tlv TYPE VALUE, --custom-tlv-file TYPE FILE\n"                                     \
    "  --boot-record TYPE, --vid ID, --cid ID\n"                                                   \
    "  -L, --load-addr A, -F, --rom-fixed A, --non-bootable\n"                                     \
    "  -R, --erased-val V       0 or 0xff\n"                                                       \
    "  -x, --hex-addr A         address of hex output\n"                                           \
    "  --sha N, --pure, --pad-sig, --public-key-format hash|full\n"                                \
    "  --vector-to-sign payload|digest, --sig-out FILE\n"                                          \
    "  --fix-sig FILE --fix-sig-pubkey PEM\n"                                                      \
    "  -E, --encrypt PEM        for the device that has the private half of this\n"                \
    "                           ecdsa-p256, x25519 or rsa-2048 key\n"                              \
    "  --encrypt-keylen N       128 (default) or 256 bits of AES\n"                                \
    "  --hmac-sha N             auto, 256 or 512 (x25519)\n"                                       \
    "  -c, --clear              with its key, but in the clear: for the primary slot\n"            \
    "  --save-enctlv            the bootloader keeps keys wrapped in the trailer\n"                \
    "  --compression C          lzma2, lzma2armthumb or disabled; for overwrite-only\n"

const struct td_verb td_verb_sign = {
    .name = "sign",
    .kind = TD_VERB_FILE,
    .summary = "make a signed image of a program",
    .usage = "usage: tandem sign" USAGE,
    .run = run,
};

const struct td_verb td_verb_create = {
    .name = "create",
    .kind = TD_VERB_FILE,
    .summary = "make a signed image of a program",
    .usage = "usage: tandem create" USAGE,
    .run = run,
    .unlisted = true,
};
