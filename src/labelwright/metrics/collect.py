"""What `/metrics` shows, gathered at each scrape from counters in rows: nothing here scans tasks or objects.

The names of Ground Truth's CloudWatch metrics are the values of the label ``metric``. Labels are bounded:
jobs that run or ended lately, `_JOBS_MAX` of them at most, and `_TEAMS_MAX` work teams.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright import __version__
from labelwright.core.labeling_job import TERMINAL, Status
from labelwright.engine.accounts import counts_of, prices_of_job
from labelwright.engine.facts import facts_of
from labelwright.ledger import account
from labelwright.metrics.exposition import Exposition
from labelwright.store import labeling_jobs, outbox, work_totals
from labelwright.store.labeling_jobs import JobRow
from labelwright.store.labeling_tables import labeling_jobs as jobs_table

if TYPE_CHECKING:
    from labelwright.context import AppContext
    from labelwright.events import Delivery
    from labelwright.metrics.traffic import Traffic

__all__ = ["collect"]

_JOBS_MAX = 200
_TEAMS_MAX = 200
_VARIANTS_MAX = 200
_FUNCTIONS_MAX = 200
_ENDED_S = 86_400.0
_ACTIVE_S = 300.0
_STARTED_AT = time.time()

_ENDED = {"JobsSucceeded": "Completed", "JobsFailed": "Failed", "JobsStopped": "Stopped"}


def collect(context: AppContext, traffic: Traffic, delivery: Delivery) -> str:
    """The whole page. Reads the database in one snapshot."""
    page = Exposition()
    page.family("labelwright_info", "gauge", "Version of the server.", [({"version": __version__}, 1)])
    context.database.read(lambda connection: _from_rows(page, connection, delivery, context.clock()))
    _process(page, context, traffic)
    return page.text()


def _from_rows(page: Exposition, connection: Connection, delivery: Delivery, now: float) -> None:
    query = sa.select(jobs_table.c.status, sa.func.count()).group_by(jobs_table.c.status)
    statuses = {str(status): int(n) for status, n in connection.execute(query)}
    page.family(
        "labelwright_labeling_jobs",
        "gauge",
        "Labeling jobs by status.",
        [({"status": status.value}, statuses.get(status.value, 0)) for status in Status],
    )
    page.family(
        "labelwright_labeling_jobs_ended_total",
        "counter",
        "Labeling jobs that have ended.",
        [({"metric": name}, statuses.get(status, 0)) for name, status in _ENDED.items()],
    )
    _jobs(page, connection, now)
    _teams(page, connection, now)
    last = outbox.last(connection)
    about = [({"sink": state.name.partition(":")[0]}, state) for state in delivery.states]
    page.family(
        "labelwright_events_delivered_total",
        "counter",
        "Events that a sink has taken since the server started.",
        [(labels, state.n_delivered) for labels, state in about],
    )
    page.family(
        "labelwright_events_failures_total",
        "counter",
        "Deliveries that a sink did not take since the server started; they are repeated.",
        [(labels, state.n_failures) for labels, state in about],
    )
    page.family(
        "labelwright_events_waiting",
        "gauge",
        "Changes that a sink has not been told of yet.",
        [(labels, max(0, last - state.position)) for labels, state in about],
    )


def _jobs(page: Exposition, connection: Connection, now: float) -> None:
    jobs = _shown(connection, now)
    about = [({"LabelingJobName": job.name, "region": job.region}, job) for job in jobs]
    page.family(
        "labelwright_labeling_job_objects",
        "gauge",
        "Data objects of a labeling job, running totals.",
        [
            ({**labels, "metric": name}, value)
            for labels, job in about
            for name, value in (
                ("DatasetObjectsHumanAnnotated", job.n_human),
                ("DatasetObjectsAutoAnnotated", job.n_machine),
                ("DatasetObjectsLabelingFailed", job.n_failed),
                ("TotalDatasetObjectsLabeled", job.n_human + job.n_machine),
            )
        ],
    )
    page.family(
        "labelwright_labeling_job_size",
        "gauge",
        "Data objects in the input manifest of a labeling job.",
        [(labels, job.n_objects) for labels, job in about],
    )
    work = work_totals.of_jobs(connection, [job.id for job in jobs])
    costs = []
    for labels, job in about:
        if "labelwright:price-" not in job.request and "PublicWorkforceTaskPrice" not in job.request:
            continue  # parsing it would be for nothing
        facts = facts_of(job)
        prices = prices_of_job(facts)
        money = account(counts_of(job, facts, work.get(job.id, work_totals.Work())), prices)
        for origin, amount in (("human", money.human), ("machine", money.machine)):
            costs.append(({**labels, "currency": prices.currency, "origin": origin}, float(amount)))
    page.family("labelwright_labeling_job_cost", "gauge", "What a labeling job has cost so far.", costs)


def _shown(connection: Connection, now: float) -> list[JobRow]:
    open_states = [status.value for status in Status if status not in TERMINAL]
    t = jobs_table.c
    running = sa.select(t.id).where(t.status.in_(open_states)).order_by(t.id.desc()).limit(_JOBS_MAX)
    newest = sa.select(t.id, t.ended_at).order_by(t.id.desc()).limit(_JOBS_MAX)
    ids = list(connection.execute(running).scalars())
    ids += [
        row.id
        for row in connection.execute(newest)
        if row.ended_at is not None and row.ended_at >= now - _ENDED_S
    ]
    found = (labeling_jobs.get(connection, job_id) for job_id in ids[:_JOBS_MAX])
    return [job for job in found if job is not None]


def _teams(page: Exposition, connection: Connection, now: float) -> None:
    teams = [
        ({"Workteam": team.workteam_arn}, team) for team in work_totals.of_teams(connection, limit=_TEAMS_MAX)
    ]
    page.family(
        "labelwright_worker_tasks_total",
        "counter",
        "What workers have done with tasks.",
        [
            ({**labels, "metric": name}, value)
            for labels, team in teams
            for name, value in (
                ("TasksAccepted", team.n_accepted),
                ("TasksSubmitted", team.n_submitted),
                ("TasksDeclined", team.n_declined),
                ("TasksReturned", team.n_returned),
            )
        ],
    )
    page.family(
        "labelwright_worker_seconds_total",
        "counter",
        "Time spent on submitted tasks, without pauses.",
        [({**labels, "metric": "TimeSpent"}, team.seconds) for labels, team in teams],
    )
    page.family(
        "labelwright_active_workers",
        "gauge",
        "Workers who submitted, returned or declined a task in the last five minutes.",
        [({"metric": "ActiveWorkers"}, work_totals.active_workers(connection, since=now - _ACTIVE_S))],
    )


def _process(page: Exposition, context: AppContext, traffic: Traffic) -> None:
    page.family(
        "labelwright_http_requests_total",
        "counter",
        "Requests by door and class of status.",
        [({"door": door, "status": status}, n) for (door, status), n in sorted(traffic.counts.items())],
    )
    page.histograms(
        "labelwright_http_request_seconds",
        "Time from a request's head to the last byte of its answer.",
        [({"door": door}, histogram) for door, histogram in sorted(traffic.latency.items())],
    )
    database, engine = context.database, context.engine
    page.histograms(
        "labelwright_writer_group_size", "Writes that were committed together.", [({}, database.group_sizes)]
    )
    page.histograms(
        "labelwright_writer_commit_seconds",
        "Time of a group, with its commit.",
        [({}, database.commit_seconds)],
    )
    page.histograms(
        "labelwright_engine_step_seconds", "Time of a step of a labeling job.", [({}, engine.step_seconds)]
    )
    page.family(
        "labelwright_engine_step_failures_total",
        "counter",
        "Steps that failed; they are tried again.",
        [({}, engine.n_failed_steps)],
    )
    _endpoints(page, context)
    _functions(page, context)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    page.family(
        "process_cpu_seconds_total", "counter", "Processor time.", [({}, usage.ru_utime + usage.ru_stime)]
    )
    page.family("process_resident_memory_bytes", "gauge", "Resident memory.", _resident())
    page.family("process_start_time_seconds", "gauge", "Start, in epoch seconds.", [({}, _STARTED_AT)])


def _endpoints(page: Exposition, context: AppContext) -> None:
    """Names are CloudWatch's of endpoints; its microseconds are Prometheus's seconds here."""
    about = [
        ({"EndpointName": name, "VariantName": variant, "region": region}, stats)
        for (region, name, variant), stats in context.routes.stats()[:_VARIANTS_MAX]
    ]
    page.family(
        "labelwright_endpoint_invocations_total",
        "counter",
        "Requests to a variant of an endpoint since the server started, and those that the model refused or "
        "failed.",
        [
            ({**labels, "metric": metric}, n)
            for labels, stats in about
            for metric, n in (
                ("Invocations", stats.n_invocations),
                ("Invocation4XXErrors", stats.n_client_errors),
                ("Invocation5XXErrors", stats.n_server_errors),
            )
        ],
    )
    page.histograms(
        "labelwright_endpoint_model_seconds",
        "Time from handing a request to a serving process to its whole answer (ModelLatency).",
        [(labels, stats.model_seconds) for labels, stats in about],
    )


def _functions(page: Exposition, context: AppContext) -> None:
    """Names are CloudWatch's of Lambda; its milliseconds are Prometheus's seconds here."""
    about = [
        ({"FunctionName": name, "region": region}, stats)
        for (region, name), stats in context.functions.stats.items()[:_FUNCTIONS_MAX]
    ]
    page.family(
        "labelwright_function_invocations_total",
        "counter",
        "Invocations of a function since the server started, and those that ended with an error.",
        [
            ({**labels, "metric": metric}, n)
            for labels, stats in about
            for metric, n in (("Invocations", stats.n_invocations), ("Errors", stats.n_errors))
        ],
    )
    page.histograms(
        "labelwright_function_seconds",
        "Time of an invocation (Duration), with the start of its process where there was none.",
        [(labels, stats.seconds) for labels, stats in about],
    )
    page.family(
        "labelwright_function_processes",
        "gauge",
        "Processes of functions, working and idle.",
        [({}, context.functions.n_processes)],
    )


def _resident() -> list[tuple[dict[str, str], float]]:
    if sys.platform != "linux":
        return []
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return [({}, float(pages * os.sysconf("SC_PAGE_SIZE")))]
