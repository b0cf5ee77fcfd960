/*
 * tools/verb_nsib_sign.c - tandem nsib sign: hash, signature and validation info of a second stage
 * in one step; both variants of one; MCUboot's image around each.
 *
 * Nothing is written before everything that is to be written has been verified as the first stage
 * will verify it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "tools/nsib_tool.h"
#include "tools/nsib_verbs.h"
#include "tools/sign.h"

enum {
    OPT_KEY,
    OPT_PASSPHRASE_FILE,
    OPT_SIGNATURE,
    OPT_PUBLIC_KEY,
    OPT_HASH_ONLY,
    OPT_HASH_OUT,
    OPT_SKIP,
    OPT_OFFSET,
    OPT_MAGIC,
    OPT_GENERATION,
    OPT_MCUBOOT_KEY,
    OPT_VERSION,
    OPT_HEADER_SIZE,
    OPT_SLOT_SIZE,
    OPT_S0,
    OPT_S1,
    OPT_PREVIOUS,
    OPT_ACCEPT,
};

static const struct td_opt options[] = {
    { "key", 'k', true, OPT_KEY },
    { "private-key", 0, true, OPT_KEY },
    { "passphrase-file", 0, true, OPT_PASSPHRASE_FILE },
    { "signature", 's', true, OPT_SIGNATURE },
    { "public-key", 'p', true, OPT_PUBLIC_KEY },
    { "hash-only", 0, false, OPT_HASH_ONLY },
    { "digest", 0, false, OPT_HASH_ONLY },
    { "hash-out", 0, true, OPT_HASH_OUT },
    { "skip", 0, true, OPT_SKIP },
    { "offset", 0, true, OPT_OFFSET },
    { "magic-value", 'm', true, OPT_MAGIC },
    { "b0-generation", 0, true, OPT_GENERATION },
    { "mcuboot-key", 0, true, OPT_MCUBOOT_KEY },
    { "version", 'v', true, OPT_VERSION },
    { "header-size", 'H', true, OPT_HEADER_SIZE },
    { "slot-size", 'S', true, OPT_SLOT_SIZE },
    { "s0-addr", 0, true, OPT_S0 },
    { "s1-addr", 0, true, OPT_S1 },
    { "previous", 0, true, OPT_PREVIOUS },
    { "accept-differences", 0, false, OPT_ACCEPT },
};

#define VARIANTS_MAX 2
#define HEADER_SIZE  0x200

struct sealing {
    struct td_cli *cli;
    const char *key, *passphrase_file;
    const char *signature, *public_key;
    const char *hash_out;
    const char *mcuboot_key, *version, *header_size, *slot_size;
    const char *previous;
    bool hash_only, accept, has_magic;
    bool has_slot[VARIANTS_MAX];
    uint32_t slot_addr[VARIANTS_MAX];
    uint32_t skip, offset, header, slot_bytes;
    uint32_t magic[3];
    const struct nsib_generation *generation;

    const char *words[2 * VARIANTS_MAX + 1];
    size_t n_words;

    struct td_key *private;
    struct nsib_key holder; /* its public half, or -p's */
    struct nsib_program program[VARIANTS_MAX];
    const char *out[VARIANTS_MAX];
    size_t n;
};

/* ---- the command line --------------------------------------------------------------- */

static int take_number(struct sealing *s, const char *option, const char *text, uint32_t *out)
{
    if (!td_parse_u32(text, 0, UINT32_MAX, out))
        return td_cli_usagef(s->cli, "%s wants a number, and not '%s'", option, text);
    return TD_EXIT_OK;
}

static int take_slot(struct sealing *s, unsigned slot, const char *text)
{
    s->has_slot[slot] = true;
    return take_number(s, slot == 0 ? "--s0-addr" : "--s1-addr", text, &s->slot_addr[slot]);
}

