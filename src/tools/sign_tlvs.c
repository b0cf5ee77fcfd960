/*
 * tools/sign_tlvs.c - header and protected TLVs, in imgtool's order, and the digest of them all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "cbor/cbor.h"
#include "tools/sign_priv.h"

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

/* What is to come out of a compressed payload. */
static void add_unpacked(struct signing *s)
{
    const struct sign_unpacked *u = &s->unpacked;
    uint8_t size[4];

    if (!u->is_known)
        return;
    td_store_le32(size, u->size);
    td_build_tlv(&s->b, TD_TLV_DECOMP_SIZE, size, sizeof size);
    td_build_tlv(&s->b, TD_TLV_DECOMP_SHA, u->digest, s->hash->size);
    if (u->sig_len > 0)
        td_build_tlv(&s->b, TD_TLV_DECOMP_SIGNATURE, u->sig, u->sig_len);
    if (s->recipient != NULL) {
        td_store_le32(size, s->packed_size);
        td_build_tlv(&s->b, TD_TLV_COMP_DEC_SIZE, size, sizeof size);
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
        return sign_fail(s, "crypto", td_strerror(TD_EKEYCRYPTO), "SHA-1", NULL);
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

static uint32_t header_flags(const struct signing *s)
{
    const struct sign_opts *o = &s->o;
    uint32_t flags = (o->load_addr != 0 ? TD_IMAGE_F_RAM_LOAD : 0u) |
                     (o->rom_fixed != 0 ? TD_IMAGE_F_ROM_FIXED : 0u) |
                     (o->non_bootable ? TD_IMAGE_F_NON_BOOTABLE : 0u);

    // The flag is in the hash, so the unpacked image has it as well, though it is in the clear.
    if (s->recipient != NULL)
        flags |= o->encrypt_bits == 256 ? TD_IMAGE_F_ENC_AES256 : TD_IMAGE_F_ENC_AES128;
    if (s->unpacked.is_known)
        flags |= TD_IMAGE_F_LZMA2;
    if (s->unpacked.is_known && o->compression == COMPRESSION_LZMA2_THUMB)
        flags |= TD_IMAGE_F_ARM_THUMB;
    return flags;
}

int sign_hashed_part(struct signing *s)
{
    struct td_image_header hdr = {
        .load_addr = s->o.rom_fixed != 0 ? s->o.rom_fixed : s->o.load_addr,
        .hdr_size = (uint16_t)s->o.header_size,
        .img_size = s->payload_end - s->o.header_size,
        .flags = header_flags(s),
        .version = s->o.version,
    };
    int exit;

    td_build_begin(&s->b, s->image, s->cap, s->payload_end);
    td_build_area(&s->b, TD_TLV_PROT_MAGIC);
    add_counter(s);
    add_boot_record(s);
    add_dependencies(s);
    add_unpacked(s);
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
