"""T1-weighted MRI of a scene."""

import numpy as np

from acadiff.phantom.enrolment import Effect
from acadiff.phantom.fields import smooth, white_noise
from acadiff.phantom.scene import AGE_0, Image, Scene


def t1(scene: Scene) -> Image:
    """T1-weighted MRI, arbitrary units (white matter is about .87), zero outside the brain.

    PSF{(Σ_k mean_k f_k - lesion) · bias} with Rician noise.
    """
    p, brain = scene.images, scene.brain
    image = -p.t1_lesion * brain.lesion
    for mean, share in zip(_means(scene), brain.tissues, strict=True):
        image += mean * share
    fwhm, sd = p.t1_bias
    image *= np.exp(sd * scene.field(Effect.T1_BIAS, 20, fwhm))
    image = smooth(image, p.t1_fwhm / scene.voxel)
    if scene.noisy:
        rng = scene.person.stream(Effect.T1_NOISE)
        real, imaginary = (p.t1_noise * white_noise(rng, scene.voxel) for _ in range(2))
        image = np.hypot(image + real, imaginary)
    return np.where(brain.brain > 0.5, image, np.float32(0))


def _means(scene: Scene) -> tuple[np.float32, ...]:
    """Intensity of grey matter, white matter and CSF at this person's age."""
    p, years = scene.images, scene.person.causes.age - AGE_0
    grey, white, csf = p.t1
    white *= (1 - p.t1_age[1] * years) * (1 + scene.site[1])
    by_age = (grey - p.t1_age[0] * years, white, csf)
    drawn = 1 + p.t1_sd * scene.normal(Effect.T1_CONTRAST, 3)
    return tuple(np.float32(mean * d) for mean, d in zip(by_age, drawn, strict=True))
