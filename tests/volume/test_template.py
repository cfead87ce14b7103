"""The template is where it should be and made of tissue."""

import numpy as np
import pytest

from acadiff.volume.template import positions, template


def millilitres(share, voxel):
    return float(share.sum()) * voxel**3 / 1000


@pytest.mark.parametrize("voxel", [2, 4])
def test_tissues_fill_the_brain(voxel):
    here = template(voxel)
    np.testing.assert_allclose(here.gm + here.wm + here.csf, here.brain, atol=2e-3)
    assert millilitres(here.brain, voxel) == pytest.approx(1883, rel=0.02)


def test_the_ventricles_are_a_young_adults():
    here = template(2)
    assert 25 < millilitres(here.ventricle, 2) < 45
    x, y, z = positions(2)
    weights = here.ventricle / here.ventricle.sum()
    centre = [float((weights * axis).sum()) for axis in (x, y, z)]
    assert centre == pytest.approx([0, -20, 10], abs=12)


def test_positions_are_the_grids():
    x, y, z = positions(4)
    assert (x.min(), y.min(), z.min()) == (-78.5, -111.5, -70.5)
