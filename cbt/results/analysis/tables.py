"""The tables of an analysis, once for the page, the workbook and paper: heads, cells and how they are shown.

Source: R-96, R-97.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from flask_babel import gettext as _

from cbt.results.analysis.figures import (
    COMMON_ITEMS,
    COMMON_SHARE,
    FEW,
    FEWEST_TAKERS,
    METHODS,
    CurveReport,
    Equating,
    Estimate,
    FormPair,
    GroupFigures,
    ItemReport,
    PaperReport,
)
from cbt.rules.items.content import LETTERS

Cell = str | int | float | None
Form = Literal["text", "count", "points", "index", "share"]
"""A text, a whole number, points to a tenth, an index with two places, a part of a whole in per cent."""


@dataclass(frozen=True, slots=True)
class FigureColumn:
    """The head of a column, and how its cells are shown."""

    head: str
    form: Form = "text"

    @property
    def n(self) -> bool:
        """Whether it holds numbers."""
        return self.form != "text"

    def said(self, cell: Cell) -> str:
        """Return a cell as people read it; – is what cannot be told."""
        if cell is None:
            return "–"
        if isinstance(cell, str):
            return cell
        match self.form:
            case "share":
                return f"{100 * cell:.1f}%"
            case "points":
                return f"{cell:.1f}"
            case "index":
                return f"{cell:.2f}"
            case _:
                return f"{cell:g}"


@dataclass(frozen=True, slots=True)
class FigureTable:
    """A table with its name; each row has a cell for each column."""

    title: str
    columns: Sequence[FigureColumn]
    rows: Sequence[Sequence[Cell]]

    @property
    def said(self) -> list[list[str]]:
        """Return the cells as people read them."""
        return [
            [column.said(cell) for column, cell in zip(self.columns, row, strict=True)] for row in self.rows
        ]


def said_interval(interval: Estimate, form: Form = "index") -> str:
    """Return the bounds of a figure as people read them, "" where there are none."""
    if interval.low is None or interval.high is None:
        return ""
    column = FigureColumn("", form)
    between = "–" if interval.low >= 0 else " ~ "
    return f"{column.said(interval.low).removesuffix('%')}{between}{column.said(interval.high)}"


def item_name(item: ItemReport) -> str:
    """Return what an item is called: its ref, and which part of a case."""
    return _name(item.column.ref, item.column.part)


def _name(ref: str, part: int | None) -> str:
    return ref if part is None else str(_("analysis.item.part", ref=ref, part=part + 1))


def named(paper: PaperReport, code: str) -> str:
    """Return a range or a point with its name."""
    return f"{code} {paper.names.get(code, '')}".strip() or str(_("analysis.unnamed"))


def summary(paper: PaperReport) -> FigureTable:
    """Return the figures of the paper as a whole, each with its interval."""
    told = paper.reliability
    lines: list[tuple[str, str, str]] = [
        (_("analysis.n"), str(paper.n), ""),
        (_("analysis.mean"), _points(paper.mean.value), said_interval(paper.mean, "points")),
        (_("analysis.sd"), "–" if paper.sd is None else f"{paper.sd:.1f}", ""),
        (_("analysis.best"), f"{paper.best:g}", ""),
        (_("analysis.worst"), f"{paper.worst:g}", ""),
        (_("analysis.median"), f"{paper.median:.1f}", ""),
        (_("analysis.passed"), _percent(paper.passed.value), said_interval(paper.passed, "share")),
        (
            _("analysis.excellent", points=f"{0.9 * paper.points:g}"),
            _percent(paper.excellent.value),
            said_interval(paper.excellent, "share"),
        ),
        (_("analysis.difficulty"), _index(paper.difficulty.value), said_interval(paper.difficulty)),
        (_("analysis.discrimination"), _index(paper.discrimination), ""),
    ]
    if told is not None:
        lines += [
            (_(f"analysis.reliability.{told.method}"), _index(told.value.value), said_interval(told.value)),
            (_("analysis.sem"), f"{told.error:.1f}", ""),
            (_("analysis.consistency", points=f"{paper.pass_points:g}"), _percent(told.consistency), ""),
            (_("analysis.kappa"), _index(told.kappa), ""),
            (_("analysis.accuracy", points=f"{paper.pass_points:g}"), _percent(told.accuracy), ""),
        ]
    columns = [
        FigureColumn(_("analysis.col.figure")),
        FigureColumn(_("analysis.col.value")),
        FigureColumn(_("analysis.col.interval")),
    ]
    return FigureTable(_("analysis.summary"), columns, [[str(cell) for cell in line] for line in lines])


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}%"


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _index(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def bands(paper: PaperReport) -> FigureTable:
    """Return how many scores lie in each tenth of the full marks, the best first."""
    width = paper.points / len(paper.bands)
    rows: list[list[Cell]] = [
        [
            f"{width * place:g}–{width * (place + 1):g}" if place == len(paper.bands) - 1
            else f"[{width * place:g}, {width * (place + 1):g})",
            count,
            count / paper.n,
        ]
        for place, count in enumerate(paper.bands)
    ]  # fmt: skip
    columns = [
        FigureColumn(_("results.classes.points")),
        FigureColumn(_("results.classes.people"), "count"),
        FigureColumn(_("results.classes.share"), "share"),
    ]
    return FigureTable(_("results.classes.caption"), columns, rows[::-1])


def _item_groups(
    title: str, head: str, groups: Sequence[GroupFigures], name_of: Callable[[str], str]
) -> FigureTable:
    columns = [
        FigureColumn(head),
        FigureColumn(_("analysis.col.items"), "count"),
        FigureColumn(_("analysis.difficulty"), "index"),
        FigureColumn(_("analysis.discrimination"), "index"),
    ]
    rows = [[name_of(one.name), one.n, one.difficulty, one.discrimination] for one in groups]
    return FigureTable(title, columns, rows)


def _people_groups(
    title: str, head: str, groups: Sequence[GroupFigures], name_of: Callable[[str], str]
) -> FigureTable:
    columns = [
        FigureColumn(head),
        FigureColumn(_("analysis.n"), "count"),
        FigureColumn(_("analysis.mean"), "points"),
        FigureColumn(_("analysis.sd"), "points"),
        FigureColumn(_("analysis.passed"), "share"),
        FigureColumn(_("analysis.col.interval")),
        FigureColumn(_("analysis.reliability"), "index"),
        FigureColumn(_("analysis.col.note")),
    ]
    few = str(_("analysis.few"))
    rows: list[list[Cell]] = [
        [
            name_of(one.name),
            one.n,
            one.mean,
            one.sd,
            one.pass_rate.value if one.pass_rate else None,
            said_interval(one.pass_rate, "share") if one.pass_rate else "",
            one.reliability,
            few if one.n < FEW else "",
        ]
        for one in groups
    ]
    return FigureTable(title, columns, rows)


def groups(paper: PaperReport) -> list[FigureTable]:
    """Return the figures by unit, type, range, point and form; none where there is one group only."""

    def of_code(code: str) -> str:
        return named(paper, code)

    by_items = [
        ("group", paper.by_group, lambda name: name or "–"),
        ("type", paper.by_type, lambda name: str(_(f"bank.type.{name}"))),
        ("range", paper.by_range, of_code),
        ("point", paper.by_point, of_code),
    ]
    tables = [
        _item_groups(_(f"analysis.by.{kind}"), _(f"analysis.col.{kind}"), own, name_of)
        for kind, own, name_of in by_items
        if own
    ]
    if len(paper.by_form) > 1:
        title, head = _("analysis.by.form"), _("analysis.col.form")
        tables.append(_people_groups(title, head, paper.by_form, lambda number: str(int(number) + 1)))
    return tables


def places(paper: PaperReport, place_kind: str) -> FigureTable | None:
    """Return rooms or centres held against each other; None where there is one only.

    Of a place with too few people stands how many they are and 样本过少, and no figure.

    Source: R-96.
    """
    if len(paper.by_place) < 2:
        return None
    columns = [
        FigureColumn(_(f"analysis.col.{place_kind}")),
        FigureColumn(_("analysis.n"), "count"),
        FigureColumn(_("analysis.mean"), "points"),
        FigureColumn(_("analysis.col.interval")),
        FigureColumn(_("analysis.sd"), "points"),
        FigureColumn(_("analysis.passed"), "share"),
        FigureColumn(_("analysis.col.interval")),
        FigureColumn(_("analysis.apart"), "points"),
        FigureColumn(_("analysis.col.interval")),
        FigureColumn(_("analysis.effect"), "index"),
        FigureColumn(_("analysis.p"), "index"),
        FigureColumn(_("analysis.col.note")),
    ]
    return FigureTable(
        _(f"analysis.by.{place_kind}"), columns, [_place_row(place) for place in paper.by_place]
    )


def short(table: FigureTable, kept: Sequence[int]) -> FigureTable:
    """Return some columns of a table, for where there is little room."""
    return FigureTable(
        table.title, [table.columns[at] for at in kept], [[row[at] for at in kept] for row in table.rows]
    )


PLACE_COLUMNS = (0, 1, 2, 3, 5, 7, 8, 11)
"""Of the table of places what stands beside its picture and on paper; the workbook has all."""


def _place_row(place: GroupFigures) -> list[Cell]:
    apart, rate = place.apart, place.pass_rate
    return [
        place.name,
        place.n,
        place.mean,
        said_interval(place.interval, "points") if place.interval else "",
        place.sd,
        rate.value if rate else None,
        said_interval(rate, "share") if rate else "",
        apart.points.value if apart else None,
        said_interval(apart.points, "points") if apart else "",
        apart.effect if apart else None,
        apart.p if apart else None,
        place_note(place),
    ]


def place_note(place: GroupFigures) -> str:
    """Return what is to be said of a place beside its figures."""
    if place.n < FEW:
        return str(_("analysis.few"))
    if place.apart is None or not place.apart.stands_out:
        return ""
    return str(_("analysis.apart.higher" if place.apart.effect > 0 else "analysis.apart.lower"))


def two_way(paper: PaperReport) -> FigureTable:
    """Return the 双向细目表: what was planned of each range, and what a paper had of it at the mean."""
    columns = [
        FigureColumn(_("analysis.col.range")),
        FigureColumn(_("analysis.col.planned"), "share"),
        FigureColumn(_("analysis.col.importance")),
        FigureColumn(_("analysis.col.type")),
        FigureColumn(_("analysis.col.items"), "points"),
        FigureColumn(_("analysis.col.points"), "points"),
        FigureColumn(_("analysis.col.met"), "share"),
        FigureColumn(_("analysis.col.expert"), "points"),
        FigureColumn(_("analysis.difficulty"), "index"),
    ]
    met: dict[str, float] = {}
    for cell in paper.table:
        met[cell.range] = met.get(cell.range, 0) + cell.points
    rows: list[list[Cell]] = []
    former = None
    for cell in paper.table:
        first, former = cell.range != former, cell.range
        weight = paper.weights.get(cell.range)
        rows.append(
            [
                named(paper, cell.range) if first else "",
                (None if weight is None else weight / 100) if first else "",
                cell.importance or "–",
                str(_(f"bank.type.{cell.type}")),
                cell.items,
                cell.points,
                met[cell.range] / paper.points if first else "",
                cell.expert,
                cell.difficulty,
            ]
        )
    return FigureTable(_("analysis.two_way"), columns, rows)


def flags_said(item: ItemReport) -> str:
    """Return what is to be looked at of an item."""
    return str(_("ui.comma")).join(str(_(f"analysis.flag.{flag}")) for flag in item.flags)


def items(paper: PaperReport, chosen: Sequence[ItemReport], title: str) -> FigureTable:
    """Return the figures of some items."""
    columns = [
        FigureColumn(_("analysis.col.item")),
        FigureColumn(_("analysis.col.version"), "count"),
        FigureColumn(_("analysis.col.type")),
        FigureColumn(_("analysis.col.point")),
        FigureColumn(_("analysis.n"), "count"),
        FigureColumn(_("analysis.difficulty"), "index"),
        FigureColumn(_("analysis.col.interval")),
        FigureColumn(_("analysis.discrimination"), "index"),
        FigureColumn(_("analysis.col.interval")),
        FigureColumn(_("analysis.col.grade")),
        FigureColumn(_("analysis.correlation"), "index"),
        FigureColumn(_("analysis.col.interval")),
        FigureColumn(_("analysis.col.omitted"), "share"),
        FigureColumn(_("analysis.col.flags")),
    ]
    rows: list[list[Cell]] = [
        [
            item_name(item),
            item.column.version,
            str(_(f"bank.type.{item.column.type}")),
            item.column.point,
            item.n,
            item.difficulty.value,
            said_interval(item.difficulty),
            item.discrimination.value,
            said_interval(item.discrimination),
            str(_(f"analysis.grade.{item.grade}")) if item.grade else "–",
            item.correlation.value,
            said_interval(item.correlation),
            item.omitted,
            str(_("analysis.few")) if item.n < FEW else flags_said(item),
        ]
        for item in chosen
    ]
    return FigureTable(title, columns, rows)


def choices(item: ItemReport) -> FigureTable:
    """Return who took which choice of an item."""
    columns = [
        FigureColumn(_("analysis.col.choice")),
        *(FigureColumn(_(f"analysis.group.{name}"), "share") for name in ("top", "middle", "bottom", "all")),
    ]
    rows: list[list[Cell]] = [
        [
            f"{choice_name(item, place)}{' ✓' if choice.key else ''}",
            choice.top,
            choice.middle,
            choice.bottom,
            choice.all,
        ]
        for place, choice in enumerate(item.choices)
    ]
    return FigureTable(_("analysis.choices", item=item_name(item)), columns, rows)


def choice_name(item: ItemReport, place: int) -> str:
    """Return what a choice is called: its letter as its author wrote it, or the verdict."""
    if item.column.type == "true_false":
        return str(_("analysis.choice.right" if place == 0 else "analysis.choice.wrong"))
    return LETTERS[place]


def all_choices(paper: PaperReport) -> FigureTable:
    """Return who took which choice of every item, a row each, for a workbook."""
    columns = [
        FigureColumn(_("analysis.col.item")),
        FigureColumn(_("analysis.col.choice")),
        FigureColumn(_("analysis.col.key")),
        *(FigureColumn(_(f"analysis.group.{name}"), "share") for name in ("top", "middle", "bottom", "all")),
    ]
    rows: list[list[Cell]] = [
        [
            item_name(item),
            choice_name(item, place),
            "✓" if choice.key else "",
            choice.top,
            choice.middle,
            choice.bottom,
            choice.all,
        ]
        for item in paper.items
        for place, choice in enumerate(item.choices)
    ]
    return FigureTable(_("analysis.choices.all"), columns, rows)


def differential(paper: PaperReport) -> FigureTable:
    """Return the items that work unlike in two groups."""
    columns = [
        FigureColumn(_("analysis.col.item")),
        FigureColumn(_("analysis.dif.groups")),
        FigureColumn(_("analysis.n"), "count"),
        FigureColumn(_("analysis.dif.delta"), "index"),
        FigureColumn(_("analysis.dif.error"), "index"),
        FigureColumn(_("analysis.dif.class")),
        FigureColumn("p", "index"),
        FigureColumn(_("analysis.dif.crossing"), "index"),
        FigureColumn(_("analysis.dif.gain"), "index"),
    ]
    rows: list[list[Cell]] = [
        [
            item_name(paper.items[one.item]),
            compared(one.focal, one.reference),
            one.n,
            one.delta,
            one.error,
            one.size,
            one.p,
            one.crossing_p,
            one.gain,
        ]
        for one in sorted(paper.dif, key=lambda one: -abs(one.delta))
    ]
    return FigureTable(_("analysis.dif"), columns, rows)


def compared(focal: str, reference: str) -> str:
    """Return which two groups were compared."""
    words = {
        "female": _("analysis.gender.female"),
        "male": _("analysis.gender.male"),
        "": _("analysis.dif.others"),
    }
    return str(
        _("analysis.dif.between", focal=words.get(focal, focal), reference=words.get(reference, reference))
    )


def form_name(equating: Equating, number: int) -> str:
    """Return what a form is called: its number, and its sittings where forms were taken in several."""
    name = equating.form(number).name
    said = str(_("analysis.equating.form", number=number + 1))
    return f"{said} · {name}" if len({form.name for form in equating.forms}) > 1 else said


def form_names(equating: Equating) -> list[tuple[int, str]]:
    """Return the forms there are to choose from: their numbers from 1 on, and what they are called."""
    return [(form.number + 1, form_name(equating, form.number)) for form in equating.forms]


def anchor(equating: Equating, pair: FormPair) -> FigureTable:
    """Return what each group of two has on its form, and on the items in common."""
    columns = [
        FigureColumn(_("analysis.col.form")),
        FigureColumn(_("analysis.n"), "count"),
        FigureColumn(_("analysis.mean"), "points"),
        FigureColumn(_("analysis.sd"), "points"),
        FigureColumn(_("analysis.equating.anchor_mean"), "points"),
        FigureColumn(_("analysis.equating.anchor_sd"), "points"),
        FigureColumn(_("analysis.equating.share"), "share"),
    ]
    rows: list[list[Cell]] = []
    for role, number, group in (("new", pair.new, pair.new_group), ("old", pair.old, pair.old_group)):
        form = equating.form(number)
        name = str(_(f"analysis.equating.{role}.form", form=form_name(equating, number)))
        figures = (None, None, None) if group is None else (group.mean, group.sd, group.share)
        rows.append([name, form.n, form.mean, form.sd, *figures])
    return FigureTable(_("analysis.equating.groups"), columns, rows)


def equivalents(paper: PaperReport, pair: FormPair) -> FigureTable:
    """Return what points of the new form are worth in the reference form, by each method with its error."""
    columns = [FigureColumn(_("analysis.equating.at"), "points")]
    for method in METHODS:
        name = _(f"analysis.equating.method.{method}")
        columns.append(FigureColumn(name, "points"))
        columns.append(FigureColumn(_("analysis.equating.error", method=name), "points"))
    rows: list[list[Cell]] = [
        [row.at, *(figure for own in row.by_method for figure in (own.points, own.error))]
        for row in pair.rows
    ]
    return FigureTable(_("analysis.equating.table"), columns, rows)


def short_equivalents(paper: PaperReport, pair: FormPair) -> FigureTable:
    """Return the same in six columns, an error in brackets behind its points, with the pass mark named."""
    columns = [
        FigureColumn(_("analysis.equating.at")),
        *(FigureColumn(_(f"analysis.equating.method.{method}"), "points") for method in METHODS),
    ]
    rows: list[list[Cell]] = [
        [
            str(_("analysis.equating.pass", points=f"{row.at:g}"))
            if row.at == paper.pass_points
            else f"{row.at:g}",
            *(f"{own.points:.1f} ({own.error:.1f})" for own in row.by_method),
        ]
        for row in pair.rows
    ]
    return FigureTable(_("analysis.equating.table"), columns, rows)


def common_items(paper: PaperReport, pair: FormPair) -> FigureTable:
    """Return the items in common."""
    columns = [
        FigureColumn(_("analysis.col.item")),
        FigureColumn(_("analysis.col.version"), "count"),
        FigureColumn(_("analysis.col.type")),
        FigureColumn(_("analysis.difficulty"), "index"),
    ]
    rows: list[list[Cell]] = [
        [item_name(item), item.column.version, str(_(f"bank.type.{item.column.type}")), item.difficulty.value]
        for item in (paper.items[place] for place in pair.items)
    ]
    return FigureTable(_("analysis.equating.items"), columns, rows)


def equating_says(paper: PaperReport, pair: FormPair | None) -> list[str]:
    """Return in sentences what is said of two forms, and that no mark is moved by it.

    Source: R-100.
    """
    information = str(_("analysis.equating.information", points=f"{paper.pass_points:g}"))
    if pair is None:
        return [str(_("analysis.equating.few", least=FEWEST_TAKERS)), information]
    shares = [group.share for group in (pair.new_group, pair.old_group) if group is not None]
    common = str(
        _(
            "analysis.equating.common",
            count=len(pair.items),
            points=f"{pair.points:.1f}",
            share=_percent(min(shares)),
        )
    )
    if pair.why_not:
        reason = _(
            f"analysis.equating.why.{pair.why_not}", items=COMMON_ITEMS, share=f"{100 * COMMON_SHARE:g}%"
        )
        return [common, str(reason), information]
    mark = next(row for row in pair.rows if row.at == paper.pass_points)
    tucker = mark.by_method[METHODS.index("tucker")]
    worth = _(
        "analysis.equating.worth",
        points=f"{paper.pass_points:g}",
        worth=f"{tucker.points:.1f}",
        error=f"{tucker.error:.1f}",
    )
    return [common, str(worth), information]


def conclusions(paper: PaperReport) -> list[str]:
    """Return in sentences what the figures say, for whoever signs the report to go on from."""
    if paper.few:
        return [str(_("analysis.few.what", n=paper.n, least=FEW))]
    flagged = len(paper.flagged)
    sentences = [
        _(
            "analysis.says.scores",
            n=paper.n,
            mean=_points(paper.mean.value),
            passed=_percent(paper.passed.value),
        )
    ]
    if (share := paper.difficulty.value) is not None:
        level = "hard" if share < 0.5 else "easy" if share > 0.85 else "fit"
        sentences.append(_(f"analysis.says.{level}", difficulty=_index(share)))
    if paper.reliability is not None and paper.reliability.value.value is not None:
        value = paper.reliability.value.value
        level = "reliable" if value >= 0.8 else "fair" if value >= 0.7 else "unreliable"
        sentences.append(
            _(f"analysis.says.{level}", value=_index(value), error=f"{paper.reliability.error:.1f}")
        )
        if paper.reliability.consistency is not None:
            sentences.append(
                _(
                    "analysis.says.consistency",
                    share=_percent(paper.reliability.consistency),
                    points=f"{paper.pass_points:g}",
                )
            )
    if paper.items:
        sentences.append(
            _("analysis.says.flagged", count=flagged, all=len(paper.items))
            if flagged
            else _("analysis.says.none_flagged")
        )
    if paper.dif:
        sentences.append(_("analysis.says.dif", count=len({one.item for one in paper.dif})))
    return [str(sentence) for sentence in sentences]


def curves(report: CurveReport) -> FigureTable:
    """Return the items by both models, each figure with its standard error."""
    columns = [FigureColumn(_("analysis.col.item"))]
    columns += [FigureColumn(_("analysis.n"), "count"), FigureColumn(_("analysis.difficulty"), "index")]
    columns += [
        FigureColumn(_(f"analysis.curves.{name}"), "index")
        for name in ("rasch", "error", "slope", "slope_error", "location", "location_error")
    ]
    rows: list[list[Cell]] = [
        [
            _name(one.ref, one.part), one.n, one.share, one.difficulty, one.difficulty_error, one.slope,
            one.slope_error, one.location, one.location_error,
        ]
        for one in report.items
    ]  # fmt: skip
    return FigureTable(_("analysis.curves"), columns, rows)


def curves_say(report: CurveReport) -> list[str]:
    """Return in words how the models fit, or why there are none."""
    if not report.items:
        return [str(_("analysis.curves.few", n=report.n, least=report.least))]
    items = len(report.items)
    return [
        str(_("analysis.curves.about", people=report.people, items=items, least=report.least)),
        str(
            _(
                "analysis.curves.spread",
                spread=f"{report.spread:.2f}",
                error=f"{report.spread_error:.2f}",
            )
        ),
        str(
            _(
                "analysis.curves.fit",
                simple=f"{2 * (items + 1) - 2 * report.simple_likelihood:.1f}",
                double=f"{4 * items - 2 * report.double_likelihood:.1f}",
            )
        ),
    ]
