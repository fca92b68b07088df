"""A form: the banks read once for a whole drawing, drawn by a seed, frozen, its arrangement kept; trial papers.

A form of before has none until it is scored for the first time; one whose seal does not fit is passed over, told in
the log and written again from its form.

Source: R-43, R-50.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.coverage import OfferedPaper, PaperCover, coverage_of, in_words, is_large, sample_of
from cbt.assembly.models import Arrangement, Form
from cbt.bank.item_figures import exposure_of
from cbt.bank.store import bank_by_ref, contents, drawables, drawn_from, taxonomy_of
from cbt.blueprints.store import blueprint_of
from cbt.errors import CbtError, Conflict
from cbt.http.auth.rate_limit import insert
from cbt.items.markup import inline, sanitised, to_html
from cbt.items.models import ItemBank
from cbt.items.preview import verdicts
from cbt.rules.assembly.form import Drawable, PaperSource, draw_form, draw_look, look_paper
from cbt.rules.assembly.selection import mutual_enemies, replaceable, worn
from cbt.rules.canonical import canonical_json, digest, digest_of
from cbt.rules.exam import Paper
from cbt.rules.form_score import arranged
from cbt.rules.items.case import Case
from cbt.rules.items.content import ItemContent, ItemType
from cbt.storage.bulk_read import rows_with_text
from cbt.storage.types import new_ref

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arranged:
    """The arrangement of a form, the bank of its items, and whether the form has the hash it was frozen with."""

    bank_id: int
    text: str
    form_ok: bool = True
    sha256: str = ""
    """The hash of the form it was made of, for keeping it."""


Source = Callable[[Session, Collection[int]], dict[int, Arranged]]
"""What gives the arrangements of forms; what it leaves out is worked out by `arrange`."""
_COLUMNS = Arrangement.form_id, Arrangement.bank_id, Arrangement.seal, Arrangement.text


def arrangements(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Return what is kept of forms and fits its seal; no form is read."""
    return {form_id: Arranged(bank_id, text) for form_id, bank_id, _, text in _kept(session, form_ids)}


