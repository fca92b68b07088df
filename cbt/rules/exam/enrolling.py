"""What does not hold in a blueprint's conditions, majors and fees."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cbt.rules.enrolment.eligibility.conditions import Condition, EnrolmentPolicy
from cbt.rules.enrolment.eligibility.majors import MajorTable, plain_major
from cbt.rules.enrolment.fees.prices import FeePolicy
from cbt.rules.exam.flaw import Flaw, Path, known, not_negative, positive


def check_policy(policy: EnrolmentPolicy) -> Iterator[Flaw]:
    """Yield what does not hold of applying and counting. Source: R-72, R-73."""
    yield from not_negative(policy.days_ahead, ("enrolment", "days_ahead"))
    yield from not_negative(policy.gap_days, ("enrolment", "gap_days"))
    yield from known(policy.counted_to, ("application", "exam"), ("enrolment", "counted_to"))


def check_majors(table: MajorTable) -> Iterator[Flaw]:
    """Yield the majors that stand in a table twice: nobody could say what they are. Source: R-73."""
    seen: set[str] = set()
    for kind in ("own", "related", "other"):
        for name in getattr(table, kind):
            if plain_major(name) in seen:
                yield Flaw(("majors", kind), "blueprint.major_twice", {"value": name})
            seen.add(plain_major(name))


def check_conditions(conditions: tuple[Condition, ...]) -> Iterator[Flaw]:
    """Yield what does not hold of the conditions: numbers in order, each asks something that can be met.

    Source: R-73.
    """
    for index, one in enumerate(conditions):
        here: Path = ("eligibility", index)
        if one.number != index + 1:
            numbers = {"number": one.number, "expected": index + 1}
            yield Flaw((*here, "number"), "blueprint.condition_number", numbers)
        for name in ("years", "training_hours"):
            if getattr(one, name) is not None:
                yield from positive(getattr(one, name), (*here, name))
        yield from _whole(one, here)


def _whole(one: Condition, here: Path) -> Iterator[Flaw]:
    diploma = one.education is not None or bool(one.schools)
    followed = one.years is not None or one.training is not None
    if not (diploma or one.certificate is not None or followed):
        yield Flaw(here, "blueprint.condition_empty", {"number": one.number})
    needs = [
        ("major", one.major is not None, diploma, "education"),
        ("senior_skills", one.senior_skills, bool(one.schools), "schools"),
        ("training_hours", one.training_hours is not None, one.training is not None, "training"),
        ("after", one.after == "certificate", one.certificate is not None, "certificate"),
        ("after", one.after == "degree", diploma, "education"),
        ("after", one.after is not None, followed, "years"),
    ]
    for key, said, there, needed in needs:
        if said and not there:
            yield Flaw((*here, key), "blueprint.condition_needs", {"key": key, "needed": needed})


def check_fees(fees: FeePolicy, papers: Collection[str]) -> Iterator[Flaw]:
    """Yield what does not hold of the fees. Source: R-76."""
    for name in ("first", "retake", "materials"):
        yield from not_negative(getattr(fees, name), ("fees", name))
    if fees.materials:
        for code in fees.materials_papers:
            yield from known(code, tuple(papers), ("fees", "materials_papers"))
