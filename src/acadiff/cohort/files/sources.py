"""What a person names as the source of scans, recognised by its files → `Inventory`."""

import errno
import itertools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from acadiff.cohort.candidate import Inventory
from acadiff.cohort.files import bids_tree, caps, manifest
from acadiff.cohort.files.entities import IMAGES
from acadiff.errors import CohortError, MissingInputError, UsageError
from acadiff.modality import Modality

LAYOUTS = (bids_tree.LAYOUT, caps.LAYOUT, manifest.LAYOUT)
_TABLES = (".csv", ".tsv", ".txt")
_DICOM = (".dcm", ".ima")
_PTID = re.compile(r"[0-9]{3}_S_[0-9]{4,5}")
_LOOK_AT = 2000  # names, so that a huge folder of something else is told at once
_EXPECTED = "give a BIDS dataset, a CAPS folder or a table of paths"


def read_inventory(
    source: Path,
    *,
    layout: str | None = None,
    tracers: Mapping[str, Modality] = MappingProxyType({}),
) -> Inventory:
    """Find the scans in a BIDS dataset, a CAPS folder or a table of paths.

    Args:
        source: the folder or the table.
        layout: `bids`, `caps` or `manifest`; None to tell by the files.
        tracers: names of tracers that are not known here, as `trc-` or `TracerName` give them.

    Raises:
        MissingInputError: there is no such file or folder, or it must not be read.
        UsageError: no such layout.
        CohortError: it holds none of these, or no scan at all.
    """
    if layout not in (None, *LAYOUTS):
        raise UsageError(
            f"there is no layout {layout!r}", code="E_LAYOUT", value=layout,
            hint=f"choose {', '.join(LAYOUTS)}, or leave it out",
        )  # fmt: skip
    try:
        if source.is_dir():
            os.scandir(source).close()  # what must not be read would look empty
        layout = layout or _layout(source)
        found = _read(source, layout, tracers)
    except OSError as error:
        raise MissingInputError(
            f"{source}: cannot be read ({error.strerror})", code="E_MISSING", value=source,
            hint="check its name, and your right to read it",
        ) from error  # fmt: skip
    if not found.candidates and not found.problems:
        raise CohortError(
            f"{source}: holds no T1w, FDG or AV45 scan ({found.others} other images)",
            code="E_NO_SCANS", value=source, hint=_EXPECTED,
        )  # fmt: skip
    return found


def _read(source: Path, layout: str, tracers: Mapping[str, Modality]) -> Inventory:
    if layout == manifest.LAYOUT:
        return manifest.read_manifest(source)
    if not source.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(source))
    return (caps.read_caps if layout == caps.LAYOUT else bids_tree.read_bids)(source, tracers)


def _layout(source: Path) -> str:
    """Tell the layout by what is there.

    Raises:
        OSError: the source cannot be read.
        CohortError: it is something else, which the message names.
    """
    if not source.is_dir():
        source.stat()
        if source.name.lower().endswith(_TABLES):
            return manifest.LAYOUT
        raise _unknown(source, "is neither a folder nor a table", _EXPECTED)
    folders = _folders(source)
    if any(name.startswith("sub-") for name in folders):
        if source.name == "subjects":
            raise _unknown(source, "is the inside of a CAPS folder", f"give {source.parent}")
        return bids_tree.LAYOUT
    if "subjects" in folders:
        return caps.LAYOUT
    raise _stranger(source, folders)


def _stranger(source: Path, folders: list[str]) -> CohortError:
    """Say what a folder is that holds none of the layouts."""
    inside = {name: _folders(source / name) for name in folders[:_LOOK_AT]}
    if any(map(_PTID.fullmatch, (source.name, *folders, *itertools.chain(*inside.values())))):
        hint = "convert it with `clinica convert adni-to-bids`, and give what that writes"
        return _unknown(source, "is a download of ADNI as it comes from LONI", hint)
    if source.name.startswith("sub-"):
        return _unknown(
            source, "is the folder of one person", f"give the dataset, {source.parent}"
        )
    for name, below in inside.items():
        if any(deeper.startswith("sub-") for deeper in below) or "subjects" in below:
            return _unknown(source, "is not a dataset itself", f"give {source / name}")
    files = list(itertools.islice(_files(source), _LOOK_AT))
    if not files:
        return CohortError(
            f"{source}: there is no file in it", code="E_NO_SCANS", value=source, hint=_EXPECTED
        )
    if any(name.lower().endswith(_DICOM) or name == "DICOMDIR" for name in files):
        hint = "convert it to BIDS first, with dcm2bids, HeuDiConv or a converter of Clinica"
        return _unknown(source, "holds DICOM files", hint)
    if any(name.endswith(IMAGES) for name in files):
        hint = f"name them as BIDS does, or list them in a table ({', '.join(manifest.COLUMNS)})"
        return _unknown(source, "holds images, but no folder of a person (sub-…)", hint)
    return _unknown(source, "holds no folder of a person (sub-…)", _EXPECTED)


def _folders(path: Path) -> list[str]:
    """Names of the folders in a folder that are not hidden."""
    try:
        names = os.listdir(path)  # noqa: PTH208 (names are all that is needed)
    except OSError:  # what is below cannot be told, and need not
        return []
    return sorted(name for name in names if not name.startswith(".") and (path / name).is_dir())


def _files(source: Path) -> Iterator[str]:
    """Names of all files below that are not hidden."""
    for _, _, names in os.walk(source):
        yield from (name for name in names if not name.startswith("."))


def _unknown(source: Path, why: str, hint: str) -> CohortError:
    return CohortError(f"{source}: {why}", code="E_LAYOUT", value=source, hint=hint)
