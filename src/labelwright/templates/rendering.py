"""State of one rendering: where output goes, limits, signing of media, and what was noticed on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from liquid import RenderContext, Token, Undefined
from liquid.exceptions import OutputStreamLimitError, ResourceLimitError
from liquid.utils import ReadOnlyChainMap

from labelwright.errors import AccessRefused, LabelwrightError, NotFound
from labelwright.templates.media import media_target
from labelwright.templates.values import Safe, html_of, text_of

__all__ = ["ITERATIONS_MAX", "NESTING_MAX", "Buffer", "RenderProblem", "Sign", "TaskContext", "place_of"]

RENDER_SECONDS_MAX: Final = 2.0
ITERATIONS_MAX: Final = 1_000_000
OUTPUT_BYTES_MAX: Final = 5_000_000
NESTING_MAX: Final = 100
_VARIABLES_BYTES_MAX: Final = 50_000_000
_WARNINGS_MAX: Final = 20

Sign = Callable[[str, str], str]
"""``(bucket, key) -> URL``; may raise AccessRefused or NotFound."""


@dataclass(frozen=True, slots=True)
class RenderProblem:
    """Something that went wrong while rendering; ``line`` and ``column`` are 1-based, 0 when unknown."""

    code: str
    message: str
    line: int = 0
    column: int = 0


class Buffer:
    """Collects output. In a capture it also collects the text without the escapes of the values."""

    __slots__ = ("context", "n_characters", "parts", "texts")

    def __init__(self, context: TaskContext, *, is_capture: bool = False) -> None:
        self.context = context
        self.parts: list[str] = []
        self.texts: list[str] | None = [] if is_capture else None
        self.n_characters = 0

    def write(self, text: str) -> int:
        """Take text that needs no escape: template text, counters, table tags."""
        self._count(text)
        self.parts.append(text)
        if self.texts is not None:
            self.texts.append(text)
        return len(text)

    def write_value(self, value: object) -> int:
        """Take a value, escaped unless it is marked safe."""
        html = html_of(value)
        self._count(html)
        self.parts.append(html)
        if self.texts is not None:
            self.texts.append(text_of(value))
        return len(html)

    def captured(self) -> Safe:
        """Return what a capture collected."""
        return Safe("".join(self.texts or ()), "".join(self.parts))

    def _count(self, text: str) -> None:
        self.context.check_time()
        # Characters first, as they are cheap; bytes are never fewer.
        self.n_characters += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if self.n_characters > OUTPUT_BYTES_MAX:
            raise OutputStreamLimitError(
                f"the output is larger than {OUTPUT_BYTES_MAX // 1_000_000} MB", token=None
            )


class TaskContext(RenderContext):
    """State of one rendering: limits, signing, and what was noticed on the way."""

    __slots__ = (
        "_clock",
        "_deadline",
        "_filter_token",
        "_n_iterations",
        "_sign",
        "_sizes",
        "_storage_hosts",
        "problems",
        "undefined_names",
    )

    def begin(self, *, sign: Sign, storage_hosts: frozenset[str], clock: Callable[[], float]) -> None:
        """Start the clock and drop the engine's own globals (``now``, ``today``)."""
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)
        self._sign = sign
        self._storage_hosts = storage_hosts
        self._clock = clock
        self._deadline = clock() + RENDER_SECONDS_MAX
        self._n_iterations = 0
        self._filter_token: Token | None = None
        self._sizes: dict[str, int] = {}
        self.problems: list[RenderProblem] = []
        self.undefined_names: dict[str, None] = {}

    def check_time(self) -> None:
        """Raise when the time is up."""
        if self._clock() > self._deadline:
            raise ResourceLimitError(f"rendering took longer than {RENDER_SECONDS_MAX:g} s", token=None)

    def count_iteration(self) -> None:
        """Count one pass through a loop body."""
        self._n_iterations += 1
        if self._n_iterations > ITERATIONS_MAX:
            raise ResourceLimitError(f"loops ran more than {ITERATIONS_MAX} times", token=None)
        if not self._n_iterations & 255:
            self.check_time()

    def get(self, path: list[object], *, token: Token | None, default: object = None) -> object:
        """Look a path up, noting what is undefined."""
        self.check_time()
        value = super().get(path, token=token)
        if isinstance(value, Undefined) and len(self.undefined_names) < _WARNINGS_MAX:
            self.undefined_names[".".join(map(str, path))] = None
        return value

    def get_item(self, obj: Any, key: Any) -> Any:
        """Look one step up. An integer finds the key of an object that is spelled so."""
        if type(obj) is dict and isinstance(key, int) and not isinstance(key, bool):
            return obj[str(key)]
        return super().get_item(obj, key)

    def assign(self, key: str, val: Any) -> None:
        """Set a variable, bounding the memory of all of them (values shared with the input count as well)."""
        size = len(val) * (2 if isinstance(val, Safe) else 1) if isinstance(val, str) else 16
        if isinstance(val, list | dict | tuple):
            size = len(val) * 8
        self._sizes[key] = size
        if size > 1000 and sum(self._sizes.values()) > _VARIABLES_BYTES_MAX:
            raise ResourceLimitError("variables hold too much data", token=None)
        self.locals[key] = val

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """Find a filter, remembering where it stands for the problems it may note."""
        self.check_time()
        self._filter_token = token
        return super().filter(name, token)

    def sign_media(self, value: object) -> str:
        """Return a readable URL for an S3 location, or nothing and a noted problem."""
        target = media_target(value, self._storage_hosts) if isinstance(value, str) else None
        if target is None:
            shown = text_of(value)
            shown = shown if len(shown) <= 100 else shown[:100] + "..."
            return self._note(
                "FilterArgumentError",
                f"grant_read_access: {shown!r} is not an S3 location. Give s3://bucket/key or a URL.",
            )
        if target.url:
            return target.url
        try:
            return self._sign(target.bucket, target.key)
        except AccessRefused as error:
            return self._note("S3AccessDenied", error.message)
        except NotFound as error:
            return self._note("S3ObjectNotFound", error.message)
        except LabelwrightError as error:
            return self._note("FilterArgumentError", f"grant_read_access: {error.message}")

    def _note(self, code: str, message: str) -> str:
        self.problems.append(RenderProblem(code, message, *place_of(self._filter_token)))
        return ""


def place_of(token: Token | None) -> tuple[int, int]:
    """Return 1-based line and column of a token in its template; zeros when unknown."""
    if token is None or token.start_index < 0:
        return 0, 0
    source, index = token.source, token.start_index
    return source.count("\n", 0, index) + 1, index - source.rfind("\n", 0, index)
