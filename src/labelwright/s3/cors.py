"""Cross-origin rules of a bucket.

A bucket without rules lets every origin read (what is read is guarded by the signature in the link): worker
pages run in a sandbox and have the origin ``null``. A bucket with rules answers exactly by them, as S3
does.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from labelwright.s3.documents import element, parse, text_of
from labelwright.s3.problems import S3Problem

__all__ = ["allow_headers", "parse_rules", "preflight_headers", "rules_document"]

Header = tuple[bytes, bytes]
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD"})
_EXPOSED = b"ETag, Content-Length, Content-Range, Accept-Ranges, x-amz-request-id"
_ANY: list[Header] = [(b"access-control-allow-origin", b"*")]
_ANY_AND_EXPOSED: list[Header] = [*_ANY, (b"access-control-expose-headers", _EXPOSED)]


def parse_rules(body: bytes) -> list[dict[str, Any]]:
    """Rules of a CORSConfiguration document.

    Raises
    ------
    S3Problem
        ``MalformedXML`` or ``InvalidRequest`` naming the element.
    """
    root = parse(body, "CORSConfiguration")
    rules = [_rule(node) for node in root.findall("CORSRule")]
    if not 1 <= len(rules) <= 100:
        raise S3Problem(
            "MalformedXML", f"A CORS configuration has 1 to 100 rules, this one has {len(rules)}."
        )
    return rules


def _rule(node: Element) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": text_of(node, "ID"),
        "origins": _texts(node, "AllowedOrigin"),
        "methods": _texts(node, "AllowedMethod"),
        "headers": _texts(node, "AllowedHeader"),
        "expose": _texts(node, "ExposeHeader"),
    }
    age = text_of(node, "MaxAgeSeconds")
    if age:
        if not (age.isascii() and age.isdigit() and len(age) < 10):
            raise S3Problem("MalformedXML", f"MaxAgeSeconds={age[:40]!r} is not a whole number.")
        rule["max_age"] = int(age)
    if not rule["origins"] or not rule["methods"]:
        raise S3Problem("MalformedXML", "Each CORSRule needs an AllowedOrigin and an AllowedMethod.")
    for method in rule["methods"]:
        if method not in _METHODS:
            raise S3Problem(
                "InvalidRequest",
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method[:40]}",
            )
    for origin in (*rule["origins"], *rule["headers"]):
        if origin.count("*") > 1:
            raise S3Problem("InvalidRequest", f"{origin[:100]!r} can not have more than one wildcard.")
    for header in rule["expose"]:
        if re.fullmatch(r"[A-Za-z0-9_.-]{1,200}", header) is None:
            raise S3Problem("InvalidRequest", f"ExposeHeader {header[:100]!r} contains invalid characters.")
    return rule


def rules_document(rules: list[dict[str, Any]]) -> list[str]:
    """Pieces of a CORSConfiguration document."""
    pieces: list[str] = []
    for rule in rules:
        inner = element("ID", rule["id"]) if rule["id"] else ""
        for name, values in (
            ("AllowedOrigin", rule["origins"]),
            ("AllowedMethod", rule["methods"]),
            ("AllowedHeader", rule["headers"]),
            ("ExposeHeader", rule["expose"]),
        ):
            inner += "".join(element(name, value) for value in values)
        if "max_age" in rule:
            inner += element("MaxAgeSeconds", rule["max_age"])
        pieces.append(f"<CORSRule>{inner}</CORSRule>")
    return pieces


def allow_headers(
    rules: list[dict[str, Any]] | None, headers: Mapping[str, str], method: str
) -> list[Header]:
    """CORS headers for the answer to an actual request.

    Parameters
    ----------
    rules : list or None
        Of the bucket; None when it has none.
    headers : mapping
        Of the request.
    """
    if rules is None:
        if method not in ("GET", "HEAD"):
            return []
        return _ANY_AND_EXPOSED if "origin" in headers else _ANY
    origin = headers.get("origin")
    if origin is None:
        return []
    for rule in rules:
        allowed = _allowed_origin(rule, origin)
        if allowed and method in rule["methods"]:
            answer = _origin_headers(allowed, origin)
            if rule["expose"]:
                answer.append((b"access-control-expose-headers", ", ".join(rule["expose"]).encode()))
            return answer
    return []


def preflight_headers(rules: list[dict[str, Any]] | None, headers: Mapping[str, str]) -> list[Header]:
    """CORS headers for the answer to an OPTIONS request.

    Raises
    ------
    S3Problem
        ``AccessDenied`` when no rule allows what was asked.
    """
    origin = headers.get("origin")
    method = headers.get("access-control-request-method", "")
    if origin is None:
        raise S3Problem("InvalidRequest", "Insufficient information. Origin request header needed.")
    if not method:
        raise S3Problem("InvalidRequest", "Invalid Access-Control-Request-Method: null")
    asked = [
        h.strip().lower() for h in headers.get("access-control-request-headers", "").split(",") if h.strip()
    ]
    if rules is None:
        rules = [
            {"origins": ["*"], "methods": ["GET", "HEAD"], "headers": ["*"], "expose": [], "max_age": 3600}
        ]
    for rule in rules:
        allowed = _allowed_origin(rule, origin)
        if not allowed or method not in rule["methods"]:
            continue
        if not all(any(_matches(p.lower(), name) for p in rule["headers"]) for name in asked):
            continue
        answer = _origin_headers(allowed, origin)
        answer.append((b"access-control-allow-methods", ", ".join(rule["methods"]).encode()))
        if asked:
            answer.append((b"access-control-allow-headers", ", ".join(asked).encode("latin-1")))
        if rule["expose"]:
            answer.append((b"access-control-expose-headers", ", ".join(rule["expose"]).encode()))
        if "max_age" in rule:
            answer.append((b"access-control-max-age", str(rule["max_age"]).encode()))
        return answer
    raise S3Problem(
        "AccessDenied",
        "CORSResponse: This CORS request is not allowed. It needs a rule that allows the "
        "origin, the Access-Control-Request-Method and every one of the "
        "Access-Control-Request-Headers; see the "
        "bucket's CORS configuration.",
    )


def _origin_headers(allowed: str, origin: str) -> list[Header]:
    if allowed == "*":
        return [(b"access-control-allow-origin", b"*")]
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
    ]


def _allowed_origin(rule: dict[str, Any], origin: str) -> str | None:
    for pattern in rule["origins"]:
        if _matches(pattern, origin):
            return str(pattern)
    return None


def _matches(pattern: str, value: str) -> bool:
    # Only * is special in CORS rules; fnmatch must not see the others.
    return fnmatch.fnmatchcase(value, re.sub(r"([?\[])", r"[\1]", pattern))


def _texts(node: Element, name: str) -> list[str]:
    return [found.text.strip() for found in node.findall(name) if found.text and found.text.strip()]
