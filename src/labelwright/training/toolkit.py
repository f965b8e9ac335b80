"""Script mode: ``python -m labelwright.training.toolkit PYTHON [SOURCE]`` runs a user's script.

It does what the public training toolkit does inside a framework's image, with the same names and texts, so
that scripts written for it run unchanged: installs what the source asks for, sets ``SM_*``, starts the
script, and says in ``output/failure`` why it failed. ``SAGEMAKER_BASE_DIR`` names the base folder in place of
``/opt/ml``.

``PYTHON`` runs the script; ``SOURCE`` is the folder of the source where the job brought none.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from labelwright.training.script_environment import ScriptEnvironment, read_environment

__all__ = ["FrameworkError", "ScriptRun", "error_message", "main"]

_TORCH_DISTRIBUTED = "sagemaker_torch_distributed_enabled"
_CLOUDWATCH = "sagemaker_enable_cloudwatch_metrics"
_MASTER_PORT = 7777  # as scripts know it
_TAIL_LINES = 60
_LAST_LINES_S = 1.0
_MESSAGE_MAX = 600
_ERROR_LINE = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Warning|Failure)\b.*")
_NO_INDEX = re.compile("No matching distribution|Could not find a version|Failed to establish|Max retries")


class FrameworkError(Exception):
    """The script cannot be started."""


class ScriptRun:
    """One script, from its configuration to its exit code.

    Parameters
    ----------
    base : Path
    python : str
        Interpreter of the script.
    source : Path or None
        Copied to the folder of the source when the job brought none.
    """

    def __init__(self, base: Path, python: str, source: Path | None = None) -> None:
        self.base = base
        self.python = python
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ending = False

    def end(self, *_: object) -> None:
        """Pass the request to end on to the script."""
        self._is_ending = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def run(self) -> int:
        """Run the script; its exit code."""
        try:
            environment = read_environment(self.base, os.environ)
            code = self._run(environment)
        except (FrameworkError, OSError, ValueError) as error:
            self._fail(f"Framework Error: \n{error}")
            return 1
        if code == 0:
            (self.base / "output" / "success").touch()
        return code

    def _run(self, environment: ScriptEnvironment) -> int:
        code = Path(environment.code)
        if self._source is not None and not any(code.iterdir()):
            shutil.copytree(self._source, code, dirs_exist_ok=True)
        program = environment.program
        if not program:
            raise FrameworkError(
                "The hyperparameter sagemaker_program is missing; it names the script, such as train.py."
            )
        if not (code / program).is_file():
            found = ", ".join(sorted(path.name for path in code.iterdir())[:20]) or "nothing"
            raise FrameworkError(
                f"The script {program!r} (sagemaker_program) is not in the source "
                f"(sagemaker_submit_directory), which holds {found}."
            )
        variables = {**os.environ, **environment.variables()}
        before = variables.get("PYTHONPATH")
        variables["PYTHONPATH"] = f"{code}:{before}" if before else str(code)
        is_package = (code / "setup.py").is_file() and not program.endswith(".sh")
        for arguments in self._installs(code, program, is_package):
            if self._is_ending:
                return 128 + signal.SIGTERM
            ended = self._install(arguments, code, variables)
            if ended:
                return ended
        command = self.command(environment, is_package=is_package)
        _print_banner(environment, command)
        ended, tail = self._execute(command, code, variables)
        if ended:
            self._fail(
                f'ExecuteUserScriptError:\nExitCode {ended}\nErrorMessage "{error_message(tail)}"\n'
                f'Command "{shlex.join(command)}"'
            )
        return ended

    def command(self, environment: ScriptEnvironment, *, is_package: bool) -> list[str]:
        """What is run in the folder of the source."""
        program, arguments = environment.program, environment.arguments
        if environment.reserved.get(_TORCH_DISTRIBUTED):
            return [self.python, *_torchrun(environment), program, *arguments]
        for name, way in environment.reserved.items():
            if way is True and name.endswith("_enabled") and name not in (_TORCH_DISTRIBUTED, _CLOUDWATCH):
                print(
                    f"WARNING: {name} is not supported here; every host runs the script by itself.",
                    flush=True,
                )
        if is_package:
            return [self.python, "-m", program.removesuffix(".py").replace("/", "."), *arguments]
        if program.endswith(".py"):
            return [self.python, program, *arguments]
        return ["/bin/sh", "-c", shlex.join([f"./{program}", *arguments])]

    def _installs(self, code: Path, program: str, is_package: bool) -> list[list[str]]:
        """Arguments of pip, in turn."""
        found = []
        if (code / "requirements.txt").is_file() and not program.endswith(".sh"):
            found.append(["install", "-r", "requirements.txt"])
        if is_package:
            found.append(["install", "--no-build-isolation", "."])
        return found

    def _install(self, arguments: Sequence[str], code: Path, variables: dict[str, str]) -> int:
        pip = str(Path(self.python).with_name("pip"))
        command = [pip, *arguments] if Path(pip).exists() else [self.python, "-m", "pip", *arguments]
        print("Installing with the following command:", shlex.join(command), sep="\n", flush=True)
        ended, tail = self._execute(command, code, variables)
        if ended:
            advice = ""
            if any(_NO_INDEX.search(line) for line in tail):
                advice = (
                    "\npip finds no package index with it from here. Set PIP_INDEX_URL or PIP_FIND_LINKS in "
                    "the job's Environment, or install the packages beside the server."
                )
            self._fail(
                f'InstallRequirementsError:\nExitCode {ended}\nErrorMessage "{error_message(tail)}"\n'
                f'Command "{shlex.join(command)}"{advice}'
            )
        return ended

    def _execute(self, command: list[str], folder: Path, variables: dict[str, str]) -> tuple[int, list[str]]:
        """Run a command; its exit code, and the end of what it wrote to standard error."""
        if command[0] == "/bin/sh" and command[2].startswith("./"):
            script = folder / shlex.split(command[2])[0]
            script.chmod(script.stat().st_mode | 0o111)
        tail: deque[str] = deque(maxlen=_TAIL_LINES)
        process = subprocess.Popen(  # noqa: S603 - the user's command, on the user's behalf
            command, cwd=folder, env=variables, stderr=subprocess.PIPE
        )
        self._process = process
        if self._is_ending:  # asked while it was being started
            process.send_signal(signal.SIGTERM)
        copying = threading.Thread(target=_copy, args=(process.stderr, tail), daemon=True)
        copying.start()
        code = process.wait()
        # What the script leaves behind may hold its standard error: that is not waited for.
        copying.join(_LAST_LINES_S)
        self._process = None
        return (code if code >= 0 else 128 - code), list(tail)

    def _fail(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
        failure = self.base / "output" / "failure"
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(text)


def _torchrun(environment: ScriptEnvironment) -> list[str]:
    """Arguments that start a script in as many processes as there are GPUs, on all hosts."""
    training = environment.training_environment()
    hosts = sorted(training["hosts"], key=lambda name: (len(name), name))
    # The names of hosts lead somewhere where there is a real /opt/ml; else all of them are here.
    master = training["master_hostname"] if environment.base == "/opt/ml" else "127.0.0.1"
    return [
        *("-m", "torch.distributed.run"),
        f"--nnodes={len(hosts)}",
        f"--nproc_per_node={max(1, environment.n_gpus)}",
        f"--node_rank={hosts.index(training['current_host'])}",
        f"--master_addr={master}",
        f"--master_port={_MASTER_PORT}",
    ]


def error_message(tail: Sequence[str]) -> str:
    """What went wrong, of the last lines of standard error: the last exception, or the last line.

    Examples
    --------
    >>> error_message(["Traceback (most recent call last):", '  File "t.py", line 1', "ValueError: no"])
    'ValueError: no'
    """
    lines = [line for line in tail if line.strip()]
    for i in range(len(lines) - 1, -1, -1):
        if _ERROR_LINE.match(lines[i]):
            return "\n".join(lines[i:])[:_MESSAGE_MAX]
    return lines[-1].strip()[:_MESSAGE_MAX] if lines else ""


def _copy(source: BinaryIO, tail: deque[str]) -> None:
    for line in source:
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
        tail.append(line.decode("utf-8", "replace").rstrip("\n"))


def _print_banner(environment: ScriptEnvironment, command: Sequence[str]) -> None:
    lines = ["Invoking user script", "", "Training Env:", ""]
    lines += json.dumps(environment.training_environment(), indent=4, sort_keys=True).split("\n")
    lines += ["", "Environment variables:", ""]
    lines += [f"{name}={value}" for name, value in environment.variables().items()]
    lines += ["", "Invoking script with the following command:", "", shlex.join(command), ""]
    print("\n".join(lines), flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run the script of the base folder."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    run = ScriptRun(base, arguments[0], Path(arguments[1]) if len(arguments) > 1 else None)
    signal.signal(signal.SIGTERM, run.end)
    return run.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
