"""Endpoints: latency and requests per second, beside bare onnxruntime in a loop on the same model.

The peer is the least that an answer can cost: decode the same JPEG with Pillow, scale it, run the same graph,
no HTTP, no signature, nobody else. Ours is the whole way: a signed request over TCP, verified, passed on to
the serving process, answered. Clients are a process of their own and sign every request; they share the
machine.
A second endpoint, whose model only counts its input, shows what the way alone costs.

``python -m benchmarks.hosting.bench [N_REQUESTS]``
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

import boto3
import psutil

from benchmarks.hosting.model import SIDE, artifact, graph, picture
from benchmarks.report import Report
from benchmarks.server.load import quantile
from benchmarks.server.ours import REGION, Labelwright

N_REQUESTS = 400
ROLE = "arn:aws:iam::000000000000:role/bench"
IMAGE = f"811284229777.dkr.ecr.{REGION}.amazonaws.com/image-classification:1"
COUNTING = b"""
def model_fn(folder):
    return len

def transform_fn(model, data, content_type, accept):
    return str(model(data)), "text/plain"
"""


class Bare:
    """onnxruntime alone."""

    def __init__(self, model: bytes, jpeg: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.jpeg = jpeg

    def answer(self) -> Any:
        import numpy as np
        from PIL import Image

        image = Image.open(io.BytesIO(self.jpeg)).convert("RGB")
        pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))[None]
        return self.session.run(None, {"images": pixels})

    def latencies(self, n: int) -> list[float]:
        """Milliseconds, one after the other."""
        times = []
        for _ in range(n):
            begin = time.perf_counter()
            self.answer()
            times.append((time.perf_counter() - begin) * 1e3)
        return times

    def per_second(self, n: int, n_threads: int) -> float:
        """Answers per second from several threads on one session."""

        def work() -> None:
            for _ in range(n // n_threads):
                self.answer()

        threads = [threading.Thread(target=work) for _ in range(n_threads)]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return n / (time.perf_counter() - begin)


def serve(server: Labelwright, name: str, image: str, packed: bytes) -> dict[str, str]:
    """Bring up an endpoint; what the load needs to know."""
    arguments = server.client_arguments()
    sagemaker, s3 = (boto3.client(service, **arguments) for service in ("sagemaker", "s3"))
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key=f"{name}.tar.gz", Body=packed)
    container = {"Image": image, "ModelDataUrl": f"s3://models/{name}.tar.gz"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.xlarge",
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    while (found := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
        time.sleep(0.05)
    if found["EndpointStatus"] != "InService":
        raise RuntimeError(found.get("FailureReason"))
    return {
        "endpoint": name,
        "port": str(server.port),
        "region": REGION,
        "key": arguments["aws_access_key_id"],
        "secret": arguments["aws_secret_access_key"],
    }


def loaded(about: dict[str, str], body: Path, kind: str, n_clients: int, n: int) -> tuple[list[float], float]:
    """Milliseconds of each request, and requests per second."""
    asked = {
        "about": about,
        "body": str(body),
        "content_type": kind,
        "n_clients": n_clients,
        "n_each": n // n_clients,
    }
    command = [sys.executable, "-m", "benchmarks.hosting.load", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    *times, seconds = json.loads(done.stdout)
    return times, len(times) / seconds


def cpu_ms(server: Labelwright, folder: Path, work: Callable[[], Any], n: int) -> dict[str, float]:
    """Milliseconds of processor time for each of n requests: of the server, and of what serves models."""

    def spent() -> dict[str, float]:
        total = {"server": sum(psutil.Process(server.pid()).cpu_times()[:2]), "model": 0.0}
        for process in psutil.process_iter(["cmdline", "cpu_times"]):
            command = " ".join(process.info["cmdline"] or ())
            if str(folder) in command and "serve --data" not in command:
                total["model"] += sum(process.info["cpu_times"][:2])
        return total

    before = spent()
    work()
    after = spent()
    return {name: (after[name] - before[name]) / n * 1e3 for name in after}


def main() -> None:
    """Measure and report."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else N_REQUESTS
    report = Report("hosting", "bare onnxruntime")
    jpeg = picture()
    bare = Bare(graph(), jpeg)
    bare.latencies(20)
    script = io.BytesIO()
    with tarfile.open(fileobj=script, mode="w:gz") as archive:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(COUNTING)
        archive.addfile(member, io.BytesIO(COUNTING))
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "picture.jpg"
        body.write_bytes(jpeg)
        server = Labelwright(Path(folder))
        server.start()
        try:
            about = serve(server, "classifier", IMAGE, artifact())
            counting = serve(server, "counting", "example/counting:1", script.getvalue())
            loaded(about, body, "image/jpeg", 2, 40)
            # In turns, so that a busy moment of the machine falls on both.
            ours, peer = [], []
            for _ in range(4):
                ours += loaded(about, body, "image/jpeg", 1, n // 4)[0]
                peer += bare.latencies(n // 4)
            for q in (0.5, 0.99):
                report.row(
                    f"latency of one picture, p{q * 100:g}", "ms", quantile(ours, q), quantile(peer, q)
                )
            cpu = cpu_ms(server, Path(folder), lambda: loaded(about, body, "image/jpeg", 1, n), n)
            begin = time.process_time()
            bare.latencies(n)
            floor = (time.process_time() - begin) / n * 1e3
            report.row("processor time of the model's process", "ms", cpu["model"], floor)
            report.row("processor time of the server", "ms", cpu["server"], None)
            for n_clients in (1, 2, 8, 32):
                together, rate = loaded(about, body, "image/jpeg", n_clients, n)
                report.row(
                    f"pictures per second, {n_clients} at once", "1/s", rate,
                    bare.per_second(n, min(n_clients, 2)), smaller=False,
                )  # fmt: skip
                if n_clients > 1:
                    report.row(f"latency, {n_clients} at once, p99", "ms", quantile(together, 0.99), None)
            alone = loaded(counting, body, "image/jpeg", 1, n)[0]
            report.row("the way alone (a script that counts), p50", "ms", quantile(alone, 0.5), None)
            report.row("the way alone, p99", "ms", quantile(alone, 0.99), None)
            _, rate = loaded(counting, body, "image/jpeg", 8, 4 * n)
            report.row("the way alone, 8 at once", "1/s", rate, None, smaller=False)
        finally:
            server.stop()
    report.note(f"A JPEG of {len(jpeg) // 1024} kB; one serving process, one core for a prediction.")
    report.note("The peer does what no server can do without: it is the floor, not a rival.")
    report.finish()


if __name__ == "__main__":
    main()
