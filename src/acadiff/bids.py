"""BIDS file names, to and fro: (subject, session, modality, desc, …) ⇄ relative path. No I/O."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from acadiff.errors import CohortError
from acadiff.modality import Modality

LABEL = re.compile(r"[0-9A-Za-z][0-9A-Za-z+]{0,63}")
"""A label of BIDS 1.10; a `+` in front is left out, for spreadsheets take it for a formula."""

_ENTITY = re.compile(rf"([a-z]+)-({LABEL.pattern})")
_KNOWN = ("sub", "ses", "trc", "space", "res", "desc")


def label(text: str, what: str) -> str:
    """Return `text` if it is a legal BIDS label.

    Raises:
        CohortError: it holds anything but letters, digits and, after the first, `+`: a path, a
            space, a dash …
    """
    if not LABEL.fullmatch(text):
        raise CohortError(
            f"{what} is {text!r}: a BIDS label holds only letters, digits and +",
            code="E_ID",
            value=ascii(text),
            hint="rename it in the table and in the files",
        )
    return text


def subject_label(text: str) -> str:
    """Return the label of a participant id, with or without its `sub-`."""
    return label(text.removeprefix("sub-"), "participant id")


@dataclass(frozen=True)
class Name:
    """The entities of one scan's file name.

    `Name("SIM0001", Modality.FDG, desc="synth").path()` is
    `sub-SIM0001/pet/sub-SIM0001_trc-18FFDG_desc-synth_pet.nii.gz`.
    """

    subject: str
    modality: Modality
    session: str | None = None
    space: str | None = None
    resolution: str | None = None
    desc: str | None = None

    def __post_init__(self) -> None:
        """Refuse labels that would not survive a file name."""
        label(self.subject, "participant id")
        for what in ("session", "space", "resolution", "desc"):
            value = getattr(self, what)
            if value is not None:
                label(value, what)

    @property
    def key(self) -> str:
        """`sub-X`, or `sub-X_ses-Y` where there are sessions."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def stem(self) -> str:
        """File name without its extension, entities in BIDS order."""
        values = (
            self.subject,
            self.session,
            self.modality.tracer,
            self.space,
            self.resolution,
            self.desc,
        )
        entities = [f"{k}-{v}" for k, v in zip(_KNOWN, values, strict=True) if v is not None]
        return "_".join([*entities, self.modality.suffix])

    def path(self, extension: str = ".nii.gz") -> PurePosixPath:
        """Path relative to the dataset's root."""
        folder = PurePosixPath(f"sub-{self.subject}")
        if self.session is not None:
            folder /= f"ses-{self.session}"
        return folder / self.modality.datatype / (self.stem + extension)


def parse(filename: str) -> Name | None:
    """Read a file name back, or None if it is not a scan of a modality we know."""
    stem = filename.rsplit("/", 1)[-1].split(".", 1)[0]
    *parts, suffix = stem.split("_")
    pairs = [_ENTITY.fullmatch(part) for part in parts]
    entities = {m[1]: m[2] for m in pairs if m}
    if len(entities) != len(parts) or set(entities) - set(_KNOWN) or "sub" not in entities:
        return None
    for modality in Modality:
        if modality.suffix == suffix and modality.tracer == entities.get("trc"):
            return Name(
                entities["sub"],
                modality,
                entities.get("ses"),
                entities.get("space"),
                entities.get("res"),
                entities.get("desc"),
            )
    return None
