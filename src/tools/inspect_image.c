/*
 * tools/inspect_image.c - what is in an image file: header, TLVs, hash, keys, trailer, and where.
 *
 * It judges nothing but the hash; verify does. What is malformed is an error that says where.
 */
#include "tools/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "image/image.h"
#include "tools/file.h"
#include "tools/imagefile.h"
#include "tools/padding.h"

#define TLV_BYTES_SHOWN 32

struct inspection {
    struct td_cli *cli;
    const char *path;
    struct td_disk_file file;
    struct td_source src;
    struct td_image img;

    uint16_t hash_type; /* 0: the image carries none */
    uint8_t hash[64];
    uint8_t hash_len;
    uint8_t computed[64];
    bool hash_matches;

    bool has_trailer;
    uint32_t max_align;
    struct td_trailer_state trailer;
    uint32_t swap_size;

    struct td_nsib_found nsib;
    bool has_vectors;
    struct td_vectors vectors;

    struct td_map map;
};

static const struct {
    uint32_t bit;
    const char *name;
} flag_names[] = {
    { TD_IMAGE_F_PIC, "PIC" },
    { TD_IMAGE_F_ENC_AES128, "ENCRYPTED_AES128" },
    { TD_IMAGE_F_ENC_AES256, "ENCRYPTED_AES256" },
    { TD_IMAGE_F_NON_BOOTABLE, "NON_BOOTABLE" },
    { TD_IMAGE_F_RAM_LOAD, "RAM_LOAD" },
    { TD_IMAGE_F_ROM_FIXED, "ROM_FIXED" },
    { TD_IMAGE_F_LZMA1, "COMPRESSED_LZMA1" },
    { TD_IMAGE_F_LZMA2, "COMPRESSED_LZMA2" },
    { TD_IMAGE_F_ARM_THUMB, "COMPRESSED_ARM_THUMB" },
};

/* ---- finding out -------------------------------------------------------------------- */

static bool is_erased(const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (bytes[i] != bytes[0])
            return false;
    return len > 0 && (bytes[0] == 0xff || bytes[0] == 0);
}

static void find_trailer(struct inspection *in)
{
    static const uint32_t aligns[] = { 8, 16, 32 };

    for (size_t i = 0; i < TD_N_OF(aligns) && !in->has_trailer; i++) {
        in->max_align = aligns[i];
        in->has_trailer =
            in->file.size >= in->img.size + 16 &&
            padding_read(aligns[i], in->file.bytes, in->file.size, &in->trailer, &in->swap_size);
    }
}

/* Addresses where the file has them, else offsets. */
static void add_region(struct inspection *in, uint32_t off, uint32_t size, enum td_map_ink ink,
                       const char *what)
{
    (void)td_map_add(&in->map, in->file.base + off, size, ink, "%s", what);
}

static void draw_map(struct inspection *in)
{
    const struct td_image *img = &in->img;
    uint32_t rest = in->file.size - img->size;
    /* The cells from swap_size to the magic; of the status area only the bootloader knows. */
    uint32_t cells = td_round_up(16, in->max_align) + 4 * in->max_align;
    uint32_t tail = in->has_trailer ? td_min_u32(cells, rest) : 0;
    uint32_t middle = rest - tail;
    bool blank = is_erased(in->file.bytes + img->size, middle);

    add_region(in, 0, img->hdr.hdr_size, TD_INK_HEADER, "header");
    add_region(in, img->hdr.hdr_size, img->hdr.img_size, TD_INK_IMAGE, "payload");
    add_region(in, img->prot_off, img->prot_size, TD_INK_TLV, "protected TLVs");
    add_region(in, img->tlv_off, img->tlv_size, TD_INK_TLV, "TLVs");
    add_region(in, img->size, middle, blank ? TD_INK_BLANK : TD_INK_DATA,
               blank ? "erased" : "other bytes");
    add_region(in, in->file.size - tail, tail, TD_INK_TRAILER, "trailer");
}

