"""The loop one would write with torchvision: files, DataLoader, transforms v2, float32, channels first.

The same network, crops and batches of the same size, one worker. Prints pictures per CPU second.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from benchmarks.training import lines_of, local
from labelwright.train.semantic_segmentation.networks import build_segmenter

N_BATCHES, BATCH = 6, 8


class Streets(Dataset[tuple[Tensor, Tensor]]):
    """Crops of pictures and masks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = lines_of(folder, "train")[: (N_BATCHES + 1) * BATCH]
        self.change = v2.Compose(
            [
                v2.RandomResize(240, 960),
                v2.RandomCrop(240, pad_if_needed=True, fill={tv_tensors.Image: 0, tv_tensors.Mask: 255}),
                v2.RandomHorizontalFlip(),
            ]
        )

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        line = self.lines[index]
        picture = tv_tensors.Image(Image.open(local(self.folder, line["source-ref"])).convert("RGB"))
        mask = tv_tensors.Mask(Image.open(local(self.folder, line["street-ref"])))
        picture, mask = self.change(picture, mask)
        truth = mask.squeeze(0).long()
        return picture, torch.where(truth > 10, 255, truth)


def main() -> None:
    """Train some batches and print."""
    network = build_segmenter("mobilenet", "fcn", 11).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    loader = DataLoader(Streets(Path(sys.argv[1])), BATCH, shuffle=True, num_workers=1)
    started = 0.0
    for i, (pictures, truth) in enumerate(loader):
        if i == 1:  # the first batch pays for warming up
            started = time.process_time()
        scores, _ = network.maps(pictures)
        full = torch.nn.functional.interpolate(scores, size=truth.shape[-2:], mode="bilinear")
        loss = torch.nn.functional.cross_entropy(full, truth, ignore_index=255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A worker's time is known when it has ended; its start is in it, as it would be in every epoch.
    cpu_s = time.process_time() - started + workers.ru_utime + workers.ru_stime
    print(N_BATCHES * BATCH / cpu_s)


if __name__ == "__main__":
    main()
