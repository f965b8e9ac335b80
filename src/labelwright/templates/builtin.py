"""Templates of the built-in task types, as the console writes them for a new job.

Element names, attributes and expressions are fixed: consolidation finds the answers by them. Header and
instructions come from the job's author; they are HTML and Liquid themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from labelwright.errors import InvalidRequest
from labelwright.templates.instructions import default_instructions
from labelwright.templates.values import escape_html

__all__ = ["BUILTIN_TASK_TYPES", "builtin", "literal"]

_SCRIPT: Final = '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'
_LABELS: Final = "{{ task.input.labels | to_json | escape }}"
_OBJECT: Final = "{{ task.input.taskObject | grant_read_access }}"
_LIQUID: Final = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
_LIQUID_BEGIN: Final = re.compile(r"\{[{%]")
_ATTRIBUTE_NAME: Final = re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9])*")

Attributes = dict[str, str]


def builtin(
    task_type: str,
    *,
    header: str,
    short_instructions: str | None = None,
    full_instructions: str | None = None,
    prior_label_attribute_name: str | None = None,
) -> str:
    """Write the template of a built-in task type.

    Parameters
    ----------
    task_type : str
        The suffix of its AWS function names, such as ``BoundingBox`` (see ``BUILTIN_TASK_TYPES``).
    header : str
        The question above the work area. Text with Liquid; other markup is escaped.
    short_instructions, full_instructions : str, optional
        HTML with Liquid, put in as it is. Without them a general text for the type is used.
    prior_label_attribute_name : str, optional
        The label to check or adjust; required for verification and adjustment types.

    Returns
    -------
    str
        Liquid and HTML.

    Raises
    ------
    InvalidRequest
        An unknown type, or a missing or unusable ``prior_label_attribute_name``.
    """
    frame = _FRAMES.get(task_type)
    if frame is None:
        raise InvalidRequest(
            f"{task_type!r} has no built-in template. Use one of {', '.join(BUILTIN_TASK_TYPES)}, or "
            "write your own.",
            field="task_type",
            value=task_type,
            rule="a built-in task type",
        )
    prior = prior_label_attribute_name or ""
    if task_type.startswith(("Adjustment", "Verification")) and not _ATTRIBUTE_NAME.fullmatch(prior):
        raise InvalidRequest(
            f"{task_type} needs the label attribute name of the job whose labels are shown; {prior!r} is "
            "not one.",
            field="prior_label_attribute_name",
            value=prior_label_attribute_name,
            rule="letters, digits and hyphens",
        )
    default_short, default_full = default_instructions(task_type)
    short = default_short if short_instructions is None else short_instructions
    full = default_full if full_instructions is None else full_instructions
    return frame(_escaped_around_liquid(header), short, full, prior)


def literal(text: str) -> str:
    """Liquid that prints a text to the letter, for texts that are no Liquid but may look like it.

    Examples
    --------
    >>> literal("Mark {{ x }}")
    "Mark {{ '{{' }} x }}"
    """
    return _LIQUID_BEGIN.sub(r"{{ '\g<0>' }}", text)


def _escaped_around_liquid(text: str) -> str:
    return "".join(part if i % 2 else escape_html(part) for i, part in enumerate(_LIQUID.split(text)))


def _element(name: str, attributes: Attributes, body: str) -> str:
    lines = "\n".join(f'    {key}="{value}"' for key, value in attributes.items())
    return f"  <{name}\n{lines}\n  >\n{body}  </{name}>\n"


def _instructions(short: str, full: str) -> str:
    return (
        f'    <full-instructions header="Instructions">\n{full}\n    </full-instructions>\n'
        f"    <short-instructions>\n{short}\n    </short-instructions>\n"
    )


def _form(element: str) -> str:
    return f"{_SCRIPT}\n\n<crowd-form>\n{element}</crowd-form>\n"


Frame = Callable[[str, str, str, str], str]


def _image(
    element: str, name: str, choices: str, extra: Callable[[str], Attributes] = lambda prior: {}
) -> Frame:
    """A frame around one element that shows the image; ``choices`` is its attribute for the labels."""

    def frame(header: str, short: str, full: str, prior: str) -> str:
        attributes = {"name": name, "src": _OBJECT, choices: _LABELS, "header": header} | extra(prior)
        return _form(_element(element, attributes, _instructions(short, full)))

    return frame


def _target(element: str, target: str) -> Frame:
    """A frame around a classifier whose object is put between its tags."""

    def frame(header: str, short: str, full: str, prior: str) -> str:
        attributes = {"name": element, "categories": _LABELS, "header": header}
        return _form(_element(element, attributes, target + _instructions(short, full)))

    return frame


def _verification(overlay: Callable[[str], str]) -> Frame:
    def frame(header: str, short: str, full: str, prior: str) -> str:
        attributes = {
            "name": "crowd-image-classifier",
            "src": _OBJECT,
            "categories": _LABELS,
            "header": header,
            "overlay": overlay(prior),
        }
        comment = (
            '    <worker-comment header="Add a comment" link-text="Add a comment">\n'
            "      Say what is wrong and where, if the choices do not.\n"
            "    </worker-comment>\n"
        )
        return _form(_element("crowd-image-classifier", attributes, _instructions(short, full) + comment))

    return frame


def _entities(header: str, short: str, full: str, prior: str) -> str:
    # Instructions of this type lie in the label category file; those given here stand in for missing ones.
    attributes = {
        "name": "crowd-entity-annotation",
        "header": header,
        "labels": _LABELS,
        "text": "{{ task.input.taskObject }}",
    }
    body = _instructions(_instruction_or("shortInstruction", short), _instruction_or("fullInstruction", full))
    return f"{_SCRIPT}\n\n{_element('crowd-entity-annotation', attributes, body)}"


def _instruction_or(key: str, otherwise: str) -> str:
    value = f"task.input.instructions.{key}"
    return f"{{% if {value} %}}{{{{ {value} | skip_autoescape }}}}{{% else %}}{otherwise}{{% endif %}}"


def _prior_boxes(prior: str) -> str:
    line = f"task.input.manifestLine.{prior}"
    return (
        f"[{{% for box in {line}.annotations %}}"
        "{% capture class_id %}{{ box.class_id }}{% endcapture %}"
        f"{{% assign label = {line}-metadata.class-map[class_id] %}}\n"
        "      { label: {{ label | to_json }}, left: {{ box.left }}, top: {{ box.top }}, "
        "width: {{ box.width }}, height: {{ box.height }} },"
        "{% endfor %}\n    ]"
    )


def _prior_classes(prior: str, *, has_colors: bool) -> str:
    """Members ``class: {color: ...},`` or items ``class,`` for the classes of an earlier mask."""
    item = "{{ entry[1]['class-name'] | to_json }}"
    if has_colors:
        item += ": { color: {{ entry[1]['hex-color'] | to_json }} }"
    return (
        f"{{% for entry in task.input.manifestLine.{prior}-metadata.internal-color-map %}}"
        "{% if entry[1]['class-name'] != 'BACKGROUND' %}\n"
        f"      {item},"
        "{% endif %}{% endfor %}\n    "
    )


def _prior_mask(prior: str) -> str:
    source = f"{{{{ task.input.manifestLine.{prior} | grant_read_access | to_json }}}}"
    # Blanks keep the braces of the object apart from those of Liquid.
    return f"src: {source}, labelMappings: {{ {_prior_classes(prior, has_colors=True)} }}"


def _box_overlay(prior: str) -> str:
    labels = (
        f"[{{% for entry in task.input.manifestLine.{prior}-metadata.class-map %}}"
        "{{ entry[1] | to_json }}, {% endfor %}]"
    )
    return f"{{ boundingBox: {{ labels: {labels}, value: {_prior_boxes(prior)} }} }}"


def _mask_overlay(prior: str) -> str:
    labels = f"[{_prior_classes(prior, has_colors=False)}]"
    return f"{{ semanticSegmentation: {{ labels: {labels}, {_prior_mask(prior)} }} }}"


_TEXT_TARGET: Final = (
    '    <classification-target style="white-space: pre-wrap">'
    "{{ task.input.taskObject }}</classification-target>\n"
)
_VIDEO_TARGET: Final = (
    '    <classification-target>\n      <video width="100%" controls>\n'
    + "".join(f'        <source src="{_OBJECT}" type="video/{kind}">\n' for kind in ("mp4", "webm", "ogg"))
    + "      </video>\n    </classification-target>\n"
)

_FRAMES: Final[dict[str, Frame]] = {
    "ImageMultiClass": _image("crowd-image-classifier", "crowd-image-classifier", "categories"),
    "ImageMultiClassMultiLabel": _image(
        "crowd-image-classifier-multi-select", "crowd-image-classifier-multi-select", "categories"
    ),
    "BoundingBox": _image("crowd-bounding-box", "boundingBox", "labels"),
    "SemanticSegmentation": _image("crowd-semantic-segmentation", "crowd-semantic-segmentation", "labels"),
    "TextMultiClass": _target("crowd-classifier", _TEXT_TARGET),
    "TextMultiClassMultiLabel": _target("crowd-classifier-multi-select", _TEXT_TARGET),
    "NamedEntityRecognition": _entities,
    "VideoMultiClass": _target("crowd-classifier", _VIDEO_TARGET),
    "VideoClassification": _target("crowd-classifier", _VIDEO_TARGET),
    "AdjustmentBoundingBox": _image(
        "crowd-bounding-box", "boundingBox", "labels", lambda prior: {"initial-value": _prior_boxes(prior)}
    ),
    "AdjustmentSemanticSegmentation": _image(
        "crowd-semantic-segmentation",
        "crowd-semantic-segmentation",
        "labels",
        lambda prior: {"initial-value": f"{{ {_prior_mask(prior)} }}"},
    ),
    "VerificationBoundingBox": _verification(_box_overlay),
    "VerificationSemanticSegmentation": _verification(_mask_overlay),
}

BUILTIN_TASK_TYPES: Final = tuple(_FRAMES)
"""The task types that have a template."""
