/*
 * transport/serial.c - a serial port or a pseudo-terminal.
 *
 * The port is locked (flock), so that two programs do not pull one line to pieces. A port that
 * vanishes, a hang-up and an end of file are all the same: unplugged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include "transport/conn_priv.h"

static const struct {
    uint32_t baud;
    speed_t speed;
} speeds[] = {
    { 1200, B1200 },       { 2400, B2400 },       { 4800, B4800 },       { 9600, B9600 },
    { 19200, B19200 },     { 38400, B38400 },     { 57600, B57600 },     { 115200, B115200 },
    { 230400, B230400 },   { 460800, B460800 },   { 500000, B500000 },   { 576000, B576000 },
    { 921600, B921600 },   { 1000000, B1000000 }, { 1152000, B1152000 }, { 1500000, B1500000 },
    { 2000000, B2000000 }, { 2500000, B2500000 }, { 3000000, B3000000 }, { 3500000, B3500000 },
    { 4000000, B4000000 },
};

static bool speed_of(uint32_t baud, speed_t *speed)
{
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].baud == baud) {
            *speed = speeds[i].speed;
            return true;
        }
    }
    return false;
}

static bool set_line(int fd, speed_t speed)
{
    struct termios t;

    if (tcgetattr(fd, &t) != 0)
        return false;
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS | HUPCL);
    t.c_cc[VMIN] = 0;
    t.c_cc[VTIME] = 0;
    cfsetispeed(&t, speed);
    cfsetospeed(&t, speed);
    return tcsetattr(fd, TCSANOW, &t) == 0;
}

static void unplugged(struct td_conn *conn)
{
    td_conn_down(conn, "%s was unplugged", conn->host);
}

static void write_pending(struct td_conn *conn)
{
    ssize_t n = write(conn->fd, conn->pending, conn->n_pending);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        unplugged(conn);
        return;
    }
    if (n > 0) {
        conn->n_pending -= (size_t)n;
        memmove(conn->pending, conn->pending + n, conn->n_pending);
    }
}

static void ready(uv_poll_t *poll, int status, int events);

static void watch(struct td_conn *conn)
{
    int events = UV_READABLE | UV_DISCONNECT | (conn->n_pending > 0 ? UV_WRITABLE : 0);

    uv_poll_start(&conn->handle.poll, events, ready);
}

static void ready(uv_poll_t *poll, int status, int events)
{
    struct td_conn *conn = poll->data;
    struct td_link *link = conn->link;
    ssize_t n = -1;

    if (status < 0) {
        unplugged(conn);
        return;
    }
    if (events & (UV_READABLE | UV_DISCONNECT)) {
        n = read(conn->fd, conn->read, sizeof conn->read);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            unplugged(conn);
            return;
        }
    }
    if ((events & UV_WRITABLE) && conn->n_pending > 0) {
        write_pending(conn);
        if (conn->link != link)
            return;
        watch(conn);
    }
    if (n > 0)
        td_conn_bytes(conn, (const uint8_t *)conn->read, (size_t)n);
}

static bool open_port(struct td_conn *conn, const char *path, speed_t speed)
{
    conn->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (conn->fd < 0) {
        td_conn_down(conn, "%s cannot be opened: %s", path, strerror(errno));
        return false;
    }
    if (!isatty(conn->fd)) {
        td_conn_down(conn, "%s is not a serial port", path);
        return false;
    }
    if (flock(conn->fd, LOCK_EX | LOCK_NB) != 0) {
        td_conn_down(conn, "another program is using %s", path);
        return false;
    }
    if (!set_line(conn->fd, speed)) {
        td_conn_down(conn, "%s cannot be set up: %s", path, strerror(errno));
        return false;
    }
    return true;
}

static void serial_open(struct td_conn *conn, const struct td_url *url)
{
    speed_t speed;
    int err;

    memcpy(conn->host, url->path, sizeof conn->host);
    if (!speed_of(url->baud, &speed)) {
        td_conn_down(conn, "%s has no rate of %u baud", url->path, url->baud);
        return;
    }
    if (!open_port(conn, url->path, speed))
        return;
    err = uv_poll_init(conn->loop, &conn->handle.poll, conn->fd);
    conn->handle.poll.data = conn;
    conn->has_handle = err == 0;
    if (err != 0) {
        td_conn_down(conn, "%s cannot be waited for: %s", url->path, uv_strerror(err));
        return;
    }
    tcflush(conn->fd, TCIOFLUSH);
    watch(conn);
    td_conn_up(conn);
}

static void serial_write(struct td_conn *conn, const uint8_t *bytes, size_t len)
{
    struct td_link *link = conn->link;
    uint8_t *grown = realloc(conn->pending, conn->n_pending + len);

    if (!grown)
        return;
    conn->pending = grown;
    memcpy(conn->pending + conn->n_pending, bytes, len);
    conn->n_pending += len;
    write_pending(conn);
    if (conn->link == link && conn->n_pending > 0)
        watch(conn);
}

static void serial_flush(struct td_conn *conn)
{
    conn->n_pending = 0;
    tcflush(conn->fd, TCIOFLUSH);
    watch(conn);
}

static void serial_close(struct td_conn *conn)
{
    // The poll handle goes first: its fd must be open for as long as it is watched.
    if (conn->has_handle)
        uv_poll_stop(&conn->handle.poll);
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
    td_conn_close(conn);
}

const struct td_carrier td_carrier_serial = {
    .open = serial_open,
    .write = serial_write,
    .flush = serial_flush,
    .close = serial_close,
};
