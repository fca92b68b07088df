"""Which blueprint and which of its papers a row means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of, current_versions, stored_refs
from cbt.blueprints.versions import look
from cbt.candidates.roster.row import RosterRow
from cbt.personal import cell_values
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.spreadsheets.columns import plain


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
        """The codes of the papers that can be asked for."""
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
    found = {
        version.ref: BlueprintChoice(blueprint_of(session, version.id), version.source, version.id)
        for version in current_versions(session)
    }
    stored = stored_refs(session)
    for one in look(folder):
        if one.blueprint is not None and one.blueprint.ref not in stored:
            found[one.blueprint.ref] = BlueprintChoice(one.blueprint, one.text)
    return list(found.values())


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
            {cell_values.level_of(one.blueprint.level_code), cell_values.level_of(one.blueprint.level_name)}
            for one in available
        ]
        self._occupations = [_occupation_names(one.blueprint) for one in available]

    def paper_rows(self, row: RosterRow) -> list[PaperRow]:
        """Return what a row asks for, paper by paper; nothing where that is unclear, which is noted."""
        choice = self.choice(row)
        asked = self._papers(row, choice) if choice is not None else []
        return [PaperRow(row, choice, code, kind) for code, kind in asked] if choice is not None else []

    def choice(self, row: RosterRow) -> BlueprintChoice | None:
        """Return the blueprint a row means, or None with what is against it noted. Source: R-6."""
        level = cell_values.level_of(row.level)
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
            said = plain(row.occupation)
            named = [place for place in matching if _means(said, self._occupations[place])]
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
        asked: dict[str, str] = {}
        column = "paper" if row.paper else row.marks[0][0] if row.marks else "paper"
        whole = _papers_named(row.paper, choice)
        pieces = (
            [whole] if whole else [_papers_named(piece, choice) for piece in cell_values.papers_of(row.paper)]
        )
        if row.marks:  # a cell beside them says the same
            pieces = [_papers_named(piece, choice) for piece, _kind in row.marks]
        for found in pieces:
            if len(found) != 1 and not (
                found and cell_values.papers_of(row.paper) == (cell_values.ALL_PAPERS,)
            ):
                names = [choice.blueprint.papers[code].name for code in choice.offered]
                self._note(row, column, row.paper, "roster.paper", papers=names)
                return []
            asked |= dict.fromkeys(found, row.kind)
        for piece, kind in row.marks:
            asked |= dict.fromkeys(_papers_named(piece, choice), kind or row.kind)
        if self._mode and any(self._mode not in choice.blueprint.papers[code].modes for code in asked):
            self._note(row, column, row.paper, "roster.paper_mode")
            return []
        return [(code, asked[code]) for code in choice.offered if code in asked]


def _papers_named(text: str, choice: BlueprintChoice) -> list[str]:
    """Return the codes of the papers that a name means: one, or all for a word that asks for all."""
    code = cell_values.paper_codes(text)
    if code == cell_values.ALL_PAPERS:
        return list(choice.offered)
    papers = choice.blueprint.papers
    return [
        paper
        for paper in choice.offered
        if code in {paper, cell_values.paper_codes(papers[paper].name)}
        or plain(text) == plain(papers[paper].name)
    ]


def _means(said: str, names: set[str]) -> bool:
    """Say whether what a cell says of an occupation is a name of it, its code, or both."""
    return said in names or any(
        said in {first + second for second in names} for first in names if said.startswith(first)
    )


def _occupation_names(blueprint: ExamBlueprint) -> set[str]:
    """The occupation's name, aliases and code, as they are compared. Source: R-6."""
    names = (blueprint.occupation_name, *blueprint.aliases, blueprint.occupation_code)
    return {plain(name) for name in names if name}
