"""The few fields of a scan's JSON files that tell what its voxels are."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from acadiff.cohort.files.entities import Entities, entities_of
from acadiff.cohort.files.walk import Folder, Parts
from acadiff.cohort.text.textfile import read_bytes, shown
from acadiff.errors import AcadiffError, CohortError

MAX_BYTES = 16 * 2**20
_READ = ("TracerName", "Synthetic", "SUVRReferenceRegion", "Units", "VoxelQuantity")
Fields = Mapping[str, Any]
NOTHING: Fields = MappingProxyType({})


class Sidecars:
    """Every JSON file of a tree that may tell of an image, read when it is asked for.

    A file tells of the images below its folder that have its suffix and all its entities. What
    lies nearer to the image, or has more entities, counts more.

    Args:
        root: the tree.
        folders: what it holds.
        suffixes: of the images that will be asked for.
    """

    def __init__(self, root: Path, folders: Iterable[Folder], suffixes: frozenset[str]) -> None:
        """Take all names apart once."""
        self._root = root
        self._read: dict[Parts, Fields] = {}
        self._at = {
            folder.parts: sorted(
                (
                    (entities, name)
                    for name in folder.files
                    if name.endswith(".json")
                    and (entities := entities_of(name.removesuffix(".json")))
                    and entities.suffix in suffixes
                ),
                key=lambda found: (len(found[0].values), found[1]),
            )
            for folder in folders
        }

    def of(self, parts: Parts, entities: Entities) -> Fields:
        """What is told of an image in the folder `parts`.

        Raises:
            CohortError: a file that tells of it cannot be used; the message names it.
        """
        told: dict[str, Any] = {}
        for depth in range(len(parts) + 1):
            for own, name in self._at.get(parts[:depth], ()):
                if own.apply_to(entities):
                    told.update(self._fields((*parts[:depth], name)))
        return told

    def _fields(self, place: Parts) -> Fields:
        if place not in self._read:
            whole = read_json(self._root.joinpath(*place), shown("/".join(place)))
            self._read[place] = {key: whole[key] for key in _READ if key in whole}
        return self._read[place]


def read_json(path: Path, where: str) -> dict[str, Any]:
    """Read a JSON object that somebody else wrote.

    Args:
        path: a file, which is only read if it is a regular one.
        where: what the message calls it.

    Raises:
        CohortError: it cannot be read, is larger than 16 MB, or is not one object of unique keys
            without NaN, nested less than a thousand deep.
    """
    try:
        data = read_bytes(path, MAX_BYTES)
        content = _DECODER.decode(data.decode("utf-8-sig"))
        if isinstance(content, dict):
            return content
        reason = "it is not an object"
    except AcadiffError as error:
        large = error.code == "E_LARGE"
        reason = "it is larger than 16 MB" if large else "it is no file that can be read"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = shown(str(error))[:120]
    raise CohortError(
        f"{where} is not a usable JSON file: {reason}", code="E_SIDECAR", value=where,
        hint="mend or remove it",
    )  # fmt: skip


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"the key {key[:40]!r} is there twice")
        content[key] = value
    return content


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
