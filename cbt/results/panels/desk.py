"""What the pages of panels show, each gathered in one reading; a judge sees nothing of another's open round.

Source: R-100.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.assembly.models import Form
from cbt.bank.store import contents
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.errors import NotFound
from cbt.items.preview import KeyLines, key_lines, preview_paper
from cbt.results.models import CutPanel, PanelJudge, PanelRound
from cbt.results.panels.panel import (
    PanelCut,
    PanelItem,
    PanelMethod,
    entered,
    items_of,
    judge_at,
    judges_of,
    places_of,
    rounds_of,
    said_by,
)
from cbt.results.store import finished_sitting
from cbt.rules.items.content import ItemContent
from cbt.runner.models import Attempt
from cbt.sittings.models import Sitting
from cbt.storage.page_span import ListPage, PageSpan

PAGE = 50
MOST_FORMS = 200
"""So many forms of a sitting are there to be chosen from."""


def panel_list(session: Session, *, page: int, judge: str | None = None) -> ListPage[CutPanel]:
    """Return a page of the panels, the latest first; those of one judge where `judge` says whose."""
    query = select(CutPanel).order_by(CutPanel.id.desc())
    if judge is not None:
        query = query.where(CutPanel.id.in_(select(PanelJudge.panel_id).where(PanelJudge.judge == judge)))
    count = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    span = PageSpan(count, PAGE, page)
    return ListPage(list(session.scalars(span.cut(query))), count, span.page, span.pages)


def open_panels_of(session: Session, judge: str) -> int:
    """Return at how many panels whose round is open somebody judges."""
    query = (
        select(func.count())
        .select_from(PanelJudge)
        .join(CutPanel, CutPanel.id == PanelJudge.panel_id)
        .where(PanelJudge.judge == judge, CutPanel.is_open)
    )
    return session.scalar(query) or 0


@dataclass(frozen=True, slots=True)
class TakenForm:
    """A form of a sitting, of which paper, and how many had it."""

    ref: str
    paper: str
    people: int


def forms_of(session: Session, sitting_ref: str) -> tuple[Sitting, list[TakenForm]]:
    """Return a sitting that is over and its forms, those of most people first; raise like `finished_sitting`."""
    sitting = finished_sitting(session, sitting_ref)
    people = func.count(Attempt.id)
    rows = session.execute(
        select(Form.ref, Form.blueprint_version_id, Form.paper, people)
        .join(Attempt, Attempt.form_id == Form.id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting.id)
        .group_by(Form.id, Form.ref, Form.blueprint_version_id, Form.paper)
        .order_by(people.desc(), Form.id)
        .limit(MOST_FORMS)
    )
    return sitting, [
        TakenForm(ref, blueprint_of(session, version_id).papers[paper].label, count)
        for ref, version_id, paper, count in rows
    ]


@dataclass(frozen=True, slots=True)
class JudgeLine:
    """A judge as the chair sees them: how much they said, and what each closed round came to by them alone."""

    name: str
    entered: int
    cuts: Sequence[float]


WIDTH, LEFT, LINE = 640, 120, 24
"""The picture of a panel: its width, where its scale begins, the height of a judge's line."""


@dataclass(frozen=True, slots=True)
class PanelPicture:
    """Where everything stands in the picture of a round: judges by line, ticks of the scale, mean and pass mark."""

    base: int
    points: Sequence[tuple[str, int, float]]
    ticks: Sequence[tuple[str, float]]
    mean: float
    mark: float

    @property
    def height(self) -> int:
        return self.base + LINE


def _picture(panel: CutPanel, judges: Sequence[JudgeLine], cut: PanelCut) -> PanelPicture:
    full = float(panel.points)

    def at(points: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 20) * points / full, 1)

    return PanelPicture(
        LINE * len(judges) + 6,
        [(judge.name, LINE * line + 14, at(judge.cuts[-1])) for line, judge in enumerate(judges)],
        [(f"{full * tenth / 10:g}", at(full * tenth / 10)) for tenth in range(0, 11, 2)],
        at(cut.value),
        at(float(panel.pass_points)),
    )


