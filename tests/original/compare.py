#!/usr/bin/env python3
"""The real MCUboot and ours, over the same flash states: what each leaves in both slots.

    compare.py --ours PROGRAM --merged FILE [--states N] [--seed S] [--jobs N] [--show NAME]

Both are to leave the same bytes. Where they do not, a mend of ours says why: mends.py has them,
each by name, with the condition under which it may apply and what must hold then. A difference
without a name is a failure.
"""

import argparse
import collections
import concurrent.futures
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import mends
from states import SLOT, Maker, State
from stock import Stock


UNNAMED = "no name for it"


def ours_of(program, states, folder, manner):
    """What our bootloader leaves of each state, and its line about it."""
    given, left = folder / "states.bin", folder / f"{manner}.bin"
    given.write_bytes(b"".join(s.slots for s in states))
    done = subprocess.run([program, "--manner", manner, given, left], check=True,
                          capture_output=True, text=True)
    raw = left.read_bytes()
    lines = done.stdout.splitlines()
    assert len(lines) == len(states) and len(raw) == 2 * SLOT * len(states)
    return [(raw[2 * SLOT * i : 2 * SLOT * (i + 1)], line) for i, line in enumerate(lines)]


def boot_some(job):
    merged, folder, states = job
    stock = Stock(merged, folder)
    return [stock.boot(s.slots) for s in states]


def theirs_of(merged, states, folder, jobs):
    shares = [list(range(i, len(states), jobs)) for i in range(jobs)]
    work = []
    for i, share in enumerate(shares):
        sub = folder / f"job{i}"
        sub.mkdir(exist_ok=True)
        work.append((merged, sub, [states[k] for k in share]))
    found = [None] * len(states)
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        for share, results in zip(shares, pool.map(boot_some, work)):
            for k, result in zip(share, results):
                found[k] = result
    return found


def compare(states, ours, theirs, stock_of):
    """The name under which each state is booked: "same", names of mends, or None."""
    names = [mends.explain(*triple) for triple in zip(states, ours, theirs)]
    open_ = [i for i, name in enumerate(names) if name is None]
    whole = [mends.readings(states[i]) for i in open_]
    again = [k for k, (found, _) in enumerate(whole) if found]
    for k, theirs_whole in zip(again, stock_of([whole[k][1] for k in again])):
        i, (found, state) = open_[k], whole[k]
        name = mends.explain(state, ours[i], mends.unhide(state, theirs_whole))
        if name is not None:
            names[i] = " + ".join(found + ([] if name == "same" else [name]))
    return names


def tell(state, ours, theirs, where):
    print(f"--- {where}: {state.story}")
    print("ours:  ", ours[1])
    print("theirs:", " | ".join(line for line in theirs[1] if line.startswith(("I:", "W:", "E:"))))
    for name, mine, his in (("P", ours[0][:SLOT], theirs[0][:SLOT]),
                            ("X", ours[0][SLOT:], theirs[0][SLOT:])):
        differ = [k for k in range(SLOT) if mine[k] != his[k]]
        if differ:
            first, last = differ[0], differ[-1]
            print(f"  {name}: {len(differ)} bytes differ, {first:#x}..{last:#x} (end {SLOT - last}):"
                  f" ours {mine[first:first + 16].hex()} theirs {his[first:first + 16].hex()}")


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--ours", required=True)
    args.add_argument("--merged", required=True)
    args.add_argument("--states", type=int, default=1000)
    args.add_argument("--seed", type=int, default=None)
    args.add_argument("--jobs", type=int, default=2)
    args.add_argument("--show", help="tell each state that this mend explains")
    args.add_argument("--most", type=int, default=10, help="how many to tell")
    args = args.parse_args()

    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"original: {args.states} states, seed {seed}", flush=True)
    since = time.monotonic()
    maker = Maker(random.Random(seed))
    with tempfile.TemporaryDirectory(prefix="original") as name:
        folder = pathlib.Path(name)
        # A third of the states are those that our bootloader left of others: theirs has to read
        # our rest points as its own.
        fresh = [maker.state() for _ in range(args.states - args.states // 3)]
        again = [State("after ours: " + s.story, left)
                 for s, (left, _) in zip(fresh, ours_of(args.ours, fresh[: args.states // 3],
                                                         folder, "tandem"))]
        states = fresh + again
        ours = ours_of(args.ours, states, folder, "tandem")
        theirs = theirs_of(args.merged, states, folder, args.jobs)
        names = compare(states, ours, theirs,
                        lambda some: theirs_of(args.merged, some, folder, args.jobs))
        counts = collections.Counter(name or UNNAMED for name in names)
        told = [i for i, name in enumerate(names) if name is None or name == args.show]
        for i in told[: args.most]:
            tell(states[i], ours[i], theirs[i], f"state {i}, {names[i] or UNNAMED}")
            found, whole = mends.readings(states[i])
            if found:
                tell(whole, ours[i], theirs_of(args.merged, [whole], folder, 1)[0],
                     "read as: " + ", ".join(found))
    for key, n in counts.most_common():
        print(f"{n:6}  {key}")
    print(f"original: {args.states} states in {time.monotonic() - since:.0f} s")
    return 1 if counts[UNNAMED] else 0


if __name__ == "__main__":
    sys.exit(main())
