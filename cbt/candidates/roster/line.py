"""One line of a roster becomes a row; everything wrong with it is noted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from cbt.candidates.roster import columns
from cbt.rules.door.admission import mask_document, normalise_document, valid_resident_id
from cbt.rules.visible import Unseen, private_use, unseen, with_codes
from cbt.sheets.columns import Heading
from cbt.sheets.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One registration as the file asks for it."""

    row: int
    name: str
    document_type: str
    document_number: str = field(repr=False)
    level: str
    paper: str
    gender: str
    phone: str = field(repr=False)
    employer: str
    batch: str
    eligibility: str
    kind: str
    ticket: str
    room: str
    seat: int | None
    factor: Decimal
    extra: timedelta
    accommodation: str
    note: str
    occupation: str


@dataclass(frozen=True, slots=True)
class Roster:
    """What a file holds: its readable rows, everything found in it, and how its columns were understood.

    `refused` are the rows that an error keeps out, with what of them could be read. Values of findings are short,
    and document numbers in them masked.
    """

    rows: tuple[RosterRow, ...]
    refused: tuple[RosterRow, ...]
    findings: tuple[Finding, ...]
    heading: Heading

    @property
    def total(self) -> int:
        """How many rows there are, readable or not."""
        return len(self.rows) + len(self.refused)

    @property
    def headers(self) -> dict[str, str]:
        """The header of each column that is read, as the file spells it."""
        return {use.field: use.header for use in self.heading.uses if use.field}

    @property
    def ignored(self) -> tuple[str, ...]:
        """The headers of the columns that are left out."""
        return tuple(use.header for use in self.heading.uses if use.header and not use.field)


_RESIDENT = frozenset({"resident_id", "temporary_resident_id"})
_NUMBER = re.compile(r"[0-9A-Z()（）-]{5,30}")
_PHONE = re.compile(r"\+?[0-9-]{7,20}")
_TICKET = re.compile(r"[0-9A-Z-]{6,20}")


class RowReader:
    """Reads one line and notes what is wrong with it."""

    def __init__(self, number: int, cells: Mapping[str, str], lost: Set[str], heading: Heading) -> None:
        self.number = number
        self.findings: list[Finding] = []
        self._cells, self._lost, self._heading = cells, lost, heading
        self._unseen = {column: found for column, cell in cells.items() if (found := unseen(cell))}

    def read(self) -> RosterRow:
        """Return the row as far as it can be read."""
        for column, found in self._unseen.items():
            self._refuse(column, found)
        document_type, document_number = self._document()
        factor, extra = self._accommodation()
        return RosterRow(
            row=self.number,
            name=self._name(),
            document_type=document_type,
            document_number=document_number,
            level=self._required("level"),
            paper=self._required("paper"),
            gender=self._gender(document_type, document_number),
            phone=self._matching("phone", _PHONE, "roster.phone"),
            employer=self._text("employer", 120),
            batch=self._text("batch", 120),
            eligibility=self._text("eligibility", 200),
            kind=self._coded("kind", columns.kind_of(self._plain("kind")), "roster.kind_unknown"),
            ticket=self._matching("ticket", _TICKET, "roster.ticket"),
            room=self._text("room", 60),
            seat=self._seat(),
            factor=factor,
            extra=extra,
            accommodation=self._text("accommodation", 200),
            note=self._text("note", 500),
            occupation=self._text("occupation", 60),
        )

    def _raw(self, column: str) -> str:
        return self._cells.get(column, "").strip()

    def _plain(self, column: str) -> str:
        return unicodedata.normalize("NFKC", self._raw(column)).strip()

    def _note(
        self, column: str, code: str, *, value: str | None = None, stop: bool = True, **params: object
    ) -> None:
        if column in self._unseen:
            return  # what stands there was refused as a whole
        self._add(column, code, self._raw(column) if value is None else value, stop=stop, params=params)

    def _refuse(self, column: str, found: Unseen) -> None:
        text = self._raw(column)
        shown = with_codes(mask_document(text) if column == "document_number" else text)
        params = {"place": found.place, "character": found.code}
        self._add(column, "text.unseen", shown, stop=True, params=params)

    def _add(self, column: str, code: str, shown: str, *, stop: bool, params: Mapping[str, object]) -> None:
        severity = Severity.ERROR if stop else Severity.HINT
        place = self._heading.place(self.number, column)
        self.findings.append(Finding(severity, code, place, shown[:80], params=params))

    def _required(self, column: str) -> str:
        text = self._plain(column)
        if not text:
            self._note(column, "roster.required", name=columns.COLUMNS.title(column))
        return text

    def _text(self, column: str, limit: int) -> str:
        text = self._raw(column)
        if len(text) > limit:
            self._note(column, "roster.too_long", maximum=limit)
        return text

    def _name(self) -> str:
        # Rare characters are kept as given: NFKC would replace some of them.
        name = " ".join(self._raw("name").split())
        if not name:
            self._note("name", "roster.required", name=columns.COLUMNS.title("name"))
        elif len(name) > 60:
            self._note("name", "roster.too_long", maximum=60)
        elif found := private_use(name):
            self._note("name", "text.private_use", stop=False, place=found.place, character=found.code)
        return name

    def _document(self) -> tuple[str, str]:
        number = normalise_document(self._raw("document_number"))
        given = self._raw("document_type")
        kind = columns.document_type_of(given)
        if not number:
            self._note("document_number", "roster.required", name=columns.COLUMNS.title("document_number"))
        if not given:
            if valid_resident_id(number):
                kind = "resident_id"
                self._note("document_type", "roster.type_assumed", stop=False)
            else:
                self._note("document_type", "roster.required", name=columns.COLUMNS.title("document_type"))
        elif kind is None:
            self._note("document_type", "roster.document_type")
        masked = mask_document(number)
        if "document_number" in self._lost:
            self._note("document_number", "roster.number_lost", value=masked)
        elif number and not _NUMBER.fullmatch(number):
            self._note("document_number", "roster.number_odd", value=masked)
        elif number and kind in _RESIDENT and not valid_resident_id(number):
            self._note("document_number", "roster.number_check", value=masked)
        return kind or "", number

    def _gender(self, document_type: str, number: str) -> str:
        gender = self._coded("gender", columns.gender_of(self._plain("gender")), "roster.gender")
        if gender and document_type in _RESIDENT and valid_resident_id(number):
            told = "male" if int(number[16]) % 2 else "female"
            if told != gender:
                self._note("gender", "roster.gender_differs", stop=False)
        return gender

    def _coded(self, column: str, value: str | None, code: str) -> str:
        if value is None:
            self._note(column, code)
        return value or ""

    def _matching(self, column: str, pattern: re.Pattern[str], code: str) -> str:
        text = "".join(self._plain(column).split()).upper()
        if text and not pattern.fullmatch(text):
            self._note(column, code)
        return text

    def _seat(self) -> int | None:
        text = self._plain("seat").removesuffix("号")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 999):
            self._note("seat", "roster.seat")
            return None
        return int(text)

    def _accommodation(self) -> tuple[Decimal, timedelta]:
        found = columns.accommodation_of(self._raw("accommodation"))
        if found is None:
            self._note("accommodation", "roster.accommodation")
            return Decimal(1), timedelta(0)
        return found
