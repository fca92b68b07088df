"""Each check of `cbt doctor`: what is there, and what follows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cbt.config import Settings, Sourced
from cbt.errors import InvalidInput, Unavailable
from cbt.ops.doctor import commands, machine, server
from cbt.ops.doctor import data as backups
from cbt.ops.doctor.commands import CHECKS, ENDS
from cbt.ops.doctor.findings import Check, Diagnosis, Fetched, Grade, Patient, Seen, Symptom, diagnosis, worst
from cbt.translations.compiler import LANGUAGES, texts_of
from tests.exams.sources import shipped

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
MIB = 1024 * 1024


def of(settings: Settings, *, holder: str = "", url: str = "") -> Patient:
    """An installation with these settings."""
    return Patient(Sourced(settings, None, {}, adrift=False), NOW, holder, url)


def codes(seen: object) -> list[str]:
    return [one.code for one in seen]  # type: ignore[attr-defined]


@pytest.fixture(scope="module", params=LANGUAGES)
def texts(request: pytest.FixtureRequest) -> dict[str, str]:
    """The catalogue of a language."""
    return texts_of(request.param)


@pytest.mark.parametrize("name", CHECKS)
def test_every_finding_of_every_check_has_its_words(name: str, texts: dict[str, str]) -> None:
    known = CHECKS[name].codes
    wanted = {f"doctor.{name}", *(f"doctor.{name}.{code}" for code in known)}
    wanted |= {
        f"doctor.{name}.{code}.fix" for code, grade in known.items() if grade in (Grade.WARN, Grade.FAIL)
    }
    assert wanted - texts.keys() == set()
    ours = {one for one in texts if one.startswith(f"doctor.{name}.")}
    assert ours - wanted == set(), "a text that nothing says"


def test_the_exit_code_is_that_of_the_gravest_finding() -> None:
    def found(*grades: Grade) -> int:
        return ENDS[worst([Diagnosis("any", grade, "x", "", "") for grade in grades])]

    assert found() == 0
    assert found(Grade.OK, Grade.NONE) == 0
    assert found(Grade.WARN, Grade.NONE, Grade.OK) == 1
    assert found(Grade.FAIL, Grade.WARN) == 2


def test_an_error_in_the_way_says_itself_and_a_check_that_breaks_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = diagnosis("port", {}, Unavailable("serve.port", port=8000))
    assert (told.grade, told.code) == (Grade.FAIL, "serve.port")
    assert "8000" in told.what
    assert told.fix

    def broken(_patient: Patient) -> Seen:
        raise ZeroDivisionError("a row's value")

    monkeypatch.setattr(commands, "CHECKS", {**CHECKS, "limits": Check(CHECKS["limits"].codes, broken)})
    sourced = Sourced(Settings(data_dir=tmp_path / "data"), None, {}, adrift=False)
    found = {one.check: one for one in commands.examine(lambda: sourced, now=NOW)}
    assert found["any"].code == "unforeseen"
    assert "ZeroDivisionError" in found["any"].what
    assert "a row's value" not in found["any"].what
    assert set(CHECKS) - set(found) == {"limits"}
    assert not (tmp_path / "data").exists(), "looking makes nothing"


def test_settings_that_cannot_be_read_leave_nothing_to_look_at() -> None:
    def read() -> Sourced:
        raise InvalidInput("config.switch", name="CBT_SECURE_COOKIES", value="yes")

    [only] = commands.examine(read, now=NOW)
    assert (only.check, only.grade, only.code) == ("settings", Grade.FAIL, "config.switch")


@pytest.mark.parametrize(
    ("off", "code", "said"),
    [
        pytest.param(timedelta(seconds=1.9), "agrees", "+1.9", id="ahead a little"),
        pytest.param(timedelta(seconds=-0.04), "agrees", "+0.0", id="nothing to speak of"),
        pytest.param(timedelta(seconds=-2), "apart", "-2.0", id="two seconds behind"),
    ],
)
def test_a_clock_beside_the_databases(off: timedelta, code: str, said: str) -> None:
    found = machine.agreement(NOW + off, NOW)
    assert (found.code, found.params["seconds"]) == (code, said)


@pytest.mark.parametrize(
    ("most", "code"), [(1023, "too_few"), (1024, "few"), (8191, "few"), (8192, "ok"), (1_048_576, "ok")]
)
def test_open_files(most: int, code: str) -> None:
    assert machine.judge_open_files(most).code == code


@pytest.mark.parametrize(("free", "code"), [(64 * MIB - 1, "full"), (64 * MIB, "low"), (512 * MIB, "ok")])
def test_room_on_a_disk(free: int, code: str) -> None:
    assert machine.judge_space("data", free).code == code


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        pytest.param("/var/lib/cbt/data", "ext4", id="the root's"),
        pytest.param("/dev/shm/data", "tmpfs", id="in memory"),
        pytest.param("/mnt/the share/data", "nfs4", id="a share with a space in its name"),
        pytest.param("/srv/data", "xfs", id="mounted over another"),
    ],
)
def test_what_a_folder_lies_on(folder: str, kind: str) -> None:
    mounts = (
        "/dev/vda / ext4 rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\nnas:/x /mnt/the\\040share nfs4 rw 0 0\n"
        "/dev/vdb /srv ext4 rw 0 0\n/dev/vdc /srv xfs rw 0 0\n"
    )
    assert machine.kind_of(Path(folder), mounts) == kind


@pytest.mark.parametrize(
    ("milliseconds", "code"), [(0.1, "ok"), (19.9, "ok"), (20, "slow"), (149, "slow"), (150, "too_slow")]
)
def test_a_forced_write(milliseconds: float, code: str) -> None:
    assert machine.judge_speed(Path("data"), milliseconds).code == code


def test_a_disk_is_measured_by_its_median_and_not_for_long(tmp_path: Path) -> None:
    ticks = iter([0.0, *(moment for write in range(3) for moment in (write, write + 0.003, write * 0.2))])
    assert machine.forced_ms(tmp_path, clock=lambda: next(ticks)) == pytest.approx(3)
    assert list(tmp_path.iterdir()) == []


def test_the_second_copy(tmp_path: Path) -> None:
    data, beside = tmp_path / "data", tmp_path / "copy"
    data.mkdir()
    given = Settings(data_dir=data)
    assert codes(backups.examine_second_copy(of(given))) == ["none"]
    assert codes(backups.examine_second_copy(of(Settings(data_dir=data, journal_copy_dir=beside)))) == [
        "away"
    ]
    beside.mkdir()
    assert codes(backups.examine_second_copy(of(Settings(data_dir=data, journal_copy_dir=beside)))) == [
        "same_disk"
    ]
    assert not backups.same_disk(Path("/proc"), data)
    assert codes(backups.examine_second_copy(of(Settings(database_url="postgresql+psycopg://x/y")))) == [
        "postgresql"
    ]


@pytest.mark.parametrize(
    ("minutes", "serving", "code"),
    [
        pytest.param(None, True, "never", id="none yet"),
        pytest.param(120, True, "ok", id="twice the span"),
        pytest.param(121, True, "old", id="past it"),
        pytest.param(9000, False, "ok", id="no server ran"),
    ],
)
def test_the_newest_backup(minutes: int | None, serving: bool, code: str) -> None:
    newest = None if minutes is None else NOW - timedelta(minutes=minutes)
    assert backups.judge_backups(Settings(), newest, now=NOW, serving=serving).code == code


def test_the_folder_of_backups(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "backups"
    data.mkdir()
    given = Settings(data_dir=data, backup_dir=folder)
    assert codes(backups.examine_backups(of(Settings(data_dir=data)))) == ["none"]
    assert codes(backups.examine_backups(of(given))) == ["away"]
    made = folder / "cbt-20261127T075900Z"
    made.mkdir(parents=True)
    assert codes(backups.examine_backups(of(given))) == ["same_disk", "never"]
    (made / "manifest.json").touch()
    assert codes(backups.examine_backups(of(given))) == ["same_disk", "ok"]


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        pytest.param(200, {"ok": True, "database": "ok"}, "saves", id="well"),
        pytest.param(200, {"ok": True, "database": "ok", "warnings": ["disk.low:data"]}, "warns", id="warns"),
        pytest.param(503, {"ok": False, "database": "failed"}, "refuses", id="cannot save"),
        pytest.param(404, {}, "silent", id="something else listens"),
        pytest.param(0, {}, "silent", id="nothing answers"),
    ],
)
def test_a_running_server(status: int, said: Mapping[str, object], code: str) -> None:
    found = diagnosis(
        "port",
        server.PORT_CODES,
        server.judge_port("http://127.0.0.1:8000", Fetched(status, json.dumps(said))),
    )
    assert found.code == code
    assert "%(" not in found.what + found.fix


def test_something_that_answers_otherwise_is_no_server_of_ours() -> None:
    assert server.judge_port("http://127.0.0.1:8000", Fetched(200, "<html>")).code == "silent"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        pytest.param(Settings(), "none", id="none"),
        pytest.param(Settings(host="127.0.0.1"), "unnamed", id="only this machine is listened to"),
        pytest.param(Settings(secure_cookies=True), "unnamed", id="https by somebody else"),
        pytest.param(
            Settings(tls_cert=Path("c"), tls_key=Path("k"), secure_cookies=True), "none", id="own https"
        ),
        pytest.param(Settings(trusted_proxies="10.0.0.5", secure_cookies=True), "named", id="named"),
        pytest.param(Settings(trusted_proxies="10.0.0.5"), "in_clear", id="without https"),
        pytest.param(Settings(trusted_proxies="10.0.0.0/8"), "everybody", id="the whole network"),
        pytest.param(Settings(trusted_proxies="::/0"), "everybody", id="everybody"),
    ],
)
def test_a_proxy(settings: Settings, code: str) -> None:
    assert server.judge_proxy(settings).code == code


@pytest.mark.parametrize(
    ("left", "code"),
    [
        pytest.param(timedelta(days=31), "lasts", id="a month and a day"),
        pytest.param(timedelta(days=30), "ends", id="a month"),
        pytest.param(timedelta(), "over", id="to the second"),
    ],
)
def test_a_certificate(left: timedelta, code: str) -> None:
    assert server.judge_certificate(NOW + left, now=NOW).code == code


def test_files_that_others_can_read(tmp_path: Path) -> None:
    given = Settings(data_dir=tmp_path / "data")
    for folder in (given.data_dir, given.keys):
        folder.mkdir(mode=0o700)
    (given.keys / "personal.key").touch(mode=0o600)
    assert codes(backups.examine_permissions(of(given))) == ["ok"]
    (given.keys / "personal.key").chmod(0o640)
    [seen] = backups.examine_permissions(of(given))
    assert isinstance(seen, Symptom)
    assert (seen.code, seen.params["path"]) == ("open", given.keys / "personal.key")
    assert (given.keys / "personal.key").stat().st_mode & 0o777 == 0o640, "looking changes nothing"


@pytest.mark.parametrize("which", ["settings file", "certificate's key"])
@pytest.mark.parametrize(
    ("mode", "found", "command"),
    [
        pytest.param(0o600, "ok", "", id="the owner's alone"),
        pytest.param(0o640, "ok", "", id="the server's group reads"),
        pytest.param(0o644, "read", "chmod 600 {}", id="others read"),
        pytest.param(0o660, "written", "chmod 600 {}", id="the group writes"),
        pytest.param(0o602, "written", "chmod 600 {}", id="others write"),
    ],
)
def test_a_file_beside_that_others_can_read_or_change(
    tmp_path: Path, which: str, mode: int, found: str, command: str
) -> None:
    file = tmp_path / "a file"
    file.touch()
    file.chmod(mode)
    given = Settings(data_dir=tmp_path / "data", tls_key=file if which != "settings file" else None)
    for folder in (given.data_dir, given.keys):
        folder.mkdir(mode=0o700)
    there = Sourced(given, file if which == "settings file" else None, {}, adrift=False)
    seen = list(backups.examine_permissions(Patient(there, NOW, "")))
    assert codes(iter(seen)) == [found]
    assert file.stat().st_mode & 0o777 == mode, "looking changes nothing"
    if command:
        assert isinstance(seen[0], Symptom)
        assert seen[0].params["command"] == command.format(f"'{file}'")


@pytest.mark.parametrize(
    ("owner", "group", "mode", "found", "command"),
    [
        pytest.param(0, 59998, 0o640, "ok", "", id="root's, the server's group reads"),
        pytest.param(
            0, 100, 0o640, "read", "sudo chown root:59998 {0} && sudo chmod 640 {0}", id="another group"
        ),
        pytest.param(
            0, 59998, 0o664, "written", "sudo chown root:59998 {0} && sudo chmod 640 {0}", id="group writes"
        ),
        pytest.param(59998, 59998, 0o600, "ok", "", id="the server's user's"),
        pytest.param(
            1000, 59998, 0o600, "owned", "sudo chown root:59998 {0} && sudo chmod 640 {0}", id="somebody's"
        ),
    ],
)
def test_whose_the_settings_file_is(
    tmp_path: Path,
    owner: int,
    group: int,
    mode: int,
    found: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "cbt.env"
    file.touch()
    file.chmod(mode)
    given = Settings(data_dir=tmp_path / "data")
    for folder in (given.data_dir, given.keys):
        folder.mkdir(mode=0o700)
    owners = {file: (owner, group), given.data_dir: (59998, 59998)}
    stat = Path.stat

    def owned(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        real = stat(path, follow_symlinks=follow_symlinks)
        user, its_group = owners.get(path, (real.st_uid, real.st_gid))
        return os.stat_result((*real[:4], user, its_group, *real[6:]))

    monkeypatch.setattr(Path, "stat", owned)
    seen = list(backups.examine_permissions(Patient(Sourced(given, file, {}, adrift=False), NOW, "")))
    assert codes(iter(seen)) == [found]
    if command:
        assert isinstance(seen[0], Symptom)
        assert seen[0].params["command"] == command.format(file)


PAGE = '<link href="/static/a/base.css"><script src="/static/a/page.js"></script>'


@pytest.mark.parametrize(
    ("web", "found"),
    [
        pytest.param({}, ["reached"], id="whole"),
        pytest.param({"/": Fetched(502, "")}, ["unreached"], id="refused"),
        pytest.param({"/": Fetched(200, "<h1>It works!</h1>")}, ["unreached"], id="another page"),
        pytest.param({"/static/a/page.js": Fetched(404, "")}, ["bare"], id="a script is lacking"),
        pytest.param({"/metrics": Fetched(200, "")}, ["reached", "metrics_open"], id="metrics for everybody"),
        pytest.param({"/": Fetched(200, PAGE)}, ["reached", "not_strict"], id="no HSTS"),
    ],
)
def test_a_page_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch, web: Mapping[str, Fetched], found: list[str]
) -> None:
    usual = {
        "/": Fetched(200, PAGE, strict=True),
        "/static/a/base.css": Fetched(200, ""),
        "/static/a/page.js": Fetched(200, ""),
        "/metrics": Fetched(404, ""),
    }
    url = "https://exam.example.org"
    monkeypatch.setattr(server, "fetch", lambda address: (usual | dict(web))[address.removeprefix(url)])
    assert codes(server.examine_pages(of(Settings(), url=url))) == found


def test_without_a_server_there_is_no_page() -> None:
    assert codes(server.examine_pages(of(Settings()))) == ["not_running"]


def test_a_blueprint_file_that_cannot_be_used_is_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "blueprints"
    folder.mkdir()
    own = Settings(data_dir=tmp_path, blueprint_dir=folder)
    assert codes(server.examine_blueprints(of(own))) == ["none"]
    (folder / "l3.toml").write_text("schema = [", "utf-8")
    (seen,) = server.examine_blueprints(of(own))
    assert isinstance(seen, Symptom)
    assert (seen.code, "l3.toml" in str(seen.params["what"])) == ("faulty", True)
    (folder / "l3.toml").write_text(shipped("l3").read_text("utf-8"), "utf-8")
    assert codes(server.examine_blueprints(of(own))) == ["ok"]
