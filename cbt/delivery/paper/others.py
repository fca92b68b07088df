"""What a candidate meets in the other papers of a batch, and what must not meet it: 互斥 across theory and skills.

Source: R-8.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.assembly.sources import DrawSources
from cbt.assembly.steps import SEED_BITS, items_of
from cbt.candidates.models import Registration
from cbt.delivery.models import Attempt
from cbt.exams.store import paper_of
from cbt.sittings.models import Sitting
from cbt.sittings.planning.purposes import official_only

_CHUNK = 400


class Others:
    """The forms that some registrations' candidates have in the same batch, of the same bank, in what counts."""

    def __init__(self, session: Session, registrations: Sequence[Registration], sources: DrawSources) -> None:
        self._session = session
        self._sources = sources
        self._met: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        self._open: defaultdict[int, list[Registration]] = defaultdict(list)
        tickets = sorted({one.ticket_id for one in registrations})
        for start in range(0, len(tickets), _CHUNK):
            self._read(tickets[start : start + _CHUNK])

    def foes_of(self, registration: Registration, rng: random.Random) -> frozenset[str]:
        """Return what must not come up in this registration's paper.

        Where its candidate is to have a paper of cases that is not drawn yet, cases are set aside for that: else a
        theory paper would leave no case that it does not exclude.
        """
        bank = self._bank_of(registration)
        enemies = self._sources.enemies_in(bank)
        met = self._met[registration.ticket_id, bank] | self._set_aside(registration, rng)
        return frozenset().union(*(enemies.get(ref, frozenset()) for ref in met))

    def _set_aside(self, registration: Registration, rng: random.Random) -> frozenset[str]:
        if has_cases(self._session, registration):
            return frozenset()
        found: frozenset[str] = frozenset()
        for other in self._open[registration.ticket_id]:
            if other.id != registration.id and has_cases(self._session, other):
                version, seed = other.blueprint_version_id, rng.getrandbits(SEED_BITS)
                found |= items_of(self._sources.content(version, other.paper, seed=seed))
        return found

    def note(self, registration: Registration, refs: frozenset[str]) -> None:
        """Take in a form that was just drawn."""
        self._met[registration.ticket_id, self._bank_of(registration)] |= refs
        self._open[registration.ticket_id] = [
            one for one in self._open[registration.ticket_id] if one.id != registration.id
        ]

    def _read(self, tickets: Sequence[int]) -> None:
        rows = self._session.execute(
            select(Registration, Form.content)
            .join(Attempt, Attempt.registration_id == Registration.id)
            .join(Form, Form.id == Attempt.form_id)
            .join(Sitting, Sitting.id == Registration.sitting_id)
            .where(Registration.ticket_id.in_(tickets), official_only())
        )
        for registration, content in rows:
            self.note(registration, items_of(json.loads(content)))
        waiting = (
            select(Registration)
            .outerjoin(Attempt, Attempt.registration_id == Registration.id)
            .join(Sitting, Sitting.id == Registration.sitting_id)
            .where(Registration.ticket_id.in_(tickets), Attempt.id.is_(None), official_only())
        )
        for registration in self._session.scalars(waiting):
            self._open[registration.ticket_id].append(registration)

    def _bank_of(self, registration: Registration) -> str:
        return self._sources.bank_ref_of(registration.blueprint_version_id)


def has_cases(session: Session, registration: Registration) -> bool:
    """Return whether a registration's paper is one of cases."""
    return bool(paper_of(session, registration.blueprint_version_id, registration.paper).units)
