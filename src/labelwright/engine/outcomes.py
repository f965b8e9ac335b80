"""The one place where the answers of a frozen group become outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labelwright.engine.facts import JobFacts
from labelwright.engine.members import Member, object_answers
from labelwright.engine.tools import Tools
from labelwright.store.data_objects import GroupRow
from labelwright.tasks import Outcome

__all__ = ["outcomes_of"]


def outcomes_of(
    tools: Tools, facts: JobFacts, group: GroupRow, members: Sequence[Member]
) -> Iterable[Outcome]:
    """One outcome per member, in their order.

    Everything a custom function reads (worker-response files, the consolidation request) is written already.
    The same group may come again after a crash: the outcomes must be the same then.
    """
    objects = [object_answers(tools, facts, member) for member in members]
    return facts.type.consolidate(objects, facts.categories, facts.names)
