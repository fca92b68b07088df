"""Certificates: who waits, the parts of their numbers (证书编号), issue, print, revocation, the register."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Literal, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, bindparam, case, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate, Registration
from cbt.candidates.store import photos_of
from cbt.certificates.models import ONLY, Certificate, CertificateParts, CertificatePhoto
from cbt.enrolment.body import body, issuing_body
from cbt.errors import Conflict, InvalidInput, NotFound, Unavailable
from cbt.http.form_values import required
from cbt.printing.pdf import pdf, qr_drawing
from cbt.results.models import Result
from cbt.results.package.signature import public_hex, signing_key
from cbt.results.retake_ledger import counting, ledger_of, released
from cbt.rules.certificates import (
    CertificateStatement,
    IssueObstacle,
    NumberSeries,
    OpenMatters,
    grouped,
    issue_obstacles,
    next_number,
    normalise_number,
    qr_text,
    signed,
)
from cbt.rules.door import mask_document
from cbt.rules.exam import ExamBlueprint
from cbt.rules.retake import PaperOutcome
from cbt.sittings.models import Batch, Sitting
from cbt.storage.crypto import DOCUMENT, open_bytes, open_sealed, seal_bytes
from cbt.storage.page_span import ListPage, PageSpan
from cbt.storage.prepared import PreparedSelect
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in

REGISTER_PAGE = 50


def parts_of(session: Session, *, lock: bool = False) -> CertificateParts | None:
    """Return the parts that the numbers share, None before they are set; `lock` while a number is taken."""
    return session.get(CertificateParts, ONLY, with_for_update=lock or None)


def last_number(session: Session, head: str) -> str | None:
    """Return the last number that begins like this; all numbers are of one length, so the largest text."""
    return session.scalar(select(func.max(Certificate.number)).where(Certificate.number.startswith(head)))


def _stands(
    candidate: InstrumentedAttribute[int], level: str | InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    return exists().where(
        Certificate.candidate_id == candidate,
        Certificate.blueprint_ref == level,
        Certificate.revoked_at.is_(None),
    )


def certified(session: Session, level: str, people: Collection[int]) -> set[int]:
    query = select(Certificate.candidate_id).where(
        Certificate.candidate_id.in_(people),
        Certificate.blueprint_ref == level,
        Certificate.revoked_at.is_(None),
    )
    return set(session.scalars(query))


def waiting(session: Session, level: str, *, page: int) -> ListPage[Candidate]:
    """Return a page of those with a released pass of a level and no certificate, those who passed most first."""
    passed = (
        select(Registration.candidate_id, func.count(Registration.paper.distinct()).label("papers"))
        .join(Result, Result.registration_id == Registration.id)
        .where(
            Registration.blueprint_ref == level,
            Result.outcome == PaperOutcome.PASSED.value,
            ~_stands(Registration.candidate_id, level),
        )
        .group_by(Registration.candidate_id)
        .subquery()
    )
    count = session.scalar(select(func.count()).select_from(passed)) or 0
    span = PageSpan(count, REGISTER_PAGE, page)
    query = (
        select(Candidate)
        .join(passed, passed.c.candidate_id == Candidate.id)
        .order_by(passed.c.papers.desc(), Candidate.id)
    )
    return span.of(session.scalars(span.cut(query)).all())


@dataclass(frozen=True, slots=True)
class WaitingLevel:
    """A level of which a paper was released: how many wait for its certificate, by how many papers they passed."""

    ref: str
    people: Mapping[int, int]

    def complete(self, papers: int) -> int:
        """Return how many wait who passed so many papers."""
        return sum(count for passed, count in self.people.items() if passed >= papers)


def waiting_levels(session: Session) -> list[WaitingLevel]:
    """Return the levels of which a paper was passed and released, in one query, with those who wait."""
    waits = case((~_stands(Registration.candidate_id, Registration.blueprint_ref), 1), else_=0)
    each = (
        select(
            Registration.blueprint_ref.label("level"),
            func.count(Registration.paper.distinct()).label("papers"),
            func.max(waits).label("waits"),
        )
        .join(Result, Result.registration_id == Registration.id)
        .where(Result.outcome == PaperOutcome.PASSED.value)
        .group_by(Registration.blueprint_ref, Registration.candidate_id)
        .subquery()
    )
    query = select(each.c.level, each.c.papers, func.sum(each.c.waits)).group_by(each.c.level, each.c.papers)
    levels: dict[str, dict[int, int]] = {}
    for level, papers, count in session.execute(query.order_by(each.c.level, each.c.papers)):
        levels.setdefault(level, {})[papers] = int(count)
    return [WaitingLevel(level, people) for level, people in levels.items()]


@dataclass(frozen=True, slots=True)
class RegisterFilter:
    """What is looked for in the register: a number or a name, those of a batch, those not printed yet."""

    text: str = ""
    batch: str = ""
    unprinted: bool = False

    @property
    def asked(self) -> dict[str, str]:
        """What narrows the register down, as an address says it."""
        told = {"q": self.text, "batch": self.batch, "unprinted": "1" if self.unprinted else ""}
        return {name: value for name, value in told.items() if value}


def _registered(sought: RegisterFilter) -> Select[Certificate]:
    query = select(Certificate)
    if sought.text:
        number = normalise_number(sought.text)
        of_name = Certificate.name.contains(sought.text, autoescape=True)
        of_number = Certificate.number.contains(number, autoescape=True)
        query = query.where(or_(of_name, of_number) if number else of_name)
    if sought.batch:
        sat = (
            select(Registration.id)
            .join(Sitting, Sitting.id == Registration.sitting_id)
            .join(Batch, Batch.id == Sitting.batch_id)
            .where(
                Batch.ref == sought.batch,
                Registration.candidate_id == Certificate.candidate_id,
                Registration.blueprint_ref == Certificate.blueprint_ref,
            )
        )
        query = query.where(sat.exists())
    if sought.unprinted:
        query = query.where(Certificate.prints == 0, Certificate.revoked_at.is_(None))
    return query


def register_page(session: Session, sought: RegisterFilter, *, page: int) -> ListPage[Certificate]:
    """Return a page of what is looked for in the register, the newest first."""
    query = _registered(sought)
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    span = PageSpan(count, REGISTER_PAGE, page)
    query = span.cut(query.order_by(Certificate.id.desc()))
    return span.of(session.scalars(query).all(), text=sought.text, kind=sought.batch)


def printable(session: Session, sought: RegisterFilter) -> list[str]:
    """Return the refs of all that are looked for and stand, to be printed as one file.

    Raise InvalidInput("certificate.none_chosen"), Conflict("certificate.too_many") for more than one file takes.
    """
    query = _registered(sought).where(Certificate.revoked_at.is_(None)).order_by(Certificate.number)
    refs = session.scalars(query.with_only_columns(Certificate.ref).limit(PRINTED_AT_ONCE + 1)).all()
    if not refs:
        raise InvalidInput("certificate.none_chosen")
    if len(refs) > PRINTED_AT_ONCE:
        raise Conflict("certificate.too_many", maximum=PRINTED_AT_ONCE)
    return list(refs)


MOST_BATCHES = 100


def batches_released(session: Session) -> list[tuple[str, str]]:
    """Return the batches of which results were released, the latest first, each its ref and name."""
    released_there = exists().where(Sitting.batch_id == Batch.id, Sitting.released_at.is_not(None))
    query = select(Batch.ref, Batch.name).where(released_there).order_by(Batch.id.desc())
    return [(ref, name) for ref, name in session.execute(query.limit(MOST_BATCHES))]


_BY_NUMBER = PreparedSelect(
    select(
        Certificate.number,
        Certificate.name,
        Certificate.document,
        Certificate.occupation,
        Certificate.level,
        Certificate.issued_on,
        Certificate.body_name,
        Certificate.revoked_at,
        Certificate.statement,
    ).where(Certificate.number == bindparam("number"))
)
_NAME_OF = PreparedSelect(select(Certificate.name).where(Certificate.number == bindparam("number")))


def by_number(number: str) -> Any:
    """Return what a look-up needs of the certificate of a number, None where there is none."""
    return next(iter(_BY_NUMBER.read(number=number)), None)


def name_of(number: str) -> str | None:
    """Return whose certificate has a number, None where there is none; nothing else of it is read."""
    return next((row.name for row in _NAME_OF.read(number=number)), None)


def public_keys(session: Session) -> list[bytes]:
    return [bytes.fromhex(one) for one in session.scalars(select(Certificate.public_key).distinct())]


_DIGITS = {"body": 4, "province": 2, "site": 6}


@dataclass(frozen=True, slots=True)
class SeriesForm:
    """What an administrator sets of a number; the notice's province until somebody says otherwise. Source: R-93."""

    kind: str = "S"
    body: str = "0000"
    province: str = "31"
    site: str = ""

    def series(self, year: int, level: str) -> NumberSeries:
        kind = cast(Literal["Y", "S"], self.kind)
        return NumberSeries(kind, self.body, self.province, self.site, year, level)


