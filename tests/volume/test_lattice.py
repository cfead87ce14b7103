"""From one lattice to another."""

import numpy as np

from acadiff.volume.lattice import block_mean, upsample


def test_block_mean_averages():
    volume = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    assert block_mean(volume, 2)[0, 0, 0] == volume[:2, :2, :2].mean()
    assert block_mean(volume, 4).item() == volume.mean()


def test_upsampling_keeps_a_ramp_and_its_place():
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32)[:, None, None], (40, 48, 40))
    fine = upsample(ramp, 2)
    np.testing.assert_allclose(block_mean(fine, 2)[1:-1], ramp[1:-1], atol=1e-5)
