"""Rosters of batches are tried on the day of the sittings room."""

from tests.sittings.conftest import day

__all__ = ["day"]