def series_form(session: Session, *, lock: bool = False) -> SeriesForm | None:
    """Return what is set, None before it is."""
    row = parts_of(session, lock=lock)
    return None if row is None else SeriesForm(row.kind, row.body, row.province, row.site)


def set_series(wanted: SeriesForm, *, now: datetime, actor: str) -> None:
    """Set the parts of the numbers from now on; numbers that were given stay.

    Raise InvalidInput("certificate.kind"), ("certificate.digits") at the part that does not have its digits.

    Source: R-93.
    """
    if wanted.kind not in {"Y", "S"}:
        raise InvalidInput("certificate.kind", field="kind")
    for part, digits in _DIGITS.items():
        text = getattr(wanted, part)
        if not (text.isascii() and text.isdigit() and len(text) == digits):
            raise InvalidInput("certificate.digits", field=part, digits=digits)
    with unit_of_work() as session:
        before = series_form(session, lock=True)
        if before == wanted:
            return
        session.merge(CertificateParts(id=ONLY, **asdict(wanted)))
        record(
            session,
            at=now,
            actor=actor,
            act="certificate.series",
            subject="certificate_series:1",
            before=asdict(before) if before else None,
            after=asdict(wanted),
        )


PURPOSE = "certificate photo"


def photo_on(session: Session, row: Certificate) -> bytes | None:
    """Return the photo that a certificate shows; before one is kept, its holder's of now."""
    kept = session.get(CertificatePhoto, row.id)
    if kept is None:
        return photos_of(session, [row.candidate_id]).get(row.candidate_id)
    try:
        return open_bytes(kept.sealed, PURPOSE)
    except Unavailable:
        return None


