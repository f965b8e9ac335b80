"""``labelwright recordio``: pack images into RecordIO, look into such files, unpack them."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import click
from tqdm import tqdm

from labelwright import recordio as rio
from labelwright.cli.options import data_option, region_option

__all__ = ["im2rec", "recordio"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_N_PRINTED_MAX = 20


@click.group()
def recordio() -> None:
    """Pack images into RecordIO files, list what is in them, unpack them."""


class _Im2rec(click.Command):
    """Takes the two spellings of im2rec that options of today do not have."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        out: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            if word == "--pack-label" and rest and rest[0] in ("True", "False"):  # versions before 1.0
                if rest.pop(0) == "True":
                    out.append(word)
            elif word == "--exts":  # several values behind one option
                while rest and rest[0].startswith("."):
                    out += [word, rest.pop(0)]
            else:
                out.append(word)
        return super().parse_args(ctx, out)


@recordio.command(cls=_Im2rec)
@click.argument("prefix", type=click.Path(path_type=Path))
@click.argument("root", type=_FOLDER, required=False)
@click.option("--list", "makes_list", is_flag=True, help="Only make PREFIX.lst from the images in ROOT.")
@click.option(
    "--exts", multiple=True, metavar="EXT...", help="With --list: extensions of images [.jpeg .jpg .png]."
)
@click.option("--chunks", type=click.IntRange(1), default=1, help="With --list: number of lists.")
@click.option("--train-ratio", type=float, default=1.0, help="With --list: share of images in _train.lst.")
@click.option("--test-ratio", type=float, default=0.0, help="With --list: share of images in _test.lst.")
@click.option("--recursive", is_flag=True, help="With --list: each folder below ROOT is a class.")
@click.option("--no-shuffle", is_flag=True, help="With --list: keep the order of names.")
@click.option("--pass-through", is_flag=True, help="Pack the bytes of the files as they are.")
@click.option("--resize", type=click.IntRange(0), default=0, help="Shorter side in pixels; 0 keeps the size.")
@click.option("--center-crop", is_flag=True, help="Keep the square in the middle.")
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=95,
    show_default=True,
    help="JPEG quality 1-100, or PNG compression 1-9.",
)
@click.option("--num-thread", type=click.IntRange(0), default=0, help="Threads [one per core].")
@click.option(
    "--color",
    type=click.Choice(["-1", "0", "1"]),
    default="1",
    show_default=True,
    help="1 colour, 0 grey, -1 as stored.",
)
@click.option(
    "--encoding",
    type=click.Choice([".jpg", ".png"]),
    default=".jpg",
    show_default=True,
    help="Format of the packed images.",
)
@click.option("--pack-label", is_flag=True, help="Pack all labels of a line, not the first alone.")
@click.option(
    "--augmented-manifest", "manifest", type=_FILE, help="Pack the labeled images of this manifest, no list."
)
@click.option("--attribute", metavar="NAME", help="Its label attribute [the only one of a line].")
@click.option("--strip", metavar="URI", help="Beginning of source-refs that ROOT stands for [s3://bucket/].")
@click.option("--classes", "n_classes", type=click.IntRange(1), help="Number of classes of a multi-label.")
@click.option("--drop-empty", is_flag=True, help="Leave out images without boxes, which MXNet refuses.")
@data_option
@region_option
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def pack(
    prefix: Path,
    root: Path | None,
    makes_list: bool,
    exts: tuple[str, ...],
    chunks: int,
    train_ratio: float,
    test_ratio: float,
    recursive: bool,
    no_shuffle: bool,
    pass_through: bool,
    resize: int,
    center_crop: bool,
    quality: int,
    num_thread: int,
    color: Literal["-1", "0", "1"],
    encoding: str,
    pack_label: bool,
    manifest: Path | None,
    attribute: str | None,
    strip: str | None,
    n_classes: int | None,
    drop_empty: bool,
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Make PREFIX.rec and PREFIX.idx from images, with the options of MXNet's im2rec.

    With --list the images in the folder ROOT are listed in PREFIX.lst (index, label, path). Without it each
    list PREFIX*.lst is packed; its paths start from ROOT. With --augmented-manifest the labeled images of a
    manifest are packed: classes become numbers, several classes a row of 0 and 1, boxes a detection label;
    the images come from ROOT if given, otherwise from S3 (the server, or where AWS_ENDPOINT_URL says).
    Images that cannot be read are named and left out.
    """
    if root is not None and not root.is_dir():
        raise click.UsageError(f"ROOT: there is no folder {root}.")
    if root is None and manifest is None:
        raise click.UsageError("Name ROOT, the folder of images; only --augmented-manifest goes without it.")
    if manifest is None and (attribute or strip or n_classes or drop_empty):
        raise click.UsageError("--attribute, --strip, --classes, --drop-empty go with --augmented-manifest.")
    if strip and root is None:
        raise click.UsageError("--strip says what ROOT stands for; name ROOT, too.")
    if makes_list and manifest is not None:
        raise click.UsageError("Choose one of --list and --augmented-manifest.")
    if makes_list and root is not None:
        made = rio.make_lists(
            prefix,
            root,
            extensions=exts or rio.DEFAULT_EXTENSIONS,
            n_chunks=chunks,
            train_ratio=train_ratio,
            test_ratio=test_ratio,
            is_recursive=recursive,
            is_shuffled=not no_shuffle,
        )
        _say_lists(made, as_json)
        return
    how = rio.Encoding(
        is_passed_through=pass_through,
        resize=resize,
        is_center_cropped=center_crop,
        quality=quality,
        color={"-1": -1, "0": 0, "1": 1}[color],  # type: ignore[arg-type]
        format=encoding,
    )
    n_threads = num_thread or _n_cores()
    written: list[dict[str, object]] = []
    if manifest is not None:
        load = _load_from(root, strip, data_dir, region)
        left_out: list[str] = []
        items = rio.items_of_manifest(
            manifest,
            attribute,
            load,
            n_classes=n_classes,
            keeps_empty=not drop_empty,
            on_left_out=lambda line, reason: left_out.append(reason),
        )
        total = sum(1 for _ in _lines_of(manifest))
        written.append(_packed(items, prefix, how, n_threads, total, lst=_with_suffix(prefix, ".lst")))
        written[-1]["n_left_out"] = len(left_out)
    else:
        lists = rio.lists_of_prefix(prefix)
        if not lists:
            raise click.ClickException(
                f"Did not find a list file with prefix {prefix}. Make one with --list, or give the path of "
                "a .lst file without its ending."
            )
        for path in lists:
            if not as_json:
                click.echo(f"Creating .rec file from {path} in {path.parent}")
            total = rio.check_unique(path, rio.read_list(path, on_broken=_say_broken))
            entries = rio.read_list(path, on_broken=lambda _: None)
            items = rio.items_of_list(entries, root or Path(), packs_labels=pack_label)
            written.append(_packed(items, path.with_suffix(""), how, n_threads, total))
    if as_json:
        click.echo(json.dumps(written, indent=2))
        return
    for one in written:
        more = f", {one['n_left_out']} lines without a label left out" if one.get("n_left_out") else ""
        done = f"{one['n_packed']} images, {one['n_skipped']} skipped, {one['n_bytes']} bytes"
        click.echo(f"{one['rec']}: {done}{more}")


im2rec = pack


def _packed(
    items: Iterator[rio.Item],
    stem: Path,
    how: rio.Encoding,
    n_threads: int,
    total: int,
    lst: Path | None = None,
) -> dict[str, object]:
    rec, idx = _with_suffix(stem, ".rec"), _with_suffix(stem, ".idx")
    with _bar(total, rec.name, " images") as bar, _os_errors(rec):
        packed = rio.pack_items(
            items,
            rec,
            idx,
            encoding=how,
            lst=lst,
            n_threads=n_threads,
            on_skipped=_say_skipped,
            on_done=lambda _: bar.update(),
        )
    facts: dict[str, object] = {"rec": str(rec), "idx": str(idx)}
    if lst is not None:
        facts["lst"] = str(lst)
    return facts | {"n_packed": packed.n_packed, "n_skipped": packed.n_skipped, "n_bytes": packed.n_bytes}


@recordio.command("list")
@click.argument("file", type=_FILE)
@click.option("--limit", type=click.IntRange(1), help="Only the first records.")
@click.option("--skip-broken", is_flag=True, help="Name what is broken and go on behind it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(file: Path, limit: int | None, skip_broken: bool, as_json: bool) -> None:
    """Show what is in FILE: place, size, kind, id, labels and image of each record."""
    problems = _Problems(skip_broken)
    n_shown = n_bytes = 0
    records = rio.read_placed(file, on_broken=problems.callback)
    with contextlib.closing(records):  # type: ignore[type-var]
        if as_json:
            click.echo("[", nl=False)
        else:
            click.echo(_row(["record", "offset", "bytes", "parts", "kind", "id", "labels", "content"]))
        for number, placed in enumerate(records):
            if limit is not None and number >= limit:
                break
            facts = rio.describe(placed, number)
            n_shown += 1
            n_bytes += len(placed.data)
            if as_json:
                click.echo(("," if number else "") + "\n  " + json.dumps(facts, ensure_ascii=False), nl=False)
            else:
                click.echo(_row(_cells(facts)))
    if as_json:
        click.echo("\n]" if n_shown else "]")
    else:
        click.echo(f"{n_shown} records, {n_bytes} bytes of data")
    problems.finish()


@recordio.command()
@click.argument("file", type=_FILE)
@click.argument("folder", type=_FOLDER)
@click.option(
    "--kind",
    type=click.Choice(["image", "raw", "protobuf"]),
    help="What the records are [told from the first one].",
)
@click.option("--lst", "lst", type=_FILE, help="A list that gives the files their paths, by index.")
@click.option("--skip-broken", is_flag=True, help="Name what is broken and go on behind it.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def unpack(
    file: Path,
    folder: Path,
    kind: Literal["image", "raw", "protobuf"] | None,
    lst: Path | None,
    skip_broken: bool,
    as_json: bool,
) -> None:
    """Write the records of FILE to files in FOLDER.

    Image records become image files, byte for byte as they were packed, and a list with their labels. Raw
    records become files named by their numbers, protobuf records one file of JSON Lines. Nothing is
    overwritten.
    """
    problems = _Problems(skip_broken)
    names = {entry.id: entry.path for entry in rio.read_list(lst)} if lst is not None else None
    with _bar(file.stat().st_size, file.name, "B") as bar, _os_errors(folder):
        done = rio.unpack_file(
            file,
            folder,
            kind=kind,
            names=names,
            on_broken=problems.callback,
            on_record=lambda placed: bar.update(placed.offset - bar.n),
        )
    if as_json:
        facts = {"folder": str(folder), "kind": done.kind, "n_files": done.n_files, "n_bytes": done.n_bytes}
        click.echo(json.dumps(facts | {"lst": str(done.lst) if done.lst else None}, indent=2))
    else:
        listed = f", {done.lst}" if done.lst else ""
        click.echo(f"{folder}: {done.n_files} files, {done.n_bytes} bytes{listed}")
    problems.finish()


@recordio.command()
@click.argument("file", type=_FILE)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where it goes [FILE.idx].")
@click.option(
    "--keys",
    type=click.Choice(["id", "number"]),
    default="id",
    show_default=True,
    help="Ids of image records, or numbers of records.",
)
@click.option("--skip-broken", is_flag=True, help="Name what is broken and go on behind it.")
def index(file: Path, output: Path | None, keys: str, skip_broken: bool) -> None:
    """Make the index of FILE anew, for random access."""
    problems = _Problems(skip_broken)
    target = output or file.with_suffix(".idx")
    with _bar(file.stat().st_size, file.name, "B") as bar, _os_errors(target):
        n_records = rio.write_index(
            target,
            rio.build_index(
                file,
                keys=keys,
                on_broken=problems.callback,
                on_progress=lambda n_bytes: bar.update(n_bytes - bar.n),
            ),
        )
    click.echo(f"{target}: {n_records} records")
    problems.finish()


class _Problems:
    """Prints what is broken; the command fails in the end, so that scripts notice."""

    def __init__(self, skips: bool) -> None:
        self.n_broken = 0
        self.callback: Callable[[rio.RecordIOError], None] | None = self._add if skips else None

    def _add(self, error: rio.RecordIOError) -> None:
        self.n_broken += 1
        if self.n_broken <= _N_PRINTED_MAX:
            tqdm.write(str(error), file=sys.stderr)

    def finish(self) -> None:
        if self.n_broken:
            click.echo(f"{self.n_broken} broken places were skipped.", err=True)
            raise SystemExit(1)


def _load_from(
    root: Path | None, strip: str | None, data_dir: Path | None, region: str
) -> Callable[[str], bytes]:
    if root is not None:
        return lambda source: rio.local_path(source, root, strip).read_bytes()
    from botocore.exceptions import BotoCoreError, ClientError

    from labelwright.cli.options import aws_client

    s3 = aws_client("s3", data_dir, region)

    def load(source: str) -> bytes:
        bucket, _, key = source.removeprefix("s3://").partition("/")
        if not source.startswith("s3://") or not key:
            raise rio.RecordIOError(f"{source!r} is not an S3 URI; name the folder of images, ROOT.")
        try:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey as error:
            raise rio.RecordIOError(f"{error}.") from error
        except (BotoCoreError, ClientError) as error:  # the others would fail the same way
            raise click.ClickException(f"{source}: {error}") from error
        return body

    return load


def _lines_of(manifest: Path) -> Iterator[bytes]:
    with manifest.open("rb") as lines:
        yield from lines


def _say_lists(made: rio.MadeLists, as_json: bool) -> None:
    if as_json:
        files = [{"lst": str(path), "n_images": n_images} for path, n_images in made.files]
        click.echo(json.dumps({"lists": files, "classes": made.classes}, indent=2, ensure_ascii=False))
        return
    for name, label in made.classes.items():
        click.echo(f"{name} {label}")
    for path, n_images in made.files:
        click.echo(f"{path}: {n_images} images")


def _say_broken(error: rio.RecordIOError) -> None:
    click.echo(f"{error} The line is left out.", err=True)


def _say_skipped(item: rio.Item, why: Exception) -> None:
    tqdm.write(f"{item.name}: {_reason(why)} It is left out.", file=sys.stderr)


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _reason(why: Exception) -> str:
    if isinstance(why, OSError):
        return f"cannot be read: {why.strerror or why}."
    return str(why)


def _cells(facts: dict[str, Any]) -> list[object]:
    content = facts.get("format", "")
    if "width" in facts:
        content += f" {facts['width']}x{facts['height']}"
    for group in ("features", "label"):
        for key, value in facts.get(group, {}).items():
            content += f" {group}[{key}]={value['type']}{value.get('shape', value.get('sizes'))}"
    labels = " ".join(f"{label:g}" for label in facts.get("labels", [])[:8])
    if len(facts.get("labels", [])) > 8:
        labels += f" ... ({len(facts['labels'])})"
    return [
        *(facts[name] for name in ("record", "offset", "bytes", "parts", "kind")),
        facts.get("id", "-"),
        labels or "-",
        (facts.get("problem") or content or "-").strip(),
    ]


def _row(cells: list[object]) -> str:
    widths = (8, 12, 10, 5, 8, 10, 24, 0)
    return "  ".join(str(cell).ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _with_suffix(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


@contextlib.contextmanager
def _os_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = error.filename or target
        raise click.ClickException(f"{name} cannot be written: {error.strerror}.") from error


def _bar(total: int, name: str, unit: str) -> tqdm[Any]:
    return tqdm(total=total, unit=unit, unit_scale=unit == "B", desc=name[-40:], disable=None, leave=False)
