"""Label Studio (from PyPI, on SQLite, as it comes) as the load script sees it."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.peers import environment
from benchmarks.server.load import Seat, memory_mib

REQUIREMENT = "label-studio==1.23.2"
FIRST_USER = "first@example.org"
START_PATIENCE_S = 600  # its first start makes its database, which takes minutes on a busy machine
CONFIG = (
    '<View><Text name="text" value="$text"/><Choices name="mood" toName="text">'
    '<Choice value="good"/><Choice value="bad"/></Choices></View>'
)
# Users and their API tokens are made with its own models: its sign-up page would need a browser session each.
MAKE_USERS = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "label_studio.core.settings.label_studio"
import label_studio
sys.path.insert(0, os.path.dirname(label_studio.__file__))
os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings.label_studio"
import django
django.setup()
from rest_framework.authtoken.models import Token
from organizations.models import Organization
from users.models import User
organization = Organization.objects.first()
organization.jwt.legacy_api_tokens_enabled = True
organization.jwt.save()
for name in sys.argv[1:]:
    email = name + "@example.org"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email=email, username=name, password=os.urandom(12).hex())
    organization.add_user(user)
    user.active_organization = organization
    user.save()
    token, _ = Token.objects.get_or_create(user=user)
    print("TOKEN", name, token.key, flush=True)
"""


class LabelStudio:
    """A server of its own on a fresh data directory and a free port."""

    name = "Label Studio 1.23.2"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "label-studio"
        self.bin = environment("label-studio", REQUIREMENT)
        self.project = 0
        self.password = "Aa1!" + secrets.token_hex(8)  # of the first user, for the sign-in form
        self._tokens: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def _environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder),
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "DATA_UPLOAD_MAX_MEMORY_SIZE": str(1 << 30),
            "TASKS_MAX_NUMBER": "10000000",
            "TASKS_MAX_FILE_SIZE": str(1 << 30),
        }

    def start(self) -> float:
        """Seconds from exec to a healthy answer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = (self.folder / "log.txt").open("ab")
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [str(self.bin / "label-studio"), "start", "--no-browser", "--port", str(self.port), "--data-dir",
             str(self.folder), "--username", FIRST_USER, "--password", self.password,
             "--log-level", "ERROR"],
            env=self._environ(), stdout=log, stderr=log,
        )  # fmt: skip
        while time.perf_counter() - begin < START_PATIENCE_S:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                    return time.perf_counter() - begin
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"Label Studio did not start; see {self.folder / 'log.txt'}")

    def stop(self) -> None:
        """Stop it."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(60)

    def pid(self) -> int:
        """Process id of the server."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def create_project(self, **settings: Any) -> int:
        """A new project of the first user; its id."""
        return int(self.call("POST", "/api/projects", settings)["id"])

    def upload(self, project: int, pictures: dict[str, bytes]) -> list[int]:
        """Upload JPEGs as on its import page; ids of the tasks made of them."""
        boundary = secrets.token_hex(16)
        body = b""
        for name, content in pictures.items():
            head = (
                f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
                "Content-Type: image/jpeg\r\n\r\n"
            )
            body += head.encode() + content + b"\r\n"
        body += f"--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        self.call("POST", f"/api/projects/{project}/import", body, kind)
        found = self.call("GET", f"/api/tasks?project={project}&page_size={len(pictures)}", None)
        return [task["id"] for task in found["tasks"]]

    def call(self, method: str, path: str, body: Any, content_type: str = "application/json") -> Any:
        """One request of the first user, with bytes or JSON; the parsed answer."""
        if "first" not in self._tokens:
            self._users(["first"])
        http_ = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        text = body if body is None or isinstance(body, bytes) else json.dumps(body)
        headers = {"Content-Type": content_type, "Authorization": f"Token {self._tokens['first']}"}
        http_.request(method, path, text, headers)
        response = http_.getresponse()
        content = response.read()
        http_.close()
        if response.status not in (200, 201):
            raise RuntimeError(f"{method} {path} answered {response.status}: {content[:300]!r}")
        return json.loads(content)

    def load(self, n_objects: int) -> float:
        """Seconds of the import request for n tasks."""
        self.project = self.create_project(title="bench", label_config=CONFIG)
        first = _Seat(self.port, 0, self._tokens["first"])
        tasks = [{"text": f"Review number {i}: neither good nor bad.", "n": i} for i in range(n_objects)]
        begin = time.perf_counter()
        status, body = first.call("POST", f"/api/projects/{self.project}/import", tasks)
        assert status == 201, (status, body[:300])
        return time.perf_counter() - begin

    def seats(self, n: int) -> list[Seat]:
        """Workers with their tokens."""
        names = [f"worker-{i}" for i in range(n)]
        self._users([name for name in names if name not in self._tokens])
        return [_Seat(self.port, self.project, self._tokens[name]) for name in names]

    def export(self) -> tuple[float, float]:
        """Seconds to the downloaded JSON export of all tasks; peak memory MiB."""
        first = _Seat(self.port, self.project, self._tokens["first"])
        peak = memory_mib(self.pid())
        path = f"/api/projects/{self.project}/export?exportType=JSON&download_all_tasks=true"
        begin = time.perf_counter()
        first.http.request("GET", path, headers=first.headers)
        import threading

        over = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not over.wait(0.2):
                peak = max(peak, memory_mib(self.pid()))

        watcher = threading.Thread(target=watch)
        watcher.start()
        response = first.http.getresponse()
        while response.read(1 << 20):
            pass
        took = time.perf_counter() - begin
        over.set()
        watcher.join()
        assert response.status == 200, response.status
        return took, peak

    def _users(self, names: list[str]) -> None:
        if not names:
            return
        done = subprocess.run(
            [str(self.bin / "python"), "-c", MAKE_USERS, *names],
            env=self._environ(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        for line in done.stdout.splitlines():
            if line.startswith("TOKEN "):
                _, name, key = line.split()
                self._tokens[name] = key
        missing = [name for name in names if name not in self._tokens]
        if missing:
            raise RuntimeError(f"no token for {missing}: {done.stderr[-1500:]}")


class _Seat:
    def __init__(self, port: int, project: int, token: str) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.headers = {"Content-Type": "application/json", "Authorization": f"Token {token}"}
        self._project = project
        self._task = 0

    def take(self) -> str | None:
        status, body = self.call("GET", f"/api/projects/{self._project}/next", None)
        if status == 404:
            return None
        if status != 200:
            raise RuntimeError(f"next answered {status}: {body[:200]!r}")
        task = json.loads(body)
        self._task = task["id"]
        return str(task["data"]["n"])

    def submit(self) -> None:
        answer = {
            "result": [
                {"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["good"]}}
            ],
            "lead_time": 1.0,
        }
        status, body = self.call("POST", f"/api/tasks/{self._task}/annotations/", answer)
        if status != 201:
            raise RuntimeError(f"annotation answered {status}: {body[:200]!r}")

    def call(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        """One request on the kept connection."""
        text = None if body is None else json.dumps(body)
        self.http.request(method, path, text, self.headers)
        response = self.http.getresponse()
        return response.status, response.read()
