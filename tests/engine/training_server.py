"""A server of training jobs in a process of its own, to be killed by the test that started it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from training_workshop import make_training_shop

if __name__ == "__main__":
    make_training_shop(Path(sys.argv[1]), time.time).supervisor.start()
    time.sleep(600)
