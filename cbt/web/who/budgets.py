"""How many tries each kind of secret has: the one place where budgets are set.

Source: R-14.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

WINDOW = timedelta(minutes=5)
MAX_FAILURES = 8
"""Tries of one machine at one account, ticket or seat in a window."""


@dataclass(frozen=True, slots=True)
class Budget:
    """So many tries in a window that begins with the first of them."""

    tries: int
    window: timedelta


SLOWER = Budget(40, timedelta(minutes=15))
"""Tries of all machines together that are not known for an account."""
FROM_ELSEWHERE = Budget(3, timedelta(minutes=15))
"""Tries of one address at an account whose shared budget strangers have used up."""
MOST_OF_STRANGERS = Budget(400, timedelta(minutes=15))
"""All tries of machines that are not known for an account, whatever addresses they come from: 38,400 a day."""
UNKNOWN_NAMES = Budget(20, timedelta(minutes=15))
"""Names of staff that nobody has, from one address, before it goes slowly."""


LOOK_UPS = Budget(600, timedelta(minutes=15))
"""Look-ups of one address: a browser that throws its token away at each of them has no more."""


@dataclass(frozen=True, slots=True)
class SecretScope:
    """What one kind of secret allows.

    `machine` is the budget of one machine at one subject, `whole` that of all of them: where it is `shared`,
    machines not known for the subject are refused beyond it; and when half of it is used, people are told.
    With `elsewhere`, an address that tried less than that is heard even then, up to `most` of all together: whoever
    guesses shuts out their own addresses, and the owner at a new machine waits for none of them.
    """

    machine: Budget = Budget(MAX_FAILURES, WINDOW)
    whole: Budget = SLOWER
    shared: bool = True
    elsewhere: Budget | None = None
    most: Budget = MOST_OF_STRANGERS

    @property
    def alert(self) -> int:
        """From how many tries in the window of the whole somebody should look."""
        return self.whole.tries // 2


SCOPES = {
    # Nobody of the staff has a 登录码 that always works, as candidates have.
    "staff": SecretScope(elsewhere=FROM_ELSEWHERE),
    "ticket": SecretScope(),
    "results": SecretScope(),
    # A desk of the room, over all tickets: its own success does not clear it.
    "seat": SecretScope(whole=Budget(2 * MAX_FAILURES, WINDOW), shared=False),
    # A 登录码 is never refused for what others typed; five tries a seat are no way to find six digits.
    "code": SecretScope(machine=Budget(5, WINDOW), whole=Budget(20, WINDOW), shared=False),
    # Nobody's account: there are 30 to the power of 6 codes of rooms, and machines that guess are told of.
    "bind": SecretScope(shared=False),
    # The first person's own budget of guesses at each colleague, and that of a login at its own old password.
    "second": SecretScope(shared=False),
    "password": SecretScope(shared=False),
    # Anybody looks certificates up: a machine has so many of all, and of each number; nobody has less for another.
    "verify": SecretScope(Budget(60, WINDOW), Budget(20_000, WINDOW), shared=False),
    "cert_number": SecretScope(shared=False),
    "slip": SecretScope(shared=False),
    # What all machines of one address look up, whoever they say they are: an office or a hall shares one.
    "look_ups": SecretScope(LOOK_UPS, LOOK_UPS, shared=False),
}
"""The one place where budgets are set; a scope that is not listed has those of an account."""
OF_PERSONS = frozenset({"ticket", "code", "results", "cert_number", "slip"})
"""Scopes whose subject is a number that names a person: no log holds it whole."""
PAGES_FOR_ALL = Budget(90, WINDOW)
"""Anybody reads what is shown of results: a list of 3,000 twice in a window, in each process that serves."""
ALERTS = Budget(30, timedelta(minutes=15))
"""So many alerts become entries of the log: an unsigned machine with a list of names cannot flood it."""
KNOWN_FOR = timedelta(days=200)
"""A machine that has not signed an account in for so long is not known for it any more."""
MOST_ALERTS = 500
LONGEST = timedelta(hours=1)
"""No window is longer: a counter that began earlier counts nothing."""
