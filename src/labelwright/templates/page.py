"""From a rendered template to the document of the task frame, and the policy it is loaded under."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from labelwright.templates.html_tags import Attribute, Declaration, StartTag, scan
from labelwright.templates.pictures import PLACEHOLDER_URL
from labelwright.templates.values import escape_html, to_json

__all__ = ["TASK_CONTEXT_ID", "assemble", "content_security_policy"]

TASK_CONTEXT_ID: Final = "labelwright-task"

_BUNDLE: Final = re.compile(
    r"(?:https?:)?//assets\.crowd\.aws/(?:css/)?crowd-html-elements[-a-z0-9]*\.(?P<kind>js|css)(?:[?#].*)?",
    re.IGNORECASE | re.DOTALL,
)
_ANY_BUNDLE: Final = re.compile(
    r"(?:.*/)?crowd-html-elements[-a-z0-9.]*\.js(?:[?#].*)?", re.IGNORECASE | re.DOTALL
)
_PICTURE: Final = re.compile(r"(?:https?:)?//assets\.crowd\.aws/images/.*", re.IGNORECASE | re.DOTALL)
_SANDBOX: Final = (
    "sandbox allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox "
    "allow-downloads"
)
_ORIGIN: Final = re.compile(r"'self'|https?://[A-Za-z0-9.\-\[\]:]+")


def assemble(
    html: str, *, bundle_url: str, css_url: str | None = None, task_context: Mapping[str, object]
) -> str:
    """Turn a rendered template into a whole document for the task frame.

    Parameters
    ----------
    html : str
        The rendered template.
    bundle_url : str
        Where our script with the crowd elements is.
    css_url : str, optional
        Where its style sheet is; without one, links to AWS's are emptied.
    task_context : mapping
        Put into ``<script type="application/json" id="labelwright-task">`` at the start of the document,
        before any script runs. Must hold no secret.

    Returns
    -------
    str
        The document: with a doctype (or browsers would lay it out in quirks mode), URLs of AWS's element
        bundle and its pictures replaced by local ones, the bundle loaded if the template uses ``crowd-*``
        elements and forgot to. Texts of scripts are never touched.
    """
    edits: list[tuple[int, int, str]] = []
    doctype: Declaration | None = None
    has_tag = uses_elements = loads_bundle = False
    for item in scan(html):
        if isinstance(item, Declaration):
            # A late one is ignored by browsers, so it does not count.
            if not has_tag and doctype is None and _is_blank(html[: item.start]):
                doctype = item
            continue
        has_tag = True
        uses_elements = uses_elements or item.name.startswith("crowd-")
        for attribute in item.attributes:
            if (
                item.name == "script"
                and attribute.name == "src"
                and _ANY_BUNDLE.fullmatch(attribute.value.strip())
            ):
                loads_bundle = True
            url = _local_url(item, attribute, bundle_url, css_url)
            if url is not None:
                edits.append((attribute.start, attribute.end, f'"{escape_html(url)}"'))
    start = doctype.end if doctype is not None else 0
    opening = "" if doctype is not None else "<!DOCTYPE html>"
    opening += (
        f'<script type="application/json" id="{TASK_CONTEXT_ID}">{to_json(dict(task_context))}</script>'
    )
    if uses_elements and not loads_bundle:
        opening += f'<script src="{escape_html(bundle_url)}"></script>'
    edits.insert(0, (start, start, opening))
    return _edited(html, edits)


def _is_blank(text: str) -> bool:
    """Whether only white space and comments precede, so that a doctype there still counts."""
    return not re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).strip("\ufeff \t\r\n\f")


def _local_url(tag: StartTag, attribute: Attribute, bundle_url: str, css_url: str | None) -> str | None:
    if attribute.name not in ("src", "href"):
        return None
    value = attribute.value.strip()
    if tag.name in ("script", "link"):
        match = _BUNDLE.fullmatch(value)
        if match is not None:
            return bundle_url if match["kind"].lower() == "js" else (css_url or "data:text/css,")
    return PLACEHOLDER_URL if _PICTURE.fullmatch(value) else None


def _edited(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    position = 0
    for start, end, replacement in edits:
        parts += (text[position:start], replacement)
        position = end
    parts.append(text[position:])
    return "".join(parts)


def content_security_policy(
    *,
    own_origin: str,
    media_origins: Sequence[str] = (),
    is_sandboxed: bool = True,
    is_offline: bool = False,
    allows_eval: bool = True,
) -> str:
    """Build the Content-Security-Policy of a task document.

    Parameters
    ----------
    own_origin : str
        Origin of the portal and of the bundle, as the browser sees it (``https://label.example``).
    media_origins : sequence of str
        Origins of the object store, needed where they are plain http.
    is_sandboxed : bool
        Whether the document shares the portal's origin, so that only the sandbox keeps them apart.
    is_offline : bool
        Blocks every outside host: templates then cannot load scripts, styles or embeds from elsewhere.
    allows_eval : bool
        ``'unsafe-eval'``, which some chart libraries of templates need.

    Raises
    ------
    ValueError
        Something that is not an origin; it could smuggle in directives.

    Notes
    -----
    ``'unsafe-inline'`` cannot be avoided: templates are made of inline scripts. What keeps them harmless is
    that the document has no session and cannot reach its parent but by messages.
    """
    for origin in (own_origin, *media_origins):
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is not an origin like https://label.example")
    media = list(dict.fromkeys((own_origin, *media_origins)))
    outside = [] if is_offline else ["https:"]

    def sources(*items: str) -> str:
        return " ".join(items)

    directives = [
        "default-src 'none'",
        sources(
            "script-src 'unsafe-inline'", *(["'unsafe-eval'"] if allows_eval else []), *outside, own_origin
        ),
        sources("style-src 'unsafe-inline'", *outside, own_origin),
        sources("img-src", *outside, "data: blob:", *media),
        sources("media-src", *outside, "data: blob:", *media),
        sources("font-src", *outside, "data:"),
        sources("connect-src", *outside, *media),
        sources("frame-src", *outside, *media),
        sources("object-src", *media),
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        f"frame-ancestors {own_origin}",
    ]
    if is_sandboxed:
        directives.append(_SANDBOX)
    return "; ".join(directives)
