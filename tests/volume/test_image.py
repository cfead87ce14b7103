import gzip
import os
import struct

import nibabel as nib
import numpy as np
import pytest
from makers import GRID, brain

from acadiff.errors import MissingInputError, ScanError
from acadiff.modality import Modality
from acadiff.volume.image import (
    Volume,
    load_scan,
    read_draws,
    read_scan,
    read_synthetic,
    write_compact,
    write_draws,
    write_mask,
    write_scan,
)

MRI = Modality.MRI


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.nii.gz"
    write_scan(path, brain(MRI), "SIMULATED test brain")
    return path


def _store(path, data, affine=None, **fields):
    """Write with nibabel, then set header fields that it would not let through."""
    image = nib.Nifti1Image(data, np.diag([8.0, 8, 8, 1]) if affine is None else affine)
    content = bytearray(image.to_bytes())
    for offset, layout, value in fields.values():
        struct.pack_into(layout, content, offset, value)
    path.write_bytes(gzip.compress(bytes(content)) if path.suffix == ".gz" else content)
    return path


def test_what_is_written_is_read_back_to_the_bit(scan):
    volume = read_scan(scan, MRI)
    assert np.array_equal(volume.data, brain(MRI).data)
    assert np.array_equal(volume.affine, brain(MRI).affine)
    assert volume.modality is MRI
    assert volume.unit == "arbitrary"


@pytest.mark.parametrize("low", [0.0, -0.7])
def test_a_compact_scan_is_off_by_half_a_step_and_its_zero_by_nothing(tmp_path, low):
    scan = brain(Modality.FDG)
    scan = Volume(scan.data + np.float32(low), scan.affine, scan.modality)
    path = tmp_path / "scan.nii.gz"
    write_compact(path, scan, "test")
    back = read_scan(path, Modality.FDG)
    step = scan.data.max() / 32767 if low == 0 else np.ptp(scan.data) / 65534
    assert np.abs(back.data - scan.data).max() <= 0.501 * step < 1e-4
    assert np.array_equal(back.data == back.data.min(), scan.data == scan.data.min())
    assert low or back.data.min() == 0
    assert np.array_equal(back.affine, scan.affine)
    np.testing.assert_allclose(nib.load(path).get_fdata(), back.data[0], atol=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_frames_are_averaged_where_that_is_asked_for(tmp_path, count):
    frames = np.stack([brain(Modality.FDG, seed).data[0] for seed in range(count)], axis=-1)
    path = _store(tmp_path / "pet.nii.gz", frames, GRID.affine)
    scan = load_scan(path, Modality.FDG, frames="mean")
    np.testing.assert_allclose(scan.volume.data[0], frames.mean(-1), atol=1e-6)
    assert [note.code for note in scan.notes] == ["W_FRAMES"] * (count > 1)
    if count > 1:
        with pytest.raises(ScanError) as caught:
            load_scan(path, Modality.FDG)
        assert caught.value.code == "E_4D"


def test_a_mask_is_written_as_zero_and_one(tmp_path):
    mask = brain(MRI).data[0] > 0
    write_mask(tmp_path / "mask.nii.gz", mask, GRID.affine, "test")
    image = nib.load(tmp_path / "mask.nii.gz")
    assert image.get_data_dtype() == np.uint8
    assert np.array_equal(image.get_fdata() == 1, mask)
    assert set(np.unique(image.get_fdata())) == {0, 1}


def test_nibabel_sees_the_same_in_mni_space(scan):
    image = nib.load(scan)
    assert np.array_equal(image.get_fdata(dtype=np.float32), brain(MRI).data[0])
    assert np.allclose(image.affine, brain(MRI).affine)
    assert (image.header["qform_code"], image.header["sform_code"]) == (4, 4)
    assert image.header["descrip"].item() == b"SIMULATED test brain"
    assert image.header.get_xyzt_units()[0] == "mm"


def test_the_same_volume_gives_the_same_bytes(scan, tmp_path):
    write_scan(tmp_path / "again.nii.gz", brain(MRI), "SIMULATED test brain")
    assert scan.read_bytes() == (tmp_path / "again.nii.gz").read_bytes()
    assert scan.read_bytes()[4:8] == bytes(4), "the time of writing is in the file"


def test_no_flipped_bit_changes_a_voxel_unseen(scan):
    whole = scan.read_bytes()
    before = read_scan(scan, MRI)
    rng = np.random.default_rng(0)
    refused = 0
    for bit in rng.integers(0, 8 * len(whole), 300):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << (bit % 8)
        scan.write_bytes(content)
        try:
            after = read_scan(scan, MRI)
        except ScanError:
            refused += 1
        else:
            assert np.array_equal(after.data, before.data)
            assert np.array_equal(after.affine, before.affine)
    assert refused > 280


@pytest.mark.parametrize("byte", range(-8, 0))
def test_a_flipped_bit_in_checksum_or_size_is_refused(scan, byte):
    content = bytearray(scan.read_bytes())
    content[byte] ^= 1
    scan.write_bytes(content)
    assert np.isfinite(nib.load(scan).get_fdata()).all(), "nibabel does not look that far"
    with pytest.raises(ScanError, match="damaged"):
        read_scan(scan, MRI)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99, 1.0])
