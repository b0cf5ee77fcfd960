/*
 * tools/sim_links.c - one poll loop over all ends of a virtual device.
 *
 * A device has as many buffers as its profile says. Datagrams that come faster than they are
 * handled are taken off the socket up to that number; the rest are lost, as on the device.
 */
#include "tools/sim_links.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tools/sim_line.h"

#define ENDS_MAX    16
#define PEERS_MAX   16
#define BUFFERS_MAX 64
#define QUEUE_CAP   65536
#define TYPED_MAX   128
#define PATH_CAP    TD_SIM_PLACE_MAX

/* What one datagram carries over an Ethernet path without being cut up. */
#define UDP4_MAX 1472
#define UDP6_MAX 1452

enum end_kind { END_NONE, END_UDP, END_PTY, END_LISTEN, END_TCP };

/* Somebody who has sent a datagram. */
struct peer {
    struct td_server_link link;
    struct sockaddr_storage addr;
    socklen_t addr_len; /* 0: this place is free */
    uint64_t used;      /* larger: more recently */
};

struct end {
    struct td_sim_links *links;
    enum end_kind kind;
    int fd;
    char url[PATH_CAP + 32];
    struct td_sim_place place;
    struct peer *peers; /* UDP: PEERS_MAX of them */
    /* serial lines */
    struct td_server_link link;
    struct td_sim_line line;
    char typed[TYPED_MAX]; /* on the console, since the last line end */
    size_t n_typed;
    uint8_t *queue; /* QUEUE_CAP bytes on their way out */
    size_t queued;
    int slave;
    char path[PATH_CAP];
};

struct td_sim_links {
    struct td_sim_link_hooks hooks;
    size_t buf_size;
    uint8_t buf_count;
    struct end end[ENDS_MAX];
    uint64_t clock; /* counts datagrams, for peer.used */
    uint8_t *packets;
};

struct td_sim_links *td_sim_links_new(const struct td_sim_link_hooks *hooks, uint16_t buf_size,
                                      uint8_t buf_count)
{
    struct td_sim_links *links = calloc(1, sizeof *links);

    if (links == NULL)
        return NULL;
    links->hooks = *hooks;
    links->buf_size = buf_size;
    links->buf_count = buf_count < BUFFERS_MAX ? buf_count : BUFFERS_MAX;
    links->packets = malloc((size_t)buf_size * links->buf_count);
    if (links->packets == NULL) {
        free(links);
        return NULL;
    }
    for (unsigned i = 0; i < ENDS_MAX; i++) {
        links->end[i].links = links;
        links->end[i].fd = -1;
        links->end[i].slave = -1;
    }
    return links;
}

static void close_end(struct end *e)
{
    char target[PATH_CAP];
    const char *slave = e->slave >= 0 ? ttyname(e->slave) : NULL;
    ssize_t n = e->path[0] == '\0' ? -1 : readlink(e->path, target, sizeof target - 1);

    // Only the link that we made: somebody else may have put another one there since.
    if (n > 0 && slave != NULL) {
        target[n] = '\0';
        if (strcmp(target, slave) == 0)
            (void)unlink(e->path);
    }
    if (e->slave >= 0)
        close(e->slave);
    if (e->fd >= 0)
        close(e->fd);
    free(e->peers);
    td_sim_line_end(&e->line);
    free(e->queue);
    *e = (struct end){ .links = e->links, .fd = -1, .slave = -1 };
}

void td_sim_links_free(struct td_sim_links *links)
{
    if (links == NULL)
        return;
    for (unsigned i = 0; i < ENDS_MAX; i++)
        close_end(&links->end[i]);
    free(links->packets);
    free(links);
}

static struct end *free_end(struct td_sim_links *links)
{
    for (unsigned i = 0; i < ENDS_MAX; i++) {
        if (links->end[i].kind == END_NONE)
            return &links->end[i];
    }
    return NULL;
}

static bool set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* ---- where to listen ------------------------------------------------------------------- */

struct host_port {
    char host[PATH_CAP];
    char port[16];
    bool v6; /* the host stood in brackets */
};

