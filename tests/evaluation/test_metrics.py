import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from acadiff.evaluation.metrics import (
    METRICS,
    judge,
    mae,
    nmi,
    psnr,
    rank_correlation,
    ssim,
    ssim_map,
)

RNG = np.random.default_rng(0)
SHAPE = (20, 24, 22)
TRUTH = np.clip(0.5 + gaussian_filter(RNG.normal(size=SHAPE), 1.5) * 3, 0, 1).astype(np.float32)
IMPUTED = np.clip(TRUTH + RNG.normal(0, 0.08, SHAPE), 0, 1).astype(np.float32)
MASK = np.zeros(SHAPE, bool)
MASK[4:15, 3:20, 5:18] = True
BOX = np.ones(SHAPE, bool)


def _reference_nmi(x, y):
    """2 I / (Hx + Hy) from the definition of mutual information."""
    joint, *_ = np.histogram2d(x, y, bins=64, range=[[0, 1], [0, 1]])
    joint /= joint.sum()
    px, py = joint.sum(1), joint.sum(0)
    some = joint > 0
    mutual = (joint[some] * np.log(joint[some] / np.outer(px, py)[some])).sum()
    entropy = [-(p[p > 0] * np.log(p[p > 0])).sum() for p in (px, py)]
    return 2 * mutual / sum(entropy)


@pytest.mark.parametrize("mask", [MASK, BOX])
def test_each_metric_equals_its_reference(mask):
    x, y = TRUTH[mask], IMPUTED[mask]
    assert mae(TRUTH, IMPUTED, mask) == pytest.approx(np.abs(x - y).mean(), rel=1e-5)
    reference = peak_signal_noise_ratio(x, y, data_range=1)
    assert psnr(TRUTH, IMPUTED, mask) == pytest.approx(reference, rel=1e-6)
    assert nmi(TRUTH, IMPUTED, mask) == pytest.approx(_reference_nmi(x, y), rel=1e-9)


def test_ssim_equals_scikit_image_in_every_voxel():
    _, reference = structural_similarity(
        TRUTH.astype(np.float64),
        IMPUTED.astype(np.float64),
        data_range=1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    assert np.allclose(ssim_map(TRUTH, IMPUTED), reference, atol=2e-5)
    for mask in (MASK, BOX):
        assert ssim(TRUTH, IMPUTED, mask) == pytest.approx(reference[mask].mean(), abs=1e-6)


def test_the_judge_says_what_the_metrics_say():
    judged = judge(TRUTH, MASK)
    for imputed in (IMPUTED, IMPUTED * 0.5, TRUTH):
        scores = judged(imputed)
        for name, metric in METRICS.items():
            assert scores.pop(name) == pytest.approx(metric(TRUTH, imputed, MASK))
            if name != "nmi":
                assert scores.pop(f"{name}_box") == pytest.approx(metric(TRUTH, imputed, BOX))
        assert not scores


def test_a_perfect_volume_has_perfect_scores():
    best = {"mae": 0.0, "psnr": float("inf"), "ssim": 1.0, "nmi": 1.0}
    for name, metric in METRICS.items():
        assert metric(TRUTH, TRUTH.copy(), MASK) == pytest.approx(best[name])


@pytest.mark.parametrize("name", ["mae", "psnr", "nmi"])
def test_what_lies_outside_the_mask_does_not_count(name):
    other = np.where(MASK, IMPUTED, 0).astype(np.float32)
    assert METRICS[name](TRUTH, other, MASK) == METRICS[name](TRUTH, IMPUTED, MASK)


@pytest.mark.parametrize("name", list(METRICS))
def test_more_noise_is_never_better(name):
    noise = RNG.normal(size=SHAPE)
    values = [
        METRICS[name](TRUTH, np.clip(TRUTH + s * noise, 0, 1).astype(np.float32), MASK)
        for s in (0.01, 0.03, 0.1, 0.3)
    ]
    assert values == sorted(values, reverse=name != "mae")


def test_psnr_of_a_constant_error_has_a_closed_form():
    assert psnr(TRUTH, TRUTH + np.float32(0.1), MASK) == pytest.approx(20, abs=1e-4)


def test_nmi_does_not_care_about_a_relabelling_but_about_dependence():
    inverted = 1 - TRUTH
    assert nmi(TRUTH, inverted, MASK) > 0.9
    assert nmi(TRUTH, RNG.permuted(TRUTH), MASK) < 0.3
    assert nmi(np.full(SHAPE, 0.5), np.full(SHAPE, 0.2), MASK) == 0


def test_values_beyond_one_take_the_last_bin():
    assert nmi(TRUTH * 2, np.clip(TRUTH * 2, 0, 1), MASK) == pytest.approx(1)


def test_rank_correlation_equals_scipys():
    sd, error = np.abs(IMPUTED - 0.5).round(2), TRUTH - IMPUTED
    reference = spearmanr(sd[MASK], np.abs(error[MASK])).statistic
    assert rank_correlation(sd, error, MASK) == pytest.approx(reference)


def test_a_constant_sd_ranks_nothing():
    assert rank_correlation(np.zeros(SHAPE), TRUTH - IMPUTED, MASK) is None
    assert rank_correlation(IMPUTED, np.zeros(SHAPE), MASK) is None
    assert rank_correlation(IMPUTED, TRUTH, np.zeros(SHAPE, bool)) is None
