"""One virtual candidate of a rehearsal: a thread that carries out its script over a line of its own."""

from __future__ import annotations

import threading
import time

from cbt.rehearsal.building import Player
from cbt.rehearsal.line import BrowserLine, WireReply
from cbt.rehearsal.script import Script
from cbt.rehearsal.steps import Ask, Rest


class VirtualCandidate(threading.Thread):
    """Sits the paper of one player; `account` is what came of it."""

    def __init__(
        self,
        player: Player,
        port: int,
        *,
        begun: threading.Event,
        stop: threading.Event,
        seconds: float,
        share: float,
        hands_in: bool,
    ) -> None:
        """`share` of the time goes into answering; `begun` is set at 统一开考, `stop` ends everything."""
        super().__init__(name=f"candidate-{player.number}", daemon=True)
        self._script = Script(
            player, seconds=seconds, share=share, hands_in=hands_in, clock=time.monotonic, stopped=stop.is_set
        )
        self.account = self._script.account
        self.ready = threading.Event()
        self._begun, self._stop_all = begun, stop
        self._line = BrowserLine(lambda: port)
        self._line.cookies.update(player.cookies)

    def begins(self, at: float) -> None:
        """Have the script count from an instant."""
        self._script.begun_at = at

    def run(self) -> None:
        """Sit the paper."""
        try:
            self._carry_out()
        finally:
            self.ready.set()
            self._line.hang_up()

    def _carry_out(self) -> None:
        steps, reply = self._script.steps(), None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            reply = self._done(step)

    def _done(self, step: object) -> WireReply | None:
        if isinstance(step, Ask):
            return self._line.ask(step.method, step.path, step.body, step.headers)
        if isinstance(step, Rest):
            self._stop_all.wait(step.seconds)
        else:
            self.ready.set()
            self._begun.wait()
        return None
