"""Where and how precisely to compute: device, memory format, mixed precision.

On a GPU with bfloat16 the forward pass runs in it; on an older one in float16 with scaled losses. On a CPU
bfloat16 is used where the CPU multiplies it in hardware (AVX512-BF16 or AMX): convolutions are then about
twice as fast. Elsewhere all is float32. ``LABELWRIGHT_PRECISION`` (float32, bfloat16, float16) decides
otherwise. Weights, their updates and losses stay float32 in every case.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from labelwright.train.toolkit.problems import CustomerError

__all__ = ["Precision", "precision_for"]

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclasses.dataclass(frozen=True, slots=True)
class Precision:
    """Device and type of a computation.

    Attributes
    ----------
    device : torch.device
    dtype : torch.dtype
        Of convolutions and matrix products.
    scaler : GradScaler
        Does nothing unless ``dtype`` is float16.
    """

    device: torch.device
    dtype: torch.dtype
    scaler: torch.amp.GradScaler

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """Run the forward pass in here."""
        is_mixed = self.dtype != torch.float32
        with torch.autocast(self.device.type, dtype=self.dtype if is_mixed else None, enabled=is_mixed):
            yield

    def put(self, module: nn.Module) -> nn.Module:
        """The module on the device, its kernels channels last."""
        return module.to(self.device).to(memory_format=torch.channels_last)

    def moved(self, pictures: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (n, c, h, w), channels last, and their labels on the device; types stay."""
        return (
            pictures.to(self.device, non_blocking=True, memory_format=torch.channels_last),
            truth.to(self.device, non_blocking=True),
        )

    def pictures(self, batch: Tensor) -> Tensor:
        """A batch (n, c, h, w) of uint8 on the device, channels last, float32 in [0, 1]."""
        moved = batch.to(self.device, non_blocking=True, memory_format=torch.channels_last)
        return moved.float() / 255 if moved.dtype == torch.uint8 else moved


def precision_for(local_rank: int = 0, *, wanted: str | None = None) -> Precision:
    """The precision for this machine.

    Parameters
    ----------
    local_rank : int
        Which GPU.
    wanted : {"float32", "bfloat16", "float16"}, optional
        Default: ``LABELWRIGHT_PRECISION``, else what the hardware is good at.

    Raises
    ------
    CustomerError
        The wanted type is unknown.
    """
    has_gpu = torch.cuda.is_available()
    device = torch.device("cuda", local_rank) if has_gpu else torch.device("cpu")
    wanted = wanted or os.environ.get("LABELWRIGHT_PRECISION")
    if wanted and wanted not in _TYPES:
        raise CustomerError(f"LABELWRIGHT_PRECISION is {wanted!r}; give one of {', '.join(_TYPES)}.")
    if wanted:
        dtype = _TYPES[wanted]
    elif has_gpu:
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    else:
        dtype = torch.bfloat16 if _cpu_multiplies_bfloat16() else torch.float32
    scaler = torch.amp.GradScaler(device.type, enabled=has_gpu and dtype == torch.float16)
    return Precision(device, dtype, scaler)


def _cpu_multiplies_bfloat16() -> bool:
    return any(
        getattr(torch.cpu, name, bool)()
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # no public name for either yet
    )
