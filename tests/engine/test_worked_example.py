"""The worked example of a four-line job, byte for byte."""

from __future__ import annotations

import json

from labeling_workshop import Workshop, label, png

MANIFEST = (
    b'{"source-ref": "s3://acme/in/a.jpg", "batch": 4}\n'
    b'{"source-ref": "s3://acme/in/b.jpg", "batch": 4, "parts-old": 2}\n'
    b'{"source-ref": "s3://acme/in/broken.jpg"}\n'
    b'{"source-ref": "s3://acme/in/d.jpg"}\n'
)


def test_outputs_of_a_stopped_job(shop: Workshop) -> None:
    for name in "abd":
        shop.put(f"s3://acme/in/{name}.jpg", png())
    shop.put("s3://acme/in/broken.jpg", b"this is no picture")
    job_id = shop.create(manifest=MANIFEST, MaxConcurrentTaskCount=3)
    shop.settle()
    for votes in (("bolt", "bolt", "bolt"), ("nut", "nut", "bolt")):
        for who, vote in zip("abc", votes, strict=True):
            shop.answer(who, label(vote))
    shop.stop(job_id)
    shop.settle()

    job = shop.job(job_id)
    assert job.status == "Stopped"
    counters = job.counters
    assert (counters.n_labeled, counters.n_human, counters.n_failed, counters.n_unlabeled) == (2, 2, 1, 1)
    written = shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest").splitlines(keepends=True)
    when = [json.loads(line)["parts-metadata"]["creation-date"] for line in written[:2]]
    assert when[0] != when[1]
    assert written == [
        b'{"source-ref":"s3://acme/in/a.jpg","batch":4,"parts":0,"parts-metadata":{"confidence":%s,'
        b'"job-name":"labeling-job/parts-a","class-name":"bolt","human-annotated":"yes","creation-date":"%s",'
        b'"type":"groundtruth/image-classification"}}\n'
        % (written[0].split(b'"confidence":')[1][:4], when[0].encode()),
        b'{"source-ref":"s3://acme/in/b.jpg","batch":4,"parts-old":2,"parts":1,"parts-metadata":{"confidence":%s,'
        b'"job-name":"labeling-job/parts-a","class-name":"nut","human-annotated":"yes","creation-date":"%s",'
        b'"type":"groundtruth/image-classification"}}\n'
        % (written[1].split(b'"confidence":')[1][:4], when[1].encode()),
        b'{"source-ref":"s3://acme/in/broken.jpg","parts-metadata":{"retry-count":1,"failure-reason":'
        b'"ClientError: The image file is not a valid JPEG or PNG.","human-annotated":"true"}}\n',
        b'{"source-ref": "s3://acme/in/d.jpg"}\n',
    ]
