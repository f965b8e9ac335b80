"""The engine in its own threads."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from labeling_workshop import REGION, Workshop, lines, make_workshop

from labelwright.store import labeling_jobs


def wait_for(shop: Workshop, job_id: int, status: str) -> None:
    end = time.monotonic() + 30
    while shop.job(job_id).status != status:
        assert time.monotonic() < end, shop.job(job_id)
        time.sleep(0.01)


def test_trouble_of_one_job_does_not_stop_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shop = make_workshop(tmp_path / "data", time.time, consolidation_interval_s=0.01)
    shop.blobs.store.create_bucket("shaky", region=REGION)
    manifest = lines({"source": "x"})
    broken = shop.create("Broken-1", manifest=manifest, kind="TextMultiClass", n_workers=1)
    request = shop.job(broken).request.replace("s3://acme/out", "s3://shaky/out")
    shop.database.write(lambda c: labeling_jobs.set_columns(c, broken, request=request))
    shop.engine.start()
    try:
        wait_for(shop, broken, "InProgress")
        while shop.job(broken).manifest_written_at is None:  # the engine puts nothing there from now on
            time.sleep(0.01)
        # An operator's mistake: the output bucket disappears below a running job.
        task = None
        while task is None:
            task = shop.take("a", "Broken-1")
        for info in list(shop.blobs.list("s3://shaky/out")):
            if not info.uri.endswith("input.manifest"):
                shop.blobs.delete(info.uri)
        manifest_uri = shop.job(broken).manifest_uri
        assert manifest_uri is not None
        copy = shop.read(manifest_uri)
        shop.blobs.delete(manifest_uri)
        shop.blobs.store.delete_bucket("shaky")
        shop.submit("a", task, {"crowd-classifier": {"label": "nut"}})

        healthy = shop.create("Healthy-1", manifest=manifest, kind="TextMultiClass", n_workers=1)
        shop.engine.wake(healthy)
        wait_for(shop, healthy, "InProgress")
        task = None
        while task is None:
            task = shop.take("b", "Healthy-1")
        shop.submit("b", task, {"crowd-classifier": {"label": "nut"}})
        wait_for(shop, healthy, "Completed")
        assert shop.job(broken).status == "InProgress"
        assert any("tried again" in record.message for record in caplog.records)

        shop.blobs.store.create_bucket("shaky", region=REGION)  # put right
        shop.put(manifest_uri, copy)
        wait_for(shop, broken, "Completed")
    finally:
        shop.engine.stop()
        shop.database.close()
        shop.blobs.close()