/* Three words with commas between them, as Kconfig and CMake hand them on. */
static int take_magic(struct sealing *s, const char *text)
{
    char words[80];
    size_t n = 0;

    if (strlen(text) < sizeof words) {
        memcpy(words, text, strlen(text) + 1);
        for (char *w = strtok(words, ","); w != NULL; w = strtok(NULL, ","), n++)
            if (n == 3 || !td_parse_u32(w, 0, UINT32_MAX, &s->magic[n]))
                n = 4;
    }
    if (n != 3)
        return td_cli_usagef(s->cli, "--magic-value is three numbers with commas, and not '%s'",
                             text);
    s->has_magic = true;
    return TD_EXIT_OK;
}

static int take_word(struct sealing *s, const char *word)
{
    if (s->n_words == TD_N_OF(s->words))
        return td_cli_usagef(s->cli, "too many files: '%s'", word);
    s->words[s->n_words++] = word;
    return TD_EXIT_OK;
}

static int take(struct sealing *s, int id, const char *value)
{
    switch (id) {
    case OPT_KEY: s->key = value; return TD_EXIT_OK;
    case OPT_PASSPHRASE_FILE: s->passphrase_file = value; return TD_EXIT_OK;
    case OPT_SIGNATURE: s->signature = value; return TD_EXIT_OK;
    case OPT_PUBLIC_KEY: s->public_key = value; return TD_EXIT_OK;
    case OPT_HASH_ONLY: s->hash_only = true; return TD_EXIT_OK;
    case OPT_HASH_OUT: s->hash_out = value; return TD_EXIT_OK;
    case OPT_SKIP: return take_number(s, "--skip", value, &s->skip);
    case OPT_OFFSET: return take_number(s, "--offset", value, &s->offset);
    case OPT_MAGIC: return take_magic(s, value);
    case OPT_GENERATION: return nsib_generation_take(s->cli, value, &s->generation);
    case OPT_MCUBOOT_KEY: s->mcuboot_key = value; return TD_EXIT_OK;
    case OPT_VERSION: s->version = value; return TD_EXIT_OK;
    case OPT_HEADER_SIZE:
        s->header_size = value;
        return take_number(s, "--header-size", value, &s->header);
    case OPT_SLOT_SIZE:
        s->slot_size = value;
        return take_number(s, "--slot-size", value, &s->slot_bytes);
    case OPT_S0: return take_slot(s, 0, value);
    case OPT_S1: return take_slot(s, 1, value);
    case OPT_PREVIOUS: s->previous = value; return TD_EXIT_OK;
    case OPT_ACCEPT: s->accept = true; return TD_EXIT_OK;
    default: return take_word(s, value);
    }
}

static int judge_files(struct sealing *s)
{
    if (s->hash_only) {
        if (s->n_words != 1)
            return td_cli_usage(s->cli, "--hash-only wants one file: IN");
        s->n = 1;
        return TD_EXIT_OK;
    }
    if (s->n_words != 2 && s->n_words != 4)
        return td_cli_usage(s->cli, "IN and OUT are wanted; or IN and OUT of each of two variants");
    s->n = s->n_words / 2;
    for (size_t i = 0; i < s->n; i++)
        s->out[i] = s->words[2 * i + 1];
    if (s->n == 2 && s->signature != NULL)
        return td_cli_usage(s->cli, "--signature is one firmware's: seal the variants one by one");
    if (s->n == 2 && strcmp(s->out[0], s->out[1]) == 0)
        return td_cli_usagef(s->cli, "both variants would be written to '%s'", s->out[0]);
    return TD_EXIT_OK;
}

