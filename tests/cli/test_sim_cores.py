#!/usr/bin/env python3
"""Virtual devices with a network core: both cores are updated together, or neither is."""

import os
import unittest

from virtual import KEY, ROOT, Case, tandem

NSIB = os.path.join(ROOT, "profiles", "keys", "PUBLIC-DEMO-nsib-1.pem")


class Cores(Case):
    APP_SLOT = ""
    COUNTER = ()  # where security counters are on, an image without one is refused

    def app(self, name, version, *flags):
        return self.image(name, version, app=flags, sign=("-S", self.APP_SLOT, "--align", "4",
                                                         *self.COUNTER))

    def net(self, name, version, place="net_app", size=30000):
        raw, out = self.path(name + ".raw"), self.path(name + ".bin")
        self.ok("sim-app", raw, "--name", name, "--size", size, "--for", place, "--profile",
                "nrf5340-two-stage", "--key", NSIB, "--fw-version", version)
        self.ok("sign", "-k", KEY, "-v", "%d.0.0" % version, "-H", "0x200", "--pad-header", "-S",
                "0x40000", "--align", "4", *self.COUNTER, raw, out)
        return out


class TwoStage(Cores):
    PROFILE = "nrf5340-two-stage"
    APP_SLOT = "0x4c000"

    def factory(self, *more):
        raw, out = self.path("s0.raw"), self.path("s0.bin")
        self.ok("sim-app", raw, "--name", "stage", "--for", "s0", "--profile", "nrf5340-two-stage",
                "--key", NSIB, "--fw-version", 1)
        self.ok("sign", "-k", KEY, "-v", "0.0.1", "-H", "0x200", "--pad-header", "-S", "0xc000",
                "--align", "4", raw, out)
        return self.start("--program", "s0=" + out, "--program", "slot0=" + self.app("v1", "1.0.0"),
                          "--program", "netcore_good=" + self.net("net1", 1), *more)

    def test_the_factory_image_is_given_once(self):
        sim = self.factory()
        sim.until("net: runs version 1")
        url = sim.url()
        self.assertIn("W: Verdict 150: core-given", sim.lines)
        sim.lines.clear()
        self.ok("-d", url, "os", "reset")
        sim.until("net: runs version 1")
        self.assertNotIn("W: Verdict 150: core-given", sim.lines)

    def test_both_are_updated_with_proof_and_confirmed(self):
        sim = self.factory()
        url = sim.url()
        self.update(url, "0=" + self.app("v2", "2.0.0"), "1=" + self.net("net2", 2), code=0,
                    says=["as image 0", "as image 1, confirmed"])
        self.assertIn("net: runs version 2", sim.console())
        sim.stop()
        again = self.start()
        again.until("net: runs version 2")
        again.until("*** v2, version 2.0.0+0 ***")

    def test_both_go_back_when_the_application_crashes(self):
        sim = self.factory()
        url = sim.url()
        self.update(url, "0=" + self.app("bad", "2.0.0", "--crash"), "1=" + self.net("net2", 2),
                    code=1, says=["revert"])
        text = sim.console().split("*** bad")[1]
        self.assertIn("net: runs version 1", text)
        self.assertIn("*** v1, version 1.0.0+0 ***", text)

    def test_what_is_built_for_another_core_is_not_begun(self):
        sim = self.factory()
        url = sim.url()
        self.update(url, "0=" + self.app("v2", "2.0.0"),
                    "1=" + self.net("wrong", 2, place="s1", size=9000), code=1)
        sim.stop()
        again = self.start()
        again.until("net: runs version 1")
        again.until("*** v1, version 1.0.0+0 ***")

    def test_a_cut_takes_both_cores_and_the_next_start_finishes(self):
        sim = self.factory()
        url = sim.url()
        for number, path in ((0, self.app("v2", "2.0.0")), (1, self.net("net2", 2))):
            self.ok("-d", url, "image", "upload", "--image", number, path)
            self.ok("-d", url, "image", "test", path)
        sim.stop()
        for operation in (40, 150, 60):
            self.start("--cut-power-at", operation).until("power cut")
        again = self.start()
        again.until("net: runs version 2")
        again.until("*** v2, version 2.0.0+0, on trial ***")

    def test_a_core_that_hangs_is_named_and_the_application_runs(self):
        with open(os.path.join(ROOT, "profiles", "nrf5340-two-stage.yml")) as f:
            text = f.read()
        text = text.replace("network_core:\n", "network_core:\n  hangs: true\n")
        text = text.replace("keys/", os.path.join(ROOT, "profiles", "keys") + "/")
        path = self.path("hangs.yml")
        with open(path, "w") as f:
            f.write(text)
        self.PROFILE = path
        sim = self.factory()
        url = sim.url()
        self.assertIn("W: Verdict 151: core-silent", sim.lines)
        self.assertIn("does not answer", tandem("-d", url, "why").stdout)


