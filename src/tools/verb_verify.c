/*
 * tools/verb_verify.c - checks an image as the bootloader would, with the bootloader's code.
 *
 * Without a key the hash decides. A malformed file is exit 4, an image that would not boot 1. The
 * hash is of the program in the clear: an encrypted file is opened with the device's key first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "crypto/ct.h"
#include "image/image.h"
#include "keys/wrap.h"
#include "tools/file.h"
#include "tools/imagefile.h"

enum {
    OPT_KEY,
    OPT_DECRYPT,
    OPT_PASSPHRASE_FILE,
};

static const struct td_opt opts[] = {
    { "key", 'k', true, OPT_KEY },
    { "decrypt", 0, true, OPT_DECRYPT },
    { "passphrase-file", 0, true, OPT_PASSPHRASE_FILE },
};

struct verify {
    struct td_cli *cli;
    const char *path;
    const char *key_path;
    const char *device_key_path;
    const char *passphrase_file;
    struct td_disk_file file;
    struct td_key *key;
    struct td_key *device_key;
    uint8_t der[TD_KEY_DER_MAX];
    size_t der_len;
};

static int take(struct verify *v, struct td_args *args, int id)
{
    if (id == OPT_KEY)
        v->key_path = args->value;
    else if (id == OPT_DECRYPT)
        v->device_key_path = args->value;
    else if (id == OPT_PASSPHRASE_FILE)
        v->passphrase_file = args->value;
    else if (v->path == NULL)
        v->path = args->value;
    else
        return td_cli_usagef(args->cli, "'%s' is one file too many: verify takes one", args->value);
    return TD_EXIT_OK;
}

static int open_key(struct verify *v)
{
    enum td_err err;
    int exit;

    if (v->key_path == NULL)
        return TD_EXIT_OK;
    exit = td_key_open(v->cli, v->key_path, v->passphrase_file, &v->key);
    if (exit != TD_EXIT_OK)
        return exit;
    if (td_key_sig_alg(v->key) == NULL)
        return td_cli_fail(v->cli, TD_EXIT_FILE, "not-supported",
                           "an x25519 key encrypts, and verifies nothing", v->key_path,
                           "name the key that signed");
    err = td_key_public_der(v->key, v->der, sizeof v->der, &v->der_len);
    return err == TD_OK ? TD_EXIT_OK
                        : td_cli_fail(v->cli, TD_EXIT_FILE, td_errname(err), td_strerror(err),
                                      v->key_path, NULL);
}

/* ---- the device's key --------------------------------------------------------------- */

/* A key that wraps with AES is bytes, and no PEM. */
static bool is_raw_key(const struct td_disk_file *file)
{
    return file->size == 16 || file->size == 32;
}

static const struct td_enc_alg *enc_alg_of(const struct verify *v, const struct td_source *src,
                                           const struct td_image *img)
{
    struct td_tlv tlv;

    switch (td_key_type(v->device_key)) {
    case TD_KEY_RSA_2048: return &td_enc_rsa2048;
    case TD_KEY_ECDSA_P256: return &td_enc_ec256;
    case TD_KEY_X25519:
        return td_tlv_find(src, img, TD_TLV_ENC_X25519_SHA512, &tlv) == TD_OK
                   ? &td_enc_x25519_sha512
                   : &td_enc_x25519;
    default: return NULL;
    }
}

/* The device's private key, as a bootloader has it: der has room for TD_PRIVATE_DER_MAX. */
static int read_device_key(struct verify *v, const struct td_source *src,
                           const struct td_image *img, uint8_t *der, struct td_image_unwrap *unwrap)
{
    const char *path = v->device_key_path;
    struct td_disk_file raw;
    enum td_err err = TD_OK;
    size_t len = 0;
    int exit = td_file_read(v->cli, path, &raw);

    if (exit != TD_EXIT_OK)
        return exit;
    if (is_raw_key(&raw)) {
        unwrap->alg = &td_enc_kw;
        len = raw.size;
        memcpy(der, raw.bytes, len);
    } else {
        exit = td_key_open(v->cli, path, v->passphrase_file, &v->device_key);
        if (exit == TD_EXIT_OK) {
            unwrap->alg = enc_alg_of(v, src, img);
            err = unwrap->alg == NULL ? TD_EKEYTYPE
                                      : td_key_private_der(v->device_key, TD_PRIVATE_USUAL, false,
                                                           der, TD_PRIVATE_DER_MAX, &len);
        }
    }
    td_wipe(raw.bytes, raw.size);
    td_file_free(&raw);
    unwrap->key = der;
    unwrap->len = (uint16_t)len;
    return err == TD_OK ? exit
                        : td_cli_fail(v->cli, TD_EXIT_FILE, td_errname(err), td_strerror(err), path,
                                      "name the private key that the image was encrypted for");
}

