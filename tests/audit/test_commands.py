"""`cbt audit head` and `verify` against heads that were kept: what they print and how they end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from cbt.application.app import create_app
from cbt.audit.anchor import FILE, Anchor, anchor_file, append_line
from cbt.audit.chain import EntryDraft, record
from cbt.audit.verification import audit, read_anchors
from cbt.config import Settings
from cbt.errors import InvalidInput
from cbt.http import app_context
from cbt.storage.unit_of_work import unit_of_work
from cbt.storage.write_queue.change_set import Rows, put_down
from tests.conftest import close_engine
from tests.helpers import FakeClock

AT = datetime(2026, 11, 24, 1, tzinfo=UTC)


@pytest.fixture
def anchored(app: flask.Flask, clock: FakeClock, tmp_path: Path) -> Iterator[flask.Flask]:
    """The product with an anchor on what stands for another disk."""
    close_engine(app)
    (tmp_path / "other").mkdir()
    settings: Settings = replace(app.extensions["cbt_settings"], audit_anchor=tmp_path / "other")
    served = create_app(settings, clock=clock)
    former = list(app_context._factory)
    app_context.register_factory(lambda: served)
    yield served
    app_context._factory[:] = former
    close_engine(served)


def act(app: flask.Flask, *names: str) -> None:
    with app.app_context(), unit_of_work() as session:
        for name in names:
            record(session, at=AT, actor="cli", act=name, subject="room:1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(audit, list(arguments))


def kept(tmp_path: Path) -> list[int]:
    return [one.number for one in read_anchors(tmp_path / "other")]


def test_the_head_is_printed_for_people_and_programs(anchored: flask.Flask) -> None:
    assert "没有内容" in run("head").output
    act(anchored, "a", "b")
    printed = run("head").output.strip()
    number, at, digits = printed.split()
    assert (number, at) == ("2", "2026-11-24T01:00:00Z")
    assert [len(group) for group in digits.split("-")] == [4] * 8
    assert f'"head": "{printed}"' in run("head", "--json").output


def test_each_act_leaves_its_head_on_the_other_disk(anchored: flask.Flask, tmp_path: Path) -> None:
    act(anchored, "a", "b")
    act(anchored, "c")
    assert kept(tmp_path) == [2, 3]
    assert (tmp_path / "other" / FILE).read_text("ascii").splitlines()[-1] == run("head").output.strip()
    assert (tmp_path / "other" / FILE).stat().st_mode & 0o777 == 0o600


def test_what_goes_along_with_the_saves_leaves_its_head_there_too(
    anchored: flask.Flask, tmp_path: Path
) -> None:
    act(anchored, "a")
    nothing = Rows("UPDATE audit_head SET hash = ? WHERE id = ?", [("", 7)], 1)
    with anchored.app_context():
        assert put_down(lines=[EntryDraft(AT, "scheduler", "b", "room:1")])
        assert not put_down(nothing, lines=[EntryDraft(AT, "scheduler", "c", "room:1")])
    assert kept(tmp_path) == [1, 2]


def test_an_act_that_is_not_committed_leaves_none(anchored: flask.Flask, tmp_path: Path) -> None:
    act(anchored, "a")
    with anchored.app_context(), pytest.raises(RuntimeError), unit_of_work() as session:
        record(session, at=AT, actor="cli", act="lost", subject="room:1")
        raise RuntimeError
    assert kept(tmp_path) == [1]


def test_verify_against_what_was_kept(anchored: flask.Flask, tmp_path: Path) -> None:
    act(anchored, "a", "b", "c")
    head = run("head").output.strip()
    act(anchored, "d")
    for arguments in (("--since", head), ("--anchors", str(tmp_path / "other"))):
        done = run("verify", *arguments)
        assert done.exit_code == 0, done.output
        assert "相符" in done.output


@pytest.mark.parametrize("by", ["--since", "--anchors"])
def test_a_cut_ends_with_1_and_names_the_entry(anchored: flask.Flask, tmp_path: Path, by: str) -> None:
    act(anchored, "a", "b")
    act(anchored, "c", "d")
    given = run("head").output.strip() if by == "--since" else str(tmp_path / "other")
    with anchored.app_context(), unit_of_work() as session:
        session.execute(text("DELETE FROM audit_entry WHERE id > 3"))
    done = run("verify", by, given)
    assert done.exit_code == 1
    assert "保存的锚点在第 4 条，现在只到第 3 条" in done.stderr
    assert '"cut": true' in run("verify", by, given, "--json").output


def test_a_rewritten_entry_ends_with_1(anchored: flask.Flask) -> None:
    act(anchored, "a", "b")
    head = run("head").output.strip()
    with anchored.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE audit_entry SET reason = 'x' WHERE id = 2"))
    assert run("verify").exit_code == 2
    done = run("verify", "--since", head)
    assert done.exit_code == 1
    assert "第 2 条" in done.stderr


@pytest.mark.parametrize("given", [("--since", "8"), ("--anchors", "nowhere.txt")])
def test_what_is_no_head_is_told(anchored: flask.Flask, given: tuple[str, str]) -> None:
    assert isinstance(run("verify", *given).exception, InvalidInput)


def test_a_disk_that_is_away_is_told_and_loses_no_act(anchored: flask.Flask, tmp_path: Path) -> None:
    act(anchored, "a")
    (tmp_path / "other").rename(tmp_path / "unplugged")
    act(anchored, "b")
    client = anchored.test_client()
    assert client.get("/healthz").get_json()["warnings"] == ["anchor.behind"]
    assert "共 2 条" in run("verify").output
    (tmp_path / "unplugged").rename(tmp_path / "other")
    assert client.get("/healthz").get_json()["warnings"] == ["anchor.behind"], "until it has the newest head"
    act(anchored, "c")
    assert "warnings" not in client.get("/healthz").get_json()
    assert kept(tmp_path) == [1, 3]
    assert run("verify", "--anchors", str(tmp_path / "other")).exit_code == 0


def test_a_disk_that_hangs_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr("cbt.audit.anchor.append_line", lambda *_: answers.wait())
    anchor = Anchor(tmp_path / FILE, tmp_path / "mark", patience=timedelta(milliseconds=20))
    anchor.follow("the first waits for the disk")
    assert anchor.behind
    anchor.follow("the next does not queue up behind it")
    answers.set()
    # A busy machine may take longer than a hanging disk is given.
    monkeypatch.setattr(anchor, "_patience", 30.0)
    anchor.follow("and this one finds it answering")
    assert not anchor.behind


def test_lines_of_many_at_once_do_not_mix(tmp_path: Path) -> None:
    digits = "-".join(["1a2b"] * 8)
    lines = [f"{number} 2026-11-24T01:00:00Z {digits}" for number in range(40)]
    threads = [threading.Thread(target=append_line, args=(tmp_path / "heads.txt", line)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((tmp_path / "heads.txt").read_text("ascii").splitlines()) == sorted(lines)


@pytest.mark.parametrize("place", ["data/heads.txt", "data", "keys/heads.txt", "data/../data/deep/heads.txt"])
def test_an_anchor_beside_the_data_or_the_keys_is_refused(
    app: flask.Flask, tmp_path: Path, place: str
) -> None:
    settings = replace(app.extensions["cbt_settings"], audit_anchor=tmp_path / place)
    with pytest.raises(InvalidInput, match=r"audit\.anchor_place"):
        create_app(settings)


@pytest.mark.parametrize(
    ("place", "file"),
    [
        pytest.param("heads.log", "heads.log", id="a file"),
        pytest.param("there", f"there/{FILE}", id="a folder"),
        pytest.param("away", f"away/{FILE}", id="a folder that is not there yet"),
    ],
)
def test_a_setting_names_a_file_or_a_folder(tmp_path: Path, place: str, file: str) -> None:
    (tmp_path / "there").mkdir()
    assert anchor_file(tmp_path / place) == tmp_path / file
