"""Features of a pretrained network, from a file of weights that is made here: no network is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelwright.autolabel import image_features
from labelwright.errors import InvalidRequest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(torchvision.models.mobilenet_v2(weights=None).state_dict(), path)
    return path


def test_rows_are_those_of_the_network(weights: Path) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (224, 224, 3), np.uint8), rng.integers(0, 256, (50, 70), np.uint8)]
    rows = image_features(images, backbone=weights)
    assert rows.shape == (2, 1280)
    assert rows.dtype == np.float32
    net = torchvision.models.mobilenet_v2(weights=None)
    net.load_state_dict(torch.load(weights, weights_only=True))
    normalise = torchvision.transforms.functional.normalize
    values = torch.from_numpy(images[0]).permute(2, 0, 1).float() / 255
    values = normalise(values, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with torch.inference_mode():
        expected = net.eval().features(values[None]).mean(dim=(2, 3)).numpy()[0]
    assert np.allclose(rows[0], expected, atol=1e-4)
    assert np.allclose(image_features(images[1:], backbone=weights)[0], rows[1], atol=1e-4)
    assert image_features([], backbone=weights).shape == (0, 1280)


class Trap:
    """Would write a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_files_that_are_no_such_weights_are_refused(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    image = np.zeros((8, 8, 3), np.uint8)
    for name, content in (("trap", Trap(sprung)), ("other", {"a.weight": torch.zeros(2)}), ("list", [1, 2])):
        torch.save(content, tmp_path / name)
    (tmp_path / "text").write_text("not weights")
    (tmp_path / "empty").write_bytes(b"")
    for name in ("trap", "other", "list", "text", "empty", "absent"):
        with pytest.raises(InvalidRequest, match=f"{name} does not hold weights of mobilenet_v2"):
            image_features([image], backbone=tmp_path / name)
    assert not sprung.exists()


def test_an_unreadable_picture_is_named(weights: Path) -> None:
    with pytest.raises(InvalidRequest, match="Image 1 "):
        image_features([np.zeros((8, 8, 3), np.uint8), b"not a picture"], backbone=weights)
