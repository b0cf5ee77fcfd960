/* tools/verb_nsib.c - tandem nsib: the desk tools of Nordic's first stage, NSIB or b0. */
#include "base/range.h"
#include "tools/nsib_verbs.h"

static const struct td_verb subs[] = {
    { .name = "sign",
      .kind = TD_VERB_FILE,
      .summary = "seal a second stage for the first one; wrap it for MCUboot",
      .usage = nsib_sign_usage,
      .run = nsib_sign_run },
    { .name = "provision",
      .kind = TD_VERB_FILE,
      .summary = "write what a device is given: slots, keys, counters",
      .usage = nsib_provision_usage,
      .run = nsib_provision_run },
    { .name = "keys",
      .kind = TD_VERB_FILE,
      .summary = "what a device holds of a key: its fingerprint; or make one",
      .usage = nsib_keys_usage,
      .run = nsib_keys_run },
    { .name = "inspect",
      .kind = TD_VERB_FILE,
      .summary = "what a first stage reads in a file",
      .usage = nsib_inspect_usage,
      .run = nsib_inspect_run },
};

const struct td_verb td_verb_nsib = {
    .name = "nsib",
    .kind = TD_VERB_FILE,
    .summary = "the first stage of nRF Connect SDK: sign, provision, keys, inspect",
    .subs = subs,
    .n_subs = TD_N_OF(subs),
};