def keep_photo(session: Session, row: Certificate, photo: bytes | None) -> None:
    """Keep the photo that a certificate shows from now on; one that is kept stays."""
    if photo is not None and session.get(CertificatePhoto, row.id) is None:
        session.add(CertificatePhoto(certificate_id=row.id, sealed=seal_bytes(photo, PURPOSE)))


@dataclass(frozen=True, slots=True)
class WaitingPerson:
    """Somebody who passed a paper of a level, and why there is no certificate yet; nothing: there can be."""

    candidate: Candidate
    blueprint: ExamBlueprint
    obstacles: tuple[IssueObstacle, ...]


def waiting_page(session: Session, level: str, *, page: int, today: date) -> ListPage[WaitingPerson]:
    """Return a page of those with a released pass of a level and no certificate, those who passed most first."""
    found = waiting(session, level, page=page)
    lines = judged(session, level, found.lines, today=today)
    return ListPage(lines, found.count, found.page, found.pages, kind=level)


def people_of(session: Session, refs: Collection[str]) -> Sequence[Candidate]:
    """Return the people of these refs, in the order in which they were entered."""
    return session.scalars(select(Candidate).where(Candidate.ref.in_(refs)).order_by(Candidate.id)).all()


def judged(session: Session, level: str, people: Sequence[Candidate], *, today: date) -> list[WaitingPerson]:
    """Return what keeps these people from a certificate of a level on a day.

    A result that counts was released by two people after it was shown long enough and every objection to it was
    decided (`results.steps.release`). So of the open matters only a certificate that stands is left to ask for.

    Source: R-4, R-62, R-90, R-93.
    """
    ids = [one.id for one in people]
    ledger, have = ledger_of(session, ids), certified(session, level, ids)
    waiting_people = []
    for person in people:
        taken = ledger.get((person.id, level), [])
        if not taken:
            continue
        blueprint = blueprint_of(session, taken[-1].registration.blueprint_version_id)
        obstacles = issue_obstacles(
            list(blueprint.papers),
            counting(released(taken), policy=blueprint.retake),
            OpenMatters(publicity_over=True, issued=person.id in have),
            on=today,
            policy=blueprint.retake,
        )
        waiting_people.append(WaitingPerson(person, blueprint, obstacles))
    return waiting_people


