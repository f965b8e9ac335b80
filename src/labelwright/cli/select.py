"""``labelwright select``: a subset of a manifest, by query or at random."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click
from tqdm import tqdm

from labelwright.cli.options import aws_client, data_option, region_option
from labelwright.selection import (
    Progress,
    Query,
    QueryError,
    Selection,
    count_lines,
    parse_condition,
    parse_query,
    sample_lines,
    sample_size,
    subset_uri,
)

__all__ = ["select"]

_CHUNK_BYTES = 1 << 20
_PROBLEMS = {
    "NoSuchKey": "there is no such object. Check the key, or upload it first.",
    "NoSuchBucket": "there is no such bucket. Check its name, or create it first.",
}


@click.command()
@click.argument("manifest")
@click.option("--where", metavar="CONDITION", help="What follows SELECT * FROM S3Object s WHERE.")
@click.option("--sql", metavar="STATEMENT", help="A whole statement: SELECT ... FROM S3Object s ...")
@click.option("--sample", "percent", type=click.IntRange(1, 100), help="Per cent of the lines, at random.")
@click.option("--seed", type=click.IntRange(0), default=None, help="Seed of the sample [a new one].")
@click.option(
    "--output", metavar="FILE|s3://...", help="Where the subset goes [beside MANIFEST]; - prints it."
)
@click.option("--count", "only_count", is_flag=True, help="Print how many lines there are, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@data_option
@region_option
def select(
    manifest: str,
    where: str | None,
    sql: str | None,
    percent: int | None,
    seed: int | None,
    output: str | None,
    only_count: bool,
    as_json: bool,
    data_dir: Path | None,
    region: str,
) -> None:
    """Write the lines of MANIFEST that a query finds, or a random sample, to a new manifest.

    MANIFEST is a file or an s3:// URI; the lines are copied byte for byte in their order, the original stays
    as it is. The new manifest is <name>-subset-<time>.manifest beside it unless --output says otherwise. The
    dialect is that of S3 Select: labelwright select m.manifest --where "s.camera BETWEEN 2 AND 4 LIMIT 100".
    """
    if sum(choice is not None for choice in (where, sql, percent)) != 1:
        raise click.UsageError("Choose one of --where, --sql and --sample.")
    if seed is not None and percent is None:
        raise click.UsageError("--seed goes with --sample only.")
    query = _parse(where, sql)
    seed = secrets.randbelow(2**31) if seed is None else seed
    if output is None:
        prints = only_count or (query is not None and not query.copies_lines)
        output = "-" if prints else subset_uri(manifest, time.time())
    s3: Any = None
    if manifest.startswith("s3://") or output.startswith("s3://"):
        s3 = aws_client("s3", data_dir, region)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(_opened(manifest, s3))
        progress = Progress()
        if query is not None:
            pieces = _query_pieces(query, source, progress, name=manifest)
        else:
            pieces = _sample_pieces(percent or 100, seed, source, progress, name=manifest)
        if only_count:
            for _ in pieces:
                pass
        else:
            _write(pieces, output, progress, s3)
    facts = {
        "manifest": manifest,
        "output": None if only_count or output == "-" else output,
        "n_lines": progress.n_lines,
        "n_selected": progress.n_selected,
        "bytes_returned": progress.bytes_returned,
    }
    if percent is not None:
        facts["seed"] = seed
    if as_json:
        click.echo(json.dumps(facts, indent=2), err=output == "-" and not only_count)
    elif only_count:
        click.echo(progress.n_selected)
    elif query is None or query.copies_lines or output != "-":
        chosen = f"{progress.n_selected} of {progress.n_lines} lines"
        drawn = f", seed {seed}" if percent is not None else ""
        click.echo(chosen + drawn + ("" if output == "-" else f"\n{output}"), err=output == "-")


def _parse(where: str | None, sql: str | None) -> Query | None:
    try:
        if where is not None:
            return parse_condition(where)
        return None if sql is None else parse_query(sql)
    except QueryError as error:
        option = "--sql" if where is None else "--where"
        text = (sql if where is None else where) or ""
        raise click.UsageError(f"{option}: {error.message}{_marked(text, error)}") from error


def _marked(text: str, error: QueryError) -> str:
    if not error.line:
        return ""
    line = text.split("\n")[error.line - 1]
    start = max(0, error.column - 60)
    return f"\n  {line[start : start + 100]}\n  {' ' * (error.column - 1 - start)}^"


@contextlib.contextmanager
def _opened(manifest: str, s3: Any) -> Iterator[IO[bytes]]:
    """The manifest as a regular file, so that it can be read twice and by several threads."""
    if not manifest.startswith("s3://"):
        try:
            with Path(manifest).open("rb") as file:
                if not os.path.isfile(manifest):  # noqa: PTH113 - follows links, as open does
                    raise click.ClickException(f"{manifest} is no regular file. Save it to one first.")
                yield file
        except OSError as error:
            raise click.ClickException(f"{manifest} cannot be read: {error.strerror}.") from error
        return
    bucket, key = _bucket_and_key(manifest)
    with tempfile.TemporaryFile() as file:
        with _aws_errors(manifest):
            answer = s3.get_object(Bucket=bucket, Key=key)
            total = answer["ContentLength"]
            with _bar(total, f"reading {key.rpartition('/')[2]}") as bar:
                for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                    file.write(chunk)
                    bar.update(len(chunk))
        file.flush()
        yield file


def _query_pieces(query: Query, source: IO[bytes], progress: Progress, *, name: str) -> Iterator[bytes]:
    with _bar(os.fstat(source.fileno()).st_size, name) as bar:

        def on_progress(now: Progress) -> None:
            bar.update(now.bytes_read - bar.n)

        selection = Selection(query, now=time.time(), on_progress=on_progress)
        yield from selection.over_file(source.fileno())
        for field in ("n_lines", "n_selected", "bytes_read", "bytes_returned"):
            setattr(progress, field, getattr(selection.progress, field))


def _sample_pieces(
    percent: int, seed: int, source: IO[bytes], progress: Progress, *, name: str
) -> Iterator[bytes]:
    # Read twice: a sample of an exact size needs the number of lines first.
    with _bar(2 * os.fstat(source.fileno()).st_size, name) as bar:

        def on_bytes(n_bytes: int) -> None:
            bar.update(n_bytes)

        def counted() -> Iterator[bytes]:
            for chunk in _chunks(source):
                on_bytes(len(chunk))
                yield chunk

        progress.n_lines = count_lines(counted())
        progress.n_selected = sample_size(progress.n_lines, percent)
        for piece in sample_lines(
            _chunks(source),
            n_lines=progress.n_lines,
            size=progress.n_selected,
            seed=seed,
            on_bytes=on_bytes,
        ):
            progress.bytes_returned += len(piece)
            yield piece


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    source.seek(0)
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk


def _write(pieces: Iterator[bytes], output: str, progress: Progress, s3: Any) -> None:
    if output == "-":
        stream = sys.stdout.buffer
        for piece in pieces:
            stream.write(piece)
        stream.flush()
        return
    is_remote = output.startswith("s3://")
    folder = None if is_remote else Path(output).absolute().parent
    try:
        # Whole or not at all: a subset that is cut off would look like a good one.
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            temporary = Path(file.name)
            try:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                if progress.n_selected == 0:
                    raise click.ClickException(
                        f"Nothing was selected: none of {progress.n_lines} lines matches. No manifest was "
                        "written; check the names and values of the query."
                    )
                if is_remote:
                    _upload(temporary, output, s3)
                else:
                    os.fsync(file.fileno())
                    temporary.chmod(0o644)
                    temporary.replace(output)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}.") from error


def _upload(file: Path, uri: str, s3: Any) -> None:
    bucket, key = _bucket_and_key(uri)
    with file.open("rb") as body, _aws_errors(uri):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/x-ndjson")


@contextlib.contextmanager
def _aws_errors(uri: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        problem = _PROBLEMS.get(error.response["Error"]["Code"])
        raise click.ClickException(f"{uri}: {problem or error}") from error
    except BotoCoreError as error:
        raise click.ClickException(f"{uri}: {error} Is the server running?") from error


def _bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise click.UsageError(f"{uri!r} is not an S3 URI; write s3://bucket/key.")
    return bucket, key


def _bar(total: int, name: str) -> tqdm[Any]:
    return tqdm(total=total, unit="B", unit_scale=True, desc=name[-40:], disable=None, leave=False)
