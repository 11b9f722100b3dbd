"""`python -m runner`, whose watchdog does ten rounds in the time of one: a search is short."""

import os
import sys

from runner import linux, watchdog
from runner.__main__ import main

watchdog.ROUND = 0.5  # seconds, for 5
watchdog.WATCH = 2.0  # seconds, for 20: as long as the lease that the searches give their runners

if __name__ == "__main__":
    linux.die_with_parent(os.getppid())  # a search that is killed leaves nobody
    sys.exit(main())
