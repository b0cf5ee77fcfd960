/*
 * tools/verb_why.c - why the device refused, reverted or fell back.
 *
 * A device with Tandem's own group keeps verdicts and tells them. Of a stock device the image
 * list is all there is: what follows from it is said together with how surely it follows.
 */
#include <string.h>

#include "base/range.h"
#include "base/verdict.h"
#include "slot/room.h"
#include "tools/images.h"

#define HISTORY_MAX 256 /* verdicts read at most: more than a boot log of four sectors holds */

struct history {
    size_t n;
    struct td_verdict at[HISTORY_MAX]; /* newest first */
};

static void version_text(const struct td_version *v, char out[32])
{
    if (v->build != 0)
        snprintf(out, 32, "%u.%u.%u+%u", v->major, v->minor, v->revision, v->build);
    else
        snprintf(out, 32, "%u.%u.%u", v->major, v->minor, v->revision);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static bool has_version(const struct td_version *v)
{
    return v->major != 0 || v->minor != 0 || v->revision != 0 || v->build != 0;
}

static const char *class_name(uint8_t class)
{
    switch (class) {
    case TD_VERDICT_NOTE: return "note";
    case TD_VERDICT_REFUSAL: return "refusal";
    case TD_VERDICT_REVERT: return "revert";
    case TD_VERDICT_NO_IMAGE: return "no-image";
    default: return "fault";
    }
}

static const char *reset_cause(uint32_t cause)
{
    static const char *const names[] = {
        [TD_RESET_UNKNOWN] = "of unknown cause", [TD_RESET_POWER] = "by loss of power",
        [TD_RESET_SOFT] = "by software",         [TD_RESET_WATCHDOG] = "by the watchdog",
        [TD_RESET_PIN] = "by the reset pin",     [TD_RESET_FAULT] = "by a CPU fault",
    };

    return cause < TD_N_OF(names) ? names[cause] : names[TD_RESET_UNKNOWN];
}

/* What wanted and found say, which depends on the code (base/verdict.h); "" for nothing. */
static void numbers_text(const struct td_verdict *v, char *out, size_t cap)
{
    out[0] = '\0';
    switch (v->code) {
    case TD_V_TOO_LARGE:
    case TD_V_NO_SWAP_ROOM:
        snprintf(out, cap, ", %u bytes of at most %u", v->found, v->wanted);
        return;
    case TD_V_FORBIDDEN_TLV:
    case TD_V_NO_HASH:
    case TD_V_HASH_MISMATCH:
    case TD_V_WRONG_SIGNATURE_TYPE:
    case TD_V_UNKNOWN_KEY:
    case TD_V_BAD_SIGNATURE: snprintf(out, cap, ", TLV 0x%02x", v->found); return;
    case TD_V_DEPENDENCY: return; // the number of the image that is wanted: said with its version
    case TD_V_BAD_FLAGS: snprintf(out, cap, ", flags 0x%x", v->found); return;
    case TD_V_WRONG_ADDRESS:
        snprintf(out, cap, ", built for 0x%x and not 0x%x", v->found, v->wanted);
        return;
    case TD_V_BAD_LAYOUT:
        if (td_mode_name((enum td_strategy_id)v->wanted) != NULL && v->found != 0)
            snprintf(out, cap, ", %s: %s", td_mode_name((enum td_strategy_id)v->wanted),
                     td_strerror((enum td_err) - (int32_t)v->found));
        return;
    case TD_V_REVERTED:
    case TD_V_REVERTED_WATCHDOG:
    case TD_V_REVERTED_INVALID: snprintf(out, cap, ", reset %s", reset_cause(v->found)); return;
    case TD_V_PRIMARY_INVALID:
        snprintf(out, cap, ", %s", td_verdict_name((uint16_t)v->found));
        return;
    default:
        if (v->wanted != 0 || v->found != 0)
            snprintf(out, cap, ", wanted %u, found %u", v->wanted, v->found);
    }
}

/* The facts behind a verdict, each with its name; "" when there are none. */
static void facts_text(const struct td_verdict *v, char *out, size_t cap)
{
    char version[32], hex[2 * TD_VERDICT_HASH_LEN + 1], numbers[80];
    size_t n = 0;

    out[0] = '\0';
#define ADD(...)                                                                                   \
    do {                                                                                           \
        if (n < cap)                                                                               \
            n += (size_t)snprintf(out + n, cap - n, __VA_ARGS__);                                  \
    } while (0)
    ADD("image %u, slot %u", v->image, v->slot);
    if (has_version(&v->found_version)) {
        version_text(&v->found_version, version);
        ADD(", version %s", version);
    }
    if (has_version(&v->wanted_version)) {
        version_text(&v->wanted_version, version);
        if (v->code == TD_V_DEPENDENCY)
            ADD(", wants image %u in version %s or newer", v->wanted, version);
        else
            ADD(v->code == TD_V_DOWNGRADE ? " while %s runs" : ", in place of %s", version);
    }
    if (!is_zero(v->hash, sizeof v->hash)) {
        td_hex(v->hash, sizeof v->hash, hex);
        ADD(", hash %s", hex);
    }
    if (!is_zero(v->key, sizeof v->key)) {
        td_hex(v->key, sizeof v->key, hex);
        ADD(", key %s", hex);
    }
    numbers_text(v, numbers, sizeof numbers);
    ADD("%s", numbers);
    if (v->off != 0)
        ADD(", at offset %u", v->off);
    if (v->count > 1)
        ADD(", %u times in a row", v->count);
#undef ADD
}

static json_t *verdict_json(const struct td_verdict *v)
{
    char wanted[32], found[32], hash[2 * TD_VERDICT_HASH_LEN + 1], key[2 * TD_VERDICT_KEY_LEN + 1];
    bool no_hash = is_zero(v->hash, sizeof v->hash), no_key = is_zero(v->key, sizeof v->key);

    version_text(&v->wanted_version, wanted);
    version_text(&v->found_version, found);
    td_hex(v->hash, sizeof v->hash, hash);
    td_hex(v->key, sizeof v->key, key);
    return json_pack(
        "{s:s, s:s, s:i, s:i, s:i, s:I, s:i, s:I, s:I, s:I, s:s?, s:s?, s:s?, s:s?, s:s, s:s}",
        "verdict", td_verdict_name(v->code), "class", class_name(v->kind), "code", (int)v->code,
        "image", (int)v->image, "slot", (int)v->slot, "seq", (json_int_t)v->seq, "count",
        (int)v->count, "wanted", (json_int_t)v->wanted, "found", (json_int_t)v->found, "off",
        (json_int_t)v->off, "wanted_version", has_version(&v->wanted_version) ? wanted : NULL,
        "found_version", has_version(&v->found_version) ? found : NULL, "hash",
        no_hash ? NULL : hash, "key", no_key ? NULL : key, "text", td_verdict_sentence(v->code),
        "remedy", td_verdict_remedy(v->code));
}

static void say_verdict(struct td_cli *cli, const struct td_verdict *v)
{
    char facts[400];
    bool bad = v->kind != TD_VERDICT_NOTE;

    facts_text(v, facts, sizeof facts);
    fprintf(cli->out, "%s%s%s: %s.\n  %s\n", td_cli_color(cli, cli->out, bad ? "31" : "32"),
            td_verdict_name(v->code), td_cli_color(cli, cli->out, "0"),
            td_verdict_sentence(v->code), facts);
    if (bad)
        fprintf(cli->out, "  try: %s\n", td_verdict_remedy(v->code));
}

/* The newest verdict that is more than a note. */
static const struct td_verdict *newest_trouble(const struct history *h)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->at[i].kind != TD_VERDICT_NOTE)
            return &h->at[i];
    }
    return NULL;
}

