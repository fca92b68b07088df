"""An exam in trouble fires the right rule, and no other: played by the product, its clock moved by the test."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cbt.application import observation
from cbt.application.backups import note_failed
from cbt.errors import Unavailable
from cbt.http import health
from cbt.http.health import WARNINGS, Probe
from cbt.http.tls import ServedCertificate
from cbt.http.views import SHOWN
from cbt.runner.models import LateEntry
from cbt.storage.unit_of_work import unit_of_work
from cbt.storage.write_queue import batch, write_lock
from tests.conftest import Templates, installation
from tests.helpers import FakeClock
from tests.moments import Moment
from tests.watching.alerting import RULES, firing, promtool, read_rules, unit_test
from tests.watching.exam import WatchedExam
from tests.world import START

Trouble = Callable[[WatchedExam, pytest.MonkeyPatch], None]
GIB = 1024**3
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def exam(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedExam]:
    """One exam for all troubles: each is over before the next."""
    folder = tmp_path_factory.mktemp("watched")
    extra = {"backup_dir": folder / "backup", "journal_copy_dir": folder / "copy"}
    with installation(templates, "sqlite", folder, FakeClock(START), moment=Moment.RUNNING, **extra) as (
        _,
        world,
    ):
        assert world is not None
        yield WatchedExam(world)


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be well where a test has no process, and no disk or processor, of its own."""
    monkeypatch.setattr(write_lock, "time", SimpleNamespace(perf_counter=lambda: 0.0))
    monkeypatch.setattr(observation, "is_owned", lambda _folder: True)
    _free(monkeypatch, 100 * GIB)


def _free(patch: pytest.MonkeyPatch, left: int) -> None:
    usage = shutil.disk_usage("/")._replace(free=left)
    patch.setattr(health.shutil, "disk_usage", lambda _folder: usage)


