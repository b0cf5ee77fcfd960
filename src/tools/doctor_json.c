/* tools/doctor_json.c - the doctor's findings for programs, and its rules for the curious. */
#include <string.h>
#include <strings.h>

#include "doctor/rule.h"
#include "tools/doctor_say.h"
#include "tools/prose.h"

static const char *name_of(const struct td_doctor *doctor, uint16_t file)
{
    const struct td_seen *seen = td_doctor_seen(doctor, file);

    return seen == NULL ? "" : seen->name;
}

static json_t *time_json(int64_t time_us)
{
    char text[32];

    td_doctor_time(time_us, text);
    return text[0] == '\0' ? json_null() : json_string(text);
}

/* What files hold need not be UTF-8. */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    char ascii[1000];
    size_t n = 0;

    if (json != NULL)
        return json;
    for (; text[n] != '\0' && n + 1 < sizeof ascii; n++)
        ascii[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
    ascii[n] = '\0';
    return json_string(ascii);
}

static json_t *texts_json(td_texts texts)
{
    json_t *list = json_array();

    for (; *texts != NULL; texts++)
        json_array_append_new(list, text_json(*texts));
    return list;
}

static json_t *evidence_json(const struct td_doctor *doctor, const struct td_finding *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->n_evidence; i++) {
        const struct td_fact *fact = f->evidence[i];
        char quote[400];

        td_doctor_quote(fact, quote, sizeof quote);
        json_array_append_new(
            list, json_pack("{s:o, s:I, s:I, s:o, s:o, s:s, s:I}", "file",
                            text_json(name_of(doctor, fact->first.file)), "line",
                            (json_int_t)fact->first.line, "offset", (json_int_t)fact->first.offset,
                            "time", time_json(fact->first_us), "text", text_json(quote), "fact",
                            fact->name, "count", (json_int_t)fact->count));
    }
    return list;
}

static json_t *finding_json(const struct td_doctor *doctor, const struct td_finding *f)
{
    json_t *asks = json_array();

    for (size_t i = 0; i < f->n_asks; i++)
        json_array_append_new(asks, text_json(f->asks[i]));
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                     f->rule->id, "name", f->rule->name, "kind", td_finding_kind_name(f->kind),
                     "score", f->score, "likelihood", td_likelihood(f->score), "title",
                     text_json(f->title), "why", text_json(f->why), "fix", text_json(f->fix),
                     "check", text_json(f->check), "evidence", evidence_json(doctor, f), "asks",
                     asks, "sources", texts_json(f->rule->sources));
}

static void say_files(struct td_cli *cli, struct td_doctor *doctor)
{
    for (size_t i = 0; i < td_doctor_files(doctor); i++) {
        const struct td_seen *seen = td_doctor_seen(doctor, i);
        char text[700];

        td_doctor_seen_text(doctor, i, text, sizeof text);
        td_cli_json(cli,
                    json_pack("{s:{s:o, s:o, s:I, s:I}}", "file", "name", text_json(seen->name),
                              "holds", text_json(text), "lines", (json_int_t)seen->lines,
                              "messages", (json_int_t)seen->messages));
    }
}

static void say_steps(struct td_cli *cli, const struct td_doctor *doctor)
{
    const struct td_story *story = td_doctor_story(doctor);

    for (size_t i = 0; i < td_story_count(story); i++) {
        const struct td_story_step *step = td_story_at(story, i);

        td_cli_json(cli, json_pack("{s:{s:o, s:I, s:o, s:o}}", "step", "file",
                                   text_json(name_of(doctor, step->at.file)), "line",
                                   (json_int_t)step->at.line, "time", time_json(step->time_us),
                                   "text", text_json(step->text)));
    }
}

