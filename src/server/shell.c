/* server/shell.c - group 9: a command line goes to the shell, what it printed comes back. */
#include <string.h>

#include "server/server_priv.h"
#include "smp/shell.h"

/* Bytes of {"o":text,"ret":int} beside the text itself. */
enum { EXEC_AROUND = 1 + 2 + 5 + 4 + 5 + 1 };

struct line {
    size_t len, max;
    char text[TD_SERVER_LINE_MAX];
};

/* Adds a word; false when the line becomes too long. */
static bool add_word(struct line *line, bool is_first, struct td_cbor_text word)
{
    size_t space = is_first ? 0 : 1;

    if (space + word.len > line->max - line->len)
        return false;
    if (space > 0)
        line->text[line->len++] = ' ';
    if (word.len > 0)
        memcpy(line->text + line->len, word.p, word.len);
    line->len += word.len;
    return true;
}

static struct td_server_result join(const struct td_server_call *call, struct line *line)
{
    struct td_shell_exec exec;
    struct td_cbor_text word;
    bool end = false, is_first = true;
    enum td_err err = td_shell_exec_get_begin(call->payload, call->hdr->len, &exec);

    while (err == TD_OK) {
        err = td_shell_exec_get(&exec, &word, &end);
        if (err != TD_OK || end)
            break;
        if (!add_word(line, is_first, word))
            return td_result_err(TD_SHELL_TOO_LONG, TD_TEXT("command line too long"));
        is_first = false;
    }
    if (err != TD_OK)
        return td_result_malformed();
    if (line->len == 0)
        return td_result_err(TD_SHELL_EMPTY, TD_TEXT("no command"));
    return td_result_done();
}

struct td_server_result td_server_shell_exec(struct td_server_call *call)
{
    const struct td_server_shell *shell = call->srv->cfg->shell;
    struct td_shell_exec_rsp rsp = { .has_output = true, .has_ret = true };
    struct td_server_result result;
    struct line line = { .len = 0 };
    size_t room, len = 0;
    char *out = td_server_tail(call, EXEC_AROUND, &room);

    if (shell == NULL)
        return td_result_not_built();
    line.max = shell->line_max > 0 && shell->line_max < sizeof line.text ? shell->line_max
                                                                         : sizeof line.text;
    result = join(call, &line);
    if (result.kind != TD_SERVER_DONE)
        return result;
    rsp.ret = shell->run(shell->ctx, (struct td_cbor_text){ line.text, line.len }, out, room, &len);
    rsp.as_rc = call->srv->cfg->manner->shell_ret_is_rc;
    rsp.output = (struct td_cbor_text){ out, len < room ? len : room };
    td_shell_exec_rsp_put(call->out, &rsp);
    return result;
}
