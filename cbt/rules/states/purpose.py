"""What a sitting is held for: an examination (正式), a trial of the day (试考), or practice (练习).

How a sitting is taken (on machines, on paper) is another question: that is its mode (R-5).
"""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """What a sitting is held for."""

    OFFICIAL = "official"
    TRIAL = "trial"
    PRACTICE = "practice"

    @property
    def counts(self) -> bool:
        """Whether what happens in it is of consequence: results, release, retakes, violations of other papers.

        Source: R-4, R-60.
        """
        return self is Purpose.OFFICIAL
