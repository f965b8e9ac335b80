"""The reference page of all commands, made from their help: ``python -m labelwright.cli.reference``."""

from __future__ import annotations

import sys

import click

from labelwright.cli import cli

__all__ = ["commands_page"]

_HEAD = """# Commands

Made from the commands' own help by `python -m labelwright.cli.reference`. Exit codes: 0 done, 1 failed,
2 misused. Errors go to standard error and say what to do next.
"""


def commands_page() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    # With the settings of the real command line: click keeps the help option that was asked for first.
    root = click.Context(
        cli, info_name="labelwright", max_content_width=100, terminal_width=100, **cli.context_settings
    )
    _describe(cli, root, parts)
    return "\n".join(parts)


def _describe(command: click.Command, context: click.Context, parts: list[str]) -> None:
    parts.append(f"## `{context.command_path}`\n\n```\n{command.get_help(context)}\n```\n")
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is not None:
            inner = click.Context(
                child, info_name=name, parent=context, max_content_width=100, terminal_width=100
            )
            _describe(child, inner, parts)


if __name__ == "__main__":
    sys.stdout.write(commands_page())
