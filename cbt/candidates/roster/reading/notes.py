"""The cells of one line, and what is noted against them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping

from cbt.candidates.roster.reading.columns import COLUMNS
from cbt.candidates.roster.reading.row import SentLine
from cbt.personal import words
from cbt.rules.door.admission import mask_document
from cbt.rules.visible import Unseen, unseen, with_codes
from cbt.sheets.findings import Finding, Severity


class LineNotes:
    """Hands out the cells of a line and gathers the findings about them, each with its place."""

    def __init__(self, line: SentLine) -> None:
        self.findings: list[Finding] = []
        self._line, self._cells = line, line.cells
        self._unseen = {column: found for column, cell in line.cells.items() if (found := unseen(cell))}

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

    def refuse_unseen(self) -> None:
        """Refuse the cells with a character that nobody sees."""
        for column, found in self._unseen.items():
            self._refuse(column, found)

    def _refuse(self, column: str, found: Unseen) -> None:
        text = self._raw(column)
        shown = with_codes(mask_document(text) if column == "document_number" else text)
        params = {"place": found.place, "character": found.code}
        self._add(column, "text.unseen", shown, stop=True, params=params)

    def _add(self, column: str, code: str, shown: str, *, stop: bool, params: Mapping[str, object]) -> None:
        severity = Severity.ERROR if stop else Severity.HINT
        place = self._line.heading.place(self._line.number, column)
        self.findings.append(Finding(severity, code, place, shown[:80], params=params))

    def _required(self, column: str) -> str:
        text = self._plain(column)
        if not text:
            self._note(column, "roster.required", name=COLUMNS.title(column))
        return text

    def _optional(self, column: str) -> str:
        text = self._raw(column)
        return "" if words.is_nothing(text) else text

    def _text(self, column: str, limit: int) -> str:
        text = self._optional(column)
        if len(text) > limit:
            self._note(column, "roster.too_long", maximum=limit)
        return text

    def _coded(self, column: str, value: str | None, code: str) -> str:
        if value is None:
            self._note(column, code)
        return value or ""

    def _matching(self, column: str, matches: Callable[[str], object], code: str) -> str:
        text = "".join(unicodedata.normalize("NFKC", self._optional(column)).split()).upper()
        if text and not matches(text):
            self._note(column, code)
        return text
