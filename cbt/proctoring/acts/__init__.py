"""What proctors do: one module for each group of acts, `acts/room` for those about a whole room.

A module holds everything about its acts: to whom each applies, what its form asks and shows, how the form is read
and the act done, what a second person reads, how it is taken back. `ACTS` at its end says so, and where the pages
offer them; `registry` gathers the modules. An act's texts are `proctoring.act.`, `.about.`, `.do.`, `.said.` and
`.log.` with its code; a part of a form that no other act asks for is a template of `acts/fields`.
"""

__all__ = ["registry", "room_end", "room_start"]
