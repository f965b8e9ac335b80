"""How the programs walk over their epochs: early end, best weights, and going on after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")

import torch
from torch import Tensor, nn

from labelwright.train.toolkit.checkpoints import Checkpoints
from labelwright.train.toolkit.distributed import Processes
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.epochs import Epochs
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.precision import precision_for
from labelwright.train.toolkit.stopping import StopWish

pytestmark = pytest.mark.train

ENDLESS = {"early_stopping": False, "early_stopping_min_epochs": 1, "early_stopping_patience": 1}


class Run:
    """A network of two weights; each epoch adds momentum, so that the optimizer's state matters."""

    def __init__(self, folder: Path, **values: Any) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(2, 1)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1, momentum=0.9)
        self.trained: list[int] = []
        self.wish = StopWish()
        self.epochs = Epochs(
            self.network,
            self.optimizer,
            {**ENDLESS, "early_stopping_tolerance": 0.0, **values},
            processes=Processes(Environment(folder, {}, {}), 0, 1, 0, 1),
            precision=precision_for(wanted="float32"),
            checkpoints=Checkpoints(folder, {"network": "linear"}),
            log=JobLog(),
            score_name="validation accuracy",
        )

    def go(self, scores: list[float], *, stop_in: int | None = None) -> Tensor:
        """Train, with these scores by epoch; the weights in the end."""
        for epoch in self.epochs.left(self.wish):
            self.trained.append(epoch)
            self.optimizer.zero_grad()
            (self.network(torch.tensor([[1.0, epoch + 1.0]])) ** 2).sum().backward()
            self.optimizer.step()
            self.epochs.n_steps += 1
            if epoch == stop_in:
                self.wish.is_there = True
                break
            self.epochs.take_score(scores[epoch], {"validation:accuracy": scores[epoch]})
        return torch.cat([value.detach().flatten().clone() for value in self.network.parameters()])


def test_a_resumed_run_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    scores = [0.1, 0.7, 0.3, 0.5]
    unbroken = Run(tmp_path / "unbroken", epochs=4)
    weights = unbroken.go(scores)

    Run(tmp_path / "broken", epochs=4).go(scores, stop_in=2)
    second = Run(tmp_path / "broken", epochs=4)
    assert torch.equal(second.go(scores), weights)
    assert second.trained == [2, 3]
    assert second.epochs.n_steps == unbroken.epochs.n_steps == 4
    assert second.epochs.best.epoch == 1
    assert second.epochs.best_metrics == {"validation:accuracy": 0.7}


def test_training_that_ended_early_stays_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = [0.5, 0.4, 0.3, 0.9, 0.9]
    first = Run(tmp_path, epochs=5, early_stopping=True, early_stopping_patience=2)
    first.go(scores)
    assert first.trained == [0, 1, 2]
    assert "no better validation accuracy in 2 epochs" in capsys.readouterr().out

    again = Run(tmp_path, epochs=5, early_stopping=True, early_stopping_patience=2)
    again.go(scores)
    assert again.trained == []
    assert again.epochs.best.epoch == 0


def test_an_epoch_that_was_broken_off_leaves_no_checkpoint(tmp_path: Path) -> None:
    run = Run(tmp_path, epochs=3)
    run.go([0.1], stop_in=0)
    assert run.epochs.n_done == 0
    assert list(tmp_path.iterdir()) == []
