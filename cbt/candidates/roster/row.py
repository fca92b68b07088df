"""A row of a roster and what its cells say: day, hour, place, document, and which paper of a blueprint."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy.orm import Session

from cbt import personal
from cbt.blueprints.store import blueprint_of, current_versions, stored_refs
from cbt.blueprints.versions import look
from cbt.rules.door import normalise_document, valid_resident_id
from cbt.rules.exam import ExamBlueprint
from cbt.spreadsheets.columns import Heading, plain
from cbt.spreadsheets.findings import Place

_DAY = re.compile(
    r"(?<![\d:])(?:(\d{4})\s*[-/.年]\s*)?(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?(?![\d:])|"
    r"(?<!\d)(\d{4})(\d{2})(\d{2})(?!\d)"
)
_HOUR = re.compile(
    r"(上午|下午|晚上|am|pm)?\s*(\d{1,2})\s*(?:[:：时点]\s*(\d{2}|半)?)\s*分?(?::\d{2})?", re.IGNORECASE
)
_HALVES = {
    "上午": "am",
    "早上": "am",
    "上午场": "am",
    "am": "am",
    "下午": "pm",
    "下午场": "pm",
    "晚上": "pm",
    "pm": "pm",
}
_REST = re.compile(r"[\s\-–—~～至到,，、;；T（）()]+|(?:周|星期)[一二三四五六日天]|[起始开]", re.IGNORECASE)
NOON = time(12)


@dataclass(frozen=True, slots=True)
class PlaceWish:
    """Where and when somebody is to be examined, as far as a file says it; what it does not say is empty.

    `on` is a day, `month` and `day` one without its year (0 without); `at` an hour, `half` "am" or "pm".
    """

    on: date | None = None
    month: int = 0
    day: int = 0
    at: time | None = None
    half: str = ""
    sitting: str = ""
    centre: str = ""
    room: str = ""
    seat: int | None = None

    @property
    def timed(self) -> bool:
        return bool(self.on or self.month or self.at or self.half or self.sitting)

    @property
    def placed(self) -> bool:
        return bool(self.centre or self.room or self.seat is not None)

    def fits(self, local_start: datetime, *, sitting: str = "", centre: str = "") -> bool:
        """Say whether a sitting that begins then, under that name at that centre, is what is wished for."""
        day = local_start.date()
        return (
            self.on in {None, day}
            and (not self.month or (self.month, self.day) == (day.month, day.day))
            and self.at in {None, local_start.time().replace(second=0, microsecond=0)}
            and self.half in {"", "am" if local_start.time() < NOON else "pm"}
            and (not self.sitting or plain(self.sitting) == plain(sitting))
            and (not self.centre or plain(self.centre) == plain(centre))
        )


@dataclass(frozen=True, slots=True)
class When:
    """A day and an hour as cells say them."""

    on: date | None = None
    month: int = 0
    day: int = 0
    at: time | None = None
    half: str = ""


def when_of(*texts: str) -> When | None:
    """Return the day and the hour that cells say together (empty for empty ones), or None.

    2026-10-12, 10月12日, 20261012, 上午, 9:00-10:30, 下午2点 and any of them together are understood.
    """
    text = " ".join(unicodedata.normalize("NFKC", one) for one in texts if one.strip())
    days = {found.groups() for found in _DAY.finditer(text)}
    rest = _DAY.sub(" ", text)
    if len(days) > 1:
        return None
    hours = list(_HOUR.finditer(rest))
    rest = _REST.sub("", _HOUR.sub(" ", rest)).casefold()
    half = _HALVES.get(rest, "") if rest else ""
    if (rest and not half) or len(hours) > 2:
        return None
    try:
        on, month, day = _day(*next(iter(days))) if days else (None, 0, 0)
        at, half = _hour(hours[0], half) if hours else (None, half)
    except ValueError:
        return None
    return When(on, month, day, at, half)


def _day(year: str, month: str, day: str, *whole: str) -> tuple[date | None, int, int]:
    if whole[0]:
        return date(*map(int, whole)), 0, 0
    if year:
        return date(int(year), int(month), int(day)), 0, 0
    date(2024, int(month), int(day))  # a year with a 29 February
    return None, int(month), int(day)


def _hour(match: re.Match[str], half: str) -> tuple[time, str]:
    half = _HALVES.get((match[1] or "").casefold(), half)
    hour, minutes = int(match[2]), {"": 0, "半": 30}.get(match[3] or "", -1)
    hour += 12 if half == "pm" and hour < 12 else 0
    at = time(hour, int(match[3]) if minutes < 0 else minutes)
    if half and half != ("am" if at < NOON else "pm"):
        raise ValueError(half)
    return at, ""


_YES = frozenset("√✓✔☑✅是yY1考有●■★".replace(" ", "")) | {
    "yes",
    "true",
    "报",
    "报考",
    "参加",
    "报名",
    "要考",
    "选考",
    "已选",
    "v",
}
_NO = frozenset("×✗✘否nN0无/-—\\") | {
    "no", "false", "不考", "不参加", "不报", "免", "免考", "免试", "已合格", "合格", "已通过", "通过", "未报",
    "不报考", "",
}  # fmt: skip
_MARKS: Mapping[str, bool] = {
    **{unicodedata.normalize("NFKC", mark).casefold(): True for mark in _YES},
    **{unicodedata.normalize("NFKC", mark).casefold(): False for mark in _NO},
}


def mark_of(text: str) -> bool | None:
    """Return whether a mark in the column of a paper says that it is taken, or None for anything else.

    √, 是, 1 and 报考 say so; ×, 否, 0, 免考, 合格 and an empty cell say that it is not.
    """
    return _MARKS.get(unicodedata.normalize("NFKC", text).strip().casefold())


_AROUND = re.compile("^[='\"`‘’“”＇]+|['\"`‘’“”＇]+$")
_INSIDE = re.compile(r"[-–—.·_]")
_RESIDENT = re.compile(r"\d{14,20}[\dX]?")


@dataclass(frozen=True, slots=True)
class DocumentCell:
    """A number as it is stored, and whether it looks like one of a resident identity card, damaged or not."""

    number: str
    like_resident: bool


def mended(text: str) -> DocumentCell:
    """Return the number a cell says: without blanks and the marks of a text, of any width, its X a capital one.

    Signs between the digits go only where a valid resident number remains.
    """
    number = normalise_document(_AROUND.sub("", text.strip()))
    if _INSIDE.search(number) and valid_resident_id(bare := _INSIDE.sub("", number)):
        number = bare
    return DocumentCell(number, _RESIDENT.fullmatch(number) is not None)


def looks_like_person(text: str) -> bool:
    """Say whether a cell holds what can be a person's number, damaged or not."""
    number = mended(text).number
    return len(number) >= 8 and sum(character.isdigit() for character in number) >= 6


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One line of a file: a person, and which papers of which level are asked for.

    `row` is the line in its sheet, `order` its place among all lines of the file. `paper` is the cell that names
    papers, as it stands there; `marks` are those that have a column each, with what is asked: `first`, `retake`, or
    "" where a mark says no more than that the paper is taken.
    """

    row: int
    order: int
    heading: Heading = field(repr=False, compare=False)
    name: str
    document_type: str
    document_number: str = field(repr=False)
    level: str
    paper: str
    marks: tuple[tuple[str, str], ...]
    details: Mapping[str, str] = field(repr=False, hash=False)
    """What it says of each of `personal.DETAILS`, "" for nothing."""
    unit: str
    batch: str
    eligibility: str
    kind: str
    ticket: str
    wish: PlaceWish
    factor: Decimal
    extra: timedelta
    tools: str
    accommodation: str
    note: str
    occupation: str

    @property
    def room(self) -> str:
        """The room it asks for, "" for any."""
        return self.wish.room

    @property
    def seat(self) -> int | None:
        return self.wish.seat

    @property
    def employer(self) -> str:
        """Where the person works, "" for nowhere that is told."""
        return self.details["employer"]

    @property
    def group(self) -> str:
        return self.unit or self.employer

    def place(self, column: str) -> Place:
        return self.heading.place(self.row, column)


@dataclass(frozen=True, slots=True)
class SentLine:
    """The cells of one line by their fields, and what is known of them beside their text."""

    number: int
    order: int
    heading: Heading
    cells: Mapping[str, str]
    lost: Set[str] = frozenset()
    resident: bool = False
    """Whether the header says that numbers are those of resident identity cards."""
    typed: bool = True
    """Whether the file has a column for the kind of document."""
    twins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What further columns for a field say."""


