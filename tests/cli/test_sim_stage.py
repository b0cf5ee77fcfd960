#!/usr/bin/env python3
"""A virtual device with a first stage: which second stage runs, and what is said to each update."""

import os
import unittest

from virtual import KEY, ROOT, Case, tandem

NSIB = [os.path.join(ROOT, "profiles", "keys", "PUBLIC-DEMO-nsib-%d.pem" % n) for n in (1, 2)]


class Stage(Case):
    PROFILE = "nrf5340-two-stage"
    SIGN = ("-S", "0x4c000", "--align", "4")

    def stage(self, name, slot, version, *flags, key=NSIB[0], outer=KEY):
        raw, out = self.path(name + ".raw"), self.path(name + ".bin")
        self.ok("sim-app", raw, "--name", name, "--size", 9000, "--for", slot, "--profile",
                self.PROFILE, "--key", key, "--fw-version", version, *flags)
        self.ok("sign", "-k", outer, "-v", "0.0.%d" % version, "-H", "0x200", "--pad-header",
                "-S", "0xc000", "--align", "4", raw, out)
        return out

    def factory(self, *more):
        return self.start("--program", "s0=" + self.stage("first", "s0", 1), "--program",
                          "slot0=" + self.image("app", "1.0.0"), *more)

    def send(self, sim, url, path):
        self.ok("-d", url, "image", "upload", path)
        self.ok("-d", url, "image", "test", path)
        self.ok("-d", url, "os", "reset")
        sim.until("*** app, version 1.0.0+0 ***")
        sim.until("ready:")


class Boots(Stage):
    def test_the_console_speaks_the_originals_words(self):
        sim = self.factory()
        sim.url()
        text = "\n".join(sim.lines)
        for line in ("Attempting to boot slot 0.", "Attempting to boot from address 0x8000.",
                     "I: Firmware signature verified.", "Firmware version 1", "Booting (0x8000).",
                     "I: Starting bootloader"):
            self.assertIn(line, text)

    def test_without_a_second_stage_it_stays_and_says_why(self):
        sim = self.start("--program", "slot0=" + self.image("app", "1.0.0"))
        sim.until("No bootable image found.")
        sim.until("sim: no second stage")
        self.assertIn("No fw_info struct found.", sim.lines)
        self.assertTrue(any("nsib-empty" in line for line in sim.lines), sim.lines)

    def test_a_hanging_second_stage_loses_its_trial_to_the_other_slot(self):
        sim = self.factory("--program", "s1=" + self.stage("bad", "s1", 2, "--hang"))
        sim.until("Firmware version 2")
        sim.until("Firmware version 1", 60)
        sim.until("ready:")
        self.assertEqual(sum("second stage: hangs" in line for line in sim.lines), 3)
        self.assertTrue(any("nsib-unproven" in line for line in sim.lines), sim.lines)

    def test_otp_keeps_the_counter_over_processes(self):
        sim = self.factory()
        url = sim.url()
        self.send(sim, url, self.stage("second", "s1", 2))
        self.ok("-d", url, "os", "reset")
        sim.until("W: Verdict 142: nsib-proven")
        sim.stop()
        again = self.start("--program", "s1=" + self.stage("older", "s1", 1), "--program",
                           "s0=" + self.path("first.bin"))
        again.until("sim: no second stage")
        self.assertTrue(any("Firmware version (1) is smaller than monotonic counter (2)." in line
                            for line in again.lines), again.lines)


class Replay(Stage):
    """`behaves_as: nsib`: what the original does with a mistake, for whoever wants to see it."""

    def setUp(self):
        super().setUp()
        with open(os.path.join(ROOT, "profiles", self.PROFILE + ".yml")) as f:
            text = f.read()
        ours = "first_stage:\n  behaves_as: tandem"
        self.assertIn(ours, text)
        text = text.replace(ours, "first_stage:\n  behaves_as: nsib")
        text = text.replace("keys/", os.path.join(ROOT, "profiles", "keys") + "/")
        self.PROFILE = self.path("nsib.yml")
        with open(self.PROFILE, "w") as f:
            f.write(text)

    def test_a_foreign_key_costs_the_slot_for_good(self):
        foreign = self.path("foreign.pem")
        self.ok("keygen", "-k", foreign, "-t", "ecdsa-p256")
        sim = self.factory("--program", "s1=" + self.stage("new", "s1", 2, key=foreign))
        sim.url()
        self.assertIn("Failed to validate, permanently invalidating!", sim.lines)
        sim.stop()
        again = self.start()
        again.url()
        self.assertTrue(any("Firmware has been invalidated" in line for line in again.lines))
        self.assertIn("Booting (0x8000).", again.lines)

    def test_our_first_stage_leaves_the_same_slot_as_it_is(self):
        self.PROFILE = "nrf5340-two-stage"
        foreign = self.path("foreign.pem")
        self.ok("keygen", "-k", foreign, "-t", "ecdsa-p256")
        sim = self.factory("--program", "s1=" + self.stage("new", "s1", 2, key=foreign))
        sim.url()
        sim.stop()
        again = self.start()
        again.url()
        text = "\n".join(sim.lines + again.lines)
        self.assertIn("nsib-unknown-key", text)
        self.assertNotIn("invalidat", text)

    def test_the_second_key_revokes_the_first_at_once(self):
        sim = self.factory("--program", "s1=" + self.stage("new", "s1", 2, key=NSIB[1]))
        sim.until("Booting (0x14000).")
        sim.stop()
        again = self.start("--program", "s1=" + self.stage("next", "s1", 3, key=NSIB[0]))
        again.until("sim: no second stage")
        text = "\n".join(again.lines)
        self.assertIn("nsib-key-revoked", text)
        self.assertIn("is smaller than monotonic counter (2)", text)

    def test_with_ours_the_first_key_stays_until_the_second_has_proven_itself(self):
        self.PROFILE = "nrf5340-two-stage"
        sim = self.factory("--program", "s1=" + self.stage("new", "s1", 2, key=NSIB[1]))
        sim.until("Booting (0x14000).")
        sim.stop()
        again = self.start("--program", "s1=" + self.stage("next", "s1", 3, key=NSIB[0]))
        again.until("Firmware version 3")


