"""What the manifest of a package says of its items: their order, and what stands in their metadata."""

from __future__ import annotations

from typing import Any

from cbt.bank.foreign import questions, tree
from cbt.bank.foreign.package import beside

DIFFICULTIES = ("very easy", "easy", "medium", "difficult", "very difficult")
"""The words of LOM, from 1 to 5."""


class Contents:
    """The resources of a package; of no package: nothing."""

    def __init__(self, root: Any | None = None, name: str = "") -> None:
        """Read the document of a manifest."""
        self.files: list[str] = []
        self._said: dict[str, list[str]] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        for node in tree.descendants(root, "resource") if root is not None else ():
            href = beside(name, node.get("href") or "")
            named = [beside(name, one.get("href") or "") for one in tree.children(node, "file")]
            self.files += [one for one in dict.fromkeys([href, *named]) if one and one not in self.files]
            if href and (about := tree.child(node, "metadata")) is not None:
                self._about(href, about)
        self.order = {one: place for place, one in enumerate(self.files)}

    @classmethod
    def known(cls, name: str, tags: list[str]) -> Contents:
        """Return what a package says of one file that has these keywords."""
        one = cls()
        one._said[name], one._facts[name] = tags, questions.facts(tags)
        return one

    def facts(self, name: str) -> dict[str, Any]:
        """Return the fields of an item that stand in the metadata of its file."""
        return self._facts.get(name, {})

    def tags(self, name: str) -> list[str]:
        """Return the keywords of a file."""
        return self._said.get(name, [])

    def _about(self, href: str, about: Any) -> None:
        facts: dict[str, Any] = {}
        for node in tree.descendants(about, "difficulty"):
            said = tree.words(tree.child(node, "value")).lower()
            if said in DIFFICULTIES:
                facts["difficulty"] = DIFFICULTIES.index(said) + 1
        for node in tree.descendants(about, "taxon"):
            said = tree.words(tree.child(node, "id")) or tree.words(node)
            if point := questions.point_in(said):
                facts["point"] = point
            elif said.isalnum() and len(said) <= 20:
                facts["point"] = said
        tags = [tree.words(node) for node in tree.descendants(about, "keyword")]
        self._said[href] = tags
        self._facts[href] = facts | questions.facts(tags)
