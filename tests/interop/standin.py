#!/usr/bin/env python3
"""A virtual device that is started, and says that it is ready, like one of Zephyr's test servers.

    standin.py ENTRY.json [PORT]

The entry (test_smpclient_suite.py writes it) has the arguments of `tandem sim` and the link that
whoever starts the server expects: a pty whose name is printed, UDP, or a serial line on PORT.
The flash and the files of the device lie below the working directory.
"""

import json
import os
import sys


def announce(pipe, ready):
    """Passes on what the device says, and says itself what is waited for."""
    with os.fdopen(pipe, "r", errors="replace") as lines:
        for line in lines:
            print(line, end="", flush=True)
            if line.startswith("ready:"):
                print(ready, flush=True)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        entry = json.load(f)
    link, ready = entry["link"], ""
    if link == "--pty":
        path = os.path.abspath("uart0")
        link, ready = ["--pty", path + entry["options"]], f"uart connected to pseudotty: {path}"
    elif link == "--udp":
        link, ready = ["--udp", entry["where"]], "smp_udp: Started"
    else:
        link = ["--tcp", f"127.0.0.1:{sys.argv[2]}{entry['options']}"]
    reads, writes = os.pipe()
    if os.fork() == 0:
        os.close(writes)
        announce(reads, ready)
        os._exit(0)
    os.dup2(writes, 1)
    for fd in (reads, writes):
        os.close(fd)
    os.execv(entry["tandem"], [entry["tandem"], "sim", entry["profile"], "--state", "state",
                               *entry["program"], *link])


if __name__ == "__main__":
    main()
