/*
 * smp/shell.h - group 9, shell: a command line of the device is run.
 *
 * put and get as in smp/os.h, the request word by word.
 */
#ifndef TD_SMP_SHELL_H
#define TD_SMP_SHELL_H

#include "smp/header.h"

enum td_shell_id {
    TD_SHELL_EXEC = 0, /* W */
};

/* begin, each word, end. The device joins the words with single spaces. */
void td_shell_exec_put_begin(struct td_cbor_writer *w);
void td_shell_exec_put(struct td_cbor_writer *w, struct td_cbor_text word);
void td_shell_exec_put_end(struct td_cbor_writer *w);

struct td_shell_exec {
    struct td_cbor_reader reader;
    struct td_cbor_walk walk;
};

/* TD_EFORMAT also when the request has no words' list. */
enum td_err td_shell_exec_get_begin(const uint8_t *payload, size_t len, struct td_shell_exec *exec);
enum td_err td_shell_exec_get(struct td_shell_exec *exec, struct td_cbor_text *word, bool *end);

struct td_shell_exec_rsp {
    bool has_output, has_ret;
    struct td_cbor_text output; /* cut to what the device could keep */
    int32_t ret;                /* of the command; negative ones are errors of errno */
    bool as_rc; /* old devices give ret under "rc", which is no error of the protocol then */
};

/*
 * Reading takes "rc" for ret where there is an output and no "ret". Such an answer is not to be
 * shown to td_smp_status_decode first: it takes the command's failure for the request's.
 */
void td_shell_exec_rsp_put(struct td_cbor_writer *w, const struct td_shell_exec_rsp *rsp);
enum td_err td_shell_exec_rsp_get(const uint8_t *payload, size_t len,
                                  struct td_shell_exec_rsp *rsp);

#endif
