/*
 * tools/doctor_say.c - the doctor's findings as a person reads them: what the files are, what
 * happened, what is wrong and why that is thought, what to do, and what was ruled out.
 */
#include "tools/doctor_say.h"

#include <inttypes.h>
#include <string.h>

#include "base/range.h"
#include "doctor/rule.h"
#include "tools/prose.h"

#define STEPS_SHOWN 16 /* of the timeline: half of them from its beginning, half from its end */
#define ASIDE_SHOWN 4
#define TOLD        6  /* findings of a kind that are told in full */
#define NAME_SHOWN  28 /* longer paths are shown without their folders */
#define QUOTE_MIN   40 /* columns that a quote wants beside its place */
#define LABEL       12 /* columns of "   Confirm  " */

bool td_doctor_is_bad(const struct td_finding *finding)
{
    return finding->kind <= TD_FINDING_TRAP && finding->score >= TD_DOCTOR_UNLIKELY;
}

/* ---- what a file is ------------------------------------------------------------------ */

static void add(char *out, size_t cap, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *out, size_t cap, const char *format, ...)
{
    size_t len = strlen(out);
    va_list args;

    if (len > 0 && len + 2 < cap) {
        memcpy(out + len, "; ", 3);
        len += 2;
    }
    va_start(args, format);
    (void)vsnprintf(out + len, cap - len, format, args);
    va_end(args);
}

static const char *const clients[TD_DIALECTS] = {
    [TD_DIALECT_NORDIC_ANDROID] = "nRF Connect for Android",
    [TD_DIALECT_NORDIC_IOS] = "nRF Connect for iOS",
    [TD_DIALECT_SMPMGR] = "smpmgr or smpclient",
    [TD_DIALECT_MCUMGR] = "mcumgr",
    [TD_DIALECT_AUTERM] = "AuTerm",
    [TD_DIALECT_CLIENT] = "an SMP client",
    [TD_DIALECT_TANDEM] = "tandem",
};

static void add_logs(const struct td_seen *seen, char *out, size_t cap)
{
    bool client = false;

    for (size_t i = 0; i < TD_DIALECTS; i++) {
        if (clients[i] != NULL && seen->of_dialect[i] > 0) {
            add(out, cap, "log of %s", clients[i]);
            client = true;
        }
    }
    if (seen->messages > 0) {
        const char *dress = seen->capture ? "capture with " : client ? "" : "frames: ";

        add(out, cap, "%s%" PRIu32 " SMP message%s", dress, seen->messages,
            seen->messages == 1 ? "" : "s");
    }
    if (seen->nsib_log)
        add(out, cap, "console of the first stage (b0)");
    if (seen->boot_log)
        add(out, cap, "console of MCUboot");
    if (seen->app_log)
        add(out, cap, "console of the application");
}

static const char *config_of(const char *role)
{
    static const char *const rows[][2] = {
        { "app", "configuration of the application" },
        { "mcuboot", "configuration of MCUboot" },
        { "b0", "configuration of the first stage (b0)" },
        { "net", "configuration of the network core" },
        { "sysbuild", "configuration of sysbuild" },
    };

    for (size_t i = 0; role != NULL && i < TD_N_OF(rows); i++) {
        if (strcmp(rows[i][0], role) == 0)
            return rows[i][1];
    }
    return "configuration";
}

/* What `have` and the facts of binary files say about this one. */
static void add_facts(struct td_doctor *doctor, size_t file, char *out, size_t cap)
{
    const struct td_facts *facts = td_doctor_facts(doctor);
    const struct td_fact *fact;

    for (size_t at = 0; (fact = td_facts_next(facts, "have", &at)) != NULL;) {
        const char *what = td_fact_get(fact, "what");

        if (fact->first.file != file || what == NULL)
            continue;
        if (strcmp(what, "config") == 0)
            add(out, cap, "%s", config_of(td_fact_get(fact, "role")));
        else if (strcmp(what, "layout") == 0)
            add(out, cap, "partitions");
        else if (strcmp(what, "report") == 0)
            add(out, cap, "partition manager report");
        else if (td_fact_get(fact, "commands") != NULL)
            add(out, cap, "commands of %s", td_fact_get(fact, "client"));
    }
    for (size_t i = 0; i < td_facts_count(facts); i++) {
        static const char *const kinds[] = { "image",           "package",        "dump",
                                             "file.unreadable", "nsib.provision", "image.program",
                                             "image.elf" };

        fact = td_facts_at(facts, i);
        for (size_t k = 0; k < TD_N_OF(kinds); k++) {
            if (fact->first.file == file && fact->quote != NULL &&
                strcmp(fact->name, kinds[k]) == 0) {
                const char *text = strstr(fact->quote, ": ");

                add(out, cap, "%s", text == NULL ? fact->quote : text + 2);
            }
        }
    }
}

