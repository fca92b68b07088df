"""A worker that is forked later has the code of an exam's pages, and uses none of a text that is another."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Mapping

import flask
import pytest
from jinja2 import DictLoader, Environment

from cbt.config import Settings
from cbt.confined.priority import LEISURE
from cbt.errors import Unavailable
from cbt.http import page_cache as codes
from cbt.http.page_cache import PrewarmedBytecode, compiled, give
from cbt.ops import host_resources, prewarm
from cbt.ops.prewarm import pages_of_an_exam
from tests.world import World

TILES = "proctoring/board/parts/_tiles.html"
SOON = 10


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "_given", {})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What is set once the parent has all that it hands on."""
    told = threading.Event()
    monkeypatch.setattr(prewarm, "script_texts", lambda *_: told.set())
    return told


def later_process(app: flask.Flask) -> Environment:
    """Return the environment of a process that is forked from this one."""
    return app.jinja_env.overlay(loader=app.jinja_loader, bytecode_cache=PrewarmedBytecode(), cache_size=50)


def never(*_: object) -> None:
    raise AssertionError("it is compiled again")


def here(_work: object, settings: Settings) -> Mapping[str, bytes]:
    """Make it in this process, which must not become nicer for it."""
    return prewarm.code_of_an_exam(settings)


def test_what_was_given_is_not_compiled_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    give(compiled(world.app, pages_of_an_exam()))
    process = later_process(world.app)
    monkeypatch.setattr(type(process), "compile", never)
    assert process.get_template(TILES).name == TILES


def test_every_app_asks_for_what_was_given(world: World) -> None:
    assert isinstance(world.app.jinja_env.bytecode_cache, PrewarmedBytecode)


def test_a_text_that_is_another_by_now_is_compiled(world: World) -> None:
    app = flask.Flask("former")
    app.jinja_loader = DictLoader({"a.html": "as it was"})  # type: ignore[misc]  # Flask computes it once
    give(compiled(app, ["a.html"]))
    loader = DictLoader({"a.html": "as it is"})
    now = app.jinja_env.overlay(loader=loader, bytecode_cache=PrewarmedBytecode(), cache_size=50)
    assert now.get_template("a.html").render() == "as it is"


def test_a_parent_has_it_made_once_its_workers_serve(
    app: flask.Flask, told: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prewarm, "in_child", here)
    with prewarm.code_given(app.extensions["cbt_settings"], after=0):
        assert told.wait(SOON)
    assert len(codes._given) == len(list(pages_of_an_exam()))


def test_a_server_that_ends_before_makes_nothing(
    app: flask.Flask, told: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prewarm, "in_child", here)
    with prewarm.code_given(app.extensions["cbt_settings"], after=SOON):
        waiting = next(one for one in threading.enumerate() if one.name == "giving")
    waiting.join(SOON)
    assert (waiting.is_alive(), told.is_set(), codes._given) == (False, False, {})


def test_where_it_cannot_be_made_the_log_says_who_does_it(
    app: flask.Flask,
    told: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refused(*_: object) -> Mapping[str, bytes]:
        raise Unavailable("serve.not_prepared")

    monkeypatch.setattr(prewarm, "in_child", refused)
    with prewarm.code_given(app.extensions["cbt_settings"], after=0):
        assert told.wait(SOON)
    assert "compile their pages themselves" in caplog.text


@pytest.mark.skipif(not host_resources.FORKS, reason="no process is forked here")
def test_whoever_is_answered_goes_before_the_child_that_makes_it(
    app: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    nicer: list[int] = []
    monkeypatch.setattr(os, "setpriority", lambda _which, _who, niceness: nicer.append(niceness))
    assert prewarm._made_at_leisure(app.extensions["cbt_settings"])
    assert nicer == [max(LEISURE, os.getpriority(os.PRIO_PROCESS, 0))]


@pytest.mark.skipif(not host_resources.FORKS, reason="no process is forked here")
def test_workers_are_forked_whatever_this_python_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.14 would begin each anew, which loads for seconds what the parent has loaded."""
    set_to: list[str | None] = []
    monkeypatch.setattr(multiprocessing, "set_start_method", lambda how, force=False: set_to.append(how))
    monkeypatch.setattr(host_resources, "_remembered", 0)
    host_resources.begin_as_parent()
    assert set_to == ["fork"]