/* The file's payload, in place, with the wrapped key that it carries. */
static int open_payload(struct verify *v, const struct td_source *src, const struct td_image *img)
{
    uint8_t der[TD_PRIVATE_DER_MAX], value[TD_ENC_TLV_MAX];
    struct td_image_fault fault = { 0 };
    struct td_image_unwrap unwrap;
    struct td_aes_ctr ctr;
    enum td_err err;
    uint16_t len;
    int exit = read_device_key(v, src, img, der, &unwrap);

    if (exit == TD_EXIT_OK) {
        err = td_image_wrapped_key(src, img, &unwrap, value, &len, &fault.off);
        if (err == TD_OK)
            err = td_image_open_key(&unwrap, value, len,
                                    (img->hdr.flags & TD_IMAGE_F_ENC_AES256) != 0, &ctr);
        if (err == TD_OK)
            td_image_cipher(&ctr, img->hdr.hdr_size, img->hdr.img_size, 0, v->file.bytes,
                            v->file.size);
        else if (err == TD_EKEY)
            exit = td_cli_fail(v->cli, TD_EXIT_FILE, "device-key",
                               "this is no key of a device that takes such images",
                               v->device_key_path, "it is as long as the image's own key");
        else
            exit = td_image_file_fail(v->cli, v->path, err, &fault, NULL);
        td_wipe(&ctr, sizeof ctr);
    }
    td_wipe(der, sizeof der);
    return exit;
}

/* Whether the bytes give the hash as they lie: then nothing is encrypted, whatever the flag says. */
static bool is_clear(const struct td_source *src, const struct td_image *img)
{
    struct td_image_work work = { .breathe = NULL };
    uint8_t stored[64], digest[64], len;
    uint16_t type;

    return td_image_hash(src, img, stored, &len, &type) == TD_OK &&
           td_image_digest(src, img, td_image_hash_alg(type), &work, digest) == TD_OK &&
           memcmp(stored, digest, len) == 0;
}

/* Opens an encrypted file; one in the clear, or malformed, stays as it is. */
static int decrypt(struct verify *v)
{
    struct td_source src = td_source_memory(v->file.bytes, v->file.size);
    struct td_image img;
    struct td_image_fault fault = { .off = 0x10 };

    if (td_image_open(&src, UINT32_MAX, &img, NULL) != TD_OK ||
        (img.hdr.flags & TD_IMAGE_F_ENCRYPTED) == 0 || is_clear(&src, &img))
        return TD_EXIT_OK;
    fault.found = img.hdr.flags;
    return v->device_key_path != NULL
               ? open_payload(v, &src, &img)
               : td_image_file_fail(v->cli, v->path, TD_EIMG_ENCRYPTED, &fault, NULL);
}

/* ---- the image ---------------------------------------------------------------------- */

/*
 * The signature over the image itself. td_image_check knows digests only, because a bootloader
 * cannot hold an image in memory; here the file is there. The rest was checked by then.
 */
static enum td_err check_pure(const struct verify *v, const struct td_source *src,
                              struct td_image_report *report)
{
    const struct td_sig_alg *alg = td_key_sig_alg(v->key);
    struct td_tlv tlv;
    enum td_err err;

    if (alg != &td_sig_ed25519)
        return TD_EIMG_SIGTYPE;
    err = td_tlv_find(src, &report->img, alg->tlv, &tlv);
    if (err != TD_OK)
        return err == TD_ENOTFOUND ? TD_EIMG_UNSIGNED : err;
    err = alg->verify(v->der, v->der_len, v->file.bytes, report->img.tlv_off,
                      v->file.bytes + tlv.off, tlv.len);
    return err == TD_ESIG ? TD_EIMG_SIG : err;
}

