/*
 * sim/otp.h - one-time programmable memory for provision data, over a simulated flash.
 *
 * The flash has writes of 2 bytes (nRF53, nRF91) or 4 (nRF54L), one for each word, and nobody
 * erases it: sim/nor.h then counts programs, tears what a cut tears, and keeps it all in the
 * device's folder. Read by aligned words only, as the real one answers.
 */
#ifndef TD_SIM_OTP_H
#define TD_SIM_OTP_H

#include "flash/flash.h"
#include "nsib/store.h"

/* The area outlives the store. Programming what was programmed is TD_EBUDGET. */
struct td_nsib_store sim_otp_store(const struct td_flash_area *area);

#endif
