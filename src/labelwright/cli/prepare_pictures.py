"""``labelwright manifest augment|contact-sheet|frames``: where pictures are looked at or made."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import click

from labelwright.cli.options import data_option, json_text, region_option
from labelwright.cli.places import Places, named, progress, read_with_bar
from labelwright.cli.prepare_convert import files_of, map_option

__all__ = ["augment", "contact_sheet", "frames"]

_json_option = click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")


@click.command()
@click.argument("manifest")
@click.option("--output", required=True, metavar="FILE|s3://...", help="Where the new manifest goes.")
@click.option("--images-to", required=True, metavar="PLACE", help="Folder or s3:// prefix of new pictures.")
@click.option("--images-uri", metavar="URI", help="How the new manifest calls that place [as --images-to].")
@click.option("--copies", type=click.IntRange(1, 1000), default=1, show_default=True, help="Per picture.")
@click.option("--only-copies", is_flag=True, help="Leave the original lines out.")
@click.option("--mirror", is_flag=True, help="Swap left and right in half of the copies.")
@click.option("--flip", is_flag=True, help="Swap top and bottom in half of the copies.")
@click.option("--turn", is_flag=True, help="Turn by 0, 90, 180 or 270 degrees.")
@click.option("--rotate", default=0.0, metavar="DEGREES", help="Turn by up to so much either way.")
@click.option("--crop", default=1.0, metavar="SHARE", help="Keep at least this share of the area.")
@click.option(
    "--scale", nargs=2, type=float, default=(1.0, 1.0), metavar="LOW HIGH", help="Factor of the size."
)
@click.option(
    "--color", default=0.0, metavar="AMOUNT", help="Vary brightness, contrast, saturation (0 to 0.9)."
)
@click.option("--min-visible", default=0.3, show_default=True, help="Drop boxes of which less is left.")
@click.option(
    "--mask-fill",
    type=click.IntRange(0, 255),
    default=255,
    show_default=True,
    help="Class index of mask pixels from outside the picture; training leaves 255 out.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same pictures."
)
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Pictures at once.")
@map_option
@data_option
@region_option
@_json_option
def augment(
    manifest: str,
    output: str,
    images_to: str,
    images_uri: str | None,
    copies: int,
    only_copies: bool,
    mirror: bool,
    flip: bool,
    turn: bool,
    rotate: float,
    crop: float,
    scale: tuple[float, float],
    color: float,
    min_visible: float,
    mask_fill: int,
    seed: int,
    threads: int,
    maps: tuple[str, ...],
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Make more pictures out of the labeled ones of MANIFEST; boxes and masks move along.

    Boxes are cut at the edges and dropped where too little of them is left. The manifest is written last,
    when all pictures are there.
    """
    from labelwright.dataprep.augment import AugmentPlaces, AugmentSummary, Recipe, augment_manifest
    from labelwright.errors import InvalidRequest

    try:
        recipe = Recipe(mirror, flip, turn, rotate, crop, scale, color, min_visible, seed)
    except InvalidRequest as error:
        raise click.UsageError(error.message) from error
    if recipe.does_nothing:
        raise click.UsageError("Nothing is to be changed. Choose something, such as --mirror --crop 0.7.")
    places = Places(data_dir, region)
    files = files_of(places, maps)
    summary = AugmentSummary()
    with places.local(manifest) as path, progress(path.stat().st_size, "augmenting") as bar, named(manifest):
        lines = augment_manifest(
            read_with_bar(path, bar),
            recipe,
            AugmentPlaces(images_to, images_uri or images_to),
            files,
            summary,
            n_copies=copies,
            keeps_originals=not only_copies,
            mask_fill=mask_fill,
            n_threads=threads,
        )
        places.write_lines(output, lines)
    if as_json:
        click.echo(json_text(dataclasses.asdict(summary) | {"output": output, "seed": seed}))
        return
    click.echo(
        f"{summary.n_pictures} new pictures, {summary.n_masks} masks, {summary.n_boxes} boxes "
        f"({summary.n_boxes_dropped} dropped)\n{summary.n_lines_in} lines became "
        f"{summary.n_lines_out}\n{output}"
    )


