#!/usr/bin/env python3
"""`tandem update`, end to end, against a virtual device of each way of updating."""

import os
import unittest

from virtual import Case


class Swapping:
    """What every device that swaps does, in a class per profile."""

    def test_an_update_is_proven_and_confirmed(self):
        sim = self.start("--program", "slot0=" + self.image("v1", "1.0.0"))
        url = sim.url()
        new = self.image("v2", "2.0.0")
        self.update(url, new, code=0, says=["2.0.0"])
        sim.stop()
        again = self.start()
        again.until("*** v2, version 2.0.0+0 ***")
        self.assertIn("2.0.0", self.ok("-d", again.url(), "image", "list"))

    def test_an_image_that_crashes_is_reverted_and_the_update_says_so(self):
        sim = self.start("--program", "slot0=" + self.image("v1", "1.0.0"))
        url = sim.url()
        bad = self.image("bad", "2.0.0", app=["--crash"])
        self.update(url, bad, code=1, says=["revert"])
        self.assertIn("*** v1, version 1.0.0+0 ***", sim.console().split("*** bad")[1])

    def test_a_power_cut_in_the_swap_is_mended_by_the_next_start(self):
        sim = self.start("--program", "slot0=" + self.image("v1", "1.0.0"))
        url = sim.url()
        new = self.image("v2", "2.0.0")
        self.ok("-d", url, "image", "upload", new)
        self.ok("-d", url, "image", "test", new)
        sim.stop()
        self.start("--cut-power-at", 17).until("power cut")
        self.start().until("*** v2, version 2.0.0+0, on trial ***")


class ExternalFlash(Swapping, Case):
    PROFILE = "nrf52840-external-flash"
    SIGN = ("-S", "0xf0000", "--align", "4")

    def test_each_flash_is_a_file_of_its_own_size(self):
        self.start("--program", "slot0=" + self.image("v1", "1.0.0")).url()
        sizes = [os.path.getsize(os.path.join(self.state, name))
                 for name in ("flash.bin", "flash1.bin")]
        self.assertEqual(sizes, [0x100000, 0x800000])


class SwapOffset(Swapping, Case):
    PROFILE = "swap-offset"
    SIGN = ("-S", "0x38000", "--align", "4")


class StockSwapOffset(Swapping, Case):
    PROFILE = "krepet-swap-offset"
    SIGN = ("-S", "0x38000", "--align", "4")


if __name__ == "__main__":
    unittest.main()
