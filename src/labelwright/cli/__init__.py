"""The command line. One module per group, imported only when it is called, so that ``--help`` is quick."""

from __future__ import annotations

import importlib
import sys

import click

from labelwright import __version__
from labelwright.errors import LabelwrightError

__all__ = ["cli", "main"]

# command -> (module under labelwright.cli, one line for --help)
_COMMANDS = {
    "serve": ("serve", "Start the server: AWS API, S3, portal and console on one port."),
    "env": ("env", "Print the exports that point AWS clients here."),
    "exec": ("exec", "Run a script with AWS clients and the SageMaker SDK turned here."),
    "worker": ("worker", "Add and list workers."),
    "workteam": ("workteam", "List work teams."),
    "job": ("job", "List, describe and stop labeling jobs; costs, and logs of everything."),
    "events": ("events", "Follow what happens to jobs and tasks."),
    "simulate": ("simulate", "Answer a job's tasks with synthetic workers."),
    "select": ("select", "Write a subset of a manifest: by query or at random."),
    "manifest": ("manifest", "Check, describe, prepare and convert manifests."),
    "recordio": ("recordio", "Pack images into RecordIO files, list them, unpack them."),
    "im2rec": ("recordio", "Pack images with the options of MXNet's im2rec."),
    "consolidate": ("consolidate", "Combine a table of answers into labels."),
    "stream": ("stream", "Read what a manifest names, as a training job does; feed named pipes."),
    "train": ("train", "Train on this machine, as a training job does, without a server."),
    "predict": ("predict", "Use a trained model on a folder of pictures or a file of texts."),
    "export": ("export", "Take a model to ONNX, to int8, or to a small folder that runs alone."),
    "db": ("db", "Show and migrate the revision of the database."),
    "demo": ("demo", "Label, consolidate, train and report on sample pictures."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"labelwright.cli.{_COMMANDS[name][0]}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Labelwright: label data, label less of it, train and use a model."""


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 failed, 2 misused."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        sys.exit(130)
    except LabelwrightError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
