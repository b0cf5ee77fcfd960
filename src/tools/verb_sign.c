/*
 * tools/verb_sign.c - makes an image out of a program: header, TLVs, hash, signature, padding.
 *
 * The bytes are imgtool's for the same options. Before a file is written, the image is checked
 * with the code that the bootloader runs: what leaves this verb boots where its key is trusted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/range.h"
#include "cbor/cbor.h"
#include "image/build.h"
#include "image/image.h"
#include "tools/file.h"
#include "tools/padding.h"
#include "tools/sign_opts.h"

#define AREAS_MAX (2u * 65536) /* both TLV areas at their largest */

struct signing {
    struct td_cli *cli;
    struct sign_opts o;
    struct td_file in;
    struct td_file *custom_files; /* one for each of o.custom; empty where it is no file */

    struct td_key *key; /* of -k or of --fix-sig-pubkey; NULL: unsigned */
    uint8_t der[TD_KEY_DER_MAX];
    size_t der_len;
    const struct td_hash_alg *hash;

    uint8_t *image; /* grows to the whole image */
    struct td_build b;
    uint32_t payload_end; /* header and payload */
    uint32_t hashed;      /* and the protected area */
    uint32_t base;        /* address of the first byte, for hex */
    bool has_base;
    uint8_t digest[TD_HASH_MAX];
    uint8_t sig[TD_KEY_SIG_MAX];
    size_t sig_len;
};

static int fail_file(struct signing *s, const char *code, const char *text, const char *where,
                     const char *remedy)
{
    return td_cli_fail(s->cli, TD_EXIT_FILE, code, text, where, remedy);
}

/* ---- input -------------------------------------------------------------------------- */

static int read_custom_files(struct signing *s)
{
    s->custom_files = calloc(s->o.n_custom + 1, sizeof *s->custom_files);
    if (s->custom_files == NULL)
        return fail_file(s, "memory", "there is not enough memory", NULL, NULL);
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
        return fail_file(s, "no-payload", "the file ends inside the room for the header", where,
                         "give --pad-header when the program does not leave room for it");
    if (off < s->o.header_size)
        return fail_file(s, "no-header-room", "the room for the header is not filled with zeros",
                         where,
                         "give --pad-header when the program does not leave room for the header; "
                         "or is the file signed already?");
    return TD_EXIT_OK;
}

/* Header and payload into the buffer that becomes the image. */
static int read_program(struct signing *s)
{
    uint32_t room = s->o.pad_header ? s->o.header_size : 0;
    int exit = td_file_read(s->cli, s->o.in, &s->in);

    if (exit == TD_EXIT_OK)
        exit = check_header_room(s);
    if (exit == TD_EXIT_OK)
        exit = read_custom_files(s);
    if (exit != TD_EXIT_OK)
        return exit;
    s->payload_end = room + s->in.size;
    s->image = malloc(s->payload_end + AREAS_MAX);
    if (s->image == NULL)
        return fail_file(s, "memory", "there is not enough memory", NULL, NULL);
    memset(s->image, s->o.erased, room);
    memcpy(s->image + room, s->in.bytes, s->in.size);
    s->has_base = s->in.has_base;
    s->base = s->in.base;
    if (s->has_base && s->base != 0) {
        if (s->base < room)
            return fail_file(s, "no-header-room", "there is no address space below the program",
                             s->o.in, "link the program above the header, or leave room for it");
        s->base -= room;
    }
    if (s->o.has_hex_addr) {
        s->has_base = true;
        s->base = s->o.hex_addr;
    }
    return TD_EXIT_OK;
}

/* ---- key and hash ------------------------------------------------------------------- */

static int refuse_key(struct signing *s, const char *path)
{
    enum td_key_type type = td_key_type(s->key);

    if (type == TD_KEY_ECDSA_P384)
        return fail_file(s, "not-supported", "signing with ECDSA P-384 is not supported yet", path,
                         "use an ecdsa-p256 or ed25519 key, or imgtool meanwhile");
    return fail_file(s, "key-cannot-sign", "an x25519 key encrypts, and cannot sign", path,
                     "use an ecdsa-p256, ed25519, rsa-2048 or rsa-3072 key");
}

