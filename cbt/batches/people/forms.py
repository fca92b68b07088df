"""What the forms about one person say, read before anything uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from werkzeug.datastructures import MultiDict

from cbt.batches.people.adding import Addition
from cbt.batches.people.changing import ChangeOrder
from cbt.batches.people.finding import PeopleAsked
from cbt.batches.people.placing import WishedPaper
from cbt.candidates.corrections.making import Correction
from cbt.candidates.models import Candidate
from cbt.candidates.steps import NewPerson, PaperTerms
from cbt.errors import InvalidInput
from cbt.personal.checking import checked_document, checked_name, gender_of_number
from cbt.personal.fields import DETAILS, checked_details
from cbt.pictures.receiving import redraw
from cbt.rules.exam.tools import tools_text
from cbt.web.texts import WIDEST, asked_text, one_line, page_of, whole_number

MOST_MINUTES = 240
MOST_FACTOR = Decimal(4)
HIGHEST_SEAT = 999
KINDS = ("first", "retake")


def people_asked(args: Mapping[str, str]) -> PeopleAsked:
    """Return what a list of people is asked for."""
    return PeopleAsked(asked_text(args), args.get("paper", "")[:40], args.get("kind", ""), page_of(args))


def addition_of(form: MultiDict[str, str], *, candidate_ref: str) -> Addition:
    """Return whom a form adds and for what."""
    codes = list(dict.fromkeys(form.getlist("paper")))
    wished = [
        WishedPaper(code, form.get(f"room-{code}", ""), seat_of(form.get(f"seat-{code}", ""), f"seat-{code}"))
        for code in codes
    ]
    return Addition(
        version_id=whole_number(form.get("level", ""), most=WIDEST) or 0,
        papers=tuple(wished),
        terms=terms_of(form),
        reason=form.get("reason", ""),
        person=None if candidate_ref else _person(form),
        candidate_ref=candidate_ref,
        accepted=form.get("accepted") == "1",
    )


def _person(form: Mapping[str, str]) -> NewPerson:
    kind, number = checked_document(form.get("document_type", ""), form.get("document_number", ""))
    name, details = checked_name(form.get("name", "")), checked_details(form)
    details["gender"] = details["gender"] or gender_of_number(kind, number)
    return NewPerson(name, kind, number, details)


def order_of(form: MultiDict[str, str]) -> ChangeOrder:
    """Return how a form wants a registration to be; level and paper come as "version.code"."""
    version, _, paper = form.get("paper", "").partition(".")
    return ChangeOrder(
        version_id=whole_number(version, most=WIDEST) or 0,
        paper=paper,
        terms=terms_of(form),
        room_ref=form.get("room", ""),
        seat=seat_of(form.get("seat", ""), "seat"),
        swap=form.get("swap") == "1",
        reason=form.get("reason", ""),
        seen=form.get("seen", ""),
        accepted=form.get("accepted") == "1",
    )


def correction_of(form: Mapping[str, str], candidate: Candidate, image: bytes) -> Correction:
    """Return what a form puts right about somebody: what differs, a number and a phone where one is typed."""
    name, number = form.get("name"), form.get("document_number", "").strip()
    return Correction(
        evidence=form.get("reason", ""),
        name=name if name is not None and name.strip() != candidate.name else None,
        document=(form.get("document_type", ""), number) if number else None,
        photo=redraw(image) if image else None,
        details=dict(_details(form, candidate)),
    )


def _details(form: Mapping[str, str], candidate: Candidate) -> Iterator[tuple[str, str]]:
    for name, detail in DETAILS.items():
        sent = form.get(name)
        if detail.sealed:  # its form does not say what it holds: nothing typed leaves it
            if form.get(f"no_{name}") == "1":
                yield name, ""
            elif sent and sent.strip():
                yield name, sent
        elif sent is not None and sent.strip() != detail.value_of(candidate):
            yield name, sent


def terms_of(form: MultiDict[str, str]) -> PaperTerms:
    """Return how a form says a paper is taken.

    Raise InvalidInput("person.kind"|"person.minutes"|"person.factor"|"person.note"|"person.tools").

    Source: R-30.
    """
    kind = form.get("term", "first")
    if kind not in KINDS:
        raise InvalidInput("person.kind", field="term")
    note = one_line(form.get("note", ""), "note")
    if len(note) > 200:
        raise InvalidInput("person.note", field="note")
    return PaperTerms(
        kind,
        _factor(form.get("factor", "")),
        _minutes(form.get("minutes", "")),
        note,
        tools=tools_text(form.getlist("tools")),
    )


def _minutes(text: str) -> timedelta:
    minutes = whole_number(text.strip() or "0", most=MOST_MINUTES)
    if minutes is None:
        raise InvalidInput("person.minutes", field="minutes", maximum=MOST_MINUTES)
    return timedelta(minutes=minutes)


def _factor(text: str) -> Decimal:
    plain = text.strip() or "1"
    try:
        factor = Decimal(plain) if len(plain) <= 6 else Decimal(0)
        exact = factor.quantize(Decimal("0.01")) if factor.is_finite() else Decimal(0)
    except InvalidOperation:
        exact = Decimal(0)
    if not 1 <= exact <= MOST_FACTOR:
        raise InvalidInput("person.factor", field="factor", maximum=str(MOST_FACTOR))
    return Decimal(f"{exact.normalize():f}")


def seat_of(text: str, field: str) -> int | None:
    """Return the number of a seat, None for whichever; raise InvalidInput("person.seat")."""
    plain = text.strip().removesuffix("号")
    if not plain:
        return None
    number = whole_number(plain, most=HIGHEST_SEAT)
    if not number:
        raise InvalidInput("person.seat", field=field)
    return number