bool td_doctor_seen_text(struct td_doctor *doctor, size_t file, char *out, size_t cap)
{
    const struct td_seen *seen = td_doctor_seen(doctor, file);

    out[0] = '\0';
    add_logs(seen, out, cap);
    add_facts(doctor, file, out, cap);
    if (out[0] != '\0')
        return true;
    if (seen->lines > 0)
        add(out, cap, "%" PRIu32 " line%s of text, none of a kind that I know", seen->lines,
            seen->lines == 1 ? "" : "s");
    else
        add(out, cap, "nothing that I know");
    return false;
}

/* ---- places and quotes --------------------------------------------------------------- */

/* The name of a file as it was given, or its last part when it is long. */
static const char *short_name(const struct td_doctor *doctor, uint16_t file)
{
    const struct td_seen *seen = td_doctor_seen(doctor, file);
    const char *name = seen == NULL ? "?" : seen->name;
    const char *last = strrchr(name, '/');

    return last != NULL && td_prose_columns(name) > NAME_SHOWN ? last + 1 : name;
}

static void place_text(const struct td_doctor *doctor, const struct td_place *at, char *out,
                       size_t cap)
{
    const char *name = short_name(doctor, at->file);

    if (at->line > 0)
        (void)snprintf(out, cap, "%s:%" PRIu32, name, at->line);
    else if (at->offset > 0)
        (void)snprintf(out, cap, "%s at 0x%" PRIx64, name, at->offset);
    else
        (void)snprintf(out, cap, "%s", name);
}

void td_doctor_quote(const struct td_fact *fact, char *out, size_t cap)
{
    size_t len;

    if (fact->quote != NULL) {
        const char *quote = fact->quote;

        while (*quote == ' ')
            quote++;
        (void)snprintf(out, cap, "%s", quote);
        return;
    }
    len = (size_t)snprintf(out, cap, "%s", fact->name);
    for (size_t i = 0; i < fact->n_attrs && len < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, " %s=%s", fact->attrs[i].key,
                                fact->attrs[i].value);
}

void td_doctor_time(int64_t time_us, char out[32])
{
    int64_t ms = time_us / 1000;

    out[0] = '\0';
    if (time_us == TD_NO_TIME || time_us < 0)
        return;
    (void)snprintf(out, 32, "%02" PRId64 ":%02d:%02d.%03d", ms / 3600000, (int)(ms / 60000 % 60),
                   (int)(ms / 1000 % 60), (int)(ms % 1000));
}

/* ---- text ---------------------------------------------------------------------------- */

struct saying {
    struct td_cli *cli;
    struct td_doctor *doctor;
    FILE *out;
    size_t width;
    bool all;
    unsigned number; /* of the finding */
    bool known;      /* some file holds something of a known kind */
};

static const char *color(const struct saying *s, const char *sgr)
{
    return td_cli_color(s->cli, s->out, sgr);
}

static void heading(const struct saying *s, const char *text)
{
    fprintf(s->out, "%s%s%s\n", color(s, "1"), text, color(s, "0"));
}

/* "name" padded, then text; continuation lines stand under the text. */
static void row(const struct saying *s, size_t indent, size_t column, const char *left,
                const char *text)
{
    char label[600];

    (void)snprintf(label, sizeof label, "%*s%s  ", (int)indent, "", left);
    td_prose(s->out, label, column, s->width, text);
}

static void say_files(struct saying *s)
{
    size_t longest = 0;

    for (size_t i = 0; i < td_doctor_files(s->doctor); i++) {
        size_t columns = td_prose_columns(short_name(s->doctor, (uint16_t)i));

        longest = columns > longest && columns <= NAME_SHOWN ? columns : longest;
    }
    heading(s, "Looked at");
    for (size_t i = 0; i < td_doctor_files(s->doctor); i++) {
        char text[700];

        s->known = td_doctor_seen_text(s->doctor, i, text, sizeof text) || s->known;
        row(s, 2, longest + 4, short_name(s->doctor, (uint16_t)i), text);
    }
}

