"""What one check says."""

from __future__ import annotations

from dataclasses import dataclass, field

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "X")
"""X: what a fault checks beside them."""
MOST_TOLD = 20


@dataclass
class Verdict:
    """What one invariant's check says: how many things it compared, what it found."""

    invariant: str
    looked_at: int = 0
    findings: list[str] = field(default_factory=list)

    def look(self, holds: bool, what: str) -> None:
        """Count one comparison."""
        self.looked_at += 1
        if not holds and len(self.findings) < MOST_TOLD:
            self.findings.append(what)
