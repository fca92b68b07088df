"""The staff frame: which pages a person can open, and what they are for."""

from __future__ import annotations

from dataclasses import dataclass

import flask
import flask_babel
from werkzeug.exceptions import HTTPException

from cbt.rules.roles import Role
from cbt.web.who.access import access_of
from cbt.web.who.login import Principal, current_principal


@dataclass(frozen=True, slots=True)
class StaffPage:
    """A page of the product: its path, its text ids, its icon, and who it is the next step for."""

    path: str
    code: str
    icon: str
    mainly: frozenset[Role]
    below: tuple[str, ...] = ()
    """Other paths of the same family, for marking where one is."""

    def holds(self, path: str) -> bool:
        """Return whether a path belongs to this place."""
        return any(path == start or path.startswith(f"{start}/") for start in (self.path, *self.below))


PLACES = (
    StaffPage("/proctor", "proctor", "eye", frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR})),
    StaffPage("/proctor/evacuate", "evacuate", "alert", frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR})),
    StaffPage(
        "/approvals", "approvals", "check", frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER})
    ),
    StaffPage(
        "/office/batches",
        "office",
        "list",
        frozenset({Role.OFFICER}),
        ("/office/sittings", "/office/registrations"),
    ),
    StaffPage("/office/centres", "centres", "square", frozenset({Role.OFFICER}), ("/office/rooms",)),
    StaffPage("/bank", "bank", "file", frozenset({Role.AUTHOR, Role.REVIEWER})),
    StaffPage("/results", "results", "check", frozenset({Role.OFFICER})),
    StaffPage("/staff/people", "people", "users", frozenset({Role.ADMIN})),
    StaffPage("/audit", "audit", "search", frozenset({Role.INSPECTOR, Role.ADMIN})),
)


def places_for(principal: Principal) -> list[StaffPage]:
    """Return the pages this person can open, in the order of an exam's life.

    What the view of a page declares decides, so a link never leads to a refusal.
    """
    app = flask.current_app
    endpoints = app.extensions.get("cbt_places")
    if endpoints is None:
        endpoints = app.extensions["cbt_places"] = _endpoints(app)
    open_places = []
    for place in PLACES:
        access = access_of(app, endpoints[place.path]) if place.path in endpoints else None
        if access is not None and access.admits(principal):
            open_places.append(place)
    return open_places


def _endpoints(app: flask.Flask) -> dict[str, str]:
    adapter = app.url_map.bind("")
    found = {}
    for place in PLACES:
        try:
            endpoint, _ = adapter.match(place.path, method="GET")
        except HTTPException:
            continue
        found[place.path] = endpoint
    return found


def staff_frame() -> dict[str, object]:
    """Return what base.html shows to staff: links, name and roles, the way out; nothing to others."""
    principal = current_principal()
    if principal is None or principal.kind != "staff":
        return {}
    links = [] if principal.must_change_password or principal.owes_factor else places_for(principal)
    # A place below another is the nearer one.
    here = [place for place in links if place.holds(flask.request.path)]
    current = max(here, key=lambda place: len(place.path), default=None)
    return {
        "nav": [
            {
                "url": place.path,
                "label": flask_babel.gettext(f"accounts.place.{place.code}"),
                "current": place is current,
            }
            for place in links
        ],
        "person": {"name": principal.name, "role": role_names(principal.roles)},
        "home_url": flask.url_for("accounts.home"),
        "account_url": flask.url_for("accounts.factors.account") if links else "",
        "sign_out_url": flask.url_for("accounts.sign_out"),
    }


def role_names(roles: frozenset[str]) -> str:
    """Return the names of roles in their fixed order, for showing."""
    return "、".join(flask_babel.gettext(f"role.{role.value}") for role in Role if role in roles)
