"""Registration finds what was moved; what ANTs writes is what we mean."""

import builtins
from importlib.util import find_spec

import native as simulated
import numpy as np
import pytest

from acadiff import phantom
from acadiff.cohort.candidate import Candidate
from acadiff.errors import MissingInputError
from acadiff.modality import Modality
from acadiff.phantom import Parameters
from acadiff.phantom.warp import displacement
from acadiff.registration import ants
from acadiff.registration.back import to_scan
from acadiff.registration.describe import scan_sidecar, ways
from acadiff.registration.nearest import nearest, settled
from acadiff.registration.options import Options
from acadiff.registration.transform import Linear, write_linear
from acadiff.registration.visit import prepare
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.quality import dice, template_mask
from acadiff.volume.resample import onto, onto_grid
from acadiff.volume.template import template

MRI, FDG, AV45 = Modality
SCANS = phantom.render(phantom.enrol(12, 3, Parameters()), 2)
MOVES = {m: simulated.motion(np.random.default_rng(m.index)) for m in Modality}
POINTS = np.array([[x, y, z, 1] for x in (-50, 50) for y in (-80, 50) for z in (-30, 60)]).T
TEMPLATE = Volume(template(2).t1[None], Grid(2).affine, MRI)


def registers(test):
    """Takes long, and needs ANTs."""
    lacking = find_spec("ants") is None
    return pytest.mark.slow(pytest.mark.skipif(lacking, reason="antspyx is not installed")(test))


def visit(folder, scans, **options):
    """Acquired scans on disk, prepared."""
    folder.mkdir(exist_ok=True)
    candidates = {}
    for modality, acquired in scans.items():
        path = folder / f"{modality.name}.nii.gz"
        simulated.save(path, acquired)
        candidates[modality] = Candidate(path, "1", None, modality)
    return prepare("sub-1", candidates, Options(**options), folder, folder)


