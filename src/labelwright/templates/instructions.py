"""General instructions per built-in task type, for authors who have not written their own yet."""

from __future__ import annotations

from typing import Final

from labelwright.templates.pictures import PLACEHOLDER_URL

__all__ = ["default_instructions"]

# task type -> (what a good answer is, what a bad one is, steps)
_TEXTS: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "ImageMultiClass": (
        "The label names what the picture as a whole shows.",
        "The label fits only a small thing in the background.",
        (
            "Look at the whole picture, and zoom in where it is unclear.",
            "Choose the one label that fits best.",
            "If two labels fit, take the one of the largest or most central thing.",
        ),
    ),
    "ImageMultiClassMultiLabel": (
        "Every label that applies is ticked, and no other.",
        "Only the most striking thing is ticked, or a label is ticked on a guess.",
        (
            "Look at the whole picture, and zoom in where it is unclear.",
            "Go through the labels one by one and tick each that applies.",
            "If none applies, choose that none does.",
        ),
    ),
    "BoundingBox": (
        "Each object has a box of its own that touches its outermost visible points.",
        "A box cuts parts off, leaves a wide gap, or holds several objects.",
        (
            "Choose a label, then draw a box around one object of that kind.",
            "Pull the edges until they touch the object: neither cut nor gap.",
            "Box every object that you can recognise, also when it is partly hidden: then only its "
            "visible part.",
            "If there is nothing to label, say so instead of drawing a box.",
        ),
    ),
    "SemanticSegmentation": (
        "The coloured areas follow the outlines, and every part of the picture that has a label is coloured.",
        "Edges are ragged, areas run over the outline, or parts are left out.",
        (
            "Choose a label and paint all areas that belong to it.",
            "Zoom in to follow the outlines closely.",
            "Leave uncoloured what none of the labels fits.",
        ),
    ),
    "TextMultiClass": (
        "The label fits what the whole text says.",
        "The label follows a single word and misses what is meant.",
        (
            "Read the text to its end.",
            "Choose the one label that fits best.",
            "Judge what the text says, not whether you agree with it.",
        ),
    ),
    "TextMultiClassMultiLabel": (
        "Every label that applies is ticked, and no other.",
        "Only the first fitting label is ticked, or a label is ticked on a guess.",
        (
            "Read the text to its end.",
            "Go through the labels one by one and tick each that applies.",
            "If none applies, choose that none does.",
        ),
    ),
    "NamedEntityRecognition": (
        "Whole names are marked, without the blanks and full stops around them.",
        "A part of a name is missing, or the words around it are marked too.",
        (
            "Read the text, then mark each name with the label that fits.",
            "Mark from the first to the last character of the name.",
            "Mark a name each time it occurs.",
        ),
    ),
    "VideoMultiClass": (
        "The label fits what happens over the whole video.",
        "The label fits only one moment of it.",
        ("Watch the video to its end.", "Choose the one label that fits best."),
    ),
    "Adjustment": (
        "Labels that were right are left alone, and all others are corrected.",
        "Wrong labels are left, or right ones are changed for no reason.",
        (
            "Look at each label that is there already.",
            "Correct its place, its outline or its name where it is wrong.",
            "Remove what should not be there, and add what is missing.",
        ),
    ),
    "Verification": (
        "The choice tells how well the labels shown fit the picture, seen as a whole.",
        "The choice judges the picture and not its labels.",
        (
            "Compare the labels shown with the picture; hide and show them to see what lies beneath.",
            "Choose what fits best.",
            "If something is wrong, add a comment that says what and where.",
        ),
    ),
}
_WITHOUT_PICTURES: Final = ("Text", "Named", "Video")


def default_instructions(task_type: str) -> tuple[str, str]:
    """Return short and full instructions, as HTML.

    Parameters
    ----------
    task_type : str
        A key of :data:`labelwright.templates.builtin.BUILTIN_TASK_TYPES`.
    """
    key = next(
        (prefix for prefix in ("Adjustment", "Verification") if task_type.startswith(prefix)), task_type
    )
    good, bad, steps = _TEXTS["VideoMultiClass" if key == "VideoClassification" else key]
    picture = "" if task_type.startswith(_WITHOUT_PICTURES) else _picture()
    short = (
        f"      <h3>Good example</h3>\n      <p>{good}</p>\n{picture}"
        f"      <h3>Bad example</h3>\n      <p>{bad}</p>\n{picture}"
    ).rstrip("\n")
    listed = "\n".join(f"        <li>{step}</li>" for step in steps)
    full = (
        f"      <ol>\n{listed}\n      </ol>\n      <p><b>Good:</b> {good}</p>\n      <p><b>Bad:</b> {bad}</p>"
    )
    return short, full


def _picture() -> str:
    image = f'<img src="{PLACEHOLDER_URL}" alt="Put your own picture here" style="max-width: 100%">'
    return f"      <p>{image}</p>\n"
