"""Durable files: whenever a process dies, a name holds its old content or its new one."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from acadiff.errors import MissingInputError, OutputError

_TEMPORARY = re.compile(r"\.acadiff-(\d+)-[0-9a-f]{32}(\..*)?")


def atomic_write(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file in the same folder, then put it in `path`'s place.

    The order is file, fsync, rename, fsync of the folder, so that a kill or a power cut leaves the
    old file or the new one. Folders above `path` are made. The temporary name keeps every suffix
    of `path` (`.nii.gz`), as many writers choose their format by it.

    Raises:
        OutputError: the disk is full, read-only or otherwise refuses; `path` is as it was.
    """
    temporary = path.with_name(
        f".acadiff-{os.getpid()}-{uuid.uuid4().hex}{''.join(path.suffixes)}"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        _fsync(temporary)
        temporary.replace(path)
        _fsync(path.parent)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Put `content` into `path`, atomically."""
    atomic_write(path, lambda temporary: _write_all(temporary, content))


def write_text(path: Path, content: str) -> None:
    """Put `content` into `path` as UTF-8, atomically."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Put `content` into `path` as JSON with sorted keys, atomically.

    Raises:
        OutputError: it holds NaN or infinity, which JSON has no word for.
    """
    try:
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise OutputError(
            f"{path}: cannot be written as JSON ({error}); mend the value"
        ) from error
    write_text(path, text + "\n")


def remove(path: Path) -> None:
    """Delete a file, if it is there.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error) from error


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        MissingInputError: the file is not there or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise MissingInputError(f"{path}: cannot be read ({error.strerror})") from error


def sweep(folder: Path) -> None:
    """Remove the temporary files that dead processes left directly in `folder`."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        match = _TEMPORARY.fullmatch(path.name)
        if match and not _alive(int(match[1])):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold `path` for this process alone; others wait.

    The lock is the kernel's (flock on a file beside `path`), so it ends with the process however
    that dies. The file goes when the holder leaves.

    Raises:
        OutputError: the folder cannot be written.
    """
    beside = path.with_name(f".{path.name}.lock")
    try:
        descriptor = _hold(beside)
    except OSError as error:
        raise _refused(beside, error) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
        os.close(descriptor)


def _hold(beside: Path) -> int:
    """Open and lock the file that bears the name now; another holder may have removed it."""
    beside.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == beside.stat().st_ino:
                return descriptor
        os.close(descriptor)


def _write_all(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _refused(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"{path}: cannot be written ({reason}); free or choose another place")
