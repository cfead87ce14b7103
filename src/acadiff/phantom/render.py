"""One person → three scans: the simulation in memory."""

import numpy as np

from acadiff.modality import Modality
from acadiff.phantom.anatomy import anatomy
from acadiff.phantom.enrolment import Person
from acadiff.phantom.mri import t1
from acadiff.phantom.parameters import Parameters
from acadiff.phantom.pet import av45, fdg
from acadiff.phantom.scene import Chance, Image, Scene
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.lattice import block_mean

_FINEST_COARSE = 2  # coarser voxels are averages of these
_SCANS = {Modality.MRI: t1, Modality.FDG: fdg, Modality.AV45: av45}


def scene_of(
    person: Person,
    voxel: int,
    parameters: Parameters | None = None,
    chance: Chance = Chance.ACQUIRED,
) -> Scene:
    """The scene of a person at 1 or 2 mm; a voxel of 4 or 8 mm is simulated at 2 mm."""
    parameters = parameters or Parameters()
    fine = min(voxel, _FINEST_COARSE)
    return Scene(person, anatomy(person, fine, parameters), fine, parameters.images, chance)


def scans_of(scene: Scene, voxel: int) -> dict[Modality, Volume]:
    """The three scans of a scene on the grid of `voxel` mm."""
    return {m: _volume(scan(scene), m, scene.voxel, voxel) for m, scan in _SCANS.items()}


def render(
    person: Person,
    voxel: int,
    parameters: Parameters | None = None,
    chance: Chance = Chance.ACQUIRED,
) -> dict[Modality, Volume]:
    """The three scans of a person, `(1 i j k)` each on the grid of `voxel` mm.

    The same person gives the same brain at every voxel size; 4 mm is exactly the block average of
    2 mm. For a counterfactual, replace the person's causes: `A` and `F` change PET alone.
    """
    return scans_of(scene_of(person, voxel, parameters, chance), voxel)


def _volume(image: Image, modality: Modality, fine: int, voxel: int) -> Volume:
    data = block_mean(image, voxel // fine)[None].astype(np.float32)
    return Volume(data, Grid(voxel).affine, modality)
