"""`python -m runner`, whose watchdog does ten rounds in the time of one: a search is short."""

import sys

from runner import watchdog
from runner.__main__ import main

watchdog.ROUND = 0.5  # seconds, for 5
watchdog.WATCH = 2.0  # seconds, for 20: as long as the lease that the searches give their runners

if __name__ == "__main__":
    sys.exit(main())
