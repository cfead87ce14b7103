"""Pictures, charts and viewer volumes: right side up, right colours, labelled, the same twice."""

import base64
import gzip
import io

import nibabel as nib
import numpy as np
import pytest
from matplotlib.image import imread

from acadiff.outputs import viewer
from acadiff.outputs.charts import Dots, curve_chart, running_mean, score_chart, thinned
from acadiff.outputs.figures import (
    POINT_MM,
    Look,
    colour_bar,
    encode_png,
    palette,
    picture,
    planes,
    voxel_at,
)
from acadiff.volume.grid import Grid

GRID = Grid(4)
GRAY = Look("gray", 0.0, 1.0, "SUVR")
AMBER = (255, 184, 77)


def pixels(png):
    """A PNG as another reader sees it, 0 … 255."""
    return np.round(imread(io.BytesIO(png))[..., :3] * 255).astype(int)


def test_another_reader_sees_the_pixels():
    index = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colours = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)
    png = encode_png(index, colours, "SYNTHETIC")
    assert np.array_equal(pixels(png), colours[index])
    assert b"Description\0SYNTHETIC" in png


def test_left_is_left_front_is_up_and_the_nose_points_right():
    i, j, k = voxel_at(GRID.shape, GRID.affine, POINT_MM)
    assert GRID.affine[:3] @ (i, j, k, 1) == pytest.approx(POINT_MM, abs=2)
    ramps = np.meshgrid(*(np.arange(float(n)) for n in GRID.shape), indexing="ij")
    rightward, forward, upward = (planes(ramp, GRID.affine) for ramp in ramps)
    axial, coronal, sagittal = range(3)
    for plane in (axial, coronal):
        assert rightward[plane][0, 0] < rightward[plane][0, -1]
    assert forward[axial][0, 0] > forward[axial][-1, 0]
    assert forward[sagittal][0, 0] < forward[sagittal][0, -1]
    for plane in (coronal, sagittal):
        assert upward[plane][0, 0] > upward[plane][-1, 0]


def test_every_plane_bears_the_word():
    empty = np.zeros(GRID.shape, np.float32)
    plain = pixels(picture(empty, GRID.affine, GRAY, ""))
    marked = pixels(picture(empty, GRID.affine, GRAY, "SYNTHETIC"))
    assert not (plain == AMBER).all(-1).any()
    amber = (marked == AMBER).all(-1)
    heights = [192, 160, 160]
    foot = 0
    for height in heights:
        assert amber[foot + height - 20 : foot + height].sum() > 40
        foot += height + 4


@pytest.mark.parametrize("colours", ["gray", "inferno", "sd", "error"])
def test_a_value_has_one_colour_in_every_picture(colours):
    look = Look(colours, -2.0, 2.0, "SUVR")
    half, whole = (np.full(GRID.shape, v, np.float32) for v in (1.0, 9.0))
    for volume, share in ((half, 0.75), (whole, 1.0)):
        middle = pixels(picture(volume, GRID.affine, look, ""))[96, 96]
        expected = palette(colours)[round(share * (len(palette(colours)) - 1))]
        assert np.abs(middle - expected).max() <= 1


def test_zero_error_is_black():
    table = palette("error")
    assert len(table) % 2 == 1
    assert not table[len(table) // 2].any()
    assert pixels(colour_bar("error")).shape == (1, len(table), 3)


def test_a_window_has_a_width():
    with pytest.raises(ValueError, match="no width"):
        Look("gray", 1.0, 1.0, "SUVR")


def test_thinning_and_smoothing_keep_the_mean():
    points = np.stack([np.arange(4001.0), np.random.default_rng(0).normal(size=4001)], axis=1)
    steps, values = thinned(points)
    assert len(steps) == 400
    assert values.mean() == pytest.approx(points[:, 1].mean(), abs=1e-3)
    assert np.allclose(running_mean(np.full(77, 3.0)), 3.0)
    assert np.allclose(running_mean(np.arange(400.0))[20:-20], np.arange(400.0)[20:-20])


def test_charts_are_the_same_twice_and_take_any_name():
    dots = [Dots("FDG-PET ← MRI", "$x_{ <b>", (27.0, 28.0)), Dots("MRI ← FDG-PET", "b", (25.0,))]
    curves = {"$x_{": np.array([[1.0, 2.0], [2.0, 1.0]])}
    for draw in (
        lambda: score_chart(dots, "PSNR (dB)"),
        lambda: curve_chart("losses", curves, "loss", logarithmic=True),
    ):
        svg = draw()
        assert svg == draw()
        assert "<script" not in svg


def test_the_installed_wheel_holds_the_viewer():
    found = viewer.engine()
    assert found is not None
    module = gzip.decompress(base64.b64decode(found.code)).decode()
    assert module.rstrip().endswith(";")
    assert "Niivue" in module[module.rfind("export{") :]
    assert "Redistribution" in found.licence


def test_a_widget_of_another_form_is_not_guessed_at():
    assert viewer.standalone("var x=1;") is None
    assert viewer.standalone('"' + "a" * 600_000 + '"') is None
    assert viewer.standalone('"' + "a" * 600_000 + 'export%7BNVImage%2CNiivue%7D"') is not None


def test_a_packed_volume_opens_on_its_grid():
    data = np.random.default_rng(0).normal(size=GRID.shape).astype(np.float32)
    packed = gzip.decompress(base64.b64decode(viewer.pack(data, GRID.affine)))
    image = nib.Nifti1Image.from_bytes(packed)
    assert np.allclose(image.affine, GRID.affine)
    step = np.ptp(data) / viewer.LEVELS
    assert np.abs(image.get_fdata() - data).max() <= step * 0.51
    constant = viewer.pack(np.zeros(GRID.shape, np.float32), GRID.affine)
    opened = nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(constant)))
    assert not opened.get_fdata().any()


@pytest.mark.parametrize("colours", ["gray", "sd", "error"])
def test_the_viewer_has_the_pictures_colours(colours):
    table = viewer.colour_table(colours)
    nodes = np.stack([table[c] for c in "RGB"], axis=1)
    close = palette(colours)[np.round(np.array(table["I"]) / 255 * 240).astype(int)].astype(int)
    assert np.abs(nodes - close).max() <= 4
    assert table["I"][0] == 0
    assert table["I"][-1] == 255
