"""Labels that came with a manifest: which of them count, and which the requester should look at.

An object whose line holds the job's label attribute is labeled, whatever stands there, and its line is kept
as it is. A label that does not match the job is therefore no error, but mostly a mistake: another label
category file, another label attribute name. The job's story tells of the first one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labelwright.engine.automated.admitting import is_usable_label
from labelwright.engine.facts import JobFacts
from labelwright.engine.line_checks import LABEL_TYPES
from labelwright.manifests import Record
from labelwright.manifests.checks import check_label

__all__ = ["KeptLabels"]

_N_READ_WHOLE = 100  # of each block; the labels of one job are alike


class KeptLabels:
    """Looks at the kept labels of one block of lines.

    Attributes
    ----------
    doubt : str or None
        What is wrong with the first label that does not match the job, with its line number.
    """

    def __init__(self, facts: JobFacts) -> None:
        self._facts = facts
        self._names = frozenset(facts.categories.labels)
        self._is_checked = facts.type_name in LABEL_TYPES  # a custom job's labels may be anything
        self._n_seen = 0
        self.doubt: str | None = None

    def counts(self, line: Mapping[str, Any], *, number: int) -> bool:
        """Whether the object is labeled already.

        Parameters
        ----------
        line : mapping
            A parsed line with a label.
        number : int
            1-based.
        """
        name, algorithm = self._facts.names.label_attribute_name, self._facts.algorithm
        if algorithm and not is_usable_label(
            algorithm, line, self._facts.categories, label_attribute_name=name
        ):
            # Automated labeling learns from kept labels, so they must be what they seem.
            self._note(number, f"{_reason(self._problems(line), name)} The object is labeled anew.")
            return False
        if self._is_checked and self.doubt is None:
            self._n_seen += 1
            stranger = self._stranger(line)
            if stranger is not None or self._n_seen <= _N_READ_WHOLE:
                problem = next(iter(self._problems(line)), None) or (
                    stranger and f"{name!r}: the label category file has no label {stranger!r}."
                )
                if problem:
                    self._note(number, f"{problem} It is kept as it is.")
        return True

    def _stranger(self, line: Mapping[str, Any]) -> str | None:
        """The first class name of the metadata that the job's label category file does not have."""
        about = line.get(self._facts.names.metadata_name)
        if not isinstance(about, dict) or not self._names:
            return None
        found = about.get("class-name")
        if isinstance(found, str) and found not in self._names:
            return found
        classes = about.get("class-map")
        if isinstance(classes, dict):
            for value in classes.values():
                if isinstance(value, str) and value not in self._names:
                    return value
        return None

    def _problems(self, line: Mapping[str, Any]) -> Iterable[str]:
        record = Record(0, dict(line))
        names = self._facts.categories.labels or None
        return check_label(record, self._facts.names.label_attribute_name, class_names=names, n_workers=None)

    def _note(self, number: int, reason: str) -> None:
        if self.doubt is None:
            self.doubt = f"line {number}: {reason}"


def _reason(problems: Iterable[str], name: str) -> str:
    return next(iter(problems), f"{name!r}: the label is not of the job's form.")
