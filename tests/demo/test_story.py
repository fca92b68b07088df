"""The demo shows an office at work: units, applications in every state, a first batch with its certificates."""

from __future__ import annotations

import random
import re
from collections import Counter

import flask
import flask_babel
import pytest
from sqlalchemy import select, update

from cbt.accounts.audit_log import lines_of
from cbt.accounts.models import Staff, StaffRole
from cbt.audit.models import AuditEntry
from cbt.certificates.models import Certificate
from cbt.demo.build import build_demo
from cbt.demo.people import DONE
from cbt.enrolment.models import FeePayment, UnitAgreement, UnitApplication
from cbt.ops.backup.verification import verify_everything
from cbt.results.models import Result
from cbt.rules.states import ApplicationState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.accounts.homes import hold_that_it_says_what_is_next
from tests.helpers import sign_in_as
from tests.world import START


@pytest.mark.once
def test_an_office_at_work_whose_every_record_is_sound(app: flask.Flask) -> None:
    """What lies before the demo's day is of the product's own acts: it verifies, and is scored again alike."""
    with app.app_context():
        access = build_demo(app.extensions["cbt_settings"], now=START, rng=random.Random(4))
        assert all(check.ok for check in verify_everything())
        with reading() as session:
            states = Counter(session.scalars(select(UnitApplication.state)))
            ends = session.scalars(select(UnitAgreement.last_on)).all()
            certified = set(session.scalars(select(Certificate.name)))
            outcomes = Counter(session.scalars(select(Result.outcome)))
            paid = sum(session.scalars(select(FeePayment.fen)))
    assert states == Counter({state.value: 1 for state in ApplicationState})
    assert sum((last - START.date()).days <= 30 for last in ends) == 1
    assert certified == {one.name for one in DONE}
    assert outcomes == {"passed": 8}
    assert paid == 252_000
    assert [login for login, *_ in access.staff][-3:] == ["danwei1", "danwei2", "danwei3"]
    assert internal_words(app) == set()
    for login, *_ in access.staff:
        with app.app_context(), reading() as session:
            ref = session.scalars(select(Staff.ref).where(Staff.login == login)).one()
            roles = session.scalars(select(StaffRole.role).join(Staff).where(Staff.login == login)).all()
        with app.app_context(), unit_of_work() as session:
            session.execute(update(Staff).where(Staff.login == login).values(must_change_password=False))
        hold_that_it_says_what_is_next(sign_in_as(app, kind="staff", subject_ref=ref), f"{login} {roles}")


INTERNAL = re.compile(r"[a-z]+(_[a-z]+)*|.*\b([a-z]+_[a-z_]+|[a-z]{2}-[a-z0-9]{6,})\b.*")
"""A code of the product's own, or a ref, anywhere in what is shown."""
TOLD_APART = {"导入批次", "试卷"}
"""Facts that are refs and nothing else: there is no name for such a thing."""


def internal_words(app: flask.Flask) -> set[tuple[str, str, str]]:
    """Return the acts of the log whose page shows a word of the product's own: act, fact, what is shown."""
    found = set()
    with app.test_request_context(), flask_babel.force_locale("zh"), reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        for line in lines_of(session, entries, reader=None):
            facts = [("", line.act), ("", line.what), *line.before, *line.after]
            found |= {
                (line.entry.act, name, value)
                for name, value in facts
                if INTERNAL.fullmatch(name) or (name not in TOLD_APART and INTERNAL.fullmatch(value))
            }
    return found
