"""The file of the Windows service names what there is: the command, its settings file, and how it is stopped."""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree

from cbt.cli import COMMANDS
from cbt.ops.documents import copy_out
from cbt.paths import product_dir

DOCS = product_dir("templates").parent / "docs"
FILE = DOCS / "deploy" / "windows" / "cbt-service.xml"


def test_the_service_runs_the_server_with_the_settings_file_that_commands_find() -> None:
    service = ElementTree.fromstring(FILE.read_text("utf-8"))
    words = [one.text or "" for one in service.findall("argument")]
    assert words[-1] in COMMANDS
    assert words[:2] == ["--settings", r"%ProgramData%\cbt\cbt.env"]
    assert PureWindowsPath(service.findtext("executable", "")).name == "cbt.exe"
    assert service.findtext("serviceaccount/user") == "LocalService"
    assert service.findtext("stoptimeout") == "60 sec"


def test_the_documents_name_the_wrapper_and_the_folders_of_its_file() -> None:
    text = (DOCS / "operations.md").read_text("utf-8")
    assert "WinSW](https://github.com/winsw/winsw) v2.12.0" in text
    assert "v2.12.0" in FILE.read_text("utf-8")
    assert r"C:\ProgramData\cbt\logs" in text
    assert "deploy/windows/cbt-service.xml" in text


_STEPS = re.compile(r"### Windows\n.*?```powershell\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"[A-Za-z]:\\[\w\\.-]+|[\w-]+(?:\\[\w.-]+)+|[\w*-]+\.(?:whl|exe|xml|env|txt|log)\b")
_BROUGHT = ("cbt_engine-*.whl", "WinSW-x64.exe")
"""Files that the text before the steps says to have in the folder, beside `requirements`."""


def test_each_step_names_files_that_are_there_when_it_is_typed(tmp_path: Path) -> None:
    """What a step names was brought, comes of an earlier one, or is made by it."""
    copy_out(tmp_path / "cbt-docs")
    [steps] = _STEPS.findall((DOCS / "operations.md").read_text("utf-8"))
    there = {*_BROUGHT, r"C:\cbt", r"C:\ProgramData\cbt"}
    there |= {rf"requirements\{path.name}" for path in (DOCS.parent / "requirements").iterdir()}
    there |= {str(PureWindowsPath(one.relative_to(tmp_path))) for one in (tmp_path / "cbt-docs").rglob("*")}
    for step in steps.splitlines():
        named = _FILE.findall(step)
        command, *_words = step.split()
        if command in ("py", "New-Item", "Set-Content"):  # these make what they name
            there |= set(named)
        elif command == "Copy-Item":
            assert named[0] in there, step
            there.add(named[1])
        for name in named:
            inside = (r"C:\cbt\Scripts", r"C:\ProgramData\cbt\logs\cbt-service.out")
            assert name in there or name.startswith(inside), f"{name} is not there at: {step}"
    wrapper = FILE.name.removesuffix(".xml")
    assert rf"C:\cbt\{wrapper}.exe" in there, "the wrapper finds its file by its own name"
    assert rf"logs\{wrapper}.out.log" in steps, "and names its logs by it"
