/* doctor/hci.c - see hci.h: ACL fragments to L2CAP to ATT, and the events of connections. */
#include "doctor/hci.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define CONNS     16
#define L2CAP_MAX 65539u /* header and payload */
#define CID_ATT   4

enum att {
    ATT_MTU_REQ = 0x02,
    ATT_MTU_RSP = 0x03,
    ATT_READ_BY_TYPE_RSP = 0x09,
    ATT_WRITE_REQ = 0x12,
    ATT_PREPARE_WRITE = 0x16,
    ATT_NOTIFY = 0x1b,
    ATT_INDICATE = 0x1d,
    ATT_WRITE_CMD = 0x52,
};

/* One direction's L2CAP packet under way. */
struct assembly {
    uint8_t *bytes;
    size_t len, size;
};

struct conn {
    bool used;
    uint16_t handle;
    bool smp;            /* SMP was seen on it: its events are given out */
    uint16_t smp_handle; /* of the characteristic's value; 0: not known yet */
    bool sure;           /* by discovery, not by what was written to it */
    uint16_t client_mtu;
    bool has_up, has_params, has_mtu;
    struct td_link_event up, params, mtu;
    struct td_origin up_at, params_at, mtu_at;
    struct assembly assembly[2]; /* by direction: sent, received */
    unsigned age;
};

struct td_hci {
    struct td_frames *frames;
    struct conn conn[CONNS];
    unsigned age;
};

struct td_hci *td_hci_new(struct td_frames *frames)
{
    struct td_hci *h = calloc(1, sizeof *h);

    if (h)
        h->frames = frames;
    return h;
}

static void clear(struct conn *c)
{
    free(c->assembly[0].bytes);
    free(c->assembly[1].bytes);
    *c = (struct conn){ .used = false };
}

void td_hci_free(struct td_hci *h)
{
    if (!h)
        return;
    for (unsigned i = 0; i < CONNS; i++)
        clear(&h->conn[i]);
    free(h);
}

/* The connection of that handle; a capture may begin in the middle of one. */
static struct conn *conn_of(struct td_hci *h, uint16_t handle)
{
    struct conn *oldest = &h->conn[0];

    for (unsigned i = 0; i < CONNS; i++) {
        struct conn *c = &h->conn[i];

        if (c->used && c->handle == handle) {
            c->age = ++h->age;
            return c;
        }
        if (!c->used || (oldest->used && c->age < oldest->age))
            oldest = c;
    }
    clear(oldest);
    oldest->used = true;
    oldest->handle = handle;
    oldest->age = ++h->age;
    return oldest;
}

/* ---- the link ------------------------------------------------------------------------ */

static void give_link(struct td_hci *h, struct conn *c)
{
    if (!c->smp)
        return;
    if (c->has_up)
        td_frames_link(h->frames, &c->up, &c->up_at);
    if (c->has_params)
        td_frames_link(h->frames, &c->params, &c->params_at);
    if (c->has_mtu)
        td_frames_link(h->frames, &c->mtu, &c->mtu_at);
    c->has_up = c->has_params = c->has_mtu = false;
}

static void is_smp(struct td_hci *h, struct conn *c)
{
    c->smp = true;
    give_link(h, c);
}

static struct td_origin kept(const struct td_origin *origin)
{
    return (struct td_origin){ .at = origin->at, .time_us = origin->time_us };
}

/* Interval, latency and time-out as they stand in several events. */
static void take_params(struct td_hci *h, struct conn *c, const uint8_t *p,
                        const struct td_origin *origin)
{
    c->params = (struct td_link_event){ .what = TD_LINK_PARAMS,
                                        .status = -1,
                                        .interval_us = td_load_le16(p) * 1250u,
                                        .latency = td_load_le16(p + 2),
                                        .timeout_ms = td_load_le16(p + 4) * 10u };
    c->params_at = kept(origin);
    c->has_params = true;
    give_link(h, c);
}

/* LE connection complete, in its two forms: where the parameters stand differs. */
static void connected(struct td_hci *h, const uint8_t *p, size_t len, size_t params,
                      const struct td_origin *origin)
{
    struct conn *c;

    if (len < params + 6 || p[0] != 0)
        return;
    c = conn_of(h, td_load_le16(p + 1) & 0xfff);
    clear(c);
    c->used = true;
    c->handle = td_load_le16(p + 1) & 0xfff;
    c->up = (struct td_link_event){ .what = TD_LINK_UP, .status = 0 };
    c->up_at = kept(origin);
    c->has_up = true;
    take_params(h, c, p + params, origin);
}

static void disconnected(struct td_hci *h, const uint8_t *p, size_t len,
                         const struct td_origin *origin)
{
    struct td_link_event down = { .what = TD_LINK_DOWN };
    struct conn *c;

    if (len < 4 || p[0] != 0)
        return;
    c = conn_of(h, td_load_le16(p + 1) & 0xfff);
    down.status = p[3];
    if (c->smp)
        td_frames_link(h->frames, &down, origin);
    clear(c);
}

static void take_event(struct td_hci *h, const uint8_t *p, size_t len,
                       const struct td_origin *origin)
{
    size_t n;

    if (len < 2)
        return;
    n = p[1] < len - 2 ? p[1] : len - 2;
    if (p[0] == 0x05) {
        disconnected(h, p + 2, n, origin);
        return;
    }
    if (p[0] != 0x3e || n < 1)
        return;
    p += 3;
    n--;
    // LE meta events; the parameters of each begin with the status
    if (p[-1] == 0x01)
        connected(h, p, n, 11, origin);
    else if (p[-1] == 0x0a || p[-1] == 0x29)
        connected(h, p, n, 23, origin);
    else if (p[-1] == 0x03 && n >= 9 && p[0] == 0)
        take_params(h, conn_of(h, td_load_le16(p + 1) & 0xfff), p + 3, origin);
}