static void check_hash(struct inspection *in)
{
    struct td_image_work work = { .breathe = NULL };

    if (td_image_hash(&in->src, &in->img, in->hash, &in->hash_len, &in->hash_type) != TD_OK) {
        in->hash_type = 0;
        return;
    }
    in->hash_matches = td_image_digest(&in->src, &in->img, td_image_hash_alg(in->hash_type), &work,
                                       in->computed) == TD_OK &&
                       memcmp(in->computed, in->hash, in->hash_len) == 0;
}

/* What the first stage and the processor would see in the payload, when it is readable. */
static void look_inside(struct inspection *in)
{
    const struct td_image_header *hdr = &in->img.hdr;
    uint32_t base = in->file.base;
    struct td_memory m;

    if ((hdr->flags & (TD_IMAGE_F_ENCRYPTED | TD_IMAGE_F_COMPRESSED)) != 0 ||
        !td_memory_of_bytes(&m, in->file.bytes, in->file.size, 0))
        return;
    td_nsib_look(&m, hdr->hdr_size, &in->nsib);
    // Where the bytes have addresses, in the file or in RAM, they say what can be a reset vector.
    if ((hdr->flags & TD_IMAGE_F_RAM_LOAD) != 0 && hdr->load_addr <= UINT32_MAX - in->file.size)
        base = hdr->load_addr;
    m.at[0].addr = base;
    m.has_addresses = base != 0;
    in->has_vectors = td_vectors_at(&m, base + hdr->hdr_size, &in->vectors);
    td_memory_free(&m);
}

static int look(struct inspection *in)
{
    struct td_image_fault fault;
    enum td_err err;
    int exit = td_file_read(in->cli, in->path, &in->file);

    if (exit != TD_EXIT_OK)
        return exit;
    in->src = td_source_memory(in->file.bytes, in->file.size);
    err = td_image_open(&in->src, UINT32_MAX, &in->img, &fault);
    if (err != TD_OK)
        return td_image_file_fail(in->cli, in->path, err, &fault, NULL);
    check_hash(in);
    find_trailer(in);
    look_inside(in);
    draw_map(in);
    return TD_EXIT_OK;
}

/* ---- words -------------------------------------------------------------------------- */

static void version_text(const struct td_version *v, char *out, size_t cap)
{
    snprintf(out, cap, "%u.%u.%u+%u", v->major, v->minor, v->revision, v->build);
}

/* The flags by name, or "none". */
static void flags_text(uint32_t flags, char *out, size_t cap)
{
    size_t len = 0;

    snprintf(out, cap, flags == 0 ? "none" : "0x%x", flags);
    for (size_t i = 0; i < TD_N_OF(flag_names); i++) {
        len = strlen(out);
        if ((flags & flag_names[i].bit) != 0)
            snprintf(out + len, cap - len, " %s", flag_names[i].name);
    }
}

static const char *hash_verdict(const struct inspection *in)
{
    bool encrypted = (in->img.hdr.flags & TD_IMAGE_F_ENCRYPTED) != 0;

    if (in->hash_matches)
        return "matches the bytes";
    return encrypted ? "is of the plain bytes, these are encrypted" : "DOES NOT MATCH THE BYTES";
}

/* What the cells mean for the image when it lies in the second slot. */
static const char *trailer_meaning(const struct td_trailer_state *t)
{
    if (t->image_ok == TD_FLAG_SET)
        return "confirmed; in the second slot: a permanent update is pending";
    if (t->copy_done == TD_FLAG_SET)
        return "on trial: it reverts at the next reset unless confirmed";
    return "a test update is pending, when this is the second slot";
}

/* What a TLV's value says, where it says something short. */
static bool value_text(const struct inspection *in, const struct td_tlv *tlv, char *out, size_t cap)
{
    const uint8_t *value = in->file.bytes + tlv->off;
    struct td_image_dependency dep;
    char version[40];

    switch (tlv->type) {
    case TD_TLV_SEC_CNT:
    case TD_TLV_DECOMP_SIZE:
    case TD_TLV_COMP_DEC_SIZE: snprintf(out, cap, "%u", td_load_le32(value)); return true;
    case TD_TLV_DEPENDENCY:
        if (td_image_dependency(&in->src, tlv, &dep) != TD_OK)
            return false;
        version_text(&dep.version, version, sizeof version);
        snprintf(out, cap, "image %u, version %s or newer", dep.image, version);
        return true;
    default: return false;
    }
}

