"""Scans as the scanner left them → the grid: the MRI to the template, the PETs to the MRI.

Maps are found at 2 mm and composed, so that every scan is resampled once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from acadiff.errors import AcadiffError, Problem, ScanError
from acadiff.modality import Modality
from acadiff.registration import ants
from acadiff.registration.brain import STRIPPED, TEMPLATE, extract
from acadiff.registration.nearest import settled
from acadiff.registration.options import Options
from acadiff.registration.placed import Given, Placed, notes_of
from acadiff.registration.transform import Linear, write_linear
from acadiff.volume.alignment import Anatomy, Image
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.mask import brain_mask
from acadiff.volume.quality import MEASURED_MM, is_bare, support
from acadiff.volume.resample import Order, onto, onto_grid
from acadiff.volume.space import MODEL
from acadiff.volume.template import template

_ORDER: Order = 3  # of the spline between voxels: a linear one would blur what is brought
_FOUND_MM = 2  # voxel size at which maps are found
_HEAD_MM = 170.0  # from the crown down; below is neck
_AROUND = 3  # voxels around the template's brain in which heads are compared with it

Mask = Bool[np.ndarray, "i j k"]


@dataclass(frozen=True, eq=False)
class _Way:
    """From the grid to the MRI: a linear map, and perhaps files of a deformation that include it.

    Args:
        options: for the grid.
        linear: template mm → MRI mm.
        files: template → MRI and back, or none.
        scratch: a folder for files that ANTs reads.
    """

    options: Options
    linear: Linear
    scratch: Path
    files: tuple[Path, ...] = field(default=())

    def bring(self, volume: Volume, rigid: Linear | None = None, order: Order = 1) -> Volume:
        """A scan on the grid.

        Args:
            volume: in the space of the MRI, or in its own.
            rigid: MRI mm → its mm, if it is its own.
            order: of the spline between voxels.
        """
        grid = Grid(self.options.voxel)
        if not self.files:
            through = self.linear.then(rigid) if rigid else self.linear
            return onto_grid(volume, grid, through.matrix, order=order)
        chain = [self.files[0]]
        if rigid:
            write_linear(self.scratch / "rigid.txt", rigid)
            chain.append(self.scratch / "rigid.txt")
        fine = Grid(max(1, grid.voxel // 2))
        there = ants.carried(volume, fine.shape, fine.affine, chain, order=order)
        return onto_grid(there, grid)

    def brain(self, mask: Mask, mri: Volume) -> Bool[np.ndarray, "x y z"]:
        """The brain of the MRI on the grid."""
        shares = Volume(mask[None].astype(np.float32), mri.affine, Modality.MRI)
        return np.asarray(self.bring(shares).data[0] > 0.5)


def place(givens: Mapping[Modality, Given], options: Options, scratch: Path) -> Placed:
    """Bring the native scans of a visit onto the grid.

    Raises:
        MissingInputError: ANTs is not installed.
        ScanError: there is no MRI (E_NO_MRI), or it cannot be registered.
    """
    if Modality.MRI not in givens:
        raise ScanError(
            "its PET is native, and there is no MRI to tell where it lies",
            code="E_NO_MRI",
            value=" ".join(m.name for m in givens),
            hint="add the MRI, or give the PET on a template",
        )
    mri, mask, how, linear = _mri(givens[Modality.MRI], options)
    bare = _isotropic(Volume(np.where(mask, mri.data, np.float32(0)), mri.affine, Modality.MRI))
    files: tuple[Path, ...] = ()
    if linear is None:
        start = ants.linear(_template(), bare, _kind(options))
        linear = settled(_template(), bare, start, _kind(options))
    if options.warp == "syn":
        files = ants.deformation(_template(), bare, linear, scratch)
    way = _Way(options, linear, scratch, files)
    volumes, maps = {Modality.MRI: way.bring(mri, order=_ORDER)}, {Modality.MRI: linear}
    refused = {}
    for modality in (m for m in givens if m.is_pet):
        try:
            maps[modality] = ants.linear(bare, _isotropic(givens[modality].volume), "Rigid")
            volumes[modality] = way.bring(givens[modality].volume, maps[modality], _ORDER)
        except AcadiffError as error:
            where = givens[modality].where
            refused[modality] = Problem.of(where, error.at(where))
    placed = Placed(
        volumes,
        way.brain(mask, mri),
        how,
        supports=_supports(volumes),
        pairs=_pairs(way, givens, mri, mask, maps) if files else {},
        linear=maps,
        files=dict(zip((MODEL, "T1w"), files, strict=False)),
        notes=tuple(note for given in givens.values() for note in notes_of(given)),
        refused=refused,
    )
    return placed.seen(givens)


def _pairs(
    way: _Way,
    givens: Mapping[Modality, Given],
    mri: Volume,
    mask: Mask,
    maps: Mapping[Modality, Linear],
) -> dict[Modality, tuple[Anatomy, Image]]:
    """Each PET with the MRI before both are bent to the template, which makes brains alike."""
    straight = _Way(replace(way.options, voxel=MEASURED_MM), way.linear, way.scratch)
    brain = straight.brain(mask, mri)
    anatomy = Anatomy(np.where(brain, straight.bring(mri).data[0], np.float32(0)), brain)
    pets = {m: rigid for m, rigid in maps.items() if m.is_pet}
    return {
        m: (anatomy, straight.bring(givens[m].volume, rigid).data[0]) for m, rigid in pets.items()
    }


def _supports(volumes: Mapping[Modality, Volume]) -> dict[Modality, Mask]:
    """Where PETs that came without a head show brain."""
    pets = {m: volume for m, volume in volumes.items() if m.is_pet}
    return {m: support(volume) for m, volume in pets.items() if is_bare(volume)}


def _mri(given: Given, options: Options) -> tuple[Volume, Mask, str, Linear | None]:
    """The MRI without bias, its brain, how that was found, and the map if it told the brain."""
    volume = given.volume
    found, how = extract(
        given,
        options.extraction,
        stripped=is_bare(volume),
    )
    linear = None
    if how == STRIPPED:
        mask = brain_mask(volume)
    else:
        if how == TEMPLATE:
            linear = _by_head(volume, _kind(options))
            brain = template(_FOUND_MM).brain.astype(np.float32)
            found = Volume(brain[None], Grid(_FOUND_MM).affine, Modality.MRI)
        back = linear.inverse.matrix if linear else None
        assert found is not None
        i, j, k = volume.data.shape[1:]
        mask = onto(found, (i, j, k), volume.affine, back).data[0] > 0.5
    return ants.unbiased(volume, mask), mask, how, linear


def _kind(options: Options) -> str:
    """The linear map that is looked for."""
    return "Rigid" if options.warp == "rigid" else "Affine"


def _by_head(volume: Volume, kind: str) -> Linear:
    """The map of the template onto a whole head, compared around the template's brain alone."""
    fixed, head = _template(), _isotropic(volume)
    around = ndimage.binary_dilation(fixed.data[0] > 0, iterations=_AROUND)
    step = np.eye(4)
    step[:3, 3] = _middle(head, _HEAD_MM) - _middle(fixed, _HEAD_MM)
    start = ants.linear(fixed, head, kind, start=Linear(step), mask=around)
    return settled(fixed, head, start, kind, around)


def _middle(volume: Volume, depth: float) -> np.ndarray:
    """Centre of mass of what is bright, down to `depth` mm below the crown."""
    data = volume.data[0]
    index = np.argwhere(data > data.mean())
    where = index @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    crown = np.percentile(where[:, 2], 99.5)
    return np.asarray(where[where[:, 2] > crown - depth].mean(axis=0))


def _template() -> Volume:
    return Volume(template(_FOUND_MM).t1[None], Grid(_FOUND_MM).affine, Modality.MRI)


def _isotropic(volume: Volume) -> Volume:
    """The same field of view in cubes of the size at which maps are found."""
    sizes = np.linalg.norm(volume.affine[:3, :3], axis=0)
    extent = sizes * volume.data.shape[1:]
    i, j, k = (max(1, int(np.ceil(side / _FOUND_MM))) for side in extent)
    affine = volume.affine.copy()
    affine[:3, :3] *= _FOUND_MM / sizes
    corner = volume.affine[:3, 3] - volume.affine[:3, :3] @ np.full(3, 0.5)
    affine[:3, 3] = corner + affine[:3, :3] @ np.full(3, 0.5)
    return onto(volume, (i, j, k), affine)
