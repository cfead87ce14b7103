"""One person's tissues."""

from dataclasses import replace

import numpy as np
import pytest

from acadiff.phantom.anatomy import anatomy
from acadiff.phantom.parameters import Parameters

PARAMETERS = Parameters()


@pytest.fixture(scope="module")
def brain(person):
    return anatomy(person, 2, PARAMETERS)


def aged(person, **causes):
    return anatomy(replace(person, causes=replace(person.causes, **causes)), 2, PARAMETERS)


def test_tissues_fill_the_brain(brain):
    np.testing.assert_allclose(sum(brain.tissues), brain.brain, atol=1e-4)
    assert all(share.min() >= 0 for share in brain.tissues)
    assert (brain.lesion <= brain.tissues.wm + 1e-6).all()


def test_cortex_is_crisper_than_the_average_brain(person, brain):
    from acadiff.volume.template import template

    pure = [((gm > 0.9).sum() / (gm > 0.1).sum()) for gm in (brain.tissues.gm, template(2).gm)]
    assert pure[0] > 1.5 * pure[1]


def test_atrophy_takes_grey_matter(person):
    healthy, ill = (aged(person, Cx=value) for value in (-0.3, 1.2))
    assert ill.tissues.gm.sum() < 0.97 * healthy.tissues.gm.sum()
    assert ill.tissues.csf.sum() > healthy.tissues.csf.sum()


def test_vascular_load_makes_lesions(person):
    clear, loaded = (aged(person, W=value) for value in (-0.5, 4.0))
    assert loaded.lesion.sum() > 2 * clear.lesion.sum()


def test_pet_causes_do_not_touch_anatomy(person, brain):
    other = aged(person, A=2.0, F=2.0)
    np.testing.assert_array_equal(other.tissues.gm, brain.tissues.gm)
