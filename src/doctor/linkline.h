/*
 * doctor/linkline.h - what lines of logs say about the connection.
 *
 * Android's BLE library (nRF Connect, Device Manager), CoreBluetooth clients, bleak and
 * smpclient, our own log, Zephyr's samples.
 */
#ifndef TD_DOCTOR_LINKLINE_H
#define TD_DOCTOR_LINKLINE_H

#include "doctor/event.h"

/* False: the line says nothing about it. */
bool td_linkline_read(const struct td_line *line, struct td_link_event *link);

#endif
