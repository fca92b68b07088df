"""One row of a list becomes somebody's registration form; what of it cannot be taken is noted at its cell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cbt.enrolment.applications.form import DAYS, NUMBERS, ReadPerson, read_facts, read_person
from cbt.enrolment.workbook.columns import COLUMNS, EDUCATION, OFFERED, SCHOOLS, YES_NO
from cbt.errors import InvalidInput
from cbt.personal import words
from cbt.personal.checking import checked_document, checked_name, gender_of_number
from cbt.personal.fields import DETAILS
from cbt.rules.door.admission import mask_document
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.sheets.columns import Heading, plain
from cbt.sheets.findings import Finding, Severity

SHOWN = 60
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d{2})(\d{2})")
_UNIT = re.compile(r"(?<=\d)(?:周年|年|个?学时|个?课时|小时)$")
_NO_PARAMS: Mapping[str, object] = {}
_WORDS = {
    name: words.codes_by_name(names)
    for name, names in (
        ("education", EDUCATION),
        ("school_kind", SCHOOLS),
        ("senior_skills", YES_NO),
        ("insured", YES_NO),
    )
}


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A row of a list; `read` is None where something of it cannot be taken, which `findings` say."""

    heading: Heading
    row: int
    cells: Mapping[str, str]
    read: ReadPerson | None
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """What stands in the cell of the name."""
        return self.shown("name")

    def shown(self, field: str) -> str:
        """Return what a cell says, as it may be shown: short, a number masked."""
        return _shown(self.cells, field)


class LineReader:
    """Reads one row: every cell that cannot be taken is noted, none is guessed."""

    def __init__(
        self, heading: Heading, row: int, cells: Mapping[str, str], blueprint: ExamBlueprint
    ) -> None:
        self._heading, self._row, self._cells, self._blueprint = heading, row, cells, blueprint
        self._findings: list[Finding] = []

    def read(self, *, lost: bool) -> ListedPerson:
        """Return the person of the row; `lost` says that the digits of the number are."""
        sent = {name: self._sent(name, text) for name, text in self._cells.items()}
        sent.setdefault("document_type", "resident_id")
        sent.setdefault("kind", "first")
        papers = self._papers(sent["kind"])
        self._level()
        if lost:
            self._note("roster.number_lost", "document_number")
        else:
            self._number(sent)
        self._tried(lambda: checked_name(sent.get("name", "")))
        self._tried(lambda: DETAILS["phone"].checked(sent.get("phone", "")))
        while (problem := _fact_problem(sent)) is not None:
            self._refused(problem)
            sent[str(problem.params["field"])] = ""
        read = None
        if not self._stopped:
            try:
                read = read_person(sent, papers, self._blueprint)
            except InvalidInput as error:
                self._refused(error)
        return ListedPerson(self._heading, self._row, self._cells, read, tuple(self._findings))

    @property
    def _stopped(self) -> bool:
        return any(one.severity is Severity.ERROR for one in self._findings)

    def _sent(self, name: str, text: str) -> str:
        """Return a cell as the form sends it; a word that is not known is noted and left out."""
        if name in DAYS:
            return _day(text)
        if name in NUMBERS:
            return _UNIT.sub("", unicodedata.normalize("NFKC", text).replace(" ", ""))
        if name not in OFFERED:
            return text
        code = _coded(name, text)
        if code is None:
            self._unknown_word(name, OFFERED[name])
        return code or ""

    def _papers(self, kind: str) -> list[str]:
        known, text = self._blueprint.papers, self._cells.get("papers", "")
        if not text:
            if kind == "retake":
                self._note(
                    "applicant.retake_paper", "papers", {"papers": [one.name for one in known.values()]}
                )
            return list(known)
        named = {words.paper_codes(one.name): code for code, one in known.items()}
        found = list[str]()
        for said in words.papers_of(text):
            code = said if said in known else named.get(said)
            if said == words.ALL_PAPERS:
                found += known
            elif code is None:
                self._unknown_word("papers", [one.name for one in known.values()])
                return list(known)
            else:
                found.append(code)
        return found or list(known)

    def _level(self) -> None:
        """Note a level that is not the application's."""
        text = self._cells.get("level", "")
        if text and words.level_of(text) != words.level_of(self._blueprint.level_code):
            self._note("applicant.other_level", "level", {"level": self._blueprint.level_name})

    def _number(self, sent: Mapping[str, str]) -> None:
        kind, number = sent["document_type"], sent.get("document_number", "")
        try:
            told = gender_of_number(*checked_document(kind, number))
        except InvalidInput as error:
            self._refused(error)
            return
        if told and sent.get("gender") and sent["gender"] != told:
            self._note("roster.gender_differs", "gender", severity=Severity.HINT)

    def _tried(self, check: Callable[[], object]) -> None:
        try:
            check()
        except InvalidInput as error:
            self._refused(error)

    def _unknown_word(self, field: str, allowed: Sequence[str]) -> None:
        self._note("applicant.word", field, {"name": COLUMNS.title(field), "allowed": list(allowed)})

    def _refused(self, error: InvalidInput) -> None:
        params = {name: value for name, value in error.params.items() if name != "field"}
        self._note(error.code, str(error.params.get("field", "")), params)

    def _note(
        self,
        code: str,
        field: str,
        params: Mapping[str, object] = _NO_PARAMS,
        *,
        severity: Severity = Severity.ERROR,
    ) -> None:
        if any((one.code, one.item) == (code, field) for one in self._findings):
            return
        known = field if field in COLUMNS.by_name else ""
        shown = _shown(self._cells, known)
        self._findings.append(
            Finding(severity, code, self._heading.place(self._row, known), shown, field, params)
        )


def _shown(cells: Mapping[str, str], field: str) -> str:
    text = cells.get(field, "")[:SHOWN]
    return mask_document(text) if field == "document_number" and text else text


def _coded(name: str, text: str) -> str | None:
    """Return what the form sends for a word of a column, None for a word that is not known."""
    match name:
        case "document_type":
            return words.document_type_of(text)
        case "gender":
            return DETAILS[name].coded(text)
        case "kind":
            return words.kind_of(text)
        case "certificate_level" | "training_level":
            return words.level_of(text) if words.is_level(text) else None
        case _:
            return _WORDS[name].get(plain(text))


def _fact_problem(sent: Mapping[str, str]) -> InvalidInput | None:
    """Return what of education, certificates and work cannot be read first."""
    try:
        read_facts(sent)
    except InvalidInput as error:
        if "field" not in error.params:
            raise
        return error
    return None


def _day(text: str) -> str:
    """Return a day as the form sends it; what is none stays as it is, for the form to refuse."""
    found = _DAY.fullmatch(unicodedata.normalize("NFKC", text).replace(" ", ""))
    if found is None:
        return text
    year, month, day = (part for part in found.groups() if part)
    return f"{year}-{int(month):02d}-{int(day):02d}"
