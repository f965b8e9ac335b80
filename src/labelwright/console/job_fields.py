"""The fields of each step of the form that makes a labeling job: labels, hints, choices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.config import DEFAULT_REGION
from labelwright.console.job_form import (
    TASKS,
    Form,
    choice_of,
    kind_rules,
    label_attribute_name,
    type_of,
)
from labelwright.console.job_look import Look
from labelwright.core.functions import CUSTOM
from labelwright.dataprep.crawl import ENDINGS
from labelwright.store import functions, workteams
from labelwright.store.directory_tables import workteams as workteams_table
from labelwright.tasks import algorithms_of, certainty_of, implemented

__all__ = ["STEP_FIELDS", "Field", "Make"]

Field = dict[str, Any]
Make = Callable[..., Field]


def _task(connection: Connection, form: Form, make: Make, look: Look | None) -> dict[str, Any]:
    groups: dict[str, list[dict[str, str]]] = {}
    there = implemented()
    for choice in TASKS.values():
        if choice.suffix in there:
            groups.setdefault(choice.group, []).append(
                {"suffix": choice.suffix, "title": choice.title, "about": choice.about}
            )
    query = workteams_table.select().with_only_columns(workteams_table.c.region).distinct()
    regions = sorted({DEFAULT_REGION, form["region"], *connection.execute(query).scalars()})
    return {
        "groups": [{"name": name, "choices": choices} for name, choices in groups.items()],
        "task": make("task_type", "Task type"),
        "fields": [
            make("name", "Job name", about="Up to 63 letters, digits and hyphens; no two jobs share one."),
            make(
                "differs",
                "I want to specify a label attribute name different from the labeling job name",
                kind="check",
            ),
            make(
                "attribute",
                "Label attribute name",
                placeholder=label_attribute_name(form | {"differs": ""}) or "the job's name",
                about="The key of the label in the output manifest; ends in -ref where labels are files.",
            ),
            make("region", "Region", kind="select", options=[(region, region) for region in regions]),
        ],
    }


def _input(connection: Connection, form: Form, make: Make, look: Look | None) -> dict[str, Any]:
    choice = choice_of(form)
    is_chained = form["origin"].startswith("chain:")
    kinds = {
        "image": "Images",
        "video": "Videos",
        "text": "Text, one object a line",
        "csv": "CSV, one object a row",
    }
    prior = make(
        "prior",
        "Label to show",
        kind="list",
        options=[(name, name) for name in (look.priors if look else ())],
        about="The label attribute name, in the manifest, of the labels that workers shall look at. Leave it "
        "empty to take the only one there is.",
    )
    return {
        "is_chained": is_chained,
        "look": look
        and {
            "n_lines": f"{look.n_lines:,}",
            "is_whole": look.is_whole,
            "n_labeled": f"{look.n_labeled:,}",
            "has_labels": look.n_labeled > 0,
            "warnings": list(look.warnings),
            "keys": ", ".join(look.keys[:12]),
        },
        "attribute": label_attribute_name(form),
        "manifest": make(
            "manifest",
            "Input manifest",
            placeholder="s3://bucket/path/input.manifest",
            is_locked=is_chained,
            about="One JSON object a line, with the text in source or the file's address in source-ref.",
        ),
        "prefix": make("prefix", "Location of the files", placeholder="s3://bucket/folder/"),
        "data": make(
            "data",
            "Type of data",
            kind="select",
            options=[(kind, f"{title} ({', '.join(ENDINGS[kind])})") for kind, title in kinds.items()],  # type: ignore[index]
        ),
        "percent": make("percent", "Per cent", is_number=True),
        "seed": make("seed", "Seed", is_number=True, placeholder="a new one"),
        "where": make(
            "where",
            "SELECT * FROM S3Object s WHERE",
            kind="area",
            about="""Such as s."source-ref" LIKE '%/night/%' or s."species" IS MISSING LIMIT 100.""",
        ),
        "prior": prior if choice is not None and choice.audits else None,
        "fields": [
            make("output", "Output location", placeholder="s3://bucket/output"),
            make("role", "Role", about="The ARN of the role of the job, as the API asks for one."),
        ],
    }


def _labels(connection: Connection, form: Form, make: Make, look: Look | None) -> dict[str, Any]:
    is_custom = form["task_type"] == CUSTOM
    is_entities = form["task_type"] == "NamedEntityRecognition"
    choice = choice_of(form)
    is_verdict = choice is not None and choice.suffix.startswith("Verification")
    about = "One a line, in their final order: the position is the number of the class in all outputs."
    if is_entities:
        about += " A short name for the worker page may follow behind a bar: organisation | org."
    if is_custom:
        about += " A job with a template of your own need not have any."
    known = [(row.arn, row.name) for row in functions.list_functions(connection, form["region"])]
    return {
        "is_custom": is_custom,
        "is_own": is_custom or form["page"] == "own",
        "labels": make("labels", "Verdicts" if is_verdict else "Labels", kind="area", rows=6, about=about),
        "question": make(
            "question",
            "Question",
            placeholder=choice.about if choice else "",
            about="Stands above each task.",
        ),
        "instructions": [
            make(
                "short",
                "Short instructions",
                kind="area",
                rows=6,
                about="HTML, always in view beside the task. Empty: a general text for the task type. Your "
                "own pictures: <img src=\"{{ 's3://bucket/good.png' | grant_read_access }}\">.",
            ),
            make(
                "full",
                "Full instructions",
                kind="area",
                rows=6,
                about="HTML, shown when a worker asks for it.",
            ),
        ],
        "template": make(
            "template",
            "Template",
            kind="area",
            rows=16,
            about="HTML with Liquid and crowd elements; task.input holds the object.",
        ),
        "functions": [
            make(
                "pre_function",
                "Pre-annotation function",
                kind="list",
                options=known,
                about="ARN; may be left out.",
            ),
            make(
                "post_function",
                "Post-annotation function",
                kind="list",
                options=known,
                about="ARN. Without one, the output refers to the answers as they are.",
            ),
        ]
        if is_custom
        else [],
    }


def _workers(connection: Connection, form: Form, make: Make, look: Look | None) -> dict[str, Any]:
    teams = workteams.list_workteams(connection, form["region"])
    if not form["team"] and teams:
        form["team"] = teams[-1].arn if len(teams) == 1 else ""
    options = [("", "Choose a team"), *((team.arn, f"{team.name} - {team.description}") for team in teams)]
    return {
        "has_teams": bool(teams),
        "algorithm": kind_rules(form).algorithm,
        "n_teams": len(teams),
        "fields": [
            make("team", "Team", kind="select", options=options),
            make(
                "title",
                "Title",
                placeholder=form["question"][:128] or form["name"],
                about="In the list of jobs that workers see.",
            ),
            make("description", "Description", placeholder=form["question"][:255] or form["name"]),
            make(
                "keywords",
                "Keywords",
                placeholder="image, screws",
                about="Up to 5, with commas between them.",
            ),
        ],
        "numbers": [
            make("n_workers", "Workers per object", is_number=True, about="1 to 9 different people."),
            make("time_limit", "Minutes for a task", is_number=True, about="At least 0.5, at most 480."),
            make(
                "lifetime",
                "Hours until a task expires",
                is_number=True,
                placeholder="720",
                about="At most 720 (30 days).",
            ),
            make("batch", "Objects open at a time", is_number=True, placeholder="1000", about="1 to 5,000."),
        ],
        "automated": make(
            "automated",
            "Enable automated data labeling",
            kind="check",
            about="A model learns from the labels and takes over what it is sure of. Needs at least 1,250 "
            "objects. Its mistakes are bounded, and the job's page shows how many labels it saved.",
        ),
        "stops": [
            make("stop_human", "Objects labeled by people, at most", is_number=True, placeholder="no limit"),
            make(
                "stop_percent", "Per cent of the objects labeled, at most", is_number=True, placeholder="100"
            ),
        ],
    }


def _options(connection: Connection, form: Form, make: Make, look: Look | None) -> dict[str, Any]:
    kind = type_of(form)
    algorithms = algorithms_of(kind)
    names = [
        (name, f"{name} (what Ground Truth gave)" if name == "compatible" else name) for name in algorithms
    ]
    adaptive = [
        make("max_workers", "Workers per object, at most", is_number=True, placeholder=form["n_workers"]),
        make(
            "ask_more_below",
            "Ask one more below this probability of the label",
            is_number=True,
            placeholder="0.9",
        ),
    ]
    return {
        "consolidation": make(
            "consolidation",
            "Consolidation algorithm",
            kind="select",
            options=names,
            about="How the answers to an object become one label.",
        ),
        "adaptive": adaptive if certainty_of(kind) != "none" else [],
        "n_workers": form["n_workers"],
        "automated": [
            make(
                "auto_labeling",
                "Rule for labels of the machine",
                kind="select",
                options=[
                    ("certified", "certified: the error is bounded"),
                    ("plain", "plain: the rule of Ground Truth"),
                ],
            ),
            make("price_per_machine_label", "Price of a label of the machine", is_number=True),
        ]
        if form["automated"] and kind_rules(form).algorithm
        else [],
        "money": [
            make("price_per_task", "Price of an answer", is_number=True),
            make("price_per_hour", "Price of an hour of work", is_number=True),
            make("budget", "Budget", is_number=True, about="The job stops when it has cost this much."),
            make("currency", "Currency", placeholder="USD"),
        ],
        "tags": make("tags", "Tags", kind="area", placeholder="line=7", about="One a line: key=value."),
    }


STEP_FIELDS: Mapping[str, Callable[[Connection, Form, Make, Look | None], dict[str, Any]]] = {
    "task": _task,
    "input": _input,
    "labels": _labels,
    "workers": _workers,
    "options": _options,
}
"""What the template of a step gets besides the form."""
