"""``labelwright manifest join|filter|inject|split``: from lines to lines, without looking at pictures."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from labelwright.cli.options import data_option, json_text, region_option
from labelwright.cli.places import Places, named, progress, read_with_bar

if TYPE_CHECKING:
    from labelwright.dataprep.joining import ConflictRule

__all__ = ["filter_command", "inject", "join", "read_label_names", "split"]

_RULES = ("error", "first", "last", "newest", "confident", "human")
_N_CONFLICTS_SHOWN = 10
_attribute_option = click.option("--label-attribute-name", metavar="NAME", help="The label meant.")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
_output_option = click.option(
    "--output", required=True, metavar="FILE|s3://...", help="Where the new manifest goes."
)


@click.command()
@click.argument("manifests", nargs=-1, required=True)
@_output_option
@click.option("--key", metavar="ATTRIBUTE", help="What tells objects apart [source-ref, or else source].")
@click.option(
    "--on-conflict",
    "rule",
    type=click.Choice(_RULES),
    default="error",
    show_default=True,
    help="Which of two different labels of one object and name is kept.",
)
@click.option(
    "--renumber-classes",
    is_flag=True,
    help="Tell classes apart by name and give them new indices where two jobs use one index for two names.",
)
@data_option
@region_option
@_json_option
def join(
    manifests: tuple[str, ...],
    output: str,
    key: str | None,
    rule: str,
    renumber_classes: bool,
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Join MANIFESTS: the union of their lines, labels of equal objects put together.

    Objects keep the order in which they occur first; a line whose object occurs once is copied byte for
    byte. A label wins over a failed or missing one. Two different labels are a conflict: newest goes by
    creation date, confident by mean confidence, human prefers people's work; ties go to the first.
    """
    from labelwright.dataprep.joining import JoinSummary, join_manifests

    places = Places(data_dir, region)
    summary = JoinSummary()
    with contextlib.ExitStack() as stack:
        paths = [stack.enter_context(places.local(place)) for place in manifests]
        bar = stack.enter_context(progress(sum(path.stat().st_size for path in paths), "joining"))
        sources = [(place, read_with_bar(path, bar)) for place, path in zip(manifests, paths, strict=True)]
        with named(output):
            lines = join_manifests(
                sources,
                summary,
                key=key,
                rule=cast("ConflictRule", rule),
                renumbers_classes=renumber_classes,
            )
            places.write_lines(output, lines)
    if as_json:
        facts = {"output": output, "inputs": list(manifests), **_plain(summary)}
        click.echo(json_text(facts))
        return
    for conflict in summary.conflicts[:_N_CONFLICTS_SHOWN]:
        click.echo(
            f"{conflict.attribute} of {conflict.key}: kept {conflict.kept}, dropped {conflict.dropped}",
            err=True,
        )
    n_more = summary.n_conflicts.total() - min(len(summary.conflicts), _N_CONFLICTS_SHOWN)
    if n_more:
        click.echo(f"... and {n_more} more conflicts (--json lists up to 100)", err=True)
    click.echo(
        f"{sum(summary.n_lines_in)} lines of {len(manifests)} manifests: {summary.n_lines_out} objects, "
        f"{summary.n_merged} lines merged, {summary.n_conflicts.total()} conflicts\n{output}"
    )


