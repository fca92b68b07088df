"""The words of an entry: acts, actors and things; of what a later version wrote, what it says itself."""

from __future__ import annotations

from flask_babel import gettext as _

from cbt.accounts.log.naming import Called
from cbt.audit.acts import GROUPS, PRINT, SECOND, UNDO

PLAIN_ACTORS = ("scheduler", "cli", "anonymous")


def _word(message_id: str) -> str:
    found = str(_(message_id))
    return "" if found == message_id else found


def act_name(act: str) -> str:
    """Return what people call an act; one that the catalogue does not know is shown as it is written."""
    for prefix, message, of in (
        (SECOND, "act.second", "approval.act."),
        (UNDO, "act.undo", "proctoring.act."),
        (PRINT, "act.print", "candidates.print."),
    ):
        if act.startswith(prefix):
            inner = _word(of + act.removeprefix(prefix))
            return str(_(message, act=inner.rstrip("…") or act.removeprefix(prefix)))
    return _word(f"act.{act}") or str(_("accounts.log.other_act", act=act))


def act_groups() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return the groups to choose from: each its code, its name and its acts, code and words."""
    return [
        (group, str(_(f"accounts.log.group.{group}")), [(act, act_name(act)) for act in acts])
        for group, acts in GROUPS.items()
    ]


def kind_of(thing: str) -> str:
    """Return in a word what a thing of the log is, "" when there is none for it."""
    return _word(f"accounts.log.kind.{thing.partition(':')[0]}")


def actor_name(actor: str, names: dict[str, Called]) -> str:
    """Return who acted: by name, else by what they are."""
    if actor in PLAIN_ACTORS:
        return str(_(f"accounts.actor.{actor}"))
    return thing_name(actor, names)


def thing_name(thing: str, names: dict[str, Called]) -> str:
    """Return what a thing is called: its kind and name; without a name, what tells it apart."""
    kind, _colon, ref = thing.partition(":")
    if kind == "view":
        return refused_name(ref)
    if thing == "staff:unknown":
        return str(_("accounts.log.nobody"))
    name = names[thing].name if thing in names else ref
    word = kind_of(thing)
    if not word:
        return name if thing in names else thing
    return str(_("accounts.log.thing", kind=word, name=name)) if name else word


def refused_name(ref: str) -> str:
    """Return why an act was refused, in the words the person saw; without any, what was asked for."""
    said = _word(f"error.{ref.partition(':')[2]}.what")
    return said if said and "%(" not in said else ref
