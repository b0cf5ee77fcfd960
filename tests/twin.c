/*
 * tests/twin.c - our server as a process, built as Zephyr's native fixture is: the same groups,
 * buffers and names, over back ends in memory. tests/interop/test_twins.py asks both the same.
 *
 *     twin PORT MANNER      answers on 127.0.0.1
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/groups_rig_test.h"

static struct groups_rig rig;

static void answer(int fd, const struct sockaddr_in *to)
{
    if (rig.reply.len > 0)
        (void)sendto(fd, rig.rsp, rig.reply.len, 0, (const struct sockaddr *)to, sizeof *to);
}

static void serve(int fd)
{
    uint8_t packet[65536];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t n = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &from_len);
    const uint8_t *at = packet;
    size_t left = n < 0 ? 0 : (size_t)n;

    while (left > 0) {
        size_t used =
            td_server_handle(&rig.srv, &rig.link[0], at, left, rig.rsp, sizeof rig.rsp, &rig.reply);

        answer(fd, &from);
        while (td_server_busy(&rig.srv)) {
            td_server_work(&rig.srv, 2000, rig.rsp, sizeof rig.rsp, &rig.reply);
            answer(fd, &from);
        }
        at += used;
        left -= used;
    }
}

int main(int argc, char **argv)
{
    static const struct td_server_manner *const manners[] = { &td_server_tandem,
                                                              &td_server_zephyr_4 };
    struct sockaddr_in at = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; argc == 3 && i < TD_N_OF(manners); i++)
        if (strcmp(argv[2], manners[i]->name) == 0)
            groups_rig_init(&rig, manners[i]);
    if (rig.cfg.manner == NULL)
        return 2;
    // As the fixture is built: no clock, no list of pools, nobody takes settings.
    rig.os.clock = NULL;
    rig.os.pool = NULL;
    rig.save_err = TD_EUNSUPPORTED;
    at.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
        return 1;
    puts("ready");
    fflush(stdout);
    for (;;)
        serve(fd);
}
