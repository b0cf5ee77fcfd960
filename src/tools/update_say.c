/* tools/update_say.c - what happens in an update, said to people and to programs. */
#include <string.h>

#include "base/range.h"
#include "tools/update_run.h"
#include "tools/upload_say.h"

static int exit_of(enum td_update_result result)
{
    switch (result) {
    case TD_RESULT_UPDATED:
    case TD_RESULT_ALREADY:
    case TD_RESULT_TESTED:
    case TD_RESULT_UPLOADED:
    case TD_RESULT_CHECKED: return TD_EXIT_OK;
    case TD_RESULT_NONE:
    case TD_RESULT_REFUSED:
    case TD_RESULT_REVERTED:
    case TD_RESULT_FAILED: return TD_EXIT_REFUSED;
    case TD_RESULT_UNREACHABLE: return TD_EXIT_UNREACHABLE;
    case TD_RESULT_INTERRUPTED: return TD_EXIT_INTERRUPTED;
    }
    return TD_EXIT_REFUSED;
}

/*
 * A stock device tells next to nothing. What it leaves unknown is one line, not one for each;
 * what makes the update doubtful is said in full.
 */
static bool is_plainly_unknown(const struct td_check_row *row)
{
    return row->result == TD_CHECK_UNKNOWN &&
           (row->check == TD_CHECK_SLOT_ROOM || row->check == TD_CHECK_SWAP_ROOM ||
            row->check == TD_CHECK_SIGNATURE || row->check == TD_CHECK_KEY);
}

static void say_unknown(struct td_update_run *run)
{
    char names[128] = "";
    size_t len = 0;

    for (unsigned i = 0; i < TD_N_CHECKS && len < sizeof names; i++) {
        if (run->unknown >> i & 1)
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len > 0 ? ", " : "",
                                    td_check_name((enum td_check)i));
    }
    run->unknown = 0;
    if (len > 0)
        td_cli_note(run->cli, "The device does not tell enough to check %s.", names);
}

static void say_row(struct td_update_run *run, const struct td_check_row *row)
{
    static const char *const marks[] = { "ok", "no", "??" };
    static const char *const colors[] = { "32", "31", "33" };
    struct td_cli *cli = run->cli;

    if (cli->json) {
        json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "event", "preflight", "check",
                              td_check_name(row->check), "result",
                              td_check_result_name(row->result), "text", row->text);

        if (row->forced)
            json_object_set_new(o, "forced", json_true());
        td_cli_json(cli, o);
        return;
    }
    // A dry run was asked for these lines; otherwise they matter when they are not "ok".
    if (cli->quiet || (row->result == TD_CHECK_PASS && !run->config.dry_run && cli->verbose == 0))
        return;
    if (is_plainly_unknown(row) && !run->config.dry_run && cli->verbose == 0) {
        run->unknown |= 1u << row->check;
        return;
    }
    fprintf(run->config.dry_run ? cli->out : cli->err, "%s%s%s %-12s %s%s\n",
            td_cli_color(cli, run->config.dry_run ? cli->out : cli->err, colors[row->result]),
            marks[row->result], td_cli_color(cli, run->config.dry_run ? cli->out : cli->err, "0"),
            td_check_name(row->check), row->text, row->forced ? " (forced)" : "");
}

static void say_upload(struct td_update_run *run, const struct td_update_event *event)
{
    if (run->cli->json)
        td_cli_json(run->cli, json_pack("{s:s, s:I, s:I, s:I}", "event", "upload", "offset",
                                        (json_int_t)event->offset, "size", (json_int_t)event->size,
                                        "bytes_per_s", (json_int_t)event->bytes_per_s));
    else
        td_progress_at(&run->bar, event->offset, event->size);
}

static void say_step(struct td_update_run *run, enum td_update_state state)
{
    static const char *const words[] = {
        [TD_STATE_TEST] = "Marking the image.",
        [TD_STATE_RESET] = "Resetting the device.",
        [TD_STATE_WAIT] = "Waiting for it to come back.",
        [TD_STATE_VERIFY] = "Looking at what runs.",
        [TD_STATE_CONFIRM] = "Confirming.",
    };

    td_device_log(&run->dev, "state: %s", td_update_state_name(state));
    // What the device said before it went down is not an answer of the one that comes back.
    if (state == TD_STATE_WAIT)
        td_device_reset_sent(&run->dev);
    if (run->cli->json)
        td_cli_json(run->cli, json_pack("{s:s, s:s}", "event", "state", "state",
                                        td_update_state_name(state)));
    else
        td_cli_note(run->cli, "%s", words[state]);
}

