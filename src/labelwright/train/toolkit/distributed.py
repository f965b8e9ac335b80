"""Several processes that train one model: one for each host, or one for each GPU of each host.

The platform starts one program on each host. Where a host has several GPUs the program starts the others of
its host itself. They meet at ``LABELWRIGHT_MASTER_ADDR`` and ``LABELWRIGHT_MASTER_PORT`` (default: the first
host, port 29400) and talk through gloo on CPUs, nccl on GPUs. Gradients are averaged in one piece after each
step, so every process keeps the same weights.
"""

from __future__ import annotations

import datetime
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed as dist
from torch import nn

from labelwright.streaming.order import Evenness
from labelwright.train.toolkit.dealing import Dealer
from labelwright.train.toolkit.environment import Environment, TrainingChannel
from labelwright.train.toolkit.samples import Share

__all__ = ["Processes"]

Item = TypeVar("Item")

_PORT = 29400
_PATIENCE = datetime.timedelta(minutes=30)  # one host may download for longer than the others


class Processes:
    """This process among those that train together.

    Attributes
    ----------
    rank, n_ranks : int
    local_rank, n_local : int
        Among the processes of this host.
    """

    def __init__(
        self, environment: Environment, rank: int, n_ranks: int, local_rank: int, n_local: int
    ) -> None:
        self.rank, self.n_ranks = rank, n_ranks
        self.local_rank, self.n_local = local_rank, n_local
        self._environment = environment
        self._children: list[subprocess.Popen[bytes]] = []
        self._dealers: list[Dealer] = []

    @classmethod
    def join(cls, environment: Environment, algorithm: str) -> Processes:
        """Start the other processes of this host if there are to be any, and meet all others.

        Parameters
        ----------
        environment : Environment
        algorithm : str
            As the program's argument says.
        """
        n_local = int(os.environ.get("LABELWRIGHT_PROCESSES_PER_HOST") or max(1, environment.n_gpus))
        n_hosts = len(environment.hosts)
        if n_local * n_hosts == 1:
            return cls(environment, 0, 1, 0, 1)
        host = environment.hosts.index(environment.current_host)
        local_rank = int(os.environ.get("LABELWRIGHT_LOCAL_RANK", "0"))
        processes = cls(environment, host * n_local + local_rank, n_hosts * n_local, local_rank, n_local)
        if "LABELWRIGHT_MASTER_ADDR" not in os.environ:
            os.environ["LABELWRIGHT_MASTER_ADDR"] = "127.0.0.1" if n_hosts == 1 else environment.hosts[0]
            os.environ["LABELWRIGHT_MASTER_PORT"] = str(_free_port() if n_hosts == 1 else _PORT)
        if local_rank == 0:
            processes._start_children(algorithm)
        has_gpu = torch.cuda.is_available()
        if has_gpu:
            torch.cuda.set_device(local_rank)
        address = os.environ["LABELWRIGHT_MASTER_ADDR"]
        port = os.environ.get("LABELWRIGHT_MASTER_PORT", str(_PORT))
        dist.init_process_group(
            "nccl" if has_gpu else "gloo",
            init_method=f"tcp://{address}:{port}",
            rank=processes.rank,
            world_size=processes.n_ranks,
            timeout=_PATIENCE,
        )
        return processes

    @property
    def is_first(self) -> bool:
        """Whether this process writes the log, checkpoints and the model."""
        return self.rank == 0

    def leave(self) -> None:
        """Wait for the processes of this host; the others may go on."""
        for dealer in self._dealers:
            dealer.close()
        if self.n_ranks > 1 and dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()
        for child in self._children:
            child.wait()

    def share_of(self, channel: TrainingChannel, evenness: Evenness) -> Share:
        """The part of a channel's samples that this process reads."""
        if channel.mode == "Pipe" and self.n_local > 1:
            return Share()  # the dealer gives it nothing else
        if channel.is_sharded:
            return Share(self.local_rank, self.n_local, evenness)
        return Share(self.rank, self.n_ranks, evenness)

    def pipe_of(self, channel: TrainingChannel) -> Callable[[int], Path] | None:
        """Where this process finds the channel's pipes; None for the channel's own.

        A pipe has one reader. With several processes on a host, the first deals the samples out to pipes of
        their own.
        """
        if channel.mode != "Pipe" or self.n_local == 1:
            return None
        folder = self._environment.base / "dealt"
        if self.local_rank == 0:
            first = 0 if channel.is_sharded else self.rank
            turns = self.n_local if channel.is_sharded else self.n_ranks
            self._dealers.append(Dealer(channel, folder, self.n_local, first=first, n_turns=turns))
        return lambda i_opening: folder / f"{self.local_rank}" / f"{channel.name}_{i_opening}"

    def agree(self, *claims: bool) -> tuple[bool, ...]:
        """For each claim whether all processes make it."""
        if self.n_ranks == 1:
            return claims
        counts = torch.tensor([float(claim) for claim in claims], device=self._device())
        dist.all_reduce(counts)
        return tuple(count == self.n_ranks for count in counts.tolist())

    def gather(self, item: Item) -> list[Item]:
        """The items of all processes, in order of rank, at every process."""
        if self.n_ranks == 1:
            return [item]
        found: list[Any] = [None] * self.n_ranks
        dist.all_gather_object(found, item)
        return found

    def share_weights(self, module: nn.Module) -> None:
        """Give all processes the weights of the first."""
        if self.n_ranks > 1:
            for value in module.state_dict().values():
                dist.broadcast(value, src=0)

    def average_gradients(self, module: nn.Module) -> None:
        """Replace gradients by their mean over all processes."""
        if self.n_ranks == 1:
            return
        gradients = [p.grad for p in module.parameters() if p.requires_grad and p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.n_ranks
        first = 0
        for gradient in gradients:
            gradient.copy_(flat[first : first + gradient.numel()].view_as(gradient))
            first += gradient.numel()

    def average_weights(self, module: nn.Module) -> None:
        """Replace floating-point weights and statistics by their mean over all processes."""
        if self.n_ranks > 1:
            for value in module.state_dict().values():
                if value.is_floating_point():
                    dist.all_reduce(value)
                    value /= self.n_ranks

    def _device(self) -> torch.device:
        return torch.device("cuda", self.local_rank) if dist.get_backend() == "nccl" else torch.device("cpu")

    def _start_children(self, algorithm: str) -> None:
        for local_rank in range(1, self.n_local):
            child = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "labelwright.train", algorithm],
                env={
                    **os.environ,
                    "SAGEMAKER_BASE_DIR": str(self._environment.base),
                    "LABELWRIGHT_LOCAL_RANK": str(local_rank),
                    "LABELWRIGHT_PROCESSES_PER_HOST": str(self.n_local),
                },
            )
            self._children.append(child)
            threading.Thread(target=_watch, args=(child,), daemon=True).start()


def _watch(child: subprocess.Popen[bytes]) -> None:
    """End this process when one of its own fails: what waits for that one would wait for long."""
    code = child.wait()
    if code:
        threading.Event().wait(5)  # time to say so in good order, if the failure is seen here as well
        os._exit(code if code > 0 else 1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