REASON = 300
ISSUED_AT_ONCE = 5
"""Certificates in one unit of work: each is numbered, signed and put into the log."""
_WITHOUT_SEQUENCE = 16


def issue(
    level: str,
    people: Collection[str],
    *,
    today: date,
    now: datetime,
    actor: str,
    work: LongWork = DIRECTLY,
) -> list[str]:
    """Issue a certificate of a level to each of these people, and return the numbers.

    All of them are looked at before the first gets one. Then a few at a time are issued, and looked at again: who
    is stopped on the way leaves certificates that are whole, and numbers without a gap. Raise
    Conflict("certificate.no_series") before the parts are set, ("certificate.not_ready") where something stands in
    somebody's way, as for who got one meanwhile.

    Source: R-93.
    """
    numbers: dict[str, str] = dict(work.so_far)
    waiting = set(people) - numbers.keys()
    if numbers and not waiting:
        return list(numbers.values())
    with reading() as session:
        if series_form(session) is None:
            raise Conflict("certificate.no_series")
        lines = _ready(session, level, waiting, today=today)
        refs = [line.candidate.ref for line in lines]
    key = signing_key(now=now, actor=actor)

    def issue_some(piece: Collection[str]) -> None:
        # Photos are opened and sealed before the unit of work, in which saves would wait for them.
        photos = _sealed_photos(piece)
        # The parts of the numbers are locked first, so that two who issue at once take turns: each sees what the
        # other gave.
        with unit_of_work() as session:
            parts = series_form(session, lock=True)
            if parts is None:
                raise Conflict("certificate.no_series")
            for line in _ready(session, level, piece, today=today):
                made = issue_one(
                    session,
                    parts,
                    line,
                    key,
                    photos.get(line.candidate.id),
                    today=today,
                    now=now,
                    actor=actor,
                )
                numbers[line.candidate.ref] = made.number
            put_down_in(session, *work.keeping(**numbers))

    for piece in pieces_of(refs, size=ISSUED_AT_ONCE):
        work.in_front(partial(issue_some, piece))
        work.tell(len(numbers), len(set(people)))
    return list(numbers.values())


def _sealed_photos(people: Collection[str]) -> dict[int, bytes]:
    """Return who of these people has a photo, by the rows' ids, with it sealed as a certificate keeps it."""
    with reading() as session:
        shown = photos_of(session, [one.id for one in people_of(session, people)])
    return {person: seal_bytes(photo, PURPOSE) for person, photo in shown.items()}


def _ready(session: Session, level: str, people: Collection[str], *, today: date) -> list[WaitingPerson]:
    lines = judged(session, level, people_of(session, people), today=today)
    if not lines or len(lines) < len(set(people)) or any(line.obstacles for line in lines):
        raise Conflict("certificate.not_ready")
    return lines


def issue_one(
    session: Session,
    parts: SeriesForm,
    line: WaitingPerson,
    key: Ed25519PrivateKey,
    sealed_photo: bytes | None,
    *,
    today: date,
    now: datetime,
    actor: str,
) -> Certificate:
    """Put a certificate with the next number into the register, whose numbers are locked. Source: R-93."""
    series, person = parts.series(today.year, line.blueprint.level_code), line.candidate
    number = next_number(series, last_number(session, series.number(1)[:_WITHOUT_SEQUENCE]))
    statement = CertificateStatement(
        number,
        person.name,
        person.document_masked,
        line.blueprint.occupation_name,
        line.blueprint.level_name,
        today,
    )
    made = Certificate(
        ref=new_ref("ce", 10),
        number=number,
        candidate_id=person.id,
        blueprint_ref=line.blueprint.ref,
        name=statement.name,
        document_type=person.document_type,
        document=statement.document,
        occupation=statement.occupation,
        level=statement.level,
        body_name=issuing_body(session).name,
        issued_on=today,
        issued_at=now,
        issued_by=actor,
        statement=signed(statement, key),
        public_key=public_hex(key.public_key()),
        prints=0,
        revoked_by="",
        revoke_reason="",
    )
    session.add(made)
    session.flush()
    if sealed_photo is not None:
        session.add(CertificatePhoto(certificate_id=made.id, sealed=sealed_photo))
    after = {"number": number, "candidate": person.ref}
    record(session, at=now, actor=actor, act="certificate.issue", subject=made.logged_as, after=after)
    return made


