/*
 * tools/verb_nsib_provision.c - tandem nsib provision: what a device is given for its first stage,
 * with provision.py's options and bytes.
 *
 * What the script lets through and a first stage does not live with is refused here: more than
 * b0 reads, more keys than it takes, more slots than it can be configured for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "nsib/provision_write.h"
#include "tools/nsib_tool.h"
#include "tools/nsib_verbs.h"

enum {
    OPT_S0,
    OPT_S1,
    OPT_AT,
    OPT_KEYS,
    OPT_OUT,
    OPT_MAX,
    OPT_SLOTS,
    OPT_MCUBOOT_SLOTS,
    OPT_MCUBOOT_ONLY,
    OPT_NO_VERIFY,
    OPT_WIDTH,
    OPT_REFERENCE,
    OPT_GENERATION,
};

static const struct td_opt options[] = {
    { "s0-addr", 0, true, OPT_S0 },
    { "s1-addr", 0, true, OPT_S1 },
    { "provision-addr", 0, true, OPT_AT },
    { "public-key-files", 0, true, OPT_KEYS },
    { "output", 'o', true, OPT_OUT },
    { "max-size", 0, true, OPT_MAX },
    { "num-counter-slots-version", 0, true, OPT_SLOTS },
    { "mcuboot-counters-slots", 0, true, OPT_MCUBOOT_SLOTS },
    { "mcuboot-only", 0, false, OPT_MCUBOOT_ONLY },
    { "no-verify-hashes", 0, false, OPT_NO_VERIFY },
    { "otp-write-width", 0, true, OPT_WIDTH },
    { "psa-certificate-reference", 0, true, OPT_REFERENCE },
    { "b0-generation", 0, true, OPT_GENERATION },
};

#define MAX_SIZE      0x1000u /* provision.py's default: a page of nRF52 */
#define SLOTS_OTP_MAX 300u    /* what Kconfig allows */
#define SLOTS_MAX     1800u
#define BASE_MAX      0x3cu /* in front of the counters, with --mcuboot-only */

struct provision {
    struct td_cli *cli;
    const char *out;
    uint32_t at, max;
    bool has_at, has_s0, has_s1, mcuboot_only, no_verify;
    uint32_t width;
    char *key_files; /* cut at its commas */
    const char *paths[TD_PROVISION_KEYS];
    uint8_t prints[TD_PROVISION_KEYS][16];
    const struct nsib_generation *generation;
    struct td_provision_plan plan;
};

/* Where the data lie as a rule, and how many bytes of that a first stage reads. */
static const struct place {
    const char *name;
    uint32_t from, to;
    uint32_t size;
    uint32_t width;
    bool otp;
} places[] = {
    { "OTP of nRF5340 and nRF91", 0x00ff8100, 0x00ff8400, 0x280, 2, true },
    { "OTP of nRF54L", 0x00ffd500, 0x00ffda00, 0x460, 4, true },
    { "flash of the nRF5340's network core", 0x01000000, 0x01040000, 0x280, 2, false },
};

static const struct place *place_of(uint32_t at)
{
    for (size_t i = 0; i < TD_N_OF(places); i++)
        if (at >= places[i].from && at < places[i].to)
            return &places[i];
    return NULL;
}

/* ---- the command line --------------------------------------------------------------- */

static int take_number(struct provision *p, const char *option, const char *text, uint32_t max,
                       uint32_t *out)
{
    if (!td_parse_u32(text, 0, max, out))
        return td_cli_usagef(p->cli, "%s wants a number up to 0x%x, and not '%s'", option, max,
                             text);
    return TD_EXIT_OK;
}

static int take_slots(struct provision *p, const char *option, const char *text, uint16_t *out)
{
    uint32_t n;
    int exit = take_number(p, option, text, UINT16_MAX, &n);

    if (exit == TD_EXIT_OK)
        *out = (uint16_t)n;
    return exit;
}

static int take_width(struct provision *p, const char *text)
{
    if (strcmp(text, "2") != 0 && strcmp(text, "4") != 0)
        return td_cli_usagef(p->cli, "--otp-write-width is 2, or 4 (nRF54L), and not '%s'", text);
    p->width = (uint32_t)(text[0] - '0');
    return TD_EXIT_OK;
}

