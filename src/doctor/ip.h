/*
 * doctor/ip.h - SMP in IP packets: UDP (port 1337, or whatever is a frame beyond doubt), and
 * console framing over TCP.
 */
#ifndef TD_DOCTOR_IP_H
#define TD_DOCTOR_IP_H

#include "doctor/event.h"
#include "doctor/frame.h"

struct td_ip;

struct td_ip *td_ip_new(struct td_frames *frames); /* NULL: no memory */
void td_ip_free(struct td_ip *ip);

/* A packet that begins with its IP header, v4 or v6. */
void td_ip_packet(struct td_ip *ip, const uint8_t *bytes, size_t len,
                  const struct td_origin *origin);

#endif
