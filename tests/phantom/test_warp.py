"""Shapes change as prescribed, and space never folds."""

from dataclasses import replace

import numpy as np
import pytest

from acadiff import phantom
from acadiff.phantom import Parameters
from acadiff.phantom.parameters import Shape
from acadiff.phantom.warp import asymmetry, carry, displacement, jacobian, losses
from acadiff.volume.lattice import COARSE_MM
from acadiff.volume.template import template

SHAPE = Shape()


def changed(person, **causes):
    return replace(person, causes=replace(person.causes, **causes))


def ventricle(person):
    moved = displacement(person, SHAPE)
    return float(carry(template(COARSE_MM).ventricle, moved, COARSE_MM).sum())


@pytest.mark.parametrize("index", range(1, 13))
def test_space_does_not_fold(index):
    moved = displacement(phantom.enrol(3, index, Parameters()), SHAPE)
    inside = template(COARSE_MM).brain > 0.5
    assert jacobian(moved)[inside].min() > 0.02
    assert 1 < np.sqrt((moved**2).sum(0)[inside].mean()) < 6


@pytest.mark.parametrize("sign", [-1, 1])
def test_space_does_not_fold_at_the_limits(person, sign):
    extreme = changed(person, H=5.0 * sign, Cx=5.0 * sign, V=5.0 * sign, M=1.5, lat=4.0, N=1.0)
    inside = template(COARSE_MM).brain > 0.5
    assert jacobian(displacement(extreme, SHAPE))[inside].min() > 0


def test_v_is_the_logarithm_of_the_ventricles(person):
    small, large = (ventricle(changed(person, V=v)) for v in (-0.3, 0.3))
    assert np.log(large / small) / 0.6 == pytest.approx(0.9, abs=0.25)


def test_laterality_needs_disease(person):
    assert asymmetry(changed(person, N=0.0, lat=2.0), SHAPE) == (1.0, 1.0)
    left, right = asymmetry(changed(person, N=1.0, lat=2.0), SHAPE)
    assert left > 1 > right


def test_losses_are_limited(person):
    lost = losses(changed(person, H=10.0, V=10.0), SHAPE)
    assert lost["mtl left"] == SHAPE.lobe_limit
    assert lost["ventricle"] == SHAPE.ventricle_range[1]
