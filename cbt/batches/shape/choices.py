"""What a batch can examine: the stored blueprints as levels of occupations, each with its versions and papers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.exams.models import BlueprintVersion
from cbt.exams.store import blueprint_of, current_versions
from cbt.rules.exam.blueprint import ExamBlueprint


@dataclass(frozen=True, slots=True)
class VersionChoice:
    """A version of a blueprint that a batch may examine by."""

    id: int
    number: int
    in_force: bool


@dataclass(frozen=True, slots=True)
class LevelChoice:
    """A level that a batch may examine; `blueprint` is that of the version in force, or the newest offered."""

    blueprint: ExamBlueprint
    versions: list[VersionChoice]

    @property
    def ref(self) -> str:
        """The ref of its blueprint, by which a form names it."""
        return self.blueprint.ref


@dataclass(frozen=True, slots=True)
class OccupationChoice:
    """An occupation with its levels."""

    name: str
    levels: list[LevelChoice]


def occupations(session: Session, *, kept: Collection[int] = ()) -> list[OccupationChoice]:
    """Return what is in force, by occupation and level; and the versions `kept`, whatever became of them."""
    in_force = {row.id for row in current_versions(session)}
    offered: dict[str, list[VersionChoice]] = defaultdict(list)
    for version, number in _numbers(session).items():
        if version in in_force or version in kept:
            ref = blueprint_of(session, version).ref
            offered[ref].append(VersionChoice(version, number, version in in_force))
    by_name: dict[str, list[LevelChoice]] = defaultdict(list)
    for versions in offered.values():
        versions.sort(key=lambda one: (not one.in_force, -one.number))
        level = LevelChoice(blueprint_of(session, versions[0].id), versions)
        by_name[level.blueprint.occupation_name].append(level)
    return [
        OccupationChoice(name, sorted(levels, key=lambda one: (one.blueprint.level_code, one.ref)))
        for name, levels in sorted(by_name.items())
    ]


def _numbers(session: Session) -> dict[int, int]:
    """Return the number of every version among those of its blueprint, from 1."""
    counted: dict[str, int] = defaultdict(int)
    numbers = {}
    for version, ref in session.execute(
        select(BlueprintVersion.id, BlueprintVersion.ref).order_by(BlueprintVersion.id)
    ):
        counted[ref] += 1
        numbers[version] = counted[ref]
    return numbers