def checked(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Return what is kept of forms, where it was made of the very content that a form has now; else work it out."""
    stored = {form_id: (made_of, text) for form_id, _, made_of, text in _kept(session, form_ids)}
    arrangements = {}
    for form_id, bank_id, content, sha256 in _frozen(session, form_ids):
        own = digest_of(content)
        made_of, text = stored.get(form_id, ("", ""))
        if made_of != own:
            text = _arranged(content)
        arrangements[form_id] = Arranged(bank_id, text, own == sha256)
    return arrangements


def arrange(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Work out the arrangements of forms from the forms themselves."""
    return {
        form_id: Arranged(bank_id, _arranged(content), digest_of(content) == sha256, sha256)
        for form_id, bank_id, content, sha256 in _frozen(session, form_ids)
    }


def _frozen(session: Session, form_ids: Collection[int]) -> Iterator[tuple[int, int, bytes, str]]:
    query = select(Form.id, Form.bank_id, Form.sha256, Form.content).where(Form.id.in_(form_ids))
    for (form_id, bank_id, sha256), content in rows_with_text(session, query):
        yield form_id, bank_id, content or b"", sha256


def _kept(session: Session, form_ids: Collection[int]) -> Iterator[tuple[int, int, str, str]]:
    """Yield what is kept of forms and fits its seal: form, bank, the hash of what it was made of, and the text."""
    query = select(*_COLUMNS).where(Arrangement.form_id.in_(form_ids))
    for (form_id, bank_id, seal), content in rows_with_text(session, query):
        text = str(content or b"", errors="replace")
        if seal == _seal(form_id, bank_id, text):
            yield form_id, bank_id, *text.split("\n", 1)
        else:
            log.error("the arrangement of form %d is not what was kept; the form itself is read", form_id)


def _arranged(content: bytes) -> str:
    return arranged(msgspec.json.decode(content))


def keep(session: Session, fresh_arrangements: Mapping[int, Arranged]) -> None:
    """Keep arrangements, in the place of others where there are any."""
    if not fresh_arrangements:
        return
    rows = []
    for form_id, arrangement in sorted(fresh_arrangements.items()):
        text = f"{arrangement.sha256}\n{arrangement.text}"
        seal = _seal(form_id, arrangement.bank_id, text)
        rows.append({"form_id": form_id, "bank_id": arrangement.bank_id, "text": text, "seal": seal})
    statement = insert(session)(Arrangement)
    fresh = {name: statement.excluded[name] for name in ("bank_id", "seal", "text")}
    session.execute(statement.on_conflict_do_update(index_elements=["form_id"], set_=fresh), rows)


def _seal(form_id: int, bank_id: int, text: str) -> str:
    return digest(f"{form_id} {bank_id} {text}")


# A form: read the banks once for a whole drawing, draw it by a seed, freeze it.
#
# Source.


@dataclass(frozen=True, slots=True)
class BankSource:
    """A bank as a draw sees it: its revision, the items that may be drawn, their weights and importances."""

    id: int
    revision: str
    items: Sequence[Drawable]
    weights: Mapping[str, int]
    importances: Mapping[str, str]
    worn: frozenset[str] = frozenset()
    """What rests where the bank can do without it."""


class DrawSources:
    """The banks and papers of one drawing.

    Each bank is read when it is first asked for and stays as it was then, however many forms are drawn and however
    many seeds are tried for each.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._banks: dict[str, BankSource] = {}
        self._papers: dict[tuple[int, str], PaperSource] = {}
        self._enemies: dict[str, Mapping[str, frozenset[str]]] = {}

    def prepare(self, blueprint_version_id: int, papers: Iterable[str]) -> None:
        """Read and look through all that forms of these papers are drawn from, so that a draw only chooses.

        What cannot be drawn is for the draw to refuse.
        """
        for paper_code in papers:
            with suppress(CbtError):
                self.content(blueprint_version_id, paper_code, seed=0)
                self.enemies_in(self.bank_ref_of(blueprint_version_id))

    def read_by(self, session: Session) -> None:
        """Have what was not read yet be read by another session from now on."""
        self._session = session

    def bank(self, ref: str) -> BankSource:
        """Return a bank; raise NotFound("bank.unknown")."""
        if ref not in self._banks:
            bank = bank_by_ref(self._session, ref)
            revision, stock = drawn_from(self._session, bank.id)
            resting = worn(exposure_of(self._session, bank.id), stock[0])
            self._banks[ref] = BankSource(bank.id, revision, *stock, resting)
        return self._banks[ref]

    def bank_of(self, blueprint_version_id: int) -> BankSource:
        return self.bank(self.bank_ref_of(blueprint_version_id))

    def bank_ref_of(self, blueprint_version_id: int) -> str:
        return blueprint_of(self._session, blueprint_version_id).bank

    def enemies_in(self, ref: str) -> Mapping[str, frozenset[str]]:
        """Return what each item of a bank must not meet in the papers of one candidate. Source: R-8."""
        if ref not in self._enemies:
            self._enemies[ref] = mutual_enemies(self.bank(ref).items)
        return self._enemies[ref]

    def content(
        self, blueprint_version_id: int, paper_code: str, *, seed: int, without: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """Return the content that `seed` draws, `without` some of the items; raise Conflict as a draw does.

        Source: R-8, R-43.
        """
        with self._explained(blueprint_version_id, paper_code):
            return self._paper(blueprint_version_id, paper_code).form(
                rng=random.Random(seed), without=without
            )

    def cases(
        self, blueprint_version_id: int, paper_code: str, *, seed: int, without: frozenset[str] = frozenset()
    ) -> dict[int, str]:
        """Return the case of each unit that `seed` draws, without the rest of the form; none for other papers."""
        with self._explained(blueprint_version_id, paper_code):
            return self._paper(blueprint_version_id, paper_code).cases(
                rng=random.Random(seed), without=without
            )

    def _paper(self, blueprint_version_id: int, paper_code: str) -> PaperSource:
        key = blueprint_version_id, paper_code
        if key not in self._papers:
            bank = self.bank_of(blueprint_version_id)
            paper = blueprint_of(self._session, blueprint_version_id).papers[paper_code]
            self._papers[key] = PaperSource(paper, bank.items, bank.weights, bank.importances)
        return self._papers[key]

    @contextmanager
    def _explained(self, blueprint_version_id: int, paper_code: str) -> Iterator[None]:
        try:
            yield
        except Conflict as error:
            bank = self._session.get_one(ItemBank, self.bank_of(blueprint_version_id).id)
            covers = f"{blueprint_of(self._session, blueprint_version_id).ref}:{paper_code}"
            raise in_words(error, bank, taxonomy_of(self._session, bank), covers) from error


SEED_BITS = 48
TRIES = 400

Clashes = Callable[[Mapping[int, str]], int]


@dataclass(frozen=True, slots=True)
class DrawnForm:
    """A form that was drawn and is not stored yet, with all that is stored beside it."""

    blueprint_version_id: int
    paper: str
    bank_id: int
    bank_revision: str
    seed: int
    content: str
    sha256: str
    arrangement: str
    cases: Mapping[int, str]
    """Which case each unit of a skills form holds."""
    items: frozenset[str]
    """The items, cases among them, that it holds."""


def draw(
    sources: DrawSources,
    *,
    blueprint_version_id: int,
    paper_code: str,
    rng: random.Random,
    clashes: Clashes = lambda _cases: 0,
    without: frozenset[str] = frozenset(),
    seen: Sequence[frozenset[str]] = (),
) -> DrawnForm:
    """Draw one form of a paper; nothing is written.

    `clashes` counts how often the cases of a draw (unit -> case) are a neighbour's; while it counts any, the next
    seed is tried, and when no seed is free of them (the bank has no other case) the one with the fewest stands.

    Only the seed and `without` decide what is drawn, so they, bank revision and blueprint give the same form
    again. A bank is read once for all that is drawn from `sources`. What is 互斥 with the candidate's other papers
    (`without`) is left out where the bank can do without it, and so are the items of the candidate's former
    attempts (`seen`, the latest first): all of them, or those of the latest, or those that have another of their
    point. What many more people have answered than its like rests wherever the rest can be had without it. Raises
    Conflict naming the constraint a draw cannot keep.

    Source: R-8, R-43, R-97, R-121.
    """
    bank, paper = sources.bank_of(blueprint_version_id), (blueprint_version_id, paper_code)
    for left_out in _left_out(without, seen, bank):
        try:
            seed = _seed(sources, paper, rng, clashes, left_out)
            content = sources.content(*paper, seed=seed, without=left_out)
        except Conflict:
            if not left_out:
                raise
        else:
            break
    text = canonical_json(content)
    return DrawnForm(
        blueprint_version_id=blueprint_version_id,
        paper=paper_code,
        bank_id=bank.id,
        bank_revision=bank.revision,
        seed=seed,
        content=text,
        sha256=digest(text),
        arrangement=arranged(content),
        cases=cases_of(content),
        items=items_of(content),
    )


def _left_out(
    without: frozenset[str], seen: Sequence[frozenset[str]], bank: BankSource
) -> dict[frozenset[str], None]:
    """Return what a draw may leave out, the most first and nothing last."""
    steps = [without, frozenset[str]()]
    if seen:
        former = frozenset[str]().union(*seen)
        steps = [
            without | former, without | seen[0], without | replaceable(former, bank.items), *steps,
        ]  # fmt: skip
    return dict.fromkeys(left_out for step in steps for left_out in (step | bank.worn, step))


def freeze(session: Session, drawn: Sequence[DrawnForm], *, now: datetime) -> list[Form]:
    """Store forms that were drawn; nothing changes them any more. Source: R-43."""
    forms = [
        Form(
            ref=new_ref("fm"),
            blueprint_version_id=form.blueprint_version_id,
            paper=form.paper,
            bank_id=form.bank_id,
            bank_revision=form.bank_revision,
            seed=form.seed,
            content=form.content,
            sha256=form.sha256,
            drawn_at=now,
        )
        for form in drawn
    ]
    session.add_all(forms)
    session.flush()
    keep(
        session,
        {
            form.id: Arranged(source.bank_id, source.arrangement, sha256=source.sha256)
            for form, source in zip(forms, drawn, strict=True)
        },
    )
    return forms


def draw_and_freeze(
    session: Session,
    sources: DrawSources,
    *,
    blueprint_version_id: int,
    paper_code: str,
    now: datetime,
    rng: random.Random,
) -> Form:
    """Draw one form and store it, where nobody waits for who writes: a world that is built."""
    drawn = draw(sources, blueprint_version_id=blueprint_version_id, paper_code=paper_code, rng=rng)
    return freeze(session, [drawn], now=now)[0]


def _seed(
    sources: DrawSources,
    paper: tuple[int, str],
    rng: random.Random,
    clashes: Clashes,
    without: frozenset[str],
) -> int:
    """Return the seed to draw with; only its cases are drawn here, which costs next to nothing."""
    best: tuple[int, int] | None = None
    for _unused in range(TRIES):
        seed = rng.getrandbits(SEED_BITS)
        count = clashes(sources.cases(*paper, seed=seed, without=without))
        if best is None or count < best[0]:
            best = count, seed
        if not count:
            break
    if best is None:
        raise Conflict("assembly.no_draw")
    return best[1]


def draw_content(
    session: Session,
    blueprint_version_id: int,
    paper_code: str,
    *,
    seed: int,
    without: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Return the content that `seed` draws from the bank as it is now, `without` some of its items."""
    return DrawSources(session).content(blueprint_version_id, paper_code, seed=seed, without=without)


def items_of(content: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(position["item"]) for position in content.get("positions", ()))


def cases_of(content: Mapping[str, Any]) -> dict[int, str]:
    return {int(unit["number"]): str(unit["item"]) for unit in content.get("units", ())}


Position = Mapping[str, Any]
"""A position as `rules/assembly/form` draws it."""


@dataclass(frozen=True, slots=True)
class DrawnPaper:
    """A paper with its items' contents by (ref, version); `sampled`: drawn from a share of its bank."""

    paper: Paper
    title: str
    positions: Sequence[Position]
    contents: Mapping[tuple[str, int], ItemContent]
    sampled: bool = False

    def item(self, place: Position) -> ItemContent:
        return self.contents[place["item"], place["version"]]

    def asked(self, place: Position) -> ItemContent:
        """Return what a position asks: the item, or a part of it."""
        return self.item(place).part(place["part"])


@dataclass(frozen=True, slots=True)
class Trial:
    """A try to draw a paper: the paper, or why there is none (`error`) and what is short (`cover`)."""

    bank: ItemBank
    choices: Sequence[OfferedPaper]
    choice: OfferedPaper
    seed: int
    drawn: DrawnPaper | None = None
    error: Conflict | None = None
    cover: PaperCover | None = None


def trial(
    session: Session, bank: ItemBank, choices: Sequence[OfferedPaper], choice: OfferedPaper, *, seed: int
) -> Trial:
    try:
        return Trial(bank, choices, choice, seed, drawn=draw_paper(session, choice, bank, seed=seed))
    except Conflict as error:
        cover = coverage_of(session, bank, choice, target=1)
        return Trial(bank, choices, choice, seed, error=error, cover=cover)


def draw_paper(session: Session, choice: OfferedPaper, bank: ItemBank, *, seed: int) -> DrawnPaper:
    """Return the paper that `seed` draws; raise Conflict as a draw does.

    It is the form of that seed, but for a large bank, of which only a sample is read where that is enough.

    Source: R-8, R-43.
    """
    paper = choice.paper
    if not choice.version_id:
        return _of_anything(session, choice, bank, seed=seed)
    if is_large(session, bank.id):
        with suppress(Conflict):
            return _from_a_sample(session, choice, bank, seed=seed)
    drawn = draw_content(session, choice.version_id, paper.code, seed=seed)
    keys = {(place["item"], place["version"]) for place in drawn["positions"]}
    return DrawnPaper(paper, choice.label, drawn["positions"], contents(session, keys, bank.id))


def _from_a_sample(session: Session, choice: OfferedPaper, bank: ItemBank, *, seed: int) -> DrawnPaper:
    taxonomy = taxonomy_of(session, bank)
    sample = sample_of(session, bank.id, choice.paper, taxonomy, seed=seed)
    chance = random.Random(seed)
    drawn = draw_form(choice.paper, sample.items, taxonomy.weights, taxonomy.importances, rng=chance)
    used = {(place["item"], place["version"]) for place in drawn["positions"]}
    kept = {key: content for key, content in sample.contents.items() if key in used}
    return DrawnPaper(choice.paper, choice.label, drawn["positions"], kept, sampled=True)


def _of_anything(session: Session, choice: OfferedPaper, bank: ItemBank, *, seed: int) -> DrawnPaper:
    """Draw what the bank has, whatever a blueprint may want; raise Conflict where it has nothing to draw."""
    names = {kind: str(_(f"bank.type.{kind.value}")) for kind in ItemType}
    large = is_large(session, bank.id)
    if large:
        look = look_paper(names, dict.fromkeys(ItemType, 1))
        items = sample_of(session, bank.id, look, taxonomy_of(session, bank), seed=seed).items
    else:
        items = drawables(session, bank.id)[0]
    paper, drawn = draw_look(names, items, rng=random.Random(seed))
    if not drawn["positions"]:
        raise Conflict("assembly.nothing_to_draw", bank=bank.name)
    keys = {(place["item"], place["version"]) for place in drawn["positions"]}
    return DrawnPaper(
        paper, choice.label, drawn["positions"], contents(session, keys, bank.id), sampled=large
    )


def candidate_paper(drawn: DrawnPaper) -> dict[str, Any]:
    """Return a paper in the shape of the candidate's page, with all of its units open; no key is part of it.

    Source: R-44.
    """
    clean = {key: sanitised(content) for key, content in drawn.contents.items()}
    positions, paper = drawn.positions, drawn.paper
    cases = {
        place["unit"]: clean[place["item"], place["version"]]
        for place in positions
        if isinstance(drawn.item(place), Case)
    }
    return {
        "title": drawn.title,
        "calculator": paper.calculator,
        "tools": [],
        "keys": True,
        "lock_down": False,
        "timing": "pooled" if paper.units or paper.windows else "none",
        "sections": _sections(paper, positions),
        "units": _units(paper, positions),
        "items": [shown_item(drawn, place) for place in positions],
        "cases": [
            {"unit": unit, "title": case["title"], "stimulus": case["stimulus"]}
            for unit, case in cases.items()
        ],
    }


def shown_item(drawn: DrawnPaper, place: Position) -> dict[str, Any]:
    """Return one position as a candidate sees it: sanitised texts in the displayed order."""
    content = drawn.asked(place)
    clean: dict[str, Any] = dict(sanitised(content))
    shown = {name: place[name] for name in ("position", "points", "section", "unit")}
    shown |= {"type": clean["type"], "stem": clean["stem"]}
    if content.verdicts:
        return shown | {"choices": list(verdicts())}
    shown |= {name: clean[name] or None for name in content.sent}
    return shown | {
        name: [clean[name][authored] for authored in place[order]] for name, order in content.ordered.items()
    }


def _sections(paper: Paper, positions: Sequence[Position]) -> list[dict[str, Any]]:
    if not paper.sections:
        return []
    ends = _ends(positions, "section")
    return [
        {
            "name": section.name,
            "type": section.type.value,
            "first": ends[index][0],
            "last": ends[index][1],
            "points_each": f"{section.points_each}",
        }
        for index, section in enumerate(paper.sections)
    ]


def _units(paper: Paper, positions: Sequence[Position]) -> list[dict[str, Any]]:
    """Return the units; a paper whose sections have their own minutes shows those as its units."""
    parts: Sequence[Any] = paper.units or (paper.sections if paper.windows else ())
    ends = _ends(positions, "unit" if paper.units else "section")
    return [
        {
            "number": number,
            "name": part.name,
            "minutes": part.minutes // timedelta(minutes=1),
            "points": f"{part.points}",
            "state": "open",
            "first": first,
            "last": last,
        }
        for number, part in enumerate(parts, 1)
        for first, last in [ends[number if paper.units else number - 1]]
    ]


def _ends(positions: Sequence[Position], name: str) -> dict[int, tuple[int, int]]:
    ends: dict[int, tuple[int, int]] = {}
    for place in positions:
        ends[place[name]] = (ends.get(place[name], (place["position"],))[0], place["position"])
    return ends


SHORT, MIDDLE = 9, 22
"""Choices up to so many characters stand four or two beside each other."""


@dataclass(frozen=True, slots=True)
class ProofItem:
    """One question as it is printed, numbered within its section or unit; texts are safe HTML.

    `point` is "" where the item's ref says it already.

    `shown` is what a candidate sees of it, `columns` how many of its choices stand beside each other. A `verdict`
    is marked in brackets beside the statement.
    """

    number: int
    ref: str
    version: int
    type: str
    points: str
    point: str
    difficulty: int
    shown: Mapping[str, Any]
    columns: int
    verdict: bool
    key: list[str]
    explanation: str
    law: str


@dataclass(frozen=True, slots=True)
class ProofGroup:
    """A section, or a unit with its case."""

    name: str
    unit: int
    points: str
    minutes: int
    title: str
    stimulus: str
    items: list[ProofItem]


def proof_of(drawn: DrawnPaper) -> list[ProofGroup]:
    """Return a drawn paper group by group, with its key."""
    paper = drawn.paper
    if paper.units:
        return [
            _group(
                drawn, [place for place in drawn.positions if place["unit"] == unit.number], unit.name, unit
            )
            for unit in paper.units
        ]
    return [
        _group(
            drawn, [place for place in drawn.positions if place["section"] == index], section.name, section
        )
        for index, section in enumerate(paper.sections)
    ]


def _group(drawn: DrawnPaper, places: list[Position], name: str, part: Any) -> ProofGroup:
    first = drawn.item(places[0])
    case: Mapping[str, Any] = sanitised(first) if isinstance(first, Case) else {}
    return ProofGroup(
        name=name,
        unit=getattr(part, "number", 0),
        points=f"{part.points}",
        minutes=(part.minutes or timedelta(0)) // timedelta(minutes=1),
        title=case.get("title", ""),
        stimulus=case.get("stimulus", ""),
        items=[_item(drawn, place, number) for number, place in enumerate(places, 1)],
    )


def _item(drawn: DrawnPaper, place: Position, number: int) -> ProofItem:
    whole, content = drawn.item(place), drawn.asked(place)
    shown = shown_item(drawn, place)
    return ProofItem(
        number=number,
        ref=place["item"],
        version=place["version"],
        type=content.type.value,
        points=place["points"],
        point="" if place["item"].startswith(whole.point) else content.point or whole.point,
        difficulty=content.difficulty,
        shown=shown,
        columns=_columns(shown.get("choices") or ()),
        verdict=content.verdicts,
        key=[inline(line) for line in content.key_at(place, verdicts())],
        explanation=to_html(content.explanation),
        law=content.law or whole.law,
    )


def _columns(choices: Any) -> int:
    longest = max(map(len, choices), default=0)
    return 4 if longest <= SHORT else 2 if longest <= MIDDLE else 1
