"""One examination: the settings first, and on them every check, none of which can stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from cbt.config import Sourced
from cbt.errors import CbtError
from cbt.ops.doctor.checks import CHECKS
from cbt.ops.doctor.findings import Check, Diagnosis, Grade, Symptom, diagnosis
from cbt.ops.doctor.patient import Patient, patient

CODES = {"unforeseen": Grade.FAIL}


def examine(read: Callable[[], Sourced], *, now: datetime, url: str = "") -> list[Diagnosis]:
    """Return what every check found; settings that cannot be read leave nothing else to look at."""
    try:
        whole = patient(read(), now=now, url=url)
    except CbtError as refused:
        return [diagnosis("settings", {}, refused)]
    return [found for name, check in CHECKS.items() for found in _findings(name, check, whole)]


def _findings(name: str, check: Check, whole: Patient) -> Iterator[Diagnosis]:
    try:
        for seen in check.examine(whole):
            yield diagnosis(name, check.CODES, seen)
    except Exception as error:  # the doctor tells what is wrong, whatever it is, and goes on
        seen = Symptom("unforeseen", {"check": name, "kind": type(error).__name__})
        yield diagnosis("any", CODES, seen)
