import numpy as np
import pytest

from acadiff.volume.grid import Grid
from acadiff.volume.labels import LABELS, REST, labels, region_means, sampled
from acadiff.volume.lattice import block_mean
from acadiff.volume.regions import NAMES, PLACES
from acadiff.volume.template import template


@pytest.mark.parametrize("voxel", [2, 4, 8])
def test_every_region_has_voxels_and_all_of_the_brain_is_labelled(voxel):
    found = labels(voxel)
    assert found.shape == Grid(voxel).shape
    assert set(np.unique(found)) == {-1, *range(len(LABELS))}
    assert (found[template(voxel).brain > 0.5] >= 0).all()


def test_a_region_lies_where_its_points_are():
    found, back = labels(2), np.linalg.inv(Grid(2).affine)
    hits = []
    for name, place in PLACES.items():
        for x, y, z in place.points:
            i, j, k = np.rint(back @ [x, y, z, 1])[:3].astype(int)
            here = found[i - 2 : i + 3, j - 2 : j + 3, k - 2 : k + 3]
            hits.append((here == NAMES.index(name)).any())
    assert np.mean(hits) > 0.95


def test_means_are_those_of_the_voxels_and_linear():
    data = np.random.default_rng(0).random((3, *Grid(8).shape))
    means = region_means(data, 8)
    assert means.shape == (3, len(NAMES))
    assert means[1, 4] == pytest.approx(data[1][labels(8) == 4].mean())
    np.testing.assert_allclose(region_means(2 * data + 1, 8), 2 * means + 1)


def test_coarser_voxels_read_alike():
    fine = template(2).t1
    both = region_means(fine, 2), region_means(block_mean(fine, 2), 4)
    np.testing.assert_allclose(*both, atol=0.06)


def test_samples_are_the_same_ones_and_no_more_than_asked_for():
    found = labels(4).ravel()[sampled(4, 300)]
    counts = np.bincount(found, minlength=len(LABELS))
    assert counts.max() == counts[LABELS.index(REST)] == 300
    assert np.array_equal(sampled(4, 300), sampled(4, 300))
    assert len(sampled(8, 10**6)) == (labels(8) >= 0).sum()
