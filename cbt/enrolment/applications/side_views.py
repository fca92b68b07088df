"""The two sides from which an application is seen: the office, and the unit's own people, who see theirs alone.

Both have the same pages under another address. What a clerk is shown or does begins at `own_unit` (R-70).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, update_wrapper
from typing import Any

import flask

from cbt.db.unit_of_work import reading
from cbt.enrolment.applications.applying import Applying
from cbt.enrolment.units.models import MemberUnit
from cbt.enrolment.units.store import own_unit, unit_by_ref
from cbt.rules.roles import Role
from cbt.web.i18n import local_day
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import acting, signed_in


@dataclass(frozen=True, slots=True)
class ApplicationSide:
    """A side: the blueprint of its pages, who may act and who may look."""

    pages: flask.Blueprint
    writers: tuple[Role, ...]
    readers: tuple[Role, ...]

    @property
    def by_unit(self) -> bool:
        """Whether it is the unit's own."""
        return self is OWN

    def url(self, page: str, /, **values: Any) -> str:
        """Return the address of one of its pages."""
        return flask.url_for(f"enrolment.{self.pages.name}.{page}", **values)

    def may_write(self) -> bool:
        """Return whether whoever is signed in may act on this side."""
        return signed_in().has(*self.writers)

    def applying(self) -> Applying:
        """Return who acts; raise NotFound("unit.none_of_yours") for a clerk without a unit."""
        return Applying(acting(), flask.g.now, local_day(flask.g.now), self.unit_id())

    def unit_id(self) -> int | None:
        """Return whose applications are seen: a clerk's own unit's, None for everybody's."""
        if not self.by_unit:
            return None
        with reading() as session:
            return own_unit(session, signed_in().subject_id).id

    def unit(self, asked: str) -> MemberUnit:
        """Return the unit that a new application is of: a clerk's own, else the one that is asked for."""
        with reading() as session:
            if self.by_unit:
                return own_unit(session, signed_in().subject_id)
            return unit_by_ref(session, asked)


OFFICE = ApplicationSide(
    flask.Blueprint("applications", __name__, url_prefix="/office/applications"),
    (Role.OFFICER,),
    (Role.OFFICER, Role.INSPECTOR, Role.ADMIN),
)
OWN = ApplicationSide(
    flask.Blueprint("own_applications", __name__, url_prefix="/unit/applications"),
    (Role.UNIT_CLERK,),
    (Role.UNIT_CLERK,),
)
BOTH = (OFFICE, OWN)


def page(
    view: Callable[..., Reply],
    rule: str,
    *,
    method: str = "GET",
    to_read: bool = False,
    sides: tuple[ApplicationSide, ...] = BOTH,
) -> None:
    """Have a view, which is told the side, answer at an address of each side, to who may look or may act there."""
    for side in sides:
        bound = partial(view, side)
        update_wrapper(bound, view)
        admitted = access.roles(*(side.readers if to_read else side.writers))(bound)
        side.pages.add_url_rule(rule, view.__name__, admitted, methods=[method])
