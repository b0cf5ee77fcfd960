#!/usr/bin/env python3
"""Settings in a virtual device's flash: set over SMP, kept by updates, read from a dump."""

import json
import os
import struct
import sys
import unittest

from virtual import ROOT, Case, tandem

sys.path.insert(0, os.path.join(ROOT, "tests"))
import nvs_reader  # noqa: E402

AREA, SECTOR, COUNT = 0xfe000, 0x1000, 2


class Settings(Case):
    PROFILE = "nrf52840-external-flash"
    SIGN = ("-S", "0xf0000", "--align", "4")

    def storage(self):
        with open(os.path.join(self.state, "flash.bin"), "rb") as file:
            file.seek(AREA)
            return file.read(SECTOR * COUNT)

    def read_by_the_other_reader(self):
        args = type("Args", (), dict(sector=SECTOR, word=4, erased="ff", crc=False))
        values = nvs_reader.Reader(nvs_reader.Geometry(args), self.storage()).values()
        return {name.decode(): value for name, value in nvs_reader.settings(values).items()}

    def inspected(self, *args):
        ran = tandem("inspect", "--json", *args)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        return json.loads(ran.stdout)["settings"]

    def booted(self):
        sim = self.start("--program", "slot0=" + self.image("v1", "1.0.0"))
        return sim, sim.url()

    def test_what_is_saved_outlives_an_update_and_is_in_the_dump(self):
        sim, url = self.booted()
        self.ok("-d", url, "settings", "set", "app/name", "--string", "ferry")
        self.ok("-d", url, "settings", "set", "app/speed", "2a00")
        self.assertEqual(self.read_by_the_other_reader(), {})
        self.ok("-d", url, "settings", "save")
        self.assertEqual(self.read_by_the_other_reader(),
                         {"app/name": b"ferry", "app/speed": b"\x2a\x00"})
        self.ok("-d", url, "settings", "set", "app/name", "--string", "lost")
        self.update(url, self.image("v2", "2.0.0"), code=0, says=["2.0.0"])
        self.assertIn("ferry", self.ok("-d", url, "settings", "get", "app/name"))
        sim.stop()
        found = self.inspected("--layout", self.PROFILE, os.path.join(self.state, "flash.bin"))
        self.assertEqual({one["name"]: one["value"] for one in found["settings"]},
                         {"app/name": b"ferry".hex(), "app/speed": "2a00"})
        self.assertEqual(found["address"], AREA)
        self.assertEqual(sorted(found["sectors"]), ["erased", "open"])

    def test_a_storage_erase_takes_them_all(self):
        sim, url = self.booted()
        for number in range(12):
            self.ok("-d", url, "settings", "set", "key/%d" % number, "--string", "value")
        self.ok("-d", url, "settings", "save")
        self.ok("-d", url, "settings", "set", "key/ram", "--string", "value")
        self.ok("-d", url, "storage", "erase")
        self.assertEqual(self.read_by_the_other_reader(), {})
        for name in ("key/1", "key/ram"):
            self.assertIn("no setting of that name",
                          tandem("-d", url, "settings", "get", name).stderr)
        self.ok("-d", url, "settings", "set", "new", "01")
        self.ok("-d", url, "settings", "save")
        sim.stop()
        self.assertEqual(self.read_by_the_other_reader(), {"new": b"\x01"})

    def make(self, name, *args):
        """A partition by the other writer; its values by id."""
        path = self.path(name)
        options = dict(sector=1024, word=4, erased="ff", crc=False, file=path, make=7, count=3,
                       packed=False)
        options.update(*args)
        values = nvs_reader.make(type("Args", (), options),
                                 nvs_reader.Geometry(type("Args", (), options)))
        return path, values

    def test_a_partition_is_recognised_and_its_values_listed(self):
        path, values = self.make("plain.bin")
        found = self.inspected(path)
        self.assertEqual({one["id"]: bytes.fromhex(one["value"]) for one in found["values"]},
                         values)
        self.assertFalse(found["data_crc"])
        text = self.ok("inspect", path)
        self.assertIn("settings at 0x0 (Zephyr's NVS, 3 sectors of 1024)", text)
        self.assertIn("bytes, ", text)

    def test_values_with_a_crc_are_found_out(self):
        path, values = self.make("crc.bin", dict(crc=True))
        found = self.inspected(path)
        self.assertTrue(found["data_crc"])
        self.assertEqual({one["id"]: bytes.fromhex(one["value"]) for one in found["values"]},
                         values)

    def test_a_damaged_value_is_said_and_hides_nothing_of_the_others(self):
        path, values = self.make("spoilt.bin", dict(crc=True))
        spoilt = max(values, key=lambda number: len(values[number]))
        with open(path, "rb") as file:
            flash = bytearray(file.read())
        flash[flash.rindex(values[spoilt])] ^= 1
        with open(path, "wb") as file:
            file.write(flash)
        found = self.inspected(path)
        self.assertTrue(found["data_crc"])
        values[spoilt] = None
        self.assertEqual({one["id"]: one["value"] and bytes.fromhex(one["value"])
                          for one in found["values"]}, values)
        self.assertEqual(self.ok("inspect", path).count("damaged: "), 1)

    def test_where_they_lie_can_be_said(self):
        path, values = self.make("plain.bin")
        found = self.inspected("--storage", "0,0xc00,1024", path)
        self.assertEqual(len(found["values"]), len(values))
        with open(self.path("other.bin"), "wb") as file:
            file.write(bytes(range(256)) * 32)
        self.assertIn("there is no NVS",
                      self.ok("inspect", "--storage", "0,0x2000", self.path("other.bin")))
        ran = tandem("inspect", "--storage", "0x1000", path)
        self.assertEqual(ran.returncode, 2)
        self.assertIn("--storage wants ADDR,SIZE", ran.stderr)

    def test_a_cut_garbage_collection_is_read_from_what_it_copied(self):
        def ate(ident, off, length):
            raw = struct.pack("<HHHB", ident, off, length, 0xff)
            return raw + bytes([nvs_reader.crc8(raw)])

        full = bytearray(b"\xff" * 1024)
        full[0:3], full[4:7] = b"one", b"two"
        close = ate(0xffff, 1016 - 24, 0)
        for n, entry in enumerate([close, ate(0xffff, 0, 0), ate(1, 0, 3), ate(2, 4, 3)]):
            full[1016 - 8 * n:1024 - 8 * n] = entry
        copies = bytearray(b"\xff" * 1024)
        copies[0:3] = b"two"
        copies[1008:1016] = ate(2, 0, 3)
        path = self.path("cut.bin")
        with open(path, "wb") as file:
            file.write(full + copies)
        found = self.inspected("--storage", "0,2048,1024", path)
        self.assertTrue(found["to_repair"])
        self.assertEqual({one["id"]: bytes.fromhex(one["value"]) for one in found["values"]},
                         {1: b"one", 2: b"two"})
        self.assertIn("the power went", self.ok("inspect", "--storage", "0,2048,1024", path))


if __name__ == "__main__":
    unittest.main()
