"""The people of a site: candidates through the door, with frozen forms and the cookies of their browsers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import flask
from sqlalchemy import select

from cbt.demo.world import Entrant, Signer, Variant, gather, prepare_papers
from cbt.items.models import ItemVersion
from cbt.storage.unit_of_work import unit_of_work
from torture.judging.leaks import SecretTexts, secret_texts

LEVEL = "customer-service-l3"
SEATS = 30
SKILLS = 6
"""So many sit the skills paper with its strict units, the others the theory paper."""
FORMS = 3


@dataclass(frozen=True, slots=True)
class Person:
    """One candidate and what their browser was given at the door."""

    name: str
    ticket: str
    attempt_id: int
    attempt_ref: str
    registration_ref: str
    paper: str
    cookie: str = field(repr=False)
    csrf_token: str = field(repr=False)
    secrets: SecretTexts = field(repr=False)
    """What no reply to this browser may hold."""


def populate(app: flask.Flask, *, now: datetime) -> Sequence[Person]:
    """Fill a migrated database: bank, blueprint, forms, a sitting that admits, everybody at their seat."""
    skills, theory = Variant(LEVEL, "skills"), Variant(LEVEL, "theory")
    rng = random.Random(1)
    papers = prepare_papers(app.extensions["cbt_settings"], [theory, skills], forms=FORMS, now=now, rng=rng)
    entrants = [Entrant(0, skills if number < SKILLS else theory) for number in range(SEATS)]
    seated = gather(entrants, papers, at=now).seated
    marks = {one.attempt_id: (one.name, one.ticket, one.attempt_ref, one.registration_ref) for one in seated}
    signer = Signer(app)
    with unit_of_work() as session:
        contents = list(session.scalars(select(ItemVersion.content)))
        return [
            Person(
                name=one.name,
                ticket=one.ticket,
                attempt_id=one.attempt_id,
                attempt_ref=one.attempt_ref,
                registration_ref=one.registration_ref,
                paper=one.paper,
                cookie=signer.sign_in(
                    session,
                    kind="candidate",
                    subject_ref=one.registration_ref,
                    machine=f"m{one.attempt_id}",
                    now=now,
                ),
                csrf_token=signer.csrf_token,
                secrets=secret_texts(
                    contents,
                    [mark for other, own in marks.items() if other != one.attempt_id for mark in own],
                ),
            )
            for one in seated
        ]
