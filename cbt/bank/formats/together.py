"""Several files as one reading: each by its own format, what is inferred of each under its own name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cbt.bank.formats import registry
from cbt.bank.formats.paired import read_paired
from cbt.bank.imports.drafts import AS_INFERRED, Adjustments, Reading
from cbt.errors import CbtError
from cbt.sheets.findings import Finding, Place, Severity

SEVERAL = "several"
"""The form of files of more than one format."""
_OF = ">"
"""Stands between a file and what is inferred of it."""


def read_all(files: Sequence[tuple[str, bytes]], adjust: Adjustments = AS_INFERRED) -> Reading:
    """Return several files as one reading; of one file what the registry returns.

    Keys in a file of their own are given to the questions of another. A file that is refused becomes a
    finding, so that the others are seen; all refused, the first refusal is raised.
    """
    if len(files) == 1:
        name, content = files[0]
        return registry.read(content, name, adjust)
    brought = read_paired(files, {name: _within(adjust, name) for name, _content in files})
    readings = [one.reading for one in brought if one.reading is not None]
    refused = {one.name: one.error for one in brought if one.error is not None}
    if not readings:
        raise next(iter(refused.values()))
    return _joined(readings, [_refusal(name, error) for name, error in refused.items()])


def _refusal(name: str, error: CbtError) -> Finding:
    params = {"refusal": error.code, **error.params}
    return Finding(Severity.ERROR, "file_refused", Place(name), params=params)


def unscoped(adjust: Adjustments) -> dict[str, str]:
    """Return what was said of single files as it is said of any file laid out like them."""
    return {name.rpartition(_OF)[2]: value for name, value in adjust.items()}


def _within(adjust: Adjustments, name: str) -> Adjustments:
    """Return what is said of any file, and of this one."""
    of_all = {key: value for key, value in adjust.items() if _OF not in key}
    head = f"{name}{_OF}"
    return of_all | {key.removeprefix(head): value for key, value in adjust.items() if key.startswith(head)}


def _joined(readings: Sequence[Reading], findings: Sequence[Finding]) -> Reading:
    forms = {found.form for found in readings}
    layouts = {found.layout for found in readings}
    return Reading(
        form=forms.pop() if len(forms) == 1 else SEVERAL,
        file_name=readings[0].file_name,
        items=[item for found in readings for item in found.items],
        findings=[*(one for found in readings for one in found.findings), *findings],
        columns=tuple(use for found in readings for use in found.columns),
        inferred=tuple(
            replace(one, name=f"{found.file_name}{_OF}{one.name}")
            for found in readings
            for one in found.inferred
        ),
        layout=layouts.pop() if len(layouts) == 1 else "",
        media={name: taken for found in readings for name, taken in found.media.items()},
        came={name: digest for found in readings for name, digest in found.came.items()},
    )