def test_a_truncated_file_is_refused(scan, share):
    content = scan.read_bytes()
    scan.write_bytes(content[: min(int(len(content) * share), len(content) - 1)])
    with pytest.raises(ScanError, match="cut short"):
        read_scan(scan, MRI)


def test_bytes_behind_the_voxels_are_refused(scan):
    for tail in (b"garbage", gzip.compress(b"more")):
        content = scan.read_bytes()
        scan.write_bytes(content + tail)
        with pytest.raises(ScanError, match="something follows"):
            read_scan(scan, MRI)
        scan.write_bytes(content)


def test_a_bomb_is_refused_before_it_unfolds(scan):
    content = gzip.decompress(scan.read_bytes())
    scan.write_bytes(gzip.compress(content + bytes(50_000_000), compresslevel=1))
    with pytest.raises(ScanError, match="unfolds to more than"):
        read_scan(scan, MRI)


NOISE = np.random.default_rng(0).random((6, 7, 8)).astype(np.float32)


def _with(value):
    data = NOISE.copy()
    data[1, 2, 3] = value
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_with(np.nan), "1 of 336 voxels are not finite"),
        (_with(np.inf), "1 of 336 voxels are not finite"),
        (_with(1.0).astype(np.float64) * 1e300, "not finite"),
        (np.full((6, 7, 8), 7, np.float32), "every voxel is 7"),
        (np.zeros((6, 7, 8), np.float32), "every voxel is 0"),
        (np.stack([NOISE, NOISE], -1), "average time frames first"),
        (NOISE[0], "a single slice"),
        (NOISE.astype(np.complex64), "one real number each"),
    ],
)
def test_useless_content_is_one_sentence(tmp_path, data, message):
    path = _store(tmp_path / "x.nii.gz", data)
    with pytest.raises(ScanError) as caught:
        read_scan(path, MRI)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ((344, "<4s", b"xxxx"), "magic"),
        ((108, "<f", 0.0), "byte 0"),
        ((108, "<f", float("nan")), "byte nan"),
        ((108, "<f", 1e9), "byte 1e"),
        ((42, "<h", 32767), "promised"),
        ((42, "<h", 0), "empty"),
        ((42, "<h", -3), "empty"),
        ((40, "<h", 0), "0 axes"),
        ((72, "<h", 8), "bits per voxel"),
        ((70, "<h", 9999), "unknown type"),
        ((112, "<f", float("inf")), "scaled by slope inf"),
        ((280, "<f", float("nan")), "span space"),
        ((280, "<f", 0.0), "span space"),
    ],
)
def test_a_lying_header_is_refused(tmp_path, field, message):
    path = _store(tmp_path / "x.nii", NOISE, wrong=field)
    with pytest.raises(ScanError, match=message):
        read_scan(path, MRI)


def test_a_huge_promise_is_refused_before_memory_is_asked_for(tmp_path):
    sizes = {str(n): (42 + 2 * n, "<h", 32767) for n in range(3)}
    with pytest.raises(ScanError, match="at most 134217728"):
        read_scan(_store(tmp_path / "x.nii", NOISE, **sizes), MRI)


def test_no_orientation_is_refused(tmp_path):
    path = _store(tmp_path / "x.nii", NOISE, q=(252, "<h", 0), s=(254, "<h", 0))
    with pytest.raises(ScanError, match="no orientation"):
        read_scan(path, MRI)