/* "HOST:PORT" or "[HOST]:PORT" into its halves. */
static bool split(const char *where, struct host_port *hp)
{
    const char *colon = strrchr(where, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - where);

    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) >= sizeof hp->port)
        return false;
    hp->v6 = len >= 2 && where[0] == '[' && where[len - 1] == ']';
    if (hp->v6) {
        where++;
        len -= 2;
    }
    if (len >= sizeof hp->host || (!hp->v6 && memchr(where, ':', len) != NULL))
        return false;
    (void)snprintf(hp->host, sizeof hp->host, "%.*s", (int)len, where);
    (void)snprintf(hp->port, sizeof hp->port, "%s", colon + 1);
    return true;
}

static int bound_port(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    char port[16];

    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0 ||
        getnameinfo((struct sockaddr *)&addr, len, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0)
        return 0;
    return (int)strtol(port, NULL, 10);
}

static int bind_first(const struct addrinfo *found, int *family)
{
    int fd = -1;
    int one = 1;

    for (; found != NULL && fd < 0; found = found->ai_next) {
        fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
        if (fd < 0)
            continue;
        if (found->ai_socktype == SOCK_STREAM)
            (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        *family = found->ai_family;
        if (!set_flags(fd) || bind(fd, found->ai_addr, found->ai_addrlen) != 0) {
            int err = errno;

            close(fd);
            fd = -1;
            errno = err;
        }
    }
    return fd;
}

/* Binds a socket and fills in the end's URL. */
static struct end *add_socket(struct td_sim_links *links, const char *text, const char *scheme,
                              int type, int *family, struct td_desk_fault *fault)
{
    struct td_sim_place place;
    const char *where = place.where;
    struct host_port hp;
    struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_PASSIVE };
    struct addrinfo *found;
    struct end *e = free_end(links);
    int err;

    if (!td_sim_place_read(text, type == SOCK_STREAM, &place, fault))
        return NULL;
    if (e == NULL) {
        td_desk_fail(fault, where, "leave some out", "these are more links than a device has");
        return NULL;
    }
    if (!split(where, &hp)) {
        td_desk_fail(fault, where, "as in 127.0.0.1:1337 or [::1]:1337", "this is not HOST:PORT");
        return NULL;
    }
    err = getaddrinfo(hp.host[0] == '\0' ? NULL : hp.host, hp.port, &hints, &found);
    if (err != 0) {
        td_desk_fail(fault, where, "give an address of this machine", "no such address: %s",
                     gai_strerror(err));
        return NULL;
    }
    e->fd = bind_first(found, family);
    freeaddrinfo(found);
    if (e->fd < 0) {
        td_desk_fail(fault, where, "give another port; 0 lets the system choose",
                     "cannot listen there: %s", strerror(errno));
        return NULL;
    }
    (void)snprintf(e->url, sizeof e->url, hp.v6 ? "%s:[%s]:%d%s" : "%s:%s:%d%s", scheme,
                   hp.host[0] == '\0' ? "127.0.0.1" : hp.host, bound_port(e->fd),
                   td_sim_framing_option(place.framing));
    e->place = place;
    return e;
}

static struct td_server_link link_of(struct end *e, size_t max_reply)
{
    return (struct td_server_link){
        .authenticated = e->place.trust == TD_SIM_AUTHENTICATED,
        .encrypted = e->place.trust != TD_SIM_NO_TRUST,
        .max_reply = max_reply,
        .ctx = e,
    };
}

bool td_sim_links_add_udp(struct td_sim_links *links, const char *where,
                          struct td_desk_fault *fault)
{
    int family = AF_INET;
    struct end *e = add_socket(links, where, "udp", SOCK_DGRAM, &family, fault);

    if (e == NULL)
        return false;
    e->peers = calloc(PEERS_MAX, sizeof *e->peers);
    if (e->peers == NULL) {
        close_end(e);
        return td_desk_fail(fault, where, "free some memory", "out of memory");
    }
    for (unsigned i = 0; i < PEERS_MAX; i++)
        e->peers[i].link = link_of(e, family == AF_INET6 ? UDP6_MAX : UDP4_MAX);
    e->kind = END_UDP;
    return true;
}

