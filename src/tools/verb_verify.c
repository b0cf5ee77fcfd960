/*
 * tools/verb_verify.c - checks an image as the bootloader would, with the bootloader's code.
 *
 * Without a key the hash decides. A malformed file is exit 4, an image that would not boot 1.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "image/image.h"
#include "tools/file.h"
#include "tools/imagefile.h"

enum {
    OPT_KEY,
    OPT_PASSPHRASE_FILE,
};

static const struct td_opt opts[] = {
    { "key", 'k', true, OPT_KEY },
    { "passphrase-file", 0, true, OPT_PASSPHRASE_FILE },
};

struct verify {
    struct td_cli *cli;
    const char *path;
    const char *key_path;
    const char *passphrase_file;
    struct td_file file;
    struct td_key *key;
    uint8_t der[TD_KEY_DER_MAX];
    size_t der_len;
};

static int take(struct verify *v, struct td_args *args, int id)
{
    if (id == OPT_KEY)
        v->key_path = args->value;
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
                           td_key_type(v->key) == TD_KEY_X25519
                               ? "an x25519 key encrypts, and verifies nothing"
                               : "verifying with ECDSA P-384 is not supported yet",
                           v->key_path,
                           td_key_type(v->key) == TD_KEY_X25519 ? "name the key that signed"
                                                                : "verify with imgtool meanwhile");
    err = td_key_public_der(v->key, v->der, sizeof v->der, &v->der_len);
    return err == TD_OK ? TD_EXIT_OK
                        : td_cli_fail(v->cli, TD_EXIT_FILE, td_errname(err), td_strerror(err),
                                      v->key_path, NULL);
}

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
        .hash = &td_sha256,
        .sig = v->key != NULL ? td_key_sig_alg(v->key) : NULL,
        .keys = &key,
        .n_keys = 1,
        .max_size = UINT32_MAX,
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
    if (exit != TD_EXIT_OK)
        return exit;
    err = check(v, &report, &pure);
    if (err != TD_OK)
        return td_image_file_fail(v->cli, v->path, err, &report.fault, report.key);
    say_good(v, &report);
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
    return exit;
}

const struct td_verb td_verb_verify = {
    .name = "verify",
    .kind = TD_VERB_FILE,
    .summary = "check an image as the bootloader would",
    .usage = "usage: tandem verify [-k KEY] FILE\n"
             "\n"
             "Checks structure and hash, and with a key the signature. Exit 0: it would boot\n"
             "where the key is trusted; 1: it would not, and why; 4: the file is no\n"
             "well-formed image.\n"
             "\n"
             "  -k, --key FILE          private or public key (PEM)\n"
             "  --passphrase-file FILE  its first line opens the key\n",
    .run = run,
};