static int judge(struct sealing *s)
{
    int exit = judge_files(s);

    if (exit != TD_EXIT_OK)
        return exit;
    if (s->hash_only && (s->key != NULL || s->signature != NULL || s->mcuboot_key != NULL))
        return td_cli_usage(s->cli, "--hash-only signs nothing: no key and no signature");
    if (!s->hash_only && s->hash_out != NULL)
        return td_cli_usage(s->cli, "--hash-out goes with --hash-only");
    if (!s->hash_only && (s->key != NULL) == (s->signature != NULL))
        return td_cli_usage(s->cli, "either -k, --key, or a --signature that was made elsewhere");
    if ((s->signature != NULL) != (s->public_key != NULL))
        return td_cli_usage(s->cli, "--signature and -p, --public-key go together");
    if (s->mcuboot_key != NULL && (s->version == NULL || s->slot_size == NULL))
        return td_cli_usage(s->cli,
                            "--mcuboot-key wants -v, --version and -S, --slot-size as well");
    if (s->mcuboot_key == NULL && (s->version != NULL || s->header_size != NULL))
        return td_cli_usage(s->cli, "--version and --header-size are for --mcuboot-key; the first "
                                    "stage's version is in the program");
    if (s->mcuboot_key != NULL && s->skip != 0)
        return td_cli_usage(s->cli,
                            "with --skip the program has room for MCUboot's header: seal it, "
                            "then tandem sign without --pad-header");
    return TD_EXIT_OK;
}

/* ---- the signature ------------------------------------------------------------------ */

static int open_key(struct sealing *s)
{
    const char *path = s->key != NULL ? s->key : s->public_key;
    const char *place = s->key != NULL ? nsib_key_place_trouble(path) : NULL;
    int exit;

    if (s->key == NULL)
        return nsib_key_read(s->cli, path, s->passphrase_file, &s->holder);
    exit = td_key_open(s->cli, path, s->passphrase_file, &s->private);
    if (exit == TD_EXIT_OK)
        exit = nsib_key_of(s->cli, path, s->private, &s->holder);
    if (exit == TD_EXIT_OK && !td_key_is_private(s->private))
        exit = td_cli_fail(s->cli, TD_EXIT_FILE, td_errname(TD_EKEYPUBLIC),
                           "this is a public key, which cannot sign", path,
                           "give the private one; or --signature FILE and -p");
    if (exit == TD_EXIT_OK && place != NULL)
        td_cli_note(s->cli, "%s: %s.", path, place);
    if (exit == TD_EXIT_OK && nsib_print_has_hole(s->holder.print))
        exit = td_cli_fail(s->cli, TD_EXIT_REFUSED, "key-hole",
                           "the key's fingerprint has an aligned ffff: no first stage can hold it",
                           path, "make another key: tandem nsib keys --generate");
    return exit;
}

/* Whether a signature from elsewhere is good, and why not: the usual mistakes sign one hash more or fewer. */
static int judge_signature(struct sealing *s, const struct nsib_program *p, const uint8_t sig[64])
{
    struct td_fw_validation v = { .off = 0 };

    memcpy(v.key, s->holder.xy, sizeof v.key);
    memcpy(v.sig, sig, sizeof v.sig);
    if (td_fw_verify(&v, p->h1, &td_sig_ecdsa_p256) == TD_OK)
        return TD_EXIT_OK;
    if (td_fw_verify(&v, p->h2, &td_sig_ecdsa_p256) == TD_OK)
        return td_cli_fail(
            s->cli, TD_EXIT_REFUSED, "hash-level",
            "the signature is over H2 as a message: that is one hash too many", s->signature,
            "give the signer H1 as the message, or H2 as the digest it signs as it is");
    if (td_fw_verify_digest(&v, p->h1, &td_sig_ecdsa_p256) == TD_OK)
        return td_cli_fail(
            s->cli, TD_EXIT_REFUSED, "hash-level",
            "the signature is over H1 as a digest: the first stage hashes H1 once "
            "more",
            s->signature,
            "give the signer H1 as the message, or H2 as the digest it signs as it is");
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(TD_ESIG),
                       "the signature is not this program's by this key", s->signature,
                       "is it of this very file, and -p the signer's key? --hash-only shows what "
                       "is to be signed");
}

