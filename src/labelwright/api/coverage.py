"""The reference page of the operations that are answered, made from the handlers' docstrings.

``python -m labelwright.api.coverage`` prints it; ``docs/reference/operations.md`` is its output, and a test
fails when the two differ.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable

from labelwright.api.dispatch import Handler, load_handlers

__all__ = ["operations_page"]

_SERVICES = {
    "sagemaker": ("SageMaker", "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_{}.html"),
    "sagemaker-runtime": (
        "SageMaker runtime",
        "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_{}.html",
    ),
    "cognito-idp": (
        "Cognito user pools",
        "https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_{}.html",
    ),
    "logs": (
        "CloudWatch Logs",
        "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_{}.html",
    ),
    "cloudwatch": (
        "CloudWatch",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_{}.html",
    ),
    "iam": ("IAM", "https://docs.aws.amazon.com/IAM/latest/APIReference/API_{}.html"),
    "lambda": ("Lambda", "https://docs.aws.amazon.com/lambda/latest/api/API_{}.html"),
    "sts": ("STS", "https://docs.aws.amazon.com/STS/latest/APIReference/API_{}.html"),
}

_HEAD = """\
# AWS operations

<!-- Made by `python -m labelwright.api.coverage`; change the handlers' docstrings instead. -->

Requests are parsed, validated and answered from botocore's own service models, so names, types, lengths,
ranges, patterns and enums are AWS's. Any other operation of these services answers `NotImplementedException`
(HTTP 501) with its name.
"""


def operations_page() -> str:
    """The page as Markdown."""
    handlers = load_handlers().values()
    sections = [_HEAD]
    for service, (title, link) in _SERVICES.items():
        own = [handler for handler in handlers if handler.service == service]
        sections.append(
            f"## {title} (`{service}`, {len(own)} {'operation' if len(own) == 1 else 'operations'})\n"
        )
        for module in dict.fromkeys(handler.function.__module__ for handler in own):
            members = [handler for handler in own if handler.function.__module__ == module]
            sections.append(_section(module, members, link))
    return "\n".join(sections)


def _section(module: str, handlers: Iterable[Handler], link: str) -> str:
    paragraphs = (inspect.getdoc(sys.modules[module]) or "").split("\n\n")
    lines = [f"### {paragraphs[0].splitlines()[0].rstrip('.')}\n"]
    differences = [p for p in paragraphs if "Difference" in p]
    if differences:
        text = " ".join(differences[0].split())
        lines.append(f"{text[text.index('Difference') :].replace('``', '`')}\n")
    lines += ["| Operation | What it does here |", "| --- | --- |"]
    for handler in handlers:
        summary = (inspect.getdoc(handler.function) or "").split("\n\n")[0]
        cell = " ".join(summary.split()).replace("|", "\\|").replace("``", "`")
        lines.append(f"| [{handler.operation}]({link.format(handler.operation)}) | {cell} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(operations_page())
