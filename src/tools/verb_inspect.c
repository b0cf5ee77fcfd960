/*
 * tools/verb_inspect.c - what is in an image file: header, TLVs, hash, keys, trailer, and where.
 *
 * It judges nothing but the hash; verify does. What is malformed is an error that says where.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "image/image.h"
#include "tools/file.h"
#include "tools/imagefile.h"
#include "tools/padding.h"

#define TLV_BYTES_SHOWN 32

struct region {
    const char *what;
    uint32_t off;
    uint32_t size;
};

struct inspection {
    struct td_cli *cli;
    const char *path;
    struct td_file file;
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

    struct region map[8];
    size_t n_map;
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

static void add_region(struct inspection *in, const char *what, uint32_t off, uint32_t size)
{
    if (size > 0)
        in->map[in->n_map++] = (struct region){ what, off, size };
}

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

static void draw_map(struct inspection *in)
{
    const struct td_image *img = &in->img;
    uint32_t rest = in->file.size - img->size;
    /* The cells from swap_size to the magic; of the status area only the bootloader knows. */
    uint32_t cells = td_round_up(16, in->max_align) + 4 * in->max_align;
    uint32_t tail = in->has_trailer ? td_min_u32(cells, rest) : 0;
    uint32_t middle = rest - tail;

    add_region(in, "header", 0, img->hdr.hdr_size);
    add_region(in, "payload", img->hdr.hdr_size, img->hdr.img_size);
    add_region(in, "protected TLVs", img->prot_off, img->prot_size);
    add_region(in, "TLVs", img->tlv_off, img->tlv_size);
    add_region(in, is_erased(in->file.bytes + img->size, middle) ? "erased" : "other bytes",
               img->size, middle);
    add_region(in, "trailer", in->file.size - tail, tail);
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

static const char *flag_word(enum td_flag flag)
{
    return flag == TD_FLAG_SET ? "set" : flag == TD_FLAG_UNSET ? "unset" : "bad";
}

static const char *swap_word(const struct td_trailer_state *t)
{
    switch (t->swap_type) {
    case TD_SWAP_TEST: return "test";
    case TD_SWAP_PERM: return "permanent";
    case TD_SWAP_REVERT: return "revert";
    default: return "none";
    }
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
    fprintf(out, "  magic good, image_ok %s, copy_done %s, swap type %s", flag_word(t->image_ok),
            flag_word(t->copy_done), swap_word(t));
    if (in->swap_size != 0)
        fprintf(out, ", swap size %u", in->swap_size);
    fputc('\n', out);
}

static void say(const struct inspection *in)
{
    FILE *out = in->cli->out;

    say_header(in);
    if (in->img.prot_size > 0) {
        fprintf(out, "protected TLVs (hashed and signed with the image):\n");
        say_tlvs(in, true);
    }
    fprintf(out, "TLVs:\n");
    say_tlvs(in, false);
    say_trailer(in);
    fprintf(out, "map:\n");
    for (size_t i = 0; i < in->n_map; i++)
        fprintf(out, "  0x%06x  %8u  %s\n", in->map[i].off, in->map[i].size, in->map[i].what);
}

/* ---- JSON --------------------------------------------------------------------------- */

static json_t *hex_json(const uint8_t *bytes, size_t len)
{
    char *text = malloc(2 * len + 1);
    json_t *json;

    if (text == NULL)
        return NULL;
    td_hex(bytes, len, text);
    json = json_string(text);
    free(text);
    return json;
}

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
                            "value", hex_json(in->file.bytes + tlv.off, tlv.len)));
    return list;
}

static json_t *hash_json(const struct inspection *in)
{
    if (in->hash_type == 0)
        return json_null();
    return json_pack("{s:s, s:o, s:o, s:b}", "name", td_tlv_name(in->hash_type), "stored",
                     hex_json(in->hash, in->hash_len), "computed",
                     hex_json(in->computed, in->hash_len), "match", in->hash_matches);
}

static json_t *trailer_json(const struct inspection *in)
{
    const struct td_trailer_state *t = &in->trailer;

    if (!in->has_trailer)
        return json_null();
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I}", "magic", "good", "max_align",
                     (json_int_t)in->max_align, "image_ok", flag_word(t->image_ok), "copy_done",
                     flag_word(t->copy_done), "swap_type", swap_word(t), "swap_size",
                     (json_int_t)in->swap_size);
}

static void say_json(const struct inspection *in)
{
    json_t *map = json_array();

    for (size_t i = 0; i < in->n_map; i++)
        json_array_append_new(map, json_pack("{s:s, s:I, s:I}", "what", in->map[i].what, "offset",
                                             (json_int_t)in->map[i].off, "size",
                                             (json_int_t)in->map[i].size));
    td_cli_json(in->cli, json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "file", in->path,
                                   "kind", "image", "size", (json_int_t)in->img.size, "header",
                                   header_json(&in->img.hdr), "hash", hash_json(in), "tlvs",
                                   tlvs_json(in), "trailer", trailer_json(in), "map", map));
}

static int inspect(struct td_cli *cli, const char *path)
{
    struct inspection in = { .cli = cli, .path = path };
    int exit = look(&in);

    if (exit == TD_EXIT_OK && cli->json)
        say_json(&in);
    else if (exit == TD_EXIT_OK)
        say(&in);
    td_file_free(&in.file);
    return exit;
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct td_args args;
    int worst = TD_EXIT_OK;
    bool any = false;
    int id;

    // --json may stand behind the files, so all options are read before the first file.
    td_args_begin(&args, cli, NULL, 0, argc, argv);
    while ((id = td_args_next(&args)) != TD_ARG_END) {
        if (id == TD_ARG_STOP)
            return args.exit;
        any = true;
    }
    if (!any)
        return td_cli_usage(cli, "inspect wants one file or more");
    td_args_begin(&args, cli, NULL, 0, argc, argv);
    while (td_args_next(&args) == TD_ARG_WORD) {
        int exit = inspect(cli, args.value);

        if (exit > worst)
            worst = exit;
    }
    return worst;
}

const struct td_verb td_verb_inspect = {
    .name = "inspect",
    .kind = TD_VERB_FILE,
    .summary = "show what is in an image",
    .usage = "usage: tandem inspect [--json] FILE...\n"
             "\n"
             "Header, TLVs, hash (computed again), trailer, and a map of the bytes. FILE is an\n"
             "image, raw or Intel hex (.hex), padded or not.\n",
    .run = run,
};

const struct td_verb td_verb_dumpinfo = {
    .name = "dumpinfo",
    .kind = TD_VERB_FILE,
    .summary = "show what is in an image",
    .usage = "usage: tandem dumpinfo [--json] FILE...\n"
             "\n"
             "The same as tandem inspect.\n",
    .run = run,
    .unlisted = true,
};
