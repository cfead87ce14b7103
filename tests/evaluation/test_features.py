import numpy as np
import pytest
from makers import brain

from acadiff.evaluation.features import feature_names, features
from acadiff.modality import Modality
from acadiff.volume.grid import Grid


@pytest.mark.parametrize("modality", Modality)
def test_there_is_a_number_a_name_and_nothing_shown_gives_zeros(modality):
    empty = np.full(Grid(8).shape, -1.0)
    found = features(empty, modality, 8)
    assert len(found) == len(feature_names(modality)) == len(set(feature_names(modality)))
    assert not found.any()
    assert np.isfinite(features(empty + 1.0, modality, 8)).all()


def test_a_pet_is_read_in_suvr():
    even = np.full(Grid(8).shape, 0.0)  # the middle of the window, 0 to 2.5
    np.testing.assert_allclose(features(even, Modality.FDG, 8), 1.25)


def test_a_region_is_read_where_it_is():
    from acadiff.volume.labels import labels
    from acadiff.volume.regions import NAMES

    place = NAMES.index("cerebellum")
    data = np.where(labels(8) == place, 0.5, -1.0)
    found = dict(zip(NAMES, features(data, Modality.AV45, 8), strict=True))
    assert found.pop("cerebellum") == pytest.approx(0.75 * 2.5)
    assert not any(found.values())


def test_the_hippocampi_are_read_of_an_mri():
    scan = brain(Modality.MRI).data[0]
    found = features(scan / scan.max() * 2 - 1, Modality.MRI, 8)
    assert feature_names(Modality.MRI)[-1] == "MRI hippocampal_volume"
    assert found[-1] != 0
