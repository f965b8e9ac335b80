"""CloudWatch: the metrics that training jobs report, and those of labeling jobs; reading only.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html and its
neighbours.
Differences: there are the metrics of training jobs (namespace ``/aws/sagemaker/TrainingJobs``, dimension
``TrainingJobName``) and of labeling jobs (`labelwright.api.cloudwatch_labeling`), and nobody can put others;
values are kept as long as their job, one by one; expressions, alarms and dashboards do not exist. Clients may
speak JSON or post forms; the CBOR protocol is not answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from labelwright.api import cloudwatch_labeling as labeling
from labelwright.api.context import RequestContext
from labelwright.api.dispatch import reads
from labelwright.api.paging import query_of, token_secret
from labelwright.core.metric_statistics import by_period, is_period, period_start, statistic
from labelwright.errors import InvalidCombination, InvalidRequest
from labelwright.store import metric_points, training_jobs
from labelwright.wire.paginate import make_token, read_token

__all__: list[str] = []

NAMESPACE = "/aws/sagemaker/TrainingJobs"
_DIMENSION = "TrainingJobName"
_KIND = "training-job"
_MAX_DATAPOINTS = 1440
_MAX_QUERIES = 500
_LIST_PAGE = 500


@reads("cloudwatch", "GetMetricStatistics")
def get_metric_statistics(
    context: RequestContext,
    connection: Connection,
    *,
    namespace: str,
    metric_name: str,
    start_time: float,
    end_time: float,
    period: int,
    dimensions: Sequence[Mapping[str, str]] = (),
    statistics: Sequence[str] = (),
    extended_statistics: Sequence[str] = (),
    unit: str | None = None,
) -> dict[str, Any]:
    """A metric by periods: count, average, sum, smallest, largest, percentiles."""
    if not statistics and not extended_statistics:
        raise InvalidCombination(
            "At least one of the parameters Statistics and ExtendedStatistics must be specified.",
            field="Statistics",
        )
    if start_time >= end_time:
        raise InvalidRequest(
            "The parameter StartTime must be less than the parameter EndTime.", field="StartTime"
        )
    _check_period(period)
    n_asked = int((end_time - period_start(start_time, period)) // period)
    if n_asked > _MAX_DATAPOINTS:
        raise InvalidCombination(
            f"You have requested up to {n_asked} datapoints, which exceeds the limit of {_MAX_DATAPOINTS}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
            field="Period",
        )
    named = {name: _function(name) for name in (*statistics, *extended_statistics)}
    periods = (
        _periods(context, connection, namespace, metric_name, dimensions, start_time, end_time, period)
        if unit in (None, "None")
        else {}
    )
    datapoints: list[dict[str, Any]] = []
    for begin, values in periods.items():
        point: dict[str, Any] = {"Timestamp": begin, "Unit": "None"}
        point |= {name: named[name](values) for name in statistics}
        if extended_statistics:
            point["ExtendedStatistics"] = {name: named[name](values) for name in extended_statistics}
        datapoints.append(point)
    return {"Label": metric_name, "Datapoints": datapoints}


@reads("cloudwatch", "GetMetricData")
def get_metric_data(
    context: RequestContext,
    connection: Connection,
    *,
    metric_data_queries: Sequence[Mapping[str, Any]],
    start_time: float,
    end_time: float,
    scan_by: str = "TimestampDescending",
    **_: Any,
) -> dict[str, Any]:
    """Several metrics by periods, each as two lists: times and values."""
    if len(metric_data_queries) > _MAX_QUERIES:
        raise InvalidRequest(
            f"MetricDataQueries has {len(metric_data_queries)} members; at most {_MAX_QUERIES} are answered "
            "at once.",
            field="MetricDataQueries",
        )
    results = []
    for query in metric_data_queries:
        asked = query.get("MetricStat")
        if asked is None:
            raise InvalidRequest(
                f"The query {query['Id']!r} has an Expression; this server answers those with a MetricStat.",
                field="Expression",
            )
        if not query.get("ReturnData", True):
            continue
        metric, period = asked["Metric"], asked["Period"]
        _check_period(period)
        function = _function(asked["Stat"])
        name = metric.get("MetricName", "")
        periods = _periods(
            context,
            connection,
            metric.get("Namespace", ""),
            name,
            metric.get("Dimensions", ()),
            start_time,
            end_time,
            period,
        )
        pairs = [(begin, function(values)) for begin, values in periods.items()]
        if scan_by == "TimestampDescending":
            pairs.reverse()
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label", name),
                "Timestamps": [begin for begin, _ in pairs],
                "Values": [value for _, value in pairs],
                "StatusCode": "Complete",
            }
        )
    return {"MetricDataResults": results, "Messages": []}


@reads("cloudwatch", "ListMetrics")
def list_metrics(
    context: RequestContext,
    connection: Connection,
    *,
    dimensions: Sequence[Mapping[str, str]] = (),
    metric_name: str | None = None,
    namespace: str | None = None,
    next_token: str | None = None,
    **_: Any,
) -> dict[str, Any]:
    """The metrics of the region's training jobs by job and name, then those of its labeling jobs."""
    query, secret = query_of(context), token_secret(context)
    after = read_token(next_token, query=query, secret=secret) if next_token else None
    found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    if namespace in (None, NAMESPACE) and (after is None or after[0] == NAMESPACE):
        place = None if after is None else (after[1], after[2])
        names = _names(dimensions, _DIMENSION)
        if names is not None:
            found += [
                ((NAMESPACE, *key), metric)
                for key, metric in _of_trainings(context, connection, names, metric_name, place)
            ]
    if len(found) < _LIST_PAGE and namespace in (None, labeling.NAMESPACE):
        place = None if after is None or after[0] == NAMESPACE else (after[1], after[2])
        names = _names(dimensions, labeling.DIMENSION)
        if names is not None:
            rest = labeling.listing(
                connection,
                context.region,
                name=metric_name,
                jobs=names or None,
                # Those without a dimension come first; job numbers begin with 1.
                after=(0, "") if dimensions and place is None else place,
                limit=_LIST_PAGE - len(found),
            )
            found += [((labeling.NAMESPACE, *key), metric) for key, metric in rest]
    token = make_token(found[-1][0], query=query, secret=secret) if len(found) >= _LIST_PAGE else None
    return {"Metrics": [metric for _, metric in found if metric], "NextToken": token}


