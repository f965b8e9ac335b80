"""Text of a channel, from wherever the channel has it, as numbers of tokens in a scratch file.

Every distinct token gets the next number when it is first seen; the numbers, four bytes each, are all that is
kept of the text. So memory grows with the vocabulary, never with the corpus, and the text is read once.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from labelwright import recordio
from labelwright.inference.ngrams import END_OF_LINE, LABEL_PREFIX
from labelwright.recordio import RecordIOError
from labelwright.train.toolkit.environment import TrainingChannel
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.problems import CustomerError
from labelwright.train.toolkit.samples import appeared

__all__ = ["LINE_END", "EncodedText", "Lexicon", "encode", "text_of_channel"]

LINE_END = 0
"""Number of the token that ends a line."""

# NUL counts as white space, so no token of a text is one.
_LINE_END_TOKEN = b"\0"
_BLOCK_BYTES = 1 << 22
_TOLD_TOKENS = 10_000_000


class Lexicon(dict[bytes, int]):
    """Numbers of tokens; an unknown token gets the next one when it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self[_LINE_END_TOKEN] = LINE_END

    def __missing__(self, token: bytes) -> int:
        number = self[token] = len(self)
        return number


@dataclasses.dataclass(frozen=True, slots=True)
class EncodedText:
    """A channel as numbers.

    Attributes
    ----------
    tokens : ndarray of shape (n_tokens,), int32
        Mapped from the scratch file; `LINE_END` closes every line.
    """

    tokens: npt.NDArray[np.int32]


def encode(blocks: Iterable[bytes], lexicon: Lexicon, scratch: Path, log: JobLog) -> EncodedText:
    """Number the tokens of a text.

    Parameters
    ----------
    blocks : iterable of bytes
        Whole lines.
    lexicon : Lexicon
        Grows.
    scratch : Path
        File to write.
    log : JobLog
        Told every ten million words.
    """
    n_tokens = n_told = 0
    with scratch.open("wb") as file:
        for block in blocks:
            tokens = block.replace(b"\0", b" ").replace(b"\n", b" \0 ").split()
            if END_OF_LINE in block:
                tokens = [token for token in tokens if token != END_OF_LINE]
            numbers = np.fromiter(map(lexicon.__getitem__, tokens), np.int32, len(tokens))
            file.write(numbers.tobytes())
            n_tokens += len(numbers)
            while n_tokens - n_told >= _TOLD_TOKENS:
                n_told += _TOLD_TOKENS
                log.plain(f"Read {n_told // 1_000_000}M words")
    if n_told == 0 or n_tokens - n_told >= 1_000_000:
        log.plain(f"Read {n_tokens // 1_000_000}M words")
    if not n_tokens:
        return EncodedText(np.empty(0, np.int32))
    return EncodedText(np.memmap(scratch, np.int32, "r"))


def text_of_channel(channel: TrainingChannel) -> Iterator[bytes]:
    """Blocks of whole lines, in which tokens that begin with ``__label__`` are the labels.

    Parameters
    ----------
    channel : TrainingChannel
        Files of text; or a pipe with text, or with records of source and label (augmented manifest).

    Raises
    ------
    CustomerError
        The stream is cut off, or a label cannot be read.
    """
    if channel.mode == "Pipe":
        yield from _piped(channel)
        return
    paths = sorted(path for path in channel.folder.rglob("*") if path.is_file())
    for path in paths:
        with path.open("rb") as file:
            if file.peek(4)[:4] == recordio.MAGIC_BYTES:
                yield from _of_records(recordio.read(path), channel.name)
            else:
                yield from _line_blocks(file)


def _piped(channel: TrainingChannel) -> Iterator[bytes]:
    with appeared(channel.pipe(0)).open("rb") as pipe:
        if pipe.peek(4)[:4] == recordio.MAGIC_BYTES:
            yield from _of_records(recordio.read(pipe), channel.name)
        else:
            yield from _line_blocks(pipe)


def _line_blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        block += file.readline()
        yield block if block.endswith(b"\n") else block + b"\n"


def _of_records(records: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Records are whole files of lines with labels, or in turn a text and its label."""
    try:
        first = next(records, None)
        if first is None:
            return
        if LABEL_PREFIX in first:
            for record in itertools.chain([first], records):
                yield record + b"\n"
            return
        lines: list[bytes] = []
        n_bytes = 0
        for number, source in enumerate(itertools.chain([first], records), start=1):
            label = next(records, None)
            if label is None:
                raise CustomerError(
                    f"Channel {name!r} ends within sample {number}: its text has no label. Give two "
                    "AttributeNames, the text's and the label's, in this order."
                )
            line = b" ".join((*_labels(label, number, name), b" ".join(source.split()))) + b"\n"
            lines.append(line)
            n_bytes += len(line)
            if n_bytes >= _BLOCK_BYTES:
                yield b"".join(lines)
                lines, n_bytes = [], 0
        yield b"".join(lines)
    except RecordIOError as error:
        raise CustomerError(f"Channel {name!r} cannot be read as RecordIO: {error}") from error


def _labels(record: bytes, number: int, name: str) -> list[bytes]:
    """Tokens of a label: a number, a name, or a list of those."""
    try:
        value = json.loads(record)
    except ValueError:
        value = record.decode("utf-8", "replace")
    values = value if isinstance(value, list) else [value]
    tokens = []
    for each in values:
        text = str(int(each)) if isinstance(each, float) and each.is_integer() else str(each)
        if isinstance(each, dict | list | bool) or each is None or not text.split():
            shown = record[:200].decode("utf-8", "replace")
            raise CustomerError(
                f"Sample {number} of channel {name!r} has the label {shown}; it must be a class number or a "
                "list of class numbers, such as 1 or [2, 4, 5]."
            )
        tokens.append(LABEL_PREFIX + "_".join(text.split()).encode().removeprefix(LABEL_PREFIX))
    return tokens
