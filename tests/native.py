"""The simulated cohort as acquired scans come: moved, turned, in raw units, under other names.

What was done to a scan is known to the last digit, so that preparing it can be judged.
"""

import json
import shutil
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from acadiff import phantom
from acadiff.bids import Name
from acadiff.modality import Modality
from acadiff.phantom.warp import displacement
from acadiff.registration.nearest import nearest
from acadiff.volume.grid import Grid, grid_of
from acadiff.volume.image import Volume, write_compact
from acadiff.volume.lattice import upsample
from acadiff.volume.quality import MEASURED_MM, template_mask
from acadiff.volume.regions import NAMES, parcellation, reference
from acadiff.volume.resample import onto, onto_grid
from acadiff.volume.template import template

SAID = "SIMULATED digital phantom, not a person"
RAW = {Modality.MRI: 700.0, Modality.FDG: 5321.0, Modality.AV45: 0.031}
"""What one unit of a simulated scan is in the unit of its scanner."""

VOXELS = {
    Modality.MRI: (1.2, 1.0, 1.1),
    Modality.FDG: (2.0, 2.1, 2.4),
    Modality.AV45: (2.5, 2.5, 2.0),
}
ORIENTATIONS = ("RAS", "LPS", "PIR", "ASL", "LAS", "SRA")
EXTENT = (200, 220, 200)
CROP = (169, 208, 179), np.array([[1, 0, 0, -84], [0, 1, 0, -119], [0, 0, 1, -78], [0, 0, 0, 1.0]])
"""Clinica's crop of MNI152NLin2009cSym."""


@dataclass(frozen=True)
class Acquired:
    """A scan as a scanner would have it: its voxels, its affine, and template mm → its mm."""

    volume: Volume
    motion: np.ndarray


def motion(rng, degrees=12, mm=20):
    """A random rigid motion."""
    move = np.eye(4)
    move[:3, :3] = Rotation.from_euler("xyz", rng.uniform(-degrees, degrees, 3), True).as_matrix()
    move[:3, 3] = rng.uniform(-mm, mm, 3)
    return move


def acquire(volume, move, *, voxel=None, orientation="RAS", oblique=0.0, extent=EXTENT):
    """Scan a head that lies in template space: moved, on another lattice, in raw units."""
    sizes = np.array(voxel or VOXELS[volume.modality])
    shape = tuple(int(n) for n in np.round(np.array(extent) / sizes))
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", [oblique, -oblique / 2, oblique / 3], True).as_matrix()
    affine[:3, :3] = turn * sizes
    centre = move @ [0, -17, 5, 1]
    affine[:3, 3] = centre[:3] - affine[:3, :3] @ (np.array(shape) - 1) / 2
    back = np.linalg.inv(move)
    seen = onto(volume, shape, affine, back, order=3).data[0]  # 1 would blur before prepare does
    if not volume.modality.is_pet:  # an MRI without a head ends sharply; a PET is cut by nobody
        there = Volume((volume.data > 0).astype(np.float32), volume.affine, volume.modality)
        inside = onto(there, shape, affine, back).data[0] > 0.5
        seen = np.where(inside, seen, np.float32(0))
    image = nib.Nifti1Image(seen * np.float32(RAW[volume.modality]), affine)
    wanted = nib.orientations.axcodes2ornt(orientation)
    image = image.as_reoriented(
        nib.orientations.ornt_transform(nib.io_orientation(affine), wanted)
    )
    data = np.ascontiguousarray(image.dataobj, dtype=np.float32)
    return Acquired(Volume(data[None], image.affine, volume.modality), move)


def save(path, acquired):
    """Write a scan in the scanner's orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(acquired.volume.data[0], acquired.volume.affine)
    image.set_sform(acquired.volume.affine, 1)
    image.set_qform(acquired.volume.affine, 1)
    image.header["descrip"] = SAID.encode()
    nib.save(image, path)


def head(mri):
    """Wrap a stripped 2 mm MRI into cerebrospinal fluid, skull, skin and a neck."""
    pad = ((25, 25), (25, 25), (45, 20))
    data = np.pad(mri.data[0], pad)
    affine = mri.affine.copy()
    affine[:3, 3] -= 2 * np.array([25, 25, 45])
    outside = ndimage.distance_transform_edt(data <= 0) * 2
    x, y, z = (affine[a, 3] + 2 * np.arange(n) for a, n in enumerate(data.shape))
    grid = np.meshgrid(x, y, z, indexing="ij")
    neck = ((grid[0] / 55) ** 2 + ((grid[1] + 35) / 60) ** 2 < 1) & (grid[2] < -40)
    layers = [(outside < 4, 0.22), (outside < 9, 0.04), (outside < 15, 0.75), (neck, 0.5)]
    skin = np.zeros_like(data)
    for where, value in reversed(layers):
        skin[where] = value
    noise = np.abs(np.random.default_rng(1).normal(0, 0.02, data.shape))
    whole = np.where(data > 0, data, ndimage.gaussian_filter(skin, 0.5)) + noise
    return Volume(whole[None].astype(np.float32), affine, mri.modality)


SEED = 11


def people(root, subjects=3, voxel=2, missing=0.0):
    """The simulated cohort in template space."""
    return phantom.cohort(root, subjects=subjects, voxel=voxel, seed=SEED, missing=missing)


def person(subject):
    """Who one of `people` is."""
    return phantom.enrol(SEED, int(subject.removeprefix("SIM")), phantom.Parameters())


def bids(root, cohort, scans, session=None):
    """Acquired scans as a raw BIDS dataset; `scans` is {subject: {modality: Acquired}}."""
    root.mkdir(parents=True)
    description = {"Name": "SIMULATED scans in their own space", "BIDSVersion": "1.10.0"}
    (root / "dataset_description.json").write_text(json.dumps(description))
    shutil.copy(cohort.root / "participants.tsv", root)
    for subject, own in scans.items():
        for modality, acquired in own.items():
            save(root / Name(subject, modality, session).path(), acquired)
    return root


def on_crop(volume):
    """A scan on Clinica's crop."""
    return onto(volume, *CROP)


