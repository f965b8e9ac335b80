"""Texts as vectors of a pretrained sentence encoder in a local folder.

The folder has the layout that such encoders are published in: ``tokenizer.json`` or ``vocab.txt``, and the
network as an ONNX graph (``onnx/model.onnx`` or ``model.onnx``) or as ``config.json`` with
``model.safetensors``. Nothing is downloaded, and no file is one that could run code.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import InvalidRequest

__all__ = ["TextEncoder", "load_text_encoder"]

_TOKENS_MOST = 256  # of a text; the rest of a longer one is not read, as attention costs its square
_TOKENS_AT_ONCE = 4096
_CHUNK = 4096  # texts that are sorted by length together
_GRAPHS = ("onnx/model.onnx", "model.onnx")
_JSON_BYTES_MOST = 64 << 20
_POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    # the root of the length in place of the length makes no difference to vectors of unit length
    "pooling_mode_mean_sqrt_len_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}


class _Network(Protocol):
    """Token vectors (n, length, width) or, of graphs that pool themselves, text vectors (n, width)."""

    def tokens(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]: ...


class TextEncoder:
    """A sentence encoder; call it with texts.

    Parameters
    ----------
    folder : Path
        See the module.
    n_threads : int
        Processor cores it may use.

    Attributes
    ----------
    key : str
        Digest of all that decides on its vectors: a model that was trained on other vectors does not fit.
    width : int
        Numbers in a vector.

    Raises
    ------
    InvalidRequest
        For a folder that does not hold an encoder this module can use, with what is wrong.

    Notes
    -----
    Token vectors are pooled as ``1_Pooling/config.json`` says (mean, first token, maximum), by default by
    their mean, and scaled to unit length. N. Reimers, I. Gurevych, "Sentence-BERT", EMNLP 2019,
    arXiv:1908.10084.
    """

    def __init__(self, folder: Path, *, n_threads: int = 1) -> None:
        if not folder.is_dir():
            raise InvalidRequest(f"The text encoder {folder} is no folder.", field="text encoder")
        graph = next((folder / name for name in _GRAPHS if (folder / name).is_file()), None)
        weights = folder / "model.safetensors"
        if graph is None and not weights.is_file():
            raise InvalidRequest(
                f"The text encoder {folder} has neither {_GRAPHS[0]} nor model.safetensors.",
                field="text encoder",
                rule="an ONNX graph, or config.json with model.safetensors",
            )
        self._pooling = _pooling_of(folder)
        config = _json_of(folder / "config.json")
        self._tokenizer = _tokenizer_of(folder, config)
        self._network: _Network
        if graph is not None:
            self._network = _Graph(graph, n_threads)
        else:
            import torch

            from labelwright.autolabel.features.bert import Bert

            torch.set_num_threads(n_threads)
            self._network = Bert(config, weights)
        self.key = _digest(folder, graph or weights, self._pooling)
        self.width = self._vectors([[0]]).shape[1]

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n_texts, width) of unit length; texts beyond 256 tokens count by their beginning."""
        rows = [self._chunk(texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK)]
        return np.concatenate(rows) if rows else np.empty((0, self.width), np.float32)

    def _chunk(self, texts: Sequence[str]) -> NDArray[np.float32]:
        ids = [found.ids or [0] for found in self._tokenizer.encode_batch(list(texts))]
        lengths = np.array([len(row) for row in ids])
        order = np.argsort(lengths, kind="stable")  # texts of like length go together: little is padding
        out = np.empty((len(texts), self.width), np.float32)
        start = 0
        while start < len(order):
            end = start + 1
            while end < len(order) and (end + 1 - start) * lengths[order[end]] <= _TOKENS_AT_ONCE:
                end += 1
            part = order[start:end]
            out[part] = self._vectors([ids[i] for i in part])
            start = end
        return out

    def _vectors(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        length = max(len(row) for row in rows)
        ids, mask = np.zeros((len(rows), length), np.int64), np.zeros((len(rows), length), np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = row, 1
        found = self._network.tokens(ids, mask)
        pooled = found if found.ndim == 2 else _pooled(found, mask.astype(np.float32), self._pooling)
        lengths = np.linalg.norm(pooled, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            raise InvalidRequest("The text encoder gives vectors that are not finite.", field="text encoder")
        return np.asarray(pooled / np.maximum(lengths, 1e-12), np.float32)


@functools.lru_cache(maxsize=1)
def load_text_encoder(folder: Path, n_threads: int = 1) -> TextEncoder:
    """The encoder of a folder, kept for the next call."""
    return TextEncoder(folder, n_threads=n_threads)


class _Graph:
    """An ONNX graph with the inputs that exporters of such encoders give it."""

    def __init__(self, path: Path, n_threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of many kinds of its own
            reason = str(error).splitlines()[0][:300]
            raise InvalidRequest(f"{path} is no graph: {reason}", field="text encoder") from error
        self._inputs = [item.name for item in self._session.get_inputs()]
        names = [item.name for item in self._session.get_outputs()]
        self._output = next(
            (name for name in ("sentence_embedding", "last_hidden_state") if name in names), names[0]
        )
        odd = set(self._inputs) - {"input_ids", "attention_mask", "token_type_ids"}
        if odd:
            raise InvalidRequest(
                f"{path} wants inputs that are not known: {sorted(odd)}.", field="text encoder"
            )

    def tokens(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (found,) = self._session.run([self._output], {name: given[name] for name in self._inputs})
        if found.ndim not in (2, 3) or len(found) != len(ids):
            raise InvalidRequest(f"The graph's {self._output} has shape {found.shape}.", field="text encoder")
        return np.asarray(found, np.float32)


def _pooled(tokens: NDArray[np.float32], mask: NDArray[np.float32], pooling: str) -> NDArray[np.float32]:
    """Token vectors (n, length, width) as text vectors (n, width)."""
    if pooling == "cls":
        return tokens[:, 0]
    if pooling == "max":
        return np.asarray(np.where(mask[:, :, None] > 0, tokens, -np.inf).max(axis=1), np.float32)
    return np.asarray(np.einsum("ntd,nt->nd", tokens, mask) / mask.sum(axis=1)[:, None], np.float32)


def _pooling_of(folder: Path) -> str:
    path = folder / "1_Pooling" / "config.json"
    config = _json_of(path)
    chosen = {pooling for name, pooling in _POOLINGS.items() if config.get(name)}
    if not config:
        return "mean"
    if len(chosen) != 1:
        raise InvalidRequest(f"{path} does not ask for one of mean, cls and max.", field="text encoder")
    return chosen.pop()


def _tokenizer_of(folder: Path, config: dict[str, Any]) -> Any:
    try:
        from tokenizers import Tokenizer
        from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer
    except ImportError as error:
        raise InvalidRequest(
            "A text encoder needs the package tokenizers: install labelwright[train].", field="text encoder"
        ) from error
    most = _TOKENS_MOST
    for value in (
        config.get("max_position_embeddings"),
        _json_of(folder / "sentence_bert_config.json").get("max_seq_length"),
    ):
        if isinstance(value, int) and value > 2:
            most = min(most, value)
    path, words = folder / "tokenizer.json", folder / "vocab.txt"
    tokenizer: Any
    try:
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
        elif words.is_file():
            is_lower = _json_of(folder / "tokenizer_config.json").get("do_lower_case", True)
            tokenizer = BertWordPieceTokenizer(str(words), lowercase=bool(is_lower))
        else:
            raise InvalidRequest(
                f"The text encoder {folder} has neither tokenizer.json nor vocab.txt.", field="text encoder"
            )
        tokenizer.no_padding()
        tokenizer.enable_truncation(most)
    except InvalidRequest:
        raise
    except Exception as error:  # the package raises plain exceptions
        raise InvalidRequest(f"{folder} has no usable tokenizer: {error}", field="text encoder") from error
    return tokenizer


def _json_of(path: Path) -> dict[str, Any]:
    """A JSON object, empty where there is no such file."""
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _JSON_BYTES_MOST:
            raise ValueError(f"it has more than {_JSON_BYTES_MOST:,} bytes")
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}", field="text encoder") from error
    if not isinstance(content, dict):
        raise InvalidRequest(f"{path} holds no JSON object.", field="text encoder")
    return content


def _digest(folder: Path, network: Path, pooling: str) -> str:
    digest = hashlib.sha256(f"1 {pooling} {_TOKENS_MOST}".encode())
    for path in (network, folder / "tokenizer.json", folder / "vocab.txt"):
        if path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