@click.command("contact-sheet")
@click.argument("manifest")
@click.option("--output", required=True, metavar="FILE|s3://...", help="The picture: .png or .jpg.")
@click.option("--label-attribute-name", metavar="NAME", help="The label to draw [the only one].")
@click.option(
    "-n", "n_pictures", type=click.IntRange(1, 2000), default=48, show_default=True, help="Pictures."
)
@click.option("--seed", type=click.IntRange(0), default=None, help="Draw them at random [the first ones].")
@click.option(
    "--columns", type=click.IntRange(1, 50), default=6, show_default=True, help="Pictures in a row."
)
@click.option(
    "--cell", type=click.IntRange(32, 2000), default=240, show_default=True, help="Pixels of a cell."
)
@map_option
@data_option
@region_option
@_json_option
def contact_sheet(
    manifest: str,
    output: str,
    label_attribute_name: str | None,
    n_pictures: int,
    seed: int | None,
    columns: int,
    cell: int,
    maps: tuple[str, ...],
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Draw many pictures of MANIFEST with their labels into one, to look at them."""
    from labelwright.dataprep.contact_sheet import SheetLayout, contact_sheet, encode_sheet
    from labelwright.dataprep.from_manifest import items_of_manifest, survey_manifest
    from labelwright.selection import sample_lines

    places = Places(data_dir, region)
    files = files_of(places, maps)
    with places.local(manifest) as path, named(manifest):
        survey = survey_manifest(path, label_attribute_name)
        size = min(n_pictures, survey.n_lines)
        with path.open("rb") as file:
            if seed is None:
                chosen = [line for line, _ in zip(file, range(size), strict=False)]
            else:
                pieces = iter(lambda: file.read(1 << 20), b"")
                chosen = list(sample_lines(pieces, n_lines=survey.n_lines, size=size, seed=seed))
        with progress(size, "drawing", unit="") as bar:
            items = []
            for item in items_of_manifest(chosen, survey, files):
                items.append(item)
                bar.update()
            sheet = contact_sheet(items, files, SheetLayout(columns, cell))
        with places.output(output) as target:
            target.write(encode_sheet(sheet, Path(output).suffix))
    facts = {"output": output, "n_pictures": len(items), "width": sheet.width, "height": sheet.height}
    click.echo(json_text(facts) if as_json else f"{len(items)} pictures\n{output}")


@click.command()
@click.argument("video")
@click.option(
    "--output", required=True, metavar="FILE|s3://...", help="Where the manifest of the frames goes."
)
@click.option("--images-to", required=True, metavar="PLACE", help="Folder or s3:// prefix of the frames.")
@click.option("--images-uri", metavar="URI", help="How the manifest calls that place [as --images-to].")
@click.option(
    "--every", "every_s", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="One per so long."
)
@click.option("--every-nth", "every_n", type=click.IntRange(1), metavar="N", help="Each n-th frame.")
@click.option(
    "--start", "start_s", type=click.FloatRange(0), default=0.0, metavar="SECONDS", help="From here on."
)
@click.option("--end", "end_s", type=click.FloatRange(0), metavar="SECONDS", help="Up to here.")
@click.option("-n", "n_max", type=click.IntRange(1), help="At most so many.")
@click.option("--png", "is_png", is_flag=True, help="PNG instead of JPEG.")
@data_option
@region_option
@_json_option
def frames(
    video: str,
    output: str,
    images_to: str,
    images_uri: str | None,
    every_s: float | None,
    every_n: int | None,
    start_s: float,
    end_s: float | None,
    n_max: int | None,
    is_png: bool,
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Take frames out of VIDEO and write a manifest of them. Needs the extra labelwright[video]."""
    from labelwright.dataprep.files import join_place
    from labelwright.dataprep.video import frames_of
    from labelwright.manifests import dumps

    places = Places(data_dir, region)
    files = files_of(places, ())
    name = video.rpartition("/")[2]
    n_frames = 0

    def lines(path: Path) -> Iterator[bytes]:
        nonlocal n_frames
        found = frames_of(
            path, every_s=every_s, every_n=every_n, start_s=start_s, end_s=end_s, n_max=n_max, is_png=is_png
        )
        with progress(None, "frames", unit="") as bar:
            for frame in found:
                own = f"{name.rpartition('.')[0] or name}_{frame.number:07d}{'.png' if is_png else '.jpg'}"
                kind = "image/png" if is_png else "image/jpeg"
                files.write(join_place(images_to, own), frame.data, content_type=kind)
                n_frames += 1
                bar.update()
                place = join_place(images_uri or images_to, own)
                facts = {"video": name, "frame-no": frame.number, "time-s": frame.time_s}
                yield dumps({"source-ref": place, **facts})

    with places.local(video) as path, named(video):
        places.write_lines(output, lines(path))
    if as_json:
        click.echo(json_text({"output": output, "n_frames": n_frames}))
        return
    click.echo(f"{n_frames} frames\n{output}")