@click.command("filter")
@click.argument("manifest")
@_output_option
@_attribute_option
@click.option("--labeled/--unlabeled", "is_labeled", default=None, help="Only objects with (without) it.")
@click.option("--min-confidence", type=click.FloatRange(0, 1), help="Every confidence at least this.")
@click.option("--max-confidence", type=click.FloatRange(0, 1), help="Every confidence at most this.")
@click.option("--human/--machine", "is_human", default=None, help="Only labels by people (by a model).")
@click.option("--class", "classes", multiple=True, metavar="NAME", help="With this class; repeat for more.")
@click.option("--without-class", "without", multiple=True, metavar="NAME", help="Without this class.")
@click.option(
    "--annotations", is_flag=True, help="Confidence and class drop single boxes, spans or ticks, not objects."
)
@click.option("--keep-emptied", is_flag=True, help="With --annotations: keep objects that lost all of them.")
@click.option("--verification", metavar="NAME", help="Label attribute of a verification job.")
@click.option("--verdict", "verdicts", multiple=True, metavar="CLASS", help="Its classes to keep.")
@data_option
@region_option
@_json_option
def filter_command(
    manifest: str,
    output: str,
    label_attribute_name: str | None,
    is_labeled: bool | None,
    min_confidence: float | None,
    max_confidence: float | None,
    is_human: bool | None,
    classes: tuple[str, ...],
    without: tuple[str, ...],
    annotations: bool,
    keep_emptied: bool,
    verification: str | None,
    verdicts: tuple[str, ...],
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Write the lines of MANIFEST whose label is good enough.

    All conditions must hold. Lines are copied byte for byte unless --annotations took boxes out of them.
    """
    from labelwright.dataprep.filtering import Filter, FilterSummary, filter_manifest
    from labelwright.errors import InvalidRequest

    try:
        what = Filter(
            attribute=label_attribute_name,
            is_labeled=is_labeled,
            min_confidence=min_confidence,
            max_confidence=max_confidence,
            is_human_annotated=is_human,
            classes=frozenset(classes),
            without_classes=frozenset(without),
            annotations_only=annotations,
            keeps_emptied=keep_emptied,
            verification=verification,
            verdicts=frozenset(verdicts),
        )
    except InvalidRequest as error:
        raise click.UsageError(error.message) from error
    places = Places(data_dir, region)
    summary = FilterSummary()
    with places.local(manifest) as path, progress(path.stat().st_size, "filtering") as bar, named(manifest):
        places.write_lines(output, _not_none(filter_manifest(read_with_bar(path, bar), what, summary)))
    for warning in summary.warnings:
        click.echo(f"Warning: {warning}", err=True)
    if as_json:
        facts = _plain(summary) | {"output": output, "warnings": summary.warnings}
        click.echo(json_text(facts))
        return
    click.echo(f"{summary.n_lines_out} of {summary.n_lines_in} lines kept")
    for reason, count in summary.dropped.most_common():
        click.echo(f"  {count:>9}  dropped: {reason}")
    if annotations:
        click.echo(f"  {summary.n_annotations_dropped:>9}  annotations dropped")
    click.echo(output)


def _not_none(lines: Iterator[bytes]) -> Iterator[bytes]:
    is_empty = True
    for line in lines:
        is_empty = False
        yield line
    if is_empty:
        raise click.ClickException("No line passes. No manifest was written; loosen the conditions.")


@click.command()
@click.argument("manifest")
@_output_option
@click.option(
    "--from",
    "origins",
    multiple=True,
    required=True,
    metavar="LABEL[=CLASS|=@LABEL]",
    help="A label of boxes. =CLASS gives all of them that class, =@LABEL the class of the object in that "
    "label; without either they keep their own. Repeat for more.",
)
@click.option("--into", required=True, metavar="NAME", help="Label attribute name of the result.")
@click.option(
    "--labels",
    "labels_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Label category file: the order of the classes [in the order of --from].",
)
@click.option("--drop", is_flag=True, help="Leave the labels that were used out of the result.")
@data_option
@region_option
@_json_option
def inject(
    manifest: str,
    output: str,
    origins: tuple[str, ...],
    into: str,
    labels_file: Path | None,
    drop: bool,
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Make one label of boxes out of several labels, with a class for each.

    labelwright manifest inject m.manifest --from blue-box=blue --from yellow-box=yellow --into pieces
    --output pieces.manifest
    """
    from labelwright.dataprep.injecting import InjectSummary, Origin, class_names, inject_classes

    parsed = []
    for text in origins:
        name, equals, value = text.partition("=")
        if not name or (equals and not value.removeprefix("@")):
            raise click.UsageError(f"--from {text!r}: write LABEL, LABEL=CLASS or LABEL=@LABEL.")
        from_label = value.startswith("@")
        parsed.append(
            Origin(name, value if value and not from_label else None, value[1:] if from_label else None)
        )
    places = Places(data_dir, region)
    summary = InjectSummary()
    with places.local(manifest) as path, progress(path.stat().st_size, "injecting") as bar, named(manifest):
        names = read_label_names(labels_file) if labels_file else class_names(path, parsed)
        lines = inject_classes(
            read_with_bar(path, bar), summary, origins=parsed, into=into, names=names, drops_origins=drop
        )
        places.write_lines(output, lines)
    if summary.n_without_class:
        click.echo(f"Warning: {summary.n_without_class} objects have boxes but no class for them.", err=True)
    if as_json:
        click.echo(json_text(_plain(summary) | {"output": output, "classes": names}))
        return
    click.echo(f"{summary.n_labeled} of {summary.n_lines} objects have {into!r} now")
    for i, name in enumerate(names):
        click.echo(f"  {i:>4}  {name}: {summary.n_boxes.get(name, 0)} boxes")
    click.echo(output)


@click.command()
@click.argument("manifest")
@click.option(
    "--part",
    "parts",
    multiple=True,
    required=True,
    metavar="NAME=SHARE",
    help="A part and its share: 0.8, 80% or 4 of 5. Shares are scaled to sum to one. Two or more.",
)
@click.option(
    "--output",
    metavar="PATTERN",
    help="Where parts go, {part} standing for the name [<manifest>-{part}.manifest beside it].",
)
@click.option("--label-attribute-name", metavar="NAME", help="Mix the classes of this label evenly.")
@click.option("--group", metavar="ATTRIBUTE", help="Objects with one value of this stay together.")
@click.option(
    "--group-pattern",
    metavar="REGEX",
    help="Its first group, found in --group or source-ref, names the group.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the draw.")
@data_option
@region_option
@_json_option
def split(
    manifest: str,
    parts: tuple[str, ...],
    output: str | None,
    label_attribute_name: str | None,
    group: str | None,
    group_pattern: str | None,
    seed: int,
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Split MANIFEST into parts, such as training and validation.

    Sizes are exact, and with --label-attribute-name each class is shared out alike. With groups (all
    pictures of one patient, all frames of one video) no group is in two parts, and sizes come as near as the
    groups allow. The same seed gives the same parts; lines are copied byte for byte in their order.
    """
    from labelwright.dataprep.splitting import SplitRule, deal, plan_split
    from labelwright.errors import InvalidRequest

    stem = manifest.removesuffix(".manifest")
    pattern = output or stem + "-{part}.manifest"
    if "{part}" not in pattern:
        raise click.UsageError("--output must have {part} in it, where the name of the part goes.")
    try:
        rule = SplitRule(
            tuple(_part(text) for text in parts),
            attribute=label_attribute_name,
            group=group,
            group_pattern=group_pattern,
            seed=seed,
        )
    except InvalidRequest as error:
        raise click.UsageError(error.message) from error
    targets = [pattern.replace("{part}", name) for name, _ in rule.parts]
    places = Places(data_dir, region)
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(places.local(manifest))
        stack.enter_context(named(manifest))
        plan = plan_split(path, rule)
        files = [stack.enter_context(places.output(target)) for target in targets]
        bar = stack.enter_context(progress(path.stat().st_size, "splitting"))
        for part, line in deal(read_with_bar(path, bar), plan):
            files[part].write(line + b"\n")
    facts: dict[str, Any] = {
        "manifest": manifest,
        "n_lines": plan.n_lines,
        "seed": seed,
        "parts": [
            {
                "name": name,
                "output": target,
                "n_lines": plan.sizes[i],
                **({"n_groups": plan.n_groups[i]} if plan.n_groups else {}),
                **({"classes": {c: row[i] for c, row in plan.strata.items()}} if rule.attribute else {}),
            }
            for i, ((name, _), target) in enumerate(zip(rule.parts, targets, strict=True))
        ],
    }
    if as_json:
        click.echo(json_text(facts))
        return
    for part_facts in facts["parts"]:
        groups = f" in {part_facts['n_groups']} groups" if plan.n_groups else ""
        click.echo(f"{part_facts['name']}: {part_facts['n_lines']} lines{groups}  {part_facts['output']}")
    if rule.attribute:
        for name, row in plan.strata.items():
            click.echo(f"  {'  '.join(f'{count:>7}' for count in row)}  {name}")


def _plain(summary: Any) -> dict[str, Any]:
    """A summary for JSON. Not by `dataclasses.asdict`, which cannot copy a Counter."""
    facts = {field.name: getattr(summary, field.name) for field in dataclasses.fields(summary)}
    if "conflicts" in facts:
        facts["conflicts"] = [dataclasses.asdict(conflict) for conflict in facts["conflicts"]]
    return facts


def _part(text: str) -> tuple[str, Fraction]:
    name, _, share = text.partition("=")
    if not name or "/" in name or name in (".", ".."):
        raise click.UsageError(f"--part {text!r}: the name must not be empty or a path.")
    try:
        value = Fraction(share.removesuffix("%"))
    except (ValueError, ZeroDivisionError) as error:
        raise click.UsageError(f"--part {text!r}: write NAME=SHARE, such as train=0.8.") from error
    return name, value


def read_label_names(file: Path) -> list[str]:
    """The labels of a label category file, in order."""
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
        return [str(entry["label"]) for entry in document["labels"]]
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(
            f'{file} is not a label category file. It must look like {{"labels": [{{"label": "bolt"}}]}}.'
        ) from error
