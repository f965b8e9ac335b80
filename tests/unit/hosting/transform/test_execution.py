"""A plan carried out over files, with a container written here."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.hosting.interface import Reply
from labelwright.hosting.transform.execution import Execution
from labelwright.hosting.transform.inputs import Units, open_units
from labelwright.hosting.transform.plan import Plan
from labelwright.hosting.transform.spool import SpoolReader, SpoolWriter
from labelwright.streaming import open_objects


class Shouter:
    """Answers in upper case; ``4xx`` and ``5xx`` as a body are the status of the answer."""

    name = "primary"

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.bodies: list[bytes] = []
        self.n_inside = self.n_inside_most = 0
        self.lock = threading.Lock()
        self.die_after: int | None = None
        self.has_closed = False
        self.recovers_after = 99

    def invoke(
        self,
        body: bytes,
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> Reply:
        return self.invoke_many([body], content_type, accept, headers, timeout_s=timeout_s)[0]

    def invoke_many(
        self,
        bodies: Sequence[bytes],
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> list[Reply]:
        with self.lock:
            self.calls.append(len(bodies))
            self.bodies += bodies
            self.n_inside += 1
            self.n_inside_most = max(self.n_inside_most, self.n_inside)
        try:
            if self.die_after is not None and len(self.bodies) > self.die_after:
                raise KeyboardInterrupt
            return [self._answer(body) for body in bodies]
        finally:
            with self.lock:
                self.n_inside -= 1

    def _answer(self, body: bytes) -> Reply:
        if body[1:] == b"xx":
            if self.bodies.count(body) > self.recovers_after:
                return Reply(200, b"recovered")
            return Reply(int(body[:1]) * 100, b"no")
        return Reply(200, body.upper(), "text/plain")

    def is_healthy(self) -> bool:
        return not self.has_closed

    def execution_parameters(self) -> Mapping[str, object] | None:
        return None

    def close(self) -> None:
        self.has_closed = True


def plan(**changes: Any) -> Plan:
    request: dict[str, Any] = {
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": ""}}},
        "TransformOutput": {"S3OutputPath": "s3://b/o"},
        "ModelClientConfig": {"InvocationsMaxRetries": changes.pop("retries", 0)},
    }
    for name, value in changes.items():
        place = "TransformOutput" if name == "AssembleWith" else "TransformInput"
        (request if name in ("BatchStrategy", "MaxPayloadInMB") else request[place])[name] = value
    return Plan.of_request(request)


def units(folder: Path, objects: Mapping[str, bytes]) -> Units:
    for name, body in objects.items():
        path = folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    (folder / "spool").mkdir(exist_ok=True)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{folder}/in/"}
    return open_units(source, folder / "spool", open_objects())


def carry_out(
    folder: Path,
    objects: Mapping[str, bytes],
    made: Plan,
    container: Shouter,
    *,
    n_together: int = 1,
    n: int = 1,
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Outputs and errors by name."""
    found = units(folder, objects)
    writer = SpoolWriter(folder / "spool", len(found))
    errors: dict[str, str] = {}
    execution = Execution(
        found,
        open_objects(),
        container,
        made,
        writer,
        reopen=lambda: container,
        n_together=n_together,
        n_threads=n,
        on_error=errors.__setitem__,
    )
    with contextlib.closing(writer):
        execution.run()
    reader = SpoolReader(folder / "spool")
    done = {one.name: b"".join(reader.pieces(one)) for one in reader.take(10_000)[0] if not one.error}
    return done, errors


def test_objects_go_together_and_come_out_apart(tmp_path: Path) -> None:
    objects = {f"{i:03d}": f"bird {i}".encode() for i in range(50)}
    container = Shouter()
    done, errors = carry_out(tmp_path, objects, plan(), container, n_together=16, n=2)
    assert done == {name: body.upper() for name, body in objects.items()} and not errors
    assert sorted(container.calls) == [2, 16, 16, 16]


def test_requests_of_one_object_are_answered_side_by_side_and_stay_in_order(tmp_path: Path) -> None:
    lines = [f"line {i}" for i in range(200)]
    container = Shouter()
    made = plan(SplitType="Line", BatchStrategy="SingleRecord", AssembleWith="Line")
    done, _ = carry_out(tmp_path, {"a": "\n".join(lines).encode()}, made, container, n=4)
    assert done["a"].decode().splitlines() == [line.upper() for line in lines]
    assert len(container.calls) == 200


def test_a_bad_object_stops_no_other_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    objects = {
        "a": b"x\ny",
        "bad": b"one\n4xx\nthree",
        "c": b"",
        "down": b"5xx",
        "long": b"z" * 2_000_000,
        "zip": zlib.compress(b"x"),
        "z": b"w",
    }
    made = plan(SplitType="Line", BatchStrategy="SingleRecord", MaxPayloadInMB=1)
    container = Shouter()
    done, errors = carry_out(tmp_path, objects, made, container, n_together=3)
    assert (done["a"], done["c"], done["z"]) == (b"XY", b"", b"W")
    assert sorted(errors) == ["bad", "down", "long"]
    assert errors["bad"] == "ClientError: the model answered with status 400: no"
    assert errors["down"] == "InternalServerError: the model answered with status 500: no"
    assert errors["long"].startswith("ClientError: A record has") and "MaxPayloadInMB" in errors["long"]