def _names(dimensions: Sequence[Mapping[str, str]], dimension: str) -> set[str] | None:
    """The names that are asked for, none for all of them; None when another dimension is asked for."""
    if any(item["Name"] != dimension for item in dimensions):
        return None
    return {item["Value"] for item in dimensions if "Value" in item}


def _of_trainings(
    context: RequestContext,
    connection: Connection,
    names: set[str] | None,
    metric_name: str | None,
    after: tuple[int, str] | None,
) -> list[tuple[tuple[int, str], dict[str, Any]]]:
    """Places and metrics of training jobs; empty for jobs of other regions, which count on a page."""
    only = None
    if names:
        job = training_jobs.named(connection, context.region, next(iter(names))) if len(names) == 1 else None
        if job is None:
            return []
        only = job.id
    found = metric_points.listing(
        connection, _KIND, resource_id=only, name=metric_name, after=after, limit=_LIST_PAGE
    )
    metrics = []
    for job_id, name in found:
        job = training_jobs.get(connection, job_id)
        metric: dict[str, Any] = {}
        if job is not None and job.region == context.region:
            dimension = {"Name": _DIMENSION, "Value": job.name}
            metric = {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": [dimension]}
        metrics.append(((job_id, name), metric))
    return metrics


def _periods(
    context: RequestContext,
    connection: Connection,
    namespace: str,
    metric_name: str,
    dimensions: Sequence[Mapping[str, str]],
    start: float,
    end: float,
    period: int,
) -> dict[int, list[float]]:
    """Values by period; nothing for a metric that nobody reports, as the service has it."""
    if namespace == labeling.NAMESPACE:
        begin = period_start(start, period)
        values = labeling.points(
            connection, context.region, metric_name, dimensions, start=begin, end=end, now=context.now
        )
        return by_period(values, period)
    if namespace != NAMESPACE or len(dimensions) != 1 or dimensions[0].get("Name") != _DIMENSION:
        return {}
    job = training_jobs.named(connection, context.region, dimensions[0]["Value"])
    if job is None:
        return {}
    points = metric_points.series(
        connection, _KIND, job.id, metric_name, start=period_start(start, period), end=end
    )
    return by_period(points, period)


def _check_period(period: int) -> None:
    if not is_period(period):
        raise InvalidRequest(
            f"The parameter Period is {period}; it must be 1, 5, 10, 20, 30, or a multiple of 60.",
            field="Period",
        )


def _function(name: str) -> Any:
    found = statistic(name)
    if found is None:
        raise InvalidRequest(
            f"There is no statistic {name!r} here; SampleCount, Average, Sum, Minimum, Maximum and "
            "percentiles such as p90 are.",
            field="Stat",
        )
    return found
