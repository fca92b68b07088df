"""Navigation of staff: the places a person can open, the frame of every page, and parts of the home page.

Later rooms know what waits for a person, and register the part of the home page that tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import flask
import flask_babel

from cbt.http.auth.access import access_of
from cbt.http.auth.login import Principal, current_principal
from cbt.rules.roles import Role

_EXTENSION = "cbt_home_parts"

HomePart = Callable[[Principal], tuple[str, Mapping[str, object]] | None]
"""Returns the template of a part of the page and what it needs as `part`, None for whom it does not concern."""


def register_home_part(app: flask.Flask, part: HomePart) -> None:
    """Have `part` stand on the home page, after those registered before."""
    app.extensions.setdefault(_EXTENSION, []).append(part)


def home_parts(principal: Principal) -> list[tuple[str, Mapping[str, object]]]:
    """Return what stands on this person's home page above the places they can go to: templates, what each needs."""
    parts: list[HomePart] = flask.current_app.extensions.get(_EXTENSION, [])
    return [content for part in parts if (content := part(principal)) is not None]


@dataclass(frozen=True, slots=True)
class StaffPage:
    """A page of the product: its endpoint, its text ids, its icon, and who it is the next step for."""

    endpoint: str
    code: str
    icon: str
    mainly: frozenset[Role]
    below: tuple[str, ...] = ()
    """Pages about one thing of the same family, for marking where one is."""

    def holds(self, path: str) -> bool:
        starts = [_start(endpoint) for endpoint in (self.endpoint, *self.below)]
        return any(path == start or path.startswith(f"{start}/") for start in starts)


def _start(endpoint: str) -> str:
    """Return what the paths of a page have in common, whatever it is about."""
    return next(flask.current_app.url_map.iter_rules(endpoint)).rule.partition("/<")[0]


PLACES = (
    StaffPage("proctoring.rooms", "proctor", "eye", frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR})),
    StaffPage("proctoring.evacuate", "evacuate", "alert", frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR})),
    StaffPage(
        "accounts.approvals.index",
        "approvals",
        "check",
        frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER}),
    ),
    StaffPage(
        "sittings.batches",
        "office",
        "list",
        frozenset({Role.OFFICER}),
        ("candidates.sitting", "candidates.registration", "retention.retention", "batches.make_up.ledger"),
    ),
    StaffPage(
        "sittings.centres.centres", "centres", "square", frozenset({Role.OFFICER}), ("sittings.centres.room",)
    ),
    StaffPage(
        "enrolment.units.units",
        "units",
        "users",
        frozenset({Role.OFFICER}),
        ("enrolment.agreements.agreements",),
    ),
    StaffPage(
        "enrolment.applications.applications",
        "applications",
        "note",
        frozenset({Role.OFFICER}),
        ("enrolment.decided.days", "enrolment.decided.majors"),
    ),
    StaffPage("enrolment.fees.fees", "fees", "list", frozenset({Role.OFFICER})),
    StaffPage(
        "enrolment.own_applications.applications", "own_applications", "note", frozenset({Role.UNIT_CLERK})
    ),
    StaffPage("enrolment.own_fees.fees", "own_fees", "list", frozenset({Role.UNIT_CLERK})),
    StaffPage("certificates.own_results.results", "own_results", "check", frozenset({Role.UNIT_CLERK})),
    StaffPage("enrolment.own.home", "own_unit", "square", frozenset({Role.UNIT_CLERK})),
    StaffPage("blueprints.index", "blueprints", "note", frozenset({Role.OFFICER})),
    StaffPage("bank.banks", "bank", "file", frozenset({Role.AUTHOR, Role.REVIEWER})),
    StaffPage("bank.queue.queue", "review", "check", frozenset({Role.REVIEWER})),
    StaffPage("results.index", "results", "check", frozenset({Role.OFFICER})),
    StaffPage("marking.index", "marking", "check", frozenset({Role.MARKER})),
    StaffPage("certificates.certificates", "certificates", "note", frozenset({Role.OFFICER})),
    StaffPage("enrolment.body.body", "body", "square", frozenset({Role.ADMIN})),
    StaffPage("accounts.people", "people", "users", frozenset({Role.ADMIN})),
    StaffPage("jobs.jobs", "jobs", "clock", frozenset()),
    StaffPage("backups.page", "backups", "download", frozenset({Role.ADMIN})),
    StaffPage("doctor.page", "doctor", "info", frozenset({Role.ADMIN})),
    StaffPage("accounts.audit.log", "audit", "search", frozenset({Role.INSPECTOR, Role.ADMIN})),
)


NARROW, WIDE = 1024, 1366
"""Widths in pixels, of a small notebook and of a usual one, from which the head of a page is one line."""
SCROLL_BAR = 17
BESIDE = {"zh": 636, "en": 708}
"""Pixels of the line that what stands beside the places takes: the product, help, colours, language, who it is."""
PADDING, CJK, LATIN = 28, 15.5, 8.2
"""Pixels around a place, and of one of its characters; rather too many than too few."""


def places_for(principal: Principal) -> list[StaffPage]:
    """Return the pages this person can open, in the order of an exam's life.

    What the view of a page declares decides, so a link never leads to a refusal.
    """
    app = flask.current_app
    declared = ((place, access_of(app, place.endpoint)) for place in PLACES)
    return [place for place, access in declared if access is not None and access.admits(principal)]


def staff_frame() -> dict[str, object]:
    """Return what base.html shows to staff: links, name and roles, the way out; nothing to others.

    A page asks for it; a part of a page, of which boards fetch many, does without.
    """
    principal = current_principal()
    if principal is None or principal.kind != "staff":
        return {}
    links = [] if principal.must_change_password or principal.owes_factor else places_for(principal)
    # A place below another is the nearer one.
    here = [place for place in links if place.holds(flask.request.path)]
    current = max(here, key=lambda place: len(_start(place.endpoint)), default=None)
    labels = {place.code: flask_babel.gettext(f"accounts.place.{place.code}") for place in links}
    # Where one is, then what one is mainly here for, then the rest.
    wanted = sorted(links, key=lambda place: (place is not current, not place.mainly & principal.roles))
    narrow, wide = (_in_one_line([labels[place.code] for place in wanted], width) for width in (NARROW, WIDE))
    return {
        "nav": [
            {
                "url": flask.url_for(place.endpoint),
                "label": labels[place.code],
                "current": place is current,
                "line": "always" if place in wanted[:narrow] else "wide" if place in wanted[:wide] else "",
            }
            for place in links
        ],
        "own_roles": role_names(principal.roles),
        "home_url": flask.url_for("accounts.home"),
        "account_url": flask.url_for("accounts.factors.account") if links else "",
        "sign_out_url": flask.url_for("accounts.sign_out"),
    }


def _in_one_line(labels: Sequence[str], width: int) -> int:
    """Return how many of some places stand in one line beside the button for the rest, where there is any."""
    room = width - SCROLL_BAR - BESIDE.get(str(flask_babel.get_locale()), max(BESIDE.values()))
    widths = [_pixels(label) for label in labels]
    if sum(widths) <= room:
        return len(widths)
    room_left = room - _pixels(flask_babel.gettext("ui.nav.further")) - 2 * CJK
    return sum(total <= room_left for total in accumulate(widths))


def _pixels(label: str) -> float:
    return PADDING + sum(LATIN if sign.isascii() else CJK for sign in label)


def role_names(roles: frozenset[str]) -> str:
    between = str(flask_babel.gettext("ui.and"))
    return between.join(flask_babel.gettext(f"role.{role.value}") for role in Role if role in roles)
