"""The proxy of hippocampal volume follows the hippocampus, and nothing that does not matter."""

import numpy as np
import pytest

from acadiff.modality import Modality
from acadiff.phantom import Simulation, scans_of, scene_of
from acadiff.phantom.atlas import atlas
from acadiff.phantom.warp import at_voxel, carry
from acadiff.volume.grid import Grid
from acadiff.volume.hippocampus import hippocampal_volume
from acadiff.volume.lattice import upsample
from acadiff.volume.mask import brain_mask
from acadiff.volume.regions import NAMES
from acadiff.volume.template import template

VOXEL = 4
HIPPOCAMPAL = 0.58


def whole(voxel=VOXEL):
    return np.ones(Grid(voxel).shape, bool)


@pytest.mark.parametrize("voxel", [2, 4])
def test_the_template_has_its_own_volume(voxel):
    here = template(voxel)
    data = (here.t1 * (here.brain > 0.5)).astype(np.float32)
    assert hippocampal_volume(data, whole(voxel), voxel) == pytest.approx(8.024, abs=1e-3)


def test_unit_and_offset_of_the_scan_do_not_matter():
    data = template(VOXEL).t1.astype(np.float32) ** 1.3
    plain = hippocampal_volume(data, whole(), VOXEL)
    assert hippocampal_volume(700 * data, whole(), VOXEL) == pytest.approx(plain, rel=1e-4)
    assert hippocampal_volume(data + 3, whole(), VOXEL) == pytest.approx(plain, rel=1e-3)


def test_far_from_the_hippocampus_nothing_matters():
    data = template(VOXEL).t1.astype(np.float32)
    other = data.copy()
    other[:, 30:] *= 0.9
    other[:, :, 26:] *= 0.9
    same = hippocampal_volume(other, whole(), VOXEL)
    assert same == pytest.approx(hippocampal_volume(data, whole(), VOXEL), rel=0.02)


def test_a_scan_that_shows_nothing_has_no_volume():
    assert np.isnan(hippocampal_volume(np.zeros(Grid(VOXEL).shape, np.float32), whole(), VOXEL))
    data = template(VOXEL).t1.astype(np.float32)
    assert np.isnan(hippocampal_volume(data, ~whole(), VOXEL))


def test_it_follows_the_true_volume_of_simulated_people():
    own = upsample(atlas().regions[NAMES.index("hippocampus")], VOXEL) > HIPPOCAMPAL
    own = (own & (template(VOXEL).gm > 0.5)).astype(np.float32)
    simulation = Simulation(600, VOXEL, 11)
    pairs = []
    for index in range(1, 600, 40):
        scene = scene_of(simulation.person(index), VOXEL)
        mri = scans_of(scene, VOXEL)[Modality.MRI]
        true = carry(own, at_voxel(scene.brain.moved, VOXEL), VOXEL).sum() * VOXEL**3 / 1000
        pairs.append((true, hippocampal_volume(mri.data[0], brain_mask(mri), VOXEL)))
    assert np.corrcoef(*np.transpose(pairs))[0, 1] > 0.8
