"""The AWS service models that botocore ships, pruned to what we implement and kept small.

SageMaker's model alone is several megabytes of JSON with its documentation. A short subprocess reads it once,
keeps the implemented operations with their shapes and the names of all others, and the result is cached by
botocore's version: a warm start parses about a hundred kilobytes and never imports botocore.

The model stays the single source of truth about names and constraints; `PATCHES` are the few corrections.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

__all__ = ["Operation", "ServiceModel", "Shape", "load_models", "prune", "snake_case"]

_log = logging.getLogger(__name__)

MODEL_PATHS: Mapping[str, str] = {
    "sagemaker": "sagemaker/2017-07-24",
    "sts": "sts/2011-06-15",
    "cognito-idp": "cognito-idp/2016-04-18",
    "lambda": "lambda/2015-03-31",
    "logs": "logs/2014-03-28",
    "cloudwatch": "cloudwatch/2010-08-01",
    "iam": "iam/2010-05-08",
    "sagemaker-runtime": "sagemaker-runtime/2017-05-13",
}

# service -> shape -> traits to set; None removes one.
PATCHES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "sagemaker": {
        # The documented way to take a topic away from a team is to give an empty one.
        "NotificationTopicArn": {"pattern": r"(arn:aws[a-z\-]*:sns:[a-z0-9\-]*:[0-9]{12}:[a-zA-Z0-9_.-]*)?"},
        # Optional in the model's own words ("min": 0), which its pattern forgets.
        "Scope": {"pattern": r"([!#-\[\]-~]+( [!#-\[\]-~]+)*)?"},
        # The store checks CIDR blocks with better words; the model's expression is 1.5 kB of IPv6.
        "Cidr": {"pattern": None},
        # New instance types appear constantly; `core.training_rules` checks their form.
        "TrainingInstanceType": {"enum": None},
        "ProcessingInstanceType": {"enum": None},
        "ProductionVariantInstanceType": {"enum": None},
        # Takes exponential time as written; the same names in linear time.
        "ComputeQuotaTargetTeamName": {"pattern": r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?"},
        "ClusterSchedulerPriorityClassName": {"pattern": r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?"},
        # A quantified "$" is no expression in any language; what was meant is clear.
        "CustomerMetadataKey": {"pattern": r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)"},
        "CustomerMetadataValue": {"pattern": r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)"},
    },
    "cognito-idp": {
        # Nested repetition over texts of 20,000 characters; they are kept, and have no effect here.
        "EmailVerificationMessageType": {"pattern": None},
        "EmailVerificationMessageByLinkType": {"pattern": None},
    },
}

_FORMAT = 3
_PROTOCOLS = ("json", "rest-json", "query")  # those we speak, in the order in which clients prefer them
_SHAPE_TRAITS = (
    "type",
    "required",
    "min",
    "max",
    "pattern",
    "enum",
    "sensitive",
    "union",
    "timestampFormat",
    "flattened",
    "document",
    "payload",
)

_PLURAL = re.compile(r"[A-Z]{2,}s$")
_FIRST_CAP = re.compile(r"(.)([A-Z][a-z]+)")
_END_CAP = re.compile(r"([a-z0-9])([A-Z])")


def snake_case(name: str) -> str:
    """The Python name of a wire name, as botocore's ``xform_name`` makes it.

    >>> snake_case("HumanTaskUiArn"), snake_case("VPCIds"), snake_case("KMSKeyARNs")
    ('human_task_ui_arn', 'vpc_ids', 'kms_key_arns')
    """
    if "_" in name:
        return name
    plural = _PLURAL.search(name)
    if plural is not None:
        name = f"{name[: plural.start()]}_{plural.group().lower()}"
    return _END_CAP.sub(r"\1_\2", _FIRST_CAP.sub(r"\1_\2", name)).lower()


class Shape:
    """One shape of a service model with its constraints; what it refers to is looked up on demand."""

    __slots__ = ("_service", "name", "traits", "type")

    def __init__(self, service: ServiceModel, name: str, traits: Mapping[str, Any]) -> None:
        self._service = service
        self.name = name
        self.traits = traits
        self.type: str = traits["type"]

    @property
    def members(self) -> dict[str, Shape]:
        """Members of a structure by wire name."""
        refs = self.traits.get("members", {})
        return {name: self._service.shape(ref["shape"]) for name, ref in refs.items()}

    @property
    def required(self) -> frozenset[str]:
        """Wire names of the required members."""
        return frozenset(self.traits.get("required", ()))

    @property
    def member(self) -> Shape:
        """Element of a list."""
        return self._service.shape(self.traits["member"]["shape"])

    @property
    def key(self) -> Shape:
        """Key of a map."""
        return self._service.shape(self.traits["key"]["shape"])

    @property
    def value(self) -> Shape:
        """Value of a map."""
        return self._service.shape(self.traits["value"]["shape"])

    def __repr__(self) -> str:
        return f"Shape({self.name!r}, {self.type!r})"


class Operation:
    """One operation that we implement."""

    __slots__ = ("input", "name", "output", "result_wrapper", "service", "snake_names", "status")

    def __init__(self, service: ServiceModel, name: str, spec: Mapping[str, Any]) -> None:
        self.service = service
        self.name = name
        self.input = service.shape(spec["input"]) if spec.get("input") else None
        self.output = service.shape(spec["output"]) if spec.get("output") else None
        self.result_wrapper: str | None = spec.get("resultWrapper")
        self.status: int = spec.get("status", 200)
        names = self.input.traits.get("members", {}) if self.input is not None else {}
        self.snake_names = {wire: snake_case(wire) for wire in names}


class ServiceModel:
    """The pruned model of one service.

    Attributes
    ----------
    name : str
        ``sagemaker``, ``sts``, ``cognito-idp``, ``lambda``, ``logs``, ``cloudwatch`` ...
    signing_name : str
        Service in the credential scope of its requests; two models may share one.
    protocol : str
        ``json``, ``query`` or ``rest-json``: what its newer clients speak.
    speaks_query : bool
        Whether clients may post forms and get XML, beside or instead of JSON.
    has_query_errors : bool
        Whether JSON clients want the errors' names of the query protocol, in a header.
    routes : Mapping
        Of a REST service: operation name to HTTP method and URI template.
    operation_names : frozenset of str
        Everything AWS has, implemented here or not.
    """

    def __init__(self, name: str, data: Mapping[str, Any]) -> None:
        metadata = data["metadata"]
        self.name = name
        self.signing_name: str = metadata.get("signingName") or metadata.get("endpointPrefix", name)
        protocols = metadata.get("protocols", [metadata["protocol"]])
        self.protocol: str = next((p for p in _PROTOCOLS if p in protocols), metadata["protocol"])
        self.speaks_query = "query" in protocols
        self.has_query_errors = "awsQueryCompatible" in metadata
        self.routes: Mapping[str, tuple[str, str]] = {
            k: (v[0], v[1]) for k, v in data.get("routes", {}).items()
        }
        self.target_prefix: str = metadata.get("targetPrefix", "")
        self.api_version: str = metadata["apiVersion"]
        self.xml_namespace: str = metadata.get("xmlNamespace", "")
        self.operation_names = frozenset(data["names"])
        self._operation_data = data["operations"]
        self._shape_data = data["shapes"]
        self._shapes: dict[str, Shape] = {}
        self._operations: dict[str, Operation] = {}

    @property
    def implemented(self) -> frozenset[str]:
        """Names of the operations whose shapes were kept."""
        return frozenset(self._operation_data)

    def operation(self, name: str) -> Operation | None:
        """The operation, or None when it was not kept."""
        operation = self._operations.get(name)
        if operation is None and name in self._operation_data:
            operation = self._operations[name] = Operation(self, name, self._operation_data[name])
        return operation

    def shape(self, name: str) -> Shape:
        """The shape of this name."""
        shape = self._shapes.get(name)
        if shape is None:
            shape = self._shapes[name] = Shape(self, name, self._shape_data[name])
        return shape


def load_models(
    wanted: Mapping[str, Iterable[str]], cache_dir: Path | None = None
) -> dict[str, ServiceModel]:
    """The models of the wanted operations, by service.

    Parameters
    ----------
    wanted : mapping
        Service name to the names of the operations to keep.
    cache_dir : Path, optional
        Where the pruned models are kept; a cache that cannot be written is done without.

    Returns
    -------
    dict of ServiceModel
    """
    request = {service: sorted(wanted.get(service, ())) for service in sorted(MODEL_PATHS)}
    version = importlib.metadata.version("botocore")
    recipe = orjson.dumps([_FORMAT, version, request, PATCHES], option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(recipe).hexdigest()[:16]
    path = cache_dir / f"aws-models-{version}-{digest}.json" if cache_dir is not None else None
    data = _read_cache(path)
    if data is None:
        text = _prune_apart(request)
        data = orjson.loads(text)
        _write_cache(path, text)
    return {service: ServiceModel(service, data[service]) for service in data}


def prune(wanted: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Read botocore's models and keep the wanted operations; several megabytes pass through memory."""
    spec = importlib.util.find_spec("botocore")  # finds it without importing it
    if spec is None or spec.origin is None:
        raise RuntimeError("botocore is not installed; run: pip install botocore")
    root = Path(spec.origin).parent / "data"
    return {
        service: _prune_one(
            _read_model(root / MODEL_PATHS[service]), frozenset(names), PATCHES.get(service, {})
        )
        for service, names in wanted.items()
    }


