"""Training of a level with its hours completed (正规培训达规定标准学时数，并取得结业证书)."""

from __future__ import annotations

from datetime import date

from cbt.rules.enrolment.eligibility.answers import (
    AtomAnswer,
    Considered,
    Fulfilment,
    OfficerQuestion,
    RequiredProof,
    begins,
    by_date,
    open_question,
)
from cbt.rules.enrolment.eligibility.conditions import CompletedTraining

NAME = "training"
KEYS = ("training", "training_hours")
PROOF = RequiredProof.TRAINING_CERTIFICATE


def asks(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.training is not None


def answer(seen: Considered) -> AtomAnswer:
    """Return the best that one of the trainings says. Source: R-73."""
    found = [_one(seen, training) for training in seen.facts.trainings]
    none = by_date(NAME, PROOF, None, seen.on, {"training": seen.condition.training, "have": None})
    return min([*found, none], key=_order)


def _order(one: AtomAnswer) -> tuple[int, date]:
    return one.fulfilment.rank, one.from_on or date.max


def _one(seen: Considered, training: CompletedTraining) -> AtomAnswer:
    condition, start = seen.condition, begins(seen)
    asked = {"training": condition.training, "hours": condition.training_hours, "have": training.hours}
    too_short = training.hours is not None and training.hours < (condition.training_hours or 0)
    ended_on = training.completed_on
    too_early = ended_on is not None and start.on is not None and ended_on < start.on
    if training.level != condition.training or too_short or too_early:
        return by_date(NAME, PROOF, None, seen.on, asked)
    if ended_on is None and condition.after is not None:
        return open_question(NAME, PROOF, OfficerQuestion.TRAINING_DATE, asked)
    done = by_date(NAME, PROOF, ended_on or date.min, seen.on, asked)
    if done.fulfilment is Fulfilment.MET and condition.training_hours is not None and training.hours is None:
        return open_question(NAME, PROOF, OfficerQuestion.TRAINING_HOURS, asked)
    if done.fulfilment is Fulfilment.MET and start.question is not None:
        return open_question(NAME, PROOF, start.question, asked)
    return done
