"""What all subjects share."""

import numpy as np
import pytest

from acadiff.phantom.atlas import atlas, reference
from acadiff.phantom.fields import COARSE_MM
from acadiff.phantom.regions import NAMES, REGIONS, Kind, column, named, of_kind
from acadiff.phantom.template import positions, template


def test_regions_share_out_every_point():
    np.testing.assert_allclose(atlas().regions.sum(0), 1, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_region_is_strongest_near_its_points(name):
    share = atlas().regions[NAMES.index(name)]
    axes = positions(COARSE_MM)
    for point in REGIONS[name].points:
        nearest = tuple(
            int(np.abs(a.ravel() - p).argmin()) for a, p in zip(axes, point, strict=True)
        )
        assert share[nearest] > 0.5


@pytest.mark.parametrize("target", ["ventricle", "mtl left", "frontal right"])
def test_velocity_prescribes_unit_loss_and_never_much_more(target):
    velocity = atlas().velocity[target]
    divergence = sum(np.gradient(v, COARSE_MM, axis=k) for k, v in enumerate(velocity))
    if target == "ventricle":
        weights = template(COARSE_MM).ventricle
        assert (divergence * weights).sum() / weights.sum() == pytest.approx(1, abs=1e-4)
    assert np.abs(divergence).max() < 3


def test_atrophy_is_on_its_own_side():
    left = np.abs(atlas().velocity["temporal left"]).sum((0, 2, 3))
    right = np.abs(atlas().velocity["temporal right"]).sum((0, 2, 3))
    assert left[:20].sum() > 2 * left[20:].sum()
    assert right[20:].sum() > 2 * right[:20].sum()


@pytest.mark.parametrize(("name", "height"), [("pons", -32), ("whole cerebellum", -35)])
def test_reference_regions_are_where_anatomy_has_them(name, height):
    mask = reference(name, 2)
    assert mask.sum() > 200
    z = np.broadcast_to(positions(2)[2], mask.shape)[mask]
    assert z.mean() == pytest.approx(height, abs=12)


def test_columns_follow_the_names():
    assert len(NAMES) == 26
    assert column("atrophy")[NAMES.index("temporal_pole")] == 6.2
    assert named("cerebellum").sum() == of_kind(Kind.CEREBELLUM).sum() == 1
