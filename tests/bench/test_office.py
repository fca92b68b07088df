"""What is measured beside an office at work: the figures of it, the officer's browser, and a small office whole."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.figures import Ref
from bench.measured import office as row
from bench.measured.declaring import Ground
from bench.measured.registry import BY_NAME
from bench.office.acts import Done
from bench.office.browser import Browser, NotDone, OverBound
from bench.sizes import QUICK
from bench.traffic.client import HOST
from bench.traffic.open_loop import Paced
from tests.bench_servers import begin_warm
from tests.loops import in_a_thread

begin_warm()
BEGAN = 1000.0


def paced(*saves: tuple[float, float], turned_away: tuple[float, ...] = ()) -> Paced:
    """Return a run of saves: at which second each was due, and how many milliseconds it took."""
    load = Paced(began_at=BEGAN, turned_away_at=list(turned_away))
    load.due_at, load.latencies = [at for at, _ in saves], [ms / 1000 for _, ms in saves]
    return load


def act(name: str, began: float, ended: float, said: str = "") -> Done:
    """Return an act that went on between two seconds of the run."""
    return Done(name, BEGAN + began, BEGAN + ended, said, 0)


ALONE = [(BEGAN, BEGAN + 10)]


def test_a_save_belongs_to_the_act_in_which_it_was_due_and_to_what_followed_until_all_was_as_usual() -> None:
    load = paced(
        (9, 10), (10, 20), (14.9, 900), (15, 700), (19.9, 30), (20, 10_000), turned_away=(9.9, 10, 19, 20)
    )  # fmt: skip
    found = row.facts_of(load, [(act("draw", 10, 15), BEGAN + 20)], ALONE, wanted=["draw"])
    draw = found["acts"]["draw"]
    assert (draw["saves"], draw["max_ms"], draw["refused"]) == (4, 900, 2)
    assert (draw["seconds"], draw["back_s"]) == (5.0, 5.0)
    assert (found["alone_p99_ms"], found["alone_saves"]) == (10.0, 1)


@pytest.mark.parametrize(
    ("alone_ms", "beside_ms", "share", "verdict"),
    [
        pytest.param(10, 100, 1.0, "must", id="100 ms are always allowed"),
        pytest.param(10, 102, 1.02, "missed", id="a little more"),
        pytest.param(80, 160, 1.0, "must", id="twice as long as alone"),
        pytest.param(80, 168, 1.05, "missed", id="longer than that"),
    ],
)
def test_twice_the_p99_alone_is_allowed_and_100_ms_in_any_case(
    alone_ms: float, beside_ms: float, share: float, verdict: str
) -> None:
    done = [(act("draw", 10, 11), BEGAN + 11), (act("bank", 12, 13), BEGAN + 13)]
    load = paced((5, alone_ms), (10, beside_ms), (12, 1))
    found = row.facts_of(load, done, ALONE, wanted=["draw", "bank"])
    assert (found["worst_act"], found["of_allowed"], found["undone"]) == ("draw", share, 0)
    for name in ("office_beside_exam", "postgres_office_beside_exam"):
        assert BY_NAME[name].verdict(found | {"lost": 0, "refused": 0}) == verdict
        assert BY_NAME[name].verdict(found | {"lost": 1, "refused": 0}) == "missed"
        assert BY_NAME[name].verdict(found | {"lost": 0, "refused": 1}) == "missed"


def test_an_act_that_was_refused_or_not_come_to_or_is_not_in_the_database_is_not_done() -> None:
    done = [
        (act("draw", 10, 11, "409 组卷已结束"), BEGAN + 11),
        (act("bank", 12, 13), BEGAN + 13),
        (act("roster", 14, 15), BEGAN + 15),
    ]
    wanted = ["draw", "bank", "roster", "release"]
    found = row.facts_of(paced((5, 10), (10, 10)), done, ALONE, wanted=wanted, missing=["bank"])
    assert found["undone"] == 3
    assert [found["acts"][name]["said"] for name in ("draw", "bank", "roster")] == [
        "409 组卷已结束",
        "the database holds less",
        "",
    ]
    assert BY_NAME["office_beside_exam"].verdict(found | {"lost": 0, "refused": 0}) == "missed"


Reply = tuple[int, dict[str, str], str]


@contextmanager
def site(answer: Callable[[str, str, str], Reply]) -> Iterator[Browser]:
    """Serve with `answer`, given method, path and body, and lend somebody's browser."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            status, headers, body = answer(self.command, self.path, self.rfile.read(length).decode())
            self.send_response(status)
            for name, value in {"Content-Type": "text/html", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = _answer  # the names that http.server asks for

        def log_message(self, *_told: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Browser(server.server_address[1], "login=1", until=time.perf_counter() + 30)
        server.shutdown()


FORM = """<form method="post" action="/other"><input type="hidden" name="no" value="1"></form>
<form method="post" action="/do"><input type="hidden" name="csrf_token" value="t1">
<input type="checkbox" name="people" value="a" checked><input type="checkbox" name="people" value="b">
<input type="checkbox" name="people" value="c" checked disabled><input type="text" name="note" value="old">
<select name="kind"><option value="x">X</option><option value="y" selected>Y</option></select>
<input type="file" name="file"></form>"""


def test_a_form_is_sent_with_what_the_page_put_into_it_and_leads_on() -> None:
    sent: list[tuple[str, str, str]] = []

    def answer(method: str, path: str, body: str) -> Reply:
        sent.append((method, path, body))
        if method == "POST":
            return 303, {"Location": "/done?x=1"}, ""
        return 200, {}, FORM

    with site(answer) as browser:
        assert browser.send("/page", "/do", {"note": "new", "more": ["1", "2"]}).path == "/done?x=1"
        with pytest.raises(NotDone, match="no form for /nothing"):
            browser.send("/page", "/nothing")
    assert sent[1][2] == "csrf_token=t1&people=a&kind=y&note=new&more=1&more=2"


def test_what_is_refused_is_told_and_who_is_told_to_come_again_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.office.browser.AGAIN_SECONDS", (0.01, 0.02))
    statuses = iter([503, 503, 409])
    page = '<div class="notice stop" role="alert"><p>场次已结束</p></div>'
    with site(lambda *_asked: (next(statuses), {}, page)) as browser:
        with pytest.raises(NotDone, match=r"409 .*场次已结束"):
            browser.open("/page")
        assert browser.turned_away == 2


def test_a_job_is_waited_for_and_its_file_fetched_from_where_the_page_links_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bench.office.browser.LOOK_SECONDS", 0.01)
    waits = '<div hx-get="/job/progress?a=1&amp;b=2" hx-trigger="every 1s"></div>'
    parts = iter([(200, {}, waits), (200, {"HX-Refresh": "true"}, waits)])
    pages = iter([waits, '<a href="/files/scores.xlsx?of=1">xlsx</a>'])

    def answer(_method: str, path: str, _body: str) -> Reply:
        if path == "/job/progress?a=1&b=2":
            return next(parts)
        if path.startswith("/files/"):
            return 200, {"Content-Type": "application/octet-stream"}, "PK of a workbook"
        return 200, {}, next(pages)

    with site(answer) as browser:
        assert browser.file_of(browser.open("/job"), ".xlsx") == b"PK of a workbook"


def test_who_is_not_answered_in_time_waits_no_longer() -> None:
    with site(lambda *_asked: (503, {}, "")) as browser:
        browser.until = time.perf_counter() - 1
        with pytest.raises(OverBound):
            browser.open("/page")


@pytest.mark.skipif(sys.platform == "win32", reason="the embedded server has one process there")
def test_an_office_works_beside_an_exam_and_what_it_is_refused_stands_in_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The imports begin a process each, which waits for whatever else a machine does: they are a whole run's.
    wanted = ["draw", "workbook", "tickets", "draw_again", "release", "publicity", "publish"]
    monkeypatch.setattr(row, "ACTS", wanted)
    said: list[str] = []
    ground = Ground(Ref(0, b"", 0.0), QUICK, tmp_path, said.append, {"office_beside_exam"})
    figure = in_a_thread(partial(row.measured_on, ground, "office_beside_exam", ""))
    shown = figure.as_json()
    acts = shown["acts"]
    assert list(acts) == wanted
    assert {name: one["said"] for name, one in acts.items() if one["said"]} == {
        "draw_again": "no such thing is done here"
    }
    assert (shown["undone"], shown["refused"], shown["lost"], shown["candidates"]) == (1, 0, 0, 60)
    assert shown["alone_saves"] > 20
    assert shown["of_allowed"] > 0
    assert BY_NAME["office_beside_exam"].verdict(shown) == "missed", "an act was not done"
