"""The requester's pages: labeling jobs with their objects, trainings, searches, models in use.

Labeling jobs can be made here (`job_pages`); all else is made through the API and shown. Pages are Liquid
with autoescape. A running job's page keeps itself up to date: one small script fetches it anew and exchanges
what changed; without scripts it reloads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

from liquid import DictLoader, Environment
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from labelwright.console import (
    auto_panel,
    endpoint_pages,
    job_form,
    ledger_panel,
    model_pages,
    queries,
    select_page,
    session,
    train_card,
    training_pages,
    transform_pages,
    tuning_pages,
    worker_pages,
)
from labelwright.console.incoming import form_of, is_foreign
from labelwright.console.job_checks import Door
from labelwright.console.job_pages import JobPages, Pages, Shown
from labelwright.console.job_shapes import card_shape, job_shape, time_text
from labelwright.console.pictures import card
from labelwright.console.views import Asked, View
from labelwright.context import AppContext
from labelwright.core.limits import MANIFEST_LINES_MAX
from labelwright.errors import InvalidRequest, NotFound

__all__ = ["build"]

_PAGE_SIZE = 24
_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' http: https:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_CSP_LIVE = _CSP + "; script-src 'self'; connect-src 'self'"
_CSP_FORM = _CSP + "; script-src 'self'; frame-src 'self'"
_LIVE_S = 3
_VIEWS = (
    *training_pages.VIEWS,
    *tuning_pages.VIEWS,
    *model_pages.VIEWS,
    *endpoint_pages.VIEWS,
    *transform_pages.VIEWS,
    *worker_pages.VIEWS,
)
_NAV = (
    ("Labeling", "/console"),
    ("Training", "/console/training"),
    ("Tuning", "/console/tuning"),
    ("Models", "/console/models"),
    ("Endpoints", "/console/endpoints"),
    ("Transforms", "/console/transforms"),
)
_SECTIONS = {
    "trainings.html": "Training",
    "training.html": "Training",
    "tunings.html": "Tuning",
    "tuning.html": "Tuning",
    "models.html": "Models",
    "endpoints.html": "Endpoints",
    "endpoint.html": "Endpoints",
    "transforms.html": "Transforms",
    "transform.html": "Transforms",
    "workers.html": "Labeling",
}
_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


def build(context: AppContext, door: Door, drafts: Pages) -> Starlette:
    """The ASGI app of everything under ``/console``.

    Parameters
    ----------
    context : AppContext
    door : Door
        Where labeling jobs are created.
    drafts : Pages
        The worker's pages of jobs that do not exist yet.
    """
    pages = _Pages(context, JobPages(context, door, drafts))
    return Starlette(
        routes=[
            Route("/console", pages.jobs),
            Route("/console/", pages.jobs),
            Route("/console/console.css", pages.css),
            Route("/console/icon.svg", pages.icon),
            Route("/console/live.js", pages.live),
            Route("/console/create.js", pages.create_script),
            Route("/console/sign-in", pages.sign_in, methods=["POST"]),
            Route("/console/sign-out", pages.sign_out, methods=["POST"]),
            Route("/console/jobs/{region}/{name}", pages.job),
            Route("/console/jobs/{region}/{name}/stop", pages.stop, methods=["POST"]),
            *(Route(view.path, pages.view(view)) for view in _VIEWS),
            Route("/console/create", pages.open_form, methods=["GET"]),
            Route("/console/create", pages.post_form, methods=["POST"]),
            Route("/console/create/preview", pages.preview, methods=["POST"]),
            Route("/console/select", pages.select, methods=["GET"]),
            Route("/console/select", pages.create_subset, methods=["POST"]),
        ],
        exception_handlers={404: pages.not_found},
    )


class _Pages:
    def __init__(self, context: AppContext, forms: JobPages) -> None:
        self._context = context
        self._forms = forms

    async def css(self, request: Request) -> Response:
        return Response(
            _source("console.css"), media_type="text/css", headers={"cache-control": "max-age=300"}
        )

    async def live(self, request: Request) -> Response:
        return Response(
            _source("live.js"), media_type="text/javascript", headers={"cache-control": "max-age=300"}
        )

    async def create_script(self, request: Request) -> Response:
        return Response(
            _source("create.js"), media_type="text/javascript", headers={"cache-control": "max-age=300"}
        )

    async def icon(self, request: Request) -> Response:
        return Response(
            _source("icon.svg"), media_type="image/svg+xml", headers={"cache-control": "max-age=86400"}
        )

    async def jobs(self, request: Request) -> Response:
        if not self._signed_in(request):
            return self._page("sign-in.html", "Sign in", signed_in=False)
        rows = await self._context.database.aread(queries.jobs)
        running = any(row.status in ("Initializing", "InProgress", "Stopping") for row in rows)
        return self._page(
            "jobs.html", "Labeling jobs", refresh=5 if running else 0, jobs=[job_shape(r) for r in rows]
        )

    async def job(self, request: Request) -> Response:
        if not self._signed_in(request):
            return self._page("sign-in.html", "Sign in", signed_in=False)
        region, name = request.path_params["region"], request.path_params["name"]
        try:
            after = max(-1, min(int(request.query_params.get("after", "-1")), MANIFEST_LINES_MAX))
        except ValueError:
            after = -1
        found = await asyncio.to_thread(self._job_page, request, region, name, after)
        return found or await self.not_found(request, None)

    def _job_page(self, request: Request, region: str, name: str, after: int) -> Response | None:
        context = self._context
        now = context.clock()
        row = context.database.read(lambda c: queries.job(c, region, name))
        if row is None:
            return None
        items = context.database.read(
            lambda c: queries.labeled_objects(c, row.id, after=after, limit=_PAGE_SIZE + 1)
        )
        base_url = context.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
        cards = [card(row, item, context.blobs, base_url=base_url, now=now) for item in items[:_PAGE_SIZE]]
        following = ""
        if len(items) > _PAGE_SIZE:
            following = f"/console/jobs/{quote(region)}/{quote(name)}?after={items[_PAGE_SIZE - 1].object_no}"
        return self._page(
            "job.html",
            row.name,
            live=_LIVE_S if row.status in ("Initializing", "InProgress", "Stopping") and after < 0 else 0,
            job=job_shape(row),
            ledger=context.database.read(lambda c: ledger_panel.panel(c, row.id, now=now)),
            auto=context.database.read(lambda c: auto_panel.panel(c, context.settings, row.id)),
            train=context.database.read(lambda c: train_card.card(c, row)),
            workers=[
                {
                    "name": str(w["worker_id"])[:8],
                    "n_submitted": w["n_submitted"],
                    "n_declined": w["n_declined"],
                    "mean": "" if w["mean_s"] is None else f"{w['mean_s']:.1f} s",
                }
                for w in context.database.read(lambda c: queries.worker_rows(c, row.id))
            ],
            cards=[card_shape(c) for c in cards],
            cards_key=f"{len(cards)}-{cards[-1].object_no}" if cards else "0",
            has_boxes=any(c.boxes for c in cards),
            next=following,
            events=[
                {"at": time_text(e["at"]), "name": e["name"], "detail": e["detail"]}
                for e in context.database.read(lambda c: queries.events(c, row.id))
            ],
        )

    async def stop(self, request: Request) -> Response:
        if is_foreign(request):
            return Response("Stop jobs from the console's own page.", status_code=403, headers=_HEADERS)
        if not self._signed_in(request):
            return self._page("sign-in.html", "Sign in", signed_in=False, status=401)
        region, name = request.path_params["region"], request.path_params["name"]
        try:
            await self._forms.stop(region, name)
        except NotFound:
            return await self.not_found(request, None)
        except InvalidRequest:
            pass  # it has ended meanwhile, as its page shows
        return RedirectResponse(quote(f"/console/jobs/{region}/{name}"), status_code=303, headers=_HEADERS)

    def view(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        """What answers for a page that is described by a `View`."""

        async def answer(request: Request) -> Response:
            if not self._signed_in(request):
                return self._page("sign-in.html", "Sign in", signed_in=False)
            asked = Asked(request.path_params, request.query_params)
            shown = await asyncio.to_thread(view.show, self._context, asked)
            if shown is None:
                return await self.not_found(request, None)
            live = _LIVE_S if shown.is_live else 0
            return self._page(view.template, shown.title, live=live, **shown.data)

        return answer

    async def open_form(self, request: Request) -> Response:
        if not self._signed_in(request):
            return self._page("sign-in.html", "Sign in", signed_in=False)
        shown = await asyncio.to_thread(self._forms.opened, request.query_params)
        if shown is None:
            return await self.not_found(request, None)
        return self._form_page(shown)

    async def post_form(self, request: Request) -> Response:
        if is_foreign(request):
            return Response("Create jobs from the console's own page.", status_code=403, headers=_HEADERS)
        if not self._signed_in(request):
            return self._page("sign-in.html", "Sign in", signed_in=False, status=401)
        given = await form_of(request, most=job_form.FORM_BYTES_MAX, fields=job_form.FORM_FIELDS_MAX)
        if not given:
            text = "This form is larger than 1 MiB. Go back and shorten it; give pictures by their addresses."
            return Response(text, status_code=413, headers=_HEADERS)
        shown = await self._forms.posted(given)
        if shown.location:
            return RedirectResponse(quote(shown.location), status_code=303, headers=_HEADERS)
        return self._form_page(shown)

    def _form_page(self, shown: Shown) -> Response:
        title = f"Create labeling job: {shown.data['step_title']}"
        return self._page("create.html", title, csp=_CSP_FORM, status=shown.status, **shown.data)

    async def preview(self, request: Request) -> Response:
        if is_foreign(request):
            return Response("Previews are for the console's own page.", status_code=403, headers=_HEADERS)
        if not self._signed_in(request):
            return Response("Sign in to the console again.", status_code=401, headers=_HEADERS)
        given = await form_of(request, most=job_form.FORM_BYTES_MAX, fields=job_form.FORM_FIELDS_MAX)
        base_url = self._context.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
        body, headers = await asyncio.to_thread(self._forms.preview, given, base_url.rstrip("/"))
        response = Response(body)
        response.raw_headers.extend(headers)
        return response

    async def select(self, request: Request) -> Response:
        if not self._signed_in(request):
            return self._page("sign-in.html", "Sign in", signed_in=False)
        return self._select_page(select_page.empty_form(request.query_params))

    async def create_subset(self, request: Request) -> Response:
        if is_foreign(request):
            return Response("Select objects from the console's own page.", status_code=403, headers=_HEADERS)
        if not self._signed_in(request):
            return self._page("sign-in.html", "Sign in", signed_in=False, status=401)
        form = await form_of(request, most=select_page.FORM_BYTES_MAX)
        context = self._context
        base_url = context.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
        outcome = await asyncio.to_thread(
            select_page.answer, form, context.blobs, base_url=base_url, now=context.clock()
        )
        return self._select_page(outcome)

    def _select_page(self, outcome: select_page.Outcome) -> Response:
        return self._page(
            "select.html",
            "Select objects",
            status=outcome.status,
            form=outcome.form,
            problems=outcome.problems,
            subset=outcome.subset,
        )

    async def sign_in(self, request: Request) -> Response:
        if is_foreign(request):
            return Response("Sign in from the console's own page.", status_code=403, headers=_HEADERS)
        form = await form_of(request)
        # A short, fixed delay keeps guessing slow without keeping state; the secret has 240 bits anyway.
        await asyncio.sleep(0.2)
        credentials = self._context.credentials
        if not session.may_enter(
            credentials, form.get("access_key_id", "").strip(), form.get("secret_access_key", "").strip()
        ):
            problem = "This pair of keys is not known here. Copy both from `labelwright env`."
            return self._page("sign-in.html", "Sign in", signed_in=False, status=401, problem=problem)
        response = RedirectResponse("/console", status_code=303, headers=_HEADERS)
        response.set_cookie(
            session.COOKIE,
            session.issue(credentials, self._context.clock()),
            max_age=session.LIFETIME_S,
            path="/console",
            httponly=True,
            samesite="strict",
            secure=self._context.settings.public_url.startswith("https:"),
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        if is_foreign(request):
            return Response("Sign out from the console's own page.", status_code=403, headers=_HEADERS)
        response = RedirectResponse("/console", status_code=303, headers=_HEADERS)
        response.delete_cookie(session.COOKIE, path="/console")
        return response

    async def not_found(self, request: Request, error: Exception | None) -> Response:
        body = Markup(
            '<section class="card"><h1>Not found</h1><p><a href="/console">All jobs</a></p></section>'
        )
        return HTMLResponse(_shell("Not found", body, signed_in=False), status_code=404, headers=_HEADERS)

    def _signed_in(self, request: Request) -> bool:
        cookie = request.cookies.get(session.COOKIE, "")
        return session.holds(self._context.credentials, cookie, self._context.clock())

    def _page(
        self,
        page: str,
        title: str,
        *,
        signed_in: bool = True,
        refresh: int = 0,
        live: int = 0,
        status: int = 200,
        csp: str = _CSP,
        **data: Any,
    ) -> HTMLResponse:
        body = Markup(_templates().get_template(page).render(**data))  # noqa: S704 - autoescaped by Liquid
        section = _SECTIONS.get(page, "Labeling")
        text = _shell(title, body, signed_in=signed_in, section=section, refresh=refresh, live=live)
        headers = {**_HEADERS, "content-security-policy": _CSP_LIVE if live else csp}
        return HTMLResponse(text, status_code=status, headers=headers)


def _shell(
    title: str, body: Markup, *, signed_in: bool, section: str = "", refresh: int = 0, live: int = 0
) -> str:
    shell = _templates().get_template("shell.html")
    return str(
        shell.render(
            title=title,
            body=body,
            signed_in=signed_in,
            nav=_NAV,
            section=section,
            refresh=refresh or None,
            live=live or None,
        )
    )


@cache
def _source(name: str) -> str:
    return resources.files("labelwright.console").joinpath("pages", name).read_text("utf-8")


@cache
def _templates() -> Environment:
    names = (
        "shell.html",
        "sign-in.html",
        "jobs.html",
        "job.html",
        "select.html",
        "scatter.html",
        "create.html",
        "field.html",
        *(f"create-{step.name}.html" for step in job_form.STEPS),
        *_SECTIONS,
    )
    return Environment(autoescape=True, loader=DictLoader({name: _source(name) for name in names}))
