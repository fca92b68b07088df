"""Killed at each system call of a save, a start, a 交卷, a closing, a checkpoint, a migration.

The operation is tried on a fresh copy of the same site, killed at the first call, then at the second, until it
comes through unharmed. After each kill the browser does what it would do: it asks again.

Source: I1, I4, I8.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import flask
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from cbt.audit.chain import GENESIS, HEAD_ID, plain_hashes
from cbt.audit.models import AuditEntry, AuditHead
from cbt.clock import SystemClock
from cbt.config import Settings
from cbt.paths import migrations_dir
from cbt.storage.engine import WRITE
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work
from torture.browsers.client import Browser
from torture.browsers.driver import DrivenBrowser, driver, tampered
from torture.browsers.local import LocalBrowser
from torture.sites.site import LASTS, Site
from torture.trial import Trial

SYSCALLS = {
    "sqlite": ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "openat"),
    "postgresql": ("sendto", "recvfrom"),
}
"""Where an operation meets the disk or the database."""
MOST = 500
BEFORE = 12
"""So many answers are saved before the operation, so that there is something to lose."""
AFTER_THE_END = LASTS + timedelta(minutes=1)

Doing = DrivenBrowser | LocalBrowser
Act = Callable[[Doing], object]


def save(trial: Trial) -> None:
    """Killed while answers are saved."""
    _each(trial, _answered, lambda browser: browser.save(browser.pending[:3]))


def start(trial: Trial) -> None:
    """Killed while a paper is opened."""
    _each(trial, lambda _browser: None, lambda browser: browser.open())


def submit(trial: Trial) -> None:
    """Killed during 交卷 with answers that were not sent before."""
    _each(trial, _answered, lambda browser: browser.submit())


def close(trial: Trial) -> None:
    """Killed while the deadline closes and the closed are scored."""
    due: datetime = SystemClock().now() + AFTER_THE_END

    def close_and_score(browser: Doing) -> None:
        if browser.job("close", now=due) is not None:
            browser.job("score", now=due)

    _each(trial, _answered, close_and_score)


def checkpoint(trial: Trial) -> None:
    """Killed while the log is written back into the database."""

    def save_and_checkpoint(browser: Doing) -> None:
        if browser.save(browser.pending[:3]).status == 200:
            browser.job("checkpoint")

    _each(trial, _answered, save_and_checkpoint)


def migration(trial: Trial) -> None:
    """Killed while the tables are brought up to date; the next upgrade goes through with it."""
    _each(trial, _before_results, lambda browser: browser.job("migrate"))


def _answered(browser: LocalBrowser) -> None:
    browser.open()
    browser.write(BEFORE)
    while browser.pending:
        browser.save(browser.pending[:3])
    browser.write(6)


def _before_results(browser: LocalBrowser) -> None:
    """Go back to the tables before results were kept; the answers stay where they are."""
    _answered(browser)
    browser.pending = []
    _unkey()
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    with db.engine.execution_options(**{WRITE: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")


def _unkey() -> None:
    """Hash the log as the versions before the key did, and take the key away: it is theirs that is brought up."""
    former = GENESIS
    with unit_of_work() as session:
        for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id)):
            entry.prev_hash = former
            entry.hash = former = plain_hashes(former, entry.id, entry.at, entry.fields)[0]
        head = session.get_one(AuditHead, HEAD_ID)
        head.hash, head.key_print, head.mac = former, "", ""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    for path in settings.keys.glob("audit*"):
        path.unlink()
    flask.current_app.extensions.pop("cbt_audit_keys", None)


def _each(trial: Trial, prepare: Callable[[LocalBrowser], object], act: Act) -> None:
    """Try `act`, killed at the N-th of each kind of call, for every N until it comes through."""
    base = trial.site()
    with base.app() as app:
        former = LocalBrowser(base.people[-1], app, base.ledger, random.Random(trial.seed))
        prepare(former)
    for syscall in SYSCALLS[trial.kind]:
        for number in _numbers(trial):
            if not _killed_at(trial, base, former, act, f"{syscall}:signal=SIGKILL:when={number}"):
                break


def _numbers(trial: Trial) -> Iterator[int]:
    """Yield every number (on PostgreSQL every other); in the short run a few, further and further apart."""
    if trial.long:
        yield from range(1, MOST, 1 if trial.kind == "sqlite" else 2)
        return
    number = 1
    for _ in range(trial.times):
        yield number
        number += trial.rng.randint(1, 6)


def _killed_at(trial: Trial, base: Site, former: Browser, act: Act, injection: str) -> bool:
    """Return whether `act` was killed on the way; if so it is asked for again, and everything is compared."""
    site = trial.builder.copy(base)
    rng = random.Random(trial.seed)
    with driver(site.settings) as driven:
        browser = DrivenBrowser(former.person, site.ledger, rng, driven)
        browser.resume(former)
        with tampered([driven.pid], injection, trace=injection.split(":")[0]):
            act(browser)
            if driven.alive:
                driven.ask("rest")
            killed = not driven.alive
    if killed:
        trial.injected()
        with site.app() as app:
            again = LocalBrowser(former.person, app, site.ledger, rng)
            again.resume(browser)
            act(again)
        trial.judge(site)
    trial.builder.discard(site)
    return killed
