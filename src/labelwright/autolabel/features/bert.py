"""A BERT network's forward pass from plain weights; imports torch.

Many sentence encoders (MiniLM, BGE, E5, GTE) are such networks. Nothing of the file is executed: the
form of the network is written here, and the file holds numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import InvalidRequest

__all__ = ["Bert"]

_LAYERS_MOST, _WIDTH_MOST = 64, 8192


class Bert:
    """Token vectors of a BERT encoder.

    Parameters
    ----------
    config : Mapping
        Of ``config.json``: ``model_type`` bert, ``hidden_act`` gelu, absolute positions.
    weights : Path
        ``model.safetensors``.

    Raises
    ------
    InvalidRequest
        For another kind of network, or weights that do not fit it.

    References
    ----------
    J. Devlin, M.-W. Chang, K. Lee, K. Toutanova, "BERT: pre-training of deep bidirectional transformers for
    language understanding", NAACL 2019, arXiv:1810.04805.
    """

    def __init__(self, config: Mapping[str, Any], weights: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        kind = (
            config.get("model_type"),
            config.get("hidden_act"),
            config.get("position_embedding_type", "absolute"),
        )
        if kind != ("bert", "gelu", "absolute"):
            raise InvalidRequest(
                f"{weights.parent} holds a network of kind {kind}; known here is only ('bert', 'gelu', "
                "'absolute'). Give it as an ONNX graph, onnx/model.onnx.",
                field="text encoder",
            )
        try:
            self._n_layers = _count(config, "num_hidden_layers", _LAYERS_MOST)
            self._n_heads = _count(config, "num_attention_heads", _WIDTH_MOST)
            self.width = _count(config, "hidden_size", _WIDTH_MOST)
            self._epsilon = float(config["layer_norm_eps"])
            if self.width % self._n_heads:
                raise ValueError(f"{self.width} is not a multiple of {self._n_heads}")
            found = load_file(weights)
            self._weights = {name.removeprefix("bert."): value.float() for name, value in found.items()}
            self.tokens(np.zeros((1, 2), np.int64), np.ones((1, 2), np.int64))
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError, IndexError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InvalidRequest(
                f"{weights} does not hold the network that config.json describes: {reason}",
                field="text encoder",
            ) from error

    def tokens(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors (n, length, width) of token numbers (n, length); the mask is 0 where a text has ended."""
        import torch
        from torch.nn import functional

        w = self._weights

        def linear(x: Any, name: str) -> Any:
            return functional.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

        def norm(x: Any, name: str) -> Any:
            return functional.layer_norm(
                x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], self._epsilon
            )

        n, length = ids.shape
        heads = (n, length, self._n_heads, self.width // self._n_heads)
        with torch.inference_mode():
            x = w["embeddings.word_embeddings.weight"][torch.from_numpy(ids)]
            x = x + w["embeddings.position_embeddings.weight"][:length]
            x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
            is_there = torch.from_numpy(mask).bool()[:, None, None, :]
            for i in range(self._n_layers):
                layer = f"encoder.layer.{i}"
                query, key, value = (
                    linear(x, f"{layer}.attention.self.{name}").view(heads).transpose(1, 2)
                    for name in ("query", "key", "value")
                )
                seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=is_there)
                seen = seen.transpose(1, 2).reshape(n, length, self.width)
                x = norm(
                    x + linear(seen, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm"
                )
                inner = functional.gelu(linear(x, f"{layer}.intermediate.dense"))
                x = norm(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
            return np.asarray(x.numpy(), np.float32)


def _count(config: Mapping[str, Any], name: str, most: int) -> int:
    value = config[name]
    if not isinstance(value, int) or not 0 < value <= most:
        raise ValueError(f"{name} is {value!r}, not a whole number from 1 to {most}")
    return value
