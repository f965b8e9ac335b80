"""Stopping conditions: when a job has enough labels, and how many objects it may still send out."""

from __future__ import annotations

import dataclasses

__all__ = ["Counters", "StoppingConditions"]


@dataclasses.dataclass(frozen=True, slots=True)
class Counters:
    """What has become of a job's objects.

    Attributes
    ----------
    n_objects : int
        Lines of the manifest.
    n_human, n_machine, n_failed : int
        Labeled by people, labeled by a model, given up. Labels that came with the manifest count.
    n_human_here : int
        Labeled by people in this very job.
    """

    n_objects: int
    n_human: int = 0
    n_machine: int = 0
    n_failed: int = 0
    n_human_here: int = 0

    @property
    def n_labeled(self) -> int:
        """Objects with a label of either origin."""
        return self.n_human + self.n_machine

    @property
    def n_unlabeled(self) -> int:
        """Objects without a label that have not been given up."""
        return self.n_objects - self.n_labeled - self.n_failed


@dataclasses.dataclass(frozen=True, slots=True)
class StoppingConditions:
    """``StoppingConditions`` of a job; None means that there is no such condition.

    Attributes
    ----------
    max_human_labeled : int or None
        Counts the labels that people gave in this job.
    max_percentage_labeled : int or None
        1-100, share of the manifest's lines that carry a label of either origin.
    """

    max_human_labeled: int | None = None
    max_percentage_labeled: int | None = None

    def is_met(self, counters: Counters) -> bool:
        """Whether either condition holds. 100 percent is no condition while objects fail."""
        return self.n_still_needed(counters) == 0

    def n_still_needed(self, counters: Counters) -> int | None:
        """How many more labels until the first condition holds; None without a condition.

        Never send out more objects than this: answers that are not needed cost money.

        Examples
        --------
        >>> StoppingConditions(max_percentage_labeled=50).n_still_needed(Counters(n_objects=5, n_human=1))
        2
        """
        needs = []
        if self.max_human_labeled is not None:
            needs.append(max(0, self.max_human_labeled - counters.n_human_here))
        if self.max_percentage_labeled is not None:
            # Reached when labeled * 100 >= percent * total, hence the rounding up.
            wanted = -(-self.max_percentage_labeled * counters.n_objects // 100)
            needs.append(max(0, wanted - counters.n_labeled))
        return min(needs) if needs else None
