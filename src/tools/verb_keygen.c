/* tools/verb_keygen.c - makes a key pair. */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "crypto/ct.h"
#include "tools/file.h"

enum {
    OPT_KEY,
    OPT_TYPE,
    OPT_PASSWORD,
    OPT_PASSPHRASE_FILE,
};

static const struct td_opt opts[] = {
    { "key", 'k', true, OPT_KEY },
    { "type", 't', true, OPT_TYPE },
    { "password", 'p', false, OPT_PASSWORD },
    { "passphrase-file", 0, true, OPT_PASSPHRASE_FILE },
};

struct keygen {
    const char *path;
    const char *passphrase_file;
    const char *type_name;
    enum td_key_type type;
    bool password;
};

static int take(struct keygen *k, struct td_args *args, int id)
{
    switch (id) {
    case OPT_KEY: k->path = args->value; return TD_EXIT_OK;
    case OPT_TYPE: k->type_name = args->value; return TD_EXIT_OK;
    case OPT_PASSWORD: k->password = true; return TD_EXIT_OK;
    case OPT_PASSPHRASE_FILE: k->passphrase_file = args->value; return TD_EXIT_OK;
    default: return td_cli_usagef(args->cli, "keygen takes no file but -k: '%s'", args->value);
    }
}

static int judge(struct keygen *k, struct td_cli *cli)
{
    if (k->path == NULL)
        return td_cli_usage(cli, "the file for the new key is missing: -k, --key");
    if (k->type_name == NULL)
        return td_cli_usage(cli, "the type of the new key is missing: -t, --type");
    if (!td_key_type_of(k->type_name, &k->type))
        return td_cli_usagef(cli,
                             "there is no key type '%s'; there are rsa-2048, rsa-3072, ecdsa-p256, "
                             "ecdsa-p384, ed25519, x25519",
                             k->type_name);
    return TD_EXIT_OK;
}

/* Asks twice, since nobody sees what is typed. */
static int ask_twice(struct td_cli *cli, char *buf, size_t cap)
{
    char again[256];
    int len, again_len;

    for (;;) {
        len = td_ask_passphrase("Passphrase for the new key: ", buf, cap);
        again_len = td_ask_passphrase("The same again: ", again, sizeof again);
        if (len < 0 || again_len < 0)
            return td_cli_fail(cli, TD_EXIT_FILE, td_errname(TD_EKEYLOCKED),
                               "a passphrase is wanted, and there is no terminal to ask at",
                               "-p, --password", "give it with --passphrase-file FILE");
        if (len > 0 && len == again_len && memcmp(buf, again, (size_t)len) == 0)
            break;
        td_cli_note(cli, len == 0 ? "An empty passphrase protects nothing; try again."
                                  : "They are not the same; try again.");
    }
    buf[len] = 0;
    td_wipe(again, sizeof again);
    return TD_EXIT_OK;
}

static int get_passphrase(const struct keygen *k, struct td_cli *cli, char *buf, size_t cap)
{
    int len;

    if (k->passphrase_file == NULL)
        return ask_twice(cli, buf, cap);
    len = td_read_passphrase(k->passphrase_file, buf, cap);
    if (len > 0) {
        buf[len] = 0;
        return TD_EXIT_OK;
    }
    return td_cli_fail(cli, TD_EXIT_FILE, "no-passphrase",
                       len < 0 ? "the passphrase file cannot be read"
                               : "the passphrase file's first line is empty",
                       k->passphrase_file, "put the passphrase on its first line");
}

static int write_key(const struct keygen *k, struct td_cli *cli, const char *passphrase)
{
    struct td_key *key = NULL;
    char *pem = NULL;
    size_t len = 0;
    enum td_err err = td_key_generate(k->type, &key);
    int exit;

    if (err == TD_OK)
        err = td_key_private_pem(key, passphrase, &pem, &len);
    exit = err == TD_OK
               ? td_file_keep_old(cli, k->path)
               : td_cli_fail(cli, TD_EXIT_FILE, td_errname(err), td_strerror(err), k->path, NULL);
    if (exit == TD_EXIT_OK)
        exit = td_file_write(cli, k->path, pem, len, true);
    if (pem != NULL)
        td_wipe(pem, len);
    free(pem);
    td_key_free(key);
    return exit;
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct keygen k = { 0 };
    char passphrase[256] = "";
    struct td_args args;
    int exit;
    int id;

    td_args_begin(&args, cli, opts, TD_N_OF(opts), argc, argv);
    while ((id = td_args_next(&args)) != TD_ARG_END) {
        exit = id == TD_ARG_STOP ? args.exit : take(&k, &args, id);
        if (exit != TD_EXIT_OK || id == TD_ARG_STOP)
            return exit;
    }
    exit = judge(&k, cli);
    k.password |= k.passphrase_file != NULL;
    if (exit == TD_EXIT_OK && k.password)
        exit = get_passphrase(&k, cli, passphrase, sizeof passphrase - 1);
    if (exit == TD_EXIT_OK)
        exit = write_key(&k, cli, k.password ? passphrase : NULL);
    td_wipe(passphrase, sizeof passphrase);
    return exit;
}

const struct td_verb td_verb_keygen = {
    .name = "keygen",
    .kind = TD_VERB_FILE,
    .summary = "make a key pair",
    .usage = "usage: tandem keygen -k FILE -t TYPE [-p | --passphrase-file FILE]\n"
             "\n"
             "Writes a new private key as PEM (PKCS#8), readable by its owner alone. A file\n"
             "that is there already is kept as FILE.old1.\n"
             "\n"
             "  -k, --key FILE          where to\n"
             "  -t, --type rsa-2048|rsa-3072|ecdsa-p256|ecdsa-p384|ed25519|x25519\n"
             "  -p, --password          ask for a passphrase that locks the key\n"
             "  --passphrase-file FILE  lock the key with the first line of FILE\n",
    .run = run,
};
