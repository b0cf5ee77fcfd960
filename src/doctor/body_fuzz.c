/*
 * doctor/body_fuzz.c - any bytes where a message's CBOR should be, and back.
 *
 * What was read as JSON and can be written, reads the same again; and it can be said.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/body.h"
#include "doctor/say.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool truth)
{
    if (!truth)
        abort();
}

/* As a message of the group, command and operation that the first bytes choose. */
static void say(const uint8_t *data, json_t *body)
{
    struct td_message m = { .hdr = { .op = data[0] & 7, .group = data[1], .id = data[2] & 7 },
                            .body = body };
    struct td_smp_status status;
    char text[200];

    check(td_say_body(&m, text, sizeof text) == strlen(text));
    if (td_say_status(&m, &status))
        check(td_say_error(&status, text, sizeof text) == strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t written[1 << 16];
    json_t *body, *again;
    size_t len = 0;

    if (size < 3)
        return 0;
    body = td_body_read(data + 3, size - 3);
    if (!body)
        return 0;
    say(data, body);
    if (td_body_write(body, written, sizeof written, &len) == TD_OK) {
        again = td_body_read(written, len);
        check(again != NULL && json_equal(body, again));
        json_decref(again);
    }
    json_decref(body);
    return 0;
}
