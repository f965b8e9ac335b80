"""Worker templates: the Liquid dialect, the page around it, and the frames of the built-in task types."""

from __future__ import annotations

from labelwright.templates.builtin import BUILTIN_TASK_TYPES, builtin, literal
from labelwright.templates.liquid_dialect import Rendered, Template, parse
from labelwright.templates.media import MediaTarget, media_target
from labelwright.templates.page import TASK_CONTEXT_ID, assemble, content_security_policy
from labelwright.templates.rendering import RenderProblem, Sign

__all__ = [
    "BUILTIN_TASK_TYPES",
    "MediaTarget",
    "RenderProblem",
    "Rendered",
    "Sign",
    "TASK_CONTEXT_ID",
    "Template",
    "assemble",
    "builtin",
    "content_security_policy",
    "literal",
    "media_target",
    "parse",
]