static void say_history_json(struct td_cli *cli, const struct history *h, bool all)
{
    const struct td_verdict *trouble = newest_trouble(h);
    json_t *list = json_array();

    for (size_t i = 0; i < h->n; i++) {
        if (all || &h->at[i] == trouble)
            json_array_append_new(list, verdict_json(&h->at[i]));
    }
    td_cli_json(cli, json_pack("{s:s, s:b, s:o}", "source", "verdicts", "refused", trouble != NULL,
                               "verdicts", list));
}

static void say_history(struct td_cli *cli, const struct history *h, bool all)
{
    const struct td_verdict *trouble = newest_trouble(h);

    if (cli->json) {
        say_history_json(cli, h, all);
        return;
    }
    if (all) {
        for (size_t i = 0; i < h->n; i++)
            say_verdict(cli, &h->at[i]);
        if (h->n == 0)
            fputs("The device has recorded nothing: nothing was refused.\n", cli->out);
        return;
    }
    if (!trouble) {
        fputs("Nothing was refused, nothing was reverted.\n", cli->out);
        if (h->n > 0)
            say_verdict(cli, &h->at[0]);
        return;
    }
    say_verdict(cli, trouble);
    if (trouble != &h->at[0]) {
        fputs("Since then:\n", cli->out);
        say_verdict(cli, &h->at[0]);
    }
}

static bool read_history(struct td_device *dev, struct history *h, struct td_failure *failure)
{
    struct td_request request = { .kind = TD_REQ_WHY };
    struct td_reply reply;

    h->n = 0;
    do {
        if (!td_device_ask(dev, &request, &reply)) {
            *failure = reply.failure;
            return false;
        }
        for (unsigned i = 0; i < reply.of.why.n && h->n < HISTORY_MAX; i++)
            h->at[h->n++] = reply.of.why.at[i];
        // A device that never gets on must not keep us.
        if (reply.of.why.has_next && reply.of.why.next <= request.off)
            break;
        request.off = reply.of.why.next;
    } while (reply.of.why.has_next && h->n < HISTORY_MAX);
    return true;
}