static int read_signature(struct sealing *s, uint8_t rs[64])
{
    const struct nsib_program *p = &s->program[0];
    struct td_disk_file file;
    bool raw;
    int exit = td_file_read(s->cli, s->signature, &file);

    if (exit != TD_EXIT_OK)
        return exit;
    raw = file.size == 64;
    if (raw)
        memcpy(rs, file.bytes, 64);
    else if (td_rs_of_der(file.bytes, file.size, rs) != TD_OK)
        exit = td_cli_fail(s->cli, TD_EXIT_FILE, "signature-form",
                           "this is neither 64 bytes of r and s nor a signature in DER",
                           s->signature, "have the signer write its bytes, without base64 or text");
    td_file_free(&file);
    if (exit != TD_EXIT_OK)
        return exit;
    td_cli_note(s->cli, "%s: %s.", s->signature, raw ? "64 bytes, r and s as they are" : "DER");
    return judge_signature(s, p, rs);
}

static int seal(struct sealing *s, struct nsib_program *p)
{
    uint8_t rs[64];
    int exit = TD_EXIT_OK;

    if (s->signature != NULL) {
        exit = read_signature(s, rs);
    } else {
        enum td_err err = td_key_sign_rs(s->private, p->h1, sizeof p->h1, rs);

        if (err != TD_OK)
            exit =
                td_cli_fail(s->cli, TD_EXIT_FILE, td_errname(err), td_strerror(err), s->key, NULL);
    }
    if (exit == TD_EXIT_OK)
        exit =
            nsib_program_seal(s->cli, p, &s->holder, rs, s->offset, s->has_magic ? s->magic : NULL);
    return exit;
}

/* ---- the slots ---------------------------------------------------------------------- */

static int check_fits(struct sealing *s, const struct nsib_program *p)
{
    uint32_t pad = s->mcuboot_key != NULL ? s->header : 0;
    char where[300];

    if (s->slot_bytes == 0 || (uint64_t)pad + p->len <= s->slot_bytes)
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "%.200s: %u bytes with header and seal, the slot has %u", p->in,
             pad + p->len, s->slot_bytes);
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, "slot-size", "it does not fit into its slot", where,
                       "-S, --slot-size is S0's, with the room for the header");
}

/* Whose slot it is linked for, when slots were named. */
static int check_slot(struct sealing *s, const struct nsib_program *p)
{
    char where[300];

    if (!s->has_slot[0] && !s->has_slot[1])
        return TD_EXIT_OK;
    for (unsigned i = 0; i < VARIANTS_MAX; i++) {
        uint32_t in = p->base - s->slot_addr[i];
        // Without a size, a header's room is all that may be in front.
        uint32_t reach = s->slot_bytes != 0 ? s->slot_bytes : 0x1000;

        if (s->has_slot[i] && in < reach)
            return s->mcuboot_key != NULL && in != s->header
                       ? td_cli_fail(s->cli, TD_EXIT_REFUSED, "address",
                                     "the program is not linked right behind the header's room",
                                     p->in, "is --header-size the pad of the layout?")
                       : TD_EXIT_OK;
    }
    snprintf(where, sizeof where, "%.200s is linked for 0x%x", p->in, p->base);
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, "address",
                       "the program is linked for neither slot that was named", where,
                       "compare --s0-addr and --s1-addr with the layout that it was built with");
}

static int check_all(struct sealing *s)
{
    int exit = TD_EXIT_OK;

    if (s->n == 2)
        exit = nsib_programs_alike(s->cli, &s->program[0], &s->program[1], s->accept);
    for (size_t i = 0; i < s->n && exit == TD_EXIT_OK; i++) {
        exit = check_slot(s, &s->program[i]);
        if (exit == TD_EXIT_OK && s->previous != NULL)
            exit = nsib_program_newer(s->cli, &s->program[i], s->previous);
    }
    return exit;
}

/* ---- the files ---------------------------------------------------------------------- */

static int write_sealed(struct sealing *s, struct nsib_program *p, const char *out)
{
    const struct td_hex_chunk chunk = { p->base, p->sealed, p->len };
    size_t len;
    char *text;
    int exit;

    if (!td_file_is_hex(out))
        return td_file_write(s->cli, out, p->sealed, p->len, false);
    text = td_hex_format(&chunk, 1, &len);
    if (text == NULL)
        return td_cli_fail(s->cli, TD_EXIT_FILE, "memory", "there is not enough memory", NULL,
                           NULL);
    exit = td_file_write(s->cli, out, text, len, false);
    free(text);
    return exit;
}

