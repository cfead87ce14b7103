"""How far a scan lies from those its codec was trained on, and in what.

A model fills in what it has learned from people like those in training. A scan of another tracer,
in another unit, badly placed, noisy or with a lesion is outside of that, and nothing in the
imputed scan shows it. Seven measures look at a scan, each with another eye:

    pattern          Mahalanobis distance in the principal components of the places
    residual         what those components leave over, in units of its usual size, all together
    spot, patch      how much a place looks like a sphere's middle, where most: sharp, or blurred
    noise            its fine waves, each in units of its usual size
    texture          Mahalanobis distance of the energies of the latent's channels
    reconstruction   error of the codec in the brain

A *place* is a cube of 4 mm (of a voxel, where voxels are larger). Covariances are shrunk (Ledoit
and Wolf 2004). The logarithms of the measures are standardised on scans that did not shape them;
the largest is the *score*, and its rank among those people's scores is the p-value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from acadiff.errors import CohortError
from acadiff.latent.sieve import (
    SPOTS,
    Power,
    Waves,
    mean_of,
    roughness,
    sifted,
    usual_power,
    waves,
)

MEASURES = ("pattern", "residual", "spot", "patch", "noise", "texture", "reconstruction")
LEAST = 19
"""Training scans below which nothing is fitted: no p-value could reach 5 %."""

_COMPONENTS, _PER_COMPONENT = 32, 8  # at most so many, and at least so many scans for each
_FOLDS = 5
_LEAST_SD = 0.3  # of the median over places; the empty margin hardly varies
_ALIGN = 20  # held-out people from whom the codec's own optimism is told


class Look(NamedTuple):
    """What the measures see of one scan.

    Args:
        places: mean of the image in each place of the brain, on the model's scale.
        texture: log RMS of each latent channel in the brain, and of the codec's error, last.
    """

    places: Float[np.ndarray, " v"]
    texture: Float[np.ndarray, " e"]


@dataclass(frozen=True, eq=False)
class Typical:
    """Where scans usually lie.

    Args:
        brain: which places count.
        mean: of the places.
        basis: principal components, orthonormal rows.
        spread: SD along each, shrunk.
        rest: usual size of what they leave over in each place.
        power: usual power of each wave of that, in units of its size.
        peaks: usual size of the likeness to each sphere in each place.
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
    rest: Float[np.ndarray, " v"]
    power: Power
    peaks: Float[np.ndarray, "f v"]
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
        found = waves(rest, self.brain)
        texture = self.whitener @ (look.texture - self.texture)
        squares = (np.square(along).mean(), np.square(rest).mean(), np.square(texture).mean())
        pattern, residual, energy = 0.5 * np.log(np.maximum(squares, 1e-12))
        large = np.abs(self._likeness(found)).max(axis=1)
        kinds = large[: len(SPOTS)].max(), large[len(SPOTS) :].max()
        spot, patch = np.log(np.maximum(kinds, 1e-6))
        noise = roughness(found, self.power)
        return np.array([pattern, residual, spot, patch, noise, energy, look.texture[-1]])

    def oddest(self, look: Look, measure: str = "spot") -> tuple[int, int, int]:
        """The place that looks most like a spot, or like a patch."""
        alike = np.abs(self._likeness(waves(self._parts(look)[1], self.brain)))
        alike = alike[len(SPOTS) :] if measure == "patch" else alike[: len(SPOTS)]
        i, j, k = np.argwhere(self.brain)[int(alike.max(axis=0).argmax())]
        return int(i), int(j), int(k)

    def p(self, score: float) -> float:
        """Share of usual scans with such a score or a higher one, the scan itself among them."""
        above = len(self.null) - int(np.searchsorted(self.null, score))
        return (1 + above) / (1 + len(self.null))

    def _parts(self, look: Look) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, " v"]]:
        """Standardised coordinates, and the standardised rest."""
        along, rest = _split(look.places - self.mean, self.basis)
        return along / self.spread, rest / self.rest

    def _likeness(self, found: Waves) -> Float[np.ndarray, "f v"]:
        """Standardised likeness to each sphere in each place."""
        return np.asarray(sifted(found, self.power, self.brain) / self.peaks)


