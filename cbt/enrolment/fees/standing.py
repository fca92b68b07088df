"""What is still open of an application, and whether its people may sit all the same (R-76)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.enrolment.applications.models import UnitApplication
from cbt.enrolment.fees.models import FeeCharge
from cbt.enrolment.fees.sums import line_sums
from cbt.errors import Conflict
from cbt.rules.enrolment.fees.amounts import yuan
from cbt.rules.enrolment.fees.prices import FeePolicy


def keeps_from_sitting(session: Session, application: UnitApplication, fees: FeePolicy) -> int:
    """Return how much is to be paid before the people of an application may sit, in 分; 0 for nothing.

    Source: R-76.
    """
    if fees.unpaid_may_sit:
        return 0
    lines = line_sums(FeeCharge.application_id, FeeCharge.application_id == application.id)
    return int(session.scalar(select(lines.c.open)) or 0)


def refuse_unpaid(session: Session, application: UnitApplication, fees: FeePolicy) -> None:
    """Refuse to take the people of an application to a batch; raise Conflict("application.unpaid").

    Source: R-76.
    """
    left = keeps_from_sitting(session, application, fees)
    if left:
        raise Conflict("application.unpaid", amount=yuan(left))
