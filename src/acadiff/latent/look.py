"""One scan as the measures of `latent.typical` see it, and their verdict in words."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from acadiff.latent.codec import Codec
from acadiff.latent.typical import MEASURES, Look, Typical
from acadiff.modality import Modality
from acadiff.volume.grid import Grid
from acadiff.volume.labels import LABELS, labels
from acadiff.volume.lattice import COARSE_MM, block_mean
from acadiff.volume.template import template

ALARM, REFUSAL = 0.05, 0.01
"""p at or below which a scan is called unusual, and not to be trusted: so often are usual ones."""

_WORDS = {
    "pattern": "its overall pattern or level",
    "residual": "details all over the brain",
    "spot": "a spot near {place}",
    "patch": "a patch near {place}",
    "noise": "its noise",
    "texture": "its noise, sharpness or contrast",
    "reconstruction": "what the codec cannot represent",
}


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of one scan.

    Args:
        score: the largest standardised measure.
        p: share of usual scans with such a score or a higher one.
        measure: which of `MEASURES` it was.
        reason: the same in words, with the place where there is one.
    """

    score: float
    p: float
    measure: str
    reason: str

    @property
    def word(self) -> str:
        """`typical`, `unusual` or `do not trust`."""
        if self.p > ALARM:
            return "typical"
        return "do not trust" if self.p <= REFUSAL else "unusual"


@torch.no_grad()
def look(codec: Codec, image: Float[Tensor, "1 i j k"], voxel: int) -> Look:
    """Look at one scan on the model's grid and scale."""
    latent = codec.encode(image[None])
    error = (codec.decode(latent)[0, 0] - image[0]).numpy()
    return looked(image[0].numpy(), latent[0].numpy(), error, voxel)


def looked(
    image: Float[np.ndarray, "i j k"],
    latent: Float[np.ndarray, "c x y z"],
    error: Float[np.ndarray, "i j k"],
    voxel: int,
) -> Look:
    """The same, from its latent and the codec's error."""
    brain = brain_cells(voxel, image.shape[0] // latent.shape[1])
    inside = np.square(error[template(voxel).brain > 0.5]).mean()
    energies = [*np.square(latent[:, brain]).mean(axis=1), inside]
    factor = place_factor(voxel)
    places = block_mean(image, factor)[brain_cells(voxel, factor)]
    return Look(places, 0.5 * np.log(np.array(energies, np.float64) + 1e-12))


def place_factor(voxel: int) -> int:
    """How many voxels a place of `latent.typical` is wide."""
    return max(1, COARSE_MM // voxel)


@cache
def brain_cells(voxel: int, factor: int) -> Bool[np.ndarray, "x y z"]:
    """Cubes of so many voxels that are mostly brain on average."""
    cells: Bool[np.ndarray, "x y z"] = block_mean(template(voxel).brain, factor) > 0.5
    return cells


def judge(typical: Typical, seen: Look, grid: Grid) -> Verdict:
    """Tell whether a scan is usual, and if not, what is odd about it."""
    standard = typical.standardised(seen)
    worst = int(standard.argmax())
    measure, score = MEASURES[worst], float(standard[worst])
    reason = _WORDS[measure]
    if "{place}" in reason:
        reason = reason.format(place=_place(typical.oddest(seen, measure), typical, grid))
    return Verdict(round(score, 3), round(typical.p(score), 5), measure, reason)


def advice(modality: Modality, verdict: Verdict) -> str:
    """One sentence on a scan that is not typical."""
    return (
        f"the {modality.title} is {verdict.word}: {verdict.reason} lies outside of what is usual "
        f"in training (p = {verdict.p:.2g})"
    )


def _place(cell: tuple[int, int, int], typical: Typical, grid: Grid) -> str:
    """Region and MNI millimetres of a cell."""
    factor = grid.shape[0] // typical.brain.shape[0]
    middle = [(c + 0.5) * factor - 0.5 for c in cell]
    x, y, z = (grid.affine @ [*middle, 1])[:3]
    block = labels(grid.voxel)[tuple(slice(c * factor, (c + 1) * factor) for c in cell)]
    known = block[(block >= 0) & (block < len(LABELS) - 1)]
    name = LABELS[np.bincount(known).argmax()] if known.size else LABELS[-1]
    return f"{name.replace('_', ' ')} (MNI {x:.0f}, {y:.0f}, {z:.0f} mm)"
