"""A training job on this machine without a server: the same program, paths in place of ``s3://`` URIs.

>>> from labelwright.training.local import channel_request
>>> channel_request("train", "cats.manifest", attributes=["source-ref", "cat"])["InputMode"]
'Pipe'
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from labelwright.config import ACCOUNT_ID, DEFAULT_REGION
from labelwright.errors import InvalidRequest, LabelwrightError
from labelwright.work.folder import INPUT, RESULT, read_json, write_json

__all__ = ["LocalResult", "channel_request", "train_locally"]

_JOB_NAME: Final = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_METRICS = "metrics.jsonl"


@dataclasses.dataclass(frozen=True, slots=True)
class LocalResult:
    """What became of a local job.

    Attributes
    ----------
    outcome : str
        ``Completed``, ``Failed``, ``Stopped`` or ``MaxRuntimeExceeded``.
    failure_reason : str or None
    output : Path
        Folder with ``model.tar.gz`` (or ``model/``), ``output.tar.gz`` and ``metrics.jsonl``, as far as there
        are such.
    """

    outcome: str
    failure_reason: str | None
    output: Path

    def metrics(self) -> Iterator[tuple[str, float]]:
        """Name and value of each metric, in the order in which they came."""
        with contextlib.suppress(FileNotFoundError), (self.output / _METRICS).open() as file:
            for line in file:
                content = json.loads(line)
                yield content["name"], float(content["value"])


def channel_request(
    name: str, uri: str, *, content_type: str | None = None, attributes: Sequence[str] = ()
) -> dict[str, Any]:
    """A member of ``InputDataConfig`` for a file, a folder or an ``s3://`` prefix.

    Parameters
    ----------
    name : str
    uri : str
        An augmented manifest, when there are ``attributes``.
    content_type : str, optional
        Guessed for records (``.rec``) and manifests.
    attributes : sequence of str
        What of each line is delivered, through a pipe and as records.
    """
    source: dict[str, Any] = {"S3DataType": "S3Prefix", "S3Uri": uri}
    member: dict[str, Any] = {"ChannelName": name, "DataSource": {"S3DataSource": source}}
    if attributes:
        source |= {"S3DataType": "AugmentedManifestFile", "AttributeNames": list(attributes)}
        member |= {"InputMode": "Pipe", "RecordWrapperType": "RecordIO"}
    elif not uri.startswith("s3://"):
        member["InputMode"] = "FastFile"  # links, so nothing is copied
    if content_type is None and (attributes or uri.endswith(".rec")):
        content_type = "application/x-recordio"
    if content_type is not None:
        member["ContentType"] = content_type
    return member


def train_locally(
    request: Mapping[str, Any],
    *,
    on_line: Callable[[str], None] | None = None,
    on_process: Callable[[subprocess.Popen[bytes]], None] | None = None,
    data_dir: Path | None = None,
    keep: bool = False,
) -> LocalResult:
    """Carry out a CreateTrainingJob request on this machine, and wait for its end.

    Parameters
    ----------
    request : Mapping
        ``S3Uri`` members may be paths; ``S3OutputPath`` and the S3Uri of ``CheckpointConfig`` must be. The
        artifacts go to ``<S3OutputPath>/<TrainingJobName>/output``.
    on_line : callable, optional
        Called with each line of the log; by default they are printed.
    on_process : callable, optional
        Called with the program's process once it runs: SIGINT to it stops the job in good order, SIGTERM at
        once.
    data_dir : Path, optional
        Read ``s3://`` from the files of this server's data directory; by default from where the usual AWS
        variables lead.
    keep : bool
        Leave the folder of the job, ``<S3OutputPath>/<TrainingJobName>/work``, for a look.

    Returns
    -------
    LocalResult

    Raises
    ------
    InvalidRequest
        The request names no job, no algorithm or no folder for its output.
    LabelwrightError
        The program ended without a word.
    """
    name, output = _checked(request)
    output.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=output.parent))
    try:
        write_json(work / INPUT, _description(request, name, data_dir))
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "labelwright.training.job", str(work)],
            stdin=subprocess.PIPE,  # its end ends the program
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        with process:
            if on_process is not None:
                on_process(process)
            assert process.stdout is not None  # noqa: S101 - asked for above
            say = print if on_line is None else on_line
            try:
                for line in process.stdout:
                    say(line.decode("utf-8", "replace").rstrip("\n"))
            except BaseException:
                process.send_signal(signal.SIGTERM)
                raise
        result = read_json(work / RESULT)
        if result is None:
            raise LabelwrightError(f"The job's program ended with exit code {process.returncode}.")
        _move_results(work, output)
    finally:
        if keep:
            shutil.rmtree(output.parent / "work", ignore_errors=True)
            work.rename(output.parent / "work")
        else:
            shutil.rmtree(work, ignore_errors=True)
    return LocalResult(str(result["outcome"]), result.get("failure_reason"), output)


def _checked(request: Mapping[str, Any]) -> tuple[str, Path]:
    """Name of the job, and the folder for its output."""
    name = str(request.get("TrainingJobName", ""))
    if not _JOB_NAME.fullmatch(name):
        raise InvalidRequest(
            f"TrainingJobName is {name[:80]!r}; it must be 1 to 63 letters, digits and hyphens.",
            field="TrainingJobName",
            value=name,
        )
    place = str((request.get("OutputDataConfig") or {}).get("S3OutputPath", ""))
    if not place or place.startswith("s3://"):
        raise InvalidRequest(
            f"S3OutputPath is {place!r}; a job without a server needs a folder of this machine there.",
            field="S3OutputPath",
            value=place,
        )
    checkpoints = str((request.get("CheckpointConfig") or {}).get("S3Uri", ""))
    if checkpoints.startswith("s3://"):
        raise InvalidRequest(
            f"S3Uri of CheckpointConfig is {checkpoints!r}; a job without a server needs a folder of this "
            "machine there.",
            field="CheckpointConfig",
            value=checkpoints,
        )
    if not (request.get("AlgorithmSpecification") or {}).get("TrainingImage"):
        raise InvalidRequest(
            "TrainingImage of AlgorithmSpecification is missing; name a built-in algorithm, or local:python.",
            field="TrainingImage",
        )
    return name, Path(place).absolute() / name / "output"


def _description(request: Mapping[str, Any], name: str, data_dir: Path | None) -> dict[str, Any]:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    request = dict(request)
    request["InputDataConfig"] = [_with_paths(member) for member in request.get("InputDataConfig") or ()]
    if config := request.get("CheckpointConfig"):
        request["CheckpointConfig"] = {**config, "S3Uri": str(Path(config["S3Uri"]).absolute())}
    return {
        "job": {
            "name": name,
            "arn": f"arn:aws:sagemaker:{region}:{ACCOUNT_ID}:training-job/{name.lower()}",
            "region": region,
            "account": ACCOUNT_ID,
        },
        "request": request,
        "host_count": int((request.get("ResourceConfig") or {}).get("InstanceCount", 1)),
        "data_dir": None if data_dir is None else str(data_dir.absolute()),
        "log_folder": None,
        "endpoint_url": os.environ.get("AWS_ENDPOINT_URL", ""),
        "deadline": None,
        "is_local": True,
    }


def _with_paths(member: Mapping[str, Any]) -> dict[str, Any]:
    """The channel with absolute paths; a folder's ends with a slash, so that it is no mere beginning."""
    source = dict((member.get("DataSource") or {}).get("S3DataSource") or {})
    uri = str(source.get("S3Uri", ""))
    if uri and "://" not in uri:
        path = Path(uri).absolute()
        source["S3Uri"] = f"{path}/" if path.is_dir() else str(path)
    return {**member, "DataSource": {**(member.get("DataSource") or {}), "S3DataSource": source}}


def _move_results(work: Path, output: Path) -> None:
    for name in ("model.tar.gz", "output.tar.gz", "model", "output", _METRICS):
        source, target = work / name, output / name
        if source.exists():
            if target.is_dir():
                shutil.rmtree(target)
            source.replace(target)
