"""Text of a file: decoded where its charset is sure, without unseen marks; XML parsed, with its elements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from html.entities import html5
from typing import Any

from lxml import etree

from cbt import charset
from cbt.errors import InvalidInput

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufdd0-\ufdef]")
"""What nobody sees and what turns the reading order: no text of an item needs them."""


def text_of(body: bytes) -> str:
    """Return a text whatever program saved it.

    Raise InvalidInput("bank.text_encoding") when it is none, or its charset is not sure.
    """
    return _sound(charset.decode(body))


def xml_text(body: bytes) -> str:
    """Return the text of an XML file without its declaration; raise as `text_of` does."""
    match = _DECLARED.search(body[:400])
    text = _sound(charset.declared(body, match[1].decode() if match else ""))
    return _NO_XML.sub("", _DECLARATION.sub("", text))


def _sound(decoded: charset.Decoded | None) -> str:
    if decoded is None or not decoded.sure or "\0" in decoded.text:
        raise InvalidInput("bank.text_encoding")
    return without_unseen(decoded.text.replace("\r\n", "\n").replace("\r", "\n"))


def without_unseen(text: str) -> str:
    return _UNSEEN.sub("", text)


MOST_NODES = 2_000_000
_ENTITY = re.compile(r"<!(?:ENTITY|ATTLIST|ELEMENT|NOTATION)", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*>", re.IGNORECASE)
_NAMED = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);|#)([A-Za-z][A-Za-z0-9]{1,20});")


def parse(body: bytes) -> Any:
    """Return the root of an XML file with the names of its elements as they are.

    Raise InvalidInput("bank.xml_entities") for a document that defines entities, ("bank.xml_broken") with the
    line of what is wrong, ("bank.text_encoding").
    """
    text = xml_text(body)
    if _ENTITY.search(text):
        raise InvalidInput("bank.xml_entities")
    text = _NAMED.sub(_named, _DOCTYPE.sub("", text))
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise InvalidInput("bank.xml_broken", line=error.lineno or 1) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidInput("bank.xml_entities")
    for number, _node in enumerate(root.iter()):
        if number > MOST_NODES:
            raise InvalidInput("bank.xml_broken", line=1)
    return root


def _named(match: re.Match[str]) -> str:
    """Write a name of HTML that XML does not know as its character."""
    return escape(html5.get(f"{match[1]};", ""), quote=False)


def local(node: Any) -> str:
    """Return the name of an element without its namespace, "" for what is no element."""
    tag = node.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(node: Any, *names: str) -> list[Any]:
    return [one for one in node if (local(one) in names if names else local(one))]


def child(node: Any, name: str) -> Any | None:
    return next(iter(children(node, name)), None)


def descendants(node: Any, *names: str) -> Iterator[Any]:
    for inner in node.iter():
        if inner is not node and local(inner) in names:
            yield inner


def words(node: Any | None) -> str:
    return "".join(node.itertext()).strip() if node is not None else ""