def note_print(
    session: Session, ref: str, *, photo: bytes | None, reason: str, now: datetime, actor: str
) -> None:
    """Count a print; every one after the first needs a reason. Raise InvalidInput("certificate.no_reason").

    The photo that was on it is on every later one, too.

    Raise Conflict("certificate.revoked") for one that does not stand any more.

    Source: R-93.
    """
    certificate = standing(session, ref)
    reason = required(reason, "certificate.no_reason", "reason", limit=REASON) if certificate.prints else ""
    certificate.prints += 1
    keep_photo(session, certificate, photo)
    record(
        session,
        at=now,
        actor=actor,
        act="certificate.print",
        subject=certificate.logged_as,
        reason=reason,
        after={"count": certificate.prints},
    )


def revoke(ref: str, *, reason: str, now: datetime, actor: str) -> None:
    """Revoke a certificate; its number is never given again, and only a new certificate makes up for it.

    Raise InvalidInput("certificate.no_reason"), Conflict("certificate.revoked").

    Source: R-93.
    """
    reason = required(reason, "certificate.no_reason", "reason", limit=REASON)
    with unit_of_work() as session:
        revoke_one(session, standing(session, ref), reason=reason, now=now, actor=actor)


def revoke_one(session: Session, certificate: Certificate, *, reason: str, now: datetime, actor: str) -> None:
    """Have a certificate stand no more. Source: R-93."""
    certificate.revoked_at, certificate.revoked_by, certificate.revoke_reason = now, actor, reason
    record(
        session,
        at=now,
        actor=actor,
        act="certificate.revoke",
        subject=certificate.logged_as,
        reason=reason,
        after={"number": certificate.number},
    )


def certificates_held(session: Session, candidate_id: int, blueprint_ref: str) -> Sequence[Certificate]:
    """Return all certificates of a candidate for a blueprint, those revoked too, by their issue."""
    query = (
        select(Certificate)
        .where(Certificate.candidate_id == candidate_id, Certificate.blueprint_ref == blueprint_ref)
        .order_by(Certificate.id)
    )
    return session.scalars(query).all()


def standing(session: Session, ref: str) -> Certificate:
    """Return a certificate that stands, locked.

    Raise NotFound("certificate.unknown"), Conflict("certificate.revoked").
    """
    certificate = Certificate.by_ref(session, ref, unknown="certificate.unknown")
    session.refresh(certificate, with_for_update=True)
    if certificate.revoked_at is not None:
        raise Conflict("certificate.revoked", number=certificate.number)
    return certificate


@dataclass(frozen=True, slots=True)
class WrongFact:
    """What a certificate says (`name`, `document`, `occupation`, `level`), and what it would say today."""

    fact: str
    printed: str
    known: str


def wrong_facts(session: Session, row: Certificate) -> tuple[WrongFact, ...]:
    """Return what a certificate says that the records of its holder and level no longer say. Source: R-93."""
    line = _line(session, row)
    return _differing(row, line) if line is not None else ()


def correct(ref: str, *, reason: str, today: date, now: datetime, actor: str) -> tuple[str, str]:
    """Revoke a certificate and issue one that says what the records do; return its ref and number.

    Whether its holder may have it is judged on the day of the former: what was passed in time then still is. Raise
    Conflict("certificate.no_change") where it says what the records do, ("certificate.not_ready") where a result
    was corrected since, InvalidInput("certificate.no_reason"), and as `issue` and `revoke` do.

    Source: R-93.
    """
    reason = required(reason, "certificate.no_reason", "reason", limit=REASON)
    key = signing_key(now=now, actor=actor)
    with unit_of_work() as session:
        parts = series_form(session, lock=True)
        if parts is None:
            raise Conflict("certificate.no_series")
        row = standing(session, ref)
        line = _line(session, row)
        if line is None or not _differing(row, line):
            raise Conflict("certificate.no_change")
        revoke_one(session, row, reason=reason, now=now, actor=actor)
        session.flush()
        line = _line(session, row)
        if line is None or line.obstacles:
            raise Conflict("certificate.not_ready")
        photo = photos_of(session, [line.candidate.id]).get(line.candidate.id)
        sealed = None if photo is None else seal_bytes(photo, PURPOSE)
        made = issue_one(session, parts, line, key, sealed, today=today, now=now, actor=actor)
        return made.ref, made.number


