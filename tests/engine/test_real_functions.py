"""A job whose function misbehaves in a real process: those objects fail, the others are labeled."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from labeling_workshop import REGION, Clock, lines, make_workshop

from labelwright.credentials import RootCredentials
from labelwright.functions import Invocation, Invoker
from labelwright.functions.service import Functions
from labelwright.store import functions as store
from labelwright.store.functions import LATEST, FunctionRow

CODE = """
import os, sys, time

def prepare(event, context):
    what = event["dataObject"]["source"]
    if what == "crash":
        os.kill(os.getpid(), 9)
    if what == "exit":
        sys.exit("no")
    if what == "hang":
        time.sleep(60)
    if what == "raise":
        raise ValueError("cannot")
    if what == "large":
        return {"taskInput": {"x": "y" * 10_000_000}}
    if what == "memory":
        return {"taskInput": {"n": len(bytearray(900 << 20))}}
    if what == "nonsense":
        return ["nonsense"]
    return {"taskInput": {"text": what}}
"""


class Late:
    """Stands in for functions that need the workshop which needs them."""

    functions: Invoker

    def invoke(self, arn: str, event: bytes, **options: Any) -> Invocation:
        return self.functions.invoke(arn, event, **options)


@pytest.mark.slow
def test_every_kind_of_trouble_is_one_objects_alone(tmp_path: Path, clock: Clock) -> None:
    late = Late()
    shop = make_workshop(tmp_path / "data", clock, late, pre_function_timeout_s=1.5)
    credentials = RootCredentials("AKIATEST", "secret")
    functions = Functions(shop.database, shop.blobs, shop.settings, credentials, clock)
    late.functions = functions
    try:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", CODE)
        settings = {"Handler": "app.prepare", "Timeout": 20, "MemorySize": 128}
        functions.with_code(
            packed.getvalue(),
            lambda connection, sha256, n_bytes: store.create(
                connection,
                FunctionRow(REGION, "prepare", LATEST, sha256, n_bytes, "r", settings, clock()),
            ),
        )
        troubles = ["crash", "exit", "hang", "raise", "large", "memory", "nonsense"]
        manifest = lines(*({"source": what} for what in ("fine", *troubles, "fine too")))
        arn = store.function_arn(REGION, "prepare")
        job_id = shop.create(manifest=manifest, kind=None, n_workers=1, PreHumanTaskLambdaArn=arn)
        shop.settle()
        for text in ("fine", "fine too"):
            task = shop.take("a")
            assert task is not None
            assert task.input == {"text": text}
            shop.submit("a", task, {"note": "seen"})
        clock.tick(100)
        shop.settle()
        job = shop.job(job_id)
        assert (job.status, job.n_human, job.n_failed) == ("Completed", 2, 7)
        reasons = {line["source"]: line["parts-metadata"].get("failure-reason", "") for line in shop.output()}
        assert reasons.pop("fine") == reasons.pop("fine too") == ""
        told = {
            "crash": "signal: SIGKILL",
            "exit": "exit status 1",
            "hang": "Task timed out after 1.50 seconds",
            "raise": "ValueError: cannot",
            "large": "Function.ResponseSizeTooLarge",
            "memory": "MemoryError",
            "nonsense": 'answered ["nonsense"] instead of',
        }
        assert {what for what in told if told[what] not in reasons[what]} == set()
        assert all(f"Lambda function {arn}" in reason for reason in reasons.values())
    finally:
        functions.close()
        shop.engine.stop()
        shop.database.close()
        shop.blobs.close()
