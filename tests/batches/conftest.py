"""The tests of batches plan their day like the sittings room's."""

from tests.sittings.conftest import day

__all__ = ["day"]