static int open_key(struct signing *s)
{
    const char *path = s->o.key != NULL ? s->o.key : s->o.fix_sig_pubkey;
    enum td_err err;
    int exit;

    if (path == NULL)
        return TD_EXIT_OK;
    exit = td_key_open(s->cli, path, s->o.passphrase_file, &s->key);
    if (exit != TD_EXIT_OK)
        return exit;
    if (td_key_sig_alg(s->key) == NULL)
        return refuse_key(s, path);
    if (s->o.key != NULL && !td_key_is_private(s->key))
        return fail_file(s, td_errname(TD_EKEYPUBLIC), td_strerror(TD_EKEYPUBLIC), path,
                         "sign with the private key; --fix-sig takes a signature made elsewhere");
    err = td_key_public_der(s->key, s->der, sizeof s->der, &s->der_len);
    return err == TD_OK ? TD_EXIT_OK : fail_file(s, td_errname(err), td_strerror(err), path, NULL);
}

static int choose_hash(struct signing *s)
{
    bool ed25519 = s->key != NULL && td_key_type(s->key) == TD_KEY_ED25519;
    uint16_t bits = s->o.sha != 0 ? s->o.sha : 256;

    if (s->o.pure) {
        if (!ed25519)
            return td_cli_usage(s->cli, "--pure wants an ed25519 key: -k");
        bits = 512;
    }
    if (s->key != NULL && bits != 256 && !(ed25519 && bits == 512))
        return td_cli_usagef(s->cli, "a %s key does not go with --sha %u",
                             td_key_type_name(td_key_type(s->key)), bits);
    s->hash = bits == 256 ? &td_sha256 : bits == 384 ? &td_sha384 : &td_sha512;
    return TD_EXIT_OK;
}

/* ---- protected area ----------------------------------------------------------------- */

static void add_counter(struct signing *s)
{
    uint32_t counter = s->o.counter;
    uint8_t value[4];

    if (!s->o.has_counter)
        return;
    if (s->o.counter_is_auto)
        counter = (uint32_t)s->o.version.major << 24 | (uint32_t)s->o.version.minor << 16;
    if (s->o.counter_is_auto)
        counter += s->o.version.revision;
    td_store_le32(value, counter);
    td_build_tlv(&s->b, TD_TLV_SEC_CNT, value, sizeof value);
}

static struct td_cbor_text text_of(const char *text)
{
    return (struct td_cbor_text){ text, strlen(text) };
}

/* What attestation tells about this image; the bootloader puts the hash in, which comes last. */
static void add_boot_record(struct signing *s)
{
    static const uint8_t zeros[TD_HASH_MAX];
    uint8_t signer[TD_HASH_MAX] = { 0 };
    size_t signer_len = s->key != NULL ? s->hash->size : 32;
    struct td_cbor_writer w;
    uint8_t record[320];
    char version[32];
    size_t len;

    if (s->o.boot_record == NULL)
        return;
    if (s->key != NULL)
        td_hash_of(s->hash, s->der, s->der_len, signer);
    snprintf(version, sizeof version, "%u.%u.%u", s->o.version.major, s->o.version.minor,
             s->o.version.revision);
    td_cbor_writer_init(&w, record, sizeof record, TD_CBOR_DEFINITE);
    td_cbor_open_map(&w);
    td_cbor_put_uint(&w, 1);
    td_cbor_put_text(&w, text_of(s->o.boot_record));
    td_cbor_put_uint(&w, 4);
    td_cbor_put_text(&w, text_of(version));
    td_cbor_put_uint(&w, 5);
    td_cbor_put_bytes(&w, signer, signer_len);
    td_cbor_put_uint(&w, 6);
    td_cbor_put_text(&w, text_of(s->hash->name));
    td_cbor_put_uint(&w, 2);
    td_cbor_put_bytes(&w, zeros, s->hash->size);
    td_cbor_close(&w);
    if (td_cbor_done(&w, &len) != TD_OK)
        s->b.err = TD_ESPACE;
    td_build_tlv(&s->b, TD_TLV_BOOT_RECORD, record, len);
}

static void add_dependencies(struct signing *s)
{
    for (size_t i = 0; i < s->o.n_deps; i++) {
        const struct td_image_dependency *dep = &s->o.deps[i];
        uint8_t value[12] = { dep->image };

        value[4] = dep->version.major;
        value[5] = dep->version.minor;
        td_store_le16(value + 6, dep->version.revision);
        td_store_le32(value + 8, dep->version.build);
        td_build_tlv(&s->b, TD_TLV_DEPENDENCY, value, sizeof value);
    }
}

/* 32 hex digits, with or without the usual dashes. */
static bool parse_uuid(const char *text, uint8_t out[16])
{
    static const size_t dashes[] = { 8, 13, 18, 23 };
    char plain[33];
    size_t n = 0;
    size_t len = strlen(text);

    if (len != 32 && len != 36)
        return false;
    for (size_t i = 0; len == 36 && i < TD_N_OF(dashes); i++)
        if (text[dashes[i]] != '-')
            return false;
    for (size_t i = 0; i < len && n < 32; i++)
        if (text[i] != '-')
            plain[n++] = text[i];
    plain[n] = 0;
    return td_unhex(plain, out, 16, &n) && n == 16;
}

