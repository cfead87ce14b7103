"""How far a scan lies from those its codec was trained on, and in what.

A model fills in what it has learned from people like those in training. A scan of another tracer,
in another unit, badly placed, noisy or with a lesion is outside of that, and nothing in the
imputed scan shows it. Six measures look at a scan, each with another eye:

    pattern          Mahalanobis distance in the principal components of the cells' means
    residual         what those components leave over, in units of its usual size, all together
    spot, patch      the same at its largest: in one cell, and smoothed over its neighbours
    texture          Mahalanobis distance of the energies of the latent's channels
    reconstruction   error of the codec in the brain

A *cell* is one place of the latent. Covariances are shrunk (Ledoit and Wolf 2004). The logarithms
of the measures are standardised on scans that did not shape them; the largest is the *score*, and
its rank among those people's scores is the p-value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from acadiff.errors import CohortError

MEASURES = ("pattern", "residual", "spot", "patch", "texture", "reconstruction")
LEAST = 19
"""Training scans below which nothing is fitted: no p-value could reach 5 %."""

_COMPONENTS, _PER_COMPONENT = 32, 8  # at most so many, and at least so many scans for each
_FOLDS = 5
_SMOOTH = 0.8  # of a patch, in cells
_LEAST_SD = 0.3  # of the median over cells; the empty margin hardly varies
_ALIGN = 20  # held-out people from whom the codec's own optimism is told


class Look(NamedTuple):
    """What the measures see of one scan.

    Args:
        cells: mean of the image in each cell of the brain, on the model's scale.
        texture: log RMS of each latent channel in the brain, and of the codec's error, last.
    """

    cells: Float[np.ndarray, " v"]
    texture: Float[np.ndarray, " e"]


@dataclass(frozen=True, eq=False)
class Typical:
    """Where scans usually lie.

    Args:
        brain: which cells count.
        mean: of the cells.
        basis: principal components, orthonormal rows.
        spread: SD along each, shrunk.
        rest: usual size of what they leave over in each cell, and of the same smoothed.
        texture: mean of the texture.
        whitener: takes its deviation to unit covariance.
        centre: of the logarithm of each of `MEASURES`.
        scale: likewise their SD.
        null: scores of people who shaped none of the above, sorted.
    """

    brain: Bool[np.ndarray, "i j k"]
    mean: Float[np.ndarray, " v"]
    basis: Float[np.ndarray, "c v"]
    spread: Float[np.ndarray, " c"]
    rest: Float[np.ndarray, "2 v"]
    texture: Float[np.ndarray, " e"]
    whitener: Float[np.ndarray, "e e"]
    centre: Float[np.ndarray, " m"]
    scale: Float[np.ndarray, " m"]
    null: Float[np.ndarray, " n"]

    def standardised(self, look: Look) -> Float[np.ndarray, " m"]:
        """Each of `MEASURES`, 0 where half of all people lie and 1 an SD above."""
        return np.asarray((self.measures(look) - self.centre) / self.scale)

    def measures(self, look: Look) -> Float[np.ndarray, " m"]:
        """Logarithms of `MEASURES`."""
        along, rest = self._parts(look)
        spot, patch = np.abs(rest).max(axis=1)
        texture = self.whitener @ (look.texture - self.texture)
        squares = (np.square(along).mean(), np.square(rest[0]).mean(), np.square(texture).mean())
        pattern, residual, energy = 0.5 * np.log(np.maximum(squares, 1e-12))
        large = np.log(np.maximum((spot, patch), 1e-6))
        return np.array([pattern, residual, *large, energy, look.texture[-1]])

    def oddest(self, look: Look, smooth: bool = True) -> tuple[int, int, int]:
        """The cell that stands out most."""
        rest = np.abs(self._parts(look)[1][int(smooth)])
        i, j, k = np.argwhere(self.brain)[int(rest.argmax())]
        return int(i), int(j), int(k)

    def p(self, score: float) -> float:
        """Share of usual scans with such a score or a higher one, the scan itself among them."""
        above = len(self.null) - int(np.searchsorted(self.null, score))
        return (1 + above) / (1 + len(self.null))

    def _parts(self, look: Look) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, "2 v"]]:
        """Standardised coordinates, and the standardised rest plain and smoothed."""
        along, rest = _split(look.cells - self.mean, self.basis)
        return along / self.spread, np.stack([rest, smoothed(rest, self.brain)]) / self.rest


def fit_typical(
    training: Sequence[Look], unseen: Sequence[Look], brain: Bool[np.ndarray, "i j k"]
) -> Typical:
    """Learn what is usual.

    Every training scan is scored by statistics of four fifths of the others, so that all of them
    can tell how scores of new people are spread. The codec has seen them, though: what that makes
    of the measures is told from the unseen, where there are enough.

    Args:
        training: looks at scans the codec was trained on.
        unseen: looks at scans of validation subjects.
        brain: the cells looked at.

    Raises:
        CohortError: there are fewer than `LEAST` training scans.
    """
    if len(training) < LEAST:
        raise CohortError(
            f"{len(training)} training scans tell nothing of what is usual; {LEAST} are needed",
            code="E_TOO_FEW",
            value=len(training),
            hint="train on more",
        )
    fold = np.arange(len(training)) % _FOLDS
    rests = _held_out(np.stack([look.cells for look in training]), fold, brain)
    held = np.empty((len(training), len(MEASURES)))
    for index in range(_FOLDS):
        part = _fit([x for x, f in zip(training, fold, strict=True) if f != index], rests, brain)
        for row in np.flatnonzero(fold == index).tolist():
            held[row] = part.measures(training[row])
    whole = _fit(training, rests, brain)
    fresh = np.array([whole.measures(look) for look in unseen]).reshape(-1, len(MEASURES))
    if len(fresh) >= _ALIGN:
        held += np.median(fresh, axis=0) - np.median(held, axis=0)
    return _judged(whole, np.concatenate([held, fresh]))


def _judged(plain: Typical, usual: Float[np.ndarray, "n m"]) -> Typical:
    centre, scale = np.median(usual, axis=0), usual.std(axis=0) + 1e-6
    null = np.sort(((usual - centre) / scale).max(axis=1))
    return Typical(**{**vars(plain), "centre": centre, "scale": scale, "null": null})


def _held_out(
    cells: Float[np.ndarray, "n v"], fold: Int[np.ndarray, " n"], brain: Bool[np.ndarray, "i j k"]
) -> Float[np.ndarray, "2 v"]:
    """RMS of what components of other people leave over, plain and smoothed."""
    rests = np.empty((2, *cells.shape), np.float32)
    for index in range(_FOLDS):
        mean, basis, _ = _components(cells[fold != index])
        rest = _split(cells[fold == index] - mean, basis)[1]
        rests[:, fold == index] = rest, np.stack([smoothed(r, brain) for r in rest])
    size = np.sqrt(np.square(rests).mean(axis=1))
    least = _LEAST_SD * np.median(size, axis=1, keepdims=True) + 1e-6
    return np.asarray(np.maximum(size, least))


def _fit(
    looks: Sequence[Look], rests: Float[np.ndarray, "2 v"], brain: Bool[np.ndarray, "i j k"]
) -> Typical:
    from sklearn.covariance import ledoit_wolf

    mean, basis, along = _components(np.stack([look.cells for look in looks]))
    texture = np.stack([look.texture for look in looks])
    covariance = ledoit_wolf(texture)[0] + 1e-6 * np.eye(texture.shape[1])
    return Typical(
        brain,
        mean,
        basis,
        np.sqrt(np.diag(ledoit_wolf(along)[0]) + 1e-12),
        rests,
        texture.mean(axis=0),
        np.linalg.inv(np.linalg.cholesky(covariance)),
        np.zeros(len(MEASURES)),
        np.ones(len(MEASURES)),
        np.zeros(0),
    )


def _components(
    cells: Float[np.ndarray, "n v"],
) -> tuple[Float[np.ndarray, " v"], Float[np.ndarray, "c v"], Float[np.ndarray, "n c"]]:
    """Mean, leading principal components, and everybody's coordinates."""
    mean = cells.mean(axis=0)
    count = max(1, min(_COMPONENTS, len(cells) // _PER_COMPONENT))
    values, vectors = np.linalg.eigh((cells - mean) @ (cells - mean).T)
    rows = vectors[:, ::-1][:, :count].T @ (cells - mean)
    basis = rows / np.maximum(np.sqrt(values[::-1][:count]), 1e-12)[:, None]
    return mean, basis, (cells - mean) @ basis.T


def _split(
    deviation: Float[np.ndarray, "... v"], basis: Float[np.ndarray, "c v"]
) -> tuple[Float[np.ndarray, "... c"], Float[np.ndarray, "... v"]]:
    along = deviation @ basis.T
    return along, deviation - along @ basis


def smoothed(
    values: Float[np.ndarray, " v"], brain: Bool[np.ndarray, "i j k"]
) -> Float[np.ndarray, " v"]:
    """Values of the brain's cells, averaged over their neighbours; nothing lies outside."""
    image = np.zeros(brain.shape, np.float32)
    image[brain] = values
    return np.asarray(ndimage.gaussian_filter(image, _SMOOTH, mode="constant")[brain])