def nothing(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    exam.go_on(4)


def network_is_gone(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    exam.go_on(7, pages=[])


def network_is_nearly_gone(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    exam.go_on(7, pages=exam.pages[:1], answering=False)


def database_takes_nothing(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Probe) -> None:
        raise OSError("it is not there")

    patch.setattr(Probe, "_begin_and_roll_back", refuse)
    exam.go_on(2)


def one_page_is_silent(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    exam.go_on(7, pages=exam.pages[1:])


def commits_fail(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("the disk says no")

    journal = exam.world.app.extensions["cbt_journal"]
    journal.commits.before_commit = refuse
    exam.go_on(2)
    journal.commits.before_commit = None


def commits_are_slow(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
    timer = count(0.0, 0.8)
    patch.setattr(batch, "time", SimpleNamespace(perf_counter=lambda: next(timer)))
    exam.go_on(10)


def somebody_holds_the_gate(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
    exam.go_on(1)
    timer = count(0.0, 0.3)
    patch.setattr(write_lock, "time", SimpleNamespace(perf_counter=lambda: next(timer)))
    exam.go_on(1)


def commits_hang(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        type(exam.world.app.extensions["cbt_journal"].writer), "unanswered", property(lambda _self: 6)
    )
    exam.go_on(2)


def pages_of_staff_break(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    watch = exam.world.app.request_log  # type: ignore[attr-defined]  # the app is one that is observed
    for _ in range(5):
        with pytest.raises(RuntimeError):
            watch.watch(_breaks, {"cbt.endpoint": "accounts.home"}, lambda *_: print)
    exam.go_on(1)


def _breaks(*_: object) -> Any:
    raise RuntimeError


def nobody_leads(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(exam.world.app.extensions, "cbt_scheduler", SimpleNamespace(running=False))
    exam.go_on(2)


def leader_stands_still(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    exam.go_on(2, leads=False)


def disk_is_nearly_full(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
    _free(patch, GIB // 4)
    exam.go_on(1)


def disk_fills(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
    _free(patch, GIB)
    exam.go_on(1)
    exam.stays(20)


def backups_are_old(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    exam.back_up(ago=timedelta(hours=3))
    exam.go_on(1)
    exam.stays(20)
    exam.back_up()


def backup_fails(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    settings, now = exam.world.app.extensions["cbt_settings"], exam.world.clock.now()
    with exam.world.app.app_context(), unit_of_work() as session:
        note_failed(session, settings.backup_dir, Unavailable("backup.missing", folder="gone"), at=now)
    exam.go_on(1)
    exam.back_up()


def backups_stay_here(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    exam.go_on(1)
    told = next(name for name in exam.scrapes[-1] if name.startswith("cbt_backup_failing"))
    exam.scrapes[-1][told.replace("cbt_backup_failing", "cbt_backups_unsent")] = 2.0
    exam.stays(4 * 16)


def warning(code: str) -> Trouble:
    """Have `/healthz` warn of `code`."""

    def play(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
        patch.setitem(exam.world.app.extensions, WARNINGS, [lambda: [code]])
        exam.go_on(5)

    return play


def copy_is_behind(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    mark = exam.world.app.extensions["cbt_settings"].data_dir / "copy.behind"
    mark.touch()
    exam.look()
    mark.unlink()


def writer_is_down(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observation, "is_owned", lambda _folder: False)
    exam.go_on(3)


def processes_end(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    metrics = exam.world.app.extensions["cbt_metrics"]
    for _ in range(5):
        metrics._counter.add(((metrics._starts.first, 1),))
        exam.go_on(1)


def wall_clock_jumps(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exam.world.clock, "drift", lambda: timedelta(hours=-1))
    exam.go_on(3)


def certificate_ends(in_days: int) -> Trouble:
    """Have the certificate end so soon."""

    def play(exam: WatchedExam, patch: pytest.MonkeyPatch) -> None:
        ends = ServedCertificate(exam.world.clock.now() + in_days * DAY, b"", "")
        patch.setitem(exam.world.app.extensions, SHOWN, ends)
        exam.go_on(1)

    return play


def server_is_gone(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    name = next(iter(exam.scrapes[-1]))
    exam.scrapes += [{name: 0.0}] * 2


def somebody_guesses(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    client = exam.world.app.test_client()
    for _ in range(30):
        client.post("/staff/sign-in", data={"login": "officer", "password": "not the one"})
    exam.go_on(1)


def nodes_differ(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    exam.go_on(1)
    own = {name: value for name, value in exam.scrapes[-1].items() if name.startswith("cbt_info")}
    exam.scrapes[-1] |= {re.sub(r'version="[^"]*"', 'version="0.0.1"', name): 1.0 for name in own}
    exam.stays(60)


def late_answers_wait(exam: WatchedExam, _patch: pytest.MonkeyPatch) -> None:
    with exam.world.app.app_context(), unit_of_work() as session:
        attempt_id = exam.world.sitters["theory"].attempt_id
        session.add(
            LateEntry(
                attempt_id=attempt_id,
                lease_epoch=1,
                seq=1,
                position=1,
                kind="answer",
                value='"A"',
                received_at=exam.world.clock.now(),
            )
        )
    exam.go_on(1)
    exam.stays(60 * 4)
    with exam.world.app.app_context(), unit_of_work() as session:
        session.query(LateEntry).delete()


PLAYS: dict[str, tuple[Trouble, set[str]]] = {
    "all is well": (nothing, set()),
    "one page is silent": (one_page_is_silent, set()),
    "the network is gone": (network_is_gone, {"CbtSavesCollapsed", "CbtCandidatesSilent"}),
    "one heartbeat comes through": (
        network_is_nearly_gone,
        {"CbtSavesCollapsed", "CbtCandidatesSilent"},
    ),
    "the database takes nothing": (database_takes_nothing, {"CbtNotSaving"}),
    "commits fail": (commits_fail, {"CbtRefusing"}),
    "commits are slow": (commits_are_slow, {"CbtCommitsSlow"}),
    "somebody holds the gate": (somebody_holds_the_gate, {"CbtGateHeld"}),
    "commits hang": (commits_hang, {"CbtSavesWait"}),
    "pages of staff break": (pages_of_staff_break, {"CbtStaffErrors"}),
    "nobody leads": (nobody_leads, {"CbtNoLeader"}),
    "the leader stands still": (leader_stands_still, {"CbtHeartbeatOld"}),
    "a disk is nearly full": (disk_is_nearly_full, {"CbtDiskFull"}),
    "a disk fills": (disk_fills, {"CbtDiskLow"}),
    "backups are old": (backups_are_old, {"CbtBackupOld"}),
    "a backup failed": (backup_fails, {"CbtBackupFailed"}),
    "backups are not sent": (backups_stay_here, {"CbtBackupsUnsent"}),
    "the copy is behind": (copy_is_behind, {"CbtCopyBehind"}),
    "the writer is down": (writer_is_down, {"CbtWriterDown"}),
    "processes end": (processes_end, {"CbtProcessesEnd"}),
    "a node's clock is off": (warning("clock.off"), {"CbtClockOff"}),
    "the wall clock jumps": (wall_clock_jumps, {"CbtClockJumped"}),
    "the log's head is not written": (warning("anchor.behind"), {"CbtAnchorBehind"}),
    "the database file is gone": (warning("db.gone"), {"CbtDatabaseFile"}),
    "the certificate ends": (certificate_ends(20), {"CbtCertificateEnds"}),
    "the certificate is over": (certificate_ends(2), {"CbtCertificateOver"}),
    "the server is gone": (server_is_gone, {"CbtDown"}),
    "somebody guesses": (somebody_guesses, {"CbtSignInsThrottled"}),
    "nodes differ": (nodes_differ, {"CbtVersionsDiffer"}),
    "late answers wait": (late_answers_wait, {"CbtLateAnswersWait"}),
}
_played: dict[str, tuple[list[dict[str, float]], set[str]]] = {}


@pytest.mark.parametrize("name", PLAYS)
def test_trouble_fires_its_rule_and_no_other(
    exam: WatchedExam, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    trouble, expected = PLAYS[name]
    exam.begin()
    trouble(exam, monkeypatch)
    _played[name] = (exam.scrapes, expected)
    assert firing(exam.scrapes, read_rules()) == expected


def test_promtool_says_the_same(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: the rules were held by the small evaluator alone")
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    file = tmp_path / "played.yml"
    file.write_text(unit_test(_played), "utf-8")
    tested = promtool("test", "rules", file)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_rule_is_played() -> None:
    played = set().union(*(expected for _, expected in PLAYS.values()))
    assert {rule.name for rule in read_rules()} == played
