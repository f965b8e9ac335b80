"""``labelwright demo``: the whole loop on sample pictures, then a server to look around in."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from labelwright.cli.options import print_table

if TYPE_CHECKING:
    from labelwright.demo.run import DemoResult
    from labelwright.demo.server import DemoServer

__all__ = ["demo"]


@click.command()
@click.option("--exit", "leave", is_flag=True, help="Stop after the report instead of serving on.")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data"),
    show_default=True,
    help="Data directory of the demo's server.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None, help="Port [8400 when free, else any; 0: any]."
)
@click.option("--images", type=click.IntRange(2), default=120, show_default=True, help="Pictures to label.")
@click.option("--epochs", type=click.IntRange(1), default=18, show_default=True, help="Training epochs.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Other pictures and mistakes."
)
def demo(leave: bool, data_dir: Path, port: int | None, images: int, epochs: int, seed: int) -> None:
    """Label sample pictures with a simulated crowd, train a detector from the result, write a picture report.

    Starts its own server, uses it as any AWS script and any worker would, and keeps it running until Ctrl-C
    so that you can label by hand and look around.
    """
    missing = [name for name in ("torch", "torchvision") if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"The demo trains a detector and needs {' and '.join(missing)}. Install the extra with: pip "
            "install 'labelwright[train]'"
        )
    from labelwright.demo.run import DemoPlan, run_demo
    from labelwright.demo.server import DemoServer, free_port

    # A terminated demo must take its server with it, as an interrupted one does.
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()
    environment = {
        "LABELWRIGHT_CONSOLIDATION_INTERVAL_S": "0.5",
        "LABELWRIGHT_MANIFEST_INTERVAL_S": "1",
    }
    server = DemoServer(data_dir, port=free_port() if port is None else port, environment=environment)
    teller = _Terminal()
    try:
        with teller.step("Start the server"):
            server.start()
        plan = DemoPlan(n_images=images, n_held_out=max(4, min(40, images)), n_epochs=epochs, seed=seed)
        result = run_demo(server, plan, data_dir / "demo", teller)
        _print(result, server, time.monotonic() - started)
        if not leave:
            _serve_on(server)
    except KeyboardInterrupt:
        raise click.Abort from None
    finally:
        server.stop()


def _serve_on(server: DemoServer) -> None:
    click.echo("\nServing until Ctrl-C.")
    try:
        code = server.wait()
    except KeyboardInterrupt:
        click.echo()
        return
    raise click.ClickException(f"The server ended by itself with code {code}; see {server.log_path}.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class _Terminal:
    """Steps with their duration, and a bar for the long ones where there is a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._is_terminal = sys.stderr.isatty()

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        click.echo(f"{text} ...", nl=False)
        started = time.monotonic()
        try:
            yield
        except BaseException:
            self._end_bar()
            click.echo()
            raise
        had_bar = self._end_bar()
        lead = f"{text} ..." if had_bar else ""
        click.echo(f"{lead} {time.monotonic() - started:.1f} s")

    def progress(self, name: str, n_done: int, n_total: int) -> None:
        if not self._is_terminal:
            return
        if self._bar is None:
            from tqdm import tqdm

            click.echo()
            self._bar = tqdm(desc=name, total=n_total, leave=False, unit="")
        self._bar.total = n_total
        self._bar.update(n_done - self._bar.n)

    def _end_bar(self) -> bool:
        if self._bar is None:
            return False
        self._bar.close()
        self._bar = None
        return True


def _print(result: DemoResult, server: DemoServer, duration_s: float) -> None:
    from labelwright.demo.outcome import ap_rows, result_rows

    outcome = result.outcome
    click.echo()
    print_table(["BOXES AGAINST THE TRUTH", "PRECISION", "RECALL", "F1", "MEAN IOU"], result_rows(outcome))
    click.echo()
    print_table(["DETECTOR, HELD-OUT PICTURES", "TRUE BOXES", "AP@0.5"], ap_rows(outcome))
    click.echo(
        f"\nmAP@0.5 {outcome.scores.mean_average_precision:.3f} after {outcome.n_epochs} epochs on "
        f"{outcome.n_training} pictures in {outcome.training_s:.0f} s. The crowd gave "
        f"{outcome.rehearsal.answers_per_s:.0f} answers per second; people would have cost about "
        f"{outcome.rehearsal.cost_usd:.0f} USD. All of it took {duration_s:.0f} s.\n"
    )
    print_table(
        ["OPEN", "WHERE"],
        [
            ("picture report", result.report_path.resolve().as_uri()),
            ("augmented manifest", str(result.manifest_path)),
            ("portal: label by hand", f"{server.url}/portal"),
            ("  user name", result.hand_worker),
            ("  one-time password", result.hand_password),
            ("console", f"{server.url}/console"),
            ("  its keys", f"labelwright env --data {server.data_dir}"),
        ],
    )
