"""``labelwright manifest convert``: to and from the formats of other tools."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labelwright.cli.options import data_option, json_text, region_option
from labelwright.cli.places import Places, named, progress, read_with_bar
from labelwright.cli.prepare_lines import read_label_names

if TYPE_CHECKING:
    from labelwright.dataprep.files import Files

__all__ = ["convert", "files_of", "map_option"]

_FORMATS = ("manifest", "coco", "voc", "yolo", "cub", "lst", "folders", "label-studio", "cvat")

map_option = click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="URI=FOLDER",
    help="Files whose URI begins so are in this local folder. Repeat for more.",
)


def files_of(places: Places, maps: Sequence[str]) -> Files:
    """Pictures and masks by place, from ``--map`` options and the object store."""
    from labelwright.dataprep.files import Files

    pairs = []
    for text in maps:
        prefix, equals, folder = text.rpartition("=")
        if not equals or not prefix or not Path(folder).is_dir():
            raise click.UsageError(
                f"--map {text!r}: write s3://bucket/prefix=FOLDER, of a folder that is there."
            )
        pairs.append((prefix, folder))
    return Files(blobs=places.blobs, maps=pairs)


@click.command()
@click.argument("source")
@click.option("--output", required=True, metavar="PLACE", help="The new file or folder, or s3:// URI.")
@click.option("--from", "source_format", type=click.Choice(_FORMATS), help="Format of SOURCE [told from it].")
@click.option(
    "--to",
    "target_format",
    type=click.Choice(_FORMATS),
    default="manifest",
    show_default=True,
    help="Format made.",
)
@click.option("--label-attribute-name", metavar="NAME", help="The label to write, or to make [labels].")
@click.option(
    "--labels",
    "labels_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Label category file: names and order of the classes.",
)
@click.option("--images", default="", metavar="PLACE", help="Where SOURCE's pictures are [as SOURCE says].")
@click.option("--images-uri", metavar="URI", help="What source-ref begins with in a new manifest.")
@click.option("--prefix", metavar="URI", help="Taken off source-ref to name pictures [what all share].")
@click.option("--copy-images", is_flag=True, help="Put copies of the pictures into the new folder.")
@click.option("--part", metavar="NAME", help="Part of the data set to read (all), or to write (train).")
@click.option("--masks/--boxes", "wants_masks", default=None, help="Read regions as masks, or as boxes.")
@click.option("--masks-to", metavar="PLACE", help="Where masks of a new manifest go [<output>-masks].")
@click.option("--polygons", is_flag=True, help="Write regions as polygons, not run lengths (COCO, CVAT).")
@map_option
@data_option
@region_option
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def convert(
    source: str,
    output: str,
    source_format: str | None,
    target_format: str,
    label_attribute_name: str | None,
    labels_file: Path | None,
    images: str,
    images_uri: str | None,
    prefix: str | None,
    copy_images: bool,
    part: str | None,
    wants_masks: bool | None,
    masks_to: str | None,
    polygons: bool,
    maps: tuple[str, ...],
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Convert SOURCE, an augmented manifest or another tool's file or folder, to another format.

    What the format made cannot carry is said at the end; docs/reference/conversions.md has the whole table.

    labelwright manifest convert out.manifest --to coco --output boxes.json
    labelwright manifest convert voc-folder --images-uri s3://acme/voc --output voc.manifest
    """
    from labelwright.dataprep.detecting import detect_format

    places = Places(data_dir, region)
    files = files_of(places, maps)
    names = read_label_names(labels_file) if labels_file else None
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(_opened(places, source))
        stack.enter_context(named(source))
        kind = source_format or detect_format(path)
        if kind == target_format:
            raise click.UsageError(f"{source} is {kind} already. Choose another --to.")
        facts: dict[str, Any] = {"source": source, "from": kind, "to": target_format, "output": output}
        manifest = path
        if kind != "manifest":
            if target_format == "manifest":
                manifest_place, masks_place = output, masks_to or output.removesuffix(".manifest") + "-masks"
            else:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="labelwright-"))
                manifest_place, masks_place = f"{folder}/all.manifest", f"{folder}/masks"
            from labelwright.dataprep.formats import Reading

            reading = Reading(path, files, images=images, names=names, part=part, wants_masks=wants_masks)
            attribute = label_attribute_name or "labels"
            facts |= _import(places, reading, kind, (manifest_place, masks_place), attribute, images_uri)
            manifest, names, part = Path(manifest_place), None, None
        if target_format != "manifest":
            options = {
                "attribute": label_attribute_name if kind == "manifest" else None,
                "names": names,
                "prefix": prefix,
                "copies_images": copy_images,
                "part": part or "train",
                "polygons": polygons,
            }
            facts |= _export(places, manifest, output, target_format, files, options)
    if as_json:
        click.echo(json_text(facts))
        return
    for what, count in facts.get("skipped", {}).items():
        click.echo(f"Left out: {count} {what}", err=True)
    if facts.get("lost"):
        click.echo(f"{target_format} does not carry: {', '.join(facts['lost'])}", err=True)
    click.echo(f"{facts['n_labeled']} of {facts['n_lines']} pictures have a label\n{output}")


