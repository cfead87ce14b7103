import json

import pytest
import torch
from torch import nn

from acadiff.errors import CheckpointError, MissingInputError
from acadiff.latent.codec import Codec
from acadiff.latent.codec_folder import load_codec, save_codec
from acadiff.modality import Modality
from acadiff.volume.grid import Grid
from acadiff.volume.intensity import Window

SIZES = {
    "shape": Grid(8).shape,
    "levels": 1,
    "channels": 3,
    "widths": (8,),
    "blocks": 1,
    "groups": 4,
}
RECORD = {"modality": "FDG", "voxel": 8, "scaling": Window().to_json(), "arguments": SIZES}


def volumes(count=6, seed=0):
    """Training volumes: a shared shape and smooth deviations."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count + 1, 1, 5, 6, 5, generator=random)
    smooth = nn.functional.interpolate(coarse, size=Grid(8).shape, mode="trilinear")
    fine = 0.1 * torch.randn(count, 1, *Grid(8).shape, generator=random)
    return list(smooth[:1] + 0.3 * smooth[1:] + fine)


def fitted(**changes):
    torch.manual_seed(0)
    codec = Codec(**SIZES | changes)
    codec.fit_linear(volumes())
    return codec.eval().requires_grad_(False)


def awake(codec):
    """The codec after some training: nothing is zero any more."""
    for parameter in codec.autoencoder.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.05)
    return codec


def test_shapes():
    codec, x = fitted(widths=(8, 16)), torch.stack(volumes(2))
    assert codec.factor == 4
    assert codec.latent_shape == (3, 5, 6, 5)
    z = codec.encode(x)
    assert z.shape == (2, *codec.latent_shape)
    assert codec.decode(z).shape == x.shape


def test_the_template_is_the_mean_and_is_coded_as_nothing():
    codec = fitted()
    torch.testing.assert_close(codec.template, torch.stack(volumes()).mean(dim=0))
    z = codec.encode(codec.template[None])
    torch.testing.assert_close(z, torch.zeros_like(z))
    torch.testing.assert_close(codec.decode(z), codec.template[None])


def test_level_is_the_deviation_of_a_training_voxel():
    codec, x = fitted(), torch.stack(volumes())
    torch.testing.assert_close(codec.level, (x - codec.template).square().mean().sqrt())


@pytest.mark.parametrize("widths", [(8,), (8, 16)])
def test_it_starts_as_the_best_linear_code(widths):
    """No orthonormal code of as many channels loses less of the training volumes."""
    codec, x = fitted(widths=widths), torch.stack(volumes())
    lost = (codec.decode(codec.encode(x)) - x).square().sum()
    cells = codec._cells(codec.haar(x - codec.template))
    best = torch.linalg.svdvals(cells.double())[3:].square().sum()
    assert float(lost) == pytest.approx(float(best), rel=1e-3)
    other = torch.linalg.qr(torch.randn(cells.shape[1], 3)).Q
    assert (cells - cells @ other @ other.T).square().sum() > lost


@pytest.mark.parametrize("widths", [(8,), (8, 16)])
def test_what_the_linear_code_can_say_comes_back_exactly(widths):
    codec = fitted(widths=widths)
    z = torch.randn(2, *codec.latent_shape)
    x = codec.reconstruct(z)
    torch.testing.assert_close(codec.moments(x)[0], z, atol=1e-4, rtol=0)
    torch.testing.assert_close(codec.decode(codec.encode(x)), x, atol=1e-4, rtol=0)


def test_an_error_of_latents_is_the_same_error_of_voxels():
    codec = fitted()
    z, gap = torch.randn(2, 1, *codec.latent_shape)
    voxels = (codec.reconstruct(z + gap) - codec.reconstruct(z)).square().sum()
    torch.testing.assert_close(voxels, gap.square().sum() * codec.level**2)


def test_the_scale_whitens_and_cancels():
    codec, x = awake(fitted()), torch.stack(volumes(2, seed=1))
    z, again = codec.encode(x), codec.decode(codec.encode(x))
    codec.scale.fill_(2.5)
    torch.testing.assert_close(codec.encode(x), z / 2.5)
    torch.testing.assert_close(codec.decode(codec.encode(x)), again)
    torch.testing.assert_close(codec.moments(x)[0], z)


def test_the_level_of_a_scan_survives():
    """GroupNorms would divide it away; the linear path carries it."""
    codec, x = awake(fitted()), torch.stack(volumes(1))
    risen = codec.decode(codec.encode(x + 0.5)) - codec.decode(codec.encode(x))
    assert float(risen.mean()) == pytest.approx(0.5, abs=0.15)


def test_a_volume_is_coded_alike_in_any_batch():
    codec, x = awake(fitted()), torch.stack(volumes(3))
    alone = torch.cat([codec.encode(row[None]) for row in x])
    torch.testing.assert_close(codec.encode(x), alone, atol=1e-5, rtol=1e-5)


def test_losses_are_means_and_count_the_noise():
    codec, x = fitted(channels=8), torch.stack(volumes(2))
    quiet = codec.losses(x, torch.zeros(2, *codec.latent_shape))
    assert quiet["reconstruction"] < 1e-8
    noisy = codec.losses(x, torch.ones(2, *codec.latent_shape))
    sd = codec.moments(x)[1]
    torch.testing.assert_close(noisy["reconstruction"], sd.square().mean())
    assert torch.equal(noisy["kl"], quiet["kl"])
    assert noisy["kl"] > 0


def test_every_parameter_gets_a_finite_gradient():
    codec = awake(fitted(widths=(8, 16))).train().requires_grad_(True)
    losses = codec.losses(torch.stack(volumes(2)), torch.randn(2, *codec.latent_shape))
    (losses["reconstruction"] + 1e-3 * losses["kl"]).backward()
    silent = [n for n, p in codec.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent
    assert all(p.grad.isfinite().all() for p in codec.parameters())


def test_a_codec_comes_back_within_half_precision(tmp_path):
    codec, x = awake(fitted()), torch.stack(volumes(2))
    codec.scale.fill_(1.5)
    save_codec(tmp_path, codec, RECORD)
    found = load_codec(tmp_path)
    assert (found.modality, found.grid, found.scaling) == (Modality.FDG, Grid(8), Window())
    assert not found.codec.training
    assert not any(p.requires_grad for p in found.codec.parameters())
    assert found.codec.scale == 1.5
    torch.testing.assert_close(found.codec.encode(x), codec.encode(x), atol=2e-2, rtol=0)
    again = found.codec.decode(found.codec.encode(x))
    torch.testing.assert_close(again, codec.decode(codec.encode(x)), atol=2e-2, rtol=0)


def test_what_was_loaded_is_saved_to_the_same_bytes(tmp_path):
    save_codec(tmp_path / "one", awake(fitted()), RECORD)
    save_codec(tmp_path / "two", load_codec(tmp_path / "one").codec, RECORD)
    for name in ("codec.safetensors", "codec.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_identity_is_that_of_the_weights(tmp_path):
    codec = fitted()
    save_codec(tmp_path, codec, RECORD)
    first = load_codec(tmp_path).identity
    save_codec(tmp_path, codec, RECORD | {"remark": "again"})
    assert load_codec(tmp_path).identity == first
    codec.linear.weight[0, 0] += 1
    save_codec(tmp_path, codec, RECORD)
    assert load_codec(tmp_path).identity != first


@pytest.mark.parametrize(
    "changes", [{"channels": 4}, {"widths": [16]}, {"shape": [20, 24, 24]}, {"blocks": 2}], ids=str
)
def test_weights_of_another_recipe_are_refused(tmp_path, changes):
    save_codec(tmp_path, fitted(), RECORD | {"arguments": SIZES | changes})
    with pytest.raises(CheckpointError, match="belong to another recipe"):
        load_codec(tmp_path)


def test_a_damaged_or_missing_codec_is_one_sentence(tmp_path):
    with pytest.raises(MissingInputError, match="holds no codec"):
        load_codec(tmp_path / "nowhere")
    save_codec(tmp_path, fitted(), RECORD)
    record = tmp_path / "codec.json"
    good = record.read_text()
    for bad, words in (("{", "damaged"), ("[]", "format"), ('{"format": 99}', "format is 99")):
        record.write_text(bad)
        with pytest.raises(CheckpointError, match=words):
            load_codec(tmp_path)
    record.write_text(good.replace(json.loads(good)["sha256"], "0" * 64))
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_codec(tmp_path)
