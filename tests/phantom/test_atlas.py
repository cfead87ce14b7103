"""What all subjects share."""

import numpy as np
import pytest

from acadiff.phantom.atlas import atlas
from acadiff.phantom.regions import REGIONS, Kind, column, named, of_kind
from acadiff.volume.lattice import COARSE_MM
from acadiff.volume.regions import NAMES
from acadiff.volume.template import template


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


def test_columns_follow_the_names():
    assert len(NAMES) == 26
    assert tuple(REGIONS) == NAMES
    assert column("atrophy")[NAMES.index("temporal_pole")] == 6.2
    assert named("cerebellum").sum() == of_kind(Kind.CEREBELLUM).sum() == 1
