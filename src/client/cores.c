/* client/cores.c - the room's conversations under the names that a driver calls. */
#include "client/cores.h"

#include "client/requests.h"
#include "client/update.h"
#include "client/upload.h"

static size_t call_send(void *state, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    return td_call_send(state, now_ms, buf, cap);
}

static void call_receive(void *state, uint64_t now_ms, const uint8_t *packet, size_t len)
{
    td_call_receive(state, now_ms, packet, len);
}

static void call_link(void *state, uint64_t now_ms, bool up)
{
    (void)now_ms;
    td_call_link(state, up);
}

static uint64_t call_wake_ms(void *state)
{
    return td_call_wake_ms(state);
}

static bool call_done(void *state)
{
    return ((const struct td_call *)state)->done;
}

const struct td_core td_call_core = {
    .send = call_send,
    .receive = call_receive,
    .link = call_link,
    .wake_ms = call_wake_ms,
    .done = call_done,
};

static size_t upload_send(void *state, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    return td_upload_send(state, now_ms, buf, cap);
}

static void upload_receive(void *state, uint64_t now_ms, const uint8_t *packet, size_t len)
{
    td_upload_receive(state, now_ms, packet, len);
}

static void upload_link(void *state, uint64_t now_ms, bool up)
{
    td_upload_link(state, up, now_ms);
}

static uint64_t upload_wake_ms(void *state)
{
    return td_upload_wake_ms(state);
}

static bool upload_done(void *state)
{
    return td_upload_done(state);
}

const struct td_core td_upload_core = {
    .send = upload_send,
    .receive = upload_receive,
    .link = upload_link,
    .wake_ms = upload_wake_ms,
    .done = upload_done,
};

static size_t update_send(void *state, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    return td_update_send(state, now_ms, buf, cap);
}

static void update_receive(void *state, uint64_t now_ms, const uint8_t *packet, size_t len)
{
    td_update_receive(state, now_ms, packet, len);
}

static void update_link(void *state, uint64_t now_ms, bool up)
{
    td_update_link(state, now_ms, up);
}

static uint64_t update_wake_ms(void *state)
{
    return td_update_wake_ms(state);
}

static bool update_done(void *state)
{
    return td_update_done(state);
}

static void update_interrupt(void *state, uint64_t now_ms)
{
    td_update_interrupt(state, now_ms);
}

const struct td_core td_update_core = {
    .send = update_send,
    .receive = update_receive,
    .link = update_link,
    .wake_ms = update_wake_ms,
    .done = update_done,
    .interrupt = update_interrupt,
};
