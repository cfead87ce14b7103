"""Likeness of an imputed volume to the acquired one, on [0, 1], inside a mask [paper §3].

Each metric takes (truth, imputed, mask); a mask of ones gives its whole-box variant. `judge` gives
all of them at once and computes what concerns the truth alone only once.
"""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy import ndimage

_SIGMA = 1.5
_RADIUS = 5
_C1, _C2 = 0.01**2, 0.03**2
_BINS = 64

Image = Float[np.ndarray, "i j k"]
Map = Float32[np.ndarray, "i j k"]
Mask = Bool[np.ndarray, "i j k"]
Metric = Callable[[Image, Image, Mask], float]


def mae(truth: Image, imputed: Image, mask: Mask) -> float:
    """Mean absolute error: |x − y|, averaged over the mask."""
    return float(np.abs(truth[mask] - imputed[mask]).mean(dtype=np.float64))


def psnr(truth: Image, imputed: Image, mask: Mask) -> float:
    """Peak signal-to-noise ratio in dB: −10 log₁₀ of the mask's mean squared error, range 1.

    Identical volumes give infinity.
    """
    return _decibel(truth[mask] - imputed[mask])


def ssim(truth: Image, imputed: Image, mask: Mask) -> float:
    """Structural similarity: the map of the full volume (`ssim_map`), averaged over the mask."""
    return float(ssim_map(truth, imputed)[mask].mean(dtype=np.float64))


def nmi(truth: Image, imputed: Image, mask: Mask) -> float:
    """Normalised mutual information 2 I(x, y) / (H(x) + H(y)) of the mask's voxels.

    64 equal bins on [0, 1] for every volume. Two constant volumes share no information: 0.
    """
    return _shared(_binned(truth[mask]), _binned(imputed[mask]))


METRICS: Mapping[str, Metric] = {"mae": mae, "psnr": psnr, "ssim": ssim, "nmi": nmi}


def ssim_map(truth: Image, imputed: Image) -> Map:
    """Structural similarity around every voxel, range 1.

    Gaussian window of σ = 1.5 voxels cut to 11³, reflected at the border, K = (0.01, 0.03), as in
    Wang et al. 2004.
    """
    return _similarity(_moments(truth), _moments(imputed), _blur(truth * imputed))


def judge(truth: Image, mask: Mask) -> Callable[[Image], dict[str, float]]:
    """Prepare one truth; the function returned scores any number of imputed volumes against it.

    Its keys are those of `METRICS`, and `mae_box`, `psnr_box`, `ssim_box` for the whole box.
    """
    moments = _moments(truth)
    bins = _binned(truth[mask])

    def scores(imputed: Image) -> dict[str, float]:
        error = truth - imputed
        similarity = _similarity(moments, _moments(imputed), _blur(truth * imputed))
        return {
            "mae": float(np.abs(error[mask]).mean(dtype=np.float64)),
            "psnr": _decibel(error[mask]),
            "ssim": float(similarity[mask].mean(dtype=np.float64)),
            "nmi": _shared(bins, _binned(imputed[mask])),
            "mae_box": float(np.abs(error).mean(dtype=np.float64)),
            "psnr_box": _decibel(error),
            "ssim_box": float(similarity.mean(dtype=np.float64)),
        }

    return scores


def rank_correlation(sd: Image, error: Image, mask: Mask) -> float | None:
    """Spearman's ρ between a draw-to-draw SD and the absolute error, over the mask's voxels.

    None where either is constant: it then ranks nothing.
    """
    spread, size = sd[mask], np.abs(error[mask])
    if spread.size == 0 or np.ptp(spread) == 0 or np.ptp(size) == 0:
        return None
    return float(np.corrcoef(_ranks(spread), _ranks(size))[0, 1])


def _ranks(values: Float[np.ndarray, " v"]) -> Float[np.ndarray, " v"]:
    """Rank of each value; equal values share their mean rank."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[which])


def _moments(image: Image) -> tuple[Map, Map]:
    """Local mean and variance."""
    mean = _blur(image)
    return mean, _blur(image * image) - mean * mean


def _similarity(truth: tuple[Map, Map], imputed: tuple[Map, Map], product: Map) -> Map:
    """Equation 13 of Wang et al. 2004 from local means, variances and mean product."""
    (x, xx), (y, yy) = truth, imputed
    luminance = (2 * x * y + _C1) / (x * x + y * y + _C1)
    structure = (2 * (product - x * y) + _C2) / (xx + yy + _C2)
    return np.asarray(luminance * structure, np.float32)


def _blur(image: Image) -> Map:
    smooth = ndimage.gaussian_filter(
        np.asarray(image, np.float32), _SIGMA, mode="reflect", radius=_RADIUS
    )
    return np.asarray(smooth, np.float32)


def _decibel(error: Float[np.ndarray, "*s"]) -> float:
    mse = float(np.square(error).mean(dtype=np.float64))
    return float(-10 * np.log10(mse)) if mse > 0 else float("inf")


def _binned(values: Float[np.ndarray, " v"]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.clip((values * _BINS).astype(np.int64), 0, _BINS - 1)


def _shared(
    x: np.ndarray[tuple[int], np.dtype[np.int64]], y: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> float:
    joint = np.bincount(x * _BINS + y, minlength=_BINS**2).reshape(_BINS, _BINS) / len(x)
    marginal = _entropy(joint.sum(0)) + _entropy(joint.sum(1))
    return 2 * (marginal - _entropy(joint.ravel())) / marginal if marginal > 0 else 0.0


def _entropy(p: Float[np.ndarray, " n"]) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())
