"""Writes what is published from bench/results.json: the table, what people feel, the city's plan, the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.measured.registry import BY_NAME
from bench.published import city
from bench.published.felt import felt
from bench.published.picture import svg
from bench.published.report import Results, machine_line, markdown
from cbt.paths import write_whole

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- bench:{place}begin -->", "<!-- bench:{place}end -->"
TABLES = "docs/measurements.md"
READMES = {"en": "README.md", "zh": "README.zh-CN.md"}
_LEAD = {
    "en": (
        "`make bench` on {machine}. REF, {ref:,.0f} requests/s here, is an empty Flask app that parses and "
        "answers the same JSON; it and the figure alternate in {pairs} pairs, and the ratio is the median of the "
        "pairs. The client took {load:.0%} of one core at most."
    ),
    "zh": (
        "`make bench`，机器：{machine}。REF 是收发同样 JSON 的空 Flask 应用，在这台机器上每秒 {ref:,.0f} 次；"
        "它与各项交替测 {pairs} 对，取各对比值的中位数。压测客户端最多占一个核的 {load:.0%}。"
    ),
}
_ELSEWHERE = {
    "en": " The rows of a grown database were measured on another machine: {machine}.",
    "zh": "“大库上的”各行在另一台机器上测得：{machine}。",
}
_AGAIN = {
    "en": (
        " Measured again since, by themselves: {rows}.",
        "{label} ({on})",
        "{label} ({on}, REF {ref:,.0f})",
        "; ",
    ),
    "zh": ("此后单独重测：{rows}。", "{label}（{on}）", "{label}（{on}，REF {ref:,.0f}）", "；"),
}
_PICTURE = {
    "en": (
        "images/bench.svg",
        "The figures as multiples of what they must be; the table has the numbers.",
    ),
    "zh": ("images/bench.zh.svg", "各项相对“必须”值的倍数；数值见下表。"),
}


def table_block(results: Results, language: str) -> str:
    """Return the picture and the table of all figures, with the machine they were taken on."""
    lead = _LEAD[language].format(
        machine=machine_line(results["machine"], language),
        ref=float(results["ref_per_s"]),
        pairs=results["figures"]["save"]["pairs"],
        load=max(figure["load_cpu"] or 0 for figure in results["figures"].values()),
    )
    grown = results.get("growth", results)["machine"]
    if grown != results["machine"]:
        lead += _ELSEWHERE[language].format(machine=machine_line(grown, language))
    lead += _again(results.get("again", {}), language)
    path, words = _PICTURE[language]
    return f"{lead}\n\n![{words}]({path})\n\n{markdown(results, language)}"


def _again(again: Mapping[str, Mapping[str, Any]], language: str) -> str:
    """Return which rows are not of the run that the others are of."""
    if not again:
        return ""
    text, plain, beside_ref, comma = _AGAIN[language]
    rows = []
    for name, said in again.items():
        target, ref = BY_NAME[name], said["ref_per_s"]
        label = target.label_zh if language == "zh" else target.label
        rows.append((plain if ref is None else beside_ref).format(label=label, on=said["on"], ref=ref))
    return text.format(rows=comma.join(rows))


def between(text: str, block: str, place: str = "") -> str:
    """Return `text` with `block` between the markers of this place; raise ValueError when it has none."""
    marks = [mark.format(place=f"{place}:" if place else "") for mark in (BEGIN, END)]
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise ValueError("the page has no place for the figures")
    return f"{before}{begin}\n{block}\n{end}{after}"


def pages(results: Results) -> dict[str, str]:
    """Return every page and picture that the results decide: path below the root -> text."""
    found = {}
    tables = (ROOT / TABLES).read_text("utf-8")
    for language, readme in READMES.items():
        found[readme] = between((ROOT / readme).read_text("utf-8"), felt(results, language))
        tables = between(tables, table_block(results, language), language)
    found[TABLES] = tables
    plan = (ROOT / "docs/city.md").read_text("utf-8")
    found["docs/city.md"] = between(plan, city.block(results))
    for language, (path, _) in _PICTURE.items():
        found[f"docs/{path}"] = svg(results, language)
    found["docs/images/city.svg"] = city.svg(results)
    return found


def write_pages(results: Results) -> list[str]:
    """Write them and return their paths."""
    written = pages(results)
    for name, text in written.items():
        write_whole(ROOT / name, text)
    return list(written)