def test_without_antspy_it_says_what_to_install(tmp_path, monkeypatch):
    find = builtins.__import__

    def without(name, *rest):
        if name == "ants":
            raise ImportError("No module named 'ants'", name="ants")
        return find(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    ants.library.cache_clear()
    with pytest.raises(
        MissingInputError, match=r"pip install 'acadiff\[registration\]'"
    ) as caught:
        ants.library()
    assert caught.value.code == "E_NO_REGISTRATION"
    acquired = simulated.acquire(SCANS[MRI], MOVES[MRI], voxel=(4, 4, 4))
    made = visit(tmp_path, {MRI: acquired}, voxel=4)
    assert [problem.code for problem in made.problems] == ["E_NO_REGISTRATION"]
    ants.library.cache_clear()


def test_a_native_pet_alone_is_refused(tmp_path):
    acquired = simulated.acquire(SCANS[FDG], MOVES[FDG], voxel=(4, 4, 4))
    made = visit(tmp_path, {FDG: acquired}, voxel=4)
    assert [problem.code for problem in made.problems] == ["E_NO_MRI"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The default: an affine map, at 2 mm."""
    scans = {
        m: simulated.acquire(v, MOVES[m], orientation="PIR", oblique=6) for m, v in SCANS.items()
    }
    return visit(tmp_path_factory.mktemp("native"), scans, voxel=2)


@registers
def test_all_is_found_and_nothing_is_odd(made):
    assert set(made.scans) == set(Modality)
    assert made.problems == ()
    assert (made.space, made.extraction) == ("native", "stripped")


@registers
def test_motion_makes_no_difference(made):
    """As if the scans had been registered from where they were simulated."""
    fixed = ants.unbiased(SCANS[MRI], SCANS[MRI].data[0] > 0)
    unmoved = settled(TEMPLATE, fixed, ants.linear(TEMPLATE, fixed, "Affine"), "Affine").matrix
    found = np.linalg.inv(MOVES[MRI]) @ made.scans[MRI].linear.matrix
    assert np.linalg.norm((found - unmoved) @ POINTS, axis=0).max() < 1


@pytest.fixture(scope="module")
def brain(made):
    """The simulated brain after what the map does to a head on purpose."""
    share = Volume((SCANS[MRI].data > 0).astype(np.float32), Grid(2).affine, MRI)
    found = made.scans[MRI].linear
    return simulated.like(share, MOVES[MRI], found, Grid(2), order=1).data[0] > 0.5


@registers
def test_what_was_simulated_is_recovered(made, brain):
    """But for what the map does to a head on purpose, which it tells."""
    found = made.scans[MRI].linear
    for modality, scanned in made.scans.items():
        truth = simulated.like(SCANS[modality], MOVES[MRI], found, Grid(2))
        assert simulated.in_brain(scanned.volume, truth, brain) >= 0.98
        if modality.is_pet:
            one, other = scanned.volume, truth
            assert abs(simulated.composite(one) / simulated.composite(other) - 1) < 0.03
            ratio = simulated.regional(one) / simulated.regional(other)
            assert np.abs(ratio - 1).max() < 0.03


@registers
def test_the_brain_is_the_one_that_was_simulated(made, brain):
    assert dice(made.mask, brain) > 0.98


@registers
def test_pets_lie_on_the_mri_to_a_millimetre(made):
    there = MOVES[MRI] @ POINTS
    for modality in (FDG, AV45):
        true = MOVES[modality] @ np.linalg.inv(MOVES[MRI])
        off = (made.scans[modality].linear.matrix - true) @ there
        assert np.linalg.norm(off[:3], axis=0).max() < 1


@registers
def test_again_is_the_same_to_the_bit():
    small = onto(SCANS[MRI], (50, 60, 50), Grid(4).affine)
    one, other = (ants.linear(TEMPLATE, small, "Affine") for _ in range(2))
    assert np.array_equal(one.matrix, other.matrix)


def scanned(number, motion_seed, sizes):
    """A person, and the scans that were taken: each moved, the MRI in voxels of some size."""
    person = phantom.enrol(12, number, Parameters())
    rng = np.random.default_rng(motion_seed)
    scans = {
        m: simulated.acquire(v, simulated.motion(rng), voxel=None if m.is_pet else sizes)
        for m, v in phantom.render(person, 2).items()
    }
    return person, scans


@registers
@pytest.mark.parametrize(
    ("number", "motion_seed", "sizes"),
    [(1, 1, (1, 1, 1)), (2, 7, (0.94, 0.94, 1.2)), (5, 3, (1.5, 1.5, 1.5))],
)
def test_what_is_only_moved_is_what_was_simulated(tmp_path, number, motion_seed, sizes):
    """Held against the very volume, though the template may not look like the person."""
    person, scans = scanned(number, motion_seed, sizes)
    made = visit(tmp_path, scans, voxel=2, warp="rigid")
    assert made.problems == ()
    truth = phantom.render(person, 2)
    inside = truth[MRI].data[0] > 0
    for modality, scan in made.scans.items():
        alike = simulated.in_brain(scan.volume, truth[modality], inside)
        assert alike >= (0.95 if modality.is_pet else 0.9)
        if modality.is_pet:
            one, other = scan.volume, truth[modality]
            assert abs(simulated.composite(one) / simulated.composite(other) - 1) < 0.03


@registers
@pytest.mark.parametrize("kind", ["Rigid", "Affine"])
def test_it_settles_nearer_to_the_best_map_than_edges_do(kind):
    """The best is the map nearest to the deformation by which the person was simulated."""
    person = phantom.enrol(12, 2, Parameters())
    index, affine = np.argwhere(template_mask()), Grid(4).affine
    points = index @ affine[:3, :3].T + affine[:3, 3]
    away = displacement(person, Parameters().shape)[:, *index.T].T
    best = nearest(points + away, points, kind).matrix
    moved = simulated.acquire(phantom.render(person, 2)[MRI], MOVES[AV45], voxel=(2, 2, 2))
    start = ants.linear(TEMPLATE, moved.volume, kind)
    found = settled(TEMPLATE, moved.volume, start, kind)
    whole = np.c_[points, np.ones(len(points))].T
    off = [
        np.linalg.norm((np.linalg.inv(MOVES[AV45]) @ m.matrix - best) @ whole, axis=0).mean()
        for m in (start, found)
    ]
    assert off[1] < min(0.5, off[0])


@registers
def test_a_deformation_does_not_make_a_person_a_stranger(tmp_path):
    """Bent to the template, brains look alike, and no PET would seem to be its MRI's."""
    scans = {m: simulated.acquire(v, MOVES[m], voxel=(2, 2, 2)) for m, v in SCANS.items()}
    bent = visit(tmp_path / "own", scans, voxel=4, warp="syn")
    assert [p.code for p in bent.problems] == []
    other = phantom.render(phantom.enrol(12, 4, Parameters()), 2)[AV45]
    scans[AV45] = simulated.acquire(other, MOVES[AV45], voxel=(2, 2, 2))
    swapped = visit(tmp_path / "swapped", scans, voxel=4, warp="syn")
    assert [p.code for p in swapped.problems] == ["W_QC_PAIR"]


@registers
def test_a_whole_head_is_stripped_by_the_template(tmp_path):
    head = simulated.head(SCANS[MRI])
    acquired = simulated.acquire(
        head, MOVES[MRI], voxel=(1.5, 1.5, 1.5), orientation="LPS", extent=(240, 260, 300)
    )
    made = visit(tmp_path, {MRI: acquired}, voxel=2)
    assert made.extraction == "template"
    assert set(made.scans) == {MRI}
    back = onto_grid(
        SCANS[MRI], Grid(2), np.linalg.inv(MOVES[MRI]) @ made.scans[MRI].linear.matrix
    )
    truth = back.data[0] > 0.1
    assert 2 * (made.mask & truth).sum() / (made.mask.sum() + truth.sum()) > 0.9
    assert simulated.in_brain(made.scans[MRI].volume, back, made.mask & truth) > 0.9


@registers
def test_a_deformation_brings_nearer_and_leads_back(tmp_path):
    acquired = simulated.acquire(SCANS[MRI], MOVES[MRI], voxel=(2, 2, 2))
    bent = visit(tmp_path / "bent", {MRI: acquired}, voxel=2, warp="syn")
    straight = visit(tmp_path / "straight", {MRI: acquired}, voxel=2)
    one, other = (v.scans[MRI].measures["nmi_template"] for v in (bent, straight))
    assert one > other
    files = {(way.start, way.end): way for way in ways(bent)}
    assert {key: way.suffix for key, way in files.items()} == {
        ("T1w", "MNI152NLin2009aSym"): ".h5",
        ("MNI152NLin2009aSym", "T1w"): ".h5",
    }
    files["MNI152NLin2009aSym", "T1w"].write(tmp_path / "back.h5")
    sidecar = scan_sidecar(bent, bent.scans[MRI], Options(voxel=2, warp="syn"), "x")
    again = to_scan(bent.scans[MRI].volume, sidecar, tmp_path / "back")
    assert np.array_equal(again.affine, bent.scans[MRI].given.scan.header.affine)
    inside = acquired.volume.data[0] > 50
    assert simulated.in_brain(again, acquired.volume, inside) > 0.9


@registers
def test_ants_moves_an_image_as_we_do(tmp_path):
    linear = Linear(MOVES[FDG])
    write_linear(tmp_path / "a.txt", linear)
    theirs = ants.carried(SCANS[FDG], Grid(2).shape, Grid(2).affine, [tmp_path / "a.txt"])
    ours = onto_grid(SCANS[FDG], Grid(2), linear.matrix)
    differing = np.abs(theirs.data - ours.data) > 2e-3  # at the very edge of the field of view
    assert differing.mean() < 1e-4
