import numpy as np
import pytest

from acadiff.errors import CheckpointError
from acadiff.evaluation.features import features
from acadiff.latent.kept import is_kept, kept_features, kept_volume, write_kept
from acadiff.modality import Modality
from acadiff.volume.grid import Grid

TOLD = {"SourceSHA256": {"MRI": "0" * 64}, "RandomSeed": 0}


@pytest.fixture
def kept(tmp_path):
    """Three draws of an FDG, and their file."""
    volumes = np.random.default_rng(0).uniform(-1, 1, (3, *Grid(8).shape))
    path = tmp_path / "deep" / "sub-1_FDG.safetensors"
    write_kept(path, volumes, Modality.FDG, 8, TOLD)
    return path, volumes


def test_volumes_come_back_to_half_precision_and_features_are_theirs(kept):
    path, volumes = kept
    assert is_kept(path, TOLD)
    for draw in range(3):
        found = kept_volume(path, draw)
        np.testing.assert_allclose(found, volumes[draw], atol=1e-3)
        read = features(found.astype(np.float64), Modality.FDG, 8)
        np.testing.assert_allclose(kept_features(path)[draw], read, rtol=1e-6)
    assert (kept_volume(path, 4) == kept_volume(path, 1)).all()


def test_what_was_made_from_anything_else_is_absent(kept, tmp_path):
    path, _ = kept
    assert not is_kept(path, {**TOLD, "RandomSeed": 1})
    assert not is_kept(tmp_path / "gone.safetensors", TOLD)


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b[:4], lambda _: b"", None])
def test_a_file_that_is_cut_short_counts_as_absent_and_is_never_read(kept, spoil):
    path, _ = kept
    content = path.read_bytes()
    path.unlink()
    if spoil:
        path.write_bytes(spoil(content))
    assert not is_kept(path, TOLD)
    with pytest.raises(CheckpointError, match="run the same command again"):
        kept_features(path)
    with pytest.raises(CheckpointError, match="run the same command again"):
        kept_volume(path, 0)
