"""Making a labeling job step by step: what the pages answer, without HTTP.

Whatever is sent comes with the whole form (`job_form`), the step it was filled in on and what is wanted:
``next``, ``back``, ``to-<step>``, ``crawl`` (make a manifest of files), ``subset`` (select objects) or
``create``. Going on checks the step; nothing is made before the last one.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from labelwright.console import job_checks, job_copy, job_views, select_page
from labelwright.console.job_checks import Door, Problems
from labelwright.console.job_form import STEPS, Form, Step, choice_of, filled, step_of_field, type_of
from labelwright.console.job_look import Look, first_line, look_at
from labelwright.console.job_request import (
    cli_snippet,
    label_document,
    label_entries,
    plan_of,
    python_snippet,
    template_of,
)
from labelwright.console.subsets import make_subset
from labelwright.context import AppContext
from labelwright.core.functions import CUSTOM
from labelwright.dataprep.crawl import ENDINGS, write_manifest
from labelwright.errors import LabelwrightError, NameInUse
from labelwright.selection import QueryError
from labelwright.store import labeling_jobs
from labelwright.store.tags import list_tags
from labelwright.tasks import parse_categories

__all__ = ["JobPages", "Pages", "Shown"]

Headers = list[tuple[bytes, bytes]]


class Pages(Protocol):
    """The worker's pages of drafts."""

    def page(self, document: str, base_url: str) -> tuple[bytes, Headers]:
        """Body and headers around a rendered template."""

    def notice(self, messages: list[str], base_url: str) -> tuple[bytes, Headers]:
        """Body and headers of a page that says why there is none."""

    def sample(self, task_type: str) -> dict[str, Any]:
        """``task.input`` of an example."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """A page of the form, or where to go when the job is made."""

    data: dict[str, Any]
    status: int = 200
    location: str = ""


class JobPages:
    """The form of one server.

    Parameters
    ----------
    context : AppContext
    door : Door
    pages : Pages
    """

    def __init__(self, context: AppContext, door: Door, pages: Pages) -> None:
        self._context = context
        self._door = door
        self._pages = pages

    def opened(self, query: Mapping[str, str]) -> Shown | None:
        """The first page; ``clone`` or ``chain`` name a job (``region/name``), ``manifest`` an input.

        None when there is no such job, or nothing to go on with yet.
        """
        for way in ("clone", "chain"):
            region, _, name = query.get(way, "").partition("/")
            if name:
                job = self._context.database.read(partial(labeling_jobs.named, region=region, name=name))
                if job is None or (way == "chain" and job.ended_at is None):
                    return None
                tags = self._context.database.read(partial(list_tags, arn=job.arn))
                form = job_copy.form_of(job, self._context.blobs, is_chained=way == "chain", tags=tags)
                return self._show(form, STEPS[0])
        return self._show(filled({"manifest": query.get("manifest", "")}), STEPS[0])

    async def posted(self, given: Mapping[str, str]) -> Shown:
        """What follows on a press of a button, in a thread where it may take long."""
        form = filled(given)
        step = next((one for one in STEPS if one.name == given.get("step")), STEPS[0])
        if choice_of(form) is None:  # all else depends on it
            step = STEPS[0]
        go = given.get("go", "next")
        if go == "create":
            return await self._create(form)
        return await asyncio.to_thread(self._moved, form, step, go)

    def _moved(self, form: Form, step: Step, go: str) -> Shown:
        number = STEPS.index(step)
        if go == "back":
            return self._show(form, STEPS[max(0, number - 1)])
        if go == "crawl":
            return self._crawled(form, STEPS[1])
        if go == "subset":
            return self._selected(form, STEPS[1])
        target = next((one for one in STEPS if go == f"to-{one.name}"), None)
        if target is not None and STEPS.index(target) <= number:
            return self._show(form, target)
        problems, look = job_checks.check_step(self._context, self._door, form, step)
        if not problems and step.name == "input" and form["how"] != "full":
            return self._selected(form, step)
        if problems or number + 1 == len(STEPS):
            return self._show(form, step, problems=problems, look=look)
        return self._show(form, STEPS[number + 1])

    def _crawled(self, form: Form, step: Step) -> Shown:
        prefix = form["prefix"].strip()
        kind = next((kind for kind in ENDINGS if kind == form["data"]), None)
        if not prefix.startswith("s3://") or kind is None:
            return self._show(
                form, step, problems={"prefix": "Name the folder of the files: s3://bucket/folder/."}
            )
        try:
            uri, n_lines = write_manifest(
                self._context.blobs,
                prefix,
                kind,
                now=self._context.clock(),
            )
        except LabelwrightError as error:
            return self._show(form, step, problems={"prefix": error.message})
        form["manifest"], form["setup"] = uri, "manifest"
        return self._show(form, step, notice=f"A manifest of {n_lines:,} objects was made: {uri}.")

    def _selected(self, form: Form, step: Step) -> Shown:
        problems: Problems = {}
        asked = {name: form[name].strip() for name in ("manifest", "percent", "seed")}
        choice = select_page.choice_of({**form, **asked}, problems)
        if choice is None:
            return self._show(form, step, problems=problems)
        if choice.how == "full":
            return self._show(form, step)
        try:
            subset = make_subset(self._context.blobs, choice, now=self._context.clock())
        except LabelwrightError as error:
            about_query = (
                choice.how == "query" and isinstance(error, QueryError) and select_page.is_about_query(error)
            )
            return self._show(form, step, problems={"where" if about_query else "manifest": error.message})
        seed = f", seed {choice.seed}" if choice.how == "sample" else ""
        form["manifest"], form["how"] = subset.uri, "full"
        return self._show(
            form,
            step,
            notice=f"{subset.n_selected:,} of {subset.n_lines:,} objects selected{seed}. They are in a new "
            f"manifest, {subset.uri}; the original was not changed.",
        )

    async def _create(self, form: Form) -> Shown:
        last = STEPS[-1]
        earlier = await asyncio.to_thread(job_checks.first_problem, self._context, self._door, form, last)
        if earlier is not None:
            return await asyncio.to_thread(self._show, form, earlier[0], problems=earlier[1])
        plan = plan_of(form)
        try:
            for uri, content, content_type in plan.files:
                await asyncio.to_thread(self._context.blobs.put, uri, content, content_type=content_type)
        except LabelwrightError as error:
            return await asyncio.to_thread(
                self._show,
                form,
                STEPS[1],
                problems={"output": f"Nothing can be written there: {error.message}"},
            )
        try:
            await self._door.create(plan.request, region=form["region"])
        except NameInUse as error:
            return await asyncio.to_thread(self._show, form, STEPS[0], problems={"name": error.message})
        except LabelwrightError as error:
            return await asyncio.to_thread(self._show, form, last, problems={"": error.message})
        return Shown({}, location=f"/console/jobs/{form['region']}/{plan.request['LabelingJobName']}")

    async def stop(self, region: str, name: str) -> None:
        """Stop a job.

        Raises
        ------
        NotFound, InvalidRequest
        """
        await self._door.stop(name, region=region)

    def preview(self, given: Mapping[str, str], base_url: str) -> tuple[bytes, Headers]:
        """The worker's page as the form makes it, with the manifest's first object, or with an example."""
        from labelwright.templates import parse

        form = filled(given)
        if not form["task_type"]:
            return self._pages.notice(["Choose a task type first."], base_url)
        try:
            problems, _ = job_checks.check_step(
                self._context, self._door, form, step_of_field("labels") or STEPS[2]
            )
            problems.pop("question", None)  # the page shows what the task type says instead
            if problems:
                return self._pages.notice(list(problems.values()), base_url)
            rendered = parse(template_of(form)).render(
                self._task_input(form),
                sign=lambda bucket, key: self._context.blobs.presign_get(
                    f"s3://{bucket}/{key}", base_url=base_url, expires_s=3600, now=self._context.clock()
                ),
            )
        except LabelwrightError as error:
            return self._pages.notice([error.message], base_url)
        if not rendered.is_complete:
            return self._pages.notice([problem.message for problem in rendered.errors], base_url)
        return self._pages.page(rendered.html, base_url)

    def _task_input(self, form: Form) -> dict[str, Any]:
        line = first_line(self._context.blobs, form["manifest"].strip()) if form["manifest"].strip() else None
        kind = type_of(form)
        is_fit = line is not None and any(isinstance(line.get(key), str) for key in kind.source_keys)
        if form["task_type"] == CUSTOM:
            return dict(line) if line is not None else {"source": "The first object of the manifest."}
        sample = self._pages.sample(form["task_type"])
        if line is None or not is_fit or kind.problem_with(line, ""):
            line = {**sample["manifestLine"]}
            if form["prior"].strip() and "earlier" in line:  # the example's label under the chosen name
                line |= {
                    form["prior"].strip() + key.removeprefix("earlier"): value
                    for key, value in sample["manifestLine"].items()
                    if key.startswith("earlier")
                }
        document = label_document(form) or {"labels": []}
        return kind.task_input(line, parse_categories(document, n_min=0, n_max=None))

    def _show(
        self,
        form: Form,
        step: Step,
        *,
        problems: Problems | None = None,
        look: Look | None = None,
        notice: str = "",
    ) -> Shown:
        problems = problems or {}
        if step.name == "review":
            earlier = job_checks.first_problem(self._context, self._door, form, step)
            if earlier is not None:
                step, problems = earlier
        if step.name == "input" and look is None and form["manifest"].strip() and form["task_type"]:
            look = look_at(self._context.blobs, form)
            if look.problem:
                problems.setdefault("manifest", look.problem)
        data = self._context.database.read(
            lambda connection: job_views.page_data(connection, form, step, problems, look)
        )
        data["notice"] = notice
        if step.name == "review":
            data["review"] = self._review(form)
        return Shown(data, status=422 if problems else 200)

    def _review(self, form: Form) -> dict[str, Any]:
        plan = plan_of(form)
        look = look_at(self._context.blobs, form)
        n_workers = plan.request["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"]
        n_left = look.n_lines - look.n_labeled
        return {
            "python": python_snippet(plan, form["region"]),
            "cli": cli_snippet(plan, form["region"]),
            "files": [
                {"uri": uri, "text": content.decode("utf-8", "replace")} for uri, content, _ in plan.files
            ],
            "n_objects": f"{'' if look.is_whole else 'more than '}{look.n_lines:,}",
            "n_labeled": f"{look.n_labeled:,}" if look.n_labeled else "",
            "n_tasks": f"{'' if look.is_whole else 'more than '}{n_left * n_workers:,}",
            "warnings": list(look.warnings),
            "attribute": plan.request["LabelAttributeName"],
            "team": plan.request["HumanTaskConfig"]["WorkteamArn"].rpartition("/")[2],
            "labels": [entry["label"] for entry in label_entries(form)],
            "options": [{"name": tag["Key"], "value": tag["Value"]} for tag in plan.request.get("Tags", ())],
        }
