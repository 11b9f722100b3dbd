"""`python -m runner`, which ends with the search that has started it."""

import os
import sys

from runner import linux
from runner.__main__ import main

if __name__ == "__main__":
    linux.die_with_parent(os.getppid())
    sys.exit(main())
