"""Filters that let a lesion and noise through, and little of what people differ in anyway.

What the principal components leave over of a scan is still rough: neighbours resemble each other,
and coarse waves are larger than fine ones. A sphere stands out best where both are divided by the
power that usual residuals have at each frequency (a matched filter behind a whitening one). Noise
adds to all waves alike, so that it shows where usual residuals have least: in the fine ones.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
from jaxtyping import Bool, Complex, Float
from scipy import fft, ndimage

from acadiff.volume.grid import BOX_MM

Waves = Complex[np.ndarray, "i j h"]
Power = Float[np.ndarray, "i j h"]

SPOTS = (6.0, 12.0)
PATCHES = (9.0, 12.0)
"""Radii in mm [ours]: of spheres with a sharp rim, and of such as a PET scanner would show."""

_PSF_FWHM = 7.0  # mm, of a PET scanner
_FINE = (0.3, 0.6)  # cycles a voxel; the finest waves of the lattice are hardly resolved
_LEAST = 0.003  # of the mean power, that no wave counts for ever
_PER_SIGMA = 2.355  # FWHM of a Gaussian


def waves(values: Float[np.ndarray, " v"], brain: Bool[np.ndarray, "i j k"]) -> Waves:
    """Fourier transform of values at the places of the brain; nothing lies outside."""
    image = np.zeros(brain.shape, np.float32)
    image[brain] = values
    return np.asarray(fft.rfftn(image))


def usual_power(of_people: Iterable[Power]) -> Power:
    """Mean power over people; no wave has next to nothing."""
    mean = mean_of(of_people)
    return np.asarray(mean + _LEAST * mean.mean(), np.float32)


def mean_of(arrays: Iterable[Float[np.ndarray, "*s"]]) -> Float[np.ndarray, "*s"]:
    """Mean of arrays that need not all be there at once."""
    total, count = np.zeros((), np.float32), 0
    for array in arrays:
        total, count = total + array, count + 1
    return np.asarray(total / count)


def sifted(
    found: Waves, power: Power, brain: Bool[np.ndarray, "i j k"]
) -> Float[np.ndarray, "f v"]:
    """How much like each sphere it looks around each place, `SPOTS` before `PATCHES`."""
    white = found / power
    images = [fft.irfftn(white * kind, s=brain.shape)[brain] for kind in _spheres(brain.shape)]
    return np.asarray(np.stack(images), np.float32)


def roughness(found: Waves, power: Power) -> float:
    """Logarithm of the RMS of the fine waves, each in units of its usual size."""
    fine = _fine(power.shape)
    return float(0.5 * np.log((np.square(np.abs(found[fine])) / power[fine]).mean() + 1e-12))


@cache
def _spheres(shape: tuple[int, int, int]) -> list[Float[np.ndarray, "i j h"]]:
    """Transforms of all spheres, each around the first voxel, so that nothing is shifted."""
    voxel = BOX_MM[0] / shape[0]
    steps = np.meshgrid(*(n * voxel * fft.fftfreq(n) for n in shape), indexing="ij")
    away = np.sqrt(np.square(steps).sum(axis=0))
    balls = [np.clip((radius - away) / voxel + 0.5, 0, 1) for radius in (*SPOTS, *PATCHES)]
    sigma = _PSF_FWHM / _PER_SIGMA / voxel
    blurred = [ndimage.gaussian_filter(ball, sigma, mode="wrap") for ball in balls[len(SPOTS) :]]
    return [fft.rfftn(ball).real.astype(np.float32) for ball in (*balls[: len(SPOTS)], *blurred)]


@cache
def _fine(shape: tuple[int, int, int]) -> Bool[np.ndarray, "i j h"]:
    """Which waves are fine."""
    i, j, h = shape
    steps = np.meshgrid(fft.fftfreq(i), fft.fftfreq(j), fft.rfftfreq(2 * h - 2), indexing="ij")
    cycles = np.sqrt(np.square(steps).sum(axis=0))
    fine: Bool[np.ndarray, "i j h"] = (cycles >= _FINE[0]) & (cycles < _FINE[1])
    return fine
