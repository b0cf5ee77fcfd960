/*
 * bench/wire.c - a link as slow as a real one, between a client and a virtual device.
 *
 *   wire udp HOST:PORT DEVICE-HOST:PORT US    every datagram takes US microseconds, either way
 *   wire serial PATH DEVICE-PATH BAUD         every byte takes ten bits' time, either way
 *
 * Says "ready" and works until it is ended. PATH becomes a link to a terminal. A line takes bytes
 * from its writer no sooner than it can pass them on, as a UART does: what waits is in the
 * terminal's own 4 KB. Time is kept by when bytes would have passed, not by when this process
 * woke up: a late wake is caught up with and does not add to the next one. A datagram's time runs
 * from when the kernel had it, and its end is waited for awake: asleep, a shared machine is 50 to
 * 100 us late, a tenth of the shortest link that is measured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MAX_DATAGRAM 2048
#define MAX_QUEUED   1024
#define NEVER        UINT64_MAX
#define US           UINT64_C(1000)
#define AWAKE        (150 * US) /* before a datagram is due */

static uint64_t ns_of(const struct timespec *at)
{
    return (uint64_t)at->tv_sec * 1000000000u + (uint64_t)at->tv_nsec;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return ns_of(&now);
}

static void wait_for(struct pollfd fds[2], uint64_t until)
{
    uint64_t now = now_ns(), ns = until > now ? until - now : 0;
    struct timespec wait = { .tv_sec = (time_t)(ns / 1000000000u),
                             .tv_nsec = (long)(ns % 1000000000u) };

    if (ppoll(fds, 2, until == NEVER ? NULL : &wait, NULL) < 0 && errno != EINTR) {
        perror("wire: poll");
        exit(1);
    }
}

/* ---- datagrams ----------------------------------------------------------------------- */

struct datagram {
    uint64_t due;
    size_t len;
    uint8_t bytes[MAX_DATAGRAM];
};

/* One direction: what was read and is not due yet. */
struct pipe_of {
    unsigned first, n;
    struct datagram at[MAX_QUEUED];
};

static struct sockaddr_in address_of(const char *text)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    const char *colon = strrchr(text, ':');
    char host[64] = "";

    if (colon == NULL || (size_t)(colon - text) >= sizeof host) {
        fprintf(stderr, "wire: HOST:PORT and not '%s'\n", text);
        exit(2);
    }
    memcpy(host, text, (size_t)(colon - text));
    at.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1) {
        fprintf(stderr, "wire: an address and not '%s'\n", host);
        exit(2);
    }
    return at;
}

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) {
        perror("wire: socket");
        exit(1);
    }
    return fd;
}

/* When the kernel had a datagram: it tells by the wall's clock. */
static uint64_t arrived_ns(struct msghdr *msg)
{
    struct cmsghdr *note = CMSG_FIRSTHDR(msg);
    uint64_t now = now_ns();
    struct timespec wall, stamp;

    if (note == NULL || note->cmsg_level != SOL_SOCKET || note->cmsg_type != SCM_TIMESTAMPNS)
        return now;
    clock_gettime(CLOCK_REALTIME, &wall);
    memcpy(&stamp, CMSG_DATA(note), sizeof stamp);
    // A wall clock that was set in between tells nothing.
    if (ns_of(&stamp) > ns_of(&wall) || ns_of(&wall) - ns_of(&stamp) > 1000000 * US)
        return now;
    return now - (ns_of(&wall) - ns_of(&stamp));
}

static bool take_one(int fd, struct pipe_of *pipe, uint64_t delay, struct sockaddr_in *from)
{
    struct datagram *d = &pipe->at[(pipe->first + pipe->n) % MAX_QUEUED];
    struct iovec into = { .iov_base = d->bytes, .iov_len = sizeof d->bytes };
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } note;
    struct msghdr msg = { .msg_name = from,
                          .msg_namelen = from != NULL ? sizeof *from : 0,
                          .msg_iov = &into,
                          .msg_iovlen = 1,
                          .msg_control = &note,
                          .msg_controllen = sizeof note };
    ssize_t len = recvmsg(fd, &msg, MSG_DONTWAIT);

    if (len < 0)
        return false;
    d->len = (size_t)len;
    d->due = arrived_ns(&msg) + delay;
    if (pipe->n < MAX_QUEUED - 1)
        pipe->n++;
    return true;
}

static void take(int fd, struct pipe_of *pipe, uint64_t delay, struct sockaddr_in *from)
{
    for (unsigned i = 0; i < MAX_QUEUED && take_one(fd, pipe, delay, from); i++)
        continue;
}