@dataclass(frozen=True, slots=True)
class PanelPage:
    """A panel with its judges and its closed rounds."""

    panel: CutPanel
    places: int
    items: int
    judges: Sequence[JudgeLine]
    rounds: Sequence[tuple[PanelRound, PanelCut]]
    names: dict[str, str]
    picture: PanelPicture | None

    @property
    def is_ready(self) -> bool:
        """Whether every judge has said everything."""
        return all(judge.entered >= self.places for judge in self.judges)

    @property
    def round_heads(self) -> list[dict[str, object]]:
        """The heads of the columns of the closed rounds."""
        return [{"label": _("panel.round.number", number=one.number), "n": True} for one, _cut in self.rounds]

    @property
    def last(self) -> PanelCut | None:
        return self.rounds[-1][1] if self.rounds else None


def panel_page(session: Session, ref: str) -> PanelPage:
    """Return a panel as its chair sees it; raise NotFound("panel.unknown")."""
    panel = CutPanel.by_ref(session, ref, unknown="panel.unknown")
    judges, rounds, told = judges_of(session, panel), rounds_of(session, panel), entered(session, panel)
    who = {judge.judge for judge in judges} | {panel.opened_by, panel.decided_by, panel.second_by}
    names = actor_names(session, who | {one.closed_by for one, _cut in rounds})
    lines = [
        JudgeLine(
            names.get(judge.judge, judge.judge), told[judge.id], [cut.judges[place] for _one, cut in rounds]
        )
        for place, judge in enumerate(judges)
    ]
    picture = _picture(panel, lines, rounds[-1][1]) if rounds else None
    return PanelPage(panel, places_of(panel), len(items_of(panel)), lines, rounds, names, picture)


@dataclass(frozen=True, slots=True)
class JudgePage:
    """One item before a judge, with what they said so far; its key once they said something of it."""

    panel: CutPanel
    place: int
    """Which item of the form or booklet, from 0."""
    items: Sequence[PanelItem]
    shown: dict[str, object]
    """The item, or its case, for the answer page's own renderers."""
    keys: Sequence[KeyLines]
    said: dict[int, int]

    @property
    def item(self) -> PanelItem:
        return self.items[self.place]

    @property
    def is_bookmark(self) -> bool:
        return self.panel.method == PanelMethod.BOOKMARK

    @property
    def bookmark(self) -> int | None:
        return self.said.get(0) if self.is_bookmark else None

    def is_done(self, place: int) -> bool:
        """Whether something is said of an item; of a booklet, whether it lies before the bookmark."""
        return place < (self.bookmark or 0) if self.is_bookmark else place in self.said

    @property
    def following(self) -> int | None:
        """The next item of which nothing is said yet; of a booklet the next one."""
        later = range(self.place + 1, len(self.items))
        if self.is_bookmark:
            return next(iter(later), None)
        return next((one for one in (*later, *range(self.place)) if one not in self.said), None)


def judge_page(session: Session, ref: str, place: int, actor: str) -> JudgePage:
    """Return an item before a judge; raise like `judge_at`, NotFound("panel.unknown"|"panel.item_unknown")."""
    panel = CutPanel.by_ref(session, ref, unknown="panel.unknown")
    judge, items = judge_at(session, panel, actor), items_of(panel)
    if not 0 <= place < len(items):
        raise NotFound("panel.item_unknown")
    item, said = items[place], said_by(session, judge.id)
    content = contents(session, [(item.ref, item.version)], panel.bank_id)[item.ref, item.version]
    may_see_key = (0 if panel.method == PanelMethod.BOOKMARK else place) in said
    return JudgePage(
        panel,
        place,
        items,
        preview_paper(content, seed=f"{panel.ref} {place}"),
        _keys(content, item) if may_see_key else (),
        said,
    )


def _keys(content: ItemContent, item: PanelItem) -> Sequence[KeyLines]:
    keys = key_lines(content)
    return keys if item.part is None else [keys[item.part]]


def first_place(session: Session, ref: str, actor: str) -> int:
    """Return the first item of which a judge has said nothing yet, or where their bookmark lies."""
    page = judge_page(session, ref, 0, actor)
    if page.is_bookmark:
        return min(page.bookmark or 0, len(page.items) - 1)
    return next((place for place in range(len(page.items)) if place not in page.said), 0)
