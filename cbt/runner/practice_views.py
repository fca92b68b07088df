"""The practice paper (试答): one item of each type about nothing in particular, for candidates and for staff.

It is as the candidate's own paper is, of sections or of units, timed alike; so it looks as that will look.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import flask
from flask_babel import gettext
from flask_babel import gettext as _

from cbt.blueprints.store import paper_of
from cbt.candidates.models import Registration
from cbt.door.service import door_view
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.i18n import wall_turns
from cbt.http.partials import Reply
from cbt.http.responses import packed_page
from cbt.items.markup import to_html
from cbt.rules.exam import TOOLS, ClockPolicy, Paper, Section, SubmitPolicy, Unit, tools_in
from cbt.rules.items.content import ItemContent, ItemType
from cbt.rules.items.registry import parse_content
from cbt.rules.roles import OF_THE_HOUSE
from cbt.rules.states import State
from cbt.runner.paper.content import head, item_text, timing_of
from cbt.runner.paper.layout import Position
from cbt.runner.paper.page import page_texts
from cbt.storage.unit_of_work import reading

MINUTES = 2
UNITS, SECTIONS = (5, 4), ((ItemType.SINGLE_CHOICE, 3), (ItemType.FILL_BLANK, 6))
"""How many of the items each unit has, and each section (here it is of several types, unlike a real one)."""
WARNINGS = {"warnings": [60], "unit_warnings": [15]}
_DRAWN = "media:" + "0" * 32
"""What stands for the picture until the page has it: it lies with the scripts, not among a bank's media."""


def sample_of(own: Paper, tools: Sequence[str], *, by_unit: bool, picture: str) -> dict[str, Any]:
    """Return a sample in the shape of the answer page, of units or of sections, with what the `own` paper offers.

    All of its units' items are in it, for the page opens them itself. `picture` is the address of the drawing.
    """
    contents = [parse_content(item) for item in _items()]
    paper = _paper(own, contents, by_unit=by_unit)
    positions = list(_positions(contents, by_unit=by_unit))
    verdicts = _("attempts.true"), _("attempts.false")
    items = [
        json.loads(item_text(content, one, verdicts))
        for content, one in zip(contents, positions, strict=True)
    ]
    for item in items:
        if "picture" in item:
            item["picture"] = picture
    first = 1 if paper.windows else None
    data = head(
        _("answering.sample.title"), paper, positions, tools, state=State.INTERACTING, open_unit=first
    )
    return {**data, "items": items, "cases": _cases() if by_unit else []}


def _paper(own: Paper, contents: Sequence[ItemContent], *, by_unit: bool) -> Paper:
    unit_points = Decimal(1)
    sections = tuple(
        Section(_(f"answering.sample.section.{number}"), kind, count, unit_points)
        for number, (kind, count) in enumerate(() if by_unit else SECTIONS, 1)
    )
    units = tuple(
        Unit(number, _(f"answering.sample.unit.{number}"), "", timedelta(minutes=1), Decimal(count))
        for number, count in enumerate(UNITS if by_unit else (), 1)
    )
    return Paper(
        own.code,
        own.name,
        timedelta(minutes=MINUTES),
        points=Decimal(len(contents)),
        sections=sections,
        units=units,
        submit=SubmitPolicy(earliest=timedelta(0)),
        clock=ClockPolicy(unit_timing=own.clock.unit_timing, unused_time=own.clock.unused_time),
        calculator=own.calculator,
        tools=own.tools,
        lock_down=own.lock_down,
    )


def _positions(contents: Sequence[ItemContent], *, by_unit: bool) -> Iterator[Position]:
    """Yield a position for each item. What is mixed is mixed the same for everybody."""
    chance = random.Random(2)
    for number, content in enumerate(contents, 1):
        arranged = type(content).arrange(content.shape(), chance, shuffle=False)
        yield Position(
            position=number,
            type=content.type.value,
            item="",
            version=1,
            points="1",
            section=None if by_unit else int(number > SECTIONS[0][1]),
            unit=1 + (number > UNITS[0]) if by_unit else None,
            **arranged,
        )


def _cases() -> list[dict[str, Any]]:
    return [
        {
            "unit": number,
            "title": _(f"answering.sample.case.{number}.title"),
            "stimulus": to_html(_(f"answering.sample.case.{number}")),
        }
        for number in range(1, len(UNITS) + 1)
    ]


