"""Bytes → text: a regular file of bounded size, UTF-8 or UTF-16, with line ends of today."""

import errno
import os
import re
import stat
from pathlib import Path, PurePath

from acadiff.errors import CohortError, MissingInputError

MAX_BYTES = 64 * 2**20
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CODES = {
    errno.ENOENT: "E_MISSING",
    errno.ENOTDIR: "E_MISSING",
    errno.ENAMETOOLONG: "E_MISSING",
    errno.ELOOP: "E_LINK",
    errno.EACCES: "E_ACCESS",
    errno.EPERM: "E_ACCESS",
}
_FORBIDDEN = {
    re.compile("\0"): "is NUL",
    re.compile(r"\r(?!\n)"): "ends a line as no system does today",
}


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """All bytes of a file; a pipe or a device is refused, not waited for.

    Raises:
        MissingInputError: it is not there or cannot be read (`unreadable`).
        CohortError: it is no regular file, or larger than `limit`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = _read(descriptor, limit)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unreadable(path, error) from error
    if data is None:
        raise CohortError(
            f"{shown(path)}: is not a regular file", code="E_FILE", value=shown(path)
        )
    if len(data) > limit:
        raise CohortError(
            f"{shown(path)}: is larger than {limit} bytes",
            code="E_LARGE",
            value=shown(path),
            hint="name a clinical table",
        )
    return data


def decoded(data: bytes, name: str) -> str:
    """The text of UTF-8 bytes, with or without a mark, or of UTF-16 bytes with one.

    Raises:
        CohortError: another encoding, a NUL, or a carriage return alone; it tells the byte.
    """
    mark, codec = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(codec)
    except UnicodeDecodeError as error:
        raise _refused(name, len(mark) + error.start, f"is not {codec.upper()}") from error
    for pattern, why in _FORBIDDEN.items():
        if found := pattern.search(text):
            raise _refused(name, len(mark) + len(text[: found.start()].encode(codec)), why)
    return text


def unreadable(path: Path, error: OSError) -> MissingInputError:
    """What the system says of a file or folder that cannot be opened."""
    reason = error.strerror or str(error)
    code = _CODES.get(error.errno or 0, "E_IO")
    return MissingInputError(f"{shown(path)}: cannot be read ({reason})", code=code, value=reason)


def shown(path: PurePath | str) -> str:
    """A path as messages show it: bytes that are no UTF-8 and signs that do not print, escaped."""
    text = str(path)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def shorten(text: str, most: int = 40) -> str:
    """A value as messages show it: quoted, every strange sign escaped, never a whole page."""
    return ascii(text if len(text) <= most else text[: most - 1] + "…")


def _escaped(sign: str) -> str:
    byte = "\udc80" <= sign <= "\udcff"  # what Python makes of a byte that is no UTF-8
    return ascii(chr(ord(sign) - 0xDC00) if byte else sign)[1:-1]


def _read(descriptor: int, limit: int) -> bytes | None:
    """The bytes, one more than allowed if there are more; None if it is no regular file."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return None
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(limit + 1)


def _refused(name: str, offset: int, why: str) -> CohortError:
    return CohortError(
        f"{name}: byte {offset} {why}",
        code="E_ENCODING",
        value=offset,
        hint="save it as UTF-8 text with usual line ends",
    )
