"""The analysis as documents: the 试卷质量分析报告 on A4 pages as PDF, and all its figures as a workbook.

Source: R-97.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import flask_babel
from flask_babel import gettext as _

from cbt.printing.pdf import pdf
from cbt.results.analysis import charts, tables
from cbt.results.analysis.figures import (
    FEW,
    METHODS,
    AnalysisReport,
    CurveReport,
    FormChoice,
    FormPair,
    PaperReport,
)
from cbt.results.analysis.scope import scope_title
from cbt.results.analysis.tables import FigureTable
from cbt.spreadsheets.writer import add_sheet, new_workbook, text_format, write_text

MOST_LINES = 120
"""So many lines of a table stand on paper; the workbook has them all."""
MOST_CHOICES = 24
"""So many items to be looked at are drawn on paper."""
_SIGNATURES = ("analyst", "checked", "head", "date")
_FORMATS = {
    "count": "0",
    "points": "0.0",
    "index": "0.00",
    "share": "0.0%",
}


def title() -> str:
    """Return what the report is called."""
    return str(_("analysis.report"))


def printed(report: AnalysisReport, choice: FormChoice) -> bytes:
    """Return the report as PDF; equal figures, equal bytes."""
    drawings: dict[str, bytes] = {}
    name = scope_title(report.kind, report.name)
    data = {
        "title": title(),
        "foot": f"{title()} · {name}",
        "name": name,
        "about": _("analysis.about", sittings=report.sittings, papers=len(report.papers)),
        "papers": [
            _paper(report, paper, number, drawings, _pair_of(paper, number, choice))
            for number, paper in enumerate(report.papers)
        ],
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "conclusions": _("analysis.conclusions"),
            "measures": _("analysis.measures"),
            "bands": _("analysis.bands"),
            "map": _("analysis.map"),
            "places": _(f"analysis.by.{report.place_kind}"),
            "places_text": _("analysis.places.lead"),
            "equating": _("analysis.equating"),
            "equating_text": _("analysis.equating.lead"),
            "map_text": _("analysis.map.lead"),
            "signatures": [_(f"analysis.sign.{name}") for name in _SIGNATURES],
        },
    }
    return pdf("analysis", data, language=str(flask_babel.get_locale()), drawings=drawings)


def _pair_of(paper: PaperReport, number: int, choice: FormChoice) -> FormPair | None:
    """Return the two forms that were chosen of a paper, those of most people where nobody chose."""
    if paper.equating is None:
        return None
    return paper.equating.pair(choice if choice.paper == number + 1 else FormChoice())


def _equated(
    paper: PaperReport, number: int, pair: FormPair | None, drawings: dict[str, bytes]
) -> dict[str, Any] | None:
    if paper.equating is None:
        return None
    drawing = f"equated-{number}.svg" if pair is not None and pair.rows else ""
    listed = []
    if pair is not None:
        listed.append(tables.anchor(paper.equating, pair))
        if drawing:
            drawings[drawing] = charts.on_paper(charts.equivalents(paper, pair))
            listed.append(tables.short_equivalents(paper, pair))
    refs = [tables.item_name(paper.items[place]) for place in pair.items] if pair is not None else []
    return {
        "drawing": drawing,
        "tables": [_listed(table) for table in listed],
        "items": f"{_('analysis.equating.items')}: {str(_('ui.comma')).join(refs)}" if refs else "",
        "says": tables.equating_says(paper, pair),
    }


def _paper(
    report: AnalysisReport,
    paper: PaperReport,
    number: int,
    drawings: dict[str, bytes],
    pair: FormPair | None,
) -> dict[str, Any]:
    drawings[f"bands-{number}.svg"] = charts.on_paper(charts.bands(paper))
    # Of too few people stands what they have, and nothing of items or groups.
    told = bool(paper.items) and not paper.few
    if told:
        drawings[f"map-{number}.svg"] = charts.on_paper(charts.item_map(paper))
    compared = tables.places(paper, report.place_kind)
    picture = charts.places(paper) if compared is not None else None
    if picture is not None:
        drawings[f"places-{number}.svg"] = charts.on_paper(picture)
    looked_at = []
    for place, item in enumerate([one for one in paper.flagged if one.choices][:MOST_CHOICES]):
        name = f"choices-{number}-{place}.svg"
        drawings[name] = charts.on_paper(charts.choice_lines(item))
        looked_at.append({"drawing": name, "name": tables.item_name(item), "flags": tables.flags_said(item)})
    listed = [tables.two_way(paper), *tables.groups(paper)] if told else []
    if paper.flagged:
        listed.append(_short_items(paper))
    if paper.dif:
        listed.append(tables.differential(paper))
    return {
        "title": paper.title,
        "summary": tables.summary(paper).said,
        "few": _("analysis.few.what", n=paper.n, least=FEW) if paper.few else "",
        "conclusions": tables.conclusions(paper),
        "bands": f"bands-{number}.svg",
        "map": f"map-{number}.svg" if told else "",
        "places": f"places-{number}.svg" if picture is not None else "",
        "compared": _listed(tables.short(compared, tables.PLACE_COLUMNS)) if compared is not None else None,
        "choices": looked_at,
        "equated": _equated(paper, number, pair, drawings) if told else None,
        "tables": [_listed(table) for table in listed],
    }


def _short_items(paper: PaperReport) -> FigureTable:
    """Return the items to be looked at in fewer columns, for a page upright."""
    return tables.short(tables.items(paper, paper.flagged, _("analysis.flagged")), (0, 2, 4, 5, 7, 10, 13))


def _listed(table: FigureTable) -> dict[str, Any]:
    rows = table.said
    return {
        "title": table.title,
        "heads": [column.head for column in table.columns],
        "numbers": [column.n for column in table.columns],
        "rows": rows[:MOST_LINES],
        "rest": _("analysis.rest", count=len(rows) - MOST_LINES) if len(rows) > MOST_LINES else "",
    }


def workbook(report: AnalysisReport, choice: FormChoice) -> bytes:
    """Return all figures as a workbook: the numbers as numbers, charts beside their tables, no cell a formula."""
    target = BytesIO()
    book = new_workbook(target)
    formats = _formats(book)
    for number, paper in enumerate(report.papers):
        _overview_sheet(book, formats, report, paper)
        if paper.few:
            continue
        _sheet(book, formats, f"{paper.title} {_('analysis.sheet.groups')}", _group_tables(paper))
        _sheet(
            book,
            formats,
            f"{paper.title} {_('analysis.sheet.items')}",
            [tables.items(paper, paper.items, _("analysis.items"))],
        )
        _sheet(book, formats, f"{paper.title} {_('analysis.sheet.choices')}", [tables.all_choices(paper)])
        _places_sheet(book, formats, report, paper)
        _equating_sheet(book, formats, paper, _pair_of(paper, number, choice))
    if not report.papers:
        write_text(add_sheet(book, title()), 0, 0, str(_("analysis.nobody")), formats["plain"])
    book.close()
    return target.getvalue()


def _formats(book: Any) -> dict[str, Any]:
    frame = {"border": 1, "valign": "vcenter", "text_wrap": True}
    return {
        "title": text_format(book, {"bold": True, "font_size": 14}),
        "head": text_format(book, {**frame, "bold": True, "align": "center", "bg_color": "#EEF1F6"}),
        "plain": text_format(book, {}),
        "text": text_format(book, frame),
        **{
            form: book.add_format({**frame, "align": "right", "num_format": shown})
            for form, shown in _FORMATS.items()
        },
    }


def curves_workbook(name: str, reports: Sequence[CurveReport]) -> bytes:
    """Return the curves of items of each paper as a workbook, with how the models fit below them."""
    target = BytesIO()
    book = new_workbook(target)
    formats = _formats(book)
    for report in reports:
        _sheet(
            book,
            formats,
            report.title,
            [tables.curves(report)] if report.items else [],
            heading=f"{_('analysis.curves')} · {name} · {report.title}",
            after=tables.curves_say(report),
        )
    book.close()
    return target.getvalue()


def _group_tables(paper: PaperReport) -> list[FigureTable]:
    listed = [tables.two_way(paper), *tables.groups(paper)]
    return [*listed, tables.differential(paper)] if paper.dif else listed


def _places_sheet(book: Any, formats: dict[str, Any], report: AnalysisReport, paper: PaperReport) -> None:
    """Write rooms or centres held against each other, with a chart of their means."""
    compared = tables.places(paper, report.place_kind)
    if compared is None:
        return
    name = f"{paper.title} {_(f'analysis.col.{report.place_kind}')}"
    sheet = _sheet(book, formats, name, [compared], after=[_("analysis.places.lead")])
    last = 1 + len(compared.rows)
    chart = book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "categories": [sheet.name, 2, 0, last, 0],
            "values": [sheet.name, 2, 2, last, 2],
            "data_labels": {"value": True, "num_format": "0.0"},
            "gap": 40,
        }
    )
    chart.set_y_axis({"reverse": True})
    chart.set_x_axis({"min": 0, "max": paper.points, "major_gridlines": {"visible": False}})
    chart.set_legend({"none": True})
    chart.set_title({"name": f"{compared.title} · {_('analysis.mean')}", "name_font": {"size": 12}})
    chart.set_size({"height": 120 + 24 * min(len(compared.rows), 40)})
    sheet.insert_chart(last + 4, 0, chart)


def _equating_sheet(book: Any, formats: dict[str, Any], paper: PaperReport, pair: FormPair | None) -> None:
    """Write two forms held against each other, with a chart of what points are worth."""
    if paper.equating is None:
        return
    listed = []
    if pair is not None:
        listed = [tables.anchor(paper.equating, pair), tables.equivalents(paper, pair)]
        if not pair.rows:
            del listed[1]
        listed.append(tables.common_items(paper, pair))
    name = f"{paper.title} {_('analysis.equating.sheet')}"
    sheet = _sheet(book, formats, name, listed, after=tables.equating_says(paper, pair))
    if pair is None or not pair.rows:
        return
    first = len(listed[0].rows) + 3 + 2
    last = first + len(pair.rows) - 1
    chart = book.add_chart({"type": "scatter", "subtype": "straight"})
    for column, name in ((0, _("analysis.equating.diagonal")), *_method_columns()):
        chart.add_series(
            {
                "name": str(name),
                "categories": [sheet.name, first, 0, last, 0],
                "values": [sheet.name, first, column, last, column],
                "line": {"dash_type": "dash" if column == 0 else "solid", "width": 1.5},
            }
        )
    chart.set_x_axis({"min": 0, "max": paper.points, "major_gridlines": {"visible": False}})
    chart.set_y_axis({"min": 0, "max": paper.points})
    chart.set_title({"name": str(_("analysis.equating")), "name_font": {"size": 12}})
    chart.set_size({"width": 480, "height": 420})
    sheet.insert_chart(1, len(listed[1].columns) + 1, chart)


def _method_columns() -> list[tuple[int, str]]:
    return [(1 + 2 * place, _(f"analysis.equating.method.{method}")) for place, method in enumerate(METHODS)]


def _overview_sheet(book: Any, formats: dict[str, Any], report: AnalysisReport, paper: PaperReport) -> None:
    """Write the whole paper's figures, with a chart of the bands and what the figures say."""
    sheet = _sheet(
        book,
        formats,
        paper.title,
        [tables.summary(paper), tables.bands(paper)],
        heading=f"{title()} · {scope_title(report.kind, report.name)} · {paper.title}",
        after=[
            _("analysis.about", sittings=report.sittings, papers=len(report.papers)),
            *tables.conclusions(paper),
        ],
    )
    first = 2 + 2 + len(tables.summary(paper).rows) + 3
    chart = book.add_chart({"type": "column"})
    last = first + len(paper.bands) - 1
    chart.add_series(
        {
            "categories": [sheet.name, first, 0, last, 0],
            "values": [sheet.name, first, 1, last, 1],
            "data_labels": {"value": True},
            "gap": 30,
        }
    )
    chart.set_x_axis({"reverse": True})
    chart.set_y_axis({"visible": False, "major_gridlines": {"visible": False}})
    chart.set_legend({"none": True})
    chart.set_title({"name": str(_("analysis.bands")), "name_font": {"size": 12}})
    sheet.insert_chart(2, 5, chart)


def _sheet(
    book: Any,
    formats: dict[str, Any],
    name: str,
    listed: Sequence[FigureTable],
    *,
    heading: str = "",
    after: Sequence[str] = (),
) -> Any:
    """Write tables below each other on a sheet of their own, and return it."""
    sheet = add_sheet(book, name)
    row = 0
    if heading:
        write_text(sheet, 0, 0, heading, formats["title"])
        row = 2
    for table in listed:
        write_text(sheet, row, 0, table.title, formats["title"])
        for column, shown in enumerate(table.columns):
            write_text(sheet, row + 1, column, shown.head, formats["head"])
        for place, cells in enumerate(table.rows, row + 2):
            for column, (shown, cell) in enumerate(zip(table.columns, cells, strict=True)):
                if isinstance(cell, str):
                    write_text(sheet, place, column, cell, formats["text"])
                elif cell is None:
                    sheet.write_blank(place, column, None, formats["text"])
                else:
                    sheet.write_number(place, column, cell, formats[shown.form])
        row += len(table.rows) + 3
    for sentence in after:
        write_text(sheet, row, 0, sentence, formats["plain"])
        row += 1
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 13, 13)
    sheet.set_paper(9)  # A4
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    return sheet
