"""The text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cbt.web.watching.counting import Family, Labels

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def gauge_lines(name: str, text: str, values: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Yield the lines of a gauge; one without values has none."""
    lines = [_line(name, labels, value) for labels, value in values]
    if lines:
        yield from _head(name, text, "gauge")
        yield from lines


def family_lines(family: Family, cells: Sequence[float]) -> Iterator[str]:
    """Yield the lines of a counter or a histogram; `cells` are the sums over all processes, by cell."""
    yield from _head(family.name, family.text, family.kind)
    for number, labels in enumerate(family.series):
        begin = family.first + number * family.width
        values = cells[begin : begin + family.width]
        if not family.from_zero and not any(values):
            continue
        if family.bounds:
            yield from _histogram(family, labels, values)
        else:
            yield _line(family.name, labels, values[0])


def _histogram(family: Family, labels: Labels, values: Sequence[float]) -> Iterator[str]:
    reached = 0.0
    for bound, number in zip((*map(str, family.bounds), "+Inf"), values[:-1], strict=True):
        reached += number
        yield _line(f"{family.name}_bucket", (*labels, ("le", bound)), reached)
    yield _line(f"{family.name}_sum", labels, values[-1])
    yield _line(f"{family.name}_count", labels, reached)


def _head(name: str, text: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _line(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{shown}}} {_number(value)}" if shown else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value)).replace("inf", "+Inf")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