bool td_sim_links_add_tcp(struct td_sim_links *links, const char *where,
                          struct td_desk_fault *fault)
{
    int family;
    struct end *e = add_socket(links, where, "tcp", SOCK_STREAM, &family, fault);

    if (e == NULL)
        return false;
    if (listen(e->fd, 4) != 0) {
        close_end(e);
        return td_desk_fail(fault, where, "give another port", "cannot listen there: %s",
                            strerror(errno));
    }
    e->kind = END_LISTEN;
    return true;
}

/* Makes an end a serial line over e->fd. */
static bool begin_serial(struct end *e, enum end_kind kind)
{
    e->queue = malloc(QUEUE_CAP);
    if (e->queue == NULL || !td_sim_line_begin(&e->line, e->place.framing, e->links->buf_size))
        return false;
    e->link = link_of(e, e->line.cap);
    e->kind = kind;
    return true;
}

bool td_sim_links_add_pty(struct td_sim_links *links, const char *text, struct td_desk_fault *fault)
{
    struct end *e = free_end(links);
    struct td_sim_place place;
    const char *path = place.where;
    struct termios raw;
    struct stat st;

    if (!td_sim_place_read(text, true, &place, fault))
        return false;
    if (e == NULL)
        return td_desk_fail(fault, path, "leave some out",
                            "these are more links than a device has");
    e->place = place;
    if (lstat(path, &st) == 0 && !S_ISLNK(st.st_mode))
        return td_desk_fail(fault, path, "give a path where nothing is yet",
                            "something that is no link is there already");
    memset(&raw, 0, sizeof raw);
    cfmakeraw(&raw);
    cfsetspeed(&raw, B115200);
    raw.c_cflag |= CREAD | CLOCAL;
    // We keep the slave open, or the master would fail as soon as a client closes it.
    if (openpty(&e->fd, &e->slave, NULL, &raw, NULL) != 0)
        return td_desk_fail(fault, path, "leave --pty out", "there is no pty to be had: %s",
                            strerror(errno));
    (void)unlink(path);
    if (!set_flags(e->fd) || fcntl(e->slave, F_SETFD, FD_CLOEXEC) != 0 ||
        symlink(ttyname(e->slave), path) != 0 || !begin_serial(e, END_PTY)) {
        td_desk_fail(fault, path, "give a path in a folder that can be written to",
                     "the link to the pty cannot be made: %s", strerror(errno));
        close_end(e);
        return false;
    }
    (void)snprintf(e->path, sizeof e->path, "%s", path);
    (void)snprintf(e->url, sizeof e->url, "serial:%s%s", path,
                   td_sim_framing_option(place.framing));
    return true;
}

/* ---- out ------------------------------------------------------------------------------- */

static void pass_time(struct td_sim_links *links, size_t serial_bytes)
{
    if (links->hooks.busy != NULL)
        links->hooks.busy(links->hooks.ctx, (uint64_t)serial_bytes * 10000000u / TD_SIM_BAUD);
}

static void flush(struct end *e)
{
    ssize_t n = write(e->fd, e->queue, e->queued);

    if (n <= 0)
        return;
    e->queued -= (size_t)n;
    memmove(e->queue, e->queue + n, e->queued);
}

static void put(void *ctx, const void *bytes, size_t len)
{
    struct end *e = ctx;

    if (len > QUEUE_CAP - e->queued) {
        // Nobody reads: all that was said is lost, and the next reader begins afresh.
        if (e->kind == END_PTY)
            (void)tcflush(e->slave, TCIFLUSH);
        e->queued = 0;
    }
    memcpy(e->queue + e->queued, bytes, len);
    e->queued += len;
    flush(e);
    pass_time(e->links, len);
}

static bool is_serial(const struct end *e)
{
    return e->kind == END_PTY || e->kind == END_TCP;
}

static const struct peer *peer_of(const struct end *e, const struct td_server_link *link)
{
    for (unsigned i = 0; i < PEERS_MAX; i++) {
        if (&e->peers[i].link == link)
            return &e->peers[i];
    }
    return NULL;
}

