/*
 * tools/verb_nsib_keys.c - tandem nsib keys: what a device holds of a key, and keys that it can
 * hold.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "crypto/ct.h"
#include "tools/nsib_tool.h"
#include "tools/nsib_verbs.h"

enum { OPT_GENERATE, OPT_PUBLIC, OPT_PASSPHRASE_FILE };

static const struct td_opt options[] = {
    { "generate", 0, true, OPT_GENERATE },
    { "public", 0, true, OPT_PUBLIC },
    { "passphrase-file", 0, true, OPT_PASSPHRASE_FILE },
};

#define KEYS_MAX 64

struct keys {
    struct td_cli *cli;
    const char *generate;
    const char *public;
    const char *passphrase_file;
    const char *paths[KEYS_MAX];
    size_t n;
    struct nsib_key key[KEYS_MAX];
    const char *trouble[KEYS_MAX]; /* NULL: a device takes it */
};

/* ---- a new one ---------------------------------------------------------------------- */

/* One key in eight thousand has a hole in its fingerprint; it is thrown away. */
static enum td_err generate(struct td_key **key, struct nsib_key *out)
{
    for (;;) {
        enum td_err err = td_key_generate(TD_KEY_ECDSA_P256, key);

        if (err == TD_OK)
            err = td_key_xy(*key, out->xy);
        if (err != TD_OK)
            return err;
        td_fw_fingerprint(out->xy, out->print);
        if (!nsib_print_has_hole(out->print))
            return TD_OK;
        td_key_free(*key);
        *key = NULL;
    }
}

static int write_public(struct keys *k, const struct td_key *key)
{
    char *pem = NULL;
    size_t len = 0;
    enum td_err err;
    int exit;

    if (k->public == NULL)
        return TD_EXIT_OK;
    err = td_key_public_pem(key, &pem, &len);
    exit = err == TD_OK ? td_file_write(k->cli, k->public, pem, len, false)
                        : td_cli_fail(k->cli, TD_EXIT_FILE, td_errname(err), td_strerror(err),
                                      k->public, NULL);
    free(pem);
    return exit;
}

static int make(struct keys *k)
{
    struct td_key *key = NULL;
    char *pem = NULL;
    size_t len = 0;
    enum td_err err = generate(&key, &k->key[0]);
    int exit;

    if (err == TD_OK)
        err = td_key_private_pem(key, NULL, &pem, &len);
    exit = err == TD_OK ? td_file_keep_old(k->cli, k->generate)
                        : td_cli_fail(k->cli, TD_EXIT_FILE, td_errname(err), td_strerror(err),
                                      k->generate, NULL);
    if (exit == TD_EXIT_OK)
        exit = td_file_write(k->cli, k->generate, pem, len, true);
    if (exit == TD_EXIT_OK)
        exit = write_public(k, key);
    if (pem != NULL)
        td_wipe(pem, len);
    free(pem);
    td_key_free(key);
    k->paths[k->n++] = k->generate;
    return exit;
}

/* ---- those that there are ----------------------------------------------------------- */

static const char *trouble_of(const struct keys *k, size_t i)
{
    if (nsib_print_has_hole(k->key[i].print))
        return "an aligned ffff in it: a first stage with this key boots nothing";
    for (size_t n = 0; n < i; n++)
        if (memcmp(k->key[n].print, k->key[i].print, TD_FW_FINGERPRINT) == 0)
            return "the same key as one above";
    return NULL;
}

static int read_all(struct keys *k)
{
    for (size_t i = 0; i < k->n; i++) {
        int exit = nsib_key_read(k->cli, k->paths[i], k->passphrase_file, &k->key[i]);

        if (exit != TD_EXIT_OK)
            return exit;
    }
    return TD_EXIT_OK;
}

static void say(const struct keys *k, size_t i)
{
    char print[2 * TD_FW_FINGERPRINT + 1];

    td_hex(k->key[i].print, TD_FW_FINGERPRINT, print);
    if (k->cli->json)
        td_cli_json(k->cli,
                    json_pack("{s:s, s:s, s:b, s:s?}", "file", k->paths[i], "fingerprint", print,
                              "usable", k->trouble[i] == NULL, "trouble", k->trouble[i]));
    else
        fprintf(k->cli->out, "%s  %s%s%s\n", print, k->paths[i],
                k->trouble[i] == NULL ? "" : "  NOT USABLE: ",
                k->trouble[i] == NULL ? "" : k->trouble[i]);
}

static int say_all(struct keys *k)
{
    int exit = TD_EXIT_OK;

    for (size_t i = 0; i < k->n; i++) {
        const char *place = nsib_key_place_trouble(k->paths[i]);

        k->trouble[i] = trouble_of(k, i);
        say(k, i);
        if (k->trouble[i] != NULL)
            exit = TD_EXIT_REFUSED;
        if (place != NULL)
            td_cli_note(k->cli, "%s: %s.", k->paths[i], place);
    }
    return exit;
}

/* ---- the verb ----------------------------------------------------------------------- */

static int take(struct keys *k, int id, const char *value)
{
    switch (id) {
    case OPT_GENERATE: k->generate = value; return TD_EXIT_OK;
    case OPT_PUBLIC: k->public = value; return TD_EXIT_OK;
    case OPT_PASSPHRASE_FILE: k->passphrase_file = value; return TD_EXIT_OK;
    default: break;
    }
    if (k->n == KEYS_MAX)
        return td_cli_usagef(k->cli, "more than %d keys", KEYS_MAX);
    k->paths[k->n++] = value;
    return TD_EXIT_OK;
}

static int judge(struct keys *k)
{
    if (k->generate != NULL && (k->n > 0 || k->passphrase_file != NULL))
        return td_cli_usage(k->cli, "--generate makes one key, and reads none");
    if (k->generate == NULL && k->public != NULL)
        return td_cli_usage(k->cli, "--public goes with --generate; tandem getpub reads one");
    if (k->generate == NULL && k->n == 0)
        return td_cli_usage(k->cli, "a key file is missing");
    return TD_EXIT_OK;
}

int nsib_keys_run(struct td_cli *cli, int argc, char **argv)
{
    struct keys k = { .cli = cli };
    struct td_args args;
    int exit;
    int id;

    td_args_begin(&args, cli, options, TD_N_OF(options), argc, argv);
    while ((id = td_args_next(&args)) != TD_ARG_END) {
        exit = id == TD_ARG_STOP ? args.exit : take(&k, id, args.value);
        if (exit != TD_EXIT_OK || id == TD_ARG_STOP)
            return exit;
    }
    exit = judge(&k);
    if (exit == TD_EXIT_OK)
        exit = k.generate != NULL ? make(&k) : read_all(&k);
    return exit == TD_EXIT_OK ? say_all(&k) : exit;
}

const char nsib_keys_usage[] =
    "usage: tandem nsib keys [--passphrase-file FILE] [--json] PEM...\n"
    "       tandem nsib keys --generate PEM [--public PEM]\n"
    "\n"
    "Prints each key's fingerprint, 16 bytes, as provision data hold it and b0's log\n"
    "shows its ends. Keys that no first stage takes, and duplicates, are exit 1.\n"
    "\n"
    "  --generate PEM          makes a private key (ecdsa-p256) whose fingerprint\n"
    "                          a device can hold; an old file is kept as PEM.old1\n"
    "  --public PEM            its public half as well\n"
    "  --passphrase-file FILE  its first line opens locked keys\n";
