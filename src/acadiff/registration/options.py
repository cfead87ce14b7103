"""How scans are brought onto the model's grid: everything that the result depends on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acadiff import __version__
from acadiff.commit import sha256
from acadiff.errors import UsageError
from acadiff.modality import Modality
from acadiff.volume.grid import VOXELS
from acadiff.volume.orientation import Form

WARPS = ("rigid", "affine", "syn")
FORMS = (None, "sform", "qform")
NONFINITE = ("refuse", "zero-outside-mask")
EXTRACTIONS = ("auto", "mask", "stripped", "synthstrip", "hd-bet", "template")


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        voxel: voxel size of the model's grid, mm.
        warp: of native scans: `rigid` (6 numbers: moved, not resized), `affine` (12) or `syn` (a
            deformation as well).
        extraction: where the brain is taken from; `auto` tries the others in their order.
        references: own reference regions of SUVR: masks in template space.
        already_suvr: PET is taken for SUVR and not divided.
        orientation: where the axes of a scan point that does not tell, such as `RAS`.
        form: `sform` or `qform`, which is right in a scan where they disagree.
        nonfinite: `zero-outside-mask` takes NaN and infinity outside the brain for 0.

    Raises:
        UsageError: a value is none of those that there are.
    """

    voxel: int = 2
    warp: str = "affine"
    extraction: str = "auto"
    references: Mapping[Modality, Path] = field(default_factory=dict)
    already_suvr: bool = False
    orientation: str | None = None
    form: Form | None = None
    nonfinite: str = "refuse"

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        known: dict[str, tuple[object, ...]] = {
            "voxel": VOXELS, "warp": WARPS, "extraction": EXTRACTIONS, "nonfinite": NONFINITE,
            "form": FORMS,
        }  # fmt: skip
        for name, values in known.items():
            value = getattr(self, name)
            if value not in values:
                listed = ", ".join(map(str, values))
                raise UsageError(
                    f"the {name} is {value!r}", code="E_OPTION", value=value,
                    hint=f"there are {listed}",
                )  # fmt: skip
        strange = [m.name for m in self.references if not m.is_pet]
        if strange or (self.references and self.already_suvr):
            why = f"{strange[0]} is no PET" if strange else "the scans are said to be SUVR already"
            raise UsageError(
                f"a reference region is given, but {why}", code="E_OPTION",
                value=" ".join(m.name for m in self.references), hint="leave it out",
            )  # fmt: skip

    def record(self) -> dict[str, Any]:
        """Everything as plain JSON values; masks by their content."""
        return {
            "Voxel": self.voxel,
            "Warp": self.warp,
            "BrainExtraction": self.extraction,
            "ReferenceSHA256": {m.name: sha256(path) for m, path in self.references.items()},
            "AlreadySUVR": self.already_suvr,
            "AssumedOrientation": self.orientation,
            "PreferredForm": self.form,
            "Nonfinite": self.nonfinite,
            "Version": __version__,
        }
