"""A scan's file as one stream of bytes: read once, to its end, and hashed on the way.

Of a `.nii.gz` no byte is kept that the header has not promised, and the checksum is held against
all of them; common readers stop before it and return whatever a damaged file holds.
"""

import errno
import hashlib
import os
import stat
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acadiff.errors import MissingInputError, ScanError

_FIRST, _CHUNK = 1 << 12, 1 << 18
"""Bytes read at once: few at first, as often only the header is wanted; then twice as many."""
_DEFLATE_LIMIT = 1032
"""Deflate makes no more than this many bytes of one, so a small file holds no large volume."""
_OVERRUN = 1 << 24
"""How far behind the last voxel is looked, to tell a wrong header from a bomb."""
_AGAIN = "copy or download the file again"


class Stream(ABC):
    """The bytes of one regular file, as they were before compression.

    Args:
        descriptor: the open file, at its start.
    """

    def __init__(self, descriptor: int) -> None:
        """Take note of what the file is like, to notice a change."""
        self._descriptor, self._digest = descriptor, hashlib.sha256()
        self.status = os.fstat(descriptor)

    @property
    @abstractmethod
    def capacity(self) -> int:
        """More bytes than these cannot come out."""

    @abstractmethod
    def seems(self, size: int) -> bool:
        """Whether, by file size or trailer alone, exactly `size` bytes will come out."""

    @abstractmethod
    def fill(self, target: memoryview) -> int:
        """Fill `target` with what comes next; returns how much came.

        Raises:
            ScanError: the stream is damaged (E_CRC) or the disk fails (E_IO).
        """

    def take(self, size: int) -> bytes:
        """The next `size` bytes, or what is left."""
        target = bytearray(size)
        return bytes(target[: self.fill(memoryview(target))])

    def stored(self, size: int, start: int = 0) -> bytes:
        """Bytes as they lie in the file; the stream stays where it is."""
        with _disk():
            return os.pread(self._descriptor, size, start)

    def finish(self) -> str:
        """Make sure that nothing follows and nothing changed; the SHA-256 of the file.

        Raises:
            ScanError: bytes follow (E_SIZE, E_BOMB), the checksum is wrong (E_CRC), the file is
                cut short (E_TRUNC) or was written to meanwhile (E_CHANGED).
        """
        self._end()
        before, after = self.status, os.fstat(self._descriptor)
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            sizes = f"{before.st_size}, then {after.st_size} bytes"
            raise ScanError(
                f"it was written to while it was read ({sizes})",
                code="E_CHANGED",
                value=sizes,
                hint="wait until it is complete",
            )
        return self._digest.hexdigest()

    @abstractmethod
    def _end(self) -> None:
        """Refuse whatever is left."""

    def _read(self, size: int) -> bytes:
        """The next bytes of the file itself."""
        with _disk():
            content = os.read(self._descriptor, size)
        self._digest.update(content)
        return content


class PlainStream(Stream):
    """A file that is not compressed."""

    @property
    def capacity(self) -> int:
        """The size of the file."""
        return self.status.st_size

    def seems(self, size: int) -> bool:
        """Whether the file has this size."""
        return self.capacity == size

    def fill(self, target: memoryview) -> int:
        """Read in pieces that are still in the cache when they are hashed."""
        filled = 0
        with _disk():
            while filled < len(target):
                piece = target[filled : filled + _CHUNK]
                count = os.readv(self._descriptor, [piece])
                if count == 0:
                    break
                self._digest.update(piece[:count])
                filled += count
        return filled

    def _end(self) -> None:
        if self._read(1):
            raise overlong("bytes follow its last voxel", f"{self.capacity} bytes")