class OneStage(Cores):
    PROFILE = "nrf5340-one-stage"
    APP_SLOT = "0xf0000"
    COUNTER = ("-s", "1")

    def test_the_network_core_is_given_its_image_out_of_memory(self):
        sim = self.start("--program", "slot0=" + self.app("v1", "1.0.0"))
        url = sim.url()
        net = self.net("net1", 1)
        self.ok("-d", url, "image", "upload", "--image", 1, net)
        self.ok("-d", url, "image", "test", net)
        self.ok("-d", url, "os", "reset")
        sim.until("net: runs version 1")
        sim.until("*** v1, version 1.0.0+0 ***")
        sim.stop()
        self.start().until("net: runs version 1")

    def test_a_lower_security_counter_is_refused_once_a_higher_one_was_confirmed(self):
        def app(name, version, counter):
            return self.image(name, version, sign=("-S", "0xf0000", "--align", "4", "-s", counter))

        sim = self.start("--program", "slot0=" + app("v1", "1.0.0", 1))
        url = sim.url()
        self.update(url, app("v2", "2.0.0", 5), code=0)
        self.ok("-d", url, "os", "reset")
        sim.until("*** v2, version 2.0.0+0 ***")
        sim.until("ready:")
        self.update(url, app("v3", "3.0.0", 4), code=1, says=["counter"])


class TwoImages(Case):
    """Two images of one core, from a profile that says no more than it has to."""

    TEXT = """
name: two-images
flash:
  - { name: chip, size: 0x80000, sectors: [ { count: 128, size: 4096 } ], write_size: 4 }
partitions:
  primary:     { offset: 0x0c000, size: 0x1c000 }
  secondary:   { offset: 0x28000, size: 0x1c000 }
  primary_1:   { offset: 0x44000, size: 0x1c000 }
  secondary_1: { offset: 0x60000, size: 0x1c000 }
  boot_log:    { offset: 0x7c000, size: 0x02000 }
boot: { strategy: swap-move, keys: [ %s ] }
server: { groups: [ os, image, basic, tandem ], buf_size: 1024, reset_delay_ms: 50 }
"""
    SIGN = ("-S", "0x1c000", "--align", "4")

    def setUp(self):
        super().setUp()
        self.PROFILE = self.path("two.yml")
        with open(self.PROFILE, "w") as f:
            f.write(self.TEXT % KEY)
        self.url = self.start("--program", "slot0=" + self.image("app1", "1.0.0"), "--program",
                              "1.0=" + self.image("part1", "1.0.0")).url()
        self.app = self.image("app2", "2.0.0", sign=(*self.SIGN, "-d", "(1, 2.0.0)"))

    def test_both_are_updated_and_confirmed_together(self):
        self.update(self.url, "0=" + self.app, "1=" + self.image("part2", "2.0.0"), code=0,
                    says=["as image 0", "as image 1, confirmed"])

    def test_one_without_the_other_that_it_wants_is_refused_and_says_which(self):
        self.update(self.url, self.app, code=1, says=["install both together"])
        self.assertIn("wants image 1 in version 2.0.0 or newer",
                      self.ok("-d", self.url, "why"))


if __name__ == "__main__":
    unittest.main()
