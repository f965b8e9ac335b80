"""Deal the samples of one named pipe out to several processes of the host, each with a pipe of its own.

A pipe can be read by one process only. The reader here takes whole samples and gives them to the others in
turn, so all of them see the same number, and each its own. It cannot block for good: a process that waits for
the others at a step has taken as many samples as they were given.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from labelwright import recordio
from labelwright.train.toolkit.environment import TrainingChannel

__all__ = ["Dealer"]

_POLL_S = 0.02


class Dealer:
    """Deals one channel, epoch after epoch, in a thread.

    Parameters
    ----------
    channel : TrainingChannel
        In Pipe mode.
    folder : Path
        The pipe of process ``p`` and opening ``i`` is ``folder/p/<channel>_i``.
    n_local : int
        Processes of this host.
    first, n_turns : int
        Sample ``i`` goes to the local process ``i % n_turns - first``, if there is one of that number.
    """

    def __init__(
        self,
        channel: TrainingChannel,
        folder: Path,
        n_local: int,
        *,
        first: int = 0,
        n_turns: int | None = None,
    ) -> None:
        self._channel = channel
        self._folder = folder
        self._n_local = n_local
        self._first = first
        self._n_turns = n_local if n_turns is None else n_turns
        self._is_closed = threading.Event()
        for local_rank in range(n_local):
            (folder / str(local_rank)).mkdir(parents=True, exist_ok=True)
        self._make(0)
        threading.Thread(target=self._run, name=f"deal-{channel.name}", daemon=True).start()

    def close(self) -> None:
        """Deal no more; a thread that waits for a reader ends with the process."""
        self._is_closed.set()

    def _run(self) -> None:
        i_opening = 0
        while not self._is_closed.is_set():
            source = self._channel.pipe(i_opening)
            while not source.exists():
                if self._is_closed.wait(_POLL_S):
                    return
            self._deal(i_opening, source)
            i_opening += 1

    def _deal(self, i_opening: int, source: Path) -> None:
        """One epoch: opened when the readers are there, closed when the source ends."""
        writers = [self._path(local_rank, i_opening).open("wb") for local_rank in range(self._n_local)]
        self._make(i_opening + 1)
        try:
            records = recordio.read(source)
            for index, first in enumerate(records):
                group = [first]
                if recordio.image_format(first):
                    group += [record for record in [next(records, None)] if record is not None]
                place = index % self._n_turns - self._first
                if 0 <= place < self._n_local:
                    writers[place].write(b"".join(recordio.frame(record) for record in group))
        except BrokenPipeError:
            pass  # a reader has enough of this epoch; so have all
        finally:
            for writer in writers:
                try:
                    writer.close()
                except BrokenPipeError:
                    continue

    def _make(self, i_opening: int) -> None:
        for local_rank in range(self._n_local):
            path = self._path(local_rank, i_opening)
            if not path.exists():
                os.mkfifo(path)

    def _path(self, local_rank: int, i_opening: int) -> Path:
        return self._folder / str(local_rank) / f"{self._channel.name}_{i_opening}"
