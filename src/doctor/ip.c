/* doctor/ip.c - see ip.h. Fragments of IP are not put together: SMP's packets fit. */
#include "doctor/ip.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "smp/console.h"

#define PORT_SMP   1337
#define PACKET_MAX 65535u
#define STREAMS    8

enum { IP_TCP = 6, IP_UDP = 17 };

/* One direction of a TCP connection. */
struct stream {
    bool used;
    uint32_t ports; /* source and destination */
    uint32_t next;  /* sequence number */
    struct td_console_in console;
    uint8_t *packet;
    unsigned age;
};

struct td_ip {
    struct td_frames *frames;
    struct stream stream[STREAMS];
    unsigned age;
};

struct td_ip *td_ip_new(struct td_frames *frames)
{
    struct td_ip *ip = calloc(1, sizeof *ip);

    if (ip)
        ip->frames = frames;
    return ip;
}

void td_ip_free(struct td_ip *ip)
{
    if (!ip)
        return;
    for (unsigned i = 0; i < STREAMS; i++)
        free(ip->stream[i].packet);
    free(ip);
}

static void take_udp(struct td_ip *ip, const uint8_t *p, size_t len, const struct td_origin *origin)
{
    uint16_t from, to;
    size_t n;
    enum td_direction dir;

    if (len < 8)
        return;
    from = td_load_be16(p);
    to = td_load_be16(p + 2);
    n = td_load_be16(p + 4);
    if (n < 8)
        return;
    if (n > len)
        n = len;
    dir = to == PORT_SMP ? TD_TO_DEVICE : from == PORT_SMP ? TD_FROM_DEVICE : TD_DIR_UNKNOWN;
    // A datagram holds a packet from its beginning, so nothing is waited for.
    td_frames_piece(ip->frames, dir == TD_FROM_DEVICE ? TD_DRESS_CAPTURE_BACK : TD_DRESS_CAPTURE,
                    dir, p + 8, n - 8, dir != TD_DIR_UNKNOWN, origin);
}

static struct stream *stream_of(struct td_ip *ip, uint32_t ports)
{
    struct stream *oldest = &ip->stream[0];

    for (unsigned i = 0; i < STREAMS; i++) {
        struct stream *s = &ip->stream[i];

        if (s->used && s->ports == ports) {
            s->age = ++ip->age;
            return s;
        }
        if (!s->used || (oldest->used && s->age < oldest->age))
            oldest = s;
    }
    if (!oldest->packet)
        oldest->packet = malloc(PACKET_MAX);
    if (!oldest->packet)
        return NULL;
    td_console_in_init(&oldest->console, oldest->packet, PACKET_MAX);
    oldest->used = true;
    oldest->ports = ports;
    oldest->next = 0;
    oldest->age = ++ip->age;
    return oldest;
}

static void take_stream(struct td_ip *ip, struct stream *s, const uint8_t *p, size_t len,
                        const struct td_origin *origin)
{
    for (size_t i = 0; i < len; i++) {
        enum td_console_event event = td_console_in_byte(&s->console, p[i]);

        if (event == TD_CONSOLE_PACKET)
            td_frames_piece(ip->frames, TD_DRESS_CONSOLE, TD_DIR_UNKNOWN, s->packet, s->console.len,
                            true, origin);
        else if (event == TD_CONSOLE_DROPPED)
            td_frames_garbage(ip->frames, origin);
    }
}

static void take_tcp(struct td_ip *ip, const uint8_t *p, size_t len, const struct td_origin *origin)
{
    struct stream *s;
    uint32_t seq;
    size_t head;

    if (len < 20)
        return;
    head = (size_t)(p[12] >> 4) * 4;
    if (head < 20 || head >= len)
        return;
    s = stream_of(ip, td_load_be32(p));
    if (!s)
        return;
    seq = td_load_be32(p + 4);
    len -= head;
    p += head;
    // What was sent again is known already.
    if (s->next != 0 && (int32_t)(seq + (uint32_t)len - s->next) <= 0)
        return;
    s->next = seq + (uint32_t)len;
    take_stream(ip, s, p, len, origin);
}

static void take_payload(struct td_ip *ip, unsigned protocol, const uint8_t *p, size_t len,
                         const struct td_origin *origin)
{
    if (protocol == IP_UDP)
        take_udp(ip, p, len, origin);
    else if (protocol == IP_TCP)
        take_tcp(ip, p, len, origin);
}

void td_ip_packet(struct td_ip *ip, const uint8_t *p, size_t len, const struct td_origin *origin)
{
    size_t head, n;

    if (len < 20)
        return;
    if (p[0] >> 4 == 4) {
        head = (size_t)(p[0] & 15) * 4;
        n = td_load_be16(p + 2);
        if (n > len || n == 0) // 0: the network card cuts it later
            n = len;
        if (head < 20 || head > n || (td_load_be16(p + 6) & 0x1fff) != 0)
            return;
        take_payload(ip, p[9], p + head, n - head, origin);
    } else if (p[0] >> 4 == 6 && len >= 40) {
        n = td_load_be16(p + 4);
        if (n == 0 || n > len - 40)
            n = len - 40;
        take_payload(ip, p[6], p + 40, n, origin);
    }
}
