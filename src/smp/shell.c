#include "smp/shell.h"

#include "base/range.h"

void td_shell_exec_put_begin(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "argv");
    td_cbor_open_list(w);
}

void td_shell_exec_put(struct td_cbor_writer *w, struct td_cbor_text word)
{
    td_cbor_put_text(w, word);
}

void td_shell_exec_put_end(struct td_cbor_writer *w)
{
    td_cbor_close(w);
    td_cbor_close(w);
}

enum td_err td_shell_exec_get_begin(const uint8_t *payload, size_t len, struct td_shell_exec *exec)
{
    bool found;
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_LIST("argv", &exec->reader, &found) };
    enum td_err err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));

    if (err != TD_OK)
        return err;
    return found ? td_cbor_list_begin(&exec->reader, &exec->walk) : TD_EFORMAT;
}

enum td_err td_shell_exec_get(struct td_shell_exec *exec, struct td_cbor_text *word, bool *end)
{
    bool more;
    enum td_err err = td_cbor_more(&exec->reader, &exec->walk, &more);

    *end = err == TD_OK && !more;
    return err != TD_OK || *end ? err : td_cbor_get_text(&exec->reader, word);
}

void td_shell_exec_rsp_put(struct td_cbor_writer *w, const struct td_shell_exec_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_output) {
        td_cbor_key(w, "o");
        td_cbor_put_text(w, rsp->output);
    }
    if (rsp->has_ret) {
        td_cbor_put_text(w, rsp->as_rc ? TD_TEXT("rc") : TD_TEXT("ret"));
        td_cbor_put_int(w, rsp->ret);
    }
    td_cbor_close(w);
}

enum td_err td_shell_exec_rsp_get(const uint8_t *payload, size_t len, struct td_shell_exec_rsp *rsp)
{
    int32_t rc = 0;
    bool has_rc;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("o", &rsp->output, &rsp->has_output),
        TD_CBOR_FIELD_INT("ret", &rsp->ret, &rsp->has_ret),
        TD_CBOR_FIELD_INT("rc", &rc, &has_rc),
    };
    enum td_err err;

    *rsp = (struct td_shell_exec_rsp){ .has_output = false };
    err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));
    if (err == TD_OK && rsp->has_output && !rsp->has_ret && has_rc) {
        rsp->has_ret = true;
        rsp->as_rc = true;
        rsp->ret = rc;
    }
    return err;
}