@contextlib.contextmanager
def _opened(places: Places, source: str) -> Iterator[Path]:
    if not source.startswith("s3://") and Path(source).is_dir():
        yield Path(source)
        return
    if source.startswith("s3://") and source.endswith("/"):
        raise click.UsageError(
            f"{source}: folders are read from local disks. Copy it with `aws s3 sync` first."
        )
    with places.local(source) as path:
        yield path


def _images_folder(path: Path, kind: str, part: str | None) -> str:
    """Where the pictures of a foreign data set lie, as far as its form says."""
    if kind == "yolo":
        parts = sorted(folder.name for folder in (path / "images").glob("*") if folder.is_dir())
        return str(path / "images" / (part or (parts[0] if len(parts) == 1 else "")))
    inner = {"voc": "JPEGImages", "cub": "images"}
    folder = path if path.is_dir() else path.parent
    return str(folder / inner[kind] if kind in inner else folder)


def _import(
    places: Places, reading: Any, kind: str, targets: tuple[str, str], attribute: str, images_uri: str | None
) -> dict[str, Any]:
    from labelwright.dataprep.converting import Imported, format_named, import_dataset
    from labelwright.dataprep.to_manifest import ManifestTarget

    target = ManifestTarget(
        attribute=attribute,
        images_uri=images_uri,
        default_uri=reading.images or _images_folder(reading.source, kind, reading.part),
        masks_place=targets[1],
        job_name=f"labeling-job/{kind}-import",
        creation_date=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}",
    )
    imported = Imported()
    with progress(None, "reading", unit="") as bar:
        lines = import_dataset(reading, format_named(kind), target, imported)
        places.write_lines(targets[0], _counted(lines, bar.update))
    return {"n_lines": imported.n_lines, "n_labeled": imported.n_labeled, "skipped": imported.skipped}


def _counted(lines: Iterator[bytes], update: Callable[[], object]) -> Iterator[bytes]:
    for line in lines:
        yield line
        update()


def _export(
    places: Places, manifest: Path, output: str, target: str, files: Files, options: dict[str, Any]
) -> dict[str, Any]:
    from labelwright.dataprep.converting import export_dataset, format_named

    format_ = format_named(target)
    if options["copies_images"] and not format_.is_folder:
        raise click.UsageError(f"--copy-images: {format_.title} is a single file. Leave the option out.")
    opened = places.new_folder(output) if format_.is_folder else places.new_files(output)
    with opened as path, progress(manifest.stat().st_size, "writing") as bar:
        done = export_dataset(
            manifest, path, format_, files=files, chunks=read_with_bar(manifest, bar), **options
        )
    return {
        "n_lines": done.survey.n_lines,
        "n_labeled": done.survey.n_labeled,
        "classes": {str(index): name for index, name in sorted(done.survey.names.items())},
        "lost": done.lost,
    }
