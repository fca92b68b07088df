"""How fast the disk forces a small write: every commit waits for it."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cbt.ops.doctor.findings import Grade, Seen, Symptom
from cbt.ops.doctor.patient import Patient

CODES = {
    "ok": Grade.OK, "slow": Grade.WARN, "too_slow": Grade.FAIL, "unwritable": Grade.FAIL, "nothing": Grade.NONE,
}  # fmt: skip
SLOW_MS, TOO_SLOW_MS = 20.0, 150.0
LASTS_SECONDS, MOST = 0.4, 200
BLOCK = bytes(4096)


def examine(patient: Patient) -> Seen:
    """Force small writes for less than half a second in the data folder and in that of the second copy."""
    settings = patient.settings
    folders = [settings.data_dir] if settings.embedded else []
    folders += [settings.journal_copy_dir] if settings.journal_copy_dir is not None else []
    if not [one for one in folders if one.is_dir()]:
        yield Symptom("nothing")
    for folder in folders:
        if folder.is_dir():
            try:
                yield judge(folder, forced_ms(folder))
            except OSError as error:
                yield Symptom(
                    "unwritable", {"path": folder, "reason": error.strerror or type(error).__name__}
                )


def judge(folder: Path, milliseconds: float) -> Symptom:
    """Return what follows from the median of how long a forced write takes."""
    code = "too_slow" if milliseconds >= TOO_SLOW_MS else "slow" if milliseconds >= SLOW_MS else "ok"
    return Symptom(code, {"path": folder, "ms": f"{milliseconds:.1f}"})


def forced_ms(folder: Path, clock: Callable[[], float] = time.monotonic) -> float:
    """Return the median of forcing a small write to the disk of `folder`, in milliseconds; raise OSError."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as probe:
        until = clock() + LASTS_SECONDS
        while len(took) < MOST and (not took or clock() < until):
            before = clock()
            os.write(probe.fileno(), BLOCK)
            os.fsync(probe.fileno())
            took.append((clock() - before) * 1000)
    return statistics.median(took)
