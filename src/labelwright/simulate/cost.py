"""What a labeling job would cost at the published prices, for planning; nobody is charged anything.

Per object about 0.08 US dollars, and per answer the task price that the public workforce starts at: 0.036
for boxes, 0.84 for masks, 0.012 for classes and for what has no price of its own. So five workers make a box
object cost 0.26, three make a classified object cost 0.116. The list price per object falls with the volume;
that is left out.
"""

from __future__ import annotations

__all__ = ["CLASS_PRICE_USD", "OBJECT_PRICE_USD", "TASK_PRICE_USD", "cost_usd"]

OBJECT_PRICE_USD = 0.08
"""Per labeled object."""

TASK_PRICE_USD = {
    "BoundingBox": 0.036,
    "AdjustmentBoundingBox": 0.036,
    "SemanticSegmentation": 0.84,
    "AdjustmentSemanticSegmentation": 0.84,
}
"""Per answer, by task type; for types that are not here `CLASS_PRICE_USD`."""

CLASS_PRICE_USD = 0.012
"""Per answer that names classes."""


def cost_usd(task_type: str, *, n_objects: int, n_answers: int) -> float:
    """Estimated cost in US dollars.

    Examples
    --------
    >>> round(cost_usd("BoundingBox", n_objects=1, n_answers=5), 3)
    0.26
    >>> round(cost_usd("ImageMultiClass", n_objects=1, n_answers=3), 3)
    0.116
    """
    return OBJECT_PRICE_USD * n_objects + TASK_PRICE_USD.get(task_type, CLASS_PRICE_USD) * n_answers
