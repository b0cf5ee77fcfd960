/* tools/imagefile.c - reads an image, and says its error as what, where, what to do. */
#include "tools/imagefile.h"

#include <limits.h>
#include <string.h>

#include "base/range.h"
#include "crypto/hash.h"

static const char *remedy_of(enum td_err err)
{
    switch (err) {
    case TD_EIMG_MAGIC: return "name the file that tandem sign wrote, not the bare binary";
    case TD_EIMG_EMPTY: return "name the signed image, not an erased dump";
    case TD_EIMG_TRUNC: return "copy or download the file again: its end is missing";
    case TD_EIMG_HASH:
        return "the file was changed after it was signed: copy it again, or sign again";
    case TD_EIMG_ENCRYPTED:
        return "give the device's private key: tandem verify --decrypt KEY FILE";
    case TD_EIMG_ENCTLV: return "use the kind of key it is encrypted for; tandem inspect shows it";
    case TD_EENC: return "use the key it is encrypted for, or encrypt it again for this one";
    case TD_EIMG_COMPRESSED: return "sign without compression";
    case TD_EIMG_P384: return "sign with an ecdsa-p256 or ed25519 key";
    case TD_EIMG_PURE: return "sign without --pure";
    case TD_EIMG_UNSIGNED: return "sign it: tandem sign -k KEY";
    case TD_EIMG_SIGTYPE: return "use the key that signed it; tandem inspect shows its kind";
    case TD_EIMG_KEY: return "use the key that signed it; compare tandem getpubhash -k KEY";
    case TD_EIMG_SIG: return "sign it again; if that does not help it is being forged";
    case TD_EIMG_HASHTYPE: return "sign with the hash that goes with the key (--sha)";
    default: return "sign it again with a current signer, and check the copy";
    }
}

/* wanted and found mean something else for each error; most people want them in hex. */
static void add_facts(char *where, size_t cap, enum td_err err, const struct td_image_fault *fault)
{
    size_t len = strlen(where);

    if (fault->tlv != 0) {
        snprintf(where + len, cap - len, ", TLV 0x%x (%s)", fault->tlv, td_tlv_name(fault->tlv));
        len = strlen(where);
    }
    switch (err) {
    case TD_EIMG_TRUNC:
        snprintf(where + len, cap - len, ", %u bytes needed, %u there", fault->wanted,
                 fault->found);
        break;
    case TD_EIMG_HASHTYPE:
    case TD_EIMG_SIGTYPE:
        snprintf(where + len, cap - len, ", wanted %s", td_tlv_name((uint16_t)fault->wanted));
        break;
    default:
        if (fault->wanted != 0)
            snprintf(where + len, cap - len, ", wanted 0x%x, found 0x%x", fault->wanted,
                     fault->found);
        else if (fault->found != 0)
            snprintf(where + len, cap - len, ", found 0x%x", fault->found);
        break;
    }
}

static bool is_malformed(enum td_err err)
{
    return (err <= TD_EIMG_MAGIC && err >= TD_EIMG_FORBIDDEN) || err == TD_EIMG_PAIRS;
}

static int fail(struct td_cli *cli, enum td_exit exit, const char *path, enum td_err err,
                const struct td_image_fault *fault, const uint8_t *key)
{
    char where[PATH_MAX + 256];
    size_t len;

    snprintf(where, sizeof where, "%s: offset 0x%x", path, fault->off);
    add_facts(where, sizeof where, err, fault);
    len = strlen(where);
    if (key != NULL && (err == TD_EIMG_KEY || err == TD_EIMG_SIG) && len < PATH_MAX + 200) {
        char hex[17];

        td_hex(key, 8, hex);
        snprintf(where + len, sizeof where - len, ", key %s...", hex);
    }
    return td_cli_fail(cli, exit, td_errname(err), td_strerror(err), where, remedy_of(err));
}

int td_image_file_fail(struct td_cli *cli, const char *path, enum td_err err,
                       const struct td_image_fault *fault, const uint8_t *key)
{
    return fail(cli, is_malformed(err) ? TD_EXIT_FILE : TD_EXIT_REFUSED, path, err, fault, key);
}

/* What people hand over instead of an image, by its first bytes. */
static int refuse_other_kinds(struct td_cli *cli, const char *path, const struct td_disk_file *file)
{
    static const struct {
        uint8_t magic[4];
        const char *code, *text, *remedy;
    } kinds[] = {
        { { 'P', 'K', 3, 4 },
          "package",
          "this is a package (zip), not an image",
          "tandem update takes it whole; tandem inspect shows what is in it" },
        { { 0x7f, 'E', 'L', 'F' },
          "elf",
          "this is an ELF file, as the linker wrote it",
          "name the signed image: tandem sign makes one of the bin or hex file" },
    };

    for (size_t i = 0; i < TD_N_OF(kinds); i++)
        if (file->size >= 4 && memcmp(file->bytes, kinds[i].magic, 4) == 0)
            return td_cli_fail(cli, TD_EXIT_FILE, kinds[i].code, kinds[i].text, path,
                               kinds[i].remedy);
    return TD_EXIT_OK;
}

static int look(struct td_cli *cli, bool unsound_is_fine, struct td_image_file *out)
{
    struct td_image_work work = { .breathe = NULL };
    struct td_hash hash;

    out->src = td_source_memory(out->file.bytes, out->file.size);
    td_hash_init(&hash, &td_sha256);
    td_hash_update(&hash, out->file.bytes, out->file.size);
    td_hash_final(&hash, out->sha);
    if (td_image_facts(&out->src, &work, &out->facts) == TD_OK || unsound_is_fine)
        return TD_EXIT_OK;
    return fail(cli, TD_EXIT_FILE, out->path, out->facts.err, &out->facts.fault, NULL);
}

int td_image_file_open(struct td_cli *cli, const char *path, bool unsound_is_fine,
                       struct td_image_file *out)
{
    int exit;

    memset(out, 0, sizeof *out);
    out->path = path;
    exit = td_file_read(cli, path, &out->file);
    if (exit == TD_EXIT_OK)
        exit = refuse_other_kinds(cli, path, &out->file);
    return exit == TD_EXIT_OK ? look(cli, unsound_is_fine, out) : exit;
}

int td_image_file_take(struct td_cli *cli, const char *name, uint8_t *bytes, uint32_t size,
                       bool unsound_is_fine, struct td_image_file *out)
{
    memset(out, 0, sizeof *out);
    out->path = name;
    out->file.bytes = bytes;
    out->file.size = size;
    return look(cli, unsound_is_fine, out);
}

void td_image_file_close(struct td_image_file *f)
{
    td_file_free(&f->file);
}
