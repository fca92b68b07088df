"""Readers without their children: a thousand files would start a thousand processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from unittest import mock

from cbt.interchange import html_page as page
from cbt.interchange import json_bank as fields
from cbt.interchange.word import format as word
from cbt.media import intake


def run_here(task: str, body: bytes, *, limits: object, **options: object) -> bytes:
    module, _colon, name = task.partition(":")
    made: bytes = getattr(import_module(module), name)(body, **options)
    return made


@contextmanager
def without_children() -> Iterator[None]:
    """Do in this process what children do else."""
    with (
        mock.patch.object(fields, "run", run_here),
        mock.patch.object(page, "run", run_here),
        mock.patch.object(word, "run", run_here),
        mock.patch.object(intake, "run", run_here),
    ):
        yield