/* ---- stock devices ------------------------------------------------------------------- */

struct inference {
    const char *name;
    const char *surely; /* how surely it follows */
    const char *text;
    const char *remedy; /* NULL: nothing to do */
};

/* The list alone cannot tell which of several reasons it was; what else there is can. */
#define AND_LOGS                                                                                   \
    "; tandem doctor says more from the bootloader's console or the log of the attempt, with "     \
    "configuration and partitions beside it"

static const struct inference on_trial = {
    "on-trial",
    "certain",
    "an image runs on trial: nothing was refused, but nobody has confirmed it yet",
    "tandem image confirm keeps it; a reset brings the previous one back",
};
static const struct inference still_pending = {
    "still-pending",
    "likely, if the device was reset since the image was marked",
    "an image is still pending; a bootloader that only dislikes the image clears the mark, so one "
    "that leaves it could not swap at all: slot sizes, sectors or partitions, or no bootloader",
    "reset it once (tandem os reset) and look again; then compare the slots of bootloader and "
    "application, and the image's size with tandem image slots" AND_LOGS,
};
static const struct inference not_requested = {
    "not-requested",
    "possible",
    "another image lies there, neither pending nor running: it was never marked, or it ran on "
    "trial and was reverted, or it is the one from before the last update",
    "compare its hash with the file that was sent; tandem image test HASH asks for it" AND_LOGS,
};
static const struct inference empty = {
    "slot-empty",
    "possible",
    "no second image is there: nothing was sent, or the bootloader refused it and erased the slot",
    "check key, version and size of the image" AND_LOGS,
};
static const struct inference no_list = {
    "no-images",
    "certain",
    "the device lists no running image",
    NULL,
};

static const struct inference *infer(const struct td_image_states *list)
{
    const struct td_image_state *active = td_states_active(list, 0);
    const struct td_image_state *other = td_states_other(list, 0);

    if (!active)
        return &no_list;
    if (!active->confirmed)
        return &on_trial;
    if (!other)
        return &empty;
    return other->pending ? &still_pending : &not_requested;
}

static int say_inference(struct td_device *dev)
{
    struct td_cli *cli = dev->cli;
    struct td_reply reply;
    const struct inference *i;
    int exit = td_read_states(dev, &reply);

    if (exit != TD_EXIT_OK)
        return exit;
    i = infer(&reply.of.images);
    if (cli->json) {
        td_cli_json(cli, json_pack("{s:s, s:n, s:s, s:s, s:s, s:s?}", "source", "image list",
                                   "refused", "inference", i->name, "surely", i->surely, "text",
                                   i->text, "remedy", i->remedy));
        return TD_EXIT_OK;
    }
    fprintf(cli->out,
            "This device keeps no verdicts; from its image list follows (%s):\n"
            "  %s.\n",
            i->surely, i->text);
    if (i->remedy)
        fprintf(cli->out, "  try: %s\n", i->remedy);
    return TD_EXIT_OK;
}

/* ---- the verb ------------------------------------------------------------------------ */

static int why(struct td_cli *cli, int argc, char **argv)
{
    static const struct td_opt opts[] = { { "history", 0, false, 0 } };
    static struct history history;
    struct td_args args;
    struct td_device dev;
    struct td_failure failure;
    bool all = false;
    int got, exit;

    td_args_begin(&args, cli, opts, TD_N_OF(opts), argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END) {
        switch (got) {
        case 0: all = true; break;
        case TD_ARG_WORD: return td_cli_usagef(cli, "'%s' is one argument too many", args.value);
        default: return args.exit;
        }
    }
    exit = td_device_open(&dev, cli);
    if (exit != TD_EXIT_OK)
        return exit;
    if (read_history(&dev, &history, &failure))
        say_history(cli, &history, all);
    else if (failure.err == TD_EREFUSED)
        exit = say_inference(&dev);
    else
        exit = td_device_failed(&dev, &failure, "asking for its verdicts", NULL);
    td_device_close(&dev);
    return exit;
}

const struct td_verb td_verb_why = {
    .name = "why",
    .kind = TD_VERB_DEVICE,
    .summary = "why the device refused or reverted an image, in words",
    .usage = "usage: tandem why [--history] [--json]\n\n"
             "The last refusal, revert or fault of the device's bootloader, with its facts and\n"
             "what to do. A device that keeps no verdicts is judged by its image list, and it\n"
             "is said how surely. \"Nothing was refused\" is an answer, too.\n\n"
             "  --history  everything that the device has recorded, newest first\n",
    .run = why,
};
