"""Every format of the registry has its pieces, and pages and commands ask the registry alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import flask
import pytest
from click.testing import CliRunner

import cbt.interchange
from cbt.bank.commands import bank
from cbt.config import LOCALES
from cbt.errors import CbtError
from cbt.http import app_context
from cbt.interchange import registry
from cbt.interchange.format import Confidence, Content, Format
from cbt.interchange.registry import FORMATS
from cbt.items.draft import AS_INFERRED, Adjustments, ItemDraft, Reading
from cbt.spreadsheets.findings import Finding, Place, Severity
from tests.bank.field_texts.containers import page, text, word
from tests.bank.field_texts.layouts import Written
from tests.bank.open_samples import AIKEN, GIFT, MOODLE, qti_package
from tests.bank.samples import ITEMS, TAXONOMY
from tests.bank.sheets import single, truth, workbook
from tests.bank.test_import_pages import send, work
from tests.journeys.centre import text_of
from tests.world import World

BANK = "customer-service-l3"


def text_bank(folder: Path) -> Content:
    (folder / "taxonomy.toml").write_text(TAXONOMY, "utf-8")
    (folder / "items.toml").write_text(ITEMS, "utf-8")
    return folder


LINES_OF_A_BANK = [
    Written("一、单选题", heading=True),
    Written("1. 接待员离柜前应当（　　）。"),
    *(Written(f"{letter}. {words}") for letter, words in zip("ABC", ("登记", "致谢", "核对"), strict=True)),
    Written("答案：C"),
]
JSON = b'[{"type": "single", "question": "Which is right?", "options": ["this", "that"], "answer": "B"}]'
SAMPLES: dict[str, Callable[[Path], Content]] = {
    "tables": lambda _folder: workbook([single(), truth()]),
    "text": text_bank,
    "gift": lambda _folder: GIFT,
    "aiken": lambda _folder: AIKEN,
    "moodle": lambda _folder: MOODLE,
    "qti": lambda _folder: qti_package(),
    "word": lambda _folder: word(LINES_OF_A_BANK),
    "plain": lambda _folder: text(LINES_OF_A_BANK, "gb18030"),
    "page": lambda _folder: page(LINES_OF_A_BANK),
    "fields": lambda _folder: JSON,
}
"""One sound bank of each format."""


def each(formats: Iterable[Format]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("one", list(formats), ids=lambda one: one.name)


every_format = each(FORMATS)


def test_every_format_is_listed_and_has_a_name_and_a_sample() -> None:
    sources = [path.read_text("utf-8") for path in Path(*cbt.interchange.__path__).rglob("*.py")]
    written = sum(len(re.findall(r"^[A-Z]+ = Format\(", source, re.MULTILINE)) for source in sources)
    names = [one.name for one in FORMATS]
    assert sorted(names) == sorted(SAMPLES)
    assert len(names) == written
    endings = registry.file_endings()
    assert len(endings) == len(set(endings))
    assert all(ending.startswith(".") and ending == ending.lower() for ending in endings)


@every_format
def test_a_sound_bank_is_read_by_its_format(one: Format, tmp_path: Path) -> None:
    content = SAMPLES[one.name](tmp_path)
    found = registry.read(content, "a")
    assert found.form == one.name
    assert found.items
    assert found.findings == []


@every_format
def test_a_format_is_surest_of_its_own_and_refuses_what_it_does_not_know(one: Format, tmp_path: Path) -> None:
    for name, sample in SAMPLES.items():
        content = sample(tmp_path)
        sure = {other.name: other.detect(content, "a") for other in FORMATS}
        assert max(sure, key=lambda key: sure[key]) == name
        if sure[one.name] is Confidence.NO:
            with pytest.raises(CbtError):
                one.read(content, "a", AS_INFERRED)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 64, "鉴定点代码,题干\n".encode()], ids=["empty", "zeros", "csv"]
)
def test_what_is_of_no_format_is_refused(content: bytes) -> None:
    assert {one.detect(content, "题库.xlsx") for one in FORMATS if one.name != "plain"} == {Confidence.NO}
    with pytest.raises(CbtError) as refused:
        registry.read(content, "题库.xlsx")
    assert refused.value.code in {"bank.not_workbook", "bank.no_items"}


@each(one for one in FORMATS if one.mark is not None)
def test_a_marked_file_is_still_of_its_format(one: Format, tmp_path: Path, app: flask.Flask) -> None:
    content = SAMPLES[one.name](tmp_path)
    assert one.mark is not None
    assert isinstance(content, bytes)
    found = registry.read(content, "a")
    wrong = [Finding(Severity.ERROR, "type_unknown", draft.place("type"), "Q") for draft in found.items]
    with app.test_request_context():
        again = registry.read(one.mark(content, wrong), "a")
    assert [draft.data for draft in again.items] == [draft.data for draft in found.items]


@each(one for one in FORMATS if one.template is not None)
def test_an_empty_file_to_fill_in_is_of_its_format(one: Format, app: flask.Flask) -> None:
    with app.test_request_context():
        found = registry.read(registry.template_for(f"a{one.endings[0].upper()}"), "a")
    assert found.form == one.name
    assert found.items == []
    assert [one for one in found.findings if one.severity is Severity.ERROR] == []


@every_format
def test_a_format_has_a_name_that_people_call_it(one: Format) -> None:
    for language in LOCALES:
        assert text_of(language, f"bank.format.{one.name}") != f"bank.format.{one.name}"


def _read_lines(content: Content, name: str, _adjust: Adjustments) -> Reading:
    assert isinstance(content, bytes)
    stems = content.decode().splitlines()[1:]
    items = [
        ItemDraft(
            "",
            {"type": "true_false", "point": "A-A-A-001", "stem": stem, "answer": True, "difficulty": 3},
            {"": Place(name, line=number)},
        )
        for number, stem in enumerate(stems, 2)
    ]
    return Reading("lines", name, items, [])


LINES = Format(
    "lines",
    lambda content, _name: Confidence(2 * (isinstance(content, bytes) and content.startswith(b"LINES"))),
    _read_lines,
    endings=(".lines",),
)
LINES_FILE = "LINES\n接待员在客户离柜前应当确认诉求已经办结。\n".encode()


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plug in a format that can detect and read, and nothing else."""
    monkeypatch.setattr(registry, "FORMATS", (*FORMATS, LINES))


