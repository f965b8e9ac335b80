"""The classifier: two matrices, learned by stochastic gradient descent on several threads without locks.

Model of a line with features F and label y: h = mean of E[f] over f in F, p = softmax(W h), loss -log p[y].
The gradients are fastText's; the learning rate falls linearly with the share of text that has been read.

References
----------
Joulin, Grave, Bojanowski, Mikolov: Bag of Tricks for Efficient Text Classification, EACL 2017,
https://aclanthology.org/E17-2068. Recht, Re, Wright, Niu: Hogwild!, NeurIPS 2011.

Notes
-----
Deviations from fastText: it learns line by line in the order of the file; we take lines in an order drawn for
each epoch, in small batches whose gradients are summed, which gives the same model as long as rate times
batch stays moderate (it is kept below 16). With one thread the same seed gives the same numbers; with several
the order in which threads write is not fixed, as in fastText. Of a line with several labels each epoch
learns one, drawn at random.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from labelwright.train.text_classification.features import Lines

__all__ = ["Classifier", "Progress"]

_BATCH_MAX = 64
_RATE_TIMES_BATCH_MAX = 16.0
_LINES_AT_ONCE = 4096
_LINES_JUDGED_AT_ONCE = 1024


@dataclasses.dataclass(slots=True)
class Progress:
    """How far training is; shared by the threads.

    Attributes
    ----------
    n_total : int
        Features in all epochs.
    rate : float
        Learning rate at the beginning.
    n_done : int
    """

    n_total: int
    rate: float
    n_done: int = 0

    @property
    def share(self) -> float:
        """Of the text that has been read, from 0 to 1."""
        return min(1.0, self.n_done / max(1, self.n_total))

    @property
    def rate_now(self) -> float:
        """Falls linearly to 0."""
        return self.rate * (1.0 - self.share)


@dataclasses.dataclass(frozen=True, slots=True)
class _Block:
    """Some thousand lines, gathered in the order in which they are learned.

    ``rows`` and ``i_line`` (n_features,), ``starts`` (n_lines + 1,), ``one_by_length`` (n_lines, 1),
    ``labels`` (n_lines, 1).
    """

    rows: Tensor
    i_line: Tensor
    starts: Tensor
    one_by_length: Tensor
    labels: Tensor


class Classifier:
    """The matrices and what is done with them.

    Parameters
    ----------
    n_rows, n_labels, dimension : int
    n_threads : int
    seed : int
    """

    def __init__(self, n_rows: int, n_labels: int, dimension: int, *, n_threads: int, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        # One row more, of zeros, for what training never saw.
        self.embedding = torch.empty(n_rows + 1, dimension)
        self.embedding.uniform_(-1.0 / dimension, 1.0 / dimension, generator=generator)
        self.embedding[n_rows] = 0.0
        self.output = torch.zeros(n_labels, dimension)
        self._n_threads = n_threads
        self._seed = seed

    def learn_epoch(
        self,
        lines: Lines,
        epoch: int,
        progress: Progress,
        *,
        is_to_stop: Callable[[], bool] = lambda: False,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        """Go over all lines once.

        Parameters
        ----------
        lines : Lines
        epoch : int
            Decides the order.
        progress : Progress
            Counted up.
        is_to_stop : callable
            Asked every few thousand lines.
        tell : callable
            Called as often.

        Raises
        ------
        FloatingPointError
            The matrices are not finite any more.
        """
        blocks = _blocks(lines, np.random.default_rng((self._seed, epoch)))
        batch = int(_RATE_TIMES_BATCH_MAX / (progress.rate * self._n_threads))
        batch = max(1, min(_BATCH_MAX, batch))
        lock = threading.Lock()
        failures: list[BaseException] = []

        def work() -> None:
            torch.set_num_threads(1)
            try:
                while not is_to_stop() and not failures:
                    with lock:
                        block = next(blocks, None)
                        tell()
                    if block is None:
                        return
                    self._learn(block, batch, progress)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(self._n_threads - 1)]
        for thread in threads:
            thread.start()
        work()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        if not bool(torch.isfinite(self.output).all()):
            raise FloatingPointError("the weights are not finite any more")

    @torch.inference_mode()
    def _learn(self, block: _Block, batch: int, progress: Progress) -> None:
        embedding, output = self.embedding, self.output
        bounds = block.starts[::batch].tolist()
        n_lines = len(block.labels)
        if n_lines % batch:
            bounds.append(int(block.starts[-1]))
        minus_one = torch.full((batch, 1), -1.0)
        for i_batch in range(len(bounds) - 1):
            first, last = i_batch * batch, min((i_batch + 1) * batch, n_lines)
            low, high = bounds[i_batch], bounds[i_batch + 1]
            rows = block.rows[low:high]
            # (batch, dimension)
            hidden = torch.embedding_bag(embedding, rows, block.starts[first:last] - low, False, 1)[0]
            error = torch.softmax(hidden @ output.T, 1)  # (batch, n_labels)
            error.scatter_add_(1, block.labels[first:last], minus_one)
            error *= -progress.rate_now
            step = (error @ output).mul_(block.one_by_length[first:last])
            output.addmm_(error.T, hidden)
            embedding.index_add_(0, rows, step.index_select(0, block.i_line[low:high] - first))
            progress.n_done += high - low

    @torch.inference_mode()
    def accuracy(self, lines: Lines) -> float:
        """Share of lines whose likeliest label is one of theirs; 0 without lines."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._n_threads)
        n_right = 0
        try:
            for first in range(0, len(lines), _LINES_JUDGED_AT_ONCE):
                last = min(first + _LINES_JUDGED_AT_ONCE, len(lines))
                starts = lines.starts[first : last + 1]
                rows = torch.from_numpy(lines.rows[starts[0] : starts[-1]].astype(np.int64))
                offsets = torch.from_numpy(starts[:-1] - starts[0])
                hidden = torch.embedding_bag(self.embedding, rows, offsets, False, 1)[0]
                best = (hidden @ self.output.T).argmax(1).numpy()
                counts = np.diff(lines.label_starts[first : last + 1])
                labels = lines.labels[lines.label_starts[first] : lines.label_starts[last]]
                hits = labels == np.repeat(best, counts)
                n_right += len(np.unique(np.repeat(np.arange(last - first), counts)[hits]))
        finally:
            torch.set_num_threads(before)
        return n_right / len(lines) if len(lines) else 0.0

    def copy(self) -> tuple[Tensor, Tensor]:
        """The matrices as they are now."""
        return self.embedding.clone(), self.output.clone()

    def restore(self, copied: tuple[Tensor, Tensor]) -> None:
        """Put matrices back."""
        self.embedding, self.output = copied


def _blocks(lines: Lines, generator: np.random.Generator) -> Iterator[_Block]:
    order = generator.permutation(len(lines))
    for first in range(0, len(order), _LINES_AT_ONCE):
        chosen = order[first : first + _LINES_AT_ONCE]
        begins = lines.starts[chosen]
        lengths = lines.starts[chosen + 1] - begins
        starts = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(starts[-1]) + np.repeat(begins - starts[:-1], lengths)
        n_labels = lines.label_starts[chosen + 1] - lines.label_starts[chosen]
        drawn = (generator.random(len(chosen)) * n_labels).astype(np.int64)
        labels = lines.labels[lines.label_starts[chosen] + drawn].astype(np.int64)
        yield _Block(
            torch.from_numpy(lines.rows[places].astype(np.int64)),
            torch.from_numpy(np.repeat(np.arange(len(chosen)), lengths)),
            torch.from_numpy(starts),
            torch.from_numpy((1.0 / lengths).astype(np.float32)[:, None]),
            torch.from_numpy(labels[:, None]),
        )
