"""Readers without their children: a thousand files would start a thousand processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from unittest import mock

from cbt.bank.formats.fields import format as fields
from cbt.bank.formats.page import format as page
from cbt.bank.formats.word import format as word


def _run(task: str, body: bytes, *, limits: object, **options: object) -> bytes:
    module, _colon, name = task.partition(":")
    made: bytes = getattr(import_module(module), name)(body, **options)
    return made


@contextmanager
def without_children() -> Iterator[None]:
    """Do in this process what children do else."""
    with (
        mock.patch.object(fields, "run", _run),
        mock.patch.object(page, "run", _run),
        mock.patch.object(word, "run", _run),
    ):
        yield