def test_broken_gzip_data_are_a_bad_object(tmp_path: Path) -> None:
    packed = gzip.compress(b"wren" * 1000)
    objects = {"good": packed, "plain": b"lark", "short": packed[:20], "bad": packed[:12] + b"\xff" * 9}
    done, errors = carry_out(tmp_path, objects, plan(CompressionType="Gzip"), Shouter())
    assert done == {"good": b"WREN" * 1000, "plain": b"LARK"}
    assert sorted(errors) == ["bad", "short"] and all(e.startswith("ClientError") for e in errors.values())


@pytest.mark.parametrize(("retries", "is_done"), [(0, False), (1, True), (3, True)])
def test_server_errors_are_tried_again_and_client_errors_are_not(
    tmp_path: Path, retries: int, is_done: bool
) -> None:
    container = Shouter()
    container.recovers_after = 1
    done, errors = carry_out(tmp_path, {"a": b"5xx", "b": b"4xx"}, plan(retries=retries), container)
    assert done == ({"a": b"recovered"} if is_done else {})
    assert "b" in errors and container.bodies.count(b"4xx") == 1
    assert container.bodies.count(b"5xx") == (2 if is_done else 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after=st.lists(st.integers(0, 12), max_size=3), n_together=st.integers(1, 5), n=st.integers(1, 3))
def test_a_job_killed_anywhere_does_each_object_once(
    tmp_path_factory: pytest.TempPathFactory, after: list[int], n_together: int, n: int
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    objects = {f"{i:02d}": f"one {i}\ntwo {i}".encode() for i in range(12)}
    made = plan(SplitType="Line", BatchStrategy="SingleRecord")
    finished: set[str] = set()
    for at in after:
        dying = Shouter()
        dying.die_after = at
        with contextlib.suppress(KeyboardInterrupt):
            carry_out(folder, objects, made, dying, n_together=n_together, n=n)
        asked = {body.split()[1].decode() for body in dying.bodies}
        assert not asked & finished  # what is finished is not asked for again
        finished |= {f"{int(one.name)}" for one in SpoolReader(folder / "spool").take(99)[0]}
    done, errors = carry_out(folder, objects, made, Shouter(), n_together=n_together, n=n)
    assert not errors
    assert done == {name: f"ONE {int(name)}TWO {int(name)}".encode() for name in objects}


def test_a_listing_is_made_once(tmp_path: Path) -> None:
    first = units(tmp_path, {"b": b"1", "sub/a": b"2"})
    assert [first.name(i) for i in range(len(first))] == ["b", "sub/a"]
    again = units(tmp_path, {"a-new-one": b"3"})
    assert [again.name(i) for i in range(len(again))] == ["b", "sub/a"]


def test_lines_of_an_augmented_manifest(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "source-ref": "s3://b/1.jpg", "mask-ref": "s3://b/1.png"},
        {"source": "a text"},
        {"n": 12},
        {"x-ref": 3},
        [],
    ]
    manifest = tmp_path / "birds.manifest"
    manifest.write_text("\n\n".join(json.dumps(line) for line in lines))
    source = {"S3DataType": "AugmentedManifestFile", "S3Uri": str(manifest)}
    found = open_units(source, tmp_path, open_objects())
    assert [found.name(i) for i in (0, 4)] == ["birds.manifest/00000001", "birds.manifest/00000005"]
    assert (found[0].uri, found[1].data, found[2].data) == ("s3://b/1.jpg", b"a text", b"12")
    for i, said in ((3, "no S3 URI at 'x-ref'"), (4, "no JSON object")):
        with pytest.raises(Exception, match=said):
            found[i]


def test_a_broken_first_line_stops_no_other(tmp_path: Path) -> None:
    manifest = tmp_path / "birds.manifest"
    manifest.write_text('{"source": \n{"source": "wren"}\n')
    found = open_units(
        {"S3DataType": "AugmentedManifestFile", "S3Uri": str(manifest)}, tmp_path, open_objects()
    )
    errors: dict[str, str] = {}
    container = Shouter()
    with contextlib.closing(SpoolWriter(tmp_path, len(found))) as writer:
        Execution(
            found,
            open_objects(),
            container,
            plan(),
            writer,
            reopen=lambda: container,
            n_together=1,
            n_threads=1,
            on_error=errors.__setitem__,
        ).run()
    assert container.bodies == [b"wren"]
    assert (
        list(errors) == ["birds.manifest/00000001"] and "no valid JSON" in errors["birds.manifest/00000001"]
    )