class Updates(Stage):
    def refused(self, path, verdict):
        sim = self.factory()
        url = sim.url()
        self.send(sim, url, path)
        self.assertIn("Booting (0x8000).", sim.console())
        ran = tandem("-d", url, "why")
        self.assertIn(verdict, ran.stdout)

    def test_a_foreign_key_of_the_first_stage_is_named(self):
        foreign = self.path("foreign.pem")
        self.ok("keygen", "-k", foreign, "-t", "ecdsa-p256")
        self.refused(self.stage("new", "s1", 2, key=foreign), "nsib-unknown-key")

    def test_an_unchanged_version_is_named(self):
        self.refused(self.stage("new", "s1", 1), "stage-same-version")

    def test_the_variant_of_the_running_slot_is_named(self):
        self.refused(self.stage("new", "s0", 2), "stage-variant")

    def test_the_right_one_runs_on_trial_and_is_proven_by_the_next_boot(self):
        sim = self.factory()
        url = sim.url()
        self.send(sim, url, self.stage("new", "s1", 2))
        self.assertIn("I: S1 is on trial: boot 1 of 3", sim.lines)
        self.assertIn("Booting (0x14000).", sim.lines)
        self.ok("-d", url, "os", "reset")
        sim.until("W: Verdict 142: nsib-proven")
        sim.until("Booting (0x14000).")

    def test_an_application_is_updated_as_ever(self):
        sim = self.factory()
        url = sim.url()
        self.update(url, self.image("v2", "2.0.0"), code=0, says=["2.0.0"])

    def test_a_cut_while_the_other_slot_is_written_is_mended(self):
        sim = self.factory()
        url = sim.url()
        new = self.stage("new", "s1", 2)
        self.ok("-d", url, "image", "upload", new)
        self.ok("-d", url, "image", "test", new)
        sim.stop()
        for operation in (3, 9, 15):
            self.start("--cut-power-at", operation).until("power cut")
        self.start().until("Booting (0x14000).")


class Preflight(Stage):
    """`tandem update` knows before the first byte, and proves at the end."""

    def setUp(self):
        super().setUp()
        self.sim = self.factory()
        self.url = self.sim.url()

    def refused(self, path, *says):
        self.update(self.url, path, code=1, says=["nothing was sent", *says])

    def test_the_variant_of_the_running_slot(self):
        self.refused(self.stage("new", "s0", 2), "linked for S0, which is what runs",
                     "send the S1 variant")

    def test_an_unchanged_version(self):
        self.refused(self.stage("new", "s1", 1), "second stage version 1 is unchanged",
                     "CONFIG_FW_INFO_FIRMWARE_VERSION")

    def test_a_key_that_the_first_stage_does_not_trust(self):
        foreign = self.path("foreign.pem")
        self.ok("keygen", "-k", foreign, "-t", "ecdsa-p256")
        self.refused(self.stage("new", "s1", 2, key=foreign), "the first stage trusts")

    def test_a_key_that_the_bootloader_does_not_trust(self):
        foreign = self.path("foreign.pem")
        self.ok("keygen", "-k", foreign, "-t", "ecdsa-p256")
        self.refused(self.stage("new", "s1", 2, outer=foreign), "is not trusted by this device")

    def test_the_right_one_is_updated_with_proof_and_the_next_goes_to_s0(self):
        self.update(self.url, self.stage("new", "s1", 2), code=0,
                    says=["second stage version 2 in S1"])
        self.ok("-d", self.url, "os", "reset")
        self.sim.until("W: Verdict 142: nsib-proven")
        self.sim.until("ready:")
        self.refused(self.stage("next1", "s1", 3), "linked for S1, which is what runs")
        self.update(self.url, self.stage("next", "s0", 3), code=0,
                    says=["second stage version 3 in S0"])

    def test_the_second_provisioned_key_is_as_good(self):
        self.update(self.url, self.stage("new", "s1", 2, key=NSIB[1]), code=0)

    def test_forced_the_device_says_itself_what_is_wrong(self):
        self.update(self.url, "--force=address", self.stage("new", "s0", 2), code=1,
                    says=["linked for the slot that is running"])

    def test_a_stage_that_hangs_is_not_called_a_success(self):
        out = self.update(self.url, self.stage("bad", "s1", 2, "--hang"), code=1)
        self.assertIn("did not come to a confirmed application", out)


if __name__ == "__main__":
    unittest.main()
