"""What the pages that make a labeling job show: fields as data, one template for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.console.job_fields import STEP_FIELDS, Field, Make
from labelwright.console.job_form import STEPS, Form, Step
from labelwright.console.job_look import Look

__all__ = ["page_data"]


def page_data(
    connection: Connection, form: Form, step: Step, problems: Mapping[str, str], look: Look | None
) -> dict[str, Any]:
    """Everything the templates of the form need but the review."""
    describe = STEP_FIELDS.get(step.name)
    shown = describe(connection, form, _maker(form, problems), look) if describe is not None else {}
    number = STEPS.index(step)
    known = {name for one in STEPS for name in one.fields}
    return {
        "form": form,
        "step": step.name,
        "step_title": step.title,
        "steps": [
            {
                "name": one.name,
                "title": one.title,
                "state": "done" if i < number else "current" if i == number else "todo",
            }
            for i, one in enumerate(STEPS)
        ],
        "hidden": [(name, value) for name, value in form.items() if name not in step.fields],
        "is_first": number == 0,
        "is_last": number == len(STEPS) - 1,
        "other_problems": [
            f"{name}: {text}" if name else text for name, text in problems.items() if name not in known
        ],
        **shown,
    }


def _maker(form: Form, problems: Mapping[str, str]) -> Make:
    first = next(iter(problems), "")

    def make(
        name: str,
        label: str,
        *,
        kind: str = "text",
        about: str = "",
        placeholder: str = "",
        options: Sequence[tuple[str, str]] = (),
        rows: int = 3,
        is_number: bool = False,
        is_locked: bool = False,
    ) -> Field:
        described = [f"{name}-help"] if about else []
        if name in problems:
            described.append(f"{name}-problem")
        return {
            "name": name,
            "label": label,
            "kind": kind,
            "value": form[name],
            "about": about,
            "problem": problems.get(name, ""),
            "placeholder": placeholder,
            "options": list(options),
            "rows": rows,
            "is_number": is_number,
            "is_locked": is_locked,
            "described": " ".join(described),
            "has_focus": name == first,
        }

    return make