void td_sim_links_send(struct td_sim_links *links, const struct td_server_link *link,
                       const uint8_t *packet, size_t len)
{
    struct end *e = link->ctx;
    const struct peer *peer = e->kind == END_UDP ? peer_of(e, link) : NULL;

    (void)links;
    if (peer != NULL)
        (void)sendto(e->fd, packet, len, 0, (const struct sockaddr *)&peer->addr, peer->addr_len);
    else if (is_serial(e))
        td_sim_line_frame(e->line.framing, packet, len, put, e);
}

void td_sim_links_write(struct td_sim_links *links, const struct td_server_link *link,
                        const uint8_t *bytes, size_t len)
{
    struct end *e = link->ctx;

    (void)links;
    if (is_serial(e))
        put(e, bytes, len);
}

void td_sim_links_print(struct td_sim_links *links, const char *line)
{
    for (unsigned i = 0; i < ENDS_MAX; i++) {
        struct end *e = &links->end[i];

        // On a line that carries packets alone there is no console.
        if (!is_serial(e) || e->line.framing != TD_RECOVERY_CONSOLE)
            continue;
        put(e, line, strlen(line));
        put(e, "\r\n", 2);
    }
}

/* ---- in -------------------------------------------------------------------------------- */

static struct peer *peer_at(struct end *e, const struct sockaddr_storage *addr, socklen_t len)
{
    struct peer *oldest = &e->peers[0];

    for (unsigned i = 0; i < PEERS_MAX; i++) {
        struct peer *p = &e->peers[i];

        if (p->addr_len == len && memcmp(&p->addr, addr, len) == 0)
            return p;
        if (p->used < oldest->used)
            oldest = p;
    }
    if (oldest->addr_len != 0)
        e->links->hooks.down(e->links->hooks.ctx, &oldest->link);
    memcpy(&oldest->addr, addr, len);
    oldest->addr_len = len;
    return oldest;
}

/* Reads one datagram of at most buf_size bytes; 0 when there is none, or it is too long. */
static ssize_t read_datagram(struct end *e, uint8_t *buf, struct peer **peer)
{
    struct sockaddr_storage addr;
    struct iovec iov = { .iov_base = buf, .iov_len = e->links->buf_size };
    struct msghdr msg = {
        .msg_name = &addr,
        .msg_namelen = sizeof addr,
        .msg_iov = &iov,
        .msg_iovlen = 1,
    };
    ssize_t n;

    memset(&addr, 0, sizeof addr);
    n = recvmsg(e->fd, &msg, 0);
    if (n < 0)
        return -1;
    if ((msg.msg_flags & MSG_TRUNC) != 0)
        return 0;
    *peer = peer_at(e, &addr, msg.msg_namelen);
    (*peer)->used = ++e->links->clock;
    return n;
}

static void drain_udp(struct end *e)
{
    uint8_t byte;

    while (recv(e->fd, &byte, 1, 0) >= 0)
        continue;
}

static void read_udp(struct end *e)
{
    struct td_sim_links *links = e->links;
    struct peer *from[BUFFERS_MAX];
    size_t len[BUFFERS_MAX];
    unsigned n = 0;
    ssize_t got = 0;

    while (n < links->buf_count && got >= 0) {
        got = read_datagram(e, links->packets + n * links->buf_size, &from[n]);
        if (got > 0)
            len[n++] = (size_t)got;
    }
    // Only what found all buffers taken is lost, and not what came after the last look.
    if (n == links->buf_count)
        drain_udp(e);
    for (unsigned i = 0; i < n; i++)
        links->hooks.packet(links->hooks.ctx, &from[i]->link, links->packets + i * links->buf_size,
                            len[i]);
}