static void say_step(const struct saying *s, const struct td_story_step *step)
{
    char time[32], left[60];

    td_doctor_time(step->time_us, time);
    (void)snprintf(left, sizeof left, "%6" PRIu32 "%s%s", step->at.line,
                   time[0] == '\0' ? "" : "  ", time);
    row(s, 2, 4 + td_prose_columns(left), left, step->text);
}

static void say_story(const struct saying *s)
{
    const struct td_story *story = td_doctor_story(s->doctor);
    size_t n = td_story_count(story), half = STEPS_SHOWN / 2;
    uint32_t before = UINT32_MAX; // the file of the step above

    if (n == 0)
        return;
    fputc('\n', s->out);
    heading(s, "What happened");
    for (size_t i = 0; i < n; i++) {
        const struct td_story_step *step;

        if (!s->all && n > STEPS_SHOWN + 1 && i == half) {
            fprintf(s->out, "     ... %zu more (--all shows them)\n", n - STEPS_SHOWN);
            i = n - half;
        }
        step = td_story_at(story, i);
        if (before != step->at.file)
            fprintf(s->out, "  %s, by line\n", short_name(s->doctor, step->at.file));
        before = step->at.file;
        say_step(s, step);
    }
}

/* The quote stands behind its place, or below it where that is too long a name. */
static void say_fact(const struct saying *s, const struct td_fact *fact)
{
    char place[300], quote[460], label[320];
    size_t indent, room, fit;

    place_text(s->doctor, &fact->first, place, sizeof place);
    td_doctor_quote(fact, quote, 400);
    indent = 5 + td_prose_columns(place);
    room = s->width - (indent < s->width ? indent : s->width);
    (void)snprintf(label, sizeof label, "   %s", place);
    if (td_prose_columns(quote) > room && room < QUOTE_MIN) {
        fprintf(s->out, "%s\n", label);
        label[0] = '\0';
        indent = 6;
        room = s->width - indent;
    }
    fit = td_prose_fit(quote, 3 * room - 14);
    if (quote[fit] != '\0')
        memcpy(quote + fit, "...", 4);
    if (fact->count > 1)
        (void)snprintf(quote + strlen(quote), sizeof quote - strlen(quote), " (%" PRIu32 " times)",
                       fact->count);
    td_prose(s->out, label, indent, s->width, quote);
}

static void say_evidence(const struct saying *s, const struct td_finding *f)
{
    for (size_t i = 0; i < f->n_evidence; i++)
        say_fact(s, f->evidence[i]);
    if (f->more_evidence > 0)
        fprintf(s->out, "   and %" PRIu32 " more\n", f->more_evidence);
}

static void paragraph(const struct saying *s, const char *name, const char *text)
{
    char label[40];

    if (text[0] == '\0')
        return;
    (void)snprintf(label, sizeof label, "   %s", name);
    td_prose(s->out, label, LABEL, s->width, text);
}

static void say_asks(const struct saying *s, const struct td_finding *f)
{
    char text[800] = "";

    for (size_t i = 0; i < f->n_asks; i++) {
        size_t len = strlen(text);

        (void)snprintf(text + len, sizeof text - len, "%s%s", i == 0 ? "" : "; ", f->asks[i]);
    }
    paragraph(s, "Add", text);
}

/* brief: the likelier ones above are told in full. */
static void say_finding(struct saying *s, const struct td_finding *f, bool brief)
{
    char label[24];

    (void)snprintf(label, sizeof label, "%u. ", ++s->number);
    fputc('\n', s->out);
    fprintf(s->out, "%s%s", color(s, "1"), f->kind == TD_FINDING_CAUSE ? color(s, "31") : "");
    td_prose(s->out, label, td_prose_columns(label), s->width, f->title);
    fprintf(s->out, "%s   %s (%d of 100), %s %s\n", color(s, "0"), td_likelihood(f->score),
            f->score, f->rule->id, f->rule->name);
    if (brief)
        return;
    say_evidence(s, f);
    paragraph(s, "Why", f->why);
    paragraph(s, "Do", f->fix);
    paragraph(s, "Confirm", f->check);
    say_asks(s, f);
}

static bool is_shown(const struct saying *s, const struct td_finding *f)
{
    return s->all || f->score >= TD_DOCTOR_UNLIKELY;
}