def _items() -> list[dict[str, Any]]:
    """Return the items as an author writes them; a list stands on the lines of one text."""

    def stem(kind: ItemType, **more: Any) -> dict[str, Any]:
        return {"type": kind.value, "stem": _(f"answering.sample.{kind.value}"), **more}

    def lines(kind: ItemType) -> list[str]:
        return str(_(f"answering.sample.{kind.value}.list")).split("\n")

    lefts = [line.split("|") for line in lines(ItemType.MATCHING)]
    spots = [(112, 150), (246, 186), (352, 172), (432, 96)]
    return [
        stem(ItemType.TRUE_FALSE, answer=True),
        stem(ItemType.SINGLE_CHOICE, choices=lines(ItemType.SINGLE_CHOICE), answer="A"),
        stem(ItemType.MULTIPLE_CHOICE, choices=lines(ItemType.MULTIPLE_CHOICE), answer="ABD"),
        stem(ItemType.FILL_BLANK, answer=[["7"], ["24"]]),
        stem(ItemType.NUMERIC, answer="36"),
        stem(ItemType.MATCHING, pairs=lefts[:-1], extra_options=lefts[-1]),
        stem(ItemType.ORDERING, steps=lines(ItemType.ORDERING)),
        stem(
            ItemType.HOTSPOT,
            picture=_DRAWN,
            size=[500, 260],
            alt=_("answering.sample.hotspot.alt"),
            regions=[{"rect": [50, 90, 130, 130]}],
            answer=[1],
            spots=[
                {"at": list(at), "name": name}
                for at, name in zip(spots, lines(ItemType.HOTSPOT), strict=True)
            ],
        ),
        stem(ItemType.SHORT_ANSWER, answer="-", limit=200, rubric=[{"points": 1, "text": "-"}]),
    ]


pages = flask.Blueprint("practice", __name__)

PICTURE = "runner/practice/table.svg"
SHOWN = Paper("", "", timedelta(minutes=MINUTES), calculator=True, tools=TOOLS, lock_down=False)
"""What staff show: a paper with every tool."""


@pages.get("/exam/practice")
@access.candidate
def practice() -> Reply:
    """A sample as the candidate's own paper will be, while they wait; the start ends it."""
    registration_id = signed_in().subject_id
    view = door_view(registration_id)
    if view.step != "wait" or view.started or view.evacuated:
        return flask.redirect(flask.url_for("door.wait"), 303)
    with reading() as session:
        row = session.get_one(Registration, registration_id)
        own, tools = paper_of(session, row.blueprint_version_id, row.paper), tools_in(row.tools)
    person = {
        "candidate_name": view.name,
        "ticket_number": view.ticket,
        "seat_number": view.seat,
        "photo_url": flask.url_for("door.photo") if view.has_photo else None,
        "watermark": f"{view.name} {view.ticket}" if own.lock_down else None,
        "lock_down": own.lock_down,
    }
    waiting = {"state": flask.url_for("delivery.wait_state"), "home": flask.url_for("door.wait")}
    return _page(own, tools, person, by_unit=timing_of(own) != "none", waiting=waiting)


@pages.get("/staff/practice")
@access.roles(*OF_THE_HOUSE)
def shown() -> Reply:
    """The same for staff who show it: nobody's name, every tool, and either shape of a paper."""
    by_unit = flask.request.args.get("shape") == "units"
    person = {
        "candidate_name": gettext("answering.practice.nobody"),
        "ticket_number": "—",
        "seat_number": "—",
        "photo_url": None,
        "watermark": None,
        "lock_down": False,
    }
    return _page(SHOWN, [], person, by_unit=by_unit, waiting={"home": flask.url_for("accounts.home")})


def _page(
    own: Paper, tools: list[str], person: dict[str, Any], *, by_unit: bool, waiting: dict[str, str]
) -> Reply:
    picture = flask.current_app.extensions["cbt_assets"].url(PICTURE)
    sample = sample_of(own, tools, by_unit=by_unit, picture=picture)
    home = waiting["home"]
    texts = page_texts(sample["tools"], "practice")
    own_words = {name.removeprefix("practice."): text for name, text in texts.items()}
    page = flask.render_template(
        "runner/practice/practice.html",
        attempt={"ref": "practice", "paper_title": sample["title"], **person},
        csrf="",
        turns=wall_turns(now=flask.g.now),
        urls={
            **{name: name for name in ("start", "answers", "advance", "submit", "clock", "news")},
            "message": "message/0/",
            "done": home,
            "seat": home,
        },
        texts={**texts, **{name: text for name, text in own_words.items() if name in texts}},
        sample={"paper": sample, "seconds": 60 * MINUTES, **WARNINGS},
        waiting=waiting,
        by_unit=by_unit,
        seconds=60 * MINUTES,
    )
    return packed_page(page)
