"""Measure the whole service from outside: `python3 -m app bench [NAME …] [--quick] [--json FILE]`.

Each figure stands beside a floor of the same minutes. Nothing here fails because of a figure.
"""

import argparse
import itertools
import json
import os
import sys
import time
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
    recovery,
    road,
    starts,
    stopping,
    stops,
    triggers,
    watchdog,
)
from tests.bench.size import FULL, QUICK, Size
from tests.bench.table import Measured, table

BENCHMARKS: dict[str, Callable[[Size], Sequence[Measured]]] = {
    "triggers": triggers.measure,
    "starts": starts.measure,
    "road": road.measure,
    "bursts": bursts.measure,
    "stops": stops.measure,
    "stopping": stopping.measure,
    "recovery": recovery.measure,
    "watchdog": watchdog.measure,
    "load": load.measure,
    "memory": memory.measure,
    "follows": follows.measure,
    "floods": floods.measure,
    "lists": lists.measure,
    "page": page.measure,
    "checkouts": checkouts.measure,
    "callback": callback.measure,
    "events": events.measure,
}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python3 -m app bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="few repetitions: ten minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - BENCHMARKS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    return options


def run(options: argparse.Namespace) -> int:
    """Measure, and print a table after each benchmark: a later one may fail."""
    figures: list[Measured] = []
    for name in options.names or BENCHMARKS:
        began = time.monotonic()
        measured = BENCHMARKS[name](QUICK if options.quick else FULL)
        figures += measured
        terminal.say(f"{name}: {time.monotonic() - began:.0f} s")
        for _, alike in itertools.groupby(measured, type):
            print(table(list(alike)), flush=True)
    if options.json:
        options.json.write_text(json.dumps([figure.as_json() for figure in figures], indent=1))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")
    return 0


def main() -> int:
    """Run the command; however it ends, nothing that it has started is left."""
    options = parse(sys.argv[1:])
    return terminal.exit_code(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
