"""Which blueprint and which of its papers a row means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from cbt.candidates.roster import columns
from cbt.candidates.roster.line import RosterRow
from cbt.exams.folder import look
from cbt.exams.store import blueprint_of, current_versions, stored_refs
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.sheets.columns import plain


@dataclass(frozen=True, slots=True)
class BlueprintChoice:
    """A blueprint a row can mean: the version of it that is in force, or a file that no start has taken yet."""

    blueprint: ExamBlueprint
    text: str
    version_id: int | None = None


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
    """Finds what rows mean among the blueprints there are, for a sitting of one `mode`.

    `note` is told what is against a row: the row, the column, its value, the code, and the parameters by name.
    """

    def __init__(self, available: Sequence[BlueprintChoice], *, mode: str, note: Callable[..., None]) -> None:
        self._available = available
        self._mode = mode
        self._note = note

    def choice(self, row: RosterRow) -> BlueprintChoice | None:
        """Return the blueprint a row means, or None with what is against it noted. Source: R-6."""
        level = columns.level_of(row.level)
        matching = [
            one
            for one in self._available
            if level
            in {columns.level_of(one.blueprint.level_code), columns.level_of(one.blueprint.level_name)}
            or level == plain(one.blueprint.ref)
        ]
        if not matching:
            levels = [one.blueprint.level_name for one in self._available]
            self._note(row, "level", row.level, "roster.level", levels=levels)
            return None
        if row.occupation:
            named = [one for one in matching if plain(row.occupation) in _occupation_names(one.blueprint)]
            if not named:
                names = sorted({one.blueprint.occupation_name for one in matching})
                self._note(row, "occupation", row.occupation, "roster.occupation", names=names)
                return None
            matching = named
        if len(matching) > 1:
            names = [one.blueprint.occupation_name for one in matching]
            self._note(row, "level", row.level, "roster.level_ambiguous", names=names)
            return None
        return matching[0]

    def paper(self, row: RosterRow, choice: BlueprintChoice) -> str | None:
        """Return the code of the paper a row means, or None with what is against it noted."""
        papers = choice.blueprint.papers
        code = columns.paper_codes(row.paper)
        found = [
            paper.code
            for paper in papers.values()
            if code in {paper.code, columns.paper_codes(paper.name)} or plain(row.paper) == plain(paper.name)
        ]
        if len(found) != 1:
            names = [paper.name for paper in papers.values()]
            self._note(row, "paper", row.paper, "roster.paper", papers=names)
            return None
        if self._mode not in papers[found[0]].modes:
            self._note(row, "paper", row.paper, "roster.paper_mode")
            return None
        return found[0]


def _occupation_names(blueprint: ExamBlueprint) -> set[str]:
    """The occupation's name, aliases and code, as they are compared. Source: R-6."""
    names = (blueprint.occupation_name, *blueprint.aliases, blueprint.occupation_code)
    return {plain(name) for name in names}
