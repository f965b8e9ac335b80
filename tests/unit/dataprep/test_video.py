from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import pytest
from PIL import Image

from labelwright.dataprep.video import frames_of
from labelwright.errors import InvalidRequest, LabelwrightError

HAS_AV = importlib.util.find_spec("av") is not None


@pytest.mark.skipif(HAS_AV, reason="PyAV is installed")
def test_without_pyav_the_message_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(LabelwrightError, match=r"pip install 'labelwright\[video\]'"):
        list(frames_of(tmp_path / "v.mp4"))


def test_a_step_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="positive"):
        list(frames_of(tmp_path / "v.mp4", every_n=0))


@pytest.mark.skipif(not HAS_AV, reason="PyAV is not installed: pip install 'labelwright[video]'")
def test_frames_by_time_and_by_count(tmp_path: Path) -> None:
    import av

    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(20):
            picture = Image.new("RGB", (64, 48), (i * 12, i * 12, i * 12))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    found = list(frames_of(path, every_s=0.5))
    assert [frame.number for frame in found] == [0, 5, 10, 15]
    assert [frame.time_s for frame in found] == [0, 0.5, 1.0, 1.5]
    with Image.open(io.BytesIO(found[1].data)) as image:
        assert (image.format, image.size) == ("JPEG", (64, 48))
        assert abs(image.getpixel((30, 20))[0] - 60) < 12  # type: ignore[index]
    assert [frame.number for frame in frames_of(path, every_n=7, start_s=0.6)] == [7, 14]
    assert [frame.number for frame in frames_of(path, end_s=0.35, is_png=True)] == [0, 1, 2, 3]
    assert len(list(frames_of(path, n_max=2))) == 2
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(InvalidRequest, match="cannot be decoded"):
        list(frames_of(tmp_path / "bad.mp4"))
