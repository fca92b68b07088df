"""A form that knows whether it was read: what is answered without reading it is answered so whatever it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.datastructures import ImmutableMultiDict

from cbt.http.form_posts import idempotency

WAYS = (
    "__getitem__", "__iter__", "__len__", "__eq__", "__copy__", "__deepcopy__", "copy", "deepcopy",
    "getlist", "items", "keys", "lists", "listvalues", "to_dict",
)  # fmt: skip
"""To read a form; `get` goes by the first. All values at once are looked through for a NUL, whoever sends them, and
whether a field is there says nothing of what it holds.
"""


class NotedForm(ImmutableMultiDict[str, str]):
    """A form of the product that notes whether somebody looked for a field; `read` is set back by who asks."""

    read = False


def _noting(way: str) -> Callable[..., Any]:
    def look(form: NotedForm, *named: Any, **more: Any) -> Any:
        form.read |= named[:1] != (
            idempotency.FIELD,
        )  # every form is asked for that: by which page it was drawn
        return getattr(ImmutableMultiDict, way)(form, *named, **more)

    return look


for _way in WAYS:
    setattr(NotedForm, _way, _noting(_way))