/* `tandem sign` with the sealed bytes as its payload. */
static int write_wrapped(struct sealing *s, struct nsib_program *p, const char *out)
{
    char header[16];
    const char *argv[] = { "--pad-header", "--align",  "4",   "-k",   s->mcuboot_key,
                           "-v",           s->version, "-H",  header, "-S",
                           s->slot_size,   "--",       p->in, out };
    struct td_disk_file in = { .size = p->len, .has_base = true, .base = p->base };
    char *args[TD_N_OF(argv)];
    int exit = TD_EXIT_OK;

    snprintf(header, sizeof header, "%u", s->header);
    in.bytes = malloc(p->len);
    for (size_t i = 0; i < TD_N_OF(argv); i++)
        args[i] = argv[i] != NULL ? strdup(argv[i]) : NULL;
    for (size_t i = 0; i < TD_N_OF(argv); i++)
        if (in.bytes == NULL || args[i] == NULL)
            exit = TD_EXIT_FILE;
    if (exit == TD_EXIT_OK) {
        memcpy(in.bytes, p->sealed, p->len);
        exit = td_sign_bytes(s->cli, (int)TD_N_OF(args), args, &in);
    } else {
        exit =
            td_cli_fail(s->cli, TD_EXIT_FILE, "memory", "there is not enough memory", NULL, NULL);
    }
    for (size_t i = 0; i < TD_N_OF(args); i++)
        free(args[i]);
    free(in.bytes);
    return exit;
}

static void say(const struct sealing *s, const struct nsib_program *p, const char *out)
{
    char print[2 * TD_FW_FINGERPRINT + 1], h1[65];

    td_hex(s->holder.print, TD_FW_FINGERPRINT, print);
    td_hex(p->h1, 32, h1);
    if (s->cli->json)
        td_cli_json(s->cli,
                    json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:b}", "file", out, "version",
                              (json_int_t)p->info.version, "address", (json_int_t)p->info.address,
                              "size", (json_int_t)p->len, "hash", h1, "fingerprint", print,
                              "wrapped", s->mcuboot_key != NULL));
    else
        td_cli_note(s->cli, "%s: firmware version %u for 0x%x, sealed by the key %s%s.", out,
                    p->info.version, p->info.address, print,
                    s->mcuboot_key != NULL ? ", wrapped for MCUboot" : "");
}

static int write_all(struct sealing *s)
{
    int exit = TD_EXIT_OK;

    for (size_t i = 0; i < s->n && exit == TD_EXIT_OK; i++) {
        struct nsib_program *p = &s->program[i];

        exit =
            s->mcuboot_key != NULL ? write_wrapped(s, p, s->out[i]) : write_sealed(s, p, s->out[i]);
        if (exit == TD_EXIT_OK)
            say(s, p, s->out[i]);
    }
    return exit;
}

static int say_hashes(struct sealing *s)
{
    const struct nsib_program *p = &s->program[0];
    char h1[65], h2[65];
    int exit = TD_EXIT_OK;

    if (s->hash_out != NULL)
        exit = td_file_write(s->cli, s->hash_out, p->h1, sizeof p->h1, false);
    if (exit != TD_EXIT_OK)
        return exit;
    td_hex(p->h1, 32, h1);
    td_hex(p->h2, 32, h2);
    if (s->cli->json)
        td_cli_json(s->cli, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "file", p->in, "h1", h1,
                                      "h2", h2, "size", (json_int_t)(p->end - p->start), "address",
                                      (json_int_t)(p->base + p->start), "version",
                                      (json_int_t)p->info.version));
    else
        fprintf(s->cli->out,
                "H1 %s  the message: SHA-256 of %u bytes; for a signer that hashes what it gets\n"
                "H2 %s  the digest: SHA-256 of H1; for a signer that signs what it gets as it is\n",
                h1, p->end - p->start, h2);
    return TD_EXIT_OK;
}