static uint64_t give(int fd, struct pipe_of *pipe, const struct sockaddr_in *to)
{
    while (pipe->n > 0 && pipe->at[pipe->first].due <= now_ns()) {
        struct datagram *d = &pipe->at[pipe->first];

        (void)sendto(fd, d->bytes, d->len, 0, (const struct sockaddr *)to,
                     to != NULL ? sizeof *to : 0);
        pipe->first = (pipe->first + 1) % MAX_QUEUED;
        pipe->n--;
    }
    return pipe->n > 0 ? pipe->at[pipe->first].due : NEVER;
}

static void pass_datagrams(const char *here, const char *device, uint64_t delay)
{
    static struct pipe_of there, back;
    struct sockaddr_in at = address_of(here), to = address_of(device), client = { 0 };
    int near = open_socket(), far = open_socket();
    struct pollfd fds[2] = { { .fd = near, .events = POLLIN }, { .fd = far, .events = POLLIN } };

    if (bind(near, (struct sockaddr *)&at, sizeof at) != 0 ||
        connect(far, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("wire");
        exit(1);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        uint64_t a = give(far, &there, NULL), b = give(near, &back, &client);
        uint64_t due = a < b ? a : b;

        wait_for(fds, due == NEVER ? NEVER : due - AWAKE);
        if (fds[0].revents != 0)
            take(near, &there, delay, &client);
        if (fds[1].revents != 0)
            take(far, &back, delay, NULL);
    }
}

/* ---- lines --------------------------------------------------------------------------- */

#define AT_ONCE 32 /* bytes that pass as one: 320 us at 1,000,000 baud */

struct line {
    int from, to;
    uint64_t byte_ns;
    uint64_t free_at; /* when the last byte has passed */
    size_t n;         /* bytes on their way, which arrive at free_at */
    uint8_t bytes[AT_ONCE];
};

static void line_read(struct line *line)
{
    uint64_t now = now_ns();
    ssize_t n = read(line->from, line->bytes, sizeof line->bytes);

    if (n <= 0)
        return;
    line->n = (size_t)n;
    // What had to wait for this process to wake up was ready when the line was.
    if (now - line->free_at > 1000 * US)
        line->free_at = now;
    line->free_at += (uint64_t)n * line->byte_ns;
}

static void line_write(struct line *line)
{
    if (line->n == 0 || now_ns() < line->free_at)
        return;
    if (write(line->to, line->bytes, line->n) < 0 && errno != EAGAIN)
        perror("wire: write");
    line->n = 0;
}

static int raw(int fd)
{
    struct termios mode;

    if (fd < 0 || tcgetattr(fd, &mode) != 0) {
        perror("wire: terminal");
        exit(1);
    }
    cfmakeraw(&mode);
    tcsetattr(fd, TCSANOW, &mode);
    return fd;
}

static void pass_bytes(const char *here, const char *device, uint64_t baud)
{
    int near = posix_openpt(O_RDWR | O_NOCTTY);
    int far = raw(open(device, O_RDWR | O_NOCTTY | O_NONBLOCK));
    struct line lines[2] = { { .from = near, .to = far }, { .from = far, .to = near } };

    if (near < 0 || grantpt(near) != 0 || unlockpt(near) != 0 ||
        symlink(ptsname(near), here) != 0) {
        perror("wire: terminal");
        exit(1);
    }
    fcntl(near, F_SETFL, O_NONBLOCK);
    // Held open, so that a client may come and go.
    (void)raw(open(here, O_RDWR | O_NOCTTY));
    lines[0].byte_ns = lines[1].byte_ns = UINT64_C(10000000000) / baud;
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd fds[2];
        uint64_t until = NEVER;

        for (unsigned i = 0; i < 2; i++) {
            bool busy = lines[i].n > 0;

            fds[i] = (struct pollfd){ .fd = busy ? -1 : lines[i].from, .events = POLLIN };
            if (busy && lines[i].free_at < until)
                until = lines[i].free_at;
        }
        wait_for(fds, until);
        for (unsigned i = 0; i < 2; i++) {
            line_write(&lines[i]);
            if (lines[i].n == 0)
                line_read(&lines[i]);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned long number = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;

    if (argc == 5 && strcmp(argv[1], "udp") == 0)
        pass_datagrams(argv[2], argv[3], number * US);
    else if (argc == 5 && strcmp(argv[1], "serial") == 0 && number > 0)
        pass_bytes(argv[2], argv[3], number);
    fprintf(stderr, "usage: wire udp HOST:PORT DEVICE-HOST:PORT US\n"
                    "       wire serial PATH DEVICE-PATH BAUD\n");
    return 2;
}
