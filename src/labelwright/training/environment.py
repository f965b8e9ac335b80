"""Environment variables of a job's processes, and the private Python environment of a user's script.

Nothing is inherited from the server but what says where programs and devices are. Keys for the server's API
come to the program in two variables of their own (`KEY_VARIABLES`), so that they do not get in the way of the
keys with which it reads an external object store.
"""

from __future__ import annotations

import os
import shlex
import site
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from labelwright.training.description import JobDescription

__all__ = [
    "KEY_VARIABLES",
    "job_variables",
    "key_environment",
    "make_python",
    "program_variables",
    "user_variables",
]

KEY_VARIABLES: Final = {
    "AWS_ACCESS_KEY_ID": "LABELWRIGHT_JOB_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY": "LABELWRIGHT_JOB_SECRET_ACCESS_KEY",
}
"""What the user's code gets, and the variable of the program that holds it."""

_INHERITED = frozenset(
    {
        "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "DOCKER_HOST",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    }
)  # fmt: skip
_INHERITED_BEGINNINGS = (
    "OMP_", "MKL_", "OPENBLAS_", "CUDA_", "NVIDIA_", "NCCL_", "GLOO_", "PIP_", "UV_INDEX", "UV_DEFAULT_INDEX",
)  # fmt: skip
_OF_BUILTINS = ("TORCH_HOME", "XDG_CACHE_HOME", "HOME", "LABELWRIGHT_PRETRAINED_DIR", "LABELWRIGHT_PRECISION")
_OF_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def key_environment(access_key_id: str, secret_access_key: str) -> dict[str, str]:
    """Environment of the program (`labelwright.work.Program`) that hands keys to the user's code."""
    return dict(zip(KEY_VARIABLES.values(), (access_key_id, secret_access_key), strict=True))


def program_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What is inherited: where programs, certificates and devices are."""
    return {
        name: value
        for name, value in environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_BEGINNINGS)
    }


def job_variables(job: JobDescription, environ: Mapping[str, str]) -> dict[str, str]:
    """What a container of the job gets: its name, its region, an address and keys, the request's own.

    Parameters
    ----------
    job : JobDescription
    environ : Mapping
        Of this program.
    """
    found = {
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
        "AWS_REGION": job.region,
        "AWS_DEFAULT_REGION": job.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "DMLC_INTERFACE": "lo" if len(job.hosts) > 1 else "eth0",
        "PYTHONUNBUFFERED": "1",
    }
    if job.endpoint_url:
        found |= {"AWS_ENDPOINT_URL": job.endpoint_url, "S3_ENDPOINT_URL": job.endpoint_url}
    for name, place in KEY_VARIABLES.items():
        if value := environ.get(place):
            found[name] = value
    return found | job.environment


def user_variables(
    job: JobDescription, environ: Mapping[str, str], *, base: str, home: Path, python: Path | None
) -> dict[str, str]:
    """The whole environment of a process of the job on this machine.

    Parameters
    ----------
    job : JobDescription
    environ : Mapping
        Of this program.
    base : str
        What the process sees as ``/opt/ml``.
    home : Path
        Its home and its place for temporary files.
    python : Path or None
        Folder of programs that come first; None for a built-in algorithm, which keeps the home of the server:
        that is where weights may lie.
    """
    own = str(Path(sys.executable).parent)
    found = {"LANG": "C.UTF-8", **program_variables(environ), "TMPDIR": str(home)}
    for name in _OF_THREADS:  # the hosts share this machine's processors
        if found.get(name, "").isdigit():
            found[name] = str(max(1, int(found[name]) // len(job.hosts)))
    if python is None:
        found |= {name: environ[name] for name in _OF_BUILTINS if name in environ}
    else:
        found |= {"HOME": str(home), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    found |= job_variables(job, environ)
    if any(name.lower() in ("http_proxy", "https_proxy") for name in found):
        found |= _without_proxy(job.endpoint_url, found)
    path = f"{own}:{_SYSTEM_PATH}" if python is None else f"{python}:{own}:{_SYSTEM_PATH}"
    found["PATH"] = f"{python}:{job.environment['PATH']}" if python and "PATH" in job.environment else path
    found["SAGEMAKER_BASE_DIR"] = base
    found["SAGEMAKER_METRICS_DIRECTORY"] = f"{base}/output/metrics/sagemaker"
    return found


def _without_proxy(endpoint: str, variables: Mapping[str, str]) -> dict[str, str]:
    """No proxy between a job and its server, which is often this machine."""
    hosts = ["127.0.0.1", "localhost", *([host] if (host := urlsplit(endpoint).hostname) else [])]
    known = variables.get("no_proxy") or variables.get("NO_PROXY")
    value = ",".join([*([known] if known else []), *hosts])
    return {"NO_PROXY": value, "no_proxy": value}


def make_python(folder: Path, interpreter: str = sys.executable) -> Path:
    """Make a private Python environment that sees everything of another one; what is installed goes here.

    Parameters
    ----------
    folder : Path
    interpreter : str
        The other environment's; by default this program's.

    Returns
    -------
    Path
        The folder of its programs, with ``python``, ``python3``, ``pip`` and ``pip3``.

    Notes
    -----
    ``pip`` never changes what lies outside the environment it runs in; see
    `labelwright.training.private_pip`.
    """
    import venv  # the server, which reads this module, has no use for it

    programs = folder / "bin"
    if interpreter == sys.executable:
        venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = folder / "lib" / version / "site-packages"
        lines = [f"import site; site.addsitedir({place!r})" for place in _site_packages()]
        (packages / "_labelwright_server.pth").write_text("".join(f"{line}\n" for line in lines))
    else:
        programs.mkdir(parents=True, exist_ok=True)
        for name in ("python", "python3"):
            _write_program(programs / name, f'exec {shlex.quote(interpreter)} "$@"')
        return programs
    python = shlex.quote(str(programs / "python"))
    for name in ("pip", "pip3"):
        _write_program(programs / name, f'exec {python} -m labelwright.training.private_pip "$@"')
    return programs


def _site_packages() -> list[str]:
    known = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    return [place for place in known if os.path.isdir(place)]  # noqa: PTH112 - texts in, texts out


def _write_program(path: Path, lines: str) -> None:
    path.unlink(missing_ok=True)  # never write through a link: it may lead to an interpreter
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
