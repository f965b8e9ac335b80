"""Answers of a text classifier (BlazingText's supervised form), on numpy alone.

The model is fastText's: the mean of the vectors of a text's words and word n-grams, a linear layer, softmax.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from labelwright.inference.fasttext_file import FastTextModel, read_model
from labelwright.inference.interface import (
    Answer,
    BadInput,
    BadModel,
    BatchPredictor,
    InferenceError,
    UnsupportedContent,
)
from labelwright.inference.ngrams import (
    END_OF_LINE,
    LABEL_PREFIX,
    line_features,
    token_hashes,
    tokens_of,
)

__all__ = ["TextClassificationPredictor", "load"]

_JSON = "application/json"
_JSONLINES = "application/jsonlines"
_TEXTS_AT_ONCE = 1024


class _Asked(NamedTuple):
    text: str
    k: int


class TextClassificationPredictor(BatchPredictor):
    """Predicts labels of texts.

    Parameters
    ----------
    model : FastTextModel

    Raises
    ------
    BadModel
        It is another kind of fastText model.
    """

    algorithm = "blazingtext"
    content_types: tuple[str, ...] = (_JSON, _JSONLINES)

    def __init__(self, model: FastTextModel) -> None:
        settings = model.settings
        if not settings.is_softmax_classifier:
            raise BadModel(
                "model.bin is no text classifier with softmax over whole words (fastText supervised, loss "
                "softmax, maxn 0), which is all that can be served."
            )
        self.labels = [label.decode("utf-8", "replace") for label in model.labels]
        self._model = model
        self._word = {word: i for i, word in enumerate(model.words)}
        # Hashing takes longer than all else, so that of known words is done here.
        self._hashes = token_hashes(model.words) if settings.n_buckets else np.zeros(0, np.uint64)

    def predict_many(
        self, bodies: Sequence[bytes], content_type: str, accept: str | None
    ) -> list[Answer | InferenceError]:
        """See `labelwright.inference.Predictor.predict_many`."""
        given = self._read_as(content_type)
        _check_accept(accept, given)
        parse, form = (_parse_json, _json) if given == _JSON else (_parse_lines, _lines)
        asked: list[list[_Asked] | InferenceError] = []
        for body in bodies:
            try:
                asked.append(parse(body))
            except InferenceError as error:
                asked.append(error)
        texts = [each.text for part in asked if isinstance(part, list) for each in part]
        found = iter(
            self._answers(texts, [each.k for part in asked if isinstance(part, list) for each in part])
        )
        return [
            (form([next(found) for _ in part]), given) if isinstance(part, list) else part for part in asked
        ]

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Of each label.

        Parameters
        ----------
        texts : sequence of str
            Line ends count as spaces.

        Returns
        -------
        ndarray of shape (n_texts, n_labels), float32
            Columns in the order of ``labels``. A text without any known word gets the same everywhere.
        """
        vectors = np.zeros((len(texts), self._model.settings.dimension), np.float32)
        tokens: list[bytes] = []
        lengths = np.empty(len(texts), np.int64)
        for i, text in enumerate(texts):
            own = [
                token
                for token in tokens_of(text.encode("utf-8", "replace"))
                if token != END_OF_LINE and not token.startswith(LABEL_PREFIX)
            ]
            tokens += own
            tokens.append(END_OF_LINE)
            lengths[i] = len(own) + 1
        settings = self._model.settings
        word = self._word
        words = np.fromiter((word.get(token, -1) for token in tokens), np.int64, len(tokens))
        features, starts = line_features(
            words,
            self._hashes_of(tokens, words),
            np.concatenate([[0], np.cumsum(lengths)]),
            n_words=len(self._model.words),
            n_buckets=settings.n_buckets,
            ngram_length=settings.word_ngrams,
        )
        n_features = np.diff(starts)
        full = np.flatnonzero(n_features)
        if len(full):
            sums = np.add.reduceat(self._model.rows(features), starts[:-1][full], axis=0)
            vectors[full] = sums / n_features[full, None].astype(np.float32)
        scores = vectors @ self._model.output.T  # (n_texts, n_labels)
        scores -= scores.max(axis=1, keepdims=True, initial=-np.inf)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def _hashes_of(self, tokens: list[bytes], words: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """Of every token; nothing in particular where the model has no n-grams."""
        if not len(self._hashes):
            return np.zeros(len(words), np.uint64)
        hashes = self._hashes[words]
        unknown = np.flatnonzero(words < 0)
        if len(unknown):
            hashes[unknown] = token_hashes([tokens[i] for i in unknown])
        return hashes

    def _answers(self, texts: Sequence[str], ks: Sequence[int]) -> list[tuple[list[str], list[float]]]:
        found: list[tuple[list[str], list[float]]] = []
        for first in range(0, len(texts), _TEXTS_AT_ONCE):
            shares = self.probabilities(texts[first : first + _TEXTS_AT_ONCE])
            for row, k in zip(shares, ks[first : first + _TEXTS_AT_ONCE], strict=True):
                best = _top(row, min(k, len(row)))
                found.append(([self.labels[i] for i in best], [round(float(row[i]), 9) for i in best]))
        return found


def load(
    model_dir: Path, description: Mapping[str, Any], *, n_threads: int = 1
) -> TextClassificationPredictor:
    """Open a model folder; see `labelwright.inference.load_predictor`."""
    del description, n_threads
    return TextClassificationPredictor(read_model(model_dir / "model.bin"))


def _top(row: npt.NDArray[np.float32], k: int) -> list[int]:
    """Indices of the k largest, the largest first; of equal ones the lower index."""
    if k == 1:
        return [int(row.argmax())]
    best: list[int] = np.argsort(-row, kind="stable")[:k].tolist()
    return best


def _check_accept(accept: str | None, given: str) -> None:
    """Answers have the type of the request; anything that allows for it will do."""
    wanted = [part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    if not {given, "*/*", "application/*", ""} & set(wanted):
        raise UnsupportedContent(
            f"Accept {accept!r} does not go with Content-Type {given!r}; give the same type for both."
        )


def _parse_json(body: bytes) -> list[_Asked]:
    content = _loaded(body, "The body")
    instances = content.get("instances")
    if not isinstance(instances, list) or not all(isinstance(each, str) for each in instances):
        raise BadInput(
            'The body has no list of texts under "instances"; send {"instances": ["a text"]} with '
            '"configuration": {"k": 2} for the two likeliest labels.'
        )
    configuration = content.get("configuration") or {}
    if not isinstance(configuration, dict):
        raise BadInput('"configuration" must be an object such as {"k": 2}.')
    k = _k(configuration.get("k", 1), '"configuration"')
    return [_Asked(each, k) for each in instances]


def _parse_lines(body: bytes) -> list[_Asked]:
    asked = []
    for number, line in enumerate(body.split(b"\n"), start=1):
        if not line.strip():
            continue
        content = _loaded(line, f"Line {number}")
        source = content.get("source")
        if not isinstance(source, str):
            raise BadInput(f'Line {number} has no text under "source"; send {{"source": "a text"}}.')
        asked.append(_Asked(source, _k(content.get("k", 1), f"Line {number}")))
    return asked


def _loaded(text: bytes, what: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{what} is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise BadInput(f"{what} is a JSON {type(content).__name__}; it must be an object.")
    return content


def _k(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadInput(f'{where} has "k": {json.dumps(value)}; it must be a whole number of at least 1.')
    return value


def _json(answers: Sequence[tuple[list[str], list[float]]]) -> bytes:
    return json.dumps([{"label": labels, "prob": shares} for labels, shares in answers]).encode()


def _lines(answers: Sequence[tuple[list[str], list[float]]]) -> bytes:
    return "".join(
        json.dumps({"prob": shares, "label": labels}) + "\n" for labels, shares in answers
    ).encode()