void td_doctor_say_json(struct td_cli *cli, struct td_doctor *doctor, unsigned unread, int exit)
{
    json_int_t counts[4] = { 0, 0, 0, 0 };

    say_files(cli, doctor);
    say_steps(cli, doctor);
    for (size_t i = 0; i < td_doctor_count(doctor); i++) {
        const struct td_finding *f = td_doctor_at(doctor, i);

        counts[f->kind]++;
        td_cli_json(cli, json_pack("{s:o}", "finding", finding_json(doctor, f)));
    }
    for (size_t i = 0; i < td_doctor_set_aside(doctor); i++)
        td_cli_json(cli, json_pack("{s:o}", "set_aside",
                                   finding_json(doctor, td_doctor_set_aside_at(doctor, i))));
    td_cli_json(cli,
                json_pack("{s:{s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:i}}", "result", "files",
                          (json_int_t)td_doctor_files(doctor), "unread", (int)unread, "causes",
                          counts[TD_FINDING_CAUSE], "traps", counts[TD_FINDING_TRAP], "remarks",
                          counts[TD_FINDING_REMARK], "harmless", counts[TD_FINDING_HARMLESS],
                          "set_aside", (json_int_t)td_doctor_set_aside(doctor), "facts_dropped",
                          (json_int_t)td_facts_dropped(td_doctor_facts(doctor)), "exit", exit));
}

/* ---- rules --------------------------------------------------------------------------- */

static json_t *adjust_json(const struct td_rule *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_adjust; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:i}", "if", r->adjust[i].condition, "by", r->adjust[i].by));
    return list;
}

static json_t *rule_json(const struct td_rule *r)
{
    return json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o}}",
                     "rule", "id", r->id, "name", r->name, "topic", r->topic, "kind", r->kind,
                     "title", r->title, "score", r->score, "when", texts_json(r->when), "any",
                     texts_json(r->any), "unless", texts_json(r->unless), "adjust", adjust_json(r),
                     "why", r->why, "fix", r->fix, "check", r->check, "sources",
                     texts_json(r->sources));
}

static void say_texts(struct td_cli *cli, const char *label, td_texts texts)
{
    for (; *texts != NULL; texts++) {
        fprintf(cli->out, "  %-9s %s\n", label, *texts);
        label = "";
    }
}

static void say_text(struct td_cli *cli, const char *label, const char *text)
{
    char left[24];

    if (text[0] == '\0')
        return;
    (void)snprintf(left, sizeof left, "  %-9s ", label);
    td_prose(cli->out, left, 12, td_prose_width(cli->out), text);
}

static void say_rule(struct td_cli *cli, const struct td_rule *r)
{
    fprintf(cli->out, "%s %s (%s, rules/%s.yml): %s\n", r->id, r->name, r->kind, r->topic,
            r->title);
    say_texts(cli, "when", r->when);
    say_texts(cli, "any of", r->any);
    say_texts(cli, "unless", r->unless);
    fprintf(cli->out, "  %-9s %d of 100 (%s)\n", "score", r->score, td_likelihood(r->score));
    for (size_t i = 0; i < r->n_adjust; i++)
        fprintf(cli->out, "  %-9s %+d if %s\n", "", r->adjust[i].by, r->adjust[i].condition);
    say_text(cli, "why", r->why);
    say_text(cli, "do", r->fix);
    say_text(cli, "confirm", r->check);
    say_texts(cli, "sources", r->sources);
}

int td_doctor_say_rules(struct td_cli *cli, const struct td_knowledge *knowledge, const char *id)
{
    bool any = false;

    for (size_t i = 0; i < knowledge->n_rules; i++) {
        const struct td_rule *r = &knowledge->rules[i];

        if (id != NULL && strcasecmp(r->id, id) != 0 && strcmp(r->name, id) != 0 &&
            strcmp(r->topic, id) != 0)
            continue;
        any = true;
        if (cli->json)
            td_cli_json(cli, rule_json(r));
        else if (id == NULL)
            fprintf(cli->out, "%-5s %-8s %s\n", r->id, r->kind, r->title);
        else
            say_rule(cli, r);
    }
    if (any)
        return TD_EXIT_OK;
    return td_cli_usagef(cli,
                         "there is no rule and no topic '%s'; tandem doctor --rules lists them",
                         id == NULL ? "" : id);
}