static int sign(struct sealing *s)
{
    int exit = judge(s);

    for (size_t i = 0; i < s->n && exit == TD_EXIT_OK; i++)
        exit = nsib_program_read(s->cli, &s->program[i], s->words[2 * i], s->skip,
                                 s->mcuboot_key != NULL ? s->header : 0, s->generation);
    if (exit == TD_EXIT_OK)
        exit = check_all(s);
    if (exit == TD_EXIT_OK && s->hash_only)
        return say_hashes(s);
    if (exit == TD_EXIT_OK)
        exit = open_key(s);
    for (size_t i = 0; i < s->n && exit == TD_EXIT_OK; i++) {
        exit = seal(s, &s->program[i]);
        if (exit == TD_EXIT_OK)
            exit = check_fits(s, &s->program[i]);
    }
    return exit == TD_EXIT_OK ? write_all(s) : exit;
}

int nsib_sign_run(struct td_cli *cli, int argc, char **argv)
{
    struct sealing s = { .cli = cli,
                         .header = HEADER_SIZE,
                         .generation = nsib_generation_latest() };
    int exit = TD_EXIT_OK;
    struct td_args args;
    int id;

    td_args_begin(&args, cli, options, TD_N_OF(options), argc, argv);
    while (exit == TD_EXIT_OK && (id = td_args_next(&args)) != TD_ARG_END) {
        if (id == TD_ARG_STOP)
            return args.exit;
        exit = take(&s, id, args.value);
    }
    if (exit == TD_EXIT_OK)
        exit = sign(&s);
    for (size_t i = 0; i < VARIANTS_MAX; i++)
        nsib_program_free(&s.program[i]);
    td_key_free(s.private);
    return exit;
}

const char nsib_sign_usage[] =
    "usage: tandem nsib sign -k PEM [OPTIONS] IN OUT [IN_S1 OUT_S1]\n"
    "       tandem nsib sign --signature FILE -p PEM [OPTIONS] IN OUT\n"
    "       tandem nsib sign --hash-only [--hash-out FILE] IN\n"
    "\n"
    "Seals a second stage for the first one (NSIB, b0): hash, signature, validation\n"
    "info. Files that end in .hex are Intel hex. OUT is verified as the first stage\n"
    "does it, and written whole or not at all. With two variants their differences\n"
    "are checked as well.\n"
    "\n"
    "  -k, --key PEM            the first stage's private key, ecdsa-p256\n"
    "  --passphrase-file FILE   its first line opens the key, or a terminal is asked\n"
    "  --hash-only, --digest    print what a signer elsewhere is given, H1 or H2\n"
    "  --hash-out FILE          H1 as 32 bytes, as hash.py writes it\n"
    "  -s, --signature FILE     made elsewhere: 64 bytes (r, s) or DER\n"
    "  -p, --public-key PEM     who signed that\n"
    "  --skip N                 bytes of header room in front of what is signed\n"
    "  --offset A               where validation info stands; in hex: an address\n"
    "  -m, --magic-value W,W,W  checked against fw_info, from which it follows\n"
    "  --b0-generation G        where fw_info is looked for: old (until 2.6), 2.7,\n"
    "                           2.9\n"
    "  --s0-addr A, --s1-addr A the program has to be linked for one of these slots\n"
    "  -S, --slot-size N        of S0 and S1, the header's room included\n"
    "  --previous FILE          the version has to be above that in FILE\n"
    "  --accept-differences     variants may differ in more than addresses\n"
    "\n"
    "MCUboot's image around it, as tandem sign makes it of the sealed program:\n"
    "  --mcuboot-key PEM        the key that the running second stage trusts\n"
    "  -v, --version V          of the image, as devices list it\n"
    "  -H, --header-size N      room in front of the program (0x200)\n";
