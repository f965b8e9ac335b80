"""Batch transform: pictures per second, beside bare onnxruntime in a loop on the same model.

The peer is the least that an answer can cost: decode the same JPEG with Pillow, scale it, run the same graph,
one picture after the other, and forget the answer. Ours is the whole way: CreateTransformJob, a program that
reads the objects, batches and writes one answer for each, and the server that publishes each answer as an
object. Both may use one core for the network. Processor time is compared beside time, for the machine may be
busy with other things.

``python -m benchmarks.transform.bench [N_PICTURES]``
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

os.environ["LABELWRIGHT_TRAINING_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import boto3

from benchmarks.hosting.bench import IMAGE, ROLE, Bare
from benchmarks.hosting.model import artifact, graph, picture
from benchmarks.report import Report
from benchmarks.server.ours import Labelwright

N_PICTURES = 1000
BUCKET = "bench"
_COMPUTED = re.compile(r"(\d+) objects in .* second\), ([0-9.]+) s of them computing")


def cpu_s(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def transformed(server: Labelwright, name: str, n: int) -> tuple[float, float, float]:
    """Seconds of a job, of its program's processor time, and of the server's."""
    arguments = server.client_arguments()
    sagemaker = boto3.client("sagemaker", **arguments)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}
    before = cpu_s(server.pid())
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName="classifier",
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "image/jpeg"},
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/{name}", "Accept": "application/jsonlines"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    while True:
        job = sagemaker.describe_transform_job(TransformJobName=name)
        if job["TransformJobStatus"] != "InProgress":
            break
        time.sleep(0.5)
    if job["TransformJobStatus"] != "Completed":
        raise RuntimeError(job["FailureReason"])
    logs = (server.folder / "logs" / "aws" / "sagemaker" / "TransformJobs" / name).rglob("*.log")
    found = [_COMPUTED.search(path.read_text()) for path in logs]
    (match,) = (each for each in found if each)
    if int(match[1]) != n:
        raise RuntimeError(match[0])
    seconds = (job["TransformEndTime"] - job["TransformStartTime"]).total_seconds()
    return seconds, float(match[2]), cpu_s(server.pid()) - before


def main() -> None:
    """Measure and report."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else N_PICTURES
    report = Report("transform", "bare onnxruntime")
    jpeg = picture()
    bare = Bare(graph(), jpeg)
    bare.latencies(20)
    with tempfile.TemporaryDirectory() as folder:
        server = Labelwright(Path(folder))
        server.start()
        try:
            arguments = server.client_arguments()
            s3, sagemaker = (boto3.client(service, **arguments) for service in ("s3", "sagemaker"))
            s3.create_bucket(Bucket=BUCKET)
            s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=artifact())
            for i in range(n):
                s3.put_object(Bucket=BUCKET, Key=f"in/{i:05}.jpg", Body=jpeg)
            container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
            sagemaker.create_model(ModelName="classifier", PrimaryContainer=container, ExecutionRoleArn=ROLE)
            runs, peers = [], []
            for i in range(3):  # in turns, so that a busy moment of the machine falls on both
                runs.append(transformed(server, f"job-{i}", n))
                begin, begin_cpu = time.perf_counter(), time.process_time()
                bare.latencies(n)
                peers.append((time.perf_counter() - begin, time.process_time() - begin_cpu))
        finally:
            server.stop()
    ours, peer = min(runs, key=lambda run: run[1] + run[2]), min(peers, key=lambda run: run[1])
    report.row(
        "pictures per second, whole job", "1/s",
        n / min(run[0] for run in runs), n / min(run[0] for run in peers), smaller=False,
    )  # fmt: skip
    report.row("program: processor time a picture", "ms", 1000 * ours[1] / n, 1000 * peer[1] / n)
    report.row("with the server's", "ms", 1000 * (ours[1] + ours[2]) / n, 1000 * peer[1] / n)
    report.note(
        f"{n} JPEGs of {len(jpeg) // 1024} kB; one core for the network; the best of three runs each."
    )
    report.note("The job's time includes its start and the opening of the model (a second or two).")
    report.note("The peer does what no server can do without: it is the floor, not a rival.")
    report.finish()


if __name__ == "__main__":
    main()