static int uuid_of(struct signing *s, const char *text, const uint8_t *space, uint8_t out[16])
{
    if (parse_uuid(text, out))
        return TD_EXIT_OK;
    if (space == NULL)
        return td_cli_usagef(s->cli, "--cid '%s' is a name, and a name wants --vid as well", text);
    if (!td_uuid5(space, text, out))
        return fail_file(s, "crypto", td_strerror(TD_EKEYCRYPTO), "SHA-1", NULL);
    return TD_EXIT_OK;
}

static int add_uuids(struct signing *s)
{
    /* The name space of domain names, RFC 4122 appendix C. */
    static const uint8_t dns[16] = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                     0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };
    uint8_t vid[16], cid[16];
    int exit = TD_EXIT_OK;

    if (s->o.vid != NULL) {
        exit = uuid_of(s, s->o.vid, dns, vid);
        if (exit != TD_EXIT_OK)
            return exit;
        td_build_tlv(&s->b, TD_TLV_UUID_VID, vid, sizeof vid);
    }
    if (s->o.cid != NULL) {
        exit = uuid_of(s, s->o.cid, s->o.vid != NULL ? vid : NULL, cid);
        if (exit != TD_EXIT_OK)
            return exit;
        td_build_tlv(&s->b, TD_TLV_UUID_CID, cid, sizeof cid);
    }
    return TD_EXIT_OK;
}

/* A custom value: 0x and hex digits, or text as it stands. */
static int add_custom_value(struct signing *s, const struct sign_custom *custom)
{
    const char *text = custom->value;
    size_t cap = strlen(text) / 2 + 1;
    uint8_t *bytes;
    bool good;
    size_t len;

    if (strncmp(text, "0x", 2) != 0) {
        td_build_tlv(&s->b, custom->type, text, strlen(text));
        return TD_EXIT_OK;
    }
    bytes = malloc(cap);
    good = bytes != NULL && (text[2] == 0 || td_unhex(text + 2, bytes, cap, &len));
    if (good)
        td_build_tlv(&s->b, custom->type, bytes, text[2] == 0 ? 0 : len);
    free(bytes);
    return good ? TD_EXIT_OK
                : td_cli_usagef(s->cli, "custom TLV 0x%x: '%s' is not pairs of hex digits",
                                custom->type, text);
}

static int add_customs(struct signing *s)
{
    int exit = TD_EXIT_OK;

    // Values come before files, whatever the order on the command line: imgtool does so.
    for (size_t i = 0; i < s->o.n_custom && exit == TD_EXIT_OK; i++)
        if (!s->o.custom[i].is_file)
            exit = add_custom_value(s, &s->o.custom[i]);
    for (size_t i = 0; i < s->o.n_custom; i++)
        if (s->o.custom[i].is_file)
            td_build_tlv(&s->b, s->o.custom[i].type, s->custom_files[i].bytes,
                         s->custom_files[i].size);
    return exit;
}

static uint32_t header_flags(const struct sign_opts *o)
{
    return (o->load_addr != 0 ? TD_IMAGE_F_RAM_LOAD : 0u) |
           (o->rom_fixed != 0 ? TD_IMAGE_F_ROM_FIXED : 0u) |
           (o->non_bootable ? TD_IMAGE_F_NON_BOOTABLE : 0u);
}

static int build_hashed_part(struct signing *s)
{
    struct td_image_header hdr = {
        .load_addr = s->o.rom_fixed != 0 ? s->o.rom_fixed : s->o.load_addr,
        .hdr_size = (uint16_t)s->o.header_size,
        .img_size = s->payload_end - s->o.header_size,
        .flags = header_flags(&s->o),
        .version = s->o.version,
    };
    int exit;

    td_build_begin(&s->b, s->image, s->payload_end + AREAS_MAX, s->payload_end);
    td_build_area(&s->b, TD_TLV_PROT_MAGIC);
    add_counter(s);
    add_boot_record(s);
    add_dependencies(s);
    exit = add_uuids(s);
    if (exit == TD_EXIT_OK)
        exit = add_customs(s);
    if (exit != TD_EXIT_OK)
        return exit;
    td_build_close(&s->b);
    if (s->b.err != TD_OK)
        return td_cli_usage(s->cli, "the protected TLVs add up to more than 65535 bytes");
    // An area without entries is left out.
    if (s->b.len == s->payload_end + TD_TLV_INFO_SIZE)
        s->b.len = s->payload_end;
    hdr.protect_tlv_size = (uint16_t)(s->b.len - s->payload_end);
    td_build_header(&s->b, &hdr);
    s->hashed = s->b.len;
    td_hash_of(s->hash, s->image, s->hashed, s->digest);
    return TD_EXIT_OK;
}

