/*
 * tools/sim_app.c - `tandem sim-app`: a payload for the virtual device, to be signed.
 *
 * With --for it is not an application but what stands for a second stage or for the network
 * core's program: a firmware with fw_info, sealed for the first stage when its key is given.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "keys/point.h"
#include "sim/firmware.h"
#include "tools/cli.h"
#include "tools/file.h"
#include "tools/profile.h"

enum {
    OPT_NAME,
    OPT_SIZE,
    OPT_SELF_CONFIRM,
    OPT_CRASH,
    OPT_MUTE,
    OPT_HANG,
    OPT_FOR,
    OPT_PROFILE,
    OPT_FW_VERSION,
    OPT_KEY,
};

static const struct td_opt options[] = {
    { "name", 0, true, OPT_NAME },    { "size", 0, true, OPT_SIZE },
    { "crash", 0, false, OPT_CRASH }, { "self-confirm", 0, false, OPT_SELF_CONFIRM },
    { "mute", 0, false, OPT_MUTE },   { "hang", 0, false, OPT_HANG },
    { "for", 0, true, OPT_FOR },      { "profile", 0, true, OPT_PROFILE },
    { "key", 'k', true, OPT_KEY },    { "fw-version", 0, true, OPT_FW_VERSION },
};

#define DEFAULT_SIZE 24576
#define PAD          0x200 /* of the outer header, in front of what is linked */

/* What is wanted. */
struct wish {
    struct sim_app app;
    const char *out;
    const char *target; /* of --for; NULL: an application */
    const char *profile;
    const char *key;
    uint32_t version;
    bool has_version;
    bool done; /* help was printed */
};

static int take_name(struct td_cli *cli, struct sim_app *app, const char *name)
{
    if (!sim_app_name_ok(name))
        return td_cli_usagef(cli, "--name wants 1 to %d printable ASCII characters",
                             SIM_APP_NAME_MAX);
    memcpy(app->name, name, strlen(name) + 1);
    return TD_EXIT_OK;
}

static int take_size(struct td_cli *cli, struct sim_app *app, const char *text)
{
    if (!td_parse_u32(text, SIM_APP_DESCRIPTOR_SIZE, SIM_APP_SIZE_MAX, &app->size))
        return td_cli_usagef(cli, "--size wants %d to %u bytes, and not '%s'",
                             SIM_APP_DESCRIPTOR_SIZE, SIM_APP_SIZE_MAX, text);
    return TD_EXIT_OK;
}

static int take_version(struct td_cli *cli, struct wish *w, const char *text)
{
    w->has_version = true;
    if (!td_parse_u32(text, 0, UINT32_MAX, &w->version))
        return td_cli_usagef(cli, "--fw-version wants a number, and not '%s'", text);
    return TD_EXIT_OK;
}

static int take_word(struct td_cli *cli, struct wish *w, const char *word)
{
    if (w->out != NULL)
        return td_cli_usagef(cli, "one OUT is enough; '%s' is another", word);
    w->out = word;
    return TD_EXIT_OK;
}

static int take_option(struct td_cli *cli, struct wish *w, int id, const char *value)
{
    switch (id) {
    case OPT_NAME: return take_name(cli, &w->app, value);
    case OPT_SIZE: return take_size(cli, &w->app, value);
    case OPT_SELF_CONFIRM: w->app.flags |= SIM_APP_SELF_CONFIRM; return TD_EXIT_OK;
    case OPT_CRASH: w->app.flags |= SIM_APP_CRASH; return TD_EXIT_OK;
    case OPT_MUTE: w->app.flags |= SIM_APP_MUTE; return TD_EXIT_OK;
    case OPT_HANG: w->app.flags |= SIM_APP_HANG; return TD_EXIT_OK;
    case OPT_FOR: w->target = value; return TD_EXIT_OK;
    case OPT_PROFILE: w->profile = value; return TD_EXIT_OK;
    case OPT_FW_VERSION: return take_version(cli, w, value);
    case OPT_KEY: w->key = value; return TD_EXIT_OK;
    default: return take_word(cli, w, value);
    }
}

/* What belongs together. */
static int check_wish(struct td_cli *cli, const struct wish *w)
{
    if (w->out == NULL)
        return td_cli_usage(cli, "OUT is missing: where to write the payload");
    if (w->app.name[0] == '\0')
        return td_cli_usage(cli, "--name is missing");
    if (w->target == NULL && (w->profile != NULL || w->key != NULL || w->has_version))
        return td_cli_usage(cli, "--profile, --key and --fw-version go with --for");
    if (w->target != NULL && (w->profile == NULL || !w->has_version))
        return td_cli_usage(cli, "--for wants --profile and --fw-version as well");
    return TD_EXIT_OK;
}

static int read_arguments(struct td_cli *cli, int argc, char **argv, struct wish *w)
{
    struct td_args args;
    int exit = TD_EXIT_OK;

    td_args_begin(&args, cli, options, TD_N_OF(options), argc, argv);
    while (exit == TD_EXIT_OK) {
        int id = td_args_next(&args);

        if (id == TD_ARG_END)
            return check_wish(cli, w);
        if (id == TD_ARG_STOP) {
            w->done = true;
            return args.exit;
        }
        exit = take_option(cli, w, id, args.value);
    }
    return exit;
}

/* ---- an application -------------------------------------------------------------------- */