void td_update_say_json(struct td_cli *cli, const struct td_update_outcome *o)
{
    char hex[129], version[40];

    td_hex(o->hash, o->hash_len, hex);
    snprintf(version, sizeof version, o->version.build ? "%u.%u.%u+%u" : "%u.%u.%u",
             o->version.major, o->version.minor, o->version.revision, o->version.build);
    td_cli_json(cli,
                json_pack("{s:s, s:s?, s:s?, s:i, s:s?, s:s, s:s}", "result",
                          td_update_result_name(o->result), "hash", o->hash_len > 0 ? hex : NULL,
                          "version", o->hash_len > 0 ? version : NULL, "seconds", (int)o->seconds,
                          "verdict", o->verdict ? td_verdict_name(o->verdict) : NULL, "text",
                          o->text, "remedy", o->remedy));
}

void td_update_say_result(struct td_update_run *run, const struct td_update_outcome *o)
{
    struct td_cli *cli = run->cli;

    const char *why = o->result == TD_RESULT_UNREACHABLE ? run->dev.why : "";

    run->finished = true;
    run->exit = exit_of(o->result);
    td_device_log(&run->dev, "result: %s: %s", td_update_result_name(o->result), o->text);
    if (cli->json) {
        td_update_say_json(cli, o);
        // Whoever reads errors from stderr alone finds it there as well.
        if (run->exit != TD_EXIT_OK)
            td_cli_fail(cli, (enum td_exit)run->exit, td_update_result_name(o->result), o->text,
                        why[0] != '\0' ? why : NULL, o->remedy[0] != '\0' ? o->remedy : NULL);
        return;
    }
    if (run->exit == TD_EXIT_OK) {
        fprintf(cli->out, "%s%s%s: %s\n", td_cli_color(cli, cli->out, "32"),
                td_update_result_name(o->result), td_cli_color(cli, cli->out, "0"), o->text);
        if (o->remedy[0] != '\0')
            td_cli_note(cli, "%s", o->remedy);
        return;
    }
    fflush(cli->out);
    fprintf(cli->err, "%s%s%s: %s\n", td_cli_color(cli, cli->err, "31"),
            td_update_result_name(o->result), td_cli_color(cli, cli->err, "0"), o->text);
    if (o->verdict != TD_V_NONE)
        fprintf(cli->err, "  the device's verdict: %s\n", td_verdict_name(o->verdict));
    if (why[0] != '\0')
        fprintf(cli->err, "  at: %s: %s\n", td_link_name(run->dev.link), why);
    if (o->remedy[0] != '\0')
        fprintf(cli->err, "  try: %s\n", o->remedy);
}

void td_update_say_event(struct td_update_run *run, const struct td_update_event *event)
{
    if (event->kind != TD_EVENT_PREFLIGHT)
        say_unknown(run);
    if (event->kind != TD_EVENT_UPLOAD)
        td_progress_end(&run->bar);
    switch (event->kind) {
    case TD_EVENT_PREFLIGHT:
        td_device_log(&run->dev, "preflight %s: %s%s: %s", td_check_name(event->row->check),
                      td_check_result_name(event->row->result),
                      event->row->forced ? ", forced" : "", event->row->text);
        say_row(run, event->row);
        break;
    case TD_EVENT_UPLOAD: say_upload(run, event); break;
    case TD_EVENT_STATE: say_step(run, event->state); break;
    case TD_EVENT_RESUMED: td_upload_say_resumed(&run->dev, event->offset, event->size); break;
    case TD_EVENT_START: td_upload_say_start(&run->dev, event->start, event->again); break;
    case TD_EVENT_NOTE:
        td_device_log(&run->dev, "%s", event->text);
        td_cli_note(run->cli, "%s", event->text);
        break;
    case TD_EVENT_RESULT: td_update_say_result(run, event->outcome); break;
    }
}
