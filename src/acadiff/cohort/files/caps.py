"""Clinica's CAPS, its pipelines `t1-linear` and `pet-linear` → `Inventory`.

Three generations of names are read. Of one source `sub-1_ses-M000[_trc-18FFDG][_rec-coregavg]`:

    now      <source>_space-<T>_desc-Crop_res-1x1x1[_suvr-pons2]_pet.nii.gz
    before   <source>_pet_space-<T>_desc-Crop_res-1x1x1[_suvr-pons2]_pet.nii.gz
    first    sub-1_ses-M00_task-rest_acq-fdg_pet_space-<T>_…_pet.nii.gz

The uncropped image has the same name without `desc-Crop`. It is another file of the same scan.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from acadiff.cohort.candidate import Inventory
from acadiff.cohort.files.claims import Claims, Found, check_place, gather, visit_folders
from acadiff.cohort.files.entities import SUFFIXES, Entities, image_entities
from acadiff.cohort.files.sidecar import Sidecars
from acadiff.cohort.files.tracers import tracer_map
from acadiff.cohort.files.walk import Parts, walk
from acadiff.modality import Modality

LAYOUT = "caps"
TEMPLATE = "MNI152NLin2009cSym"
_PIPELINES = {"anat": "t1_linear", "pet": "pet_linear"}  # by BIDS' folder
_SOURCE_SUFFIX = re.compile(r"_(?:T1w|pet)(?=_space-)")
# Clinica takes "_pet" off a name by its single letters, so that the t of rec-acstat goes too.
_SLIP = re.compile(r"n?acsta")


def read_caps(root: Path, tracers: Mapping[str, Modality] = MappingProxyType({})) -> Inventory:
    """Find the T1w, FDG and AV45 scans that Clinica brought into its template.

    Args:
        root: the CAPS folder, which holds `subjects/`.
        tracers: names of tracers that are not known here.
    """
    folders, problems = walk(root, _enters)
    claims = Claims(root, Sidecars(root, folders, frozenset(SUFFIXES)), tracer_map(tracers))

    def read(parts: Parts, name: str) -> Found:
        if not parts or parts[-1] not in _PIPELINES.values():
            return
        entities = _mended(image_entities(_SOURCE_SUFFIX.sub("", name)))
        # In the space of the T1w lies a by-product of pet-linear, which is not in SUVR.
        if entities.suffix not in SUFFIXES or entities.get("space") != TEMPLATE:
            return
        told = ("subjects", *visit_folders(entities), _PIPELINES[SUFFIXES[entities.suffix]])
        check_place(parts, told)
        yield from claims.of((*parts, name), entities)

    return gather(root, LAYOUT, folders, problems, read)


def _enters(parts: Parts) -> bool:
    """`subjects/sub-*/[ses-*/]<pipeline>`."""
    allowed = ("subjects",), ("sub-",), ("ses-", *_PIPELINES.values()), _PIPELINES.values()
    depth = len(parts) - 1
    return depth < len(allowed) and parts[-1].startswith(tuple(allowed[depth]))


def _mended(entities: Entities) -> Entities:
    """Give back the letter that Clinica's naming took from a reconstruction."""
    made = entities.get("rec")
    if made is None or not _SLIP.fullmatch(made):
        return entities
    return Entities({**entities.values, "rec": f"{made}t"}, entities.suffix)
