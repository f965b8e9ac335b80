"""A script as users write them, on the standard library alone: trains, and serves what it made."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path


def main() -> None:
    """Find the mean of the numbers in the channel, step by step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--name", default="")
    parser.add_argument("--fail", default="")
    known, _ = parser.parse_known_args()
    folder = Path(os.environ["SM_CHANNEL_TRAINING"])
    numbers = [float(word) for path in sorted(folder.iterdir()) for word in path.read_text().split()]
    if known.fail:
        raise ValueError(known.fail)
    guess = 0.0
    for epoch in range(known.epochs):
        guess += known.rate * (sum(numbers) / len(numbers) - guess)
        error = abs(sum(numbers) / len(numbers) - guess)
        print(f"epoch={epoch}; error={error:.6f};", flush=True)
    about = {"guess": guess, "name": known.name, "host": os.environ.get("SM_CURRENT_HOST")}
    Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(about))


def model_fn(model_dir: str) -> dict[str, float]:
    """The inference toolkit's way to load a model."""
    loaded: dict[str, float] = json.loads(Path(model_dir, "model.json").read_text())
    return loaded


def input_fn(body: bytes | str, content_type: str) -> list[float]:
    """A JSON list, or a line of comma-separated numbers."""
    if content_type == "application/json":
        return [float(value) for value in json.loads(body)]
    text = body if isinstance(body, str) else body.decode()
    return [float(word) for word in text.split(",")]


def predict_fn(numbers: list[float], model: dict[str, float]) -> list[float]:
    """How far the numbers are from what was learned."""
    return [number - model["guess"] for number in numbers]


def output_fn(prediction: list[float], accept: str) -> tuple[str, str]:
    """JSON, whatever was asked for."""
    return json.dumps(prediction), "application/json"


if __name__ == "__main__":
    main()