class Rest(NamedTuple):
    """What components of other people usually leave over, as in `Typical`."""

    size: Float[np.ndarray, " v"]
    power: Power
    peaks: Float[np.ndarray, "f v"]


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
        brain: the places looked at.

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
    rest = _held_out(np.stack([look.places for look in training]), fold, brain)
    held = np.empty((len(training), len(MEASURES)))
    for index in range(_FOLDS):
        part = _fit([x for x, f in zip(training, fold, strict=True) if f != index], rest, brain)
        for row in np.flatnonzero(fold == index).tolist():
            held[row] = part.measures(training[row])
    whole = _fit(training, rest, brain)
    fresh = np.array([whole.measures(look) for look in unseen]).reshape(-1, len(MEASURES))
    if len(fresh) >= _ALIGN:
        held += np.median(fresh, axis=0) - np.median(held, axis=0)
    return _judged(whole, np.concatenate([held, fresh]))


def _judged(plain: Typical, usual: Float[np.ndarray, "n m"]) -> Typical:
    centre, scale = np.median(usual, axis=0), usual.std(axis=0) + 1e-6
    null = np.sort(((usual - centre) / scale).max(axis=1))
    return Typical(**{**vars(plain), "centre": centre, "scale": scale, "null": null})


def _held_out(
    places: Float[np.ndarray, "n v"], fold: Int[np.ndarray, " n"], brain: Bool[np.ndarray, "i j k"]
) -> Rest:
    """What components leave over of people who had no part in them, person by person."""
    rests = np.empty(places.shape, np.float32)
    for index in range(_FOLDS):
        mean, basis, _ = _components(places[fold != index])
        rests[fold == index] = _split(places[fold == index] - mean, basis)[1]
    size = _floored(np.square(rests).mean(axis=0))
    rests /= size
    power = usual_power(np.square(np.abs(waves(r, brain))) for r in rests)
    squares = mean_of(np.square(sifted(waves(r, brain), power, brain)) for r in rests)
    return Rest(size, power, np.stack([_floored(s) for s in squares]))


def _floored(squares: Float[np.ndarray, " v"]) -> Float[np.ndarray, " v"]:
    """Usual size, nowhere so small that a trifle would count."""
    size = np.sqrt(squares)
    return np.asarray(np.maximum(size, _LEAST_SD * np.median(size) + 1e-6), np.float32)


def _fit(looks: Sequence[Look], rest: Rest, brain: Bool[np.ndarray, "i j k"]) -> Typical:
    from sklearn.covariance import ledoit_wolf

    mean, basis, along = _components(np.stack([look.places for look in looks]))
    texture = np.stack([look.texture for look in looks])
    covariance = ledoit_wolf(texture)[0] + 1e-6 * np.eye(texture.shape[1])
    return Typical(
        brain,
        mean,
        basis,
        np.sqrt(np.diag(ledoit_wolf(along)[0]) + 1e-12),
        *rest,
        texture.mean(axis=0),
        np.linalg.inv(np.linalg.cholesky(covariance)),
        np.zeros(len(MEASURES)),
        np.ones(len(MEASURES)),
        np.zeros(0),
    )


def _components(
    places: Float[np.ndarray, "n v"],
) -> tuple[Float[np.ndarray, " v"], Float[np.ndarray, "c v"], Float[np.ndarray, "n c"]]:
    """Mean, leading principal components, and everybody's coordinates."""
    mean = places.mean(axis=0)
    count = max(1, min(_COMPONENTS, len(places) // _PER_COMPONENT))
    values, vectors = np.linalg.eigh((places - mean) @ (places - mean).T)
    rows = vectors[:, ::-1][:, :count].T @ (places - mean)
    basis = rows / np.maximum(np.sqrt(values[::-1][:count]), 1e-12)[:, None]
    return mean, basis, (places - mean) @ basis.T


def _split(
    deviation: Float[np.ndarray, "... v"], basis: Float[np.ndarray, "c v"]
) -> tuple[Float[np.ndarray, "... c"], Float[np.ndarray, "... v"]]:
    along = deviation @ basis.T
    return along, deviation - along @ basis
