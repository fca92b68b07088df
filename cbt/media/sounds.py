"""Take in a sound that somebody sent: what comes back holds nothing but the sound."""

from __future__ import annotations

import msgspec

from cbt.confined.runner import MEGABYTE, Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.media.sound_copy import Copied

MOST_BYTES = 6 * MEGABYTE
MOST_SECONDS = 300
_LIMITS = Limits(memory=512 * MEGABYTE, cpu=10, wall=15, answer=7 * MEGABYTE)


def copy(body: bytes) -> Copied:
    """Return an MP3, Ogg or WAV file copied without anything but its sound.

    Raise InvalidInput("sound.kind") by what it is, not by what it is called, ("sound.too_big") over 6 MiB,
    ("sound.long") over five minutes, ("sound.damaged"), and as `confined.run` does.
    """
    if len(body) > MOST_BYTES:
        raise InvalidInput("sound.too_big", field="file", most=MOST_BYTES // MEGABYTE)
    try:
        said = run("cbt.media.sound_copy:one", body, limits=_LIMITS, seconds=MOST_SECONDS)
    except InvalidInput as error:
        raise InvalidInput(error.code, **error.params | {"field": "file"}) from error
    except Exhausted as error:
        raise InvalidInput("sound.damaged", field="file") from error
    return msgspec.msgpack.decode(said, type=Copied)