static int write_app(struct td_cli *cli, const struct wish *w)
{
    uint8_t *payload = malloc(w->app.size);
    int exit;

    if (payload == NULL || sim_app_build(&w->app, payload, w->app.size) != TD_OK)
        exit = td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory for the payload",
                           NULL, "give a smaller --size");
    else
        exit = td_file_write(cli, w->out, payload, w->app.size, false);
    free(payload);
    return exit;
}

/* ---- a firmware ------------------------------------------------------------------------ */

static bool part_of(const char *target, enum sim_part *part)
{
    static const enum sim_part parts[] = { SIM_PART_S0, SIM_PART_S1, SIM_PART_NET_APP };

    for (size_t i = 0; i < TD_N_OF(parts); i++) {
        if (strcmp(target, sim_part_name(parts[i])) == 0) {
            *part = parts[i];
            return true;
        }
    }
    return false;
}

static int place(struct td_cli *cli, const struct wish *w, struct sim_firmware *fw)
{
    static struct sim_profile profile;
    struct td_desk_fault fault;
    enum sim_part part;

    if (!part_of(w->target, &part))
        return td_cli_usagef(cli, "--for is s0, s1 or net_app, and not '%s'", w->target);
    if (!td_profile_load(w->profile, &profile, &fault))
        return td_cli_fail(cli, TD_EXIT_FILE, "bad-profile", fault.what,
                           fault.where[0] == '\0' ? NULL : fault.where, fault.remedy);
    if (profile.part[part].size == 0)
        return td_cli_fail(cli, TD_EXIT_FILE, "bad-profile", "the profile has no such place",
                           w->target, "name a profile with a first stage or a network core");
    fw->app = w->app;
    fw->version = w->version;
    fw->soc = profile.first.soc;
    fw->address = profile.flash[profile.part[part].flash].address + profile.part[part].off;
    fw->stack = part == SIM_PART_NET_APP ? 0x21010000 : 0x20040000;
    if (part != SIM_PART_NET_APP)
        fw->address += PAD;
    return TD_EXIT_OK;
}

static int seal(struct td_cli *cli, const struct wish *w, const struct sim_firmware *fw,
                uint8_t *bytes, size_t *len)
{
    uint8_t hash[32], xy[64], rs[64];
    struct td_key *key;
    enum td_err err = td_key_load(w->key, NULL, &key);

    sim_firmware_hash(fw, bytes, hash);
    if (err == TD_OK)
        err = td_key_xy(key, xy);
    if (err == TD_OK)
        err = td_key_sign_rs(key, hash, sizeof hash, rs);
    td_key_free(key);
    if (err != TD_OK)
        return td_cli_fail(cli, TD_EXIT_FILE, "bad-key", td_strerror(err), w->key,
                           "give a private key of type ecdsa-p256: the first stage's");
    *len = sim_firmware_seal(fw, bytes, hash, xy, rs);
    return TD_EXIT_OK;
}

static int write_firmware(struct td_cli *cli, const struct wish *w)
{
    struct sim_firmware fw;
    uint8_t *bytes;
    size_t len = 0;
    int exit = place(cli, w, &fw);

    if (exit != TD_EXIT_OK)
        return exit;
    bytes = malloc(fw.app.size + SIM_FIRMWARE_SEAL);
    if (bytes == NULL || sim_firmware_build(&fw, bytes, fw.app.size) != TD_OK)
        exit = td_cli_fail(cli, TD_EXIT_USAGE, "bad-size", "a firmware of this size cannot be",
                           NULL, "give a --size of 640 or more");
    else
        len = fw.app.size;
    if (exit == TD_EXIT_OK && w->key != NULL)
        exit = seal(cli, w, &fw, bytes, &len);
    if (exit == TD_EXIT_OK)
        exit = td_file_write(cli, w->out, bytes, len, false);
    free(bytes);
    return exit;
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct wish w = { .app = { .size = DEFAULT_SIZE } };
    int exit = read_arguments(cli, argc, argv, &w);

    if (w.done || exit != TD_EXIT_OK)
        return exit;
    return w.target == NULL ? write_app(cli, &w) : write_firmware(cli, &w);
}

const struct td_verb td_verb_sim_app = {
    .name = "sim-app",
    .kind = TD_VERB_DESK,
    .summary = "write an application for the virtual device, to be signed",
    .usage = "usage: tandem sim-app OUT --name NAME [--size BYTES] [--self-confirm] [--crash]\n"
             "                          [--mute] [--hang]\n"
             "                          [--for s0|s1|net_app --profile PROFILE\n"
             "                           --fw-version N [--key PEM]]\n"
             "\n"
             "Writes an unsigned payload. Another name gives other bytes, the same the same.\n"
             "Without flags the application serves SMP and waits to be confirmed.\n"
             "\n"
             "  --name NAME     printed when it runs; up to 43 characters\n"
             "  --size BYTES    of the payload, default 24576, at least 64\n"
             "  --self-confirm  confirms itself as soon as it runs\n"
             "  --crash         resets before SMP answers, without confirming\n"
             "  --mute          runs, but serves no SMP\n"
             "  --hang          stops before SMP answers, and feeds no watchdog\n"
             "\n"
             "With --for it stands for a second stage (s0, s1) or the network core's program,\n"
             "built for its place in PROFILE:\n"
             "\n"
             "  --fw-version N  what the first stage compares\n"
             "  --key PEM       the first stage's private key, ecdsa-p256: seals it. Without,\n"
             "                  tandem nsib sign does\n",
    .run = run,
};
