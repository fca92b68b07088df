"""A large body lies on the disk while it is received and read: in a file without a name, for this process alone.

It is the data folder's disk, as a system's folder for temporary files often is memory. Whatever becomes of the
process, the kernel gives the file's room back.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, cast

import flask

from cbt.config import Settings
from cbt.web.receiving.bodies import SMALL_BODY
from cbt.web.request import FormRequest

AT_ONCE = 256 * 1024
"""Bytes of one body that are gathered in memory before they are written."""


def spool(folder: Path) -> IO[bytes]:
    """Return an empty file, 0600 and without a name; raise OSError where the folder takes none."""
    return TemporaryFile(dir=folder)


class SpooledRequest(FormRequest):
    """A request whose large parts lie where its body does."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        settings: Settings = flask.current_app.extensions["cbt_settings"]
        return cast(IO[bytes], SpooledTemporaryFile(max_size=SMALL_BODY, dir=str(settings.data_dir)))
