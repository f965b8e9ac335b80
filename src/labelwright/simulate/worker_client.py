"""A client of the worker API: what a bot needs to sign in, take tasks and hand in answers."""

from __future__ import annotations

import json
from typing import Any

import urllib3

from labelwright.errors import LabelwrightError

__all__ = ["WorkerClient", "WorkerRefused"]


class WorkerRefused(LabelwrightError):
    """The server refused a request.

    Attributes
    ----------
    status : int
        HTTP status.
    error : str
        Its name, for instance ``Conflict``.
    retry_after_s : float
        How long the server asks to wait, 0 when it does not say.
    """

    def __init__(self, message: str, *, status: int, error: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.retry_after_s = retry_after_s


class WorkerClient:
    """One signed-in worker. Not to be shared between threads.

    Parameters
    ----------
    base_url : str
        Address of the server, without ``/portal``.
    timeout_s : float
        For each request.
    """

    def __init__(self, base_url: str, *, timeout_s: float = 60.0) -> None:
        self._url = base_url.rstrip("/") + "/portal/api"
        # Requests that may be repeated safely are retried by urllib3; POSTs are not.
        self._http = urllib3.PoolManager(
            maxsize=1, timeout=urllib3.Timeout(timeout_s), retries=urllib3.Retry(3, backoff_factor=0.2)
        )
        self._cookie = ""

    def sign_in(self, username: str, password: str) -> dict[str, Any]:
        """Start a session; returns the worker."""
        return self._start_session("/session", {"username": username, "password": password})

    def change_password(self, username: str, password: str, new_password: str) -> dict[str, Any]:
        """Replace a password, such as a temporary one, and start a session; returns the worker."""
        body = {"username": username, "password": password, "new_password": new_password}
        return self._start_session("/session/password", body)

    def sign_out(self) -> None:
        """End the session."""
        self._call("DELETE", "/session")
        self._cookie = ""

    def jobs(self) -> list[dict[str, Any]]:
        """Jobs with work for this worker."""
        jobs: list[dict[str, Any]] = (self._call("GET", "/jobs") or {})["jobs"]
        return jobs

    def take(self, job_name: str) -> dict[str, Any] | None:
        """The next task of a job, or None when there is none now."""
        body = self._call("POST", f"/jobs/{job_name}/tasks", {})
        return None if body is None else body["task"]

    def submit(self, task_id: str, answer: dict[str, Any]) -> None:
        """Hand in an answer."""
        self._call("POST", f"/tasks/{task_id}/submission", {"answer": answer})

    def decline(self, task_id: str) -> None:
        """Refuse a task for good."""
        self._call("POST", f"/tasks/{task_id}/decline", {})

    def release(self, task_id: str) -> None:
        """Give a task back."""
        self._call("DELETE", f"/tasks/{task_id}")

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        return self._request(method, path, body)[0]

    def _start_session(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer, self._cookie = self._request("POST", path, body)
        worker: dict[str, Any] = (answer or {})["worker"]
        return worker

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> tuple[dict[str, Any] | None, str]:
        headers = {"cookie": self._cookie} if self._cookie else {}
        try:
            response = self._http.request(method, self._url + path, json=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise WorkerRefused(
                f"{method} {self._url}{path}: no answer ({error}). Is the server running?",
                status=0,
                error="NoAnswer",
            ) from error
        if response.status >= 400:
            raise _refused(response)
        cookies = [value.partition(";")[0] for value in response.headers.getlist("set-cookie")]
        text = response.data
        return (json.loads(text) if text else None), "; ".join(cookies)


def _refused(response: urllib3.BaseHTTPResponse) -> WorkerRefused:
    try:
        body = json.loads(response.data)
        error, message = str(body["error"]), str(body.get("message", ""))
    except (ValueError, KeyError, TypeError):
        error, message = f"HTTP{response.status}", response.data[:200].decode("utf-8", "replace")
    header = response.headers.get("retry-after", "")
    wait_s = float(header) if header.isdigit() else 0.0
    return WorkerRefused(f"{error}: {message}", status=response.status, error=error, retry_after_s=wait_s)