static void hang_up(struct end *e)
{
    e->links->hooks.down(e->links->hooks.ctx, &e->link);
    close_end(e);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* A byte between the packets: somebody types, and sees it. Line ends alone are nothing. */
static void take_typed(struct end *e, uint8_t byte)
{
    const struct td_sim_link_hooks *hooks = &e->links->hooks;
    const size_t n = e->n_typed;

    if (byte >= ' ' && byte < 0x7f && n < TYPED_MAX) {
        e->typed[e->n_typed++] = (char)byte;
        put(e, &byte, 1);
    } else if (byte == 0x7f && n > 0) {
        e->n_typed--;
        put(e, "\b \b", 3);
    } else if ((byte == '\r' || byte == '\n') && n > 0) {
        e->n_typed = 0;
        put(e, "\r\n", 2);
        hooks->typed(hooks->ctx, &e->link, e->typed, n);
    }
}

static void take_byte(struct end *e, uint64_t ms, uint8_t byte)
{
    switch (td_sim_line_byte(&e->line, ms, byte)) {
    case TD_SIM_LINE_PACKET:
        e->n_typed = 0;
        e->links->hooks.packet(e->links->hooks.ctx, &e->link, e->line.bytes, e->line.len);
        break;
    case TD_SIM_LINE_TEXT:
        if (e->links->hooks.typed != NULL)
            take_typed(e, byte);
        break;
    case TD_SIM_LINE_NOTHING: break;
    }
}

static void read_serial(struct end *e)
{
    const uint64_t ms = now_ms();
    uint8_t buf[512];
    ssize_t n = read(e->fd, buf, sizeof buf);

    if (n < 0 && (errno == EAGAIN || errno == EINTR || e->kind == END_PTY))
        return;
    if (n <= 0) {
        hang_up(e);
        return;
    }
    pass_time(e->links, (size_t)n);
    if (e->links->hooks.bytes != NULL &&
        e->links->hooks.bytes(e->links->hooks.ctx, &e->link, buf, (size_t)n))
        return;
    for (ssize_t i = 0; i < n; i++)
        take_byte(e, ms, buf[i]);
}

static void accept_tcp(struct end *listener)
{
    int fd = accept(listener->fd, NULL, NULL);
    struct end *e = free_end(listener->links);

    if (fd < 0)
        return;
    if (e == NULL || !set_flags(fd)) {
        close(fd);
        return;
    }
    e->fd = fd;
    e->place = listener->place;
    if (!begin_serial(e, END_TCP))
        close_end(e);
}

static void read_end(struct end *e)
{
    switch (e->kind) {
    case END_NONE: break;
    case END_UDP: read_udp(e); break;
    case END_PTY:
    case END_TCP: read_serial(e); break;
    case END_LISTEN: accept_tcp(e); break;
    }
}

void td_sim_links_wait(struct td_sim_links *links, int timeout_ms, bool listen)
{
    struct pollfd fds[ENDS_MAX];
    const struct timespec limit = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = (long)(timeout_ms % 1000) * 1000000,
    };
    sigset_t none;

    sigemptyset(&none);
    for (unsigned i = 0; i < ENDS_MAX; i++) {
        struct end *e = &links->end[i];
        short in = listen || e->kind == END_LISTEN ? POLLIN : 0;
        short out = is_serial(e) && e->queued > 0 ? POLLOUT : 0;

        fds[i] = (struct pollfd){ .fd = e->fd, .events = (short)(in | out) };
    }
    if (ppoll(fds, ENDS_MAX, timeout_ms < 0 ? NULL : &limit, &none) <= 0)
        return;
    for (unsigned i = 0; i < ENDS_MAX; i++) {
        if ((fds[i].revents & POLLOUT) != 0)
            flush(&links->end[i]);
        if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && fds[i].fd == links->end[i].fd)
            read_end(&links->end[i]);
    }
}

static void forget_serial(struct end *e)
{
    uint8_t buf[512];

    while (read(e->fd, buf, sizeof buf) > 0)
        continue;
    td_sim_line_forget(&e->line);
}

void td_sim_links_forget(struct td_sim_links *links)
{
    for (unsigned i = 0; i < ENDS_MAX; i++) {
        struct end *e = &links->end[i];

        if (is_serial(e))
            forget_serial(e);
        else if (e->kind == END_UDP)
            drain_udp(e);
    }
}

void td_sim_links_urls(const struct td_sim_links *links, bool serial, char *out, size_t cap)
{
    size_t len = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < ENDS_MAX && len < cap; i++) {
        const struct end *e = &links->end[i];

        if (e->url[0] != '\0' && (!serial || e->kind != END_UDP))
            len += (size_t)snprintf(out + len, cap - len, " %s", e->url);
    }
}
