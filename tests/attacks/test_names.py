"""Names that are not what they seem: what nobody can see is refused with its place; rare characters stay."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from cbt.accounts.models import Staff
from cbt.candidates.models import Candidate
from cbt.candidates.roster.file import read_roster
from cbt.rules.visible import unseen, with_codes
from cbt.sittings.models import Batch, Centre
from cbt.spreadsheets.findings import Severity
from cbt.storage.unit_of_work import reading
from tests.candidates.rosters import HEADERS, row, xlsx
from tests.world import World

pytestmark = pytest.mark.once

UNSEEN = [
    pytest.param("\u202e", id="U+202E right-to-left override"),
    pytest.param("\u202d", id="U+202D left-to-right override"),
    pytest.param("\u202a", id="U+202A left-to-right embedding"),
    pytest.param("\u202b", id="U+202B right-to-left embedding"),
    pytest.param("\u202c", id="U+202C end of an embedding"),
    pytest.param("\u2066", id="U+2066 left-to-right isolate"),
    pytest.param("\u2067", id="U+2067 right-to-left isolate"),
    pytest.param("\u2068", id="U+2068 first strong isolate"),
    pytest.param("\u2069", id="U+2069 end of an isolate"),
    pytest.param("\u200e", id="U+200E left-to-right mark"),
    pytest.param("\u200f", id="U+200F right-to-left mark"),
    pytest.param("\u061c", id="U+061C Arabic letter mark"),
    pytest.param("\u200b", id="U+200B zero-width space"),
    pytest.param("\u200c", id="U+200C zero-width non-joiner"),
    pytest.param("\u200d", id="U+200D zero-width joiner"),
    pytest.param("\u2060", id="U+2060 word joiner"),
    pytest.param("\ufeff", id="U+FEFF byte-order mark"),
    pytest.param("\u00ad", id="U+00AD soft hyphen"),
    pytest.param("\u180e", id="U+180E Mongolian vowel separator"),
    pytest.param("\u180b", id="U+180B Mongolian variation selector"),
    pytest.param("\u034f", id="U+034F grapheme joiner"),
    pytest.param("\u2061", id="U+2061 invisible function application"),
    pytest.param("\u2064", id="U+2064 invisible plus"),
    pytest.param("\u206a", id="U+206A deprecated control"),
    pytest.param("\ufe00", id="U+FE00 variation selector"),
    pytest.param("\ufe0f", id="U+FE0F emoji selector"),
    pytest.param("\U000e0100", id="U+E0100 ideographic variation selector"),
    pytest.param("\U000e0041", id="U+E0041 tag letter"),
    pytest.param("\U000e0001", id="U+E0001 language tag"),
    pytest.param("\u115f", id="U+115F Hangul filler"),
    pytest.param("\u1160", id="U+1160 Hangul vowel filler"),
    pytest.param("\u3164", id="U+3164 Hangul compatibility filler"),
    pytest.param("\uffa0", id="U+FFA0 half-width Hangul filler"),
    pytest.param("\u2800", id="U+2800 empty Braille cell"),
    pytest.param("\u17b5", id="U+17B5 Khmer inherent vowel"),
    pytest.param("\u2028", id="U+2028 line separator"),
    pytest.param("\u2029", id="U+2029 paragraph separator"),
    pytest.param("\0", id="U+0000 NUL"),
    pytest.param("\x07", id="U+0007 bell"),
    pytest.param("\x08", id="U+0008 backspace"),
    pytest.param("\x1b", id="U+001B escape"),
    pytest.param("\x1f", id="U+001F unit separator"),
    pytest.param("\x7f", id="U+007F delete"),
    pytest.param("\x85", id="U+0085 next line"),
    pytest.param("\x9b", id="U+009B control sequence"),
    pytest.param("\ufff9", id="U+FFF9 interlinear annotation"),
    pytest.param("\ufffc", id="U+FFFC object replacement"),
    pytest.param("\ufffd", id="U+FFFD a character that got lost"),
    pytest.param("\ufffe", id="U+FFFE no character"),
    pytest.param("\ufdd0", id="U+FDD0 no character"),
    pytest.param("\u0378", id="U+0378 unassigned"),
    pytest.param("\U0002fffe", id="U+2FFFE no character among the Han"),
    pytest.param("\U000f0000", id="U+F0000 private plane"),
    pytest.param("\U0010ffff", id="U+10FFFF the last of all"),
    pytest.param("\ud800", id="U+D800 half a surrogate pair"),
    pytest.param("\udfff", id="U+DFFF the other half"),
    pytest.param("\u20dd", id="U+20DD enclosing circle"),
    pytest.param("\U0001d173", id="U+1D173 musical control"),
]  # fmt: skip


@pytest.mark.parametrize("character", UNSEEN)
def test_a_character_nobody_sees_is_refused_with_its_place(character: str) -> None:
    found = unseen(f"王小{character}明")
    assert found is not None
    assert (found.place, found.code) == (3, f"U+{ord(character):04X}")
    assert character not in with_codes(f"王小{character}明")


KEPT = [
    pytest.param("王小明", id="a usual name"),
    pytest.param("䶮", id="䶮, extension A"),
    pytest.param("𬭎", id="𬭎, extension E"),
    pytest.param("㛃𫖯𬀩", id="extensions A, C and E"),
    pytest.param("\U0002a6df\U0002b739", id="the ends of extensions B and C"),
    pytest.param("\U00030000\U000313af", id="extensions G and H, in a plane of their own"),
    pytest.param("\U0002ebf0\U0002ee5d", id="extension I, younger than this program"),
    pytest.param("\u9fff", id="the last of the first block"),
    pytest.param("﨑\uf900", id="compatibility characters"),
    pytest.param("\ue863", id="䶮 as older systems gave it"),
    pytest.param("艾力·买买提", id="· in a name"),
    pytest.param("阿布都•艾力", id="• in a name"),
    pytest.param("欧阳　明", id="a wide blank"),
    pytest.param("欧阳\u00a0明", id="a blank that does not break"),
    pytest.param("O'Brien-Smith", id="an apostrophe and a hyphen"),
    pytest.param("José Nguyễn", id="accents"),
    pytest.param("Jose\u0301", id="an accent of its own"),
    pytest.param("Việt\u0323\u0302", id="two accents on a letter"),
    pytest.param("Мария", id="Cyrillic"),
    pytest.param("ＡＢＣ１２３", id="wide letters"),
    pytest.param("々〇〆", id="marks of repetition"),
    pytest.param("上海（松江）有限公司", id="a unit with brackets"),
    pytest.param("甲\t乙\r\n丙", id="a cell of several lines"),
    pytest.param("😀", id="a face"),
    pytest.param("", id="nothing"),
]


@pytest.mark.parametrize("text", KEPT)
def test_what_people_are_called_is_kept_as_given(text: str) -> None:
    assert unseen(text) is None
    assert with_codes(text) == text


def test_a_heap_of_accents_is_refused_at_the_one_too_many() -> None:
    found = unseen("王" + "\u0301" * 40)
    assert found is not None
    assert found.place == 5


TELLING = [
    pytest.param("\u202e", id="U+202E"),
    pytest.param("\u200b", id="U+200B"),
    pytest.param("\u3164", id="U+3164"),
    pytest.param("\ufffd", id="U+FFFD"),
]
TOLD = [*HEADERS, "工作单位", "备注", "考场", "申报条件"]


@pytest.mark.parametrize("character", TELLING)
@pytest.mark.parametrize(
    ("place", "column"),
    [
        pytest.param(0, "姓名*", id="name"),
        pytest.param(1, "证件类型*", id="document"),
        pytest.param(3, "级别*", id="level"),
        pytest.param(5, "工作单位", id="unit"),
        pytest.param(6, "备注", id="note"),
        pytest.param(8, "申报条件", id="condition"),
    ],
)
def test_a_roster_names_row_column_and_character(place: int, column: str, character: str) -> None:
    cells = [*row(1), "某某公司", "无", "", "第一条"]
    cells[place] = f"甲{character}乙"
    roster = read_roster("a.xlsx", xlsx([row(2), cells], TOLD))
    (found,) = [one for one in roster.findings if one.severity is Severity.ERROR]
    assert (found.place.line, found.place.header, found.code) == (3, column, "text.unseen")
    assert found.params == {"place": 2, "character": f"U+{ord(character):04X}"}
    assert found.value == f"甲⟨U+{ord(character):04X}⟩乙"
    assert [one.row for one in roster.rows] == [2]


def test_a_number_with_an_unseen_character_is_refused_and_stays_masked() -> None:
    cells = row(1)
    whole = str(cells[2])
    cells[2] = whole[:6] + "\u200b" + whole[6:]
    roster = read_roster("a.xlsx", xlsx([cells]))
    assert [(one.code, one.place.header) for one in roster.findings] == [("text.unseen", "证件号码*")]
    assert whole[6:] not in repr(roster.findings)


def test_a_private_character_is_kept_and_said() -> None:
    roster = read_roster("a.xlsx", xlsx([row(1, "王\ue863")]))
    assert roster.rows[0].name == "王\ue863"
    assert [(one.code, one.severity) for one in roster.findings] == [("text.private_use", Severity.HINT)]


def count(world: World, table: type) -> int:
    with world.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def correction(world: World, client: FlaskClient, name: str) -> int:
    url = f"/office/registrations/{world.sitters['theory'].registration_ref}/correct"
    return client.post(url, data={"name": name, "evidence": "户口簿"}).status_code


@pytest.mark.parametrize("character", TELLING)
def test_a_correction_with_an_unseen_character_is_refused(world: World, character: str) -> None:
    assert correction(world, world.staff("officer"), f"王{character}明") == 422
    with world.app.app_context(), reading() as session:
        assert not session.scalars(select(Candidate).where(Candidate.name.contains(character))).all()


def test_a_correction_to_a_rare_name_is_kept(world: World) -> None:
    assert correction(world, world.staff("officer"), "王䶮𬭎·\U0002ebf0") == 303
    with world.app.app_context(), reading() as session:
        assert (
            session.scalar(select(Candidate.name).where(Candidate.name.contains("䶮"))) == "王䶮𬭎·\U0002ebf0"
        )


@pytest.mark.parametrize("character", TELLING)
@pytest.mark.parametrize(
    ("role", "path", "data", "table"),
    [
        pytest.param(
            "admin",
            "/staff/people",
            {"login": "new-one", "name": "张{}三", "roles": "proctor"},
            Staff,
            id="staff",
        ),
        pytest.param(
            "officer", "/office/centres", {"name": "考{}点", "address": "松江"}, Centre, id="centre"
        ),
        pytest.param(
            "officer", "/office/centres", {"name": "考点", "address": "松{}江"}, Centre, id="address"
        ),
        pytest.param("officer", "/office/batches", {"name": "第{}批"}, Batch, id="batch"),
    ],
)
def test_what_an_office_names_holds_nothing_unseen(
    world: World, character: str, role: str, path: str, data: dict[str, str], table: type
) -> None:
    before = count(world, table)
    sent = {name: value.format(character) for name, value in data.items()}
    answer = world.staff(role).post(path, data=sent)
    assert answer.status_code == 422
    assert f"U+{ord(character):04X}" in answer.text
    assert count(world, table) == before
    good = {name: value.format("") for name, value in data.items()}
    assert world.staff(role).post(path, data=good).status_code in (200, 303)
    assert count(world, table) == before + 1
