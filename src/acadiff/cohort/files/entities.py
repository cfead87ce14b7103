"""The name of an image or sidecar, taken apart: `sub-1_trc-18FFDG_pet` → its entities and suffix.

`bids.Name` is what this project writes; this is whatever others write.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from acadiff.cohort.text.textfile import shown
from acadiff.errors import CohortError
from acadiff.modality import Modality

IMAGES = (".nii.gz", ".nii")
SUFFIXES: Mapping[str, str] = {m.suffix: m.datatype for m in Modality}
"""Suffix of our scans → the folder BIDS puts them in."""

_EXTENSION = re.compile(
    r"\.(?:nii(?:\.(?:gz|bz2|xz|zst))?|img(?:\.gz)?|hdr|mg[zh]|mnc|nrrd|nhdr|dcm|ima|v)$",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"([a-z]+)-([0-9A-Za-z+]+)")
_SUFFIX = re.compile(r"[0-9A-Za-z]+")
_KEYS = """
sub ses sample task tracksys acq nuc voi ce trc stain rec dir run mod echo flip inv mt part proc
hemi space split recording chunk atlas seg scale res den label desc suvr
"""
KNOWN = frozenset(_KEYS.split())
"""All of BIDS 1.10, and Clinica's `suvr`."""


@dataclass(frozen=True)
class Entities:
    """Keys and labels in their order, and the suffix."""

    values: Mapping[str, str]
    suffix: str

    def get(self, key: str) -> str | None:
        """Label of one entity, or None."""
        return self.values.get(key)

    def apply_to(self, other: "Entities") -> bool:
        """Whether a sidecar of this name tells of an image of that one (inheritance principle)."""
        return self.suffix == other.suffix and self.values.items() <= other.values.items()


def entities_of(stem: str) -> Entities | None:
    """Take a name without its extension apart; None if it is not built as BIDS names are."""
    *parts, suffix = stem.split("_")
    pairs = (_ENTITY.fullmatch(part) for part in parts)
    values = {match[1]: match[2] for match in pairs if match}
    if len(values) < len(parts) or not _SUFFIX.fullmatch(suffix):
        return None
    return Entities(values, suffix)


def is_image(name: str) -> bool:
    """Whether a file name ends as that of an image does, in whatever format."""
    return bool(_EXTENSION.search(name))


def image_entities(name: str) -> Entities:
    """Take the name of an image apart.

    Raises:
        CohortError: it is no name of BIDS, or that of a scan of ours in a format not read here.
    """
    stem = _EXTENSION.sub("", name)
    extension = name[len(stem) :]
    entities = entities_of(stem)
    if entities is None or "sub" not in entities.values:
        raise _misnamed(name, "is no name of BIDS")
    if entities.suffix not in SUFFIXES:
        right = next((s for s in SUFFIXES if s.casefold() == entities.suffix.casefold()), None)
        if right:
            raise _misnamed(name, f"ends in {entities.suffix}, which BIDS spells {right}")
    elif extension not in IMAGES:
        raise CohortError(
            f"is in the format {extension}, which is not read", code="E_FORMAT", value=extension,
            hint="convert it to .nii.gz",
        )  # fmt: skip
    return entities


def _misnamed(name: str, why: str) -> CohortError:
    return CohortError(
        f"the name {why}", code="E_NAME", value=shown(name),
        hint="name it as in sub-01_T1w.nii.gz or sub-01_trc-18FFDG_pet.nii.gz",
    )  # fmt: skip
