"""From causes to a brain of one's own.

The template's tissue probabilities are carried through the person's warp, then sharpened with
smooth noise: f_k = softmax_k(τ [log(p_k + .004) + σ n_k + δ_kC β]). That turns the blurred average
cortex into individual folds with partial volumes; β widens sulci where atrophy and age say so.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from scipy.special import expit

from acadiff.phantom.atlas import Velocity, atlas
from acadiff.phantom.enrolment import Effect, Person
from acadiff.phantom.fields import unit_field
from acadiff.phantom.parameters import Images, Parameters, Shape
from acadiff.phantom.regions import Kind, column, named, of_kind
from acadiff.phantom.warp import asymmetry, at_voxel, carry, displacement
from acadiff.volume.lattice import COARSE_MM, upsample
from acadiff.volume.template import template

_FLOOR = np.float32(0.004)  # no tissue is ever impossible
_HIPPOCAMPAL_ATROPHY = 5.2  # percent a year: the unit of relative atrophy
_DEEP_ATROPHY = 0.3  # sulci of the deep brain follow atrophy less
_YOUNG = 45.0  # age from which sulci widen
_VENTRICULAR = 0.4  # share above which a voxel counts as ventricle


class Tissues(NamedTuple):
    """Shares of each voxel, `(i j k)`: grey matter, white matter, cerebrospinal fluid."""

    gm: Float[np.ndarray, "i j k"]
    wm: Float[np.ndarray, "i j k"]
    csf: Float[np.ndarray, "i j k"]


@dataclass(frozen=True)
class Anatomy:
    """One person's brain, before any scanner.

    Args:
        tissues: what each voxel is made of; sums to `brain`.
        brain: share of the voxel inside the brain.
        ventricle: share inside the ventricles.
        lesion: share of white-matter hyperintensity.
        side: multiplier of disease (more than 1 on the worse side), on the coarse lattice.
        moved: the warp's displacement in mm, on the coarse lattice.
    """

    tissues: Tissues
    brain: Float[np.ndarray, "i j k"]
    ventricle: Float[np.ndarray, "i j k"]
    lesion: Float[np.ndarray, "i j k"]
    side: Float[np.ndarray, "x y z"]
    moved: Velocity

    def map(self, values: Float[np.ndarray, " r"]) -> Float[np.ndarray, "x y z"]:
        """Spread one value per region over this person's brain, on the coarse lattice."""
        return carry(atlas().map(values), self.moved, COARSE_MM, "nearest")


def anatomy(person: Person, voxel: int, parameters: Parameters) -> Anatomy:
    """The brain of `person` at `voxel` mm."""
    shape, here = parameters.shape, template(voxel)
    moved = displacement(person, shape)
    fine = at_voxel(moved, voxel)
    average = Tissues(*(carry(p, fine, voxel) for p in (here.gm, here.wm, here.csf)))
    brain, ventricle = carry(here.brain, fine, voxel), carry(here.ventricle, fine, voxel)
    left, right = asymmetry(person, shape)
    side = np.float32(right) + np.float32(left - right) * atlas().left
    side = carry(side, moved, COARSE_MM, "nearest")
    bare = Anatomy(average, brain, ventricle, np.zeros_like(brain), side, moved)
    tissues = _fold(person, bare, voxel, shape)
    lesion = tissues.wm * _lesions(person, ventricle, voxel, parameters.images)
    return replace(bare, tissues=tissues, lesion=lesion)


def _fold(person: Person, bare: Anatomy, voxel: int, shape: Shape) -> Tissues:
    """Give the average tissues an individual cortex."""
    coarse = bare.map(of_kind(Kind.CORTEX))
    cortex = upsample(coarse, voxel)
    strength = shape.fold_sd * (shape.fold_deep + (1 - shape.fold_deep) * cortex)
    sharpness = shape.sharpness[0] + shape.sharpness[1] * cortex
    streams = (Effect.FOLDS_GM, Effect.FOLDS_WM, Effect.FOLDS_CSF)
    logits = []
    for share, effect in zip(bare.tissues, streams, strict=True):
        noise = unit_field(person.stream(effect), 2, shape.fold_mm, voxel)
        logits.append(np.log(share + _FLOOR) + strength * noise)
    logits[2] += upsample(_widening(person, bare, coarse, shape), voxel)
    most = np.maximum(np.maximum(logits[0], logits[1]), logits[2])
    shares = [np.exp((logit - most) * sharpness) for logit in logits]
    total = bare.brain / (shares[0] + shares[1] + shares[2])
    return Tissues(*(share * total for share in shares))


def _widening(
    person: Person, bare: Anatomy, cortex: Float[np.ndarray, "x y z"], shape: Shape
) -> Float[np.ndarray, "x y z"]:
    """β: the advantage of CSF over tissue, from atrophy and age."""
    causes = person.causes
    depends = np.where(of_kind(Kind.CORTEX) > 0, 1.0, _DEEP_ATROPHY)
    atrophy = bare.map(column("atrophy") / _HIPPOCAMPAL_ATROPHY * depends) * bare.side
    widening = shape.sulci_Cx * float(np.clip(causes.Cx, -0.5, 2.0))
    beta: Float[np.ndarray, "x y z"] = widening * atrophy
    beta += np.float32(shape.sulci_age * (causes.age - _YOUNG)) * cortex
    beta += np.float32(shape.sulci_H * causes.H) * bare.map(named("hippocampus"))
    return beta


def _lesions(
    person: Person, ventricle: Float[np.ndarray, "i j k"], voxel: int, p: Images
) -> Float[np.ndarray, "i j k"]:
    """Share of the white matter that is lesioned: around the ventricles, more with W."""
    near, random, load, constant = p.lesion
    reach, fwhm = p.lesion_mm
    distance = ndimage.distance_transform_edt(ventricle <= _VENTRICULAR) * voxel
    logit = near * np.exp(-distance.astype(np.float32) / reach) + constant
    logit += random * unit_field(person.stream(Effect.LESIONS), 3, fwhm, voxel)
    logit += load * np.log1p(max(person.causes.W, -0.6) + 0.6)
    share: Float[np.ndarray, "i j k"] = expit(logit / p.lesion_width)
    return share
