"""One pass over a tree of files. Links are followed once, and nothing in the tree can stop it."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acadiff.cohort.candidate import refusal
from acadiff.cohort.files.entities import IMAGES
from acadiff.cohort.text.textfile import shown
from acadiff.errors import CohortError, Problem

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Folder:
    """One folder: its place below the root, and the names of its files that are not hidden.

    A name that ends as an image does is that of a regular file, perhaps through links; the kind
    of other files was not looked at.
    """

    parts: Parts
    files: tuple[str, ...]


def walk(root: Path, enter: Callable[[Parts], bool]) -> tuple[list[Folder], list[Problem]]:
    """List a folder and all below it whose place `enter` accepts; parents come before children.

    Returns:
        The folders, and what could not be read: folders, links to nothing or in a circle, images
        that are no regular files.
    """
    tree = _Tree(root, enter)
    while tree.here or tree.linked:
        # Real folders first, so that of a folder and a link to it the folder is the one read.
        tree.visit((tree.here or tree.linked).pop())
    return tree.folders, tree.problems


class _Tree:
    """What has been seen of a tree, and where is still to go."""

    def __init__(self, root: Path, enter: Callable[[Parts], bool]) -> None:
        self.root, self.enter = root, enter
        self.here: list[Parts] = [()]
        self.linked: list[Parts] = []
        self.seen: set[tuple[int, int]] = set()
        self.folders: list[Folder] = []
        self.problems: list[Problem] = []

    def visit(self, parts: Parts) -> None:
        """List one folder."""
        path = os.path.join(self.root, *parts)  # noqa: PTH118 (a Path for each costs seconds)
        try:
            status = os.stat(path)  # noqa: PTH116
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            self.refuse(parts, _unreadable(error))
            return
        if (status.st_dev, status.st_ino) in self.seen:
            self.refuse(parts, _again())
            return
        self.seen.add((status.st_dev, status.st_ino))
        files = []
        for entry in entries:
            try:
                if not entry.name.startswith(".") and self.is_file(parts, entry):
                    files.append(entry.name)
            except CohortError as error:
                self.refuse((*parts, entry.name), error)
            except OSError as error:
                self.refuse((*parts, entry.name), _unreadable(error))
        self.folders.append(Folder(parts, tuple(reversed(files))))

    def is_file(self, parts: Parts, entry: os.DirEntry[str]) -> bool:
        """Whether to list an entry; folders are put on the way instead.

        Raises:
            CohortError: it would be of use and is not what its name says.
        """
        place = (*parts, entry.name)
        image = entry.name.endswith(IMAGES)
        if not entry.is_symlink():
            if entry.is_dir():
                if image:
                    raise _odd("a folder")
                self.here += [place] if self.enter(place) else []
                return False
            if image and not entry.is_file():
                raise _odd("no regular file")
            return True
        if not image and not self.enter(place):
            return True
        mode = _target(entry)
        if stat.S_ISDIR(mode) and not image:
            self.linked.append(place)
            return False
        if image and not stat.S_ISREG(mode):
            raise _odd("a link to no regular file")
        return True

    def refuse(self, parts: Parts, error: CohortError) -> None:
        """Note what cannot be used."""
        self.problems.append(refusal(shown("/".join(parts) or "."), error))


def _target(entry: os.DirEntry[str]) -> int:
    """Kind of what a link leads to."""
    try:
        return entry.stat().st_mode
    except FileNotFoundError as error:
        raise CohortError(
            "links to nothing", code="E_LINK", value="dangling",
            hint="fetch the file it stands for",
        ) from error  # fmt: skip
    except OSError as error:
        raise CohortError(
            f"is a link that leads nowhere ({error.strerror})", code="E_LINK",
            value=error.strerror, hint="mend or remove the link",
        ) from error  # fmt: skip


def _again() -> CohortError:
    return CohortError(
        "leads to a folder that is read already", code="E_LINK", value="loop",
        hint="remove the link",
    )  # fmt: skip


def _odd(what: str) -> CohortError:
    return CohortError(
        f"is {what}", code="E_FILE", value=what, hint="put the image itself in its place"
    )


def _unreadable(error: OSError) -> CohortError:
    reason = error.strerror or str(error)
    return CohortError(
        f"cannot be read ({reason})", code="E_ACCESS", value=reason,
        hint="give yourself the right to read it",
    )  # fmt: skip