/* ---- signature ---------------------------------------------------------------------- */

static int read_fixed_signature(struct signing *s)
{
    struct td_file file;
    int exit = td_file_read(s->cli, s->o.fix_sig, &file);

    if (exit != TD_EXIT_OK)
        return exit;
    if (!td_base64_decode((const char *)file.bytes, file.size, s->sig, sizeof s->sig, &s->sig_len))
        exit = fail_file(s, "bad-base64", "the signature is not base64", s->o.fix_sig,
                         "it is one line, as --sig-out writes it");
    td_file_free(&file);
    return exit;
}

static const uint8_t *signed_bytes(const struct signing *s, size_t *len)
{
    *len = s->o.pure ? s->hashed : s->hash->size;
    return s->o.pure ? s->image : s->digest;
}

static int make_signature(struct signing *s)
{
    const uint8_t *msg;
    size_t msg_len;
    enum td_err err;

    if (s->o.fix_sig != NULL)
        return read_fixed_signature(s);
    msg = signed_bytes(s, &msg_len);
    err = td_key_sign(s->key, msg, msg_len, s->sig, sizeof s->sig, &s->sig_len);
    if (err != TD_OK)
        return fail_file(s, td_errname(err), td_strerror(err), s->o.key, NULL);
    // For bootloaders that want each ECDSA signature to have the same length.
    while (s->o.pad_sig && td_key_type(s->key) == TD_KEY_ECDSA_P256 && s->sig_len < 72)
        s->sig[s->sig_len++] = 0;
    return TD_EXIT_OK;
}

/* A key that signs what it does not verify would brick a product: look before writing. */
static int check_signature(struct signing *s)
{
    const struct td_sig_alg *alg = td_key_sig_alg(s->key);
    size_t msg_len;
    const uint8_t *msg = signed_bytes(s, &msg_len);
    enum td_err err = alg->verify(s->der, s->der_len, msg, msg_len, s->sig, s->sig_len);

    if (err == TD_OK)
        return TD_EXIT_OK;
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(err),
                       "the signature does not verify for this image",
                       s->o.fix_sig != NULL ? s->o.fix_sig : s->o.key,
                       s->o.fix_sig != NULL ? "sign the bytes that --vector-to-sign gives for the "
                                              "same options"
                                            : NULL);
}

static int build_rest(struct signing *s)
{
    static const uint8_t one = 1;
    uint8_t name[TD_HASH_MAX];
    int exit;

    td_build_area(&s->b, TD_TLV_MAGIC);
    td_build_tlv(&s->b, s->hash->tlv, s->digest, s->hash->size);
    if (s->o.pure)
        td_build_tlv(&s->b, TD_TLV_SIG_PURE, &one, 1);
    if (s->key != NULL) {
        exit = make_signature(s);
        if (exit == TD_EXIT_OK)
            exit = check_signature(s);
        if (exit != TD_EXIT_OK)
            return exit;
        td_hash_of(s->hash, s->der, s->der_len, name);
        if (s->o.full_key)
            td_build_tlv(&s->b, TD_TLV_PUBKEY, s->der, s->der_len);
        else
            td_build_tlv(&s->b, TD_TLV_KEYHASH, name, s->hash->size);
        td_build_tlv(&s->b, td_key_sig_alg(s->key)->tlv, s->sig, s->sig_len);
    }
    td_build_close(&s->b);
    return s->b.err == TD_OK
               ? TD_EXIT_OK
               : fail_file(s, td_errname(s->b.err), td_strerror(s->b.err), NULL, NULL);
}

/* ---- checks of the whole ------------------------------------------------------------ */

/* imgtool's estimate of the trailer; too kind to most bootloaders, which --strategy mends. */
static uint32_t usual_trailer(const struct sign_opts *o)
{
    uint32_t magic = td_round_up(16, o->max_align);

    if (o->overwrite_only)
        return magic + 2 * o->max_align;
    return o->max_sectors * 3 * o->align + 4 * o->max_align + magic;
}

