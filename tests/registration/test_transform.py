"""Transforms keep every digit, and other programs read them as they are meant."""

import numpy as np
import pytest
from native import motion

from acadiff.errors import MissingInputError, ScanError
from acadiff.registration.transform import Linear, read_linear, write_linear

RNG = np.random.default_rng(4)


def affine():
    """A motion that also stretches."""
    made = motion(RNG)
    made[:3, :3] *= [1.1, 0.95, 1.02]
    return Linear(made)


def test_what_is_written_is_read_back(tmp_path):
    linear = affine()
    write_linear(tmp_path / "a.txt", linear)
    np.testing.assert_array_equal(read_linear(tmp_path / "a.txt").matrix, linear.matrix)


def test_the_inverse_is_the_way_back():
    linear = affine()
    both = linear.then(linear.inverse).matrix
    np.testing.assert_allclose(both, np.eye(4), atol=1e-12)


def test_first_this_then_the_other():
    first, second = affine(), affine()
    point = np.array([3.0, -20.0, 41.0, 1.0])
    expected = second.matrix @ (first.matrix @ point)
    np.testing.assert_allclose(first.then(second).matrix @ point, expected)


@pytest.mark.parametrize("factor", [0.0, 1e-4, 11.0, np.nan])
def test_what_leads_nowhere_is_refused(factor):
    with pytest.raises(ScanError) as caught:
        Linear(np.diag([factor, factor, factor, 1.0]))
    assert caught.value.code == "E_TRANSFORM"


@pytest.mark.parametrize(
    "content",
    ["", "Parameters: 1 2 3\nFixedParameters: 0 0 0", "Parameters: a b\nFixedParameters: 0 0 0"],
)
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "a.txt").write_text(content)
    with pytest.raises(ScanError, match=r"a.txt: is no linear transform; prepare") as caught:
        read_linear(tmp_path / "a.txt")
    assert caught.value.code == "E_TRANSFORM"


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(MissingInputError):
        read_linear(tmp_path / "a.txt")


def test_ants_reads_the_file_and_moves_points_alike(tmp_path):
    ants = pytest.importorskip("ants", reason="antspyx is not installed")
    linear = affine()
    write_linear(tmp_path / "a.txt", linear)
    point = np.array([12.0, -33.0, 8.0])
    lps = point * [-1, -1, 1]
    moved = ants.apply_ants_transform_to_point(ants.read_transform(str(tmp_path / "a.txt")), lps)
    expected = (linear.matrix @ [*point, 1])[:3]
    np.testing.assert_allclose(np.array(moved) * [-1, -1, 1], expected, atol=1e-4)
