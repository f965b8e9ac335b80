"""``labelwright stream``: read what a manifest names, as a training job would."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from labelwright.streaming import ChannelReader

__all__ = ["stream"]


@click.command()
@click.argument("manifest")
@click.option("--attributes", required=True, metavar="A,B", help="What of each line, in this order.")
@click.option(
    "--mode",
    type=click.Choice(["count", "pipe"]),
    default="count",
    show_default=True,
    help="count: read everything once. pipe: feed named pipes until interrupted.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the pipes go, for --mode pipe."
)
@click.option("--channel", default="train", show_default=True, help="Name of the pipes: CHANNEL_0, ...")
@click.option("--seed", type=int, default=None, help="Shuffle, each epoch in another order.")
@click.option("--json", "as_json", is_flag=True, help="Print what was read as JSON.")
@click.option(
    "--data", "data_dir", type=click.Path(path_type=Path), help="Read s3:// from this data directory's files."
)
def stream(
    manifest: str,
    attributes: str,
    mode: str,
    folder: Path | None,
    channel: str,
    seed: int | None,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Read the objects and labels that the augmented MANIFEST names, as a Pipe-mode training job gets them.

    MANIFEST is a file or an s3:// URI; s3:// is read from a server's data directory with --data, else from
    where AWS_ENDPOINT_URL and the usual AWS variables lead. Counting finds out before a training whether
    every line has its attributes and every object is there. Every attribute of a line is one RecordIO record.
    """
    if (mode == "pipe") != (folder is not None):
        raise click.UsageError("--folder goes with --mode pipe, and --mode pipe needs it.")
    from labelwright.streaming import Channel, ChannelReader, open_objects

    names = tuple(name.strip() for name in attributes.split(","))
    wanted = Channel(
        channel,
        manifest,
        "AugmentedManifestFile",
        names,
        mode="Pipe",
        wrapper="RecordIO",
        shuffle_seed=seed,
    )
    reader = ChannelReader(wanted, open_objects(data_dir=data_dir))
    if folder is not None:
        _feed(folder, reader)
        return
    started = time.perf_counter()
    n_bytes = sum(len(piece) for piece in reader.stream(0))
    facts = {"n_lines": len(reader.source), "n_bytes": n_bytes, "seconds": time.perf_counter() - started}
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(f"{facts['n_lines']} lines, {n_bytes:,} bytes in {facts['seconds']:.1f} s")


def _feed(folder: Path, reader: ChannelReader) -> None:
    from labelwright.streaming import PipeFeeder

    has_failed = threading.Event()
    name = reader.channel.name
    # What stops services ends it as an interrupt does, and no pipe is left without anybody behind it. An
    # interrupt alone would not do: programs that a shell starts in the background ignore it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with PipeFeeder(folder, [reader], on_failure=lambda *_: has_failed.set()) as feeder:
        click.echo(
            f"{folder / f'{name}_0'} and the pipes after it are fed; interrupt or terminate to end.", err=True
        )
        with contextlib.suppress(KeyboardInterrupt):
            has_failed.wait()
    if feeder.failure is not None:
        raise click.ClickException(str(feeder.failure))
    progress = feeder.progress[name]
    click.echo(f"{progress.n_completed} epochs, {progress.n_bytes:,} bytes", err=True)
