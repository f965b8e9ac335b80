"""Video classification."""

from __future__ import annotations

import pytest
from labeling_workshop import Workshop, lines


@pytest.mark.parametrize("kind", ["VideoMultiClass", "VideoClassification"])
def test_a_whole_job(shop: Workshop, kind: str) -> None:
    for name in ("a.MP4", "b.avi"):
        shop.put(f"s3://acme/in/{name}", b"not looked into")
    names = ("a.MP4", "b.avi", "missing.webm")
    manifest = lines(*({"source-ref": f"s3://acme/in/{name}"} for name in names))
    job_id = shop.create(manifest=manifest, kind=kind, labels=["goal"], n_workers=2)
    shop.settle()
    shop.answers({"crowd-classifier": {"label": "goal"}}, {"crowd-classifier": {"label": "goal"}})
    shop.settle()
    assert (shop.job(job_id).status, shop.job(job_id).n_failed) == ("Completed", 2)
    first, *others = shop.raw_output()
    assert first == (
        '{"source-ref":"s3://acme/in/a.MP4","parts":0,"parts-metadata":{"confidence":0.95,'
        '"job-name":"labeling-job/parts-a","class-name":"goal","human-annotated":"yes",'
        '"creation-date":"DATE","type":"groundtruth/video-classification"}}\n'
    )
    assert "is not a video that browsers play (.mp4, .ogg, .webm)" in others[0]
    assert "Could not access s3://acme/in/missing.webm" in others[1]