@dataclass(frozen=True, slots=True)
class BlueprintChoice:
    """A blueprint a row can mean: the version of it that is in force, or a file that no start has taken yet.

    `papers` are the codes of those that can be asked for, in their order; empty for all of the blueprint.
    """

    blueprint: ExamBlueprint
    text: str
    version_id: int | None = None
    papers: tuple[str, ...] = ()

    @property
    def offered(self) -> tuple[str, ...]:
        return self.papers or tuple(self.blueprint.papers)


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One paper of one person, as a file asks for it; `kind` is `first` or `retake`."""

    row: RosterRow
    choice: BlueprintChoice
    paper: str
    kind: str


def choices(session: Session, folder: Path) -> list[BlueprintChoice]:
    """Return the blueprints rows can mean: those in force, then files of the folder whose ref nobody stored yet."""
    blueprint_choices = {
        version.ref: BlueprintChoice(blueprint_of(session, version.id), version.source, version.id)
        for version in current_versions(session)
    }
    stored = stored_refs(session)
    for file in look(folder):
        if file.blueprint is not None and file.blueprint.ref not in stored:
            blueprint_choices[file.blueprint.ref] = BlueprintChoice(file.blueprint, file.text)
    return list(blueprint_choices.values())


class Chooser:
    """Finds what rows mean among the blueprints there are, where papers are taken in one `mode` ("" for any).

    `note` is told what is against a row: the row, the column, its value, the code, and the parameters by name.
    """

    def __init__(
        self, available: Sequence[BlueprintChoice], *, note: Callable[..., None], mode: str = ""
    ) -> None:
        self._available = available
        self._mode = mode
        self._note = note
        self._levels = [
            {personal.level_of(one.blueprint.level_code), personal.level_of(one.blueprint.level_name)}
            for one in available
        ]
        self._occupations = [_occupation_names(one.blueprint) for one in available]

    def paper_rows(self, row: RosterRow) -> list[PaperRow]:
        """Return what a row asks for, paper by paper; nothing where that is unclear, which is noted."""
        choice = self.choice(row)
        papers = self._papers(row, choice) if choice is not None else []
        return [PaperRow(row, choice, code, kind) for code, kind in papers] if choice is not None else []

    def choice(self, row: RosterRow) -> BlueprintChoice | None:
        """Return the blueprint a row means, or None with what is against it noted. Source: R-6."""
        level = personal.level_of(row.level)
        matching = [
            place
            for place, one in enumerate(self._available)
            if level in self._levels[place] or level == plain(one.blueprint.ref)
        ]
        if not matching:
            levels = list(dict.fromkeys(one.blueprint.level_name for one in self._available))
            self._note(row, "level", row.level, "roster.level", levels=levels)
            return None
        if row.occupation:
            occupation = plain(row.occupation)
            named = [place for place in matching if _means(occupation, self._occupations[place])]
            if not named:
                names = sorted({self._available[place].blueprint.occupation_name for place in matching})
                self._note(row, "occupation", row.occupation, "roster.occupation", names=names)
                return None
            matching = named
        if len(matching) > 1:
            names = [self._available[place].blueprint.occupation_name for place in matching]
            self._note(row, "level", row.level, "roster.level_ambiguous", names=names)
            return None
        return self._available[matching[0]]

    def _papers(self, row: RosterRow, choice: BlueprintChoice) -> list[tuple[str, str]]:
        """Return the code of each paper that a row asks for, and its kind."""
        kinds: dict[str, str] = {}
        column = "paper" if row.paper else row.marks[0][0] if row.marks else "paper"
        whole = _papers_named(row.paper, choice)
        pieces = (
            [whole] if whole else [_papers_named(piece, choice) for piece in personal.papers_of(row.paper)]
        )
        if row.marks:  # a cell beside them says the same
            pieces = [_papers_named(piece, choice) for piece, _kind in row.marks]
        for codes in pieces:
            if len(codes) != 1 and not (codes and personal.papers_of(row.paper) == (personal.ALL_PAPERS,)):
                names = [choice.blueprint.papers[code].name for code in choice.offered]
                self._note(row, column, row.paper, "roster.paper", papers=names)
                return []
            kinds |= dict.fromkeys(codes, row.kind)
        for piece, kind in row.marks:
            kinds |= dict.fromkeys(_papers_named(piece, choice), kind or row.kind)
        if self._mode and any(self._mode not in choice.blueprint.papers[code].modes for code in kinds):
            self._note(row, column, row.paper, "roster.paper_mode")
            return []
        return [(code, kinds[code]) for code in choice.offered if code in kinds]


def _papers_named(text: str, choice: BlueprintChoice) -> list[str]:
    """Return the codes of the papers that a name means: one, or all for a word that asks for all."""
    code = personal.paper_codes(text)
    if code == personal.ALL_PAPERS:
        return list(choice.offered)
    papers = choice.blueprint.papers
    return [
        paper
        for paper in choice.offered
        if code in {paper, personal.paper_codes(papers[paper].name)}
        or plain(text) == plain(papers[paper].name)
    ]


def _means(text: str, names: set[str]) -> bool:
    """Say whether what a cell says of an occupation is a name of it, its code, or both."""
    return text in names or any(
        text in {first + second for second in names} for first in names if text.startswith(first)
    )


def _occupation_names(blueprint: ExamBlueprint) -> set[str]:
    """The occupation's name, aliases and code, as they are compared. Source: R-6."""
    names = (blueprint.occupation_name, *blueprint.aliases, blueprint.occupation_code)
    return {plain(name) for name in names if name}