def _read_model(folder: Path) -> dict[str, Any]:
    packed = folder / "service-2.json.gz"
    text = (
        gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / "service-2.json").read_bytes()
    )
    model: dict[str, Any] = orjson.loads(text)
    return model


def _prune_one(
    model: Mapping[str, Any], wanted: frozenset[str], patches: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    shapes: dict[str, Any] = {}
    waiting: list[str] = []
    for name, spec in model["operations"].items():
        if name not in wanted:
            continue
        kept = operations[name] = {}
        for side in ("input", "output"):
            if side in spec:
                kept[side] = spec[side]["shape"]
                waiting.append(spec[side]["shape"])
        if "resultWrapper" in spec.get("output", {}):
            kept["resultWrapper"] = spec["output"]["resultWrapper"]
        if "responseCode" in spec["http"]:
            kept["status"] = spec["http"]["responseCode"]
    while waiting:
        name = waiting.pop()
        if name in shapes:
            continue
        shape = model["shapes"][name]
        kept = shapes[name] = {trait: shape[trait] for trait in _SHAPE_TRAITS if trait in shape}
        if "members" in shape:
            kept["members"] = {
                member: {k: v for k, v in ref.items() if k in ("shape", "location", "locationName")}
                for member, ref in shape["members"].items()
            }
            waiting += [ref["shape"] for ref in shape["members"].values()]
        for part in ("member", "key", "value"):
            if part in shape:
                kept[part] = {k: v for k, v in shape[part].items() if k in ("shape", "locationName")}
                waiting.append(shape[part]["shape"])
        for trait, value in patches.get(name, {}).items():
            if value is None:
                kept.pop(trait, None)
            else:
                kept[trait] = value
    metadata = model["metadata"]
    fields = (
        "apiVersion",
        "awsQueryCompatible",
        "endpointPrefix",
        "jsonVersion",
        "protocol",
        "protocols",
        "signingName",
        "targetPrefix",
        "xmlNamespace",
    )
    is_rest = metadata["protocol"].startswith("rest-")
    routes = {
        name: [spec["http"]["method"], spec["http"]["requestUri"]]
        for name, spec in model["operations"].items()
        if is_rest
    }
    return {
        "metadata": {field: metadata[field] for field in fields if field in metadata},
        "routes": routes,
        "names": sorted(model["operations"]),
        "operations": operations,
        "shapes": shapes,
    }


def _prune_apart(request: Mapping[str, list[str]]) -> bytes:
    """`prune` in a subprocess, so that the memory of the whole models goes back to the system."""
    if __name__ != "__main__":
        command = [sys.executable, "-m", "labelwright.wire.model"]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                command, input=orjson.dumps(request), capture_output=True, timeout=60, check=True
            )
            return done.stdout
        except (OSError, subprocess.SubprocessError):
            _log.warning("pruning the service models here", extra={"action": "prune"}, exc_info=True)
    return orjson.dumps(prune(request))


def _read_cache(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        data: dict[str, Any] = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError):
        _log.warning("unreadable cache is made again", extra={"action": "prune", "path": str(path)})
        return None
    return data


def _write_cache(path: Path | None, text: bytes) -> None:
    if path is None:
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(text)
        temporary.replace(path)
    except OSError:
        _log.warning("cache not written", extra={"action": "prune", "path": str(path)}, exc_info=True)


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(prune(orjson.loads(sys.stdin.buffer.read()))))
