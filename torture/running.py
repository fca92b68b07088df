"""Runs faults one after the other, each on each database it means something on."""

from __future__ import annotations

import logging
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from torture.sites.postgres import PostgresServer, find_binaries
from torture.sites.site import Builder
from torture.tools import missing
from torture.trial import Fault, Result, Trial


class Workshop:
    """A temporary folder, the templates and, when asked for, a PostgreSQL server."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cbt-torture-"))
        self._server: PostgresServer | None = None
        self._sought = False
        self.builder = Builder(self.folder, self.postgres)

    def postgres(self) -> PostgresServer | None:
        """Return the running server, started at the first call; None where there are no binaries."""
        if not self._sought:
            self._sought = True
            binaries = find_binaries()
            if binaries is not None:
                self._server = PostgresServer(binaries)
                self._server.start()
        return self._server

    def close(self) -> None:
        """Stop what was started and remove every file."""
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Open a workshop for the length of the block."""
    opened = Workshop()
    try:
        yield opened
    finally:
        opened.close()


def lacking(fault: Fault, kind: str, shop: Workshop) -> tuple[str, ...]:
    """Return what this machine lacks for `fault` on `kind`."""
    found = missing(fault.needs)
    if kind == "postgresql" and shop.postgres() is None:
        found.append("postgresql")
    return tuple(found)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the product logs about the faults out of the progress; served processes log to their own file."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def run_fault(fault: Fault, kind: str, shop: Workshop, *, long: bool, seed: int) -> Result:
    """Try one fault on one database. A harness that fails is a finding too (X)."""
    skipped = lacking(fault, kind, shop)
    trial = Trial(
        kind=kind,
        times=fault.long if long else fault.short,
        rng=random.Random(f"{seed}/{fault.name}/{kind}"),
        seed=seed,
        folder=shop.folder,
        builder=shop.builder,
        shop=shop,
        long=long,
    )
    began = time.monotonic()
    if not skipped:
        try:
            with _quiet():
                fault.run(trial)
        except Exception as error:
            trial.expect(False, "X", f"not finished: {type(error).__name__}: {error}"[:2000])
    return Result(
        fault=fault.name,
        kind=kind,
        seconds=round(time.monotonic() - began, 1),
        injections=trial.injections,
        acknowledged=trial.acknowledged,
        looked_at=dict(trial.looked_at),
        broken={name: found for name, found in trial.broken.items() if found},
        figures=dict(trial.figures),
        skipped=skipped,
    )


def run_all(
    faults: Sequence[Fault], shop: Workshop, *, long: bool, seed: int, begins: Callable[[Fault, str], None]
) -> Iterator[Result]:
    """Yield the result of each fault on each database; `begins` is told before."""
    for fault in faults:
        for kind in fault.databases if long else fault.in_short:
            begins(fault, kind)
            yield run_fault(fault, kind, shop, long=long, seed=seed)
