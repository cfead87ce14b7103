"""Read-outs of regions: what a known scan must give, whatever its grid."""

import numpy as np
import pytest

from acadiff.volume.composites import (
    CENTILOID,
    CORTEX,
    META,
    POSITIVE,
    centiloid,
    cortical_composite,
    meta_roi,
    patches,
    uptake,
)
from acadiff.volume.grid import Grid
from acadiff.volume.regions import NAMES
from acadiff.volume.template import positions, template


def whole(voxel):
    return np.ones(Grid(voxel).shape, bool)


def painted(voxel, values):
    """A scan in which every region has its value, blended as the regions are."""
    total, weight = np.zeros(Grid(voxel).shape).ravel(), np.zeros(Grid(voxel).shape).ravel()
    for name, patch in zip(NAMES, patches(voxel), strict=True):
        total[patch.voxels] += patch.weights * values.get(name, 0)
        weight[patch.voxels] += patch.weights
    made = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    return made.reshape(Grid(voxel).shape).astype(np.float32)


@pytest.mark.parametrize("voxel", [2, 4, 8])
def test_a_scan_of_one_value_reads_that_value_everywhere(voxel):
    found = uptake(np.full(Grid(voxel).shape, 1.3, np.float32), whole(voxel), voxel)
    values = [found.mean(name) for name in NAMES] + [meta_roi(found), cortical_composite(found)]
    np.testing.assert_allclose(values, 1.3, rtol=1e-6)


def test_the_grid_hardly_matters():
    x, y, z = positions(2)
    fine = (1.2 + 0.004 * y + 0.003 * z + 0 * x).astype(np.float32)
    coarse = fine.reshape(40, 2, 48, 2, 40, 2).mean((1, 3, 5))
    two, four = uptake(fine, whole(2), 2), uptake(coarse, whole(4), 4)
    for name in NAMES:
        assert two.mean(name) == pytest.approx(four.mean(name), abs=0.02)
    assert meta_roi(two) == pytest.approx(meta_roi(four), abs=0.005)


@pytest.mark.parametrize("name", META)
def test_each_region_of_the_meta_roi_counts_a_quarter(name):
    base = uptake(painted(4, {}), whole(4), 4)
    found = uptake(painted(4, {name: 1.0}), whole(4), 4)
    parts = [found.mean(other) for other in META]
    assert meta_roi(found) == pytest.approx(np.mean(parts))
    assert found.mean(name) == max(parts) > 0.5
    assert meta_roi(base) == 0


def test_each_group_of_the_composite_counts_a_quarter():
    values = dict(zip(CORTEX, (1.0, 2.0, 4.0, 8.0), strict=True))
    regions = {name: values[group] for group, names in CORTEX.items() for name in names}
    found = uptake(painted(4, regions), whole(4), 4)
    groups = [found.mean(*names) for names in CORTEX.values()]
    assert cortical_composite(found) == pytest.approx(np.mean(groups))
    assert cortical_composite(found) != pytest.approx(np.mean([found.mean(n) for n in regions]))


def test_only_the_persons_brain_counts():
    half = whole(4)
    half[:20] = False
    data = np.where(half, 1.0, 99.0).astype(np.float32)
    found = uptake(data, half, 4)
    assert all(found.mean(name) == pytest.approx(1) for name in NAMES)
    nothing = uptake(data, np.zeros_like(half), 4)
    assert np.isnan(nothing.mean("angular"))
    assert np.isnan(meta_roi(nothing))


def test_cortex_is_read_in_grey_matter_and_the_hindbrain_in_brain():
    here = template(4)
    for name, patch in zip(NAMES, patches(4), strict=True):
        if name in ("brainstem", "cerebellum"):
            assert here.brain.ravel()[patch.voxels].min() > 0.9
        else:
            assert here.gm.ravel()[patch.voxels].min() > 0.35


def test_centiloid_is_the_published_line():
    slope, intercept = CENTILOID
    assert centiloid(1.0) == pytest.approx(6.0)
    assert centiloid(1.10) == pytest.approx(24.3)
    assert centiloid(POSITIVE) == pytest.approx(slope * POSITIVE + intercept)
