"""Measure the whole service from outside: `python3 -m app bench [NAME …] [--quick | --full]`.

Each figure stands beside a floor of the same minutes. Nothing here fails because of a figure.
"""

import argparse
import itertools
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from app.bootstrap import terminal
from tests.bench import (
    bursts,
    callback,
    checkouts,
    events,
    floods,
    follows,
    lists,
    load,
    memory,
    page,
    platform,
    recovery,
    retention,
    road,
    scale,
    stopping,
    stops,
    triggers,
    watchdog,
)
from tests.bench.size import FULL, QUICK, STANDARD, Size
from tests.bench.table import Measured, markdown, table

BENCHMARKS: dict[str, Callable[[Size], Sequence[Measured]]] = {
    "triggers": triggers.measure,
    "road": road.measure,
    "bursts": bursts.measure,
    "stops": stops.measure,
    "stopping": stopping.measure,
    "platform": platform.measure,
    "recovery": recovery.measure,
    "watchdog": watchdog.measure,
    "load": load.measure,
    "scale": scale.measure,
    "memory": memory.measure,
    "follows": follows.measure,
    "floods": floods.measure,
    "lists": lists.measure,
    "page": page.measure,
    "checkouts": checkouts.measure,
    "callback": callback.measure,
    "events": events.measure,
    "retention": retention.measure,
}


#: Only when they are asked for by name: a platform, an archive to be forgotten, and a crowd.
BY_NAME = ("platform", "retention", "scale")

SIZES: dict[Size, tuple[str, str]] = {
    QUICK: ("--quick", "few repetitions, for CI"),
    FULL: ("--full", "many repetitions: an hour and more"),
}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python3 -m app bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    sizes = parser.add_mutually_exclusive_group()
    for size, (flag, meaning) in SIZES.items():
        sizes.add_argument(flag, dest="size", action="store_const", const=size, help=meaning)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--markdown", action="store_true", help="print the table for the README")
    options = parser.parse_args(arguments)
    options.size = options.size or STANDARD
    if unknown := set(options.names) - BENCHMARKS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    return options


def run(options: argparse.Namespace) -> int:
    """Measure and print one table, or the own tables of those that were asked for by name.

    One that breaks is named at the end, and the others are measured all the same.
    """
    measured: list[Measured] = []
    broken: list[str] = []
    for name in options.names or [each for each in BENCHMARKS if each not in BY_NAME]:
        began = time.monotonic()
        try:
            of_this = BENCHMARKS[name](options.size)
        except Exception:
            traceback.print_exc()
            broken.append(name)
            continue
        measured += of_this
        terminal.say(f"{name}: {time.monotonic() - began:.0f} s")
        if options.names and not options.markdown:
            for _, alike in itertools.groupby(of_this, type):
                print(table(list(alike)), flush=True)
    figures = [figure for each in measured for figure in each.figures()]
    if figures and (options.markdown or not options.names):
        print((markdown if options.markdown else table)(figures), flush=True)
    if options.json:
        options.json.write_text(json.dumps([each.as_json() for each in measured], indent=1))
    print(f"{machine()}; load {os.getloadavg()[0]:.1f} at the end")
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def machine() -> str:
    """Name what this was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({names[0] if names else 'unknown'}), {memory:.0f} GiB"


def main() -> int:
    """Run the command; however it ends, nothing that it has started is left."""
    options = parse(sys.argv[1:])
    return terminal.exit_code(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
