"""A runner that starts one family in the directory it was given and is then killed."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.keeping import Kept, child

kept = Kept(Path(sys.argv[1])).play(child("forking", 4))
print(kept.installation, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
