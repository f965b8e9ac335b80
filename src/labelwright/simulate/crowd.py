"""The crowd at work: one thread and one session per worker, all taking tasks of one job until there is none.

Nothing here knows what the answers mean; that is `labelwright.simulate.answering`.
"""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labelwright.simulate.answering import Answering, Answers, Truth, rng_of
from labelwright.simulate.error_models import Skill
from labelwright.simulate.people import Account
from labelwright.simulate.worker_client import WorkerClient, WorkerRefused

__all__ = ["Crowd", "CrowdWork"]

_KEPT_OBJECTS = 5_000
_SIGN_IN_TRIES = 8
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


@dataclasses.dataclass(slots=True)
class CrowdWork:
    """What the crowd has done so far; guarded by the crowd's lock while it works.

    Attributes
    ----------
    n_answers, n_declined : int
    n_without_truth : int
        Tasks declined because the truth of their object is not known.
    n_late : int
        Answers refused because the task had been given to another or the job was over.
    objects : dict
        Answers by task object, of the first 5,000 objects.
    """

    n_answers: int = 0
    n_declined: int = 0
    n_without_truth: int = 0
    n_late: int = 0
    objects: dict[str, tuple[Truth, list[tuple[str, Mapping[str, Any]]]]] = dataclasses.field(
        default_factory=dict
    )

    def kept(self) -> list[tuple[Truth, Answers]]:
        """Truth and answers of the objects that were kept."""
        return [(truth, answers) for truth, answers in self.objects.values()]


class Crowd:
    """Workers of one job.

    Parameters
    ----------
    base_url : str
        Address of the server.
    job_name : str
    truths : mapping
        Truth by task object.
    answering : Answering
    accounts, skills : sequence
        One per worker.
    seed : int
    """

    def __init__(
        self,
        *,
        base_url: str,
        job_name: str,
        truths: Mapping[str, Truth],
        answering: Answering,
        accounts: Sequence[Account],
        skills: Sequence[Skill],
        seed: int,
    ) -> None:
        self._base_url = base_url
        self._job_name = job_name
        self._truths = truths
        self._answering = answering
        self._accounts = accounts
        self._skills = skills
        self._seed = seed
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._idle: set[int] = set()
        self._failure: BaseException | None = None
        self.work = CrowdWork()

    def run(
        self,
        *,
        n_expected: int,
        is_over: Callable[[], bool],
        patience_s: float = 10.0,
        on_progress: Callable[[int], None] | None = None,
        is_learning: Callable[[], bool] = lambda: False,
    ) -> CrowdWork:
        """Work until done; may be called once.

        Ends when as many answers were given as expected, when ``is_over()`` (asked every second), or when no
        worker has got a task for ``patience_s`` seconds, unless ``is_learning()`` (asked then): while a model
        learns for the job there is nothing to do.

        Raises
        ------
        WorkerRefused
            The server refused something it should not refuse, or does not answer.
        """
        threads = [
            threading.Thread(target=self._guarded, args=(i,), name=account.username, daemon=True)
            for i, account in enumerate(self._accounts)
        ]
        for thread in threads:
            thread.start()
        try:
            self._watch(threads, n_expected, is_over, patience_s, on_progress, is_learning)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(timeout=70)
        if on_progress is not None:
            on_progress(self.work.n_answers)
        if self._failure is not None:
            raise self._failure
        return self.work

    def _watch(
        self,
        threads: Sequence[threading.Thread],
        n_expected: int,
        is_over: Callable[[], bool],
        patience_s: float,
        on_progress: Callable[[int], None] | None,
        is_learning: Callable[[], bool],
    ) -> None:
        idle_since: float | None = None
        asked_at = time.monotonic()
        while self._failure is None and any(thread.is_alive() for thread in threads):
            self._stop.wait(0.05)
            now = time.monotonic()
            with self._lock:
                n_done = self.work.n_answers
                all_idle = len(self._idle) == len(self._accounts)
            if on_progress is not None:
                on_progress(n_done)
            if n_expected and n_done >= n_expected:
                return
            idle_since = (idle_since or now) if all_idle else None
            if idle_since is not None and now - idle_since > patience_s:
                if not is_learning():
                    return
                idle_since = None
            if now - asked_at > 1.0:
                asked_at = now
                if is_over():
                    return

    def _guarded(self, i_worker: int) -> None:
        try:
            self._work(i_worker)
        except BaseException as error:
            # Told to the caller of run(), which raises it; a thread's own traceback would go to nobody.
            with self._lock:
                self._failure = self._failure or error
            self._stop.set()

    def _work(self, i_worker: int) -> None:
        client = WorkerClient(self._base_url)
        account = self._accounts[i_worker]
        self._sign_in(client, account)
        pause_s = _FIRST_PAUSE_S
        try:
            while not self._stop.is_set():
                task = self._take(client)
                if task is None:
                    with self._lock:
                        self._idle.add(i_worker)
                    self._stop.wait(pause_s)
                    pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                    continue
                with self._lock:
                    self._idle.discard(i_worker)
                pause_s = _FIRST_PAUSE_S
                self._do(client, i_worker, task)
            client.sign_out()
        finally:
            client.close()

    def _sign_in(self, client: WorkerClient, account: Account) -> None:
        """Sign in; where the server slows down sign-ins from one address, wait as it asks."""
        for _ in range(_SIGN_IN_TRIES):
            try:
                client.sign_in(account.username, account.password)
                return
            except WorkerRefused as refusal:
                # Not all at the same moment, or they would meet again.
                pause_s = max(refusal.retry_after_s, 0.2) + random.uniform(0.0, 1.0)  # noqa: S311
                if refusal.status != 429 or self._stop.wait(pause_s):
                    raise
        client.sign_in(account.username, account.password)

    def _take(self, client: WorkerClient) -> dict[str, Any] | None:
        try:
            return client.take(self._job_name)
        except WorkerRefused as refusal:
            if refusal.status in (404, 409):  # the job is over, or has not quite begun
                return None
            raise

    def _do(self, client: WorkerClient, i_worker: int, task: Mapping[str, Any]) -> None:
        task_object = str(task["input"].get("taskObject", ""))
        truth = self._truths.get(task_object)
        rng = rng_of(self._seed, i_worker, task_object)
        skill = self._skills[i_worker]
        try:
            if truth is None or rng.random() < skill.decline_rate:
                client.decline(task["id"])
                with self._lock:
                    self.work.n_declined += truth is not None
                    self.work.n_without_truth += truth is None
                return
            answer = self._answering.answer(truth, skill, rng)
            client.submit(task["id"], answer)
        except WorkerRefused as refusal:
            if refusal.status in (404, 409):
                with self._lock:
                    self.work.n_late += 1
                return
            raise
        with self._lock:
            self.work.n_answers += 1
            objects = self.work.objects
            if task_object in objects or len(objects) < _KEPT_OBJECTS:
                objects.setdefault(task_object, (truth, []))[1].append(
                    (self._accounts[i_worker].username, answer)
                )