static enum td_err check(const struct verify *v, struct td_image_report *report, bool *pure)
{
    struct td_source src = td_source_memory(v->file.bytes, v->file.size);
    struct td_image_key key = { v->der, (uint16_t)v->der_len };
    struct td_image_policy policy = {
        .hash = v->key != NULL ? td_key_sig_alg(v->key)->hash : &td_sha256,
        .sig = v->key != NULL ? td_key_sig_alg(v->key) : NULL,
        .keys = &key,
        .n_keys = 1,
        .max_size = UINT32_MAX,
        .payload = TD_PAYLOAD_OPENED, // decrypt() saw to it
        .takes_compressed = true,
    };
    struct td_image_work work = { .breathe = NULL };
    struct td_image img;
    uint8_t stored[64];
    uint16_t type;
    struct td_tlv tlv;
    enum td_err err;

    // Whatever hash the image carries is the one to check, as long as the key goes with it.
    if (td_image_open(&src, UINT32_MAX, &img, NULL) == TD_OK &&
        td_image_hash(&src, &img, stored, NULL, &type) == TD_OK &&
        (v->key == NULL || (policy.sig == &td_sig_ed25519 && type == TD_TLV_SHA512)))
        policy.hash = td_image_hash_alg(type);
    *pure = td_image_open(&src, UINT32_MAX, &img, NULL) == TD_OK &&
            td_tlv_find(&src, &img, TD_TLV_SIG_PURE, &tlv) == TD_OK;
    if (*pure)
        policy.sig = NULL;
    err = td_image_check(&src, &policy, &work, report);
    return err == TD_OK && *pure && v->key != NULL ? check_pure(v, &src, report) : err;
}

static void say_good(const struct verify *v, const struct td_image_report *report)
{
    const struct td_version *version = &report->img.hdr.version;
    char digest[2 * 64 + 1];
    char text[40];

    td_hex(report->hash, report->hash_len, digest);
    snprintf(text, sizeof text, "%u.%u.%u+%u", version->major, version->minor, version->revision,
             version->build);
    if (v->cli->json) {
        td_cli_json(v->cli,
                    json_pack("{s:s, s:b, s:s, s:s, s:b}", "file", v->path, "valid", 1, "version",
                              text, "hash", digest, "signature", v->key != NULL));
        return;
    }
    fprintf(v->cli->out, "Image was correctly validated\nImage version: %s\nImage digest: %s\n",
            text, digest);
}

static int verify(struct verify *v)
{
    struct td_image_report report;
    enum td_err err;
    bool pure;
    int exit = td_file_read(v->cli, v->path, &v->file);

    if (exit == TD_EXIT_OK)
        exit = open_key(v);
    if (exit == TD_EXIT_OK)
        exit = decrypt(v);
    if (exit != TD_EXIT_OK)
        return exit;
    err = check(v, &report, &pure);
    if (err != TD_OK)
        return td_image_file_fail(v->cli, v->path, err, &report.fault, report.key);
    say_good(v, &report);
    if ((report.img.hdr.flags & TD_IMAGE_F_COMPRESSED) != 0)
        td_cli_note(v->cli, "It is compressed: only overwrite-only unpacks it.");
    if (v->key == NULL)
        td_cli_note(v->cli,
                    "Only the hash was checked: name a key with -k to check the signature.");
    return TD_EXIT_OK;
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct verify v = { .cli = cli };
    struct td_args args;
    int exit;
    int id;

    td_args_begin(&args, cli, opts, TD_N_OF(opts), argc, argv);
    while ((id = td_args_next(&args)) != TD_ARG_END) {
        exit = id == TD_ARG_STOP ? args.exit : take(&v, &args, id);
        if (exit != TD_EXIT_OK || id == TD_ARG_STOP)
            return exit;
    }
    exit = v.path != NULL ? verify(&v) : td_cli_usage(cli, "verify wants an image file");
    td_file_free(&v.file);
    td_key_free(v.key);
    td_key_free(v.device_key);
    return exit;
}

const struct td_verb td_verb_verify = {
    .name = "verify",
    .kind = TD_VERB_FILE,
    .summary = "check an image as the bootloader would",
    .usage = "usage: tandem verify [-k KEY] [--decrypt KEY] FILE\n"
             "\n"
             "Checks structure and hash, and with a key the signature. Exit 0: it would boot\n"
             "where the key is trusted; 1: it would not, and why; 4: the file is no\n"
             "well-formed image.\n"
             "\n"
             "  -k, --key FILE          private or public key (PEM)\n"
             "  --decrypt FILE          private key (PEM) that the image is encrypted for;\n"
             "                          of AES key wrap the file of its 16 or 32 bytes\n"
             "  --passphrase-file FILE  its first line opens the key\n",
    .run = run,
};
