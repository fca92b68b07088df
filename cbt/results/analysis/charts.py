"""Charts of the analysis as SVG: one drawing for the page, which styles it, and for paper, with its style.

Source: R-97.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from markupsafe import Markup

from cbt.results.analysis.figures import METHODS, FormPair, ItemReport, PaperReport
from cbt.results.analysis.tables import choice_name

WIDTH, HEIGHT = 640, 256
_LEFT, _RIGHT, _TOP, _BOTTOM = 16, 16, 40, 30
MAP_HEIGHT = 320
_MAP_LEFT, _MAP_TOP, _MAP_BOTTOM = 40, 14, 34
SMALL_WIDTH, SMALL_HEIGHT = 260, 150
_PAPER_STYLE = """<style>
text { font-family: "Noto Sans SC"; font-size: 12px; text-anchor: middle; fill: #222 }
.count { font-weight: bold } .start { text-anchor: start } .end { text-anchor: end }
.span { stroke-width: 2 } .span.point { stroke: #2f6db5 } .span.look { stroke: #b3261e }
.pass, .point { fill: #2f6db5 } .fail { fill: #d5d9e0; stroke: #8a93a3 } .look { fill: #b3261e }
.base, .tick { stroke: #8a93a3 } .mark, .grid { stroke: #8a93a3; stroke-dasharray: 5 4 }
.line { fill: none; stroke: #6b7280; stroke-width: 1.5 } .line.key { stroke: #2f6db5; stroke-width: 3 }
.line.mean { stroke-dasharray: 1 4 } .line.linear { stroke-dasharray: 10 4 2 4 }
.line.levine { stroke-dasharray: 8 4 } .line.circle_arc { stroke-dasharray: 3 3 }
.line.tucker { stroke: #2f6db5; stroke-width: 2.5 }
</style>"""
"""What static/results/analysis.css says on the page, in the colours of paper."""


def on_paper(drawing: Markup) -> bytes:
    """Return a drawing that stands by itself."""
    head, rest = str(drawing).split(">", 1)
    return f'{head} xmlns="http://www.w3.org/2000/svg">{_PAPER_STYLE}{rest}'.encode()


def _drawing(width: int, height: int, label: str, parts: Sequence[Markup]) -> Markup:
    frame = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return frame.format(width, height, label, Markup("").join(parts))


def _text(x: float, y: float, text: object, kind: str = "") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, text)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, x1, y1, x2, y2
    )


def bands(paper: PaperReport) -> Markup:
    """Draw how many scores lie in each tenth of the full marks, and where the pass mark stands."""
    step = (WIDTH - _LEFT - _RIGHT) / len(paper.bands)
    base, tallest = HEIGHT - _BOTTOM, max(*paper.bands, 1)
    parts = []
    for place, count in enumerate(paper.bands):
        low = paper.points * place / len(paper.bands)
        x, high = _LEFT + step * place, (base - _TOP) * count / tallest
        if count:
            kind = "pass" if low >= paper.pass_points else "fail"
            parts.append(
                Markup(
                    '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"/>'
                ).format(kind, x + 4, base - high, step - 8, high)
            )
            parts.append(_text(x + step / 2, base - high - 6, count, "count"))
        parts += [_line(x, base, x, base + 5, "tick"), _text(x, base + 20, f"{low:g}")]
    end = WIDTH - _RIGHT
    mark = _LEFT + (end - _LEFT) * paper.pass_points / paper.points
    parts += [
        _line(end, base, end, base + 5, "tick"),
        _text(end - 2, base + 20, f"{paper.points:g}"),
        _line(0, base, WIDTH, base, "base"),
        _line(mark, 4, mark, base, "mark"),
        _text(mark + 6, 15, _("results.chart.pass_line", points=f"{paper.pass_points:g}"), "start"),
    ]
    label = _("analysis.chart.bands", paper=paper.title, n=paper.n, mean=f"{paper.mean.value or 0:.1f}")
    return _drawing(WIDTH, HEIGHT, label, parts)


def item_map(paper: PaperReport) -> Markup:
    """Draw each item as a point by its difficulty and its discrimination; those to be looked at stand out."""
    base, end = MAP_HEIGHT - _MAP_BOTTOM, WIDTH - _RIGHT

    def across(share: float) -> float:
        return _MAP_LEFT + (end - _MAP_LEFT) * share

    def down(d: float) -> float:
        return base - (base - _MAP_TOP) * (min(max(d, -0.4), 1) + 0.4) / 1.4

    parts = []
    for tenths in range(0, 11, 2):
        parts += [
            _line(across(tenths / 10), base, across(tenths / 10), base + 5, "tick"),
            _text(across(tenths / 10), base + 20, f"{tenths / 10:.1f}"),
        ]
    for d in (-0.4, 0.0, 0.2, 0.3, 0.4, 1.0):
        parts += [
            _line(_MAP_LEFT, down(d), end, down(d), "base" if d in (-0.4, 0.0) else "grid"),
            _text(_MAP_LEFT - 6, down(d) + 4, f"{d:.1f}", "end"),
        ]
    for item in paper.items:
        if item.difficulty.value is not None and item.discrimination.value is not None:
            kind = "look" if item.flags else "point"
            x, y = across(item.difficulty.value), down(item.discrimination.value)
            shape = (
                Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="8" height="8"><title>{}</title></rect>')
                if item.flags
                else Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>')
            )
            shift = 4 if item.flags else 0
            parts.append(shape.format(kind, x - shift, y - shift, item.column.ref))
    label = _("analysis.chart.items", paper=paper.title, count=len(paper.items), flagged=len(paper.flagged))
    return _drawing(WIDTH, MAP_HEIGHT, label, parts)


PLACE_WIDTH, PLACE_HEIGHT, PLACE_LEFT = 560, 26, 150
MOST_PLACES = 30
"""So many rooms or centres are drawn: the largest."""
_NAME = 9
"""So many signs of a name have room."""


def places(paper: PaperReport) -> Markup | None:
    """Draw the mean of each place with its interval, and the mean of all; None where fewer than two have any."""
    told = [place for place in paper.by_place if place.interval is not None and place.mean is not None]
    kept = {place.name for place in sorted(told, key=lambda place: -place.n)[:MOST_PLACES]}
    shown = [(place, place.interval) for place in told if place.name in kept and place.interval is not None]
    if len(shown) < 2 or paper.mean.value is None:
        return None
    bounds = [
        bound
        for place, interval in shown
        for bound in (interval.low, interval.high, place.mean)
        if bound is not None
    ]
    low = max(0.0, 10 * (min(bounds) // 10))
    high = min(paper.points, 10 * (max(bounds) // 10 + 1))
    base, end = _TOP / 2 + PLACE_HEIGHT * len(shown), PLACE_WIDTH - 34

    def across(points: float) -> float:
        return PLACE_LEFT + (end - PLACE_LEFT) * (min(max(points, low), high) - low) / ((high - low) or 1)

    step = 10 if high - low <= 60 else 20
    parts = [
        part
        for points in range(int(low), int(high) + 1, step)
        for part in (
            _line(across(points), base, across(points), base + 5, "tick"),
            _text(across(points), base + 20, points),
        )
    ]
    mean = across(paper.mean.value)
    parts += [
        _line(PLACE_LEFT, base, end, base, "base"),
        _line(mean, 14, mean, base, "mark"),
        _text(mean, 11, _("analysis.chart.all", mean=f"{paper.mean.value:.1f}")),
    ]
    for number, (place, interval) in enumerate(shown):
        y = _TOP / 2 + PLACE_HEIGHT * (number + 0.5)
        stands_out = place.apart is not None and place.apart.stands_out
        kind = "look" if stands_out else "point"
        name = place.name if len(place.name) <= _NAME else f"{place.name[: _NAME - 1]}…"
        x = across(place.mean or 0.0)
        if interval.low is not None and interval.high is not None:
            parts.append(_line(across(interval.low), y, across(interval.high), y, f"span {kind}"))
        shape = (
            Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="10" height="10"><title>{}</title></rect>')
            if stands_out
            else Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="5"><title>{}</title></circle>')
        )
        shift = 5 if stands_out else 0
        parts += [
            _text(PLACE_LEFT - 10, y + 4, name, "end"),
            shape.format(kind, x - shift, y - shift, f"{place.name} {place.mean:.1f}"),
            _text(end + 6, y + 4, place.n, "start"),
        ]
    label = _("analysis.chart.places", paper=paper.title, count=len(shown), mean=f"{paper.mean.value:.1f}")
    return _drawing(PLACE_WIDTH, int(base) + _BOTTOM, label, parts)


EQUATING_WIDTH, EQUATING_HEIGHT = 440, 400


def equivalents(paper: PaperReport, pair: FormPair) -> Markup:
    """Draw what points of the new form are worth in the reference form, a line a method against the diagonal."""
    base, end, top, left = EQUATING_HEIGHT - 44, EQUATING_WIDTH - 14, 14, 44

    def across(points: float) -> float:
        return left + (end - left) * points / paper.points

    def down(points: float) -> float:
        return base - (base - top) * min(max(points / paper.points, 0), 1)

    parts = []
    for tenths in range(0, 11, 2):
        points = paper.points * tenths / 10
        parts += [
            _line(left, down(points), end, down(points), "grid" if tenths else "base"),
            _text(left - 6, down(points) + 4, f"{points:g}", "end"),
            _line(across(points), base, across(points), base + 5, "tick"),
            _text(across(points), base + 19, f"{points:g}"),
        ]
    mark = paper.pass_points
    parts += [
        _line(left, base, end, top, "base"),
        _line(across(mark), top, across(mark), base, "mark"),
        _text(across(mark) + 5, base - 8, _("results.chart.pass_line", points=f"{mark:g}"), "start"),
        _text((left + end) / 2, EQUATING_HEIGHT - 6, _("analysis.equating.at")),
    ]
    for place, method in enumerate(METHODS):
        path = " ".join(f"{across(row.at):.1f},{down(row.by_method[place].points):.1f}" for row in pair.rows)
        parts.append(Markup('<polyline class="line {}" points="{}"/>').format(method, path))
        y = top + 14 + 20 * place
        parts += [
            _line(left + 10, y - 4, left + 44, y - 4, f"line {method}"),
            _text(left + 52, y, _(f"analysis.equating.method.{method}"), "start"),
        ]
    label = _("analysis.chart.equating", paper=paper.title, new=pair.new + 1, old=pair.old + 1)
    return _drawing(EQUATING_WIDTH, EQUATING_HEIGHT, label, parts)


def choice_lines(item: ItemReport) -> Markup:
    """Draw which part of the weakest, the middle and the best took each choice of an item."""
    base, top, left, end = SMALL_HEIGHT - 24, 10, 36, SMALL_WIDTH - 70
    parts = []
    for tenths in (0, 5, 10):
        y = base - (base - top) * tenths / 10
        parts += [
            _line(left, y, end, y, "grid" if tenths else "base"),
            _text(left - 6, y + 4, f"{10 * tenths}%", "end"),
        ]
    places = [left + (end - left) * share for share in (0.08, 0.5, 0.92)]
    for x, name in zip(places, ("bottom", "middle", "top"), strict=True):
        parts.append(_text(x, base + 17, _(f"analysis.group.{name}")))
    ends: dict[int, list[str]] = {}
    for number, choice in enumerate(item.choices):
        shares = [choice.bottom, choice.middle, choice.top]
        points = [
            (x, base - (base - top) * share)
            for x, share in zip(places, shares, strict=True)
            if share is not None
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        kind = "line key" if choice.key else "line"
        parts.append(Markup('<polyline class="{}" points="{}"/>').format(kind, path))
        if points:
            ends.setdefault(round(points[-1][1] / 11), []).append(choice_name(item, number))
    for place, names in ends.items():  # those that end at one height have one label
        parts.append(_text(places[-1] + 8, 11 * place + 4, " ".join(names), "start"))
    label = _("analysis.chart.choices", item=item.column.ref)
    return _drawing(SMALL_WIDTH, SMALL_HEIGHT, label, parts)