static void say_tlv(const struct inspection *in, const struct td_tlv *tlv)
{
    uint32_t shown = td_min_u32(tlv->len, TLV_BYTES_SHOWN);
    char hex[2 * TLV_BYTES_SHOWN + 1];
    char text[96];

    td_hex(in->file.bytes + tlv->off, shown, hex);
    fprintf(in->cli->out, "  0x%06x  %-16s 0x%04x  %5u  ", tlv->off - TD_TLV_ENTRY_SIZE,
            td_tlv_name(tlv->type), tlv->type, tlv->len);
    if (value_text(in, tlv, text, sizeof text))
        fprintf(in->cli->out, "%s\n", text);
    else
        fprintf(in->cli->out, "%s%s\n", hex, tlv->len > shown ? "..." : "");
}

static void say_tlvs(const struct inspection *in, bool is_protected)
{
    struct td_tlv_iter it;
    struct td_tlv tlv;
    bool end;

    td_tlv_begin(&it, &in->src, &in->img);
    while (td_tlv_next(&it, &tlv, &end) == TD_OK && !end)
        if (tlv.is_protected == is_protected)
            say_tlv(in, &tlv);
}

static void say_header(const struct inspection *in)
{
    const struct td_image_header *hdr = &in->img.hdr;
    FILE *out = in->cli->out;
    char version[40], flags[256], hex[2 * 64 + 1];

    version_text(&hdr->version, version, sizeof version);
    flags_text(hdr->flags, flags, sizeof flags);
    fprintf(out, "%s: MCUboot image, version %s\n", in->path, version);
    fprintf(out, "  size       %u bytes (header %u, payload %u, TLVs %u)\n", in->img.size,
            hdr->hdr_size, hdr->img_size, in->img.prot_size + in->img.tlv_size);
    fprintf(out, "  flags      %s\n", flags);
    if (hdr->load_addr != 0)
        fprintf(out, "  address    0x%x\n", hdr->load_addr);
    if (in->file.has_base)
        fprintf(out, "  hex base   0x%x\n", in->file.base);
    if (in->hash_type == 0) {
        fprintf(out, "  hash       none\n");
        return;
    }
    td_hex(in->hash, in->hash_len, hex);
    fprintf(out, "  hash       %s %s\n             %s\n", td_tlv_name(in->hash_type),
            hash_verdict(in), hex);
}

static void say_trailer(const struct inspection *in)
{
    const struct td_trailer_state *t = &in->trailer;
    FILE *out = in->cli->out;

    if (!in->has_trailer)
        return;
    fprintf(out, "trailer (cells of %u bytes): %s\n", in->max_align, trailer_meaning(t));
    fprintf(out, "  magic good, image_ok %s, copy_done %s, swap type %s", td_flag_word(t->image_ok),
            td_flag_word(t->copy_done), td_swap_type_word(t->swap_type));
    if (in->swap_size != 0)
        fprintf(out, ", swap size %u", in->swap_size);
    fputc('\n', out);
}

static void say_inside(const struct inspection *in)
{
    if (in->has_vectors)
        fprintf(in->cli->out, "  starts     at 0x%x, with its stack at 0x%x\n",
                in->vectors.reset & ~1u, in->vectors.stack);
    if (in->nsib.found)
        td_nsib_say(in->cli->out, "  ", &in->nsib);
}

static void say(const struct inspection *in)
{
    FILE *out = in->cli->out;

    say_header(in);
    say_inside(in);
    if (in->img.prot_size > 0) {
        fprintf(out, "protected TLVs (hashed and signed with the image):\n");
        say_tlvs(in, true);
    }
    fprintf(out, "TLVs:\n");
    say_tlvs(in, false);
    say_trailer(in);
    td_map_print(&in->map, out);
}

/* ---- JSON --------------------------------------------------------------------------- */

