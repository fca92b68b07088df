"""Writes what is published from bench/results.json: the READMEs' tables, the city's plan, the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.measured.registry import BY_NAME
from bench.published import city
from bench.published.picture import svg
from bench.published.report import Results, machine_line, markdown
from cbt.paths import write_whole

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
_LEAD = {
    "en": (
        "`make bench` on {machine}. REF, {ref:,.0f} requests/s here, is an empty Flask app that parses and "
        "answers the same JSON; it and the figure alternate in {pairs} pairs, and the ratio is the median of the "
        "pairs. The client took {load:.0%} of one core at most. How each is measured and what limits it: "
        "[docs/measurements.md](docs/measurements.md); a city of 50,000 candidates planned from them: "
        "[docs/city.md](docs/city.md)."
    ),
    "zh": (
        "`make bench`，机器：{machine}。REF 是收发同样 JSON 的空 Flask 应用，在这台机器上每秒 {ref:,.0f} 次；"
        "它与各项交替测 {pairs} 对，取各对比值的中位数。压测客户端最多占一个核的 {load:.0%}。"
        "各项怎么测、受什么限制："
        "[docs/measurements.md](docs/measurements.md)；据此规划一座城市的 5 万名考生："
        "[docs/city.md](docs/city.md)。"
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
        "docs/images/bench.svg",
        "The figures as multiples of what they must be; the table has the numbers.",
    ),
    "zh": ("docs/images/bench.zh.svg", "各项相对“必须”值的倍数；数值见下表。"),
}


def readme_block(results: Results, language: str) -> str:
    """Return what stands between the markers of a README."""
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


def between(text: str, block: str) -> str:
    """Return `text` with `block` between its markers; raise ValueError when it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no place for the figures")
    return f"{before}{BEGIN}\n{block}\n{END}{after}"


def pages(results: Results) -> dict[str, str]:
    """Return every page and picture that the results decide: path below the root -> text."""
    found = {}
    for name, language in (("README.md", "en"), ("README.zh-CN.md", "zh")):
        found[name] = between((ROOT / name).read_text("utf-8"), readme_block(results, language))
    plan = (ROOT / "docs/city.md").read_text("utf-8")
    found["docs/city.md"] = between(plan, city.block(results))
    for language, (path, _) in _PICTURE.items():
        found[path] = svg(results, language)
    found["docs/images/city.svg"] = city.svg(results)
    return found


def write_pages(results: Results) -> list[str]:
    """Write them and return their paths."""
    written = pages(results)
    for name, text in written.items():
        write_whole(ROOT / name, text)
    return list(written)
