"""What a request says about itself, read strictly: one host, and a form that is read once."""

from __future__ import annotations

import re

import flask
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?", re.ASCII)

ENCODED = 3
"""So many bytes at most stand for one in a form without files (%E8)."""


def is_one_host(header: str | None) -> bool:
    """Return whether a request names exactly one host; two headers arrive here joined by a comma.

    Source: RFC 9112, 3.2.
    """
    return header is not None and _HOST.fullmatch(header) is not None


class FormRequest(flask.Request):
    """A request whose form is refused once where it cannot be read, and is empty from then on.

    The page of the refusal looks for fields, too: it would be refused in its turn, and nothing would be answered.
    """

    @property
    def want_form_data_parsed(self) -> bool:
        """Return whether there is a form to be read: not where nothing was sent, or the body was not read."""
        return bool(self.content_length) and super().want_form_data_parsed

    def make_form_data_parser(self) -> FormDataParser:
        """Return a parser that says so of what it cannot read."""
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser

    def _load_form_data(self) -> None:
        try:
            self._refuse_long_text()
            super()._load_form_data()
        except (HTTPException, ValueError) as error:
            nothing = self.parameter_storage_class
            self.__dict__.update(form=nothing(), files=nothing())
            if isinstance(error, HTTPException):
                raise
            raise BadRequest from error

    def _refuse_long_text(self) -> None:
        """Refuse a form without files that is longer than its fields may be in one with files.

        Werkzeug reads it whole, whatever it may be; a sign takes up to three times its bytes in it.
        """
        most, length = self.max_form_memory_size, self.content_length or 0
        plain = self.mimetype == "application/x-www-form-urlencoded" and "form" not in self.__dict__
        if plain and most is not None and length > ENCODED * most:
            raise RequestEntityTooLarge