static int take_reference(struct provision *p, const char *text)
{
    if (strlen(text) > TD_PROVISION_REFERENCE_MAX)
        return td_cli_usagef(p->cli, "--psa-certificate-reference has %d characters at most",
                             TD_PROVISION_REFERENCE_MAX);
    for (const char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            return td_cli_usage(p->cli, "--psa-certificate-reference is ASCII");
    p->plan.psa_reference = text;
    return TD_EXIT_OK;
}

static int take_keys(struct provision *p, const char *list)
{
    char *at;

    if (p->key_files != NULL)
        return td_cli_usage(p->cli, "--public-key-files once, with commas between the files");
    p->key_files = strdup(list);
    if (p->key_files == NULL)
        return td_cli_fail(p->cli, TD_EXIT_FILE, "memory", "there is not enough memory", NULL,
                           NULL);
    // The script's help says semicolons; it splits at commas.
    for (at = strtok(p->key_files, ","); at != NULL; at = strtok(NULL, ",")) {
        if (p->plan.n_keys == TD_PROVISION_KEYS)
            return td_cli_usagef(p->cli, "a first stage holds %d keys at most", TD_PROVISION_KEYS);
        p->paths[p->plan.n_keys++] = at;
    }
    return TD_EXIT_OK;
}

static int take(struct provision *p, int id, const char *value)
{
    struct td_provision_plan *plan = &p->plan;

    switch (id) {
    case OPT_S0:
        p->has_s0 = true;
        return take_number(p, "--s0-addr", value, UINT32_MAX, &plan->s0_address);
    case OPT_S1:
        p->has_s1 = true;
        return take_number(p, "--s1-addr", value, UINT32_MAX, &plan->s1_address);
    case OPT_AT:
        p->has_at = true;
        return take_number(p, "--provision-addr", value, UINT32_MAX - MAX_SIZE, &p->at);
    case OPT_KEYS: return take_keys(p, value);
    case OPT_OUT: p->out = value; return TD_EXIT_OK;
    case OPT_MAX: return take_number(p, "--max-size", value, UINT32_MAX, &p->max);
    case OPT_SLOTS:
        return take_slots(p, "--num-counter-slots-version", value, &plan->firmware_slots);
    case OPT_MCUBOOT_SLOTS:
        return take_slots(p, "--mcuboot-counters-slots", value, &plan->mcuboot_slots);
    case OPT_MCUBOOT_ONLY: p->mcuboot_only = true; return TD_EXIT_OK;
    case OPT_NO_VERIFY: p->no_verify = true; return TD_EXIT_OK;
    case OPT_WIDTH: return take_width(p, value);
    case OPT_REFERENCE: return take_reference(p, value);
    case OPT_GENERATION: return nsib_generation_take(p->cli, value, &p->generation);
    default:
        return td_cli_usagef(p->cli, "provision takes no file but by its options: '%s'", value);
    }
}

/* What contradicts itself in how it was asked for. */
static int judge(struct provision *p)
{
    const struct place *place = place_of(p->at);

    if (!p->has_at)
        return td_cli_usage(p->cli, "--provision-addr is missing: where the data will lie");
    if (!p->mcuboot_only && !p->has_s0)
        return td_cli_usage(p->cli, "--s0-addr is missing; or is it --mcuboot-only?");
    if (!td_file_is_hex(p->out))
        return td_cli_usagef(p->cli, "'%s': provision data have an address, so they go to a .hex",
                             p->out);
    if (p->at % 4 != 0)
        return td_cli_usagef(p->cli, "--provision-addr 0x%x is no multiple of 4", p->at);
    if (place != NULL && p->width != 0 && p->width != place->width)
        return td_cli_usagef(p->cli,
                             "--otp-write-width %u at 0x%x: that is %s, written in %u bytes",
                             p->width, p->at, place->name, place->width);
    if (p->width == 0)
        p->width = place != NULL ? place->width : 2;
    if (p->generation->bare && (p->width == 4 || p->mcuboot_only))
        return td_cli_usage(p->cli, "--b0-generation bare knows neither nRF54L nor --mcuboot-only");
    p->plan.form = p->generation->bare ? TD_PROVISION_BARE
                   : p->width == 4     ? TD_PROVISION_WORD
                                       : TD_PROVISION_HALFWORD;
    p->plan.old_tokens = p->generation->old_tokens;
    if (!p->has_s1)
        p->plan.s1_address = p->plan.s0_address;
    return TD_EXIT_OK;
}

/* ---- checks of what it says --------------------------------------------------------- */

static int refuse(struct provision *p, const char *code, const char *text, const char *where,
                  const char *remedy)
{
    return td_cli_fail(p->cli, TD_EXIT_REFUSED, code, text, where, remedy);
}

static int check_slots(struct provision *p, const char *option, uint16_t n)
{
    const struct place *place = place_of(p->at);
    uint32_t most = place != NULL && place->otp ? SLOTS_OTP_MAX : SLOTS_MAX;
    char where[120];

    snprintf(where, sizeof where, "%s %u", option, n);
    if (n % 2 != 0)
        return refuse(p, "odd-slots", "the number of a counter's slots is odd", where,
                      "give an even number: the counter has to end on a word");
    if (n > most) {
        snprintf(where, sizeof where, "%s %u, at most %u", option, n, most);
        return refuse(p, "slots-range", "more slots than a first stage can be configured for",
                      where, "give fewer: one is used for each version that boots");
    }
    return TD_EXIT_OK;
}

static int check_key(struct provision *p, uint32_t i)
{
    char where[512];

    snprintf(where, sizeof where, "%.480s", p->paths[i]);
    if (nsib_print_has_hole(p->prints[i]) && !p->no_verify)
        return refuse(p, "key-hole",
                      "the key's fingerprint has an aligned ffff, which OTP could "
                      "still be changed at: b0 boots nothing with such a key",
                      where, "make another key: tandem nsib keys --generate");
    for (uint32_t n = 0; n < i; n++) {
        if (memcmp(p->prints[n], p->prints[i], 16) != 0)
            continue;
        snprintf(where, sizeof where, "%.240s and %.240s", p->paths[n], p->paths[i]);
        return refuse(p, "key-twice", "one key is given twice", where,
                      "name each once; a build adds the public half of its own signing key itself");
    }
    return TD_EXIT_OK;
}

static int read_keys(struct provision *p)
{
    int exit = TD_EXIT_OK;

    for (uint32_t i = 0; i < p->plan.n_keys && exit == TD_EXIT_OK; i++) {
        const char *place = nsib_key_place_trouble(p->paths[i]);
        struct nsib_key key;

        exit = nsib_key_read(p->cli, p->paths[i], NULL, &key);
        if (exit != TD_EXIT_OK)
            break;
        memcpy(p->prints[i], key.print, sizeof key.print);
        exit = check_key(p, i);
        if (exit == TD_EXIT_OK && place != NULL)
            td_cli_note(p->cli, "%s: %s.", p->paths[i], place);
    }
    p->plan.prints = (const uint8_t(*)[16])p->prints;
    return exit;
}

/* head: bytes from the data's address to the end of what stands in front of S0's address. */
static int check_size(struct provision *p, uint32_t size)
{
    const struct place *place = place_of(p->at);
    uint32_t room = p->max;
    char where[160];

    if (place != NULL)
        room = td_min_u32(room, place->size);
    if (size <= room)
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "%u bytes, and there is room for %u%s%s", size, room,
             place != NULL ? " in the " : "", place != NULL ? place->name : "");
    return refuse(p, "does-not-fit", "the provision data do not fit", where,
                  "fewer keys, or fewer counter slots");
}

