"""How often a machine may ask for what is no secret and costs next to nothing: counted in the memory of a process.

What guards a secret is counted on disk, before it is looked at (throttle.py). A page that everybody may read is
answered from memory, and a count that waits for a commit would cost many times what it guards.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime

from cbt.errors import TooMany
from cbt.web.who.budgets import PAGES_FOR_ALL, Budget

MOST_MACHINES = 20_000
"""So many are counted in a process; the one that began the longest ago is forgotten first."""


class Allowance:
    """What is left of a budget to each machine; from any thread."""

    def __init__(self, budget: Budget = PAGES_FOR_ALL, *, most: int = MOST_MACHINES) -> None:
        self._budget, self._most = budget, most
        self._tries: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, machine: str, *, now: datetime) -> None:
        """Count one request of a machine; raise TooMany("sign_in.throttled", seconds=…) beyond the budget."""
        budget = self._budget
        with self._lock:
            since, tries = self._tries.get(machine, (now, 0))
            if now >= since + budget.window:
                since, tries = now, 0
                self._tries.pop(machine, None)  # a window that begins now is the last to be forgotten
            self._tries[machine] = since, min(tries, budget.tries) + 1
            if len(self._tries) > self._most:
                self._tries.popitem(last=False)
        if tries >= budget.tries:
            raise TooMany("sign_in.throttled", seconds=int((since + budget.window - now).total_seconds()) + 1)
