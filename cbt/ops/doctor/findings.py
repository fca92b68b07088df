"""What a check examines and finds: the settings and the server on them; a grade, a code with two texts."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cbt.config import Settings, Sourced
from cbt.console.texts import explain, text
from cbt.errors import CbtError
from cbt.ops.host_resources import server_of

PATIENCE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Patient:
    """An installation as it is found; `now` is this machine's wall clock (aware UTC)."""

    sourced: Sourced
    now: datetime
    holder: str
    """What the running server wrote of itself, "" when none holds the data folder."""
    url: str = ""
    """Where browsers reach it, when whoever asks has said so."""
    every_page: bool = False
    """Every page of the database is asked for, however large it is."""

    @property
    def settings(self) -> Settings:
        return self.sourced.settings

    @property
    def server_pid(self) -> int | None:
        match = re.search(r"pid (\d+)", self.holder)
        return int(match[1]) if match else None

    @property
    def served_at(self) -> str:
        port = re.search(r"port (\d+)", self.holder)
        scheme = "https" if self.settings.tls_cert is not None else "http"
        host = self.settings.host if self.settings.host not in ("0.0.0.0", "::") else "127.0.0.1"
        return f"{scheme}://{host}:{port[1] if port else self.settings.port}"


def patient(sourced: Sourced, *, now: datetime, url: str, every_page: bool = False) -> Patient:
    try:
        holder = server_of(sourced.settings)
    except OSError:
        holder = ""  # who may not look there is told by a check
    return Patient(sourced, now, holder, url.rstrip("/"), every_page)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered: status and text; 0 and why, when nothing did."""

    status: int
    text: str
    strict: bool = False
    """Whether browsers are told never to come back without https."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirection to another place."""

    def redirect_request(self, *_: object) -> None:
        return None


def fetch(address: str) -> Fetched:
    """Ask an address of this installation, whoever signed its certificate, which another check looks at."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting), _Stay()
    )
    try:
        with opener.open(address, timeout=PATIENCE_SECONDS) as answer:
            strict = "Strict-Transport-Security" in answer.headers
            return Fetched(answer.status, answer.read().decode("utf-8", "replace"), strict)
    except urllib.error.HTTPError as refused:
        with refused:
            return Fetched(refused.code, refused.read().decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return Fetched(0, type(reason).__name__)


# What a check finds: a grade, a code with two texts, and what they name.
#
# A check is an entry of `CHECKS`: its codes with how grave each is, and a function that looks and yields
# them. What is so is the text `doctor.<check>.<code>`, the next command `doctor.<check>.<code>.fix`; an
# error of the
# product that stands in the way is yielded as it is, and says both itself.


class Grade(StrEnum):
    """How grave a finding is. NONE: there is nothing to look at, which is neither good nor bad."""

    OK = "ok"
    NONE = "none"
    WARN = "warn"
    FAIL = "fail"


GRAVEST = (Grade.OK, Grade.WARN, Grade.FAIL)


@dataclass(frozen=True, slots=True)
class Symptom:
    """What a check saw: one of its codes, and what the texts of it name."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


Seen = Iterator[Symptom | CbtError]


@dataclass(frozen=True, slots=True)
class Check:
    """How grave each code of a check is, and what looks and yields at least one finding."""

    codes: Mapping[str, Grade]
    examine: Callable[[Patient], Seen]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the answer: which check, how grave, what is so and what to do; "" where nothing is to be done."""

    check: str
    grade: Grade
    code: str
    what: str
    fix: str


def diagnosis(check: str, codes: Mapping[str, Grade], seen: Symptom | CbtError) -> Diagnosis:
    """Return a finding in words."""
    if isinstance(seen, CbtError):
        what, fix = explain(seen)
        return Diagnosis(check, Grade.FAIL, seen.code, what, fix)
    named = {name: _listed(value) for name, value in seen.params.items()}
    grade, name = codes[seen.code], f"doctor.{check}.{seen.code}"
    fix = text(f"{name}.fix", **named) if grade in (Grade.WARN, Grade.FAIL) else ""
    return Diagnosis(check, grade, seen.code, text(name, **named), fix)


def _listed(value: object) -> object:
    return text("ui.comma").join(map(str, value)) if isinstance(value, list) else value


def worst(diagnoses: list[Diagnosis]) -> Grade:
    """Return the gravest grade; where there is nothing to look at, nothing is wrong."""
    return max(
        (one.grade for one in diagnoses if one.grade is not Grade.NONE), key=GRAVEST.index, default=Grade.OK
    )
