"""Settings: one frozen dataclass, read once (environment, then flags) and passed down explicitly.

Every field can be set by ``LABELWRIGHT_<FIELD>`` in the environment; flags of ``labelwright serve`` win.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labelwright.errors import InvalidRequest

__all__ = ["ACCOUNT_ID", "DEFAULT_REGION", "Settings"]

ACCOUNT_ID = "000000000000"
DEFAULT_REGION = "us-east-1"
_WALLS = ("auto", "none", "required")
_PUBLIC_URL = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?/?")


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator may choose.

    Attributes
    ----------
    data_dir : Path
        Where the embedded database, objects, mail and credentials live.
    host, port : str, int
        The one address the server listens on.
    database_url : str
        SQLAlchemy URL; empty means SQLite under ``data_dir``.
    object_store : str
        ``s3://bucket-prefix`` of an S3-compatible store reached by the usual AWS variables; empty means
        files under ``data_dir``.
    public_url : str
        Base URL under which browsers and clients reach us; empty means what the request's Host header says.
    root_access_key_id, root_secret_access_key : str
        Root credentials; empty means made at first start and kept under ``data_dir``.
    smtp_url : str
        ``smtp[s]://[user:password@]host[:port]``; empty means mails are written as ``.eml`` files.
    mail_from : str
        Sender of invitations.
    consolidation_interval_s : float
        How long ready objects wait for others to form a consolidation group.
    manifest_interval_s : float
        Least time between two rewrites of a running job's output manifest.
    work_at_once : int
        How many programs for training and inference may run side by side.
    work_threads : int
        Processor cores that each of them may use.
    training_jobs_at_once : int
        How many training jobs, and how many transform jobs, may run side by side; 0 means one for every two
        processor cores, a negative number holds them back.
    training_threads : int
        Processor cores that each training job may use; 0 means an equal share of all of them.
    endpoint_processes : int
        Most serving processes for one variant of an endpoint, however many instances it asks for.
    endpoint_threads : int
        Processor cores that one prediction of an endpoint may use.
    autolabel_min_objects : int
        Fewest lines of a manifest for automated labeling.
    autolabel_target_accuracy : float
        Mean accuracy that machine-made classes must reach, in (0, 1).
    autolabel_target_box_iou, autolabel_target_mask_iou : float
        Mean overlap (intersection over union) that machine-made boxes and masks must reach, in (0, 1).
    autolabel_confidence : float
        Probability with which a certified job keeps its target, in (0, 1).
    autolabel_time_limit_s : float
        Longest time for one training with its predictions.
    autolabel_training_s : float
        Computing time of a core after which the training of a box or mask model ends in good order.
    autolabel_weights : str
        File with weights of a pretrained image network; empty means features without one.
    autolabel_text_encoder : str
        Folder with a pretrained sentence encoder for text; empty means n-grams alone.
    segmenter : str
        Folder with ``encoder.onnx`` and ``decoder.onnx`` for auto-segment; empty means none.
    events_file : str
        File that gets events as JSON lines, under ``data_dir`` unless it is absolute; empty means none.
    events_file_max_bytes, events_file_kept : int
        Size at which it is rotated, and how many full ones are kept.
    events_webhook_url, events_webhook_secret : str
        Where events are posted to, and what the requests are signed with; empty means nowhere.
    events_kinds : str
        Comma-separated kinds of events for both; empty means all.
    events_logs : str
        Which of ``job-log`` and ``worker-activity`` are log streams of the logs service, too; or ``none``.
    metrics_token : str
        Bearer token of ``/metrics``; empty means that only this machine may read them.
    function_processes : int
        Processes of functions at a time.
    function_idle_s : float
        How long an idle one is kept for the next invocation.
    function_walls : {"auto", "none", "required"}
        Whether functions are kept apart from the server's files and processes: where the kernel allows it,
        never, or else they are not run.
    pre_function_timeout_s, post_function_timeout_s : float
        Longest time for a job's function before (one object) and after (one group) the workers; a shorter
        ``Timeout`` of the function holds.
    lambda_endpoint_url : str
        Where functions of other accounts are invoked; empty means that there are none.
    log_level : str
    """

    data_dir: Path = Path("labelwright-data")
    host: str = "127.0.0.1"
    port: int = 8400
    database_url: str = ""
    object_store: str = ""
    public_url: str = ""
    root_access_key_id: str = ""
    root_secret_access_key: str = dataclasses.field(default="", repr=False)
    smtp_url: str = dataclasses.field(default="", repr=False)
    mail_from: str = "labelwright@localhost"
    consolidation_interval_s: float = 60.0
    manifest_interval_s: float = 30.0
    work_at_once: int = 1
    work_threads: int = 1
    training_jobs_at_once: int = 0
    training_threads: int = 0
    endpoint_processes: int = 2
    endpoint_threads: int = 1
    autolabel_min_objects: int = 1250
    autolabel_target_accuracy: float = 0.95
    autolabel_target_box_iou: float = 0.6
    autolabel_target_mask_iou: float = 0.7
    autolabel_confidence: float = 0.95
    autolabel_time_limit_s: float = 21_600.0
    autolabel_training_s: float = 300.0
    autolabel_weights: str = ""
    autolabel_text_encoder: str = ""
    segmenter: str = ""
    events_file: str = ""
    events_file_max_bytes: int = 64 << 20
    events_file_kept: int = 5
    events_webhook_url: str = ""
    events_webhook_secret: str = dataclasses.field(default="", repr=False)
    events_kinds: str = ""
    events_logs: str = "job-log,worker-activity"
    metrics_token: str = dataclasses.field(default="", repr=False)
    function_processes: int = 4
    function_idle_s: float = 300.0
    function_walls: str = "auto"
    pre_function_timeout_s: float = 60.0
    post_function_timeout_s: float = 300.0
    lambda_endpoint_url: str = ""
    log_level: str = "INFO"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
        """Settings from the environment, overridden by the flags that are not None.

        Raises
        ------
        InvalidRequest
            When a number is not one, a choice is none of those that there are, or the public URL cannot be
            one; the message names the setting.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            variable = f"LABELWRIGHT_{field.name.upper()}"
            raw = environ.get(variable)
            if raw is not None and raw != "":
                values[field.name] = _convert(field, raw, variable)
        values.update({name: value for name, value in flags.items() if value is not None})
        if "data_dir" in values:
            values["data_dir"] = Path(values["data_dir"])
        _check_public_url(values.get("public_url", ""))
        _check_walls(values.get("function_walls", "auto"))
        return cls(**values)

    @property
    def effective_database_url(self) -> str:
        """The SQLAlchemy URL actually used."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'labelwright.sqlite').resolve()}"

    @property
    def local_url(self) -> str:
        """Where programs on this machine reach the server, whatever addresses it listens on.

        Examples
        --------
        >>> Settings(data_dir=Path("d"), host="0.0.0.0").local_url
        'http://127.0.0.1:8400'
        >>> Settings(data_dir=Path("d"), host="::").local_url
        'http://[::1]:8400'
        """
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def _check_public_url(url: str) -> None:
    if url and not _PUBLIC_URL.fullmatch(url):
        raise InvalidRequest(
            f"The public URL is {url!r}; set LABELWRIGHT_PUBLIC_URL or --public-url to "
            "http[s]://host[:port], as browsers reach this server.",
            field="public_url",
            value=url,
        )


def _check_walls(choice: str) -> None:
    if choice not in _WALLS:
        raise InvalidRequest(
            f"LABELWRIGHT_FUNCTION_WALLS is {choice!r}; set it to one of {', '.join(_WALLS)}.",
            field="function_walls",
            value=choice,
        )


def _convert(field: dataclasses.Field[Any], raw: str, variable: str) -> Any:
    default = field.default
    try:
        if isinstance(default, int) and not isinstance(default, bool):
            return int(raw)
        if isinstance(default, float):
            return float(raw)
    except ValueError as error:
        raise InvalidRequest(
            f"{variable}={raw!r} is not a number; set it to one or remove it.", field=variable, value=raw
        ) from error
    return raw
