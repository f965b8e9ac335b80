"""Training of small networks on stored feature maps: which rows, how many steps, until when."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_features import FeatureMaps
from labelwright.errors import InvalidRequest
from labelwright.train.schedule import one_cycle_schedule
from labelwright.work import report_progress

__all__ = ["Seen", "load_weights", "save_weights", "seen_in_views", "train_on_maps", "work_seconds"]

_N_VIEWS = 4
_VIEWS_SHARE = 0.3  # of the time for a training that may go into views which are not computed yet
_CHUNK = 8
_BATCH, _N_EPOCHS, _STEPS_LEAST, _STEPS_MAX = 4, 20, 300, 6000
_LEARNING_RATE, _WEIGHT_DECAY, _NORM_MOST = 4e-3, 0.02, 5.0


class Seen(NamedTuple):
    """A picture in a view: its position among the objects, its number and the view's."""

    position: int
    number: int
    i_view: int


def work_seconds() -> float:
    """Time that this program has computed, in seconds of one core for each of torch's threads.

    By this clock and not that of the wall a training is as long, and its model as good, on a machine that
    does other work at the same time.
    """
    return time.process_time() / torch.get_num_threads()


def seen_in_views(
    features: FeatureMaps, objects: Objects, chosen: NDArray[np.int64], *, limit_s: float
) -> list[Seen]:
    """The pictures to train on, each in as many views as were computed or can be in time.

    Parameters
    ----------
    features : FeatureMaps
    objects : Objects
    chosen : ndarray of shape (n,), int64
        Positions to train on, in random order.
    limit_s : float
        Time for the whole training, by `work_seconds`; the pictures as they are get computed in any case.

    Raises
    ------
    InvalidRequest
        When fewer than two pictures can be read.
    """
    ends_at = work_seconds() + _VIEWS_SHARE * limit_s
    found: list[Seen] = []
    for i_view in range(_N_VIEWS):
        for start in range(0, len(chosen), _CHUNK):
            if i_view > 0 and work_seconds() > ends_at:
                return found
            part = chosen[start : start + _CHUNK]
            features.compute(objects, part, i_view)
            is_usable = features.states(objects, part, i_view) == 1
            found += [Seen(int(i), int(objects.ids[i]), i_view) for i in part[is_usable]]
        if len(found) < 2:
            raise InvalidRequest(
                "Too few of the labeled pictures can be read to train from; check that they exist and are "
                "JPEG or PNG files.",
                field="training",
            )
    return found


def train_on_maps(
    net: nn.Module,
    loss_of: Callable[[list[Tensor], Sequence[Seen]], Tensor],
    features: FeatureMaps,
    objects: Objects,
    seen: Sequence[Seen],
    *,
    seed: int,
    limit_s: float,
    folder: Path,
    start_scale: float = 1.0,
) -> None:
    """Train a network until its steps are done or the time is up; it is left in evaluation mode.

    Parameters
    ----------
    net : Module
    loss_of : callable
        ``loss_of(maps, seen)`` of one batch.
    features : FeatureMaps
    objects : Objects
    seen : sequence of Seen
    seed : int
    limit_s : float
    folder : Path
        For progress.
    start_scale : float
        Factor on learning rate and steps; below 1 for a network that has learned before.
    """
    rng = np.random.default_rng([seed, 1])
    n_epochs = _N_EPOCHS * start_scale
    batch = min(_BATCH, len(seen))
    n_steps = int(np.clip(n_epochs * len(seen) / batch, _STEPS_LEAST * start_scale, _STEPS_MAX))
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=_LEARNING_RATE * start_scale, weight_decay=_WEIGHT_DECAY
    )
    scheduler = one_cycle_schedule(optimizer, n_steps=n_steps, time_limit_s=limit_s, clock=work_seconds)
    ends_at = work_seconds() + limit_s
    files = {i_view: features.stored(objects, i_view) for i_view in {item.i_view for item in seen}}
    order = np.empty(0, np.int64)
    _arrange(net)
    net.train()
    for step in range(n_steps):
        if len(order) < batch:
            order = np.concatenate([order, rng.permutation(len(seen))])
        chosen, order = [seen[int(i)] for i in order[:batch]], order[batch:]
        rows = np.stack([files[item.i_view][item.number] for item in chosen])
        loss = loss_of(features.maps(rows), chosen)
        if not torch.isfinite(loss):
            raise InvalidRequest(
                f"The training diverged at step {step}: its loss is no longer a number.", field="training"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call,unused-ignore]  # torch's annotation differs by release
        nn.utils.clip_grad_norm_(net.parameters(), _NORM_MOST)
        optimizer.step()
        scheduler.step()
        if work_seconds() > ends_at:
            break
        if step % 50 == 49:
            report_progress(folder, "training", step=step + 1, of=n_steps, loss=float(loss.detach()))
    net.eval()


def save_weights(path: Path, net: nn.Module, about: Mapping[str, Any]) -> None:
    """Write a network's numbers and what they fit."""
    torch.save({"net": net.state_dict(), "about": dict(about)}, path)


def load_weights(path: Path, net: nn.Module, about: Mapping[str, Any]) -> bool:
    """Read what `save_weights` wrote; False where it was made for other features or classes.

    Raises
    ------
    InvalidRequest
        When the file holds no such network.
    """
    import pickle

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["about"] != dict(about):
            return False
        net.load_state_dict(content["net"])
    except (OSError, RuntimeError, KeyError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise InvalidRequest(
            f"{path.name} is not a model of this kind: {str(error).splitlines()[0]}", field="model"
        ) from error
    _arrange(net)
    net.eval()
    return True


def _arrange(net: nn.Module) -> None:
    """Put weights into the order of the maps; the same in every program, so that numbers are the same."""
    net.to(memory_format=torch.channels_last)
