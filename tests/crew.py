"""Workers of a run, forked from the process that has loaded and collected everything (Linux): `--workers 3`.

Workers of xdist begin with nothing: each would load the product and put eleven thousand cases together for itself.
Files go to whoever is free, each as a whole. Of a case that passed it is told that it did, not how it began; who
asks how long each part took is told of all.
"""

from __future__ import annotations

import atexit
import os
import struct
import sys
import traceback
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from multiprocessing import connection
from pathlib import Path
from typing import Any, Never

import pytest

from tests.shared import WORKER

CAN_FORK = sys.platform == "linux"
_NUMBER = struct.Struct("I")
_TOOK, _ENDED = "took", "ended"

File = Sequence[pytest.Item]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option; without it, and where nothing can be forked, one process runs all cases."""
    words = "how many forks of this process share the files of tests (Linux)"
    parser.addoption("--workers", type=int, default=0, help=words)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Have workers run the cases, if they are asked for."""
    workers, option = session.config.getoption("--workers"), session.config.option
    if not workers or not CAN_FORK or option.collectonly or session.testsfailed:
        return None
    files = [list(cases) for _, cases in groupby(session.items, key=lambda item: item.path)]
    Crew(session, files).run(workers)
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    return True


class Files:
    """The files that nobody has taken yet, as numbers in a pipe that all workers read from."""

    def __init__(self, count: int) -> None:
        self._read, write = os.pipe()
        with os.fdopen(write, "wb", buffering=0) as pipe:
            pipe.write(b"".join(map(_NUMBER.pack, range(count))))

    def take(self) -> int | None:
        """Return the next one; None when all are taken."""
        told = os.read(self._read, _NUMBER.size)
        return int(_NUMBER.unpack(told)[0]) if told else None

    def take_all(self) -> None:
        """Leave nothing for anybody."""
        while os.read(self._read, 1 << 16):
            pass

    def close(self) -> None:
        """Let go of them."""
        os.close(self._read)


class Worker:
    """A fork, as its parent knows it: what it has still to do of the files that it took."""

    def __init__(self, pid: int, told: connection.Connection, cases: Sequence[pytest.Item]) -> None:
        self.pid = pid
        self.told = told
        self.cases = list(cases)


class Crew:
    """Forks workers, tells pytest what they tell, and forks another one for one that died."""

    def __init__(self, session: pytest.Session, files: Sequence[File]) -> None:
        self._session = session
        self._files = files
        self._left = Files(len(files))
        self._workers: dict[connection.Connection, Worker] = {}
        self._begun = 0

    def run(self, workers: int) -> None:
        """Have all cases run."""
        _folders(self._session).getbasetemp()  # theirs are to lie in one
        try:
            for _ in range(min(workers, len(self._files))):
                self._begin([])
            while self._workers:
                for told in connection.wait(self._workers):
                    self._hear(self._workers[told])  # type: ignore[index]  # they are connections, as we gave them
                if self._session.shouldfail:
                    self._left.take_all()
        finally:
            self._left.close()
            for worker in self._workers.values():
                os.waitpid(worker.pid, 0)

    def _begin(self, cases: Sequence[pytest.Item]) -> None:
        """Fork a worker that begins with `cases`."""
        threads = len(list(Path("/proc/self/task").iterdir()))
        assert threads == 1, "a thread was begun while files were loaded: no fork takes it along"
        told, tell = connection.Pipe(duplex=False)
        number, self._begun = self._begun, self._begun + 1
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            told.close()
            _work(self._session, number, cases, self._files, self._left, tell)
        tell.close()
        self._workers[told] = Worker(pid, told, cases)

    def _hear(self, worker: Worker) -> None:
        try:
            kind, found = worker.told.recv()
        except EOFError:
            self._gone(worker)
            return
        if kind == _TOOK:
            worker.cases += self._files[found]
            return
        case = worker.cases.pop(0)
        hook = self._session.config.hook
        hook.pytest_runtest_logstart(nodeid=case.nodeid, location=case.location)
        for one in found:
            hook.pytest_runtest_logreport(
                report=hook.pytest_report_from_serializable(config=self._session.config, data=one)
            )
        hook.pytest_runtest_logfinish(nodeid=case.nodeid, location=case.location)

    def _gone(self, worker: Worker) -> None:
        """See a worker out; the case that it was at has failed when it did not come to its end."""
        del self._workers[worker.told]
        worker.told.close()
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        if self._session.shouldfail:
            return
        if not worker.cases:
            assert code == 0, f"a worker that had nothing left to do ended, status {code}"
            return
        case, *rest = worker.cases
        why = f"the worker at this case ended, status {code}"
        report = pytest.TestReport(case.nodeid, case.location, {}, "failed", why, "call")
        self._session.config.hook.pytest_runtest_logreport(report=report)
        self._begin(rest)


class _Teller:
    """Keeps the reports of the case at hand."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._of_all = config.option.durations is not None or bool(config.option.xmlpath)
        self._kept: list[Any] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what is worth telling."""
        if (
            self._of_all
            or report.when == "call"
            or not report.passed
            or report.sections
            or report.user_properties
        ):
            hook = self._config.hook
            self._kept.append(hook.pytest_report_to_serializable(config=self._config, report=report))

    def take(self) -> list[Any]:
        """Return what was kept since."""
        kept, self._kept = self._kept, []
        return kept


def _work(
    session: pytest.Session,
    number: int,
    cases: Sequence[pytest.Item],
    files: Sequence[File],
    left: Files,
    tell: connection.Connection,
) -> Never:
    """Be a worker from beginning to end."""
    try:
        teller = _become(session, number)
        for case, following in one_after_another(cases, files, left, tell):
            session.config.hook.pytest_runtest_protocol(item=case, nextitem=following)
            tell.send((_ENDED, teller.take()))
            if session.shouldfail:
                break
        session._setupstate.teardown_exact(None)
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    # The interpreter is not taken down: to give a heap of this size back piece by piece takes seconds.
    os._exit(0)


def _folders(session: pytest.Session) -> pytest.TempPathFactory:
    made: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]  # no public name
    return made


def _become(session: pytest.Session, number: int) -> _Teller:
    """Make this process a worker: with a folder and captured files of its own, and silent."""
    config = session.config
    os.environ[WORKER] = str(number)
    factory = _folders(session)
    factory._basetemp = factory.getbasetemp() / f"worker-{number}"
    factory._basetemp.mkdir(mode=0o700)
    capturing = config.pluginmanager.getplugin("capturemanager")
    capturing.stop_global_capturing()
    capturing.start_global_capturing()
    capturing.suspend_global_capture()
    config.pluginmanager.unregister(name="terminalreporter")
    teller = _Teller(config)
    config.pluginmanager.register(teller)
    return teller


def one_after_another(
    cases: Sequence[pytest.Item], files: Sequence[File], left: Files, tell: connection.Connection
) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Yield case after case, each with the next one, by which pytest knows what fixtures may stay.

    A file is taken when the last case of the one before is due, so that nobody sits on what another could run.
    """

    def take() -> Sequence[pytest.Item]:
        number = left.take()
        if number is None:
            return ()
        tell.send((_TOOK, number))
        return files[number]

    now = cases or take()
    while now:
        yield from pairwise(now)
        following = take()
        yield now[-1], following[0] if following else None
        now = following