/* ---- the file ----------------------------------------------------------------------- */

static void say(const struct provision *p, uint32_t addr, uint32_t len)
{
    struct td_cli *cli = p->cli;
    json_t *keys;
    char print[33];

    if (!cli->json) {
        td_cli_note(cli, "%s: %u bytes at 0x%x, for a first stage of %s.", p->out, len, addr,
                    p->generation->means);
        return;
    }
    keys = json_array();
    for (uint32_t i = 0; i < p->plan.n_keys; i++) {
        td_hex(p->prints[i], 16, print);
        json_array_append_new(keys, json_string(print));
    }
    td_cli_json(cli, json_pack("{s:s, s:I, s:I, s:o, s:s}", "file", p->out, "address",
                               (json_int_t)addr, "size", (json_int_t)len, "keys", keys,
                               "b0_generation", p->generation->name));
}

static int write_hex(struct provision *p, uint32_t addr, const uint8_t *bytes, uint32_t len)
{
    const struct td_hex_chunk chunk = { addr, bytes, len };
    size_t text_len;
    char *text = td_hex_format(&chunk, 1, &text_len);
    int exit;

    if (text == NULL)
        return td_cli_fail(p->cli, TD_EXIT_FILE, "memory", "there is not enough memory", NULL,
                           NULL);
    exit = td_file_write(p->cli, p->out, text, text_len, false);
    free(text);
    if (exit == TD_EXIT_OK)
        say(p, addr, len);
    return exit;
}