def _line(session: Session, row: Certificate) -> WaitingPerson | None:
    holder = session.get_one(Candidate, row.candidate_id)
    return next(iter(judged(session, row.blueprint_ref, [holder], today=row.issued_on)), None)


def _differing(row: Certificate, line: WaitingPerson) -> tuple[WrongFact, ...]:
    facts = (
        WrongFact("name", row.name, line.candidate.name),
        WrongFact("document", row.document, line.candidate.document_masked),
        WrongFact("occupation", row.occupation, line.blueprint.occupation_name),
        WrongFact("level", row.level, line.blueprint.level_name),
    )
    return tuple(fact for fact in facts if fact.printed != fact.known)


PRINTED_AT_ONCE = 300
"""Certificates in one file."""


@dataclass(frozen=True, slots=True)
class CertificateSheet:
    """A certificate as its page shows it: with the photo, and the number of the document masked or whole."""

    row: Certificate
    photo: bytes | None
    document: str


def sheets_of(session: Session, refs: Sequence[str]) -> list[CertificateSheet]:
    """Return the pages of these certificates in the order of their numbers.

    Where the body wants whole numbers on its certificates, here is the one place that opens them for print. Raise
    NotFound("certificate.unknown"), Conflict("certificate.revoked"), ("certificate.number_changed") for a holder
    whose number was put right since the issue, Unavailable("personal.unreadable") without the key.

    Source: R-93.
    """
    found = session.execute(
        select(Certificate, Candidate.document_sealed)
        .join(Candidate, Candidate.id == Certificate.candidate_id)
        .where(Certificate.ref.in_(refs))
        .order_by(Certificate.number)
    ).all()
    if not found or len(found) < len(set(refs)):
        raise NotFound("certificate.unknown")
    whole = body(session).whole_numbers
    return [
        CertificateSheet(row, photo_on(session, row), _whole_number(row, sealed) if whole else row.document)
        for row, sealed in found
        if _stands_still(row)
    ]


def _stands_still(row: Certificate) -> bool:
    if row.revoked_at is not None:
        raise Conflict("certificate.revoked", number=row.number)
    return True


def _whole_number(row: Certificate, sealed: bytes) -> str:
    number = open_sealed(sealed, DOCUMENT)
    if mask_document(number) != row.document:
        raise Conflict("certificate.number_changed", number=row.number)
    return number


def refuse_reprint(sheets: Sequence[CertificateSheet], reason: str) -> None:
    """Raise InvalidInput("certificate.no_reason") where one was printed before and nothing says why again."""
    if any(sheet.row.prints for sheet in sheets):
        required(reason, "certificate.no_reason", "reason", limit=REASON)


def certificates_paper(sheets: Sequence[CertificateSheet], address: str) -> bytes:
    """Return certificates as A4 pages; their QR leads to the look-up at `address` and carries the statement.

    Without an address the QR carries the statement alone; no QR has a number that is not masked.

    Source: R-93.
    """
    return pdf(
        "certificate",
        {
            "title": _("certificates.paper.title"),
            "certificates": [_page_of(sheet) for sheet in sheets],
            "words": {
                "lead": _("certificates.paper.lead"),
                "glue": _("certificates.paper.photo"),
                "seal": _("certificates.paper.seal"),
                "verify": _("certificates.paper.verify"),
                "address": address,
            },
        },
        language=str(get_locale()),
        photos={sheet.row.ref: sheet.photo for sheet in sheets if sheet.photo},
        drawings={
            f"{sheet.row.number}.svg": qr_drawing(qr_text(sheet.row.statement, address)) for sheet in sheets
        },
    )


def _page_of(sheet: CertificateSheet) -> dict[str, Any]:
    row, day = sheet.row, sheet.row.issued_on
    return {
        "body": row.body_name,
        "name": row.name,
        "qr": f"{row.number}.svg",
        "photo": row.ref,
        "facts": [
            [_("certificates.name"), row.name],
            [_("certificates.document"), " ".join((_(f"door.document.{row.document_type}"), sheet.document))],
            [_("certificates.occupation"), row.occupation],
            [_("certificates.level"), row.level],
            [_("certificates.number"), grouped(row.number)],
            [
                _("certificates.issued_on"),
                _("enrolment.paper.date", year=day.year, month=day.month, day=day.day),
            ],
        ],
    }