static json_t *header_json(const struct td_image_header *hdr)
{
    json_t *flags = json_array();
    char version[40];

    for (size_t i = 0; i < TD_N_OF(flag_names); i++)
        if ((hdr->flags & flag_names[i].bit) != 0)
            json_array_append_new(flags, json_string(flag_names[i].name));
    version_text(&hdr->version, version, sizeof version);
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "version", version, "load_addr",
                     (json_int_t)hdr->load_addr, "hdr_size", (json_int_t)hdr->hdr_size,
                     "protected_tlv_size", (json_int_t)hdr->protect_tlv_size, "img_size",
                     (json_int_t)hdr->img_size, "flags", (json_int_t)hdr->flags, "flag_names",
                     flags);
}

static json_t *tlvs_json(const struct inspection *in)
{
    json_t *list = json_array();
    struct td_tlv_iter it;
    struct td_tlv tlv;
    bool end;

    td_tlv_begin(&it, &in->src, &in->img);
    while (td_tlv_next(&it, &tlv, &end) == TD_OK && !end)
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:b, s:I, s:I, s:o}", "name", td_tlv_name(tlv.type), "type",
                            (json_int_t)tlv.type, "protected", tlv.is_protected, "offset",
                            (json_int_t)(tlv.off - TD_TLV_ENTRY_SIZE), "len", (json_int_t)tlv.len,
                            "value", td_hex_json(in->file.bytes + tlv.off, tlv.len)));
    return list;
}

static json_t *hash_json(const struct inspection *in)
{
    if (in->hash_type == 0)
        return json_null();
    return json_pack("{s:s, s:o, s:o, s:b}", "name", td_tlv_name(in->hash_type), "stored",
                     td_hex_json(in->hash, in->hash_len), "computed",
                     td_hex_json(in->computed, in->hash_len), "match", in->hash_matches);
}

static json_t *trailer_json(const struct inspection *in)
{
    const struct td_trailer_state *t = &in->trailer;

    if (!in->has_trailer)
        return json_null();
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I}", "magic", "good", "max_align",
                     (json_int_t)in->max_align, "image_ok", td_flag_word(t->image_ok), "copy_done",
                     td_flag_word(t->copy_done), "swap_type", td_swap_type_word(t->swap_type),
                     "swap_size", (json_int_t)in->swap_size);
}

static void say_json(const struct inspection *in)
{
    json_t *map = json_array();
    json_t *all;

    for (size_t i = 0; i < in->map.n; i++)
        json_array_append_new(map,
                              json_pack("{s:s, s:I, s:I}", "what", in->map.at[i].text, "offset",
                                        (json_int_t)(in->map.at[i].addr - in->file.base), "size",
                                        (json_int_t)in->map.at[i].size));
    all = json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "file", in->path, "kind",
                    "image", "size", (json_int_t)in->img.size, "header", header_json(&in->img.hdr),
                    "hash", hash_json(in), "tlvs", tlvs_json(in), "trailer", trailer_json(in),
                    "nsib", td_nsib_json(&in->nsib), "map", map);
    if (in->has_vectors)
        json_object_set_new(all, "vectors",
                            json_pack("{s:I, s:I}", "stack", (json_int_t)in->vectors.stack, "reset",
                                      (json_int_t)(in->vectors.reset & ~1u)));
    td_cli_json(in->cli, all);
}

int td_inspect_image(struct td_inspect *session, const char *path)
{
    struct td_cli *cli = session->cli;
    struct inspection in = { .cli = cli, .path = path };
    char version[40];
    int exit = look(&in);

    if (exit == TD_EXIT_OK && cli->json)
        say_json(&in);
    else if (exit == TD_EXIT_OK)
        say(&in);
    version_text(&in.img.hdr.version, version, sizeof version);
    snprintf(in.map.title, sizeof in.map.title, "%s: MCUboot image, version %s", path, version);
    if (in.has_trailer)
        td_map_line(&in.map, "trailer: %s", trailer_meaning(&in.trailer));
    td_file_free(&in.file);
    if (exit == TD_EXIT_OK)
        td_inspect_keep(session, &in.map);
    else
        td_map_free(&in.map);
    return exit;
}
