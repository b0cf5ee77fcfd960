#!/usr/bin/env python3
"""`tandem update`, end to end, against a virtual device of each way of updating."""

import os
import unittest

from virtual import ROOT, Case


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


class Encrypted(Case):
    """The device's key opens what is sent; another device's image is refused, and says why."""

    SIGN = ("-S", "0xf0000", "--align", "4")

    def setUp(self):
        super().setUp()
        with open(os.path.join(ROOT, "profiles", "nrf52840-external-flash.yml")) as f:
            text = f.read()
        self.key = self.path("device.pem")
        self.ok("keygen", "-k", self.key, "-t", "x25519")
        keys = os.path.join(ROOT, "profiles", "keys") + "/"
        text = text.replace("keys/", keys).replace(
            "  downgrade", "  encryption_key: %s\n  downgrade" % self.key)
        self.PROFILE = self.path("encrypted.yml")
        with open(self.PROFILE, "w") as f:
            f.write(text)
        self.url = self.start("--program", "slot0=" + self.image("v1", "1.0.0")).url()

    def test_an_encrypted_image_is_updated_and_reverted_like_any_other(self):
        self.update(self.url, self.image("v2", "2.0.0", sign=(*self.SIGN, "-E", self.key)), code=0,
                    says=["2.0.0"])
        bad = self.image("bad", "3.0.0", app=["--crash"], sign=(*self.SIGN, "-E", self.key))
        self.update(self.url, bad, code=1, says=["revert"])
        self.assertIn("2.0.0", self.ok("-d", self.url, "image", "list"))

    def test_one_for_another_device_is_refused_by_the_bootloader(self):
        other = self.path("other.pem")
        self.ok("keygen", "-k", other, "-t", "x25519")
        self.update(self.url, self.image("v2", "2.0.0", sign=(*self.SIGN, "-E", other)), code=1,
                    says=["bootloader says"])
        self.assertIn("1.0.0", self.ok("-d", self.url, "image", "list"))


class SwapOffset(Swapping, Case):
    PROFILE = "swap-offset"
    SIGN = ("-S", "0x38000", "--align", "4")


class SwapScratch(Swapping, Case):
    PROFILE = "swap-scratch"
    SIGN = ("-S", "0x37000", "--align", "4")


class StockSwapOffset(Swapping, Case):
    PROFILE = "krepet-swap-offset"
    SIGN = ("-S", "0x38000", "--align", "4")


XIP = {"slot0": "0xc000", "slot1": "0x44000"}


class DirectXip(Case):
    PROFILE = "direct-xip"

    def build(self, name, version, slot, *app):
        return self.image(name, version, app=app, sign=("-S", "0x38000", "--align", "4",
                                                        "--rom-fixed", XIP[slot]))

    def begin(self):
        sim = self.start("--program", "slot0=" + self.build("v1", "1.0.0", "slot0"))
        return sim, sim.url()

    def test_the_build_for_the_other_slot_runs_there_and_back_again(self):
        sim, url = self.begin()
        self.update(url, self.build("v2", "2.0.0", "slot1"), code=0, says=["2.0.0"])
        self.update(url, self.build("v3", "3.0.0", "slot0"), code=0, says=["3.0.0"])
        sim.stop()
        self.start().until("*** v3, version 3.0.0+0 ***")

    def test_the_build_for_the_running_slot_is_refused_before_a_byte_is_sent(self):
        sim, url = self.begin()
        self.update(url, self.build("v2", "2.0.0", "slot0"), code=1,
                    says=["address", "linked for"])
        self.assertNotIn("Starting bootloader", sim.console().split("ready:")[-1])

    def test_one_that_crashes_is_not_chosen_again(self):
        sim, url = self.begin()
        self.update(url, self.build("bad", "2.0.0", "slot1", "--crash"), code=1)
        self.assertIn("*** v1, version 1.0.0+0 ***", sim.console().split("*** bad")[1])


class RamLoad(Case):
    PROFILE = "ram-load"
    SIGN = ("-S", "0x38000", "--align", "4", "--load-addr", "0x20000000")

    def test_an_update_is_proven_and_confirmed(self):
        sim = self.start("--program", "slot0=" + self.image("v1", "1.0.0"))
        url = sim.url()
        self.update(url, self.image("v2", "2.0.0"), code=0, says=["2.0.0"])
        sim.stop()
        self.start().until("*** v2, version 2.0.0+0 ***")

    def test_one_that_crashes_gives_way_to_the_other(self):
        sim = self.start("--program", "slot0=" + self.image("v1", "1.0.0"))
        url = sim.url()
        self.update(url, self.image("bad", "2.0.0", app=["--crash"]), code=1)
        self.assertIn("*** v1, version 1.0.0+0 ***", sim.console().split("*** bad")[1])

    def test_an_image_without_a_load_address_is_refused_before_a_byte_is_sent(self):
        sim = self.start("--program", "slot0=" + self.image("v1", "1.0.0"))
        self.update(sim.url(), self.image("v2", "2.0.0", sign=("-S", "0x38000", "--align", "4")),
                    code=1, says=["load address"])


class SingleSlotRecovery(Case):
    PROFILE = "single-slot-recovery"
    SIGN = ("-S", "0x70000", "--align", "4")

    def start(self, *args):
        return super().start("--pty", self.path("tty"), *args)

    def test_an_empty_device_takes_an_image_and_runs_it(self):
        sim = self.start()
        url = sim.until("recovery:").split()[1]
        self.ok("-d", url, "image", "upload", self.image("v1", "1.0.0"))
        self.ok("-d", url, "os", "reset")
        sim.until("*** v1, version 1.0.0+0 ***")

    def test_the_running_application_is_not_asked_to_replace_itself(self):
        sim = self.start("--program", "slot0=" + self.image("v1", "1.0.0"))
        url = [u for u in sim.until("ready:").split() if u.startswith("udp:")][0]
        new = self.image("v2", "2.0.0")
        self.update(url, new, code=1, says=["one slot", "nothing was sent", "--boot-mode 1"])
        self.ok("-d", url, "os", "reset", "--boot-mode", "1")
        self.update(sim.until("recovery:").split()[1], new, code=0, says=["version 2.0.0"])

    def test_the_pin_brings_recovery_in_place_of_a_good_image(self):
        self.start("--program", "slot0=" + self.image("v1", "1.0.0")).url()
        self.sims.pop().stop()
        sim = self.start("--pin")
        url = sim.until("recovery:").split()[1]
        self.ok("-d", url, "image", "upload", self.image("v2", "2.0.0"))
        self.ok("-d", url, "os", "reset")
        sim.until("*** v2, version 2.0.0+0 ***")

    def test_the_boot_mode_of_a_reset_brings_recovery_once(self):
        sim = self.start("--program", "slot0=" + self.image("v1", "1.0.0"))
        url = [u for u in sim.until("ready:").split() if u.startswith("udp:")][0]
        self.ok("-d", url, "os", "reset", "--boot-mode", "1")
        line = sim.until("recovery:").split()[1]
        self.ok("-d", line, "os", "reset")
        sim.until("*** v1, version 1.0.0+0 ***")


if __name__ == "__main__":
    unittest.main()