static size_t count_shown(const struct saying *s, enum td_finding_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < td_doctor_count(s->doctor); i++) {
        const struct td_finding *f = td_doctor_at(s->doctor, i);

        n += f->kind == kind && is_shown(s, f);
    }
    return n;
}

static void say_kind(struct saying *s, enum td_finding_kind kind, const char *title)
{
    size_t told = 0;

    if (count_shown(s, kind) == 0)
        return;
    fputc('\n', s->out);
    heading(s, title);
    for (size_t i = 0; i < td_doctor_count(s->doctor); i++) {
        const struct td_finding *f = td_doctor_at(s->doctor, i);

        if (f->kind != kind || !is_shown(s, f))
            continue;
        say_finding(s, f, !s->all && told >= TOLD);
        told++;
    }
    if (!s->all && told > TOLD)
        fprintf(s->out, "\n   (--all tells all of them in full)\n");
}

static void say_harmless(const struct saying *s)
{
    if (count_shown(s, TD_FINDING_HARMLESS) == 0)
        return;
    fputc('\n', s->out);
    heading(s, "Harmless, although it may look like an error");
    for (size_t i = 0; i < td_doctor_count(s->doctor); i++) {
        const struct td_finding *f = td_doctor_at(s->doctor, i);
        char text[2400], place[300] = "";

        if (f->kind != TD_FINDING_HARMLESS || !is_shown(s, f))
            continue;
        if (f->n_evidence > 0)
            place_text(s->doctor, &f->evidence[0]->first, place, sizeof place);
        (void)snprintf(text, sizeof text, "%s (%s). %s", f->title, place, f->why);
        td_prose(s->out, "  - ", 4, s->width, text);
    }
}

static void say_aside(const struct saying *s)
{
    size_t shown = 0, left = 0;

    for (size_t i = 0; i < td_doctor_set_aside(s->doctor); i++) {
        const struct td_finding *f = td_doctor_set_aside_at(s->doctor, i);
        char place[300], quote[400], text[1600];

        if (f->n_evidence == 0 || (!s->all && f->kind > TD_FINDING_TRAP))
            continue;
        if (!s->all && shown == ASIDE_SHOWN) {
            left++;
            continue;
        }
        if (shown++ == 0) {
            fputc('\n', s->out);
            heading(s, "Set aside: it would fit, but something speaks against it");
        }
        place_text(s->doctor, &f->evidence[0]->first, place, sizeof place);
        td_doctor_quote(f->evidence[0], quote, sizeof quote);
        quote[td_prose_fit(quote, s->all ? sizeof quote : 100)] = '\0';
        (void)snprintf(text, sizeof text, "%s (%s): %s %s", f->title, f->rule->id, place, quote);
        td_prose(s->out, "  - ", 4, s->width, text);
    }
    if (left > 0)
        fprintf(s->out, "  ... %zu more (--all shows them)\n", left);
}

static void say_end(const struct saying *s)
{
    size_t bad = 0, hidden = 0;

    for (size_t i = 0; i < td_doctor_count(s->doctor); i++) {
        bad += td_doctor_is_bad(td_doctor_at(s->doctor, i));
        hidden += !is_shown(s, td_doctor_at(s->doctor, i));
    }
    if (bad == 0 && !s->known) {
        fputc('\n', s->out);
        td_prose(s->out, "There is nothing in these files that I could judge. ", 0, s->width,
                 "What helps: a client's log with the bytes (nRF Connect: level debug), the "
                 "bootloader's console from the reset on, prj.conf or .config, partitions.yml, the "
                 "image.");
    } else if (bad == 0) {
        fprintf(s->out, "\n%sNothing is wrong with what these files show.%s\n", color(s, "32"),
                color(s, "0"));
    }
    if (hidden > 0)
        fprintf(s->out, "\n%zu unlikely finding%s left out (--all shows them).\n", hidden,
                hidden == 1 ? " is" : "s are");
}

void td_doctor_say(struct td_cli *cli, struct td_doctor *doctor, bool all)
{
    struct saying s = {
        .cli = cli,
        .doctor = doctor,
        .out = cli->out,
        .width = td_prose_width(cli->out),
        .all = all,
    };

    say_files(&s);
    say_story(&s);
    say_kind(&s, TD_FINDING_CAUSE, "What is wrong, the likeliest first");
    say_kind(&s, TD_FINDING_TRAP, "What will bite");
    say_kind(&s, TD_FINDING_REMARK, "Worth knowing");
    say_harmless(&s);
    say_aside(&s);
    say_end(&s);
}
