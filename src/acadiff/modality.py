"""The three kinds of scan, and what BIDS calls them."""

from enum import Enum


class Modality(Enum):
    """A kind of scan; members iterate in the fixed order MRI < FDG < AV45.

    Args (per member): BIDS datatype, suffix and tracer; name in prompts and figures; unit of the
    voxels; what PET values are divided by. Everything loops over this enum, so a new modality is
    one line here.
    """

    MRI = ("anat", "T1w", None, "MRI", "arbitrary", None)
    FDG = ("pet", "pet", "18FFDG", "FDG-PET", "SUVR", "pons")
    AV45 = ("pet", "pet", "18FAV45", "AV45-PET", "SUVR", "whole cerebellum")

    def __init__(
        self,
        datatype: str,
        suffix: str,
        tracer: str | None,
        title: str,
        unit: str,
        reference_region: str | None,
    ) -> None:
        """Spread the member's tuple into named attributes."""
        self.datatype = datatype
        self.suffix = suffix
        self.tracer = tracer
        self.title = title
        self.unit = unit
        self.reference_region = reference_region

    @property
    def index(self) -> int:
        """Slot of this modality in every `(b m …)` tensor."""
        return list(Modality).index(self)

    @property
    def others(self) -> tuple["Modality", ...]:
        """The modalities that can be its sources, in order."""
        return tuple(m for m in Modality if m is not self)

    @property
    def is_pet(self) -> bool:
        """True for the modalities whose unit is SUVR."""
        return self.tracer is not None
