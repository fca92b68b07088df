"""The first steps of an installation, on its administrator's home page until each is done: whose it is, who works
here, what is asked, by which rules, where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import flask
from sqlalchemy import ColumnElement, exists, select

from cbt.accounts.models import Staff, StaffRole
from cbt.bank.store import drawable_banks
from cbt.blueprints.store import blueprints_of, current_versions, sample_digests
from cbt.enrolment.models import AssessmentBody
from cbt.http.auth.access import access_of
from cbt.http.auth.login import Principal
from cbt.rules.roles import Role
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import reading

PAGES = {
    "body": "enrolment.body.body",
    "staff": "accounts.people",
    "bank": "bank.banks",
    "blueprint": "blueprints.index",
    "centre": "sittings.centres.centres",
}
OWN = frozenset({"body", "staff"})
TEAM = (Role.OFFICER, Role.AUTHOR, Role.REVIEWER, Role.PROCTOR)
"""Without one of each no exam is made, asked and watched; a chief proctor may be a proctor."""


@dataclass(frozen=True, slots=True)
class FirstStep:
    """A step: its text ids, where it is done, whether it is, and whether whoever reads it can open that page."""

    code: str
    endpoint: str
    is_done: bool
    opens: bool
    samples: int = 0
    """How many samples are in force that nobody can use: they can be put away from here."""

    @property
    def is_own(self) -> bool:
        """Whether an administrator does it; else they see who does."""
        return self.code in OWN


def first_steps_on_home(principal: Principal) -> tuple[str, Mapping[str, object]] | None:
    """Return the part of the home page that leads an administrator; None once all is done, and for others."""
    if Role.ADMIN not in principal.roles:
        return None
    steps = first_steps(principal)
    if all(step.is_done for step in steps):
        return None
    return "application/_first_steps.html", {"steps": steps, "done": sum(step.is_done for step in steps)}


def first_steps(principal: Principal) -> list[FirstStep]:
    """Return all steps as they stand, for somebody who reads them; read once a request."""
    if "first_steps" not in flask.g:
        flask.g.first_steps = _read(principal)
    steps: list[FirstStep] = flask.g.first_steps
    return steps


def _read(principal: Principal) -> list[FirstStep]:
    with reading() as session:
        named, placed, *held = session.execute(
            select(
                exists().where(AssessmentBody.name != ""),
                exists(select(Seat.id).where(Seat.spare.is_(False))),
                *map(_is_held, TEAM),
            )
        ).one()
        drawable = drawable_banks(session)
        versions = current_versions(session)
        in_force = blueprints_of(session, [row.id for row in versions])
    done = {
        "body": named,
        "staff": all(held),
        "bank": bool(drawable),
        "blueprint": any(one.bank in drawable for one in in_force.values()),
        "centre": placed,
    }
    idle = [
        row for row in versions if row.sha256 in sample_digests() and in_force[row.id].bank not in drawable
    ]
    samples = {"blueprint": len(idle)}
    return [
        FirstStep(code, PAGES[code], is_done, _opens(PAGES[code], principal), samples.get(code, 0))
        for code, is_done in done.items()
    ]


def _opens(endpoint: str, principal: Principal) -> bool:
    declared = access_of(flask.current_app, endpoint)
    return declared is not None and declared.admits(principal)


def _is_held(role: Role) -> ColumnElement[bool]:
    wanted = (role, Role.CHIEF_PROCTOR) if role is Role.PROCTOR else (role,)
    return exists().where(
        StaffRole.staff_id == Staff.id,
        StaffRole.role.in_([one.value for one in wanted]),
        Staff.disabled_at.is_(None),
    )
