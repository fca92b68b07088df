"""Which handbook somebody reads, and which section of it belongs to the page they are on.

A page is known by its endpoint: the longest beginning that a section claims is its own. Of the handbooks that claim
a page those of the reader's own roles come first, then what is everybody's, then those that they may read besides.

Source: R-62 (roles).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from cbt.rules.roles import Role

CANDIDATE, ACCOUNT = "candidate", "account"
"""The two handbooks that need no login: of candidates, and of whoever signs in with an account."""


def _acts(*codes: str) -> tuple[str, ...]:
    """Return what the dialogs of acts of a room are known by: the code of the act stands behind the endpoint."""
    return tuple(f"proctoring.{view}.{code}" for code in codes for view in ("ask", "act"))


Sections = Mapping[str, tuple[str, ...]]
"""By the id of a section, in the order in which they stand: beginnings of the endpoints that it belongs to."""

HANDBOOKS: Mapping[str, Sections] = {
    CANDIDATE: {
        "before": (),
        "seat": ("door",),
        "sign-in": ("door.sign_in_here", "door.choose", "door.chosen"),
        "confirm": ("door.confirm", "door.confirmed", "door.query", "door.withdraw_query"),
        "notice": ("door.notice", "door.pledged"),
        "waiting": ("door.wait", "practice.practice"),
        "answering": ("delivery.runner",),
        "saved": (),
        "hand": (),
        "trouble": (),
        "submit": ("delivery.done",),
        "results": ("results",),
        "certificate": ("certificates",),
    },
    ACCOUNT: {
        "sign-in": ("accounts.sign_in", "accounts.sign_in_now", "accounts.sign_in_again", "accounts.sign_out"),
        "password": ("accounts.password",),
        "second-factor": ("accounts.factors",),
        "home": ("accounts.home", "practice.shown"),
        "this-help": ("help",),
        "approvals": ("accounts.approvals",),
        "jobs": ("jobs",),
        "kept": ("kept",),
    },
    Role.PROCTOR: {
        "day": (),
        "rooms": ("proctoring.rooms", "inspecting.now", "inspecting.live"),
        "machines": (),
        "readiness": ("readiness",),
        "check-in": ("doorway", *_acts("arrive", "check_in", "code", "allow_sign_in", "clear_query")),
        "absent": ("doorway.absent", "doorway.mark_absent", *_acts("absent", "undo_absent")),
        "start": _acts("start"),
        "board": ("proctoring",),
        "person": ("proctoring.person", "proctoring.photo", "candidates.photo"),
        "hands": _acts("answer_hand", "remind"),
        "offline": (),
        "time": _acts("adjust", "adjust_room", "suspend", "resume", "hold", "resume_room", "decide", "decide_many"),
        "move": _acts("move", "rebind", "relocate"),
        "leave": _acts("leave", "return"),
        "reports": ("reports", *_acts("violation", "incident", "incident_room", "report_add", "report_withdraw")),
        "comments": ("inspecting.index",),
        "evacuate": ("proctoring.evacuate", *_acts("evacuate", "countersign", "evacuate_close")),
        "undo": _acts("undo"),
        "recovery": ("recovery",),
        "end": _acts("force", "reopen", "end", "abort"),
        "record": ("record",),
    },
    Role.CHIEF_PROCTOR: {
        "day": (),
        "second": (),
        "plans": (
            "sittings", "batches", "candidates.sitting", "candidates.registration", "candidates.roster_template",
            "candidates.printing", "delivery.drawn_count", "blueprints.reasons",
        ),
        "binding": ("sittings.centres",),
        "reopen": _acts("reopen", "force"),
        "evacuation": _acts("countersign", "evacuate_close", "abort"),
        "comments": ("inspecting.answer",),
        "finish": ("record.sitting", *_acts("end")),
        "results": ("results", "analysis", "marking", "panels"),
        "likeness": ("likeness",),
        "objections": ("results.publicity", "results.rulings"),
        "appeals": ("results.appeals",),
        "keys": ("results.keys",),
        "late": ("late",),
        "package": ("package",),
        "log": ("accounts.audit",),
    },
    Role.OFFICER: {
        "day": (),
        "units": ("enrolment.units", "personnel"),
        "agreements": ("enrolment.agreements",),
        "applications": ("enrolment.applications",),
        "decide": (
            "enrolment.applications.application", "enrolment.applications.person",
            "enrolment.applications.decide", "enrolment.applications.assess",
        ),
        "enter": ("batches.applied",),
        "free-days": ("batches.free", "enrolment.decided"),
        "fees": ("enrolment.fees",),
        "body": ("enrolment.body",),
        "blueprints": ("blueprints", "coverage"),
        "reasons": ("blueprints.reasons",),
        "centres": (
            "sittings.centres", "sittings.plans", "kiosk", "batches.keeping.edit_centre",
            "batches.keeping.save_centre", "batches.keeping.edit_room", "batches.keeping.save_room",
        ),
        "batch": ("sittings.batches", "batches.checklist", "batches.shape", "batches.keeping"),
        "roster": (
            "batches.roster", "candidates.roster_template", "candidates.export", "candidates.photos",
            "candidates.add_photos",
        ),
        "sittings": ("sittings.new_sitting", "sittings", "candidates.sitting", "batches.checks"),
        "people": ("batches.people", "candidates"),
        "seats": ("batches.seating",),
        "forms": ("delivery.draw_forms", "delivery.drawn_count"),
        "print": ("candidates.printing",),
        "publish": ("batches.publishing",),
        "move": ("batches.moving",),
        "exam-day": ("proctoring.rooms", "proctoring.board", "inspecting.now"),
        "results": ("results", "record", "analysis", "panels"),
        "marking": ("marking",),
        "result-tables": ("results.tables",),
        "likeness": ("likeness",),
        "publicity": ("results.publicity", "results.rulings"),
        "release": ("results.release", "results.release_preview"),
        "appeals": ("results.appeals",),
        "keys": ("results.keys",),
        "retakes": ("results.retakes", "results.rights", "batches.make_up"),
        "late": ("late",),
        "package": ("package",),
        "certificates": ("certificates",),
        "uploads": ("certificates.uploads",),
        "retention": ("retention",),
        "personal-data": ("retention.person",),
        "log": ("accounts.audit",),
    },
    Role.AUTHOR: {
        "day": ("panels",),
        "banks": ("bank.banks", "bank.whole"),
        "table": ("bank.whole.table", "bank.whole.save", "bank.whole.read"),
        "find": ("bank.bank", "bank.item", "uses"),
        "write": ("bank.editing", "bank.typing", "bank.media"),
        "review": ("bank.desk",),
        "bulk": ("bank.bulk",),
        "import": ("bank.imports",),
        "check": ("bank.linting",),
        "coverage": ("coverage",),
        "export": ("bank.exports",),
        "blueprints": ("blueprints",),
    },
    Role.REVIEWER: {
        "day": ("panels",),
        "desk": ("bank.queue", "bank.desk.judge"),
        "item": ("bank.bank", "bank.item", "bank.desk", "uses"),
        "imported": ("bank.imports", "bank.bulk"),
        "banks": ("bank.banks", "bank.whole", "bank.linting"),
        "coverage": ("coverage", "blueprints"),
    },
    Role.MARKER: {
        "day": ("marking.index",),
        "mark": ("marking.own", "marking.take_next", "marking.answer", "marking.give_points"),
        "doubtful": ("marking.put_aside", "marking.take_again"),
        "change": ("marking.mark", "marking.change_mark"),
        "fair": (),
    },
    Role.INSPECTOR: {
        "day": (),
        "rooms": ("inspecting.now", "inspecting.live", "proctoring"),
        "comments": ("inspecting.index", "inspecting.comment"),
        "records": ("record", "reports", "readiness"),
        "results": ("results", "late", "package", "analysis", "marking", "panels"),
        "likeness": ("likeness",),
        "keys": ("results.keys",),
        "files": (
            "sittings", "batches", "candidates", "enrolment", "certificates", "retention", "blueprints",
            "bank.banks", "delivery.drawn_count",
        ),
        "people": ("accounts.people", "accounts.person"),
        "log": ("accounts.audit",),
    },
    Role.ADMIN: {
        "day": (),
        "first-steps": (),
        "body": ("enrolment.body", "certificates.series", "certificates.change_series"),
        "people": ("accounts.people", "accounts.person", "accounts.add_person", "accounts.change_person"),
        "lists": ("personnel",),
        "factors": (),
        "backups": ("backups",),
        "doctor": ("doctor",),
        "retention": ("retention",),
        "reading": ("proctoring", "inspecting"),
        "log": ("accounts.audit",),
    },
    Role.UNIT_CLERK: {
        "day": (),
        "unit": ("enrolment.own", "enrolment.agreements.own_paper"),
        "free-days": ("batches.free.own_days",),
        "application": ("enrolment.own_applications",),
        "people": (
            "enrolment.own_applications.person", "enrolment.own_applications.new_person",
            "enrolment.own_applications.enter", "enrolment.own_applications.assess",
        ),
        "list": (
            "enrolment.own_applications.list_form", "enrolment.own_applications.list_check",
            "enrolment.own_applications.take_list",
        ),
        "returned": (),
        "fees": ("enrolment.own_fees",),
        "results": ("certificates.own_results",),
    },
}  # fmt: skip

HOUSE = tuple(role.value for role in Role if role in HANDBOOKS and role is not Role.UNIT_CLERK)
BESIDES: Mapping[str, tuple[str, ...]] = {
    Role.AUTHOR: (Role.REVIEWER,),
    Role.REVIEWER: (Role.AUTHOR,),
    Role.PROCTOR: (Role.CHIEF_PROCTOR,),
    Role.CHIEF_PROCTOR: (Role.PROCTOR,),
    Role.OFFICER: (Role.MARKER, Role.PROCTOR, Role.CHIEF_PROCTOR, Role.UNIT_CLERK),
    Role.INSPECTOR: (*HOUSE, Role.UNIT_CLERK),
    Role.ADMIN: (*HOUSE, Role.UNIT_CLERK),
}
"""Handbooks of others that a role's work leads into."""


def readable(roles: Collection[str]) -> list[str]:
    """Return the handbooks that somebody with these roles may read: their own first, then what is everybody's."""
    own = [role.value for role in Role if role in roles and role in HANDBOOKS]
    besides = [str(name) for role in own for name in BESIDES.get(role, ())]
    return list(dict.fromkeys([*own, ACCOUNT, *besides, CANDIDATE]))


def section_of(endpoint: str, roles: Collection[str]) -> tuple[str, str]:
    """Return handbook and section of a page for somebody with these roles; of a page that nobody claims "".

    Without roles it is somebody who is not signed in.
    """
    books = readable(roles)
    own = [name for name in books if name in roles]
    for among in (own, [ACCOUNT], books):
        claims = [claim for name in among for claim in _claims(name, endpoint)]
        if claims:
            _, book, section = max(claims, key=lambda claim: claim[0])
            return book, section
    return books[0], ""


def _claims(name: str, endpoint: str) -> Iterator[tuple[int, str, str]]:
    """Yield what sections of a handbook claim a page: how much of its name, the handbook, the section."""
    for section, beginnings in HANDBOOKS[name].items():
        for beginning in beginnings:
            if endpoint == beginning or endpoint.startswith(f"{beginning}."):
                yield len(beginning), name, section
