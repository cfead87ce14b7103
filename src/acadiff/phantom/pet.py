"""FDG-PET and AV45-PET of a scene, in SUVR.

FDG falls with F by region; AV45 follows SUVR(x) = NS(x) + A K(x) (Whittington 2018). Both are
blurred by the scanner, made noisy in proportion to √uptake, and divided by the mean of a reference
region that is fixed in template space, as real pipelines do.
"""

import numpy as np

from acadiff.modality import Modality
from acadiff.phantom.enrolment import Effect
from acadiff.phantom.fields import smooth
from acadiff.phantom.regions import Kind, column, of_kind
from acadiff.phantom.scene import Image, Scene
from acadiff.phantom.warp import carry, linear
from acadiff.volume.lattice import upsample
from acadiff.volume.regions import NAMES, reference

_TEXTURE_LATTICE = 5  # mm
_LEAST, _MOST = 0.35, 1.2  # share of normal FDG that can be left


def fdg(scene: Scene) -> Image:
    """FDG-PET in SUVR of the pons, zero outside the brain."""
    p, causes = scene.images, scene.person.causes
    drawn = scene.normal(Effect.FDG_UPTAKE, len(NAMES) + 2)
    moved = p.fdg_subtype * causes.u * abs(causes.F) * min(causes.N, 1.0)
    lost = p.fdg_loss * column("fdg_loss") * (causes.F - moved * column("limbic"))
    lost += p.fdg_other * column("other") * min(causes.M, 1.5)
    uptake = column("fdg") * np.clip(1 - lost, _LEAST, _MOST)
    uptake *= 1 + p.region_sd[0] * drawn[: len(NAMES)]
    uptake *= 1 + p.fdg_sd * drawn[-1] * (1 - of_kind(Kind.STEM))
    coarse = scene.brain.map(uptake) * (1 - p.fdg_side * (scene.brain.side - 1))
    grey = upsample(coarse, scene.voxel) * _texture(scene, Modality.FDG)
    white = p.fdg_wm[0] * (1 + p.fdg_wm[1] * drawn[-2]) * (1 - p.fdg_wm[2] * min(causes.W, 3.0))
    gm, wm = _uptaking(scene)
    activity = grey * gm + np.float32(white) * wm + p.fdg_csf * scene.brain.tissues.csf
    return _scan(scene, Modality.FDG, activity)


def av45(scene: Scene) -> Image:
    """AV45-PET in SUVR of the whole cerebellum, zero outside the brain."""
    p, brain = scene.images, scene.brain
    drawn = scene.normal(Effect.AV45_UPTAKE, len(NAMES) + 2)
    personal = p.av45_gm[1] * drawn[-1] * (1 - of_kind(Kind.CEREBELLUM))
    capacity = column("capacity") * (1 + p.region_sd[1] * drawn[: len(NAMES)])
    uptake = (p.av45_gm[0] + personal) * column("av45")
    uptake += p.av45_A * scene.person.causes.A * capacity
    grey = upsample(brain.map(uptake), scene.voxel) * _texture(scene, Modality.AV45)
    cerebellum, stem = scene.share("cerebellum"), scene.share("brainstem")
    white = p.av45_wm[0] * (1 - cerebellum) * (1 - stem)
    white += p.av45_hind[0] * cerebellum + p.av45_hind[1] * stem
    white *= np.float32(1 + p.av45_wm[1] * drawn[-2])
    gm, wm = _uptaking(scene)
    activity = grey * gm + white * (wm - p.av45_lesion * brain.lesion)
    return _scan(scene, Modality.AV45, activity + p.av45_csf * brain.tissues.csf)


def _uptaking(scene: Scene) -> tuple[Image, Image]:
    """Grey and white matter, the cerebellum as a fixed mixture of the two."""
    gm, wm, _ = scene.brain.tissues
    cerebellum, share = scene.share("cerebellum"), scene.images.cerebellar_gm
    tissue = (gm + wm) * cerebellum
    return gm * (1 - cerebellum) + share * tissue, wm * (1 - cerebellum) + (1 - share) * tissue


def _texture(scene: Scene, modality: Modality) -> Image | float:
    """Uptake varies inside a region, too."""
    is_fdg = modality is Modality.FDG
    effect = Effect.FDG_TEXTURE if is_fdg else Effect.AV45_TEXTURE
    fwhm, *sd = scene.images.texture
    return 1 + sd[0 if is_fdg else 1] * scene.field(effect, _TEXTURE_LATTICE, fwhm)


def _misplaced(scene: Scene, modality: Modality, image: Image) -> Image:
    """Move the PET a little, as a rigid registration to the MRI leaves it (small angles)."""
    mm, degrees = scene.images.misplaced
    if mm == degrees == 0:
        return image
    is_fdg = modality is Modality.FDG
    drawn = scene.normal(Effect.FDG_POSITION if is_fdg else Effect.AV45_POSITION, 6)
    a, b, c = np.deg2rad(degrees) * drawn[:3]
    rotation = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    return carry(image, linear(rotation, mm * drawn[3:], scene.voxel), scene.voxel)


def _scan(scene: Scene, modality: Modality, activity: Image) -> Image:
    """Blur, add noise, divide by the reference region."""
    p, which = scene.images, 0 if modality is Modality.FDG else 1
    drawn = scene.normal(Effect.PET_SCANNER, 3)
    fwhm = p.pet_fwhm[0] + p.pet_fwhm[1] * drawn[0] + scene.site[0]
    image = _misplaced(scene, modality, smooth(activity * scene.brain.brain, fwhm / scene.voxel))
    noise = scene.noise((Effect.FDG_NOISE, Effect.AV45_NOISE)[which], p.pet_noise_fwhm)
    image += p.pet_noise[which] * np.sqrt(p.pet_level[which] * np.maximum(image, 0)) * noise
    image = np.maximum(image, 0)
    mean = image[reference(str(modality.reference_region), scene.voxel)].mean()
    error = np.exp(p.reference_sd[which] * drawn[1 + which])
    return np.where(scene.brain.brain > 0.5, image * np.float32(error / mean), np.float32(0))
