"""The file of the Windows service names what there is: the command, its settings file, and how it is stopped."""

from __future__ import annotations

from pathlib import PureWindowsPath
from xml.etree import ElementTree

from cbt.cli import COMMANDS
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
