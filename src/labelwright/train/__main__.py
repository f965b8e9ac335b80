"""The program of the built-in algorithms: ``python -m labelwright.train object-detection``.

``SAGEMAKER_BASE_DIR`` names the folder with the shape of ``/opt/ml``. Exit code 0: the model lies in
``model/``. 2: the user's data or settings are wrong, and ``output/failure`` says how. 1: anything else.
Each algorithm is a module with a function ``train(environment)``.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from labelwright import algorithms
from labelwright.errors import InvalidRequest, LabelwrightError
from labelwright.train.toolkit.environment import Environment
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.problems import CustomerError

__all__ = ["main"]

_PROGRAMS = {
    "object-detection": "labelwright.train.object_detection.program",
    "image-classification": "labelwright.train.image_classification.program",
    "semantic-segmentation": "labelwright.train.semantic_segmentation.program",
    "blazingtext": "labelwright.train.text_classification.program",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 1 or given[0] not in _PROGRAMS:
        sys.stderr.write(f"usage: python -m labelwright.train {{{'|'.join(algorithms.NAMES)}}}\n")
        return 2
    environment: Environment | None = None
    log = JobLog()
    try:
        environment = Environment.read()
        log = JobLog(environment.current_host)
        if "LABELWRIGHT_LOCAL_RANK" not in os.environ:
            log.say("Docker entrypoint called with argument(s): train")
        importlib.import_module(_PROGRAMS[given[0]]).train(environment)
    except (CustomerError, InvalidRequest) as error:
        log.fail(f"Customer Error: {error}")
        _write_failure(environment, str(error))
        return 2
    except LabelwrightError as error:
        log.fail(f"Algorithm Error: {error}")
        _write_failure(environment, str(error))
        return 1
    except Exception as error:
        traceback.print_exc()
        _write_failure(environment, f"{type(error).__name__}: {error}")
        return 1
    return 0


def _write_failure(environment: Environment | None, message: str) -> None:
    """Leave the reason; the first process to fail has the word, the others fail because it did."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    folder = environment.output_dir if environment is not None else base / "output"
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), (folder / "failure").open("x", encoding="utf-8") as file:
        file.write(message)


if __name__ == "__main__":
    sys.exit(main())