class GzipStream(Stream):
    """A gzip file of one member; zlib itself checks sum and length at its end."""

    def __init__(self, descriptor: int) -> None:
        """Start before the first block."""
        super().__init__(descriptor)
        self._inflate, self._step = zlib.decompressobj(wbits=31), _FIRST

    @property
    def capacity(self) -> int:
        """What deflate could make of a file of this size."""
        return _DEFLATE_LIMIT * self.status.st_size

    def seems(self, size: int) -> bool:
        """Whether the trailer says this size."""
        trailer = self.stored(4, max(0, self.status.st_size - 4))
        return int.from_bytes(trailer, "little") == size % 2**32

    def fill(self, target: memoryview) -> int:
        """Inflate straight to where the bytes shall lie."""
        filled = 0
        while filled < len(target) and (piece := self._next(len(target) - filled)):
            target[filled : filled + len(piece)] = piece
            filled += len(piece)
        return filled

    def _next(self, limit: int) -> bytes:
        """Up to `limit` inflated bytes; none at the end of the stream or of the file."""
        piece = b""
        while not piece and not self._inflate.eof:
            source = self._inflate.unconsumed_tail or self._more()
            try:
                piece = self._inflate.decompress(source, min(limit, 4 * _CHUNK))
            except zlib.error as error:
                raise _damaged(error) from error
            if not source:  # the file is at its end; zlib has handed out what it still held
                break
        return piece

    def _more(self) -> bytes:
        """The next compressed bytes."""
        size, self._step = self._step, min(2 * self._step, _CHUNK)
        return self._read(size)

    def _end(self) -> None:
        extra = 0
        while extra <= _OVERRUN and (piece := self._next(_CHUNK)):
            extra += len(piece)
        if extra > _OVERRUN:
            raise ScanError(
                f"it unfolds to more than {_OVERRUN >> 20} MB beyond its last voxel",
                code="E_BOMB",
                value=f"{self.status.st_size} bytes",
                hint="do not trust where it came from",
            )
        if not self._inflate.eof:
            raise truncated("its compressed bytes end before the checksum", self.status.st_size)
        if extra:
            raise overlong(f"{extra} bytes follow its last voxel", f"{extra} bytes")
        if self._inflate.unused_data or self._read(1):
            raise overlong("something follows its compressed bytes", "more than one gzip member")


@contextmanager
def open_stream(path: Path) -> Iterator[Stream]:
    """Open a file, if it is a regular one, without ever waiting for it.

    Raises:
        MissingInputError: it is not there (E_MISSING, E_LINK) or must not be read (E_ACCESS).
        ScanError: it is something else than a file (E_FILE).
    """
    try:
        _require_regular(path.stat())
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise _absent(path, error) from error
    try:
        _require_regular(os.fstat(descriptor))
        kind = GzipStream if path.name.lower().endswith(".gz") else PlainStream
        yield kind(descriptor)
    finally:
        os.close(descriptor)


def truncated(what: str, size: int) -> ScanError:
    """The refusal of a file that is cut short."""
    return ScanError(
        f"it is cut short: {what}", code="E_TRUNC", value=f"{size} bytes", hint=_AGAIN
    )


def overlong(what: str, value: str) -> ScanError:
    """The refusal of a file that goes on where it should end."""
    return ScanError(what, code="E_SIZE", value=value, hint=f"its header may be wrong: {_AGAIN}")


def _damaged(error: zlib.error) -> ScanError:
    what = str(error).rpartition(": ")[2]
    return ScanError(
        f"its compressed bytes are damaged ({what})", code="E_CRC", value=what, hint=_AGAIN
    )


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
        raise ScanError(f"it is {kind}", code="E_FILE", value=kind, hint="name a file")


@contextmanager
def _disk() -> Iterator[None]:
    """Turn the failures of a disk into a sentence."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise ScanError(
            f"it cannot be read ({why})", code="E_IO", value=why, hint="check the disk"
        ) from error


def _absent(path: Path, error: OSError | ValueError) -> MissingInputError:
    """Which way a file is not there; a ValueError means that its name cannot be one."""
    number = error.errno if isinstance(error, OSError) else errno.EINVAL
    why = os.strerror(number or errno.EIO)
    code, hint = "E_MISSING", "check its name"
    if number in (errno.EACCES, errno.EPERM):
        code, hint = "E_ACCESS", "ask for permission to read it"
    elif number == errno.ELOOP or (number == errno.ENOENT and path.is_symlink()):
        code, hint = "E_LINK", "it links to nothing; git-annex or DataLad may fetch its content"
    elif number == errno.EIO:
        code, hint = "E_IO", "check the disk"
    return MissingInputError(f"it cannot be read ({why})", code=code, value=why, hint=hint)
