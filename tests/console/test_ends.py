"""How a command ends, whatever stopped it; and what comes through a pipe."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import OperationalError

from cbt.cli import build
from cbt.config import Settings
from cbt.console import exits
from cbt.console.command import FILE
from cbt.console.exits import end_of
from cbt.console.texts import REASONS, explain, text
from cbt.errors import CbtError, InvalidInput, NotFound, Unavailable
from cbt.ops.preparation import in_child
from cbt.paths import product_dir

CHECKOUT = product_dir("templates").parent


def file_error(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/somewhere")


@pytest.mark.parametrize(
    ("stopped", "code", "said"),
    [
        pytest.param(click.Abort(), 130, "", id="interrupted"),
        pytest.param(KeyboardInterrupt(), 130, "", id="interrupted late"),
        pytest.param(exits.Unread(), 141, "", id="the reader has gone"),
        pytest.param(InvalidInput("console.not_text"), 2, "console.not_text", id="refused"),
        pytest.param(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), 2, "console.not_text", id="not UTF-8"),
        pytest.param(file_error(errno.ENOENT), 2, "console.file.not_there", id="no such file"),
        pytest.param(file_error(errno.EACCES), 2, "console.file.not_allowed", id="no permission"),
        pytest.param(file_error(errno.EISDIR), 2, "console.file.folder", id="a folder"),
        pytest.param(file_error(errno.ENOSPC), 2, "console.file.full", id="a full disk"),
        pytest.param(file_error(errno.EIO), 70, "console.unforeseen", id="a failing disk"),
        pytest.param(
            OperationalError("x", {}, Exception()), 75, "console.database", id="the database is away"
        ),
        pytest.param(KeyError("110101"), 70, "console.unforeseen", id="an error nobody foresaw"),
    ],
)
def test_what_stopped_a_command_has_a_code_and_two_sentences(
    stopped: BaseException, code: int, said: str
) -> None:
    end = end_of(stopped)
    assert (end.code, "" if end.error is None else end.error.code) == (code, said)
    if end.error is not None:
        what, fix = explain(end.error)
        assert not what.startswith("error.")
        assert not fix.startswith("error.")
        assert "110101" not in what


@pytest.mark.parametrize("code", sorted(set(exits._FILES.values())))
def test_every_fault_of_a_file_has_its_sentences(code: str) -> None:
    what, fix = explain(Unavailable(code, path="/somewhere"))
    assert "/somewhere" in what
    assert not fix.startswith("error.")


def test_why_the_system_would_not_is_said_in_our_words_and_what_none_knows_in_its_own() -> None:
    for number, said in ((errno.ENOSPC, "磁盘已满"), (errno.EMLINK, os.strerror(errno.EMLINK))):
        assert said in explain(Unavailable("safety.no_room", path="/x", detail=file_error(number)))[0]
    assert [text(known) for known in REASONS.values() if text(known) == known] == []


def test_a_terminal_is_not_sent_to_a_page() -> None:
    assert "cbt sitting list" in explain(NotFound("sitting.unknown"))[1]


def test_a_link_to_nowhere_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match=r"console\.not_there"):
        FILE.convert(str(tmp_path / "link"), None, None)


def test_an_interrupted_command_prints_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cbt.blueprints.commands.schema_text", interrupted)
    ended = CliRunner().invoke(build(), ["blueprint", "schema"])
    assert (ended.exit_code, ended.output.strip()) == (130, "")


def test_a_reader_that_has_gone_ends_it_without_a_word() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "cbt.cli", "--help"],
        cwd=CHECKOUT,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def refusing(_settings: Settings) -> str:
    raise InvalidInput("console.file_there", path="/somewhere")


def failing(_settings: Settings) -> str:
    raise KeyError("110101")


def dying(_settings: Settings) -> str:
    os._exit(9)


@pytest.mark.parametrize(
    ("work", "code"),
    [
        pytest.param(refusing, "console.file_there", id="a refusal"),
        pytest.param(failing, "console.unforeseen", id="an error nobody foresaw"),
        pytest.param(dying, "serve.not_prepared", id="a child that was killed"),
    ],
)
def test_what_a_child_refuses_is_refused_by_its_parent(work: object, code: str, tmp_path: Path) -> None:
    with pytest.raises(CbtError) as refused:
        in_child(work, Settings(data_dir=tmp_path))  # type: ignore[arg-type]
    assert refused.value.code == code
    assert explain(refused.value)[0]
