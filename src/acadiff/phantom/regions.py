"""How disease treats each of the 26 regions of the phantom, in the order of `volume.regions`.

Atrophy rates are the yearly losses in Alzheimer's disease by FreeSurfer region (Carmichael et al.,
as used by Simul@trophy); FDG losses follow the meta-analyses of FDG-PET; the amyloid capacities
follow the law SUVR = NS + A K (Whittington 2018). Everything else is calibrated, see
`docs/phantom.md`.
"""

from enum import Enum
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from acadiff.volume.regions import NAMES


class Kind(Enum):
    """What a region is made of; decides which rules apply to it."""

    CORTEX = "cortex"
    DEEP = "deep grey matter"
    STEM = "brainstem"
    CEREBELLUM = "cerebellum"


class Region(NamedTuple):
    """One row of the table.

    Args:
        kind: tissue class.
        fdg: normal FDG uptake, relative to cortex.
        fdg_loss: fraction of it lost at F = 1 (before `Images.fdg_loss`).
        av45: non-specific AV45 uptake of the grey matter.
        capacity: AV45 uptake added at A = 1.
        atrophy: yearly loss of volume in Alzheimer's disease, percent.
        limbic: subtype loading, +1 limbic-predominant … -1 cortical-predominant.
        other: loading on the neurodegeneration that is not Alzheimer's.
    """

    kind: Kind
    fdg: float
    fdg_loss: float
    av45: float
    capacity: float
    atrophy: float
    limbic: float
    other: float


_C, _D, _S, _B = Kind.CORTEX, Kind.DEEP, Kind.STEM, Kind.CEREBELLUM

# fmt: off
REGIONS: dict[str, Region] = {
    "hippocampus": Region(_C, 0.72, 0.14, 0.98, 0.20, 5.2, 1.0, 0.35),
    "amygdala": Region(_C, 0.70, 0.10, 0.95, 0.30, 5.2, 1.0, 0.35),
    "parahippocampal": Region(_C, 0.74, 0.16, 0.97, 0.35, 5.8, 1.0, 0.30),
    "temporal_pole": Region(_C, 0.76, 0.14, 0.95, 0.70, 6.2, 0.7, 0.35),
    "inferior_temporal": Region(_C, 0.92, 0.24, 0.98, 0.85, 5.2, 0.2, 0.15),
    "middle_temporal": Region(_C, 0.96, 0.25, 0.98, 0.95, 5.2, 0.0, 0.15),
    "superior_temporal": Region(_C, 1.00, 0.13, 1.00, 0.75, 3.9, 0.0, 0.12),
    "fusiform": Region(_C, 0.97, 0.15, 1.00, 0.60, 4.8, 0.3, 0.10),
    "posterior_cingulate": Region(_C, 1.16, 0.30, 1.02, 1.15, 3.6, -0.3, 0.05),
    "precuneus": Region(_C, 1.13, 0.27, 1.02, 1.20, 3.3, -0.8, 0.05),
    "angular": Region(_C, 1.06, 0.30, 1.00, 1.00, 3.5, -1.0, 0.08),
    "supramarginal": Region(_C, 1.02, 0.22, 1.00, 0.90, 3.3, -0.8, 0.08),
    "superior_parietal": Region(_C, 0.97, 0.18, 0.98, 0.75, 2.2, -1.0, 0.05),
    "dorsolateral_frontal": Region(_C, 1.06, 0.14, 1.00, 1.10, 3.0, -0.4, 0.20),
    "medial_orbitofrontal": Region(_C, 1.03, 0.12, 1.02, 1.20, 2.3, 0.0, 0.25),
    "anterior_cingulate": Region(_C, 1.00, 0.09, 1.05, 1.15, 2.6, 0.0, 0.18),
    "superior_frontal": Region(_C, 1.03, 0.11, 0.98, 0.95, 3.2, -0.3, 0.15),
    "inferior_frontal": Region(_C, 1.03, 0.12, 1.00, 0.95, 3.0, 0.0, 0.18),
    "sensorimotor": Region(_C, 1.00, 0.02, 1.00, 0.40, 1.3, 0.0, 0.02),
    "insula": Region(_C, 0.98, 0.09, 1.05, 0.75, 3.1, 0.2, 0.15),
    "calcarine": Region(_C, 1.14, 0.03, 1.05, 0.40, 0.9, 0.0, 0.00),
    "lateral_occipital": Region(_C, 1.06, 0.13, 1.00, 0.60, 2.2, -0.5, 0.03),
    "striatum": Region(_D, 1.20, 0.04, 1.12, 0.85, 1.5, 0.0, 0.05),
    "thalamus": Region(_D, 1.10, 0.05, 1.22, 0.35, 1.5, 0.0, 0.05),
    "brainstem": Region(_S, 0.72, 0.0, 1.45, 0.0, 0.0, 0.0, 0.0),
    "cerebellum": Region(_B, 0.93, 0.00, 0.98, 0.00, 0.3, 0.0, 0.00),
}
# fmt: on


def column(name: str) -> Float[np.ndarray, " r"]:
    """One numeric column of the table, in the order of `NAMES`."""
    return np.array([getattr(region, name) for region in REGIONS.values()], dtype=np.float64)


def of_kind(*kinds: Kind) -> Float[np.ndarray, " r"]:
    """1 for the regions of these kinds, 0 elsewhere, in the order of `NAMES`."""
    return np.array([float(region.kind in kinds) for region in REGIONS.values()])


def named(*names: str) -> Float[np.ndarray, " r"]:
    """1 for these regions, 0 elsewhere, in the order of `NAMES`."""
    return np.array([float(name in names) for name in NAMES])
