"""How values are printed: compact JSON, HTML escapes, and strings that know their text and their HTML."""

from __future__ import annotations

import json
import re
from typing import Final

from liquid import Undefined

__all__ = ["Safe", "escape_html", "escape_html_once", "html_of", "text_of", "to_json"]

_UNPRINTABLE: Final = re.compile("[\r\x00\ud800-\udfff]")
_LOOSE_AMPERSAND: Final = re.compile(r"&(?!(?:[A-Za-z][A-Za-z0-9]*|#[0-9]+|#[xX][0-9A-Fa-f]+);)")
_ACTIVE_IN_HTML: Final = re.compile("[<>&\u2028\u2029]")
_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=lambda _: None)


class Safe(str):
    """A text with the HTML it stands for.

    The string itself is the plain text, so filters, comparisons and look-ups see what an author means; only
    output takes the HTML. A filter that changes the text gives a plain string again, which output escapes.

    Attributes
    ----------
    html : str
        What ``{{ }}`` prints.
    """

    __slots__ = ("html",)

    html: str

    def __new__(cls, text: str, html: str) -> Safe:
        """Pair a text with its HTML."""
        self = super().__new__(cls, text)
        self.html = html
        return self


def escape_html(text: str) -> str:
    """Escape a text for element content and for attributes in either kind of quotes.

    A carriage return becomes ``&#13;``, because HTML parsers turn the character itself into a line feed and
    so shift the offsets of text annotations. NUL and lone surrogates become U+FFFD.

    Examples
    --------
    >>> escape_html('<a href="x">\\'&')
    '&lt;a href=&quot;x&quot;&gt;&#39;&amp;'
    """
    return _printable(_escape_brackets(text.replace("&", "&amp;")))


def escape_html_once(text: str) -> str:
    """Escape a text but leave the entities in it alone.

    Examples
    --------
    >>> escape_html_once("A &amp; B & C")
    'A &amp; B &amp; C'
    """
    return _printable(_escape_brackets(_LOOSE_AMPERSAND.sub("&amp;", text)))


def _escape_brackets(text: str) -> str:
    text = text.replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def _printable(text: str) -> str:
    if _UNPRINTABLE.search(text) is None:
        return text
    return _UNPRINTABLE.sub(lambda match: "&#13;" if match[0] == "\r" else "\ufffd", text)


def to_json(value: object) -> str:
    """Write compact JSON that stays inert in scripts: ``<``, ``>``, ``&`` and U+2028/9 are escaped as
    ``\\uXXXX``.

    Examples
    --------
    >>> to_json({"a": [1, 2.5, None], "b": "</script>"})
    '{"a":[1,2.5,null],"b":"\\\\u003c/script\\\\u003e"}'
    """
    if isinstance(value, range):
        value = list(value)
    text = _JSON.encode(None if isinstance(value, Undefined) else value)
    return _ACTIVE_IN_HTML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def text_of(value: object) -> str:
    """Return the text that a value prints as, before escaping.

    Strings as they are, numbers in their shortest form (``3.0`` stays ``3.0``), ``true`` and ``false``,
    nothing for nil, compact JSON for arrays and objects.
    """
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case dict() | list() | tuple():
            return to_json(value)
        case range():
            return f"{value.start}..{value.stop - 1}"
        case _:  # nil, undefined, and the engine's own helper objects
            return ""


def html_of(value: object) -> str:
    """Return what ``{{ value }}`` prints."""
    if isinstance(value, Safe):
        return value.html
    if isinstance(value, int) and not isinstance(value, bool):
        return repr(value)
    return escape_html(text_of(value))
