"""A fresh machine out of namespaces, on which an administrator's commands are typed as they stand."""

from tests.torture.bare.machine import CAN_BE_MADE, PATH, BareMachine, bare_machine

__all__ = ["CAN_BE_MADE", "PATH", "BareMachine", "bare_machine"]
