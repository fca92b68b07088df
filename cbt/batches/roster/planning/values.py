"""What a plan is made of: papers with their seats, what changes of the known, what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cbt.batches.roster.planning.places import OpenRoom
from cbt.candidates.models import Candidate
from cbt.candidates.roster.choosing import BlueprintChoice, PaperRow
from cbt.candidates.roster.reading.row import RosterRow
from cbt.rules.planning.places import LeftOver
from cbt.sheets.findings import Finding, Severity
from cbt.sittings.models import Seat


@dataclass(frozen=True, slots=True)
class Placement:
    """A paper of a person that can be registered: where, and as whom."""

    asked: PaperRow
    index: str
    candidate: Candidate | None
    ticket: str
    """The number they have already, "" for none."""
    at: OpenRoom
    seat: Seat

    @property
    def row(self) -> RosterRow:
        """The line that asks for it."""
        return self.asked.row

    @property
    def choice(self) -> BlueprintChoice:
        """By which blueprint."""
        return self.asked.choice

    @property
    def paper(self) -> str:
        """Which of its papers."""
        return self.asked.paper


@dataclass(frozen=True, slots=True)
class RowChange:
    """What a line says otherwise than what is registered: by column, what is stored and what it becomes."""

    row: int
    name: str
    candidate_id: int
    registration_id: int
    person: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    shown: tuple[tuple[str, str, str], ...] = ()
    """(column, before, after), numbers masked."""


@dataclass(frozen=True, slots=True)
class LeftGroup:
    """People who found no seat for one reason: of which level and paper, and how many."""

    reason: LeftOver
    blueprint: str
    level: str
    paper: str
    name: str
    people: int
    minutes: int


@dataclass
class RosterPlan:
    """What an import would do; it may be done as a whole only without a finding that stops."""

    placements: list[Placement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    already: int = 0
    changes: list[RowChange] = field(default_factory=list)
    left: list[LeftGroup] = field(default_factory=list)
    renewed: list[tuple[Candidate, RosterRow]] = field(default_factory=list)
    """People whose number nothing opens any more, found by ticket or masked number: it is sealed anew."""
    rooms: list[OpenRoom] = field(default_factory=list)
    people: int = 0
    """How many different people the readable lines name."""

    @property
    def stops(self) -> list[Finding]:
        """The findings that keep the file out."""
        return [found for found in self.findings if found.severity is Severity.ERROR]

    @property
    def hints(self) -> list[Finding]:
        """The findings that are only hints."""
        return [found for found in self.findings if found.severity is Severity.HINT]