/*
 * MCUboot without a first stage looks for its counter behind a structure that is all zeros: no
 * keys. Here nothing is left away in front.
 */
static int write_mcuboot_only(struct provision *p)
{
    const uint32_t head = td_provision_s0_off(p->plan.form);
    struct td_provision_plan plan = { .form = p->plan.form,
                                      .mcuboot_slots = p->plan.mcuboot_slots,
                                      .psa_reference = p->plan.psa_reference };
    uint8_t bytes[BASE_MAX + 2 * MAX_SIZE] = { 0 };
    size_t len = td_provision_write(&plan, bytes + head, sizeof bytes - head);
    int exit = check_size(p, head + (uint32_t)len);

    return exit == TD_EXIT_OK ? write_hex(p, p->at, bytes, head + (uint32_t)len) : exit;
}

static int write_provision(struct provision *p)
{
    const uint32_t head = td_provision_s0_off(p->plan.form);
    uint8_t bytes[2 * MAX_SIZE];
    size_t len = td_provision_write(&p->plan, bytes, sizeof bytes);
    int exit = check_size(p, head + (uint32_t)len);

    return exit == TD_EXIT_OK ? write_hex(p, p->at + head, bytes, (uint32_t)len) : exit;
}

static int provision(struct provision *p)
{
    int exit = judge(p);

    if (exit == TD_EXIT_OK)
        exit = check_slots(p, "--num-counter-slots-version", p->plan.firmware_slots);
    if (exit == TD_EXIT_OK)
        exit = check_slots(p, "--mcuboot-counters-slots", p->plan.mcuboot_slots);
    if (exit == TD_EXIT_OK && !p->mcuboot_only)
        exit = read_keys(p);
    if (exit != TD_EXIT_OK)
        return exit;
    return p->mcuboot_only ? write_mcuboot_only(p) : write_provision(p);
}

int nsib_provision_run(struct td_cli *cli, int argc, char **argv)
{
    struct provision p = {
        .cli = cli, .out = "provision.hex", .max = MAX_SIZE, .generation = nsib_generation_latest()
    };
    int exit = TD_EXIT_OK;
    struct td_args args;
    int id;

    td_args_begin(&args, cli, options, TD_N_OF(options), argc, argv);
    while (exit == TD_EXIT_OK && (id = td_args_next(&args)) != TD_ARG_END) {
        if (id == TD_ARG_STOP) {
            free(p.key_files);
            return args.exit;
        }
        exit = take(&p, id, args.value);
    }
    if (exit == TD_EXIT_OK)
        exit = provision(&p);
    free(p.key_files);
    return exit;
}

const char nsib_provision_usage[] =
    "usage: tandem nsib provision --provision-addr A --s0-addr A [--s1-addr A]\n"
    "                              [--public-key-files PEM,PEM...] [OPTIONS] [-o HEX]\n"
    "\n"
    "Writes provision data as provision.py does, byte for byte. Life cycle and\n"
    "implementation id, the first 0x28 bytes (0x30 on nRF54L), are not in the file.\n"
    "\n"
    "  --provision-addr A      where the data begin, those bytes included\n"
    "  --s0-addr A, --s1-addr A  the slots; without S1 there is one\n"
    "  --public-key-files L    the keys that are trusted, the first one first\n"
    "  -o, --output HEX        provision.hex\n"
    "  --b0-generation G       bare, old (until 2.6), 2.7, 2.9: how keys are marked\n"
    "                          (default: the latest). Data and b0 are a pair\n"
    "  --num-counter-slots-version N  versions that can be counted; even\n"
    "  --mcuboot-counters-slots N     of MCUboot's security counter; even\n"
    "  --mcuboot-only          for MCUboot without a first stage\n"
    "  --otp-write-width N     2, or 4 on nRF54L; OTP addresses tell it\n"
    "  --max-size N            of all of it (0x1000, or what b0 reads there)\n"
    "  --psa-certificate-reference S  up to 19 characters\n"
    "  --no-verify-hashes      fingerprints with a hole, too: for tests only\n";
