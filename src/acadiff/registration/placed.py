"""What the two ways onto the grid have in common: scans as read, and scans as placed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from acadiff.cohort.candidate import Candidate
from acadiff.errors import AcadiffError, Problem, ScanError
from acadiff.modality import Modality
from acadiff.registration.options import Options
from acadiff.registration.transform import Linear
from acadiff.volume.alignment import Anatomy, Image
from acadiff.volume.glance import COARSEST_MM
from acadiff.volume.grid import grid_of
from acadiff.volume.image import Scan, Volume, load_scan
from acadiff.volume.nifti import shown
from acadiff.volume.quality import coarse_mask, coverage
from acadiff.volume.resample import Affine
from acadiff.volume.space import Space, detect, remarks

Mask = Bool[np.ndarray, "i j k"]


@dataclass(frozen=True, eq=False)
class Given:
    """A scan that was read.

    Args:
        candidate: its file, and what its name tells.
        scan: its content.
        space: the template that it lies on; None if it is native.
        where: its file, as messages call it.
    """

    candidate: Candidate
    scan: Scan
    space: Space | None
    where: str

    @property
    def volume(self) -> Volume:
        """Its voxels."""
        return self.scan.volume


@dataclass(frozen=True, eq=False)
class Placed:
    """The scans of a visit on the grid, heads and all.

    Args:
        volumes: on the grid, not yet masked.
        mask: the brain on the grid.
        extraction: how the brain was found.
        coverage: share of the template's brain in the field of view of each scan.
        supports: where scans that came without a head show brain, at the measures' voxel size.
        pairs: of PETs that were deformed with their MRI, both as they were before, at that voxel
            size.
        linear: of native scans: template mm → mm of the MRI, mm of the MRI → mm of a PET.
        files: deformations: BIDS label of the space that a scan is brought to → a file to move.
        notes: what is to be said.
        refused: scans that could not be placed.
    """

    volumes: Mapping[Modality, Volume]
    mask: Mask
    extraction: str
    coverage: Mapping[Modality, float] = field(default_factory=dict)
    supports: Mapping[Modality, Bool[np.ndarray, "x y z"]] = field(default_factory=dict)
    pairs: Mapping[Modality, tuple[Anatomy, Image]] = field(default_factory=dict)
    linear: Mapping[Modality, Linear] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    notes: tuple[Problem, ...] = ()
    refused: Mapping[Modality, Problem] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a visit without a brain."""
        if not self.mask.any():
            raise ScanError(
                "its brain mask is empty on the grid",
                code="E_EMPTY_MASK",
                value=self.extraction,
                hint="look at the MRI and its mask, or choose another --brain",
            )

    @cached_property
    def inside(self) -> Bool[np.ndarray, "x y z"]:
        """The brain at the voxel size of the measures."""
        voxel = float(next(iter(self.volumes.values())).affine[0, 0])
        return coarse_mask(self.mask, round(voxel))

    def through(self, modality: Modality) -> Affine | None:
        """Template mm → mm of a scan, but for a deformation; None if it came on a template."""
        if Modality.MRI not in self.linear:
            return None
        mri = self.linear[Modality.MRI]
        own = mri.then(self.linear[modality]) if modality.is_pet else mri
        return own.matrix

    def seen(self, givens: Mapping[Modality, Given]) -> "Placed":
        """With the share of the template's brain that each scan shows."""
        shares = {
            m: coverage(givens[m].volume.data.shape[1:], givens[m].volume.affine, self.through(m))
            for m in self.volumes
        }
        return replace(self, coverage=shares)


def read(candidate: Candidate, options: Options, where: str) -> Given:
    """Read one scan and tell its space.

    Raises:
        MissingInputError: there is no such file.
        ScanError: it is refused by the reader, its voxels are too large (E_VOXSIZE), or its name
            contradicts its grid (E_SPACE).
    """
    scan = load_scan(
        candidate.path,
        candidate.modality,
        frames="mean" if candidate.modality.is_pet else "refuse",
        assume_orientation=options.orientation,
        prefer_form=options.form,
        nonfinite="refuse" if options.nonfinite == "refuse" else "zero",
    )
    _require_fine(scan.volume)
    space = detect(scan.volume.data.shape[1:], scan.volume.affine, candidate.space)
    return Given(candidate, scan, space, where)


def read_all(
    candidates: Mapping[Modality, Candidate], options: Options, root: Path | None
) -> tuple[dict[Modality, Given], dict[Modality, Problem]]:
    """Read what can be read of a visit; the rest becomes problems.

    Args:
        candidates: one file a scan.
        options: how.
        root: what the paths in messages are relative to.
    """
    given, refused = {}, {}
    for modality, candidate in candidates.items():
        path = candidate.path
        inside = root is not None and path.is_relative_to(root)
        where = shown(path.relative_to(root) if root is not None and inside else path)
        try:
            given[modality] = read(candidate, options, where)
        except AcadiffError as error:
            refused[modality] = _told(where, path, Problem.of(where, error))
    return given, refused


def notes_of(given: Given) -> tuple[Problem, ...]:
    """What is to be said of a scan that was read."""
    path, where = given.candidate.path, given.where
    own = tuple(_told(where, path, note) for note in given.scan.notes)
    return own + (remarks(where, given.space) if given.space else ())


def _told(where: str, path: Path, problem: Problem) -> Problem:
    """The same problem, its sentence headed by `where`."""
    text = problem.text.removeprefix(f"{shown(path)}: ")
    return replace(problem, where=where, text=f"{where}: {text}")


def _require_fine(volume: Volume) -> None:
    sizes = np.linalg.norm(volume.affine[:3, :3], axis=0)
    if sizes.max() <= COARSEST_MM:
        return
    try:
        grid_of(volume)  # what lies there already is not resampled
    except ScanError:
        text = " × ".join(f"{size:.3g}" for size in sizes)
        raise ScanError(
            f"its voxels are {text} mm",
            code="E_VOXSIZE",
            value=text,
            hint=f"more than {COARSEST_MM:g} mm is too coarse; leave the scan out",
        ) from None
