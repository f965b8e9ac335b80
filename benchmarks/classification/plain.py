"""The loop one would write with torchvision: files, DataLoader, transforms v2, float32, channels first.

The same network, crops and batches of the same size, one worker. Prints pictures per CPU second.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks.training import lines_of, local

N_BATCHES, BATCH = 6, 16


class Pictures(Dataset[tuple[Tensor, int]]):
    """Crops and class ids."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = lines_of(folder, "train")[: (N_BATCHES + 1) * BATCH]
        self.change = v2.Compose(
            [
                v2.ToImage(),
                v2.Resize(256),
                v2.RandomCrop(224),
                v2.RandomHorizontalFlip(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        line = self.lines[index]
        picture = Image.open(local(self.folder, line["source-ref"])).convert("RGB")
        return self.change(picture), int(line["material"])


def main() -> None:
    """Train some batches and print."""
    network = torchvision.models.mobilenet_v2(num_classes=6).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    loader = DataLoader(Pictures(Path(sys.argv[1])), BATCH, shuffle=True, num_workers=1)
    started = 0.0
    for i, (pictures, truth) in enumerate(loader):
        if i == 1:  # the first batch pays for warming up
            started = time.process_time()
        loss = torch.nn.functional.cross_entropy(network(pictures), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = time.process_time() - started + workers.ru_utime + workers.ru_stime
    print(N_BATCHES * BATCH / cpu_s)


if __name__ == "__main__":
    main()
