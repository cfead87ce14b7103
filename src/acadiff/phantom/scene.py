"""What is in front of the scanner: a person, a brain, a voxel size, and what is left to chance."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float

from acadiff.phantom.anatomy import Anatomy
from acadiff.phantom.enrolment import Effect, Person, site_stream
from acadiff.phantom.fields import unit_field
from acadiff.phantom.parameters import Images
from acadiff.phantom.regions import named
from acadiff.volume.lattice import upsample

Image = Float[np.ndarray, "i j k"]

AGE_0 = 73.0
"""The age at which every age effect is zero."""


class Chance(Enum):
    """How much of an image is left to chance.

    ACQUIRED: all of it, as on a scanner. NOISE_FREE: no scanner noise; the best that any method
    can reach. AVERAGE: also no individual uptake, texture or scanner: what anatomy and causes say.
    """

    ACQUIRED = "acquired"
    NOISE_FREE = "noise-free"
    AVERAGE = "average"


@dataclass(frozen=True)
class Scene:
    """One person on the table, at a voxel size of 1 or 2 mm."""

    person: Person
    brain: Anatomy
    voxel: int
    images: Images
    chance: Chance

    @property
    def noisy(self) -> bool:
        """True where the scanner adds noise."""
        return self.chance is Chance.ACQUIRED

    def normal(self, effect: Effect, n: int) -> Float[np.ndarray, " n"]:
        """What makes this person's scan its own: unit normals, or zeros if all are average."""
        if self.chance is Chance.AVERAGE:
            return np.zeros(n)
        return self.person.stream(effect).standard_normal(n)

    def field(self, effect: Effect, lattice_mm: int, fwhm_mm: float) -> Image | float:
        """The same for a smooth field over the brain."""
        if self.chance is Chance.AVERAGE:
            return 0.0
        return unit_field(self.person.stream(effect), lattice_mm, fwhm_mm, self.voxel)

    def noise(self, effect: Effect, fwhm_mm: float) -> Image | float:
        """Smooth unit noise of the scanner, or none."""
        if not self.noisy:
            return 0.0
        return unit_field(self.person.stream(effect), 2, fwhm_mm, self.voxel)

    @property
    def site(self) -> tuple[float, float]:
        """What this person's site adds: to the PET's point spread (mm), to white-matter T1."""
        if self.images.sites == 1:
            return 0.0, 0.0
        number = self.person.stream(Effect.SITE).integers(self.images.sites)
        blur, contrast = site_stream(self.person.seed, int(number)).standard_normal(2)
        return self.images.site_sd[0] * blur, self.images.site_sd[1] * contrast

    def share(self, *names: str) -> Image:
        """Share of these regions in every voxel."""
        return upsample(self.brain.map(named(*names)), self.voxel)
