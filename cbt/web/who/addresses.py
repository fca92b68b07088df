"""From which addresses the logins and leases of candidates are used, as one process hears it.

Every save asks, so it costs one look into a set; what is new is compared with the seat beside the requests.

Source: R-16, R-42.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import flask

MOST_KNOWN = 200_000
MOST_NEW = 5_000
"""So many wait to be compared; whoever comes then is heard of with their next request."""
_EXTENSION = "cbt_addresses"
Use = tuple[str, str]
"""A registration's ref, and an address."""


class AddressesUsed:
    """What was heard, and what of it is new; from any thread."""

    def __init__(self) -> None:
        self._known = set[Use]()
        self._new = dict[Use, None]()

    def note(self, registration_ref: str, address: str | None) -> None:
        """Note that a login or a lease of a registration was used, rightly otherwise, from an address."""
        use = (registration_ref, address or "")
        if use not in self._known and len(self._new) < MOST_NEW:
            self._new[use] = None

    def take_new(self) -> list[Use]:
        """Return what was not returned before."""
        uses = list(self._new)
        if len(self._known) + len(uses) > MOST_KNOWN:
            self._known.clear()
        self._known.update(uses)
        for use in uses:
            self._new.pop(use, None)
        return uses

    def give_back(self, uses: Iterable[Use]) -> None:
        """Have what could not be compared be new again with the next request from there."""
        self._known.difference_update(uses)


def init_addresses(app: flask.Flask) -> None:
    """Have `app` hear from where logins and leases are used."""
    app.extensions[_EXTENSION] = AddressesUsed()


def addresses_of(app: flask.Flask) -> AddressesUsed:
    """Return what an app has heard."""
    return cast(AddressesUsed, app.extensions[_EXTENSION])
