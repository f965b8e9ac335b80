"""Operations for pages of our own, held to the same rules as signed requests.

The console creates labeling jobs through here, so that it can make none that the API would refuse.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from labelwright.api import labeling_jobs
from labelwright.api.context import RequestContext
from labelwright.api.dispatch import load_handlers
from labelwright.api.door import served_models
from labelwright.api.labeling_job_rules import check_request
from labelwright.context import AppContext
from labelwright.wire import aws_json

__all__ = ["JobDoor"]

_SERVICE, _OPERATION = "sagemaker", "CreateLabelingJob"


class JobDoor:
    """CreateLabelingJob and StopLabelingJob without a signature.

    Parameters
    ----------
    context : AppContext
    """

    def __init__(self, context: AppContext) -> None:
        self._context = context
        models = served_models(context, load_handlers())  # of the door's, in its cache
        operation = models[_SERVICE].operation(_OPERATION)
        assert operation is not None  # noqa: S101 - it was asked for
        self._operation = operation

    def check(self, request: Mapping[str, Any], *, region: str) -> None:
        """Check a request without creating anything.

        Raises
        ------
        ConstraintsBroken
            Members that break constraints of the service model; all of them.
        InvalidRequest, NotFound
            The first rule beyond the model that is broken.
        """
        parameters = aws_json.parse(self._operation, orjson.dumps(request))
        self._context.database.read(
            lambda connection: check_request(
                connection,
                parameters,
                region=region,
                has_lambda_endpoint=bool(self._context.settings.lambda_endpoint_url),
            )
        )

    async def create(self, request: Mapping[str, Any], *, region: str) -> str:
        """Create the job; its ARN.

        Raises
        ------
        NameInUse
            And whatever `check` raises.
        """
        parameters = aws_json.parse(self._operation, orjson.dumps(request))
        names = self._operation.snake_names
        members = {names[name]: value for name, value in parameters.items()}
        answer = await labeling_jobs.create_labeling_job(self._asked(parameters, region), **members)
        return str(answer["LabelingJobArn"])

    async def stop(self, name: str, *, region: str) -> None:
        """Stop a job.

        Raises
        ------
        NotFound
        InvalidRequest
            It has ended.
        """
        await labeling_jobs.stop_labeling_job(self._asked({}, region), labeling_job_name=name)

    def _asked(self, parameters: Mapping[str, Any], region: str) -> RequestContext:
        return RequestContext(
            app=self._context,
            region=region,
            request_id=str(uuid.uuid4()),
            now=self._context.clock(),
            operation=_OPERATION,
            parameters=parameters,
        )
