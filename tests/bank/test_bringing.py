"""Several files, a folder or an archive are one import with one report, and an archive can do no harm."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import flask
import pytest
from click.testing import CliRunner

from cbt.bank.commands import bank as bank_commands
from cbt.bank.imports.checks import CheckStanding, Looked, sheet_of, standing_of
from cbt.errors import InvalidInput
from cbt.http import app_context
from cbt.interchange.upload import MOST_FILES, opened, safe_name, said, taken
from cbt.storage.unit_of_work import reading
from tests.bank.samples import ACTOR, BANK, check, published
from tests.bank.sheets import single, truth, workbook
from tests.helpers import FakeClock

ONE = workbook([truth("应当主动问候客户。", point="A-002")])
TWO = workbook([single(point="A-001"), single(point="A-001", answer="E")])


def archive(files: dict[str, bytes], *, encoding: str = "") -> bytes:
    """Return a zip; with an encoding its names are written so, without saying which it is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for mark, (name, content) in zip("xyz" * 200, files.items(), strict=False):
            info = zipfile.ZipInfo(name if not encoding else mark * len(name.encode(encoding)))
            info.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(info, content)
    body = buffer.getvalue()
    for mark, name in zip("xyz" * 200, files if encoding else (), strict=False):
        written = name.encode(encoding)
        body = body.replace(mark.encode() * len(written), written)
    return body


def standing(app: flask.Flask, ref: str) -> CheckStanding:
    with app.app_context(), reading() as session:
        return standing_of(session, bank_ref=BANK, ref=ref, actor=ACTOR)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("题库.xlsx", "题库.xlsx"),
        ("../../etc/passwd", "etc/passwd"),
        ("C:\\题库\\单选.xlsx", "C:/题库/单选.xlsx"),
        ("/abs/a.xlsx", "abs/a.xlsx"),
        ("a/~$题库.xlsx", ""),
        ("__MACOSX/._a.xlsx", ""),
        (".DS_Store", ""),
        ("..", ""),
        ("a\u202exslx.exe", "axslx.exe"),
        ("x" * 300 + ".xlsx", ("x" * 300 + ".xlsx")[-200:]),
    ],
)
def test_a_name_leads_nowhere_else(path: str, name: str) -> None:
    assert safe_name(path) == name


def test_what_is_brought_goes_by_one_name() -> None:
    assert said([("题库.xlsx", b"x")]) == "题库.xlsx"
    assert said([("题库/a.xlsx", b"x"), ("题库/b.xlsx", b"x")]) == "题库"
    assert said([("a.xlsx", b"x"), ("b.xlsx", b"x")]) == "a.xlsx +1"
    with pytest.raises(InvalidInput) as refused:
        taken([(f"{number}.xlsx", b"x") for number in range(MOST_FILES + 1)])
    assert refused.value.code == "bank.too_many_files"


def test_an_archive_with_names_of_a_chinese_system_is_its_files() -> None:
    body = archive({"题库/判断.xlsx": ONE, "题库/单选.xlsx": TWO}, encoding="gb18030")
    assert opened([("题库.zip", body)]) == [("题库/判断.xlsx", ONE), ("题库/单选.xlsx", TWO)]
    beside = opened([("题库.zip", archive({"a.xlsx": ONE})), ("b.xlsx", TWO)])
    assert [name for name, _content in beside] == ["b.xlsx", "题库.zip/a.xlsx"]


def bomb() -> bytes:
    return archive({"a.xlsx": b"\0" * 30_000_000})


def locked() -> bytes:
    body = bytearray(archive({"a.xlsx": ONE}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(mark) + place] |= 1
    return bytes(body)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(archive({"../a.xlsx": ONE}), "bank.package_names", id="slip"),
        pytest.param(archive({"/a.xlsx": ONE}), "bank.package_names", id="an absolute name"),
        pytest.param(archive({"a.zip": archive({"a.xlsx": ONE})}), "bank.package_nested", id="nested"),
        pytest.param(
            archive({"a.xlsx": archive({"b": ONE[:0]})}), "bank.package_nested", id="nested, disguised"
        ),
        pytest.param(bomb(), "bank.package_too_big", id="bomb"),
        pytest.param(
            archive({f"{number}.txt": b"1" for number in range(501)}), "bank.too_many_files", id="many"
        ),
        pytest.param(locked(), "bank.package_locked", id="locked"),
        pytest.param(
            b"PK\x03\x04" + b"\0" * 9 + b"PK\x05\x06" + b"\7" * 18, "bank.package_broken", id="broken"
        ),
        pytest.param(b"Rar!\x1a\x07\x00", "bank.archive_kind", id="rar"),
        pytest.param(archive({".DS_Store": b"x"}), "bank.no_file", id="nothing in it"),
    ],
)
def test_an_archive_that_no_author_makes_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        opened([("a.zip", content)])
    assert refused.value.code == code


def test_an_archive_is_one_import_with_one_report(bank: flask.Flask, clock: FakeClock) -> None:
    files = {"题库/一.xlsx": ONE, "题库/二.xlsx": TWO, "题库/说明.bin": b"\xff\xfe\0\1" * 9}
    ref = check(bank, clock, ("题库.zip", archive(files)))
    with bank.app_context(), reading() as session:
        sheet = sheet_of(session, bank_ref=BANK, ref=ref, actor=ACTOR, looked=Looked())
    assert sheet.summary.files == sorted(files)
    assert sheet.summary.total("add") == 2
    assert {(found.code, found.place.file) for found in sheet.findings} == {
        ("answer_no_choice", "题库/二.xlsx"),
        ("file_refused", "题库/说明.bin"),
    }
    assert [name for _number, name in sheet.marked] == ["题库/二.xlsx"]


def test_an_archive_that_is_refused_is_a_check_that_failed(bank: flask.Flask, clock: FakeClock) -> None:
    found = standing(bank, check(bank, clock, ("a.zip", archive({"../a.xlsx": ONE}))))
    assert found.error is not None
    assert (found.state, found.error.code, found.working) == ("failed", "bank.package_names", False)


@pytest.mark.parametrize("mode", ["update", "new"])
def test_a_command_brings_a_folder_in_under_terms(
    bank: flask.Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(app_context, "_factory", [lambda: bank])
    folder = tmp_path / "交来的题库"
    folder.mkdir()
    (folder / "~$一.xlsx").write_bytes(b"x")
    (folder / "一.xlsx").write_bytes(ONE)
    changed = truth("客服员应当如实介绍商品。", point="A-001", answer="×")
    (folder / "二.xlsx").write_bytes(workbook([changed]))
    done = command("import", str(folder), "--bank", BANK, "--mode", mode, "--state", "in_review", "--json")
    report = json.loads(done)
    assert (report["added"], report["changed"]) == (1, int(mode == "update"))
    assert {item["place"] for item in report["items"] if item["action"] == "add"} == {
        "交来的题库/一.xlsx!试题:2"
    }
    assert published(bank) == {"A-001-T1": 1}
    again = json.loads(command("import", str(folder), "--bank", BANK, "--mode", "add", "--json"))
    assert (again["added"], again["skipped"]) == (2, 0)


def command(*words: str) -> str:
    """Return what a command prints."""
    result = CliRunner().invoke(bank_commands, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout
