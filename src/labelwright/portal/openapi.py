"""The worker API as an OpenAPI 3.1 document, made from the table of routes.

What a route is comes from `worker_api.ROUTES`; bodies and answers are described here, per handler. A test
fails when a route has no description here, or the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from labelwright import __version__

__all__ = ["document"]

Schema = dict[str, Any]


class _Route(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def handler(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def needs_session(self) -> bool: ...


def _object(properties: Schema, required: Sequence[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else list(required),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT: Schema = {"type": "string"}
_EPOCH: Schema = {"type": "number", "description": "Epoch seconds, UTC."}
_ERROR = _ref("Error")

_SCHEMAS: Schema = {
    "Error": _object(
        {
            "error": {"type": "string", "description": "Stable name for programs."},
            "message": {"type": "string", "description": "Sentences for people."},
            "field": {"type": "string", "description": "Path of the member that is meant."},
        },
        ["error", "message"],
    ),
    "Worker": _object(
        {
            "id": {"type": "string", "description": "The sub of the worker's identity."},
            "username": _TEXT,
            "email": _TEXT,
            "worker_id": {
                "type": "string",
                "description": "As in worker responses: private.<region>.<code>.",
            },
        }
    ),
    "Job": _object(
        {
            "name": _TEXT,
            "arn": _TEXT,
            "title": _TEXT,
            "description": _TEXT,
            "keywords": {"type": "array", "items": _TEXT},
            "task_type": _TEXT,
            "available_tasks": {
                "type": "integer",
                "description": "An indication; other workers take them too.",
            },
            "time_limit_s": {"type": "number"},
            "created_at": _EPOCH,
            "reference_code": _TEXT,
            "account_id": _TEXT,
            "held_state": {
                "type": ["string", "null"],
                "description": "working or paused when the worker holds a task of the job.",
            },
            "held_until": {"type": ["number", "null"], "description": "When that task expires."},
        }
    ),
    "Task": _object(
        {
            "id": _TEXT,
            "job": {"type": "string", "description": "Name of the labeling job."},
            "job_arn": _TEXT,
            "object_id": {"type": "string", "description": "0-based line of the input manifest."},
            "state": {"type": "string", "enum": ["reserved", "working", "paused"]},
            "html_url": {
                "type": "string",
                "description": "The task's page, for a sandboxed frame. `?nonce=` is handed through.",
            },
            "input": {"type": "object", "description": "task.input of the template."},
            "title": _TEXT,
            "description": _TEXT,
            "task_type": _TEXT,
            "accepted_at": {"type": ["number", "null"], "description": "Null while only reserved."},
            "expires_at": _EPOCH,
            "time_limit_s": {"type": "number"},
        }
    ),
}

_SCHEMAS |= {
    "Sample": _object(
        {
            "name": _TEXT,
            "group": {"type": "string", "enum": ["element", "task type"]},
            "template": _TEXT,
            "input": {"type": "object"},
        }
    ),
    "Preview": _object(
        {
            "document_url": {
                "type": ["string", "null"],
                "description": "The page, for a sandboxed frame, for ten minutes.",
            },
            "errors": {
                "type": "array",
                "items": _object(
                    {
                        "code": _TEXT,
                        "message": _TEXT,
                        "line": {"type": "integer", "description": "From 1; 0 is unknown."},
                        "column": {"type": "integer"},
                    }
                ),
            },
            "undefined": {"type": "array", "items": _TEXT, "description": "Names that printed nothing."},
            "warnings": {"type": "array", "items": _TEXT},
        }
    ),
}

_CREDENTIALS: Schema = {"username": _TEXT, "password": {"type": "string", "format": "password"}}
_SIGNED_IN = _object({"worker": _ref("Worker"), "now": _EPOCH})
_ONE_TASK = _object({"task": _ref("Task"), "now": _EPOCH})
_NOTHING = _object({}, [])


def _done(status: str) -> Schema:
    return _object({"status": {"type": "string", "const": status}, "task_id": _TEXT})


# Handler -> (body or None, {status: (description, schema or None)}).
_OPERATIONS: dict[str, tuple[Schema | None, dict[int, tuple[str, Schema | None]]]] = {
    "document": (None, {200: ("This document.", {"type": "object"})}),
    "sign_in": (
        _object(_CREDENTIALS),
        {
            200: ("Signed in; the cookie is set.", _SIGNED_IN),
            401: ("Wrong name or password, or an account that cannot sign in.", _ERROR),
            409: ("NewPasswordRequired: the password is a temporary one.", _ERROR),
            422: ("A member is missing or too long.", _ERROR),
            429: ("Too many failures; see Retry-After.", _ERROR),
        },
    ),
    "who_am_i": (
        None,
        {200: ("The session.", _object({"worker": _ref("Worker"), "expires_at": _EPOCH, "now": _EPOCH}))},
    ),
    "sign_out": (None, {204: ("Signed out; also when nobody was signed in.", None)}),
    "change_password": (
        _object({**_CREDENTIALS, "new_password": {"type": "string", "format": "password"}}),
        {
            200: ("Changed and signed in; other sessions of the user have ended.", _SIGNED_IN),
            401: ("Wrong name or password, or an account that cannot sign in.", _ERROR),
            422: ("The new password breaks a rule; field is new_password.", _ERROR),
            429: ("Too many failures; see Retry-After.", _ERROR),
        },
    ),
    "list_jobs": (
        None,
        {
            200: (
                "Jobs in progress.",
                _object({"jobs": {"type": "array", "items": _ref("Job")}, "now": _EPOCH}),
            )
        },
    ),
    "take_task": (
        _object(
            {
                "ahead": {
                    "type": "boolean",
                    "default": False,
                    "description": "Reserve one more while another is worked on; /start begins its clock.",
                }
            },
            [],
        ),
        {
            200: ("The task; without ahead the one already held, if any.", _ONE_TASK),
            204: ("There is none for this worker now.", None),
            404: ("No such job, or not of the worker's teams.", _ERROR),
            409: ("The job is not in progress.", _ERROR),
        },
    ),
    "show_task": (None, {200: ("The task.", _ONE_TASK), 404: ("Not held by this worker.", _ERROR)}),
    "release_task": (
        None,
        {200: ("Given back.", _done("released")), 404: ("Not held by this worker.", _ERROR)},
    ),
    "start_task": (
        _NOTHING,
        {
            200: ("The clock has started.", _ONE_TASK),
            404: ("Not held by this worker.", _ERROR),
            409: ("The reservation ran out, or the job is over.", _ERROR),
        },
    ),
    "submit_task": (
        _object(
            {
                "answer": {
                    "type": "object",
                    "description": "answerContent, as the template's form produces it.",
                },
                "time_spent_s": {"type": "number", "minimum": 0, "description": "Active time of the worker."},
            },
            ["answer"],
        ),
        {
            200: ("Stored durably; again for the same answer.", _done("submitted")),
            404: ("Never held by this worker.", _ERROR),
            409: ("The lease ran out, the job is over, or another answer was given before.", _ERROR),
            413: ("Longer than 32 MiB.", _ERROR),
            422: ("The answer does not fit the task type; field says where.", _ERROR),
        },
    ),
    "decline_task": (
        _NOTHING,
        {
            200: ("Declined; never offered again.", _done("declined")),
            404: ("Not held by this worker.", _ERROR),
        },
    ),
    "auto_segment": (
        _object(
            {
                "image": {
                    "type": "string",
                    "description": "Address of an image of the task, as its page has it.",
                },
                "points": {
                    "type": ["array", "null"],
                    "description": "Four extreme points of the object, or fewer on it: [[x, y], ...].",
                },
                "box": {"type": ["array", "null"], "description": "[left, top, width, height] in pixels."},
            },
            ["image"],
        ),
        {
            200: ("image/png of the image's size: 255 inside the object, 0 outside.", None),
            403: ("Not an image of this task.", _ERROR),
            404: ("Not held by this worker.", _ERROR),
            422: ("A member does not fit.", _ERROR),
            501: ("NotConfigured: the server has no model.", _ERROR),
        },
    ),
    "list_samples": (
        None,
        {
            200: (
                "Examples to begin with.",
                _object({"samples": {"type": "array", "items": _ref("Sample")}}),
            )
        },
    ),
    "make_preview": (
        _object(
            {
                "template": {"type": "string", "description": "Liquid and HTML."},
                "input": {"type": "object", "description": "task.input."},
            }
        ),
        {
            200: ("Rendered, or why not.", _ref("Preview")),
            422: ("A member is missing or too long.", _ERROR),
        },
    ),
    "pause_task": (
        _NOTHING,
        {
            200: ("Kept for this worker until it expires.", _done("paused")),
            404: ("Not held by this worker.", _ERROR),
        },
    ),
}


def document(routes: Sequence[_Route]) -> Schema:
    """The OpenAPI document of these routes.

    Raises
    ------
    KeyError
        When a route's handler is not described here.
    """
    paths: Schema = {}
    for route in routes:
        paths.setdefault(f"/portal/api{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Labelwright worker API",
            "version": __version__,
            "description": "What the portal, bots and tests use. Bodies are JSON; a session is a cookie.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "labelwright_session"}},
        },
    }


def _operation(route: _Route) -> Schema:
    body, answers = _OPERATIONS[route.handler]
    responses = {
        str(status): {
            "description": text,
            **({} if schema is None else {"content": {"application/json": {"schema": schema}}}),
        }
        for status, (text, schema) in answers.items()
    }
    if route.needs_session:
        responses["401"] = {
            "description": "NotSignedIn.",
            "content": {"application/json": {"schema": _ERROR}},
        }
    operation: Schema = {"operationId": route.handler, "summary": route.summary, "responses": responses}
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names
        ]
    if body is not None:
        operation["requestBody"] = {
            "required": bool(body["required"]),
            "content": {"application/json": {"schema": body}},
        }
    if route.needs_session:
        operation["security"] = [{"session": []}]
    return operation
