/*
 * doctor/hci.h - SMP in what host and Bluetooth controller tell one another.
 *
 * Bluetooth Core, vol. 4 part E (HCI), vol. 3 parts A (L2CAP) and F (ATT). Several connections
 * may be open; those on which SMP is never seen leave no event.
 */
#ifndef TD_DOCTOR_HCI_H
#define TD_DOCTOR_HCI_H

#include "doctor/event.h"
#include "doctor/frame.h"

enum td_hci_kind { TD_HCI_COMMAND = 1, TD_HCI_ACL = 2, TD_HCI_SCO = 3, TD_HCI_EVENT = 4 };

struct td_hci;

struct td_hci *td_hci_new(struct td_frames *frames); /* NULL: no memory */
void td_hci_free(struct td_hci *hci);

/* A packet without its H4 type. sent: from host to controller. */
void td_hci_packet(struct td_hci *hci, enum td_hci_kind kind, bool sent, const uint8_t *bytes,
                   size_t len, const struct td_origin *origin);

#endif
