"""How far a batch is: what each step lacks, which is next, and what a sitting lacks for its day."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cbt.rules.planning.readiness import (
    BatchFacts,
    SittingFacts,
    certificate_steps,
    lacks,
    next_step,
    publicity_steps,
    steps_of,
)
from cbt.rules.states import SittingState

from .builders import clock

NOW = clock("09:00")
READY = SittingFacts(
    "si-1", SittingState.DRAFT, NOW + timedelta(days=3), rooms=2, people=30, undrawn=0, chiefs=1
)
OUT = replace(READY, state=SittingState.PUBLISHED)
FULL = BatchFacts((READY,), people=30, tickets=30, printed=30)
EMPTY = replace(READY, ref="si-2", people=0, chiefs=0)


def step(batch: BatchFacts, code: str) -> str:
    """Return a step as `state reason`, with where it is mended."""
    (found,) = (one for one in steps_of(batch, now=NOW) if one.code == code)
    return f"{found.state} {found.reason} {found.sitting or found.application}".strip()


def test_the_steps_stand_in_the_order_of_the_work() -> None:
    order = ["roster", "photos", "sittings", "seats", "forms", "tickets", "proctors", "publish"]
    for batch in (BatchFacts(), FULL):
        assert [one.code for one in steps_of(batch, now=NOW)] == order


@pytest.mark.parametrize(
    ("batch", "following"),
    [
        pytest.param(BatchFacts(), "sittings", id="nothing is there"),
        pytest.param(BatchFacts((replace(EMPTY, rooms=0),)), "sittings", id="a sitting without rooms"),
        pytest.param(BatchFacts((EMPTY,)), "roster", id="nobody registered"),
        pytest.param(replace(FULL, sittings=(replace(READY, undrawn=30),)), "forms", id="no forms"),
        pytest.param(
            replace(FULL, sittings=(replace(READY, undrawn=30, unarranged=1),)),
            "seats",
            id="seats before forms",
        ),
        pytest.param(
            replace(FULL, sittings=(replace(READY, unattended=("A",)),)), "proctors", id="no proctor"
        ),
        pytest.param(replace(FULL, sittings=(replace(READY, chiefs=0),)), "proctors", id="no chief"),
        pytest.param(replace(FULL, without_photo=3), "publish", id="photos stop nothing"),
        pytest.param(replace(FULL, sittings=(OUT,), without_photo=3), "photos", id="photos can follow"),
        pytest.param(replace(FULL, sittings=(OUT,), printed=3), "tickets", id="tickets can follow"),
        pytest.param(replace(FULL, sittings=(OUT, EMPTY)), "publish", id="a sitting nobody is in"),
        pytest.param(FULL, "publish", id="ready"),
        pytest.param(replace(FULL, sittings=(OUT,)), None, id="published"),
    ],
)
def test_what_is_next(batch: BatchFacts, following: str | None) -> None:
    found = next_step(steps_of(batch, now=NOW))
    assert (found.code if found else None) == following


@pytest.mark.parametrize(
    ("batch", "code", "stands"),
    [
        pytest.param(BatchFacts(), "roster", "optional early", id="no sitting to register for"),
        pytest.param(BatchFacts((EMPTY,)), "roster", "open none", id="nobody"),
        pytest.param(FULL, "roster", "done done", id="people"),
        pytest.param(
            replace(FULL, off_roster=2, application="ap-1"), "roster", "open off_roster ap-1",
            id="some who may sit are in no roster",
        ),
        pytest.param(
            replace(FULL, sittings=(replace(READY, state=SittingState.RELEASED),), without_photo=1),
            "photos", "done without", id="nobody asks for a photo any more, and it is missing",
        ),
        pytest.param(
            replace(FULL, sittings=(replace(READY, state=SittingState.RELEASED),), printed=3),
            "tickets", "done some", id="some tickets were never printed",
        ),
        *(
            pytest.param(BatchFacts((EMPTY,)), code, "waits people", id=f"{code} wait for people")
            for code in ("photos", "seats", "forms", "tickets", "proctors")
        ),
        pytest.param(BatchFacts((EMPTY,)), "publish", "waits before", id="publishing waits"),
        pytest.param(replace(FULL, without_photo=1), "photos", "optional missing si-1", id="a photo missing"),
        pytest.param(FULL, "photos", "done done", id="photos"),
        pytest.param(BatchFacts(), "sittings", "open none", id="no sitting"),
        pytest.param(
            replace(FULL, sittings=(READY, replace(EMPTY, rooms=0))),
            "sittings", "open rooms si-2", id="no room",
        ),
        pytest.param(
            replace(FULL, sittings=(replace(READY, starts_at=NOW),)), "sittings", "open late si-1", id="too late"
        ),
        pytest.param(
            replace(FULL, sittings=(replace(OUT, starts_at=NOW),)), "sittings", "done done", id="published in time"
        ),
        pytest.param(
            replace(FULL, sittings=(replace(READY, outside=True),)),
            "sittings", "optional outside si-1", id="on another day",
        ),
        pytest.param(FULL, "seats", "done done", id="seats"),
        pytest.param(
            replace(FULL, sittings=(replace(READY, unarranged=2),)), "seats", "open arrange", id="as they came"
        ),
        pytest.param(
            replace(FULL, sittings=(READY, replace(READY, ref="si-3", undrawn=2))),
            "forms", "open missing si-3", id="two forms missing",
        ),
        pytest.param(replace(FULL, again=2), "tickets", "optional again si-1", id="tickets to print again"),
        pytest.param(replace(FULL, printed=2), "tickets", "optional missing si-1", id="tickets to print"),
        pytest.param(FULL, "tickets", "done done", id="tickets"),
        pytest.param(FULL, "publish", "open ready si-1", id="to be published"),
        pytest.param(
            replace(FULL, sittings=(replace(READY, undrawn=2), replace(READY, ref="si-3"))),
            "publish", "open ready si-3", id="one of two",
        ),
        pytest.param(replace(FULL, sittings=(OUT, EMPTY)), "publish", "open empty si-2", id="nobody comes"),
        pytest.param(replace(FULL, sittings=(OUT,)), "publish", "done done", id="published"),
    ],
)  # fmt: skip
def test_how_a_step_stands(batch: BatchFacts, code: str, stands: str) -> None:
    assert step(batch, code) == stands


def test_a_sitting_that_was_held_lacks_nothing_any_more() -> None:
    held = replace(READY, state=SittingState.RELEASED, undrawn=3, unattended=("A",), chiefs=0)
    batch = replace(FULL, sittings=(held,), without_photo=2, printed=0, again=4)
    assert {one.state for one in steps_of(batch, now=NOW)} == {"done"}


@pytest.mark.parametrize(
    ("sitting", "missing"),
    [
        pytest.param(READY, [], id="ready"),
        pytest.param(replace(EMPTY, rooms=0), ["rooms", "candidates"], id="nothing"),
        pytest.param(EMPTY, ["candidates"], id="nobody needs a chief where nobody sits"),
        pytest.param(
            replace(READY, unattended=("A",), chiefs=0), ["proctors", "chief"], id="nobody in charge"
        ),
        pytest.param(replace(READY, undrawn=1), ["forms"], id="a form"),
    ],
)
def test_what_a_sitting_lacks(sitting: SittingFacts, missing: list[str]) -> None:
    assert [one.code for one in lacks(sitting)] == missing


OVER = replace(READY, state=SittingState.SCORED, asked=True)
SHOWN = replace(OVER, ref="si-3", shown_until=NOW.date())
DONE = replace(SHOWN, ref="si-4", state=SittingState.RELEASED)


@pytest.mark.parametrize(
    ("sittings", "days", "said"),
    [
        pytest.param((OVER, SHOWN), 0, "open due si-1", id="not shown"),
        pytest.param((SHOWN,), 0, "waits shown", id="its last day"),
        pytest.param((SHOWN,), 1, "open release si-3", id="the day after"),
        pytest.param((replace(SHOWN, objections=2), DONE), 1, "open objections si-3", id="objected to"),
        pytest.param((replace(DONE, rulings=1), SHOWN), 1, "open rulings si-4", id="to be ruled on"),
        pytest.param((replace(DONE, decided=1),), 1, "open rest si-4", id="decided, not released"),
        pytest.param((DONE,), 1, "done done", id="released"),
    ],
)
def test_results_are_shown_and_released_when_a_sitting_is_over(
    sittings: tuple[SittingFacts, ...], days: int, said: str
) -> None:
    batch = replace(FULL, sittings=sittings)
    found = publicity_steps(batch, today=NOW.date() + timedelta(days=days))[-1]
    assert (found.code, f"{found.state} {found.reason} {found.sitting}".strip()) == ("publicity", said)


def test_nothing_is_said_of_results_that_nobody_asks_to_show() -> None:
    batch = replace(FULL, sittings=(replace(OVER, asked=False),))
    assert publicity_steps(batch, today=NOW.date()) == []


OVER = replace(READY, state=SittingState.SCORED)


@pytest.mark.parametrize(
    ("batch", "stands"),
    [
        pytest.param(FULL, [], id="before the exam"),
        pytest.param(replace(FULL, sittings=(replace(OVER, counts=False),)), [], id="a trial"),
        pytest.param(replace(FULL, sittings=(OVER,)), ["waits release"], id="results are not released"),
        pytest.param(
            replace(FULL, sittings=(OVER, replace(OVER, state=SittingState.RELEASED)), certifiable=2),
            ["open ready"],
            id="some may have one",
        ),
        pytest.param(
            replace(FULL, sittings=(replace(OVER, state=SittingState.RELEASED),), certificates=2),
            ["done done"],
            id="issued",
        ),
        pytest.param(
            replace(FULL, sittings=(replace(OVER, state=SittingState.RELEASED),)),
            ["done none"],
            id="nobody passed",
        ),
    ],
)
def test_certificates_follow_the_release(batch: BatchFacts, stands: list[str]) -> None:
    assert [f"{one.state} {one.reason}" for one in certificate_steps(batch)] == stands
