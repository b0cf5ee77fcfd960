/* server/os_facts.c - group 0: what the device is, what runs on it, what memory it has left. */
#include <string.h>

#include "base/range.h"
#include "server/server_priv.h"

struct td_server_result td_server_os_tasks(struct td_server_call *call)
{
    const struct td_server_os *os = call->srv->cfg->os;
    struct td_os_task task = { .prio = 0 };

    if (os == NULL || os->task == NULL)
        return td_result_not_built();
    td_os_tasks_put_begin(call->out);
    for (unsigned i = 0; call->out->err == TD_OK && os->task(os->ctx, i, &task); i++)
        td_os_tasks_put(call->out, &task);
    td_os_tasks_put_end(call->out);
    return td_result_done();
}

struct td_server_result td_server_os_pools(struct td_server_call *call)
{
    const struct td_server_os *os = call->srv->cfg->os;
    struct td_os_pool pool = { .blocks = 0 };

    if (os == NULL || os->pool == NULL)
        return td_result_not_built();
    td_os_pools_put_begin(call->out);
    for (unsigned i = 0; call->out->err == TD_OK && os->pool(os->ctx, i, &pool); i++)
        td_os_pools_put(call->out, &pool);
    td_os_pools_put_end(call->out);
    return td_result_done();
}

/* ---- info ------------------------------------------------------------------------------ */

enum { INFO_MAX = 255 };

/* Bytes of {"output":text} beside the text itself. */
enum { INFO_AROUND = 1 + 7 + 5 + 1 };

/* The order in which they come out, whatever the order in which they are asked for. */
static const char letters[] = { 's', 'n', 'r', 'v', 'b', 'm', 'p', 'i', 'o' };

enum { N_LETTERS = sizeof letters, ALL = (1 << N_LETTERS) - 1 };

static struct td_cbor_text fact(const struct td_server_facts *facts, unsigned i)
{
    const struct td_cbor_text texts[N_LETTERS] = {
        facts->kernel,  facts->node,      facts->release,  facts->version, facts->built,
        facts->machine, facts->processor, facts->platform, facts->os,
    };

    return texts[i];
}

/* The facts that a letter stands for; 0 when it stands for none. */
static unsigned asked_by(const struct td_server_facts *facts, char letter)
{
    if (letter == 'a')
        return ALL;
    for (unsigned i = 0; i < N_LETTERS; i++)
        if (letters[i] == letter)
            return fact(facts, i).len > 0 ? 1u << i : 0;
    return 0;
}

static struct td_server_result put_info(struct td_server_call *call,
                                        const struct td_server_facts *facts, unsigned asked)
{
    struct td_os_info_rsp rsp = { .has_output = true };
    size_t room, len = 0;
    char *out = td_server_tail(call, INFO_AROUND, &room);

    if (room > INFO_MAX)
        room = INFO_MAX;
    for (unsigned i = 0; i < N_LETTERS; i++) {
        const struct td_cbor_text text = fact(facts, i);
        size_t space = len > 0 ? 1 : 0;

        if ((asked >> i & 1) == 0 || text.len == 0)
            continue;
        if (space + text.len > room - len)
            return td_result_rc(TD_SMP_RC_MSG_SIZE, TD_TEXT("answer larger than the buffer"));
        if (space > 0)
            out[len++] = ' ';
        memcpy(out + len, text.p, text.len);
        len += text.len;
    }
    rsp.output = (struct td_cbor_text){ out, len };
    td_os_info_rsp_put(call->out, &rsp);
    return td_result_done();
}

struct td_server_result td_server_os_info(struct td_server_call *call)
{
    const struct td_server_os *os = call->srv->cfg->os;
    struct td_os_info_req req;
    unsigned asked = 0;

    if (os == NULL || os->facts == NULL)
        return td_result_not_built();
    if (call->hdr->len == 0 || td_os_info_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    for (size_t i = 0; i < req.format.len; i++) {
        unsigned more = asked_by(os->facts, req.format.p[i]);

        if (more == 0)
            return td_result_err(TD_OS_INVALID_FORMAT, TD_TEXT("unknown letter"));
        asked |= more;
    }
    return put_info(call, os->facts, asked != 0 ? asked : 1);
}
