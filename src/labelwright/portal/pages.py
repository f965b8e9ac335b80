"""The portal's page and its static files.

The page is an empty shell that loads one script and one style sheet; everything it shows comes through the
worker API. Static files are built into ``portal/static`` and served from memory, compressed once. Their links
carry a hash of the content, so browsers keep them for a year and still see a new build at once.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import mimetypes
from pathlib import Path
from urllib.parse import parse_qs

from labelwright.portal.http import Headers, Reply, Request
from labelwright.portal.policies import page_headers, shell_policy

__all__ = ["STATIC_DIR", "StaticFiles", "shell"]

STATIC_DIR = Path(__file__).parent / "static"
_URL = "/portal/static/"
_COMPRESSED = {".js", ".css", ".svg", ".json", ".map", ".html", ".txt"}
_MIN_COMPRESSED_BYTES = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class _File:
    stamp: tuple[int, int]  # modification time in ns, size
    body: bytes
    zipped: bytes | None
    etag: str
    content_type: str


class StaticFiles:
    """Files below one directory, held in memory until they change on disk."""

    def __init__(self, directory: Path = STATIC_DIR) -> None:
        self._directory = directory.resolve()
        self._files: dict[str, _File] = {}

    def url(self, name: str) -> str:
        """Address of a file, with its content's hash when it is there."""
        file = self._file(name)
        return f"{_URL}{name}" if file is None else f"{_URL}{name}?v={file.etag}"

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return self._file(name) is not None

    def answer(self, request: Request) -> Reply:
        """Serve ``/portal/static/...``."""
        if request.method not in ("GET", "HEAD"):
            return Reply(405, b"", [(b"allow", b"GET, HEAD")])
        file = self._file(request.path[len(_URL) :])
        if file is None:
            return Reply(404, b"No such file.\n", [(b"content-type", b"text/plain; charset=utf-8")])
        is_pinned = parse_qs(request.query.decode("latin-1")).get("v") == [file.etag]
        headers: Headers = [
            (b"etag", f'"{file.etag}"'.encode()),
            (b"cache-control", b"public, max-age=31536000, immutable" if is_pinned else b"no-cache"),
            (b"vary", b"accept-encoding"),
            (b"x-content-type-options", b"nosniff"),
            # Task documents have an opaque origin; to the browser they are another site.
            (b"access-control-allow-origin", b"*"),
            (b"cross-origin-resource-policy", b"cross-origin"),
        ]
        if f'"{file.etag}"' in request.headers.get("if-none-match", ""):
            return Reply(304, b"", headers)
        headers.append((b"content-type", file.content_type.encode()))
        if file.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Reply(200, file.zipped, [*headers, (b"content-encoding", b"gzip")])
        return Reply(200, file.body, headers)

    def _file(self, name: str) -> _File | None:
        path = self._directory / name
        # Nothing outside the directory, whatever the name or a link in it says.
        if "\0" in name or not name or self._directory not in path.resolve().parents:
            return None
        try:
            status = path.stat()
        except OSError:
            return None
        stamp = (status.st_mtime_ns, status.st_size)
        kept = self._files.get(name)
        if kept is not None and kept.stamp == stamp:
            return kept
        if not path.is_file():
            return None
        body = path.read_bytes()
        is_compressed = path.suffix in _COMPRESSED and len(body) >= _MIN_COMPRESSED_BYTES
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if content_type.startswith("text/") or content_type == "application/javascript":
            content_type += "; charset=utf-8"
        file = _File(
            stamp=stamp,
            body=body,
            zipped=gzip.compress(body, 9, mtime=0) if is_compressed else None,
            etag=hashlib.sha256(body).hexdigest()[:20],
            content_type=content_type,
        )
        self._files[name] = file
        return file


def shell(request: Request, static: StaticFiles) -> Reply:
    """The page behind every address of the portal that is not something else."""
    if request.method not in ("GET", "HEAD"):
        return Reply(405, b"", [(b"allow", b"GET, HEAD")])
    headers = [*page_headers(shell_policy()), (b"cross-origin-opener-policy", b"same-origin")]
    if not static.has("portal.js"):
        return Reply(503, _NOT_BUILT, headers)
    page = _PAGE.format(css=static.url("portal.css"), js=static.url("portal.js"))
    return Reply(200, page.encode(), headers)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Labeling portal</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{css}">
<script type="module" src="{js}"></script>
</head>
<body>
<noscript><p>The labeling portal needs JavaScript. Switch it on and load the page again.</p></noscript>
</body>
</html>
"""

_NOT_BUILT = b"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Labeling portal: not built yet</title></head>
<body>
<h1>The portal's pages are not built yet</h1>
<p>Run <code>make install</code> in the project's folder: it builds them. Then load this page again.
The worker API at <a href="/portal/api/openapi.json">/portal/api</a> works without them.</p>
</body>
</html>
"""