@pytest.mark.parametrize("what", ["absent", "folder", "pipe", "empty", "text"])
def test_what_is_no_scan_is_refused(tmp_path, what):
    path = tmp_path / "x.nii.gz"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what != "absent":
        path.write_text("" if what == "empty" else "not a scan")
    with pytest.raises(MissingInputError if what == "absent" else ScanError):
        read_scan(path, MRI)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR", "SAL", "ARI"])
def test_storage_order_changes_nothing(tmp_path, scan, axes):
    image = nib.load(scan)
    turn = nib.orientations.axcodes2ornt(axes)
    stored = image.as_reoriented(
        nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), turn)
    )
    nib.save(stored, tmp_path / "turned.nii.gz")
    volume = read_scan(tmp_path / "turned.nii.gz", MRI)
    assert np.array_equal(volume.data, brain(MRI).data)
    assert np.allclose(volume.affine, brain(MRI).affine)


@pytest.mark.parametrize("kind", ["big-endian", "nifti-2", "uncompressed", "one frame", "float64"])
def test_storage_type_changes_nothing(tmp_path, kind):
    data, affine = brain(MRI).data[0], brain(MRI).affine
    path = tmp_path / ("x.nii" if kind == "uncompressed" else "x.nii.gz")
    image = nib.Nifti1Image(data, affine)
    if kind == "big-endian":
        image = nib.Nifti1Image(data, affine, nib.Nifti1Header(endianness=">"))
    if kind == "nifti-2":
        image = nib.Nifti2Image(data, affine)
    if kind == "one frame":
        image = nib.Nifti1Image(data[..., None], affine)
    if kind == "float64":
        image = nib.Nifti1Image(data.astype(np.float64), affine)
    nib.save(image, path)
    assert np.array_equal(read_scan(path, MRI).data, brain(MRI).data)


def test_scaled_integers_are_unscaled(tmp_path):
    image = nib.Nifti1Image(brain(MRI).data[0], brain(MRI).affine)
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "x.nii.gz")
    assert np.allclose(read_scan(tmp_path / "x.nii.gz", MRI).data, brain(MRI).data, atol=1e-4)


@pytest.mark.parametrize("where", ["descrip", "intent_name", "aux_file"])
def test_any_label_keeps_a_synthetic_scan_out(tmp_path, where):
    image = nib.Nifti1Image(NOISE, np.diag([8.0, 8, 8, 1]))
    image.header[where] = b"SYNTHETIC"
    nib.save(image, tmp_path / "x.nii.gz")
    with pytest.raises(ScanError, match="only acquired scans"):
        read_scan(tmp_path / "x.nii.gz", MRI)
    assert np.array_equal(read_synthetic(tmp_path / "x.nii.gz", MRI).data[0], NOISE)


def test_an_acquired_scan_is_not_read_as_synthetic(scan):
    for read in (lambda: read_synthetic(scan, MRI), lambda: read_draws(scan)):
        with pytest.raises(ScanError, match="lacks the label"):
            read()


def test_draws_keep_their_order(tmp_path):
    draws = np.stack([NOISE, NOISE * 2, NOISE * 3])
    write_draws(tmp_path / "x.nii.gz", draws, np.diag([8.0, 8, 8, 1]), "SYNTHETIC test")
    assert np.array_equal(read_draws(tmp_path / "x.nii.gz"), draws)
    write_draws(tmp_path / "x.nii.gz", draws[:1], np.diag([8.0, 8, 8, 1]), "SYNTHETIC test")
    assert np.array_equal(read_draws(tmp_path / "x.nii.gz"), draws[:1])


def test_a_label_that_would_be_cut_is_refused(tmp_path):
    with pytest.raises(ScanError, match="too long"):
        write_scan(tmp_path / "x.nii.gz", brain(MRI), "x" * 80)


def test_a_volume_is_finite_and_spans_space():
    with pytest.raises(ScanError, match="not finite"):
        Volume(np.full((1, 2, 2, 2), np.nan, np.float32), np.eye(4), MRI)
    with pytest.raises(ScanError, match="span space"):
        Volume(np.zeros((1, 2, 2, 2), np.float32), np.zeros((4, 4)), MRI)