def caps(root, volumes):
    """Scans in template space as Clinica leaves them; `volumes` is {subject: {modality: …}}."""
    root.mkdir(parents=True)
    about = {"Name": "SIMULATED", "BIDSVersion": "1.7.0", "CAPSVersion": "1.0.0",
             "DatasetType": "derivative"}  # fmt: skip
    (root / "dataset_description.json").write_text(json.dumps(about))
    for subject, own in volumes.items():
        visit = root / "subjects" / f"sub-{subject}" / "ses-M000"
        for modality, volume in own.items():
            path = visit / caps_name(subject, modality)
            write_compact(path, on_crop(volume), SAID)
    return root


def caps_name(subject, modality):
    """Folder and file of one scan in CAPS."""
    who, space = f"sub-{subject}_ses-M000", "space-MNI152NLin2009cSym_desc-Crop_res-1x1x1"
    if not modality.is_pet:
        return f"t1_linear/{who}_{space}_T1w.nii.gz"
    region = {Modality.FDG: "pons", Modality.AV45: "cerebellumPons"}[modality]
    return f"pet_linear/{who}_trc-{modality.tracer}_{space}_suvr-{region}_pet.nii.gz"


def manifest(path, rows):
    """A table of paths; `rows` is [(subject, session, {modality: path})]."""
    header = ["participant_id", "session_id", *(m.name.lower() for m in Modality)]
    lines = [
        [f"sub-{subject}", session or "n/a", *(str(own.get(m, "n/a")) for m in Modality)]
        for subject, session, own in rows
    ]
    path.write_text("\n".join("\t".join(line) for line in [header, *lines]) + "\n")
    return path


def like(truth, move, linear, grid, order=3):
    """What a scan in template space should become: moved by `move`, then brought by `linear`.

    An affine map makes the head as large as the template's, whereas the simulation keeps its size:
    carrying the truth through the same change compares like with like. [ours]

    Args:
        truth: a scan in template space.
        move: template mm → mm of the MRI, as it was simulated.
        linear: the same, as it was found.
        grid: to bring it to.
        order: of the spline; 1 for a mask.
    """
    return onto_grid(truth, grid, np.linalg.inv(move) @ linear.matrix, order=order)


COMPOSITES = {
    Modality.FDG: ("angular", "posterior_cingulate", "inferior_temporal", "middle_temporal"),
    Modality.AV45: (
        *("medial_orbitofrontal", "anterior_cingulate", "precuneus", "angular"),
        "middle_temporal",
    ),
}


def brain():
    """The template's brain, mm."""
    affine = Grid(MEASURED_MM).affine
    return np.argwhere(template_mask()) @ affine[:3, :3].T + affine[:3, 3]


def best(person, kind="Rigid"):
    """Template mm → mm of the simulated scan: the map nearest to how the person was deformed.

    A person is simulated by a random deformation of the template. Part of it is a turn and a
    shift, which aligning the brains undoes, as nothing in a scan tells it from a motion. This is
    that part, by the simulation's own account.
    """
    points = brain()
    index = np.argwhere(template_mask()).T
    by = np.asarray(displacement(person, phantom.Parameters().shape))[:, *index].T
    return nearest(points + by, points, kind).matrix


def placed(truth, best):
    """A simulated scan where it belongs in template space: what preparing it should recover."""
    return onto_grid(truth, grid_of(truth), best, order=3)


def regional(volume, regions=NAMES):
    """Mean uptake in the grey matter of regions over that of the reference region.

    The simulation divides by each person's own reference region, prepare by the template's: only
    the quotient compares like with like.
    """
    voxel = grid_of(volume).voxel
    grey = template(voxel).gm > 0.5
    own = reference(str(volume.modality.reference_region), voxel)
    shares = [parcellation()[NAMES.index(name)] for name in regions]
    means = [volume.data[0][(upsample(share, voxel) > 0.5) & grey].mean() for share in shares]
    return np.array(means) / volume.data[0][own].mean()


def composite(volume):
    """Mean of the tracer's cortical regions."""
    return float(regional(volume, COMPOSITES[volume.modality]).mean())


def in_brain(first, second, mask):
    """Correlation of two volumes inside a mask."""
    return float(np.corrcoef(first.data[0][mask], second.data[0][mask])[0, 1])


GRID = Grid(2)
