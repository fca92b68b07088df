"""A server's log: JSON lines that a program can read, and nobody's data in them."""

from __future__ import annotations

import errno
import json
import logging
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError, OperationalError

from cbt.candidates.models import Candidate
from cbt.ops.logs import REMEDY, JsonLines
from cbt.storage.private_files import make_private
from cbt.storage.raw_connection import DATABASE_ERRORS, open_raw
from cbt.storage.unit_of_work import unit_of_work
from tests.world import START, World

LOGGER = "cbt.jobs.scheduler"


def line_of(
    error: BaseException | None, message: str = "the job %s failed", *values: object, folder: str = ""
) -> str:
    """Return the line a handler would write about `error`."""
    info = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.LogRecord(
        "cbt.jobs.scheduler", logging.ERROR, __file__, 1, message, values or ("beat",), info
    )
    return JsonLines(folder).format(record)


def test_a_line_is_one_json_object() -> None:
    said = json.loads(line_of(None))
    assert (said["level"], said["logger"], said["event"]) == (
        "error",
        "cbt.jobs.scheduler",
        "the job beat failed",
    )
    assert "\n" not in line_of(ValueError("two\nlines"))


def test_an_exception_is_told_by_its_types_and_places_from_the_last_to_the_first() -> None:
    try:
        try:
            int("王小明")
        except ValueError as error:
            raise RuntimeError("李四 310101199001011234") from error
    except RuntimeError:
        caught = sys.exc_info()[1]
    line = line_of(caught)
    first, second = json.loads(line)["error"]
    assert (first["type"], second["type"]) == ("builtins.RuntimeError", "builtins.ValueError")
    assert first["where"][-1].startswith("test_lines.py:")
    for personal in ("王小明", "李四", "310101199001011234"):
        assert personal not in line


def test_a_row_the_database_refuses_is_not_in_the_line(world: World) -> None:
    """PostgreSQL names the values of the key in its message."""
    row = {
        "ref": "ca_赵六",
        "name": "赵六",
        "gender": "",
        "document_type": "resident_id",
        "document_sealed": b"",
        "document_index": "f" * 64,
        "document_masked": "",
        "employer": "",
        "created_at": START,
    }
    caught: BaseException | None = None
    with world.app.app_context():
        try:
            with unit_of_work() as session:
                session.execute(insert(Candidate), [row, row])
        except IntegrityError as error:
            caught = error
    assert caught is not None
    assert "赵六" not in line_of(caught)
    assert "IntegrityError" in line_of(caught)


@pytest.mark.parametrize("key", [None, bytes(32)], ids=["in clear", "encrypted"])
def test_a_full_database_is_named_with_its_folder_and_what_to_do(tmp_path: Path, key: bytes | None) -> None:
    path = tmp_path / "cbt.db"
    make_private(path)
    with closing(open_raw(path, key)) as database:
        database.execute("CREATE TABLE t (v)")
        database.execute("PRAGMA max_page_count = 2")
        caught: Exception | None = None
        try:
            database.execute("INSERT INTO t VALUES (zeroblob(100000))")
        except DATABASE_ERRORS as error:
            caught = OperationalError("INSERT", {}, error)
            caught.__cause__ = error
    said = json.loads(line_of(caught, folder="/srv/data"))
    assert said["error"][1]["code"] == "SQLITE_FULL"
    assert (said["full"], said["remedy"]) == ("/srv/data", REMEDY)


@pytest.mark.parametrize(
    ("error", "folder"),
    [
        pytest.param(
            OSError(errno.ENOSPC, "full", "/mnt/copy/7.log"), "/mnt/copy", id="a file of another disk"
        ),
        pytest.param(OSError(errno.EDQUOT, "quota"), "/srv/data", id="a quota, no file named"),
        pytest.param(psycopg.errors.DiskFull(), "/srv/data", id="PostgreSQL's"),
        pytest.param(OSError(errno.EIO, "disk"), None, id="a failing disk is not full"),
        pytest.param(ValueError(), None, id="something else"),
    ],
)
def test_what_says_that_a_disk_is_full(error: Exception, folder: str | None) -> None:
    assert json.loads(line_of(error, folder="/srv/data")).get("full") == folder
