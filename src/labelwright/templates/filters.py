"""The filters of the dialect: Shopify's standard ones, guarded, and those of Ground Truth.

The engine comes without autoescape: every filter sees and returns plain text, and only :class:`Safe`
values, made here and by ``capture``, escape the escaping at output. So no standard filter can smuggle
markup past it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from liquid import Environment, Undefined
from liquid.exceptions import FilterArgumentError, ResourceLimitError
from liquid.filter import with_context

from labelwright.templates.values import Safe, escape_html, escape_html_once, html_of, text_of, to_json

__all__ = ["MAX_ITEMS", "MAX_TEXT", "MediaSigner", "register"]

MAX_ITEMS: Final = 1_000_000
MAX_TEXT: Final = 5_000_000
_MAX_INT_BITS: Final = 4096

Filter = Callable[..., Any]

# Their input, and arguments other than numbers, are turned into text the way output would print them.
_TEXT_FILTERS: Final = [
    "base64_decode",
    "base64_encode",
    "base64_url_safe_decode",
    "base64_url_safe_encode",
    "capitalize",
    "downcase",
    "lstrip",
    "remove",
    "remove_first",
    "remove_last",
    "replace_first",
    "replace_last",
    "rstrip",
    "split",
    "squish",
    "strip",
    "truncate",
    "truncatewords",
    "upcase",
    "url_decode",
    "url_encode",
]
# A missing argument means something to these, so nil is not turned into the empty text.
_NIL_ARGUMENT: Final = ("split", "truncate", "truncatewords")
_OTHER_FILTERS: Final = [
    "abs",
    "at_least",
    "at_most",
    "ceil",
    "compact",
    "concat",
    "date",
    "default",
    "divided_by",
    "find",
    "find_index",
    "first",
    "floor",
    "has",
    "last",
    "map",
    "minus",
    "modulo",
    "plus",
    "reject",
    "reverse",
    "round",
    "size",
    "slice",
    "sort",
    "sort_natural",
    "sum",
    "times",
    "where",
]
_LINE_END: Final = re.compile(r"\r?\n")


class MediaSigner(Protocol):
    """What ``grant_read_access`` needs of the running rendering."""

    def sign_media(self, value: object) -> str:
        """Return a readable URL for an S3 location; problems are noted, not raised."""
        ...


def register(env: Environment) -> None:
    """Replace the filters of an environment by those of the dialect."""
    standard = {
        name: partial(function, environment=env) if hasattr(function, "with_environment") else function
        for name, function in env.filters.items()
    }
    env.filters.clear()
    for name in _TEXT_FILTERS:
        env.add_filter(name, _guarded(name, _on_text(standard[name], keeps_nil=name in _NIL_ARGUMENT)))
    for name in _OTHER_FILTERS:
        env.add_filter(name, _guarded(name, standard[name]))
    ours: dict[str, Filter] = {
        "append": _append,
        "escape": _escape,
        "escape_once": _escape_once,
        "join": _join,
        "newline_to_br": _newline_to_br,
        "prepend": _prepend,
        "replace": _replace,
        "skip_autoescape": _skip_autoescape,
        "strip_html": _strip_html,
        "strip_newlines": _strip_newlines,
        "to_json": to_json,
        "uniq": _uniq,
    }
    for name, function in ours.items():
        env.add_filter(name, _guarded(name, function))
    env.add_filter("grant_read_access", _grant_read_access)
    env.add_filter("s3_presign", _grant_read_access)


def _guarded(name: str, function: Filter) -> Filter:
    """Bound what a filter takes and gives, and name every failure a filter error."""

    def guarded(left: object, *args: object, **kwargs: object) -> object:
        for value in (left, *args):
            if isinstance(value, range) and not _is_short(value):
                raise ResourceLimitError(f"a range has more than {MAX_ITEMS} items", token=None)
        try:
            result = function(left, *args, **kwargs)
        except (FilterArgumentError, TypeError) as error:
            reason = str(error.args[0])
            if "positional argument" in reason or "keyword" in reason:
                reason = "wrong number of arguments"  # Python's words name our functions
            raise FilterArgumentError(f"filter '{name}': {reason}", token=None) from error
        except (ArithmeticError, AttributeError, LookupError, RecursionError, ValueError) as error:
            raise FilterArgumentError(f"filter '{name}': {error}", token=None) from error
        if isinstance(result, str):
            if len(result) > MAX_TEXT:
                raise ResourceLimitError(f"a text has more than {MAX_TEXT} characters", token=None)
            if isinstance(left, Safe) and not isinstance(result, Safe) and result == left:
                return left  # nothing changed, so the mark stays
        elif isinstance(result, int) and result.bit_length() > _MAX_INT_BITS:
            raise ResourceLimitError("a number grew beyond all use", token=None)
        return result

    return guarded


def _is_short(items: range) -> bool:
    try:
        return len(items) <= MAX_ITEMS
    except OverflowError:
        return False


def _on_text(function: Filter, *, keeps_nil: bool) -> Filter:
    def on_text(left: object, *args: object) -> object:
        return function(text_of(left), *(_argument(arg, keeps_nil=keeps_nil) for arg in args))

    return on_text


def _argument(value: object, *, keeps_nil: bool) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value if keeps_nil and (value is None or isinstance(value, Undefined)) else text_of(value)
    return value


def _escape(left: object) -> Safe:
    text = text_of(left)
    return Safe(text, escape_html(text))


def _escape_once(left: object) -> Safe:
    text = text_of(left)
    return Safe(html.unescape(text), escape_html_once(text))


def _skip_autoescape(left: object) -> Safe:
    if isinstance(left, Safe):
        return left
    text = text_of(left)
    return Safe(text, text)


def _newline_to_br(left: object) -> Safe:
    """Escape, then break lines: the only use of it in HTML is to show line breaks."""
    return Safe(_LINE_END.sub("<br />\n", text_of(left)), _LINE_END.sub("<br />\n", _broken_html(left)))


def _broken_html(left: object) -> str:
    if isinstance(left, Safe):
        return left.html.replace("&#13;\n", "\n")
    return escape_html(_LINE_END.sub("\n", text_of(left)))


def _append(left: object, right: object) -> str:
    return _concatenated(left, right)


def _prepend(left: object, right: object) -> str:
    return _concatenated(right, left)


def _concatenated(first: object, second: object) -> str:
    text = text_of(first) + text_of(second)
    if isinstance(first, Safe) or isinstance(second, Safe):
        return Safe(text, html_of(first) + html_of(second))
    return text


def _replace(left: object, old: object, new: object = "") -> str:
    text, old_text, new_text = text_of(left), text_of(old), text_of(new)
    growth = len(new_text) - len(old_text)
    if growth > 0 and len(text) + text.count(old_text) * growth > MAX_TEXT:
        raise ResourceLimitError(f"a text would have more than {MAX_TEXT} characters", token=None)
    return text.replace(old_text, new_text)


def _strip_newlines(left: object) -> str:
    return _LINE_END.sub("", text_of(left))


def _strip_html(left: object) -> str:
    """Drop scripts, styles, comments and tags, in one pass whatever the text."""
    text = text_of(left)
    lowered = text.lower()
    kept: list[str] = []
    position = 0
    missing: set[str] = set()  # ends that do not occur any more: not searched for again
    while (start := text.find("<", position)) >= 0:
        kept.append(text[position:start])
        end = -1
        for opening, closing in (
            ("<script", "</script>"),
            ("<!--", "-->"),
            ("<style", "</style>"),
            ("<", ">"),
        ):
            if closing not in missing and lowered.startswith(opening, start):
                end = lowered.find(closing, start + len(opening))
                if end >= 0:
                    end += len(closing)
                    break
                missing.add(closing)
        if end < 0:
            kept.append("<")
            end = start + 1
        position = end
    kept.append(text[position:])
    return "".join(kept)


def _join(left: object, separator: object = " ") -> str:
    items = left if isinstance(left, list | tuple | range) else [left]
    return text_of(separator).join(text_of(item) for item in items)


def _uniq(left: object, key: object = None) -> list[object]:
    items = list(left) if isinstance(left, list | tuple | range) else [left]
    seen: set[object] = set()
    result = []
    for item in items:
        value = item.get(text_of(key)) if key is not None and isinstance(item, dict) else item
        mark = _mark(value)
        if mark not in seen:
            seen.add(mark)
            result.append(item)
    return result


def _mark(value: object) -> object:
    """A hashable stand-in that is equal for equal values."""
    if isinstance(value, dict | list | tuple):
        return ("json", json.dumps(value, sort_keys=True, default=str))
    return (isinstance(value, bool), value)


@with_context
def _grant_read_access(left: object, *, context: MediaSigner) -> str:
    if left is None or left == "" or isinstance(left, Undefined):
        return ""
    return context.sign_media(left)
