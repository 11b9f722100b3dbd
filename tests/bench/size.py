"""How often everything is measured."""

from typing import NamedTuple


class Size(NamedTuple):
    """Repetitions, and seconds of load."""

    triggers: int
    starts: int
    #: Runs of a playbook without tasks.
    noops: int
    bursts: int
    #: Of each kind.
    stops: int
    load: float
    #: The stop table's hosts per run, and runs stopped at once.
    stopping_hosts: tuple[int, ...]
    stopping_at_once: tuple[int, ...]
    #: Stops of each cell, at least: batches are started until there were so many.
    stopping_samples: int
    #: Seconds for all tasks of a batch to come to sleep; a cell that takes longer is left out.
    stopping_patience: float
    #: Of each fault.
    faults: int
    #: Of the watchdog, and the final rows among which it works.
    rounds: int
    final_rows: int
    #: Looks at each page of a list, and at metrics and statistics, among as many final rows.
    pages: int
    looks: int
    #: Who follows a run at once, and the lines that each of them waits for.
    followers: tuple[int, ...]
    lines: int
    #: Runners of ten slots, plays by Ansible beside stubs, runs that wait, and that have ended.
    scale_runners: int
    scale_real: int
    scale_queued: int
    scale_rows: int
    #: Of each request, of stops, and rounds of the watchdog.
    scale_looks: int
    scale_stops: int
    scale_rounds: int
    #: So many runs at once are weighed.
    weighed: tuple[int, ...]
    #: MB that one run prints, as fast as it can.
    flood: int
    #: Repositories of so many files, and the repetitions on each.
    checkouts: tuple[tuple[int, int], ...]
    #: For the disk: which of those, and the runs.
    growing_files: int
    growing_runs: int
    #: Of one process.
    leak_checkouts: int
    #: Plays with the callback plugin, and as many without: of so many hosts and tasks.
    callbacks: int
    callback_plays: tuple[tuple[int, int], ...]
    #: Of each way to read events, and the tasks of the run of 1,000 hosts that they are of.
    reads: int
    event_tasks: int
    #: Old runs that are forgotten while others call.
    forgotten: int


FULL = Size(
    triggers=320,
    starts=30,
    noops=60,
    bursts=6,
    stops=100,
    load=5.0,
    stopping_hosts=(1, 3, 20),
    stopping_at_once=(1, 10, 50),
    stopping_samples=20,
    stopping_patience=180.0,
    faults=5,
    rounds=100,
    final_rows=1_000_000,
    pages=10,
    looks=200,
    followers=(1, 100, 500),
    lines=100,
    scale_runners=20,
    scale_real=50,
    scale_queued=100_000,
    scale_rows=5_000_000,
    scale_looks=200,
    scale_stops=40,
    scale_rounds=6,
    weighed=(10, 50),
    flood=200,
    checkouts=((50, 30), (5_000, 10), (50_000, 3)),
    growing_files=5_000,
    growing_runs=200,
    leak_checkouts=1_000,
    callbacks=5,
    callback_plays=((1, 500), (100, 20)),
    reads=100,
    event_tasks=200,
    forgotten=100_000,
)
#: What `bench` does unless told otherwise: all of it in less than ten minutes.
STANDARD = Size(
    triggers=160,
    starts=10,
    noops=30,
    bursts=2,
    stops=20,
    load=2.0,
    stopping_hosts=(3,),
    stopping_at_once=(1,),
    stopping_samples=2,
    stopping_patience=60.0,
    faults=1,
    rounds=20,
    final_rows=1_000_000,
    pages=1,
    looks=50,
    followers=(1, 100),
    lines=40,
    scale_runners=4,
    scale_real=4,
    scale_queued=2_000,
    scale_rows=50_000,
    scale_looks=60,
    scale_stops=12,
    scale_rounds=3,
    weighed=(10, 50),
    flood=100,
    checkouts=((50, 8),),
    growing_files=50,
    growing_runs=20,
    leak_checkouts=100,
    callbacks=1,
    callback_plays=((1, 100), (10, 20)),
    reads=20,
    event_tasks=50,
    forgotten=100_000,
)
#: For CI, which prints it.
QUICK = Size(
    triggers=80,
    starts=4,
    noops=12,
    bursts=1,
    stops=6,
    load=0.5,
    stopping_hosts=(1, 3),
    stopping_at_once=(1, 10),
    stopping_samples=5,
    stopping_patience=60.0,
    faults=1,
    rounds=10,
    final_rows=20_000,
    pages=2,
    looks=30,
    followers=(1, 100),
    lines=20,
    scale_runners=2,
    scale_real=2,
    scale_queued=200,
    scale_rows=2_000,
    scale_looks=10,
    scale_stops=3,
    scale_rounds=1,
    weighed=(10,),
    flood=40,
    checkouts=((50, 4),),
    growing_files=50,
    growing_runs=20,
    leak_checkouts=100,
    callbacks=1,
    callback_plays=((1, 40), (10, 8)),
    reads=20,
    event_tasks=30,
    forgotten=10_000,
)
