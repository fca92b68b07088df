"""What an argument may be: files and folders that are there; what is not is refused in two sentences."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cbt.errors import InvalidInput


class PathKind(click.Path):
    """A path; `must` says what it has to be, and a command gets it as a `Path`."""

    def __init__(self, must: Callable[[Path], None]) -> None:
        """`must` raises InvalidInput for a path that will not do."""
        super().__init__(path_type=Path)
        self._must = must

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; raise InvalidInput("console.…") as `must` does."""
        path = Path(value)
        self._must(path)
        return path


def _there(path: Path) -> None:
    try:
        path.stat()
    except PermissionError as error:
        raise InvalidInput("console.not_readable", path=str(path)) from error
    except OSError as error:
        raise InvalidInput("console.not_there", path=str(path)) from error
    if not os.access(path, os.R_OK):
        raise InvalidInput("console.not_readable", path=str(path))


def _file(path: Path) -> None:
    _there(path)
    if path.is_dir():
        raise InvalidInput("console.folder_for_file", path=str(path))


def _folder(path: Path) -> None:
    _there(path)
    if not path.is_dir():
        raise InvalidInput("console.file_for_folder", path=str(path))


def _new_file(path: Path) -> None:
    if path.is_dir():
        raise InvalidInput("console.folder_for_file", path=str(path))
    if os.path.lexists(path):
        raise InvalidInput("console.file_there", path=str(path))
    if not path.parent.is_dir():
        raise InvalidInput("console.not_there", path=str(path.parent))


def _any(path: Path) -> None:
    """Let the command say what is wrong with it."""


FILE = PathKind(_file)
"""A file that is there and can be read."""
FOLDER = PathKind(_folder)
"""A folder that is there and can be read."""
EITHER = PathKind(_there)
"""A file or a folder that is there and can be read."""
NEW_FILE = PathKind(_new_file)
"""A file that is not there yet, in a folder that is."""
PATH = PathKind(_any)
"""Any path: what may be there, and what must not, is the command's to say."""