/* ---- ATT ----------------------------------------------------------------------------- */

/* DA2E7828-FBCE-4E01-AE9E-261174997C48 as it goes over the air. */
static const uint8_t smp_uuid[16] = { 0x48, 0x7c, 0x99, 0x74, 0x11, 0x26, 0x9e, 0xae,
                                      0x01, 0x4e, 0xce, 0xfb, 0x28, 0x78, 0x2e, 0xda };

/* Characteristic declarations: handle, properties, value's handle, UUID. */
static void discovered(struct td_hci *h, struct conn *c, const uint8_t *p, size_t len)
{
    size_t each = p[0];

    if (each != 21)
        return;
    for (p++, len--; len >= each; p += each, len -= each) {
        if (memcmp(p + 5, smp_uuid, sizeof smp_uuid) != 0)
            continue;
        c->smp_handle = td_load_le16(p + 3);
        c->sure = true;
        is_smp(h, c);
    }
}

static void value(struct td_hci *h, struct conn *c, enum td_direction dir, uint16_t handle,
                  const uint8_t *p, size_t len, const struct td_origin *origin)
{
    enum td_dress dress = dir == TD_TO_DEVICE ? TD_DRESS_CAPTURE : TD_DRESS_CAPTURE_BACK;
    struct td_smp_header hdr;
    size_t size;

    if (len == 0 || (c->smp_handle != 0 && c->smp_handle != handle))
        return;
    if (c->smp_handle == 0) {
        // Discovery was not captured: the first thing that is a frame tells.
        enum td_frame_look look = td_frame_look(p, len, &hdr, &size);

        if (look == TD_FRAME_NONE || (look == TD_FRAME_BEGINS && len < 16))
            return;
        c->smp_handle = handle;
        is_smp(h, c);
    }
    td_frames_piece(h->frames, dress, dir, p, len, c->sure, origin);
}

static void take_mtu(struct td_hci *h, struct conn *c, uint16_t server,
                     const struct td_origin *origin)
{
    uint16_t mtu = c->client_mtu != 0 && c->client_mtu < server ? c->client_mtu : server;

    c->mtu = (struct td_link_event){ .what = TD_LINK_MTU, .status = -1, .value = mtu };
    c->mtu_at = kept(origin);
    c->has_mtu = true;
    give_link(h, c);
}

static void take_att(struct td_hci *h, struct conn *c, const uint8_t *p, size_t len,
                     const struct td_origin *origin)
{
    if (len < 3)
        return;
    switch (p[0]) {
    case ATT_MTU_REQ: c->client_mtu = td_load_le16(p + 1); break;
    case ATT_MTU_RSP: take_mtu(h, c, td_load_le16(p + 1), origin); break;
    case ATT_READ_BY_TYPE_RSP: discovered(h, c, p + 1, len - 1); break;
    case ATT_WRITE_REQ:
    case ATT_WRITE_CMD:
        value(h, c, TD_TO_DEVICE, td_load_le16(p + 1), p + 3, len - 3, origin);
        break;
    case ATT_PREPARE_WRITE:
        if (len > 5)
            value(h, c, TD_TO_DEVICE, td_load_le16(p + 1), p + 5, len - 5, origin);
        break;
    case ATT_NOTIFY:
    case ATT_INDICATE:
        value(h, c, TD_FROM_DEVICE, td_load_le16(p + 1), p + 3, len - 3, origin);
        break;
    default: break;
    }
}

/* ---- ACL and L2CAP ------------------------------------------------------------------- */

static void begin(struct assembly *a, const uint8_t *p, size_t len)
{
    a->len = 0;
    if (len < 4)
        return;
    a->size = 4 + (size_t)td_load_le16(p);
    if (len > a->size)
        len = a->size;
    if (!a->bytes)
        a->bytes = malloc(L2CAP_MAX);
    if (!a->bytes)
        return;
    memcpy(a->bytes, p, len);
    a->len = len;
}

static void go_on(struct assembly *a, const uint8_t *p, size_t len)
{
    if (a->len == 0)
        return;
    if (len > a->size - a->len)
        len = a->size - a->len;
    memcpy(a->bytes + a->len, p, len);
    a->len += len;
}

static void take_acl(struct td_hci *h, bool sent, const uint8_t *p, size_t len,
                     const struct td_origin *origin)
{
    struct conn *c;
    struct assembly *a;
    uint16_t head;
    size_t n;

    if (len < 4)
        return;
    head = td_load_le16(p);
    n = td_load_le16(p + 2);
    p += 4;
    len -= 4;
    if (n < len)
        len = n;
    c = conn_of(h, head & 0xfff);
    a = &c->assembly[sent ? 0 : 1];
    if ((head >> 12 & 3) == 1)
        go_on(a, p, len);
    else
        begin(a, p, len);
    if (a->len == 0 || a->len < a->size)
        return;
    if (td_load_le16(a->bytes + 2) == CID_ATT)
        take_att(h, c, a->bytes + 4, a->size - 4, origin);
    a->len = 0;
}

void td_hci_packet(struct td_hci *h, enum td_hci_kind kind, bool sent, const uint8_t *bytes,
                   size_t len, const struct td_origin *origin)
{
    switch (kind) {
    case TD_HCI_ACL: take_acl(h, sent, bytes, len, origin); break;
    case TD_HCI_EVENT: take_event(h, bytes, len, origin); break;
    case TD_HCI_COMMAND:
    case TD_HCI_SCO: break;
    }
}
