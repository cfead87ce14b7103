import numpy as np
import pytest
from makers import brain

from acadiff.errors import ScanError
from acadiff.modality import Modality
from acadiff.volume.image import Volume
from acadiff.volume.intensity import (
    RobustScale,
    Scaling,
    Window,
    from_json,
    robust_scale,
    scaling_of,
)
from acadiff.volume.mask import brain_mask

MRI = brain(Modality.MRI)
MASK = brain_mask(MRI)


def test_pet_comes_back_in_suvr():
    suvr = np.linspace(0, 2.5, 101, dtype=np.float32)
    model = Window().to_model(suvr)
    assert (model[0], model[-1]) == (-1, 1)
    assert np.allclose(Window().from_model(model), suvr, atol=1e-6)
    assert Window().to_model(np.array([-1.0, 9.0])).tolist() == [-1, 1]


def test_the_robust_ends_are_percentiles_of_the_brain():
    scale = robust_scale(MRI.data, MASK)
    inside = MRI.data[0][MASK]
    assert (scale.low, scale.high) == pytest.approx(np.percentile(inside, [0.5, 99.5]))
    assert robust_scale(MRI.data[0], MASK) == scale


def test_background_is_exactly_minus_one_and_the_top_is_not_cut():
    model = robust_scale(MRI.data, MASK).to_model(MRI.data)
    assert (model[0][~MASK] == -1).all()
    assert model.max() > 1


def test_the_unit_of_an_mri_does_not_matter():
    louder = MRI.data * np.float32(731)
    one = robust_scale(MRI.data, MASK).to_model(MRI.data)
    other = robust_scale(louder, MASK).to_model(louder)
    assert np.allclose(one, other, atol=1e-5)


def test_an_mri_comes_back_where_it_was_not_cut():
    scale = robust_scale(MRI.data, MASK)
    back = scale.from_model(scale.to_model(MRI.data))
    kept = MRI.data >= scale.low
    assert np.allclose(back[kept], MRI.data[kept], atol=1e-5)
    assert np.allclose(back[~kept], scale.low)


def test_scans_are_judged_between_nought_and_one():
    scale = robust_scale(MRI.data, MASK)
    unit = scale.to_unit(MRI.data)
    assert (unit.min(), unit.max()) == (0, 1)
    assert np.allclose(unit, np.clip((scale.to_model(MRI.data) + 1) / 2, 0, 1))


@pytest.mark.parametrize("scaling", [Window(), Window(0.5, 2.0), RobustScale(-3.0, 12.5)])
def test_a_scaling_survives_json(scaling):
    assert from_json(scaling.to_json()) == scaling
    assert isinstance(scaling, Scaling)
    assert scaling.to_model(np.zeros(3)).dtype == np.float32


@pytest.mark.parametrize("plain", [{}, {"kind": "x", "low": 0, "high": 1}, {"kind": "window"}])
def test_other_json_is_refused(plain):
    with pytest.raises(ScanError, match="no intensity transform"):
        from_json(plain)


def test_what_cannot_be_inverted_is_refused():
    for ends in ((1.0, 1.0), (2.0, 1.0), (0.0, float("nan"))):
        with pytest.raises(ScanError, match="cannot be scaled"):
            Window(*ends)
    with pytest.raises(ScanError, match="mask is empty"):
        robust_scale(MRI.data, np.zeros_like(MASK))


def test_each_modality_has_its_kind_of_scale():
    assert scaling_of(MRI, MASK) == robust_scale(MRI.data, MASK)
    pet = Volume(MRI.data, MRI.affine, Modality.FDG)
    assert scaling_of(pet, MASK) == Window(0.0, 2.5)
