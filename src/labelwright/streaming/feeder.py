"""``python -m labelwright.streaming.feeder DESCRIPTION``: the process that feeds a training job's pipes.

The description is a JSON file::

    {"folder": "/opt/ml/input/data", "channels": [ ...channels of InputDataConfig... ], "job_mode": "Pipe",
     "host": 0, "n_hosts": 1, "data_dir": "/var/lib/labelwright", "failure": "/.../feeder.failure",
     "local_files": false}

``data_dir`` reads the embedded store's files; without it ``s3://`` is what the usual AWS variables lead to.
``local_files`` allows paths of this machine, for jobs of whoever owns it. Only Pipe channels are fed.
``{"event": "ready"}`` is printed when the first pipes are there. On SIGTERM, or when standard input ends, the
pipes go away and the program ends with exit code 0. When a channel fails the reason, ``ClientError: ...``, is
in the ``failure`` file before the reader sees the end of its pipe, and the exit code is 1.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from labelwright.errors import LabelwrightError
from labelwright.streaming.channel import Channel
from labelwright.streaming.objects import open_objects
from labelwright.streaming.pipe import PipeFeeder
from labelwright.streaming.problems import failure_reason
from labelwright.streaming.reader import ChannelReader

__all__ = ["main", "run"]


def main() -> int:
    """Feed what the file named on the command line describes."""
    if len(sys.argv) != 2:
        print("usage: python -m labelwright.streaming.feeder DESCRIPTION", file=sys.stderr)
        return 2
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    threading.Thread(target=_wait_for_end_of_input, args=(is_over,), daemon=True).start()
    return run(json.loads(Path(sys.argv[1]).read_bytes()), is_over)


def run(description: dict[str, Any], is_over: threading.Event) -> int:
    """Feed pipes until ``is_over`` or a failure.

    Parameters
    ----------
    description : dict
        See the module.
    is_over : threading.Event
        Set by whoever ends it.

    Returns
    -------
    int
        0, or 1 when a channel failed.
    """
    failed: list[BaseException] = []

    def fail(_name: str, error: BaseException) -> None:
        failed.append(error)
        if path := description.get("failure"):
            _write_whole(Path(path), failure_reason(error))
        is_over.set()

    try:
        # A manifest of somebody else's must not name files of this machine.
        objects = open_objects(
            data_dir=description.get("data_dir"), local_files=bool(description.get("local_files", False))
        )
        channels = [
            Channel.from_request(channel, description.get("job_mode", "File"))
            for channel in description["channels"]
        ]
        readers = [
            ChannelReader(
                channel,
                objects,
                host=int(description.get("host", 0)),
                n_hosts=int(description.get("n_hosts", 1)),
            )
            for channel in channels
            if channel.mode == "Pipe"
        ]
    except (LabelwrightError, OSError) as error:
        fail("", error)
        print(failure_reason(error), file=sys.stderr)
        return 1
    with PipeFeeder(description["folder"], readers, on_failure=fail):
        print(json.dumps({"event": "ready"}), flush=True)
        is_over.wait()
    if failed:
        print(failure_reason(failed[0]), file=sys.stderr)
    return 1 if failed else 0


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def _wait_for_end_of_input(is_over: threading.Event) -> None:
    while os.read(0, 1 << 16):  # sys.stdin has a lock that must be free when the interpreter ends
        pass
    is_over.set()


if __name__ == "__main__":
    sys.exit(main())
