"""What all subjects share: the parcellation and the basis of atrophy.

Regions and velocities live on the coarse lattice (4 mm), whatever the voxel size.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float
from scipy import fft
from scipy.special import expit

from acadiff.phantom.fields import smooth
from acadiff.phantom.regions import named
from acadiff.volume.lattice import COARSE_MM
from acadiff.volume.regions import NAMES, parcellation
from acadiff.volume.template import Template, positions, template

_FULLEST = 0.8  # of the densest loss
_POURINGS = 20
_LOBES = {
    "temporal": (
        "temporal_pole",
        "inferior_temporal",
        "middle_temporal",
        "fusiform",
        "superior_temporal",
    ),
    "parietal": (
        "angular",
        "supramarginal",
        "precuneus",
        "posterior_cingulate",
        "superior_parietal",
    ),
    "frontal": (
        "dorsolateral_frontal",
        "medial_orbitofrontal",
        "anterior_cingulate",
        "superior_frontal",
        "inferior_frontal",
        "insula",
    ),
}
_MEDIAL_TEMPORAL = {"hippocampus": 1.0, "amygdala": 0.9, "parahippocampal": 0.6}

Velocity = Float[np.ndarray, "3 x y z"]
"""Millimetres on the coarse lattice."""


@dataclass(frozen=True)
class Atlas:
    """Shared maps on the coarse lattice.

    Args:
        regions: share of every region of `NAMES`, summing to 1 at each point.
        left: share of the left hemisphere.
        velocity: per target ("mtl left" … "ventricle"), the field whose mean divergence inside
            the target is exactly -1 (+1 for the ventricles).
    """

    regions: Float[np.ndarray, "r x y z"]
    left: Float[np.ndarray, "x y z"]
    velocity: dict[str, Velocity]

    def map(self, values: Float[np.ndarray, " r"]) -> Float[np.ndarray, "x y z"]:
        """Spread one value per region over the lattice."""
        return np.tensordot(values.astype(np.float32), self.regions, 1)


@cache
def atlas() -> Atlas:
    """Build the atlas; takes about two seconds, once per process."""
    coarse = template(COARSE_MM)
    regions = parcellation()
    left = np.broadcast_to(expit(-positions(COARSE_MM)[0] / 4.0), coarse.gm.shape)
    return Atlas(regions, left.astype(np.float32), _velocities(coarse, regions, left))


def _velocities(
    here: Template, regions: Float[np.ndarray, "r x y z"], left: Float[np.ndarray, "x y z"]
) -> dict[str, Velocity]:
    """One field per lobe and side, and one for the ventricles."""
    weights = np.array([_MEDIAL_TEMPORAL.get(name, 0.0) for name in NAMES], np.float32)
    targets = {"mtl": (np.tensordot(weights, regions, 1) * (here.gm + here.wm), 26.0)}
    for lobe, members in _LOBES.items():
        share = np.tensordot(named(*members).astype(np.float32), regions, 1)
        targets[lobe] = (share * here.gm, 22.0)
    fields = {}
    for side, hemisphere in (("left", left), ("right", 1 - left)):
        for lobe, (target, reach) in targets.items():
            loss = (target * hemisphere).astype(np.float32)
            filled = smooth(loss, reach / COARSE_MM) * (here.csf**2 + 0.01 * here.brain)
            filled *= np.clip(1 - 2 * loss, 0, 1)
            fields[f"{lobe} {side}"] = _field(loss, filled)
    hind = np.tensordot(named("brainstem", "cerebellum").astype(np.float32), regions, 1)
    around = (here.brain > 0.5) * (1 - here.ventricle) * (1 - hind) * (here.wm + 0.3 * here.gm)
    return fields | {"ventricle": -_field(here.ventricle, around)}


def _field(loss: Float[np.ndarray, "x y z"], gain: Float[np.ndarray, "x y z"]) -> Velocity:
    """Irrotational field that takes volume from `loss` and gives it to `gain`.

    Rescaled so that the realised mean divergence in the target is -1: on the lattice only a part
    of what is prescribed survives (24 % for the hippocampus).
    """
    velocity = _gradient_of_potential(_poured(gain, loss) - loss)
    divergence = sum(np.gradient(v, COARSE_MM, axis=axis) for axis, v in enumerate(velocity))
    return velocity / np.float32(-(divergence * loss).sum() / loss.sum())


def _poured(
    gain: Float[np.ndarray, "x y z"], loss: Float[np.ndarray, "x y z"]
) -> Float[np.ndarray, "x y z"]:
    """Spread the volume of `loss` over `gain`, nowhere as densely as it left: or space folds."""
    full, volume = _FULLEST * loss.max(), loss.sum()
    poured: Float[np.ndarray, "x y z"] = gain * (volume / gain.sum())
    for _ in range(_POURINGS):
        poured = np.minimum(poured, full)
        room = gain * (poured < full)
        poured += room * ((volume - poured.sum()) / room.sum())
    return poured


def _gradient_of_potential(rho: Float[np.ndarray, "x y z"]) -> Velocity:
    """∇φ with ∇²φ = ρ, by a zero-padded Fourier transform."""
    padded = [2 * n for n in rho.shape]
    steps = [2 * np.pi * fft.fftfreq(n, COARSE_MM) for n in padded[:2]]
    steps.append(2 * np.pi * fft.rfftfreq(padded[2], COARSE_MM))
    k = np.meshgrid(*steps, indexing="ij", sparse=True)
    squared = k[0] ** 2 + k[1] ** 2 + k[2] ** 2
    squared[0, 0, 0] = 1.0
    potential = -fft.rfftn(rho, padded) / squared
    potential[0, 0, 0] = 0.0
    box = tuple(slice(n) for n in rho.shape)
    parts = [fft.irfftn(1j * axis * potential, padded)[box] for axis in k]
    return np.stack(parts).astype(np.float32)