static int check_usual_room(struct signing *s)
{
    uint32_t trailer = usual_trailer(&s->o);
    char where[160];

    if (s->o.slot_size == 0 || (uint64_t)s->b.len + trailer <= s->o.slot_size)
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "image 0x%x + trailer 0x%x > slot 0x%x: %llu bytes too many",
             s->b.len, trailer, s->o.slot_size,
             (unsigned long long)s->b.len + trailer - s->o.slot_size);
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(TD_EIMG_SIZE),
                       "the image does not fit into the slot beside its trailer", where,
                       "make the program smaller, or the slot larger (-S)");
}

static int check_exact_room(struct signing *s)
{
    const struct sign_opts *o = &s->o;
    uint32_t sectors = o->sector_size != 0 ? o->slot_size / o->sector_size : 0;
    struct td_room_geometry g = {
        .primary_size = o->slot_size,
        .secondary_size = o->slot_size,
        .primary_sector = o->sector_size,
        .secondary_sector = o->sector_size,
        .scratch_size = o->sector_size,
        .max_sectors = (uint16_t)o->max_sectors,
        .write_size = (uint8_t)o->align,
        .max_align = (uint8_t)o->max_align,
    };
    char where[160];
    enum td_err err;
    uint32_t max;

    if (!o->has_strategy)
        return TD_EXIT_OK;
    if (o->layout != NULL)
        g = o->pair;
    // The bootloader's sector limit is at least its slot's, unless somebody says otherwise.
    if (!o->has_max_sectors && sectors > g.max_sectors && sectors <= UINT16_MAX)
        g.max_sectors = (uint16_t)sectors;
    err = td_room_max_image(o->strategy, &g, &max);
    snprintf(where, sizeof where, "slot 0x%x, sectors of 0x%x, %s", g.primary_size,
             g.primary_sector, td_mode_name(o->strategy));
    if (err != TD_OK)
        return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(err), td_strerror(err), where,
                           "check -S, --sector-size, --align and --max-sectors");
    if (s->b.len <= max)
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "image %u bytes, %s takes at most %u in a slot of 0x%x", s->b.len,
             td_mode_name(o->strategy), max, o->slot_size);
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(TD_EIMG_SIZE),
                       "the image leaves the bootloader no room for this way of updating", where,
                       "make the program smaller, or the slots larger");
}

static int check_image(struct signing *s)
{
    struct td_image_key key = { s->der, (uint16_t)s->der_len };
    const struct td_image_policy policy = {
        .hash = s->hash,
        .sig = s->key != NULL && !s->o.pure ? td_key_sig_alg(s->key) : NULL,
        .keys = &key,
        .n_keys = 1,
        .max_size = UINT32_MAX,
    };
    struct td_source src = td_source_memory(s->image, s->b.len);
    struct td_image_work work = { .breathe = NULL };
    struct td_image_report report;
    enum td_err err = td_image_check(&src, &policy, &work, &report);

    if (err == TD_OK)
        return TD_EXIT_OK;
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(err), td_strerror(err), s->o.in,
                       "a bootloader would refuse this image; change the options that lead here");
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
        return fail_file(s, "memory", "there is not enough memory", NULL, NULL);
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
        return fail_file(s, "memory", "there is not enough memory", NULL, NULL);
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
        exit = open_key(s);
    if (exit == TD_EXIT_OK)
        exit = choose_hash(s);
    if (exit == TD_EXIT_OK)
        exit = build_hashed_part(s);
    if (exit == TD_EXIT_OK && s->o.vector != VECTOR_NONE)
        return write_vector(s);
    if (exit == TD_EXIT_OK)
        exit = build_rest(s);
    if (exit == TD_EXIT_OK)
        exit = check_usual_room(s);
    if (exit == TD_EXIT_OK)
        exit = check_exact_room(s);
    if (exit == TD_EXIT_OK)
        exit = check_image(s);
    if (exit == TD_EXIT_OK)
        exit = td_file_is_hex(s->o.out) ? write_hex(s) : write_bin(s);
    if (exit == TD_EXIT_OK)
        exit = write_signature(s);
    if (exit == TD_EXIT_OK)
        say_json(s);
    return exit;
}

static void forget(struct signing *s)
{
    for (size_t i = 0; s->custom_files != NULL && i < s->o.n_custom; i++)
        td_file_free(&s->custom_files[i]);
    free(s->custom_files);
    td_file_free(&s->in);
    td_key_free(s->key);
    free(s->image);
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct signing s = { .cli = cli };
    int exit = sign_opts_read(&s.o, cli, argc, argv);

    if (exit == TD_EXIT_OK)
        exit = sign(&s);
    else if (exit < 0)
        exit = TD_EXIT_OK;
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
    "  --fix-sig FILE --fix-sig-pubkey PEM\n"

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
