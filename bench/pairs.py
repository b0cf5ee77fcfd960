"""Runs two commands in turn and compares their wall-clock times pair by pair."""

import statistics
import subprocess
import time


def seconds(command):
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def compare(ours, theirs, runs=7, between=lambda: None):
    """Median, minimum and maximum of both, and of the ratio theirs/ours; one warm-up pair."""
    rows = []
    for i in range(runs + 1):
        pair = []
        for command in (ours, theirs):
            between()
            pair.append(seconds(command))
        if i > 0:
            rows.append(pair)
    mine, other = zip(*rows)
    ratios = [t / o for o, t in rows]
    return {
        "ours": spread(mine),
        "theirs": spread(other),
        "ratio": spread(ratios),
    }


def spread(values):
    return statistics.median(values), min(values), max(values)


def row(name, result, unit="s"):
    o, t, r = result["ours"], result["theirs"], result["ratio"]
    return (f"| {name} | {o[0]:.3f} {unit} ({o[1]:.3f} … {o[2]:.3f}) "
            f"| {t[0]:.3f} {unit} ({t[1]:.3f} … {t[2]:.3f}) "
            f"| {r[0]:.1f}× ({r[1]:.1f} … {r[2]:.1f}) |")
