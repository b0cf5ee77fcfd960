/*
 * sim/stats.h - what a device counts, and who asks for it: group 2's back end.
 *
 *   flash, flash1 …  one for each flash: sectors erased, writes, bytes, how long it was busy
 *   smp              requests and answers of all links together
 *   link0 …          those of one link, in the order in which links were first heard
 *   boot             boots, crashes, why it booted last, how long it has been running
 *
 * Those of flash and boot count from the moment the device was built. Those of smp and of links
 * are in its RAM: a reset begins them anew.
 */
#ifndef TD_SIM_STATS_H
#define TD_SIM_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "server/server.h"
#include "sim/profile.h"

#define SIM_TRAFFIC_MAX 9 /* all together, and eight links */
#define SIM_STATS_MAX   (SIM_FLASHES_MAX + SIM_TRAFFIC_MAX + 1)

struct sim_device;

struct sim_traffic {
    const struct td_server_link *link; /* NULL: of nobody yet; the first row is of all */
    uint64_t requests, answers, errors, dropped, bytes_in, bytes_out;
};

/* Whose counters a row of the table is about. */
struct sim_stat_of {
    const struct sim_device *dev;
    unsigned i;
};

void sim_stats_build(struct sim_device *dev);

/* RAM is lost. */
void sim_stats_reset(struct sim_device *dev);

void sim_stats_request(struct sim_device *dev, const struct td_server_link *link, size_t len);
void sim_stats_dropped(struct sim_device *dev, const struct td_server_link *link);
void sim_stats_answer(struct sim_device *dev, const struct td_server_link *link,
                      const uint8_t *packet, size_t len);

#endif
