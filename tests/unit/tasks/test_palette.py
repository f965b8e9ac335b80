from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.tasks._palette import class_colors, palette


def test_known_colors_come_first() -> None:
    assert palette(4) == ["#2ca02c", "#1f77b4", "#ff7f0e", "#d62728"]
    assert palette(13)[4:] == [
        *("#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
        *("#be5d2d", "#62daad", "#84218c"),
    ]


def test_colors_are_distinct_and_never_white_or_black() -> None:
    colors = palette(600)
    assert len(set(colors)) == 600
    assert not {"#ffffff", "#000000"} & set(colors)


def test_colors_are_those_of_the_worker_page() -> None:
    # Of annotation-core's paletteColor, for all labels that a mask may have.
    digest = hashlib.sha256("".join(palette(254)).encode()).hexdigest()
    assert digest == "e0ef02edc61a885eeb735a50b6c00b49f5872462d4bdd94892ed02d8035ca76d"


def test_earlier_colors_are_kept_and_others_give_way() -> None:
    assert class_colors(["a", "b", "c"], {"b": "#2CA02C"}) == ["#be5d2d", "#2ca02c", "#ff7f0e"]
    assert class_colors(["a", "b"], {"a": "#ffffff", "b": "red"}) == ["#2ca02c", "#1f77b4"]
    assert class_colors(["a", "b"], {"a": "#0000ff", "b": "#0000ff"}) == ["#0000ff", "#1f77b4"]
    assert class_colors([]) == []


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["#ffffff", *palette(40)]), max_size=30), st.integers(0, 254))
def test_every_label_gets_a_color_of_its_own(earlier: list[str], n: int) -> None:
    labels = [str(i) for i in range(n)]
    colors = class_colors(labels, {str(2 * i): color for i, color in enumerate(earlier)})
    assert len(set(colors) - {"#ffffff"}) == len(colors) == n
