"""What is printed and decided from results: verdicts, the check against the committed ratios, the pages."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import check, read_results, write_results
from bench.measured.declaring import Bound
from bench.measured.registry import BY_NAME, TARGETS
from bench.office.acts import ACTS
from bench.published import bearing, city, day, office
from bench.published.pages import between, pages, table_block
from bench.published.picture import bars, svg
from bench.published.report import table
from bench.published.words import LANGUAGES, amount, label

ROOT = Path(__file__).parents[2]


def invented(**ratios: float) -> dict[str, Any]:
    """Return results in which every figure meets its must exactly; `ratios` replace some."""
    figures = {}
    for target in TARGETS:
        figure: dict[str, Any] = {
            "per_s": 1000.0, "p50_ms": 2.0, "p99_ms": 9.0, "ratio": 0.4, "refused": 0, "lost": 0,
            "pairs": 5, "load_cpu": 0.2, "max_ms": 20.0, "candidates": 2000, "rooms": 50, "boards": 125,
        }  # fmt: skip
        for bound in target.bounds:
            figure[bound.field] = bound.reach if bound.must is None else bound.must
        figure["ratio"] = ratios.get(target.name, figure["ratio"])
        figures[target.name] = figure
    figures["exam_day"]["kinds"] = {
        "news": {"count": 9},
        "seat": {"count": 1200, "p50_ms": 3.0, "p99_ms": 9.0},
    }
    for name in office.ROWS:
        act = {"seconds": 12.3, "p99_ms": 41.0, "max_ms": 250.0, "refused": 0, "said": ""}
        figures[name] |= {"alone_p99_ms": 20.0, "acts": {"draw": act, "bank": act | {"said": "409"}}}
    growth = {name: figures.pop(name) for name in list(figures) if name.startswith("growth")}
    return {
        "machine": {"cpu": "a processor", "cores": 2, "system": "Linux", "python": "3.11", "sqlite": "3"},
        "ref_per_s": 20_000.0,
        "figures": figures,
        "facts": {"save_bytes": 600, "bytes_per_attempt": 40_000, "backup_mb_per_s": 50.0},
        "growth": {"figures": growth, "attempts": 1_000_000},
    }


@pytest.mark.parametrize(
    ("bound", "value", "verdict"),
    [
        pytest.param(Bound("ratio", 0.4, 0.55), 0.39, "missed", id="a little under the must"),
        pytest.param(Bound("ratio", 0.4, 0.55), 0.4, "must", id="exactly the must"),
        pytest.param(Bound("ratio", 0.4, 0.55), 0.55, "reach", id="exactly the reach"),
        pytest.param(Bound("p99_ms", 60, 45, least=False), 60.1, "missed", id="slower than it must be"),
        pytest.param(Bound("p99_ms", 60, 45, least=False), 45, "reach", id="as quick as the reach"),
        pytest.param(Bound("seconds", None, 5, least=False), 5.1, "short", id="nothing is a must here"),
        pytest.param(Bound("p99_ms", 50, None, least=False), 1, "must", id="the reach is another figure's"),
    ],
)
def test_a_bound_says_what_a_number_is_worth(bound: Bound, value: float, verdict: str) -> None:
    assert bound.verdict(value) == verdict


def test_the_worst_bound_of_a_figure_counts() -> None:
    save = BY_NAME["save"]
    assert save.verdict({"ratio": 0.6, "p99_ms": 40}) == "reach"
    assert save.verdict({"ratio": 0.6, "p99_ms": 50}) == "must"
    assert save.verdict({"ratio": 0.6, "p99_ms": 61}) == "missed"
    assert save.verdict({"ratio": 0.6, "p99_ms": None}) == ""
    assert BY_NAME["candidates_killed"].verdict({"lost": 1}) == "missed"


def test_the_check_passes_while_no_ratio_is_more_than_15_percent_under_the_committed_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check(invented(save=0.5), invented(save=0.426)) == 0
    printed = capsys.readouterr().out
    assert "TOO SLOW" not in printed
    assert "-15%" in printed


def test_the_check_fails_when_one_ratio_is_more_than_15_percent_under(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check(invented(save=0.5), invented(save=0.424)) == 1
    slow = [line for line in capsys.readouterr().out.splitlines() if "TOO SLOW" in line]
    assert [line.split()[0] for line in slow] == ["save"]


def test_a_check_that_compares_nothing_fails() -> None:
    empty = {**invented(), "figures": {}}
    assert check(empty, invented()) == 1


def test_every_figure_has_its_row_and_every_bound_its_bar() -> None:
    results = invented()
    assert len(table(results).splitlines()) == len(TARGETS) + 2
    for language in ("en", "zh"):
        picture = svg(results, language)
        ElementTree.fromstring(picture)
        for bar in bars(results, language):
            assert bar.share == pytest.approx(1.0)
            assert bar.label in picture


def test_every_row_and_every_bound_has_its_words_in_both_languages() -> None:
    assert len(BY_NAME) == len(TARGETS)
    for language in LANGUAGES:
        assert len({label(target, language) for target in TARGETS}) == len(TARGETS)
        for target in TARGETS:
            for bound in target.bounds:
                assert "1" in amount(bound, 1, language), (target.name, bound.field)
    assert all(label(target, "en") != label(target, "zh") for target in TARGETS)


def test_what_an_office_did_beside_an_exam_stands_act_by_act_and_says_what_was_not_done() -> None:
    assert office.lines(invented())[-2:] == [
        "| 组卷 2,000 份 | 12.3 | 41 | 250 | 0 | 是 |",
        "| 导入题库 10,000 题 | 12.3 | 41 | 250 | 0 | **否** |",
    ]
    assert set(ACTS) == set(office.ACTS)
    assert office.lines({"figures": {}}) == []


def test_a_run_keeps_what_was_measured_on_the_grown_database(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(invented(), path)
    fresh = invented(save=0.7)
    del fresh["growth"]
    write_results(fresh, path)
    stored = json.loads(path.read_text("utf-8"))
    assert stored["figures"]["save"]["ratio"] == 0.7
    assert stored["growth"]["attempts"] == 1_000_000


def test_pages_and_pictures_say_what_the_committed_results_say() -> None:
    for name, text in pages(read_results()).items():
        assert (ROOT / name).read_text("utf-8") == text, f"{name}: run python -m bench --write-pages"


@pytest.mark.parametrize(("language", "said"), [("en", "another machine"), ("zh", "在另一台机器上")])
def test_what_another_machine_has_measured_is_not_said_of_this_one(language: str, said: str) -> None:
    results = read_results()
    for cpu, elsewhere in (("of this machine", False), ("of another", True)):
        grown = results["growth"] | {"machine": results["machine"] | {"cpu": cpu}}
        machine = results["machine"] | {"cpu": "of this machine"}
        lead = table_block(results | {"machine": machine, "growth": grown}, language).split("\n")[0]
        assert [one in lead for one in (said, "of another")] == [elsewhere] * 2


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        between("nothing here", "figures")


def test_what_a_machine_bears_is_the_step_that_ends_first_and_says_where_it_comes_from() -> None:
    results = invented()
    for figure in results["figures"].values():
        figure["per_s"] = 1000.0
    results["figures"]["submit"]["per_s"] = 20.0
    found = bearing.borne(results)
    limit = bearing.least(found)
    assert (limit.step.figure, limit.one) == ("submit", 600)  # half of 20/s for a minute
    said = "\n".join(bearing.lines(results))
    for one in found:
        assert f"`{one.step.figure}`" in said
    two = {one.step.figure: one.two for one in found}
    assert two["wait_poll"] == 2000  # questions are only read: two nodes answer twice as many
    assert two["save"] == 2500  # one PostgreSQL takes no more commits for a second node


def test_the_requests_of_a_day_stand_in_their_order_with_what_is_known_of_each() -> None:
    assert day.lines(invented())[-2:] == [
        "| 座位页 | 1,200 | 3 | 9 | – |",
        "| 等候消息（挂起） | 9 | – | – | – |",
    ]
    found = invented()
    found["figures"]["exam_day"]["kinds"] = {"unheard_of": {"count": 1}, "seat": {"count": 2}}
    assert [line.split(" | ")[0] for line in day.lines(found)[-2:]] == ["| 座位页", "| unheard_of"]
    assert day.lines({"figures": {}}) == []


def test_the_city_takes_more_nodes_when_a_node_does_less() -> None:
    quick = city.capacity(invented())
    slow = invented()
    slow["figures"]["postgres_save"]["per_s"] = 500.0
    assert city.nodes(50_000, quick) == 21  # 10,000 saves/s over half of 1,000/s, and a spare
    assert city.nodes(50_000, city.capacity(slow)) == 41
    ElementTree.fromstring(city.svg(slow))