@pytest.mark.usefixtures("plugged")
def test_a_format_that_is_plugged_in_is_met_on_the_pages(world: World) -> None:
    client = world.staff("author")
    assert ",.lines" in client.get(f"/bank/{BANK}/import").text
    address = send(client, ("a.lines", LINES_FILE))
    work(world, address)
    page = client.get(address)
    assert "接待员在客户离柜前应当确认诉求已经办结。" in page.text
    assert f"{address}/marked/" not in page.text
    assert client.get(f"{address}/marked/0.xlsx").status_code == 404
    assert client.post(address).status_code == 303
    work(world, address)
    assert "已入库：新增 1 题" in client.get(address, follow_redirects=True).text


@pytest.mark.usefixtures("plugged")
def test_a_format_that_is_plugged_in_is_met_by_commands(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_context, "_factory", [lambda: world.app])
    path = tmp_path / "a.lines"
    path.write_bytes(LINES_FILE)
    done = CliRunner().invoke(bank, ["import", str(path), "--bank", BANK])
    assert done.exit_code == 0, done.output
    assert "新增 1" in done.output


def test_a_dry_run_offers_the_marked_file_of_a_format_that_marks(world: World) -> None:
    client = world.staff("author")
    address = send(client, ("a.xlsx", workbook([single(answer="E")])))
    work(world, address)
    assert f'href="{address}/marked/0.xlsx"' in client.get(address).text
    accepted = ",".join([*registry.file_endings(), ".zip"])
    assert f'accept="{accepted}"' in client.get(f"/bank/{BANK}/import").text
