"""The child's side of QTI: one file or a package of them, each item by its version."""

from __future__ import annotations

from typing import Any

from cbt.bank.foreign import tree
from cbt.bank.foreign.package import Package
from cbt.bank.foreign.raw import Gleaning
from cbt.bank.formats.qti import items
from cbt.bank.formats.qti.manifest import Contents
from cbt.bank.formats.qti.names import unified
from cbt.bank.formats.qti.old import reading as old
from cbt.errors import InvalidInput

_ZIP = b"PK\x03\x04"
_DOCUMENTS = (".xml", ".qti")
MANIFEST = "imsmanifest.xml"


def read(body: bytes) -> bytes:
    """Return the items of an XML file or a package.

    Raise InvalidInput as `Package` does, and as `tree.parse` does for a file that stands alone.
    """
    return gather(body).encoded()


def gather(body: bytes) -> Gleaning:
    """Return the items of a file or a package and what could not be read of it."""
    found = Gleaning()
    if body.startswith(_ZIP):
        _package(found, Package(body))
        return found
    root = unified(tree.parse(body))
    if not _document(found, root, "", None, Contents()):
        raise InvalidInput("bank.xml_broken", line=root.sourceline or 1)
    return found


def _package(found: Gleaning, package: Package) -> None:
    manifest = Contents()
    if MANIFEST in package:
        manifest = Contents(tree.parse(package.read(MANIFEST)), MANIFEST)
    for name in manifest.files:
        if name not in package:
            found.file, found.line = name, 0
            found.wrong("open_missing", name)
    for name in sorted(package.names, key=lambda one: manifest.order.get(one, len(manifest.order))):
        if name == MANIFEST or not name.lower().endswith(_DOCUMENTS):
            continue
        try:
            root = unified(tree.parse(package.read(name)))
        except InvalidInput as error:
            if error.code == "bank.package_nested":
                raise
            found.file, found.line = name, 0
            found.wrong("open_file", name)
            continue
        _document(found, root, name, package, manifest)


def _document(found: Gleaning, root: Any, name: str, package: Package | None, manifest: Contents) -> bool:
    """Read one document; return whether it is one that holds items."""
    kind = tree.local(root)
    if kind == "assessmentItem":
        with found.item(name, root.sourceline or 1):
            items.read(found, root, items.Around(name, package, manifest))
    elif kind in {"questestinterop", "item"}:
        found.look = items.Around(name, package, manifest).find
        old.read(found, root, name)
    elif kind in {"assessmentTest", "assessmentSection"}:
        found.file, found.line = name, root.sourceline or 1
        found.hint("open_test", root.get("title") or name)
    else:
        return False
    return True
