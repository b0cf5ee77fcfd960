/* sim/factory.h - what a device with a first stage is given before it leaves the factory. */
#ifndef TD_SIM_FACTORY_H
#define TD_SIM_FACTORY_H

#include "nsib/provision.h"
#include "sim/profile.h"

/* Room for the largest: 16 keys and 300 counter slots, in words. */
#define SIM_PROVISION_MAX 1700

/*
 * The provision data of the profile's first stage: slots, keys, an unused counter. Returns how
 * many bytes; 0 when they do not fit into cap.
 */
size_t sim_factory_provision(const struct sim_profile *p, uint8_t *out, size_t cap);

/* How it is laid out, in the first stage's words. */
enum td_provision_form sim_factory_form(const struct sim_profile *p);

/* The same for the network core: one slot, no keys, since its trust is the hash alone. */
size_t sim_factory_net_provision(const struct sim_profile *p, uint8_t *out, size_t cap);

#endif
