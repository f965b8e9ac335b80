"""The Liquid dialect of worker templates: parse once, render for every task.

Parsing and the standard tags come from python-liquid. Ours is what makes the dialect: escaping at output,
printing of objects as JSON, captures that keep both text and HTML, signing of media, limits, and errors
with their place. Only JSON-like data reaches the engine, so a template cannot touch a Python attribute.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final

from liquid import BoundTemplate, Environment, Mode, Node, RenderContext, Token
from liquid.exceptions import (
    BlockNestingError,
    FilterArgumentError,
    FilterError,
    FilterItemTypeError,
    FilterValueError,
    LiquidError,
    LiquidInterrupt,
    LiquidSyntaxError,
    OutputStreamLimitError,
    ResourceLimitError,
    UnknownFilterError,
)
from liquid.parser import get_parser
from liquid.token import TOKEN_EOF, TOKEN_TAG

from labelwright.errors import TemplateError
from labelwright.templates import filters
from labelwright.templates.rendering import (
    ITERATIONS_MAX,
    NESTING_MAX,
    Buffer,
    RenderProblem,
    Sign,
    TaskContext,
    place_of,
)
from labelwright.templates.tags import TAGS, Tokens

__all__ = ["RenderProblem", "Rendered", "Template", "parse"]

log = logging.getLogger(__name__)

TEMPLATE_CHARACTERS_MAX: Final = 128_000
_DATA_DEPTH_MAX: Final = 200
_LONG_BLANK: Final = re.compile(r"\s{200,}")
_UNCLOSED_MAX: Final = 100  # a few may stand in comments
_PAIRS: Final = tuple(
    (name, re.compile(opening), re.compile(closing))
    for name, opening, closing in (
        ("{{", r"\{\{", r"\}\}"),
        ("{%", r"\{%", r"%\}"),
        ("{% raw %}", r"\{%-?\s{0,200}raw\b", r"\{%-?\s{0,200}endraw\s{0,200}-?%\}"),
        ("{% doc %}", r"\{%-?\s{0,200}doc\b", r"\{%-?\s{0,200}enddoc\s{0,200}-?%\}"),
    )
)
_UNENCODABLE: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """Outcome of one rendering.

    Attributes
    ----------
    html : str
        The document, or as much of it as could be rendered.
    errors : list of RenderProblem
        Empty when all went well.
    warnings : list of str
        Names that were undefined and printed nothing.
    is_complete : bool
        False when rendering stopped before the end of the template; the last of ``errors`` says why.
    """

    html: str
    errors: list[RenderProblem]
    warnings: list[str]
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; safe to share between threads.

    Attributes
    ----------
    text : str
    sha256 : str
        Hex digest of the UTF-8 text.
    warnings : tuple of str
        Uses of ``skip_autoescape``, with their lines: data printed through it can run scripts.
    """

    text: str
    sha256: str
    warnings: tuple[str, ...]
    _bound: BoundTemplate = field(repr=False)

    def render(
        self,
        task_input: Mapping[str, object],
        *,
        sign: Sign,
        storage_hosts: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> Rendered:
        """Render for one task.

        Parameters
        ----------
        task_input : mapping
            ``task.input``: what JSON parsing gives. Nothing else is visible to the template.
        sign : callable
            ``(bucket, key) -> URL`` for ``grant_read_access``. AccessRefused and NotFound become errors of
            the rendering.
        storage_hosts : frozenset of str
            Hosts of our own store, whose URLs are signed like ``s3://`` ones.
        clock : callable
            Monotonic seconds, for the time limit.

        Returns
        -------
        Rendered
            Rendering never raises: problems are in ``errors``.
        """
        if not isinstance(task_input, dict) or not _is_json_like(task_input):
            problem = RenderProblem("InvalidTaskInput", "The task input must be a JSON object.")
            return Rendered("", [problem], [], is_complete=False)
        context = TaskContext(self._bound, globals={"task": {"input": task_input}})
        context.begin(sign=sign, storage_hosts=storage_hosts, clock=clock)
        buffer = Buffer(context)
        fatal = _run(self._bound.nodes, context, buffer)
        errors = context.problems if fatal is None else [*context.problems, fatal]
        html = _encodable("".join(buffer.parts))
        return Rendered(html, errors, list(context.undefined_names), is_complete=fatal is None)


def parse(text: str) -> Template:
    """Parse a template; equal texts are parsed once.

    Raises
    ------
    TemplateError
        With code, line and column: syntax errors, unknown filters and tags (``include`` and ``render`` among
        them), too deep nesting, too long a text.

    Examples
    --------
    >>> parse("<p>{{ task.input.source }}</p>").render({"source": "1 < 2"}, sign=lambda b, k: "").html
    '<p>1 &lt; 2</p>'
    """
    return _parse(text.removeprefix("\ufeff"))


@lru_cache(maxsize=256)
def _parse(text: str) -> Template:
    if len(text) > TEMPLATE_CHARACTERS_MAX:
        raise TemplateError(
            f"The template has {len(text)} characters; at most {TEMPLATE_CHARACTERS_MAX} are allowed. Move "
            "scripts, styles or pictures into files of their own.",
            code="TemplateTooLarge",
        )
    _refuse_slow_texts(text)
    try:
        bound = _ENVIRONMENT.from_string(text)
    except LiquidError as error:
        raise _template_error(error, text) from error
    except RecursionError as error:
        raise TemplateError("The template is nested too deeply.", code="RenderLimitExceeded") from error
    warnings: list[str] = []
    for name, token in _filters_in(bound.nodes):
        if name not in _ENVIRONMENT.filters:
            raise _template_error(UnknownFilterError(f"unknown filter '{name}'", token=token), text)
        if name == "skip_autoescape":
            warnings.append(f"line {place_of(token)[0]}: skip_autoescape prints data without escaping it.")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Template(text, digest, tuple(warnings), bound)


def _refuse_slow_texts(text: str) -> None:
    """Refuse early what the engine's lexer would look at for minutes: endless openings or blanks."""
    for name, opening, closing in _PAIRS:
        ends = [match.end() for match in closing.finditer(text)]
        unclosed = opening.finditer(text, ends[-1] if ends else 0)
        start = next(unclosed, None)
        if start is not None and next(islice(unclosed, _UNCLOSED_MAX, None), None) is not None:
            raise _syntax_error(f"'{name}' is opened and never closed.", text, start.start())
    for run in _LONG_BLANK.finditer(text):
        i = run.start()
        opened = max(text.rfind("{{", 0, i), text.rfind("{%", 0, i))
        if opened > max(text.rfind("}}", 0, i), text.rfind("%}", 0, i)):
            raise _syntax_error("There are too many blanks within a tag. Remove them.", text, i)


def _syntax_error(message: str, text: str, index: int) -> TemplateError:
    line, column = text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
    return TemplateError(message, code="TemplateSyntaxError", line=line, column=column)


def _run(nodes: Iterable[Node], context: TaskContext, buffer: Buffer) -> RenderProblem | None:
    node: Node | None = None
    try:
        for node in nodes:
            node.render(context, buffer)  # type: ignore[arg-type]  # all of it writes to our buffers
    except LiquidInterrupt:
        pass  # a break outside of a loop ends the template, as in Shopify's Liquid
    except LiquidError as error:
        token = error.token or (node.token if node is not None else None)
        line, column = place_of(token)
        return RenderProblem(_code_of(error), _sentence(error), line, column)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        line, column = place_of(node.token if node is not None else None)
        log.warning("template failed", extra={"action": "render"}, exc_info=True)
        return RenderProblem("RenderError", f"The template failed here: {error}", line, column)
    return None


class _Environment(Environment):
    block_nesting_limit = NESTING_MAX
    context_depth_limit = NESTING_MAX + 10
    loop_iteration_limit = ITERATIONS_MAX

    def __init__(self) -> None:
        super().__init__(tolerance=Mode.STRICT, strict_filters=True, autoescape=False)

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for name in ("include", "render", "ifchanged"):
            del self.tags[name]
        for tag in TAGS:
            self.add_tag(tag)
        filters.register(self)

    def _parse(self, source: str) -> list[Node]:
        return get_parser(self).parse(Tokens(self.tokenizer()(source)))


_ENVIRONMENT: Final = _Environment()


def _filters_in(nodes: Iterable[Node]) -> Iterator[tuple[str, Token]]:
    """Yield the name and place of every filter."""
    context = RenderContext(BoundTemplate(_ENVIRONMENT, []))
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        for expression in node.expressions():
            for used in getattr(expression, "filters", None) or ():
                yield used.name, used.token
        waiting.extend(node.children(context, include_partials=False))


def _is_json_like(value: object) -> bool:
    """Whether a value holds only what JSON has, and is not nested beyond reason."""
    level: list[object] = [value]
    for _ in range(_DATA_DEPTH_MAX):
        inner: list[object] = []
        for item in level:
            if type(item) is dict:
                if not all(type(key) is str for key in item):
                    return False
                inner.extend(item.values())
            elif type(item) is list:
                inner.extend(item)
            elif type(item) not in _SCALARS:
                return False
        if not inner:
            return True
        level = inner
    return False


_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


def _encodable(html: str) -> str:
    """Replace what a document cannot carry; only raw output can still hold it."""
    return _UNENCODABLE.sub("\ufffd", html) if _UNENCODABLE.search(html) else html


def _code_of(error: LiquidError) -> str:
    match error:
        case UnknownFilterError():
            return "UnknownFilter"
        case FilterArgumentError() | FilterValueError() | FilterError() | FilterItemTypeError():
            return "FilterArgumentError"
        case OutputStreamLimitError():
            return "OutputTooLarge"
        case ResourceLimitError():
            return "RenderLimitExceeded"
        case LiquidSyntaxError():
            return "TemplateSyntaxError"
        case _:
            return "RenderError"


def _sentence(error: LiquidError) -> str:
    text = str(error.message or "the template is not valid")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _template_error(error: LiquidError, text: str) -> TemplateError:
    code, message, token = _code_of(error), _sentence(error), error.token
    if isinstance(error, BlockNestingError):
        message = f"Tags are nested more than {NESTING_MAX} deep."
    elif token is not None and token.kind == TOKEN_TAG and "nexpected tag" in message:
        if token.value in ("raw", "doc"):
            message = f"The tag '{token.value}' is not closed: '{{% end{token.value} %}}' is missing."
        elif token.value in ("include", "render"):
            code = "UnknownTag"
            message = f"The tag '{token.value}' is not available: there is no store of partial templates."
        elif not token.value.startswith("end") and token.value not in ("else", "elsif", "when"):
            code, message = "UnknownTag", f"Unknown tag '{token.value}'."
    elif token is not None and token.kind == TOKEN_EOF and token.start_index < 0:
        unclosed = _innermost_unclosed(text)
        if unclosed is not None:
            token = unclosed
            message = f"The tag '{token.value}' is not closed: '{{% end{token.value} %}}' is missing."
    elif code == "RenderError":
        code, message = (
            "TemplateSyntaxError",
            "The template is too complicated: an expression is too long or deep.",
        )
    line, column = place_of(token)
    if not line:  # the end of the file
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return TemplateError(message, code=code, line=line, column=column)


def _innermost_unclosed(text: str) -> Token | None:
    """Find the block tag that the end of the file cuts off."""
    blocks = {name for name, tag in _ENVIRONMENT.tags.items() if getattr(tag, "end", "") == f"end{name}"}
    opened: list[Token] = []
    try:
        for token in _ENVIRONMENT.tokenizer()(text):
            if token.kind != TOKEN_TAG:
                continue
            if token.value in blocks:
                opened.append(token)
            elif opened and token.value == f"end{opened[-1].value}":
                opened.pop()
    except LiquidSyntaxError:
        return None
    return opened[-1] if opened else None
