"""BIDS datasets, raw and derivative, with and without sessions → `Inventory`.

Real studies are not valid BIDS, and are read all the same. But a scan is who and what its name
says by whole entities, in the folder that the name tells, or it is refused with the reason.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from acadiff.cohort.candidate import Inventory, refusal
from acadiff.cohort.files.claims import Claims, Found, check_place, gather, visit_folders
from acadiff.cohort.files.entities import SUFFIXES, image_entities
from acadiff.cohort.files.sidecar import Sidecars
from acadiff.cohort.files.tracers import tracer_map
from acadiff.cohort.files.walk import Folder, Parts, walk
from acadiff.cohort.identity import canonical_subject
from acadiff.cohort.text.textfile import shown
from acadiff.errors import CohortError, Problem
from acadiff.modality import Modality

LAYOUT = "bids"
_DEEPEST = 4  # sub-, ses-, datatype, and one more, so that what was put too deep is told
_PARTS_OF_COMPLEX = ("phase", "real", "imag")


def read_bids(root: Path, tracers: Mapping[str, Modality] = MappingProxyType({})) -> Inventory:
    """Find the T1w, FDG and AV45 scans below the `sub-*` folders of a dataset.

    Args:
        root: a raw or derivative BIDS dataset; `derivatives/`, `sourcedata/` and hidden folders
            in it are not entered.
        tracers: names of tracers that are not known here.
    """
    folders, problems = walk(root, _enters)
    folders, strangers = _named(folders)
    claims = Claims(root, Sidecars(root, folders, frozenset(SUFFIXES)), tracer_map(tracers))

    def read(parts: Parts, name: str) -> Found:
        if not parts:
            return
        entities = image_entities(name)
        if entities.suffix not in SUFFIXES or entities.get("part") in _PARTS_OF_COMPLEX:
            return
        check_place(parts, (*visit_folders(entities), SUFFIXES[entities.suffix]))
        yield from claims.of((*parts, name), entities)

    return gather(root, LAYOUT, folders, [*problems, *strangers], read)


def _enters(parts: Parts) -> bool:
    """`sub-*` and what lies below, but neither hidden folders nor images kept as folders."""
    if len(parts) == 1:
        return parts[0].startswith("sub-")
    return len(parts) <= _DEEPEST and "." not in parts[-1]


def _named(folders: list[Folder]) -> tuple[list[Folder], list[Problem]]:
    """The folders of persons whose ids are labels, and the persons whose are not."""
    problems = {}
    for folder in folders:
        if len(folder.parts) == 1:
            try:
                canonical_subject(folder.parts[0])
            except CohortError as error:
                problems[folder.parts[0]] = refusal(shown(folder.parts[0]), error)
    kept = [f for f in folders if not f.parts or f.parts[0] not in problems]
    return kept, list(problems.values())
