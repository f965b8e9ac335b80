"""Jobs that read named pipes."""

from __future__ import annotations

import json
import os
import signal

import pytest

from labelwright.errors import InvalidRequest
from labelwright.training.description import JobDescription
from labelwright.training.namespace import is_allowed

# Reads every channel of a host as a training loop does: epoch after epoch, each until its end.
READ = """
    import json, os, socket, struct, sys, time
    from pathlib import Path
    data = Path(os.environ["SM_INPUT_DIR"], "data")

    def opened(channel, epoch):
        path = data / f"{channel}_{epoch}"
        while not path.exists():
            time.sleep(0.001)
        return path.open("rb")

    def records(file):
        found = []
        while head := file.read(8):
            magic, length = struct.unpack("<II", head)
            assert magic == 0xCED7230A
            found.append(file.read(length).decode())
            file.read(-length % 4)
        return found

    seen = {"files": sorted(os.listdir(data)), "epochs": []}
    with opened("train", 0) as file:
        file.read(8)  # and no more: the epoch is over, another one comes
    for epoch in (1, 2):
        with opened("train", epoch) as file:
            seen["epochs"].append(records(file))
    if "SM_CHANNEL_RAW" in os.environ:
        with opened("raw", 0) as file:
            seen["raw"] = file.read().decode()
    host = os.environ["SM_CURRENT_HOST"]
    if os.environ["SAGEMAKER_BASE_DIR"] == "/opt/ml":
        seen["addresses"] = [socket.gethostbyname(name) for name in json.loads(os.environ["SM_HOSTS"])]
    Path(os.environ["SM_MODEL_DIR"], host).write_text(json.dumps(seen))
    Path(os.environ["SM_MODEL_DIR"], "same").write_text(host)
"""


def manifest(workshop, name: str, n: int, absent: int = -1) -> str:
    lines = []
    for i in range(n):
        uri = f"s3://bucket/{name}/{i}.txt"
        if i != absent:
            workshop.blobs.put(uri, f"object {i}".encode())
        lines.append(json.dumps({"source-ref": uri, "class": i, "unused": "x"}) + "\n")
    uri = f"s3://bucket/{name}/train.manifest"
    workshop.blobs.put(uri, "".join(lines).encode())
    return uri


def augmented(workshop, uri: str, **more: object) -> dict[str, object]:
    return workshop.channel(
        "train",
        uri,
        S3DataType="AugmentedManifestFile",
        AttributeNames=["source-ref", "class"],
        InputMode="Pipe",
        RecordWrapperType="RecordIO",
        **more,
    )


def test_two_hosts_read_their_parts_of_a_manifest_epoch_after_epoch(workshop) -> None:
    uri = manifest(workshop, "two", 5)
    for key in ("b", "a"):
        workshop.blobs.put(f"s3://bucket/raw/{key}", key.encode() * 3)
    result = workshop.run(
        "two",
        READ,
        n_hosts=2,
        InputDataConfig=[
            augmented(workshop, uri, S3DataDistributionType="ShardedByS3Key", ShuffleConfig={"Seed": 7}),
            workshop.channel("raw", "s3://bucket/raw/", InputMode="Pipe"),
        ],
    )
    assert result["outcome"] == "Completed", (result, workshop.log("two"))
    assert workshop.phases("two") == ["Training", "Uploading"]  # nothing was downloaded
    model = workshop.members("two")
    assert model["same"] == "algo-1"  # the lowest host's file
    seen = [json.loads(model[host]) for host in ("algo-1", "algo-2")]
    orders = []
    for epoch in range(2):
        orders.append([record for host in seen for record in host["epochs"][epoch]])
        pairs = list(zip(orders[-1][::2], orders[-1][1::2], strict=True))
        assert sorted(pairs) == [(f"object {i}", str(i)) for i in range(5)]
    assert orders[0] != orders[1]  # dealt anew
    assert [host["files"] for host in seen] == [["raw_0", "train_0"]] * 2
    assert [host["raw"] for host in seen] == ["aaabbb"] * 2
    if is_allowed():
        assert [host["addresses"] for host in seen] == [["127.0.0.1"] * 2] * 2
    assert workshop.log("two", "algo-1") and workshop.log("two", "algo-2")


def test_a_missing_object_fails_the_job_whatever_the_script_makes_of_it(workshop) -> None:
    uri = manifest(workshop, "hole", 3, absent=1)
    source = """
        import os
        with open(os.environ["SM_INPUT_DIR"] + "/data/train_0", "rb") as file:
            file.read()
        open(os.environ["SM_MODEL_DIR"] + "/half", "w").close()
    """
    result = workshop.run("hole", source, InputDataConfig=[augmented(workshop, uri)])
    assert result["outcome"] == "Failed" and not result["has_model"]
    assert result["failure_reason"].startswith("ClientError: Data download failed: NoSuchKey (404): ")
    assert "s3://bucket/hole/1.txt" in result["failure_reason"]


def test_a_manifest_that_is_not_there_fails_before_the_start(workshop) -> None:
    result = workshop.run("none", READ, InputDataConfig=[augmented(workshop, "s3://bucket/none.manifest")])
    assert "NoSuchKey" in result["failure_reason"] and workshop.phases("none") == []


def test_a_feeder_that_is_killed_is_no_end_of_an_epoch(workshop) -> None:
    uri = manifest(workshop, "fed", 3)
    source = """
        import os, time
        print("pid", os.getppid(), flush=True)
        time.sleep(600)
    """
    folder = workshop.start("fed", source, InputDataConfig=[augmented(workshop, uri)])
    workshop.until(lambda: any(line.startswith("pid") for line in workshop.log("fed")))
    program = json.loads((folder / "process.json").read_text())["pid"]
    os.kill(feeder_of(program), signal.SIGKILL)
    result = workshop.wait("fed")
    assert result["outcome"] == "Failed"
    assert result["failure_reason"].startswith("InternalServerError: The process that streams")


def feeder_of(program: int) -> int:
    """The child of the program that feeds its pipes."""
    with open(f"/proc/{program}/task/{program}/children") as file:
        children = [int(pid) for pid in file.read().split()]
    for pid in children:
        with open(f"/proc/{pid}/cmdline") as file:
            if "streaming.feeder" in file.read():
                return pid
    pytest.fail("no feeder")


@pytest.mark.parametrize(
    ("wrapper", "reason"), [("absent", None), ("None", "RecordWrapperType of channel 'train'")]
)
def test_records_go_without_saying_for_built_in_algorithms(
    workshop, wrapper: str, reason: str | None
) -> None:
    member = augmented(workshop, "s3://bucket/x")
    del member["RecordWrapperType"]
    if wrapper != "absent":
        member["RecordWrapperType"] = wrapper
    image = "811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1"
    specification = {"TrainingImage": image, "TrainingInputMode": "Pipe"}
    content = workshop.description("rec", AlgorithmSpecification=specification, InputDataConfig=[member])
    job = JobDescription.from_input(content)
    if reason is None:
        assert job.channels()[0][0].wrapper == "RecordIO"
    else:
        with pytest.raises(InvalidRequest, match=reason):
            job.channels()
