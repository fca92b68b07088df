"""Workers of a run, forked from the process that has loaded and collected everything (Linux): `--workers 3`.

Workers of xdist begin with nothing: each would load the product and put all cases together for itself. Files go to
whoever is free, each as a whole, and journeys evenly among the others: a journey waits for pages a good deal of
its time, other cases compute. Of a case that passed it is told that it did, not how it began; who asks how long
each part took is told of all.
"""

from __future__ import annotations

import atexit
import os
import sys
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from multiprocessing import connection
from pathlib import Path
from typing import Any, Never

import pytest

from tests.fork_server import CAN_FORK, end_with_parent
from tests.run_cache import WORKER

JOURNEYS = Path(__file__).with_name("journeys")
UNTIL = 0.85
"""The part of all other cases among which journeys begin: none is left to one worker alone at the end."""

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
    ForkedRunner(session, journeys_spread(files)).run(workers)
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    return True


def journeys_spread(files: Sequence[File]) -> list[File]:
    """Return the files with those of journeys evenly among the others, each kind in its order."""
    journeys = [file for file in files if JOURNEYS in file[0].path.parents]
    others = [file for file in files if JOURNEYS not in file[0].path.parents]
    step = UNTIL * sum(map(len, others)) / max(1, len(journeys))
    spread: list[File] = []
    taken = begun = 0
    for file in others:
        while begun < len(journeys) and taken >= step * begun:
            spread.append(journeys[begun])
            begun += 1
        spread.append(file)
        taken += len(file)
    return spread + journeys[begun:]


class Worker:
    """A fork, as its parent knows it: where it is told its files, and what it has still to do of the last one."""

    def __init__(self, pid: int, line: connection.Connection) -> None:
        self.pid = pid
        self.line = line
        self.left: list[pytest.Item] = []


class ForkedRunner:
    """Forks workers, tells pytest what they tell, and forks another one for one that died."""

    def __init__(self, session: pytest.Session, files: Sequence[File]) -> None:
        self._session = session
        self._files = [*files]
        self._left = deque(range(len(files)))
        self._workers: dict[connection.Connection, Worker] = {}
        self._begun = 0

    def run(self, workers: int) -> None:
        """Have all cases run."""
        _folders(self._session).getbasetemp()  # theirs are to lie in one
        try:
            for _ in range(min(workers, len(self._files))):
                self._begin()
            while self._workers:
                for line in connection.wait(self._workers):
                    self._hear(self._workers[line])  # type: ignore[index]  # they are connections, as we gave them
        finally:
            for worker in self._workers.values():
                worker.line.close()
                os.waitpid(worker.pid, 0)

    def _begin(self) -> None:
        """Fork a worker, and give it a file."""
        threads = len(list(Path("/proc/self/task").iterdir()))
        assert threads == 1, "a thread was begun while files were loaded: no fork takes it along"
        line, theirs = connection.Pipe()
        number, self._begun = self._begun, self._begun + 1
        sys.stdout.flush()
        sys.stderr.flush()
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            for other in (line, *self._workers):
                other.close()
            _work(self._session, number, self._files, theirs, parent)
        theirs.close()
        self._workers[line] = worker = Worker(pid, line)
        self._give(worker)

    def _give(self, worker: Worker) -> None:
        """Give a worker the next file; tell it when there is none."""
        number = self._left.popleft() if self._left and not self._session.shouldfail else None
        worker.left = [] if number is None else [*self._files[number]]
        with suppress(BrokenPipeError):  # it died meanwhile, and is seen out as soon as that is heard
            worker.line.send(number)

    def _hear(self, worker: Worker) -> None:
        try:
            reports = worker.line.recv()
        except (EOFError, ConnectionResetError):
            self._gone(worker)
            return
        case = worker.left.pop(0)
        hook = self._session.config.hook
        hook.pytest_runtest_logstart(nodeid=case.nodeid, location=case.location)
        for report in reports:
            hook.pytest_runtest_logreport(
                report=hook.pytest_report_from_serializable(config=self._session.config, data=report)
            )
        hook.pytest_runtest_logfinish(nodeid=case.nodeid, location=case.location)
        if not worker.left:
            self._give(worker)

    def _gone(self, worker: Worker) -> None:
        """See a worker out; the case that it was at has failed when it did not come to its end."""
        del self._workers[worker.line]
        worker.line.close()
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        if self._session.shouldfail:
            return
        if not worker.left:
            assert code == 0, f"a worker that had nothing left to do ended, status {code}"
            return
        case, *rest = worker.left
        why = f"the worker at this case ended, status {code}"
        report = pytest.TestReport(case.nodeid, case.location, {}, "failed", why, "call")
        self._session.config.hook.pytest_runtest_logreport(report=report)
        if rest:  # for the one that is forked now: no other has it among its files
            self._files.append(rest)
            self._left.appendleft(len(self._files) - 1)
        self._begin()


class _Reports:
    """Keeps the reports of the case at hand, as far as they are worth telling."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._of_all = config.option.durations is not None or bool(config.option.xmlpath)
        self._kept: list[Any] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = report.when == "call" or not report.passed or report.sections or report.user_properties
        if told or self._of_all:
            hook = self._config.hook
            self._kept.append(hook.pytest_report_to_serializable(config=self._config, report=report))

    def take(self) -> list[Any]:
        kept, self._kept = self._kept, []
        return kept


def _work(
    session: pytest.Session, number: int, files: Sequence[File], line: connection.Connection, parent: int
) -> Never:
    """Be a worker from beginning to end."""
    try:
        end_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        reports = _become(session, number)
        for case, following in _given(files, line):
            session.config.hook.pytest_runtest_protocol(item=case, nextitem=following)
            line.send(reports.take())
            if session.shouldfail:
                break
        session._setupstate.teardown_exact(None)
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    # The interpreter is not taken down: to give a heap of this size back piece by piece takes seconds.
    os._exit(0)


def _given(
    files: Sequence[File], line: connection.Connection
) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Yield case after case with one that pytest may think is next, by which it knows what fixtures may stay.

    After the last one of a file that is one of another folder, for whichever file follows, pytest finds nothing
    kept of this one but what all cases share.
    """
    shared = frozenset[object].intersection(*(frozenset(file[0].listchain()) for file in files))
    while (number := line.recv()) is not None:
        file = files[number]
        own = frozenset(file[0].listchain())
        others = (other[0] for other in files if other[0].path != file[0].path)
        elsewhere = next((case for case in others if own.intersection(case.listchain()) <= shared), None)
        yield from zip(file, [*file[1:], elsewhere], strict=True)


def _folders(session: pytest.Session) -> pytest.TempPathFactory:
    made: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]  # no public name
    return made


def _become(session: pytest.Session, number: int) -> _Reports:
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
    reports = _Reports(config)
    config.pluginmanager.register(reports)
    return reports
