/*
 * doctor/capture.h - packet captures: btsnoop, pcap, pcapng.
 *
 * btsnoop: RFC 1761's form with the link types of Bluetooth (1001 H1, 1002 H4, 2001 Linux'
 * monitor). pcap: draft-ietf-opsawg-pcap; pcapng: draft-ietf-opsawg-pcapng. Link types of
 * captures: Ethernet, raw IP, BSD and Linux loopback, Linux cooked (SLL, SLL2), HCI H4 with and
 * without direction, Linux' Bluetooth monitor. Others have no frames.
 */
#ifndef TD_DOCTOR_CAPTURE_H
#define TD_DOCTOR_CAPTURE_H

#include "doctor/event.h"
#include "doctor/frame.h"

#define TD_CAPTURE_MAGIC 8 /* bytes that tell */

struct td_capture;

/* Whether the first bytes of a file are those of a capture; fewer than TD_CAPTURE_MAGIC: no. */
bool td_capture_is(const uint8_t *bytes, size_t len);

/* frames outlives it. NULL: no memory. */
struct td_capture *td_capture_new(uint16_t file, struct td_frames *frames);

void td_capture_feed(struct td_capture *capture, const uint8_t *bytes, size_t len);

void td_capture_end(struct td_capture *capture);

#endif
