"""What a virtual candidate does when time is up, step by step, as the page does it (static/runner/flow.js)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from bench.exam_day.hall import Comer
from bench.exam_day.people import LOOK_EVERY, Examinee
from cbt.rehearsal.http_client import WireReply
from cbt.rehearsal.installation import Player
from cbt.rehearsal.virtual_candidate import Ask, Rest, Script, Steps

SECONDS = 80.0
OPEN, CLOSED = {"clock": {"state": "interacting"}}, {"clock": {"state": "closed"}}
PLAYER = Player(
    4, "T4", "123456", {}, 4, "at-4", {name: f"/{name}" for name in ("clock", "answers", "start", "done")}
)


class Played:
    """Answers what is asked, lets time pass, and notes both."""

    def __init__(self, answers: Callable[[Ask], WireReply]) -> None:
        self.now, self.asked = SECONDS - 5, list[tuple[float, str]]()
        self._answers = answers

    def play(self, script: Script, steps: Steps | None = None) -> None:
        """Play until the paper is closed, or other steps."""
        steps, reply = steps or script.until_closed(), None
        script.lease = "a lease"
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            reply = None
            if isinstance(step, Rest):
                self.now += step.seconds
            elif isinstance(step, Ask):
                assert step.kind != "clock" or step.headers == {"X-CBT-Lease": "a lease"}
                self.asked.append((self.now, step.kind))
                assert len(self.asked) < 20
                reply = self._answers(step)


def said(status: int, body: object) -> WireReply:
    return WireReply(status, json.dumps(body).encode())


def rehearsed(played: Played) -> Script:
    return Script(
        PLAYER, seconds=SECONDS, share=0.8, hands_in=False, clock=lambda: played.now, stopped=lambda: False
    )


def sat(played: Played) -> Examinee:
    return Examinee(
        Comer(PLAYER, 0, "re-4"),
        10,
        seconds=SECONDS,
        all_hand_in=False,
        clock=lambda: played.now,
        stopped=lambda: False,
    )


@pytest.mark.once
def test_in_a_rehearsal_the_clock_is_asked_for_until_it_says_closed() -> None:
    replies = iter([said(200, OPEN), said(503, {}), said(200, OPEN), said(200, CLOSED)])
    played = Played(lambda _ask: next(replies))
    script = rehearsed(played)
    played.play(script)
    assert [kind for _, kind in played.asked] == ["clock"] * 4
    assert script.account.closed
    assert script.account.refused == []


@pytest.mark.once
@pytest.mark.parametrize("shown", [200, 303])
def test_a_paper_counts_as_closed_where_the_page_after_it_is_shown(shown: int) -> None:
    played = Played(lambda ask: said(200, CLOSED) if ask.kind == "clock" else WireReply(shown))
    script = rehearsed(played)
    played.play(script, script._finish())
    assert [kind for _, kind in played.asked] == ["clock", "done"]
    assert script.account.closed is (shown == 200)


@pytest.mark.once
def test_who_lost_the_lease_opens_the_paper_again_and_hears_that_it_is_closed() -> None:
    replies = {"clock": said(409, {"code": "lease.lost"}), "start": said(410, {"code": "attempt.closed"})}
    played = Played(lambda ask: replies[ask.kind])
    script = rehearsed(played)
    played.play(script)
    assert ([kind for _, kind in played.asked], script.account.closed) == (["clock", "start"], True)


@pytest.mark.once
def test_in_the_exam_day_what_is_there_is_sent_at_the_deadline_and_the_closing_is_told() -> None:
    def answer(ask: Ask) -> WireReply:
        one.told_closed = played.now > SECONDS + 7  # by the request that waits, which is not in these steps
        return said(200, OPEN)

    played = Played(answer)
    one = sat(played)
    played.play(one)
    sent, *looks = played.asked
    assert sent == (SECONDS, "heartbeat")
    assert {kind for _, kind in looks} == {"clock"}
    gaps = [after - before for (before, _), (after, _) in zip([sent, *looks], looks, strict=False)]
    assert all(LOOK_EVERY[0] <= gap <= LOOK_EVERY[1] + 0.25 for gap in gaps)
    assert one.account.closed
    assert len(looks) == 2, "told before a third"


@pytest.mark.once
def test_a_paper_that_is_closed_by_then_says_so_at_once() -> None:
    played = Played(lambda _ask: said(410, {"code": "attempt.closed"}))
    one = sat(played)
    played.play(one)
    assert (played.asked, one.account.closed) == ([(SECONDS, "heartbeat")], True)
