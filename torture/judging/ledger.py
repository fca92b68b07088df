"""What browsers sent and what the server said to it: the judge's only witness.

Source: I1, I3, I4, I9, I11, I12.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Number = tuple[int, int]
"""(lease epoch, sequence number): the order of one attempt's entries."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One entry as a browser sent it; `value` is the text that must be stored, None clears."""

    kind: str
    position: int
    value: str | None


@dataclass(frozen=True, slots=True)
class Write:
    """One reply to a request that carried something to store; monotonic seconds."""

    operation: str
    sent_at: float
    answered_at: float
    status: int
    """The HTTP status; 0 when no reply came."""


def stored_text(kind: str, value: Any) -> str | None:
    """Return the bytes the journal must hold for a value, written down here once more on purpose."""
    if value is None or (kind == "flag" and value is False):
        return None
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass
class Ledger:
    """What was sent and acknowledged, by attempt id. Threads of browsers write; nothing is ever taken back."""

    sent: dict[int, dict[Number, Sent]] = field(default_factory=lambda: defaultdict(dict))
    acknowledged: dict[int, dict[Number, str]] = field(default_factory=lambda: defaultdict(dict))
    """(epoch, seq) to the instant of the receipt."""
    starts: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """The lease epochs given out."""
    receipts: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The receipts of 交卷."""
    statuses: Counter[str] = field(default_factory=Counter)
    """How often each operation got each status, as `save 200`; 0 is no reply."""
    writes: list[Write] = field(default_factory=list)
    breaches: list[tuple[str, str]] = field(default_factory=list)
    """(invariant, what happened) of replies that break one by themselves."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def sending(self, attempt_id: int, epoch: int, entries: Sequence[Mapping[str, Any]]) -> None:
        """Write down what a request is about to carry; a repeat keeps what was sent first."""
        with self._lock:
            for one in entries:
                self.sent[attempt_id].setdefault(
                    (epoch, one["seq"]),
                    Sent(one["kind"], one["position"], stored_text(one["kind"], one.get("value"))),
                )

    def acknowledge(self, attempt_id: int, epoch: int, receipts: Sequence[Mapping[str, Any]]) -> None:
        """Write down receipts; a repeat must have the instant of the first."""
        with self._lock:
            for one in receipts:
                first = self.acknowledged[attempt_id].setdefault((epoch, one["seq"]), one["at"])
                if first != one["at"]:
                    self.breaches.append(("I3", f"attempt {attempt_id}: a repeat got another receipt"))

    def started(self, attempt_id: int, epoch: int) -> None:
        """Write down a lease."""
        with self._lock:
            self.starts[attempt_id].append(epoch)

    def handed_in(self, attempt_id: int, receipt: str) -> None:
        """Write down the receipt of 交卷."""
        with self._lock:
            self.receipts[attempt_id].append(receipt)

    def answered(self, operation: str, status: int, *, sent_at: float, carries: bool) -> None:
        """Write down a reply, `status` 0 for none; `carries` when the request had something to store."""
        with self._lock:
            self.statuses[f"{operation} {status}"] += 1
            if carries:
                self.writes.append(Write(operation, sent_at, time.monotonic(), status))

    def breach(self, invariant: str, what: str) -> None:
        """Write down a reply that breaks an invariant by itself."""
        with self._lock:
            self.breaches.append((invariant, what))

    def copy_writes(self) -> list[Write]:
        """Return the replies to requests that carried something, as they stand now."""
        with self._lock:
            return list(self.writes)

    @property
    def acknowledgements(self) -> int:
        """Return how many entries were acknowledged."""
        with self._lock:
            return sum(len(one) for one in self.acknowledged.values())

    def go_back(self, kept: Mapping[int, Collection[Number]]) -> None:
        """Stand where an older copy of the database stands, which kept these numbers: it gives later ones again."""
        with self._lock:
            self.starts.clear()
            for attempt_id, sent in self.sent.items():
                numbers = kept.get(attempt_id, ())
                self.sent[attempt_id] = {number: one for number, one in sent.items() if number in numbers}

    def copy(self) -> Ledger:
        """Return the ledger as it stands at this moment."""
        with self._lock:
            return Ledger(
                sent=copy.deepcopy(self.sent),
                acknowledged=copy.deepcopy(self.acknowledged),
                starts=copy.deepcopy(self.starts),
                receipts=copy.deepcopy(self.receipts),
                statuses=Counter(self.statuses),
                writes=list(self.writes),
                breaches=list(self.breaches),
            )
