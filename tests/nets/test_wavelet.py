import pytest
import torch
from einops import EinopsError

from acadiff.nets.wavelet import Haar


def as_matrix(haar, side=4):
    """The transform of one `side`³ volume as a matrix: one row per basis volume."""
    basis = torch.eye(side**3).reshape(-1, 1, side, side, side)
    return haar(basis).flatten(1)


@pytest.mark.parametrize("levels", [1, 2])
def test_the_transform_is_orthonormal(levels):
    q = as_matrix(Haar(levels=levels))
    torch.testing.assert_close(q @ q.T, torch.eye(len(q)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_it_comes_back_exactly_to_rounding(levels):
    haar = Haar(levels=levels)
    x = torch.randn(2, 3, 8, 16, 8)
    torch.testing.assert_close(haar.inverse(haar(x)), x, atol=1e-5, rtol=0)
    y = haar(x)
    torch.testing.assert_close(haar(haar.inverse(y)), y, atol=1e-5, rtol=0)


def test_the_inverse_is_the_transpose():
    haar = Haar(levels=2)
    x, y = torch.randn(1, 1, 8, 4, 4), torch.randn(1, 64, 2, 1, 1)
    torch.testing.assert_close((haar(x) * y).sum(), (x * haar.inverse(y)).sum())


def test_energy_is_kept_so_that_an_error_in_coefficients_is_one_in_voxels():
    haar = Haar(levels=2)
    x, z = torch.randn(2, 1, 8, 8, 12), torch.randn(2, 1, 8, 8, 12)
    torch.testing.assert_close(haar(x).square().sum(), x.square().sum())
    torch.testing.assert_close((haar(x) - haar(z)).square().sum(), (x - z).square().sum())


@pytest.mark.parametrize(("levels", "factor"), [(1, 2), (2, 4), (3, 8)])
def test_factor_tells_how_a_side_shrinks(levels, factor):
    haar = Haar(levels=levels)
    assert haar.factor == factor
    shape = haar(torch.zeros(1, 2, 8, 16, 24)).shape
    assert shape == (1, 2 * 8**levels, 8 // factor, 16 // factor, 24 // factor)


def test_a_flat_volume_is_in_the_first_coefficient_alone():
    y = Haar(levels=2)(torch.full((1, 1, 4, 4, 4), 3.0))
    assert y[0, 0].item() == pytest.approx(3 * 8)
    torch.testing.assert_close(y[0, 1:], torch.zeros(63, 1, 1, 1))


def test_a_cell_sees_its_own_voxels_and_no_others():
    haar = Haar(levels=1)
    x = torch.randn(1, 1, 4, 4, 4)
    other = x.clone()
    other[..., 2:4, 0:2, 2:4] += 1
    changed = (haar(other) != haar(x)).any(dim=1)[0]
    assert changed.nonzero().tolist() == [[1, 0, 1]]


def test_a_side_that_does_not_halve_is_refused():
    with pytest.raises(EinopsError):
        Haar(levels=2)(torch.zeros(1, 1, 4, 6, 4))
