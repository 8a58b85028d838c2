"""What a person is told beside the data: one line each, on standard error."""

from __future__ import annotations

import os

import click

from reconciler.cli.secrets import redacted
from reconciler.model.text import printable


def note(line: str) -> None:
    """Print one line on standard error, without control characters and without any key."""
    click.echo(redacted(printable(line), os.environ), err=True)
