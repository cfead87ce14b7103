"""How one brain's shape departs from the template: atrophy, and being an individual.

velocity = Σ a_j v_j + random fields; displacement = exp(-velocity) by scaling and squaring, plus a
small residual linear map. Each a_j is the logarithm of the volume its target loses.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from acadiff.phantom.atlas import Velocity, atlas
from acadiff.phantom.enrolment import Effect, Person
from acadiff.phantom.fields import vector_field
from acadiff.phantom.parameters import Shape
from acadiff.volume.lattice import COARSE_MM, upsample
from acadiff.volume.template import positions

_SQUARINGS = 5
_CENTRE = (0.0, -18.0, 10.0)  # MNI mm about which the head scales


def displacement(person: Person, shape: Shape) -> Velocity:
    """Where each point of the coarse lattice takes its tissue from, relative to itself, mm."""
    velocity = vector_field(person.stream(Effect.BROAD_WARP), 10, *shape.broad)
    velocity += vector_field(person.stream(Effect.FINE_WARP), 5, *shape.fine)
    for target, loss in losses(person, shape).items():
        velocity += np.float32(loss) * atlas().velocity[target]
    moved: Velocity = _exponential(-velocity) + _residual(person, shape)
    return moved


def losses(person: Person, shape: Shape) -> dict[str, float]:
    """Logarithm of the volume lost by each lobe and side (gained, for the ventricles)."""
    causes, limit = person.causes, shape.lobe_limit
    lost = {"ventricle": float(np.clip(shape.ventricle * causes.V, *shape.ventricle_range))}
    rng = person.stream(Effect.LOBES)
    spared = 1 - shape.subtype * causes.u * causes.N
    for side, worse in zip(("left", "right"), asymmetry(person, shape), strict=True):
        lobes = {
            "mtl": shape.mtl * causes.H * worse,
            "temporal": shape.temporal * causes.Cx * worse,
            "parietal": shape.parietal * causes.Cx * worse * spared,
            "frontal": shape.frontal * causes.Cx + shape.frontal_M * min(causes.M, 1.0),
        }
        for lobe, loss in lobes.items():
            drawn = loss + shape.lobe_sd * rng.standard_normal()
            lost[f"{lobe} {side}"] = float(np.clip(drawn, -limit, limit))
    return lost


def asymmetry(person: Person, shape: Shape) -> tuple[float, float]:
    """Multipliers of disease on the left and on the right."""
    shift = shape.side * person.causes.lat * min(1.0, person.causes.N)
    return 1 + shift, 1 - shift


def carry(
    image: Float[np.ndarray, "i j k"],
    moved: Float[np.ndarray, "3 i j k"],
    voxel: int,
    outside: Literal["constant", "nearest"] = "constant",
) -> Float[np.ndarray, "i j k"]:
    """Pull an image at `voxel` mm through a displacement (mm) given at the same voxels."""
    indices = moved / np.float32(voxel)
    for axis, steps in enumerate(np.ogrid[tuple(slice(n) for n in image.shape)]):
        indices[axis] += steps
    carried: Float[np.ndarray, "i j k"] = ndimage.map_coordinates(
        image, indices, order=1, mode=outside
    )
    return carried


def linear(
    matrix: Float[np.ndarray, "3 3"], shift: Float[np.ndarray, " 3"], voxel: int
) -> Float[np.ndarray, "3 i j k"]:
    """Displacement `matrix` · (position - centre) + `shift` at the voxels of `voxel` mm."""
    x, y, z = (at - c for at, c in zip(positions(voxel), _CENTRE, strict=True))
    rows = zip(matrix.astype(np.float32), shift.astype(np.float32), strict=True)
    return np.stack([row[0] * x + row[1] * y + row[2] * z + by for row, by in rows])


def at_voxel(moved: Velocity, voxel: int) -> Float[np.ndarray, "3 i j k"]:
    """A coarse displacement, interpolated at the voxels of `voxel` mm."""
    return np.stack([upsample(u, voxel) for u in moved])


def jacobian(moved: Velocity) -> Float[np.ndarray, "x y z"]:
    """Determinant of the derivative of x + displacement(x) on the coarse lattice."""
    rows = [np.stack(np.gradient(u, COARSE_MM)) for u in moved]
    matrix = np.stack(rows).transpose(2, 3, 4, 0, 1) + np.eye(3)
    determinant: Float[np.ndarray, "x y z"] = np.linalg.det(matrix)
    return determinant


def _exponential(velocity: Velocity) -> Velocity:
    moved = velocity / np.float32(2**_SQUARINGS)
    for _ in range(_SQUARINGS):
        moved = moved + np.stack([carry(u, moved, COARSE_MM, "nearest") for u in moved])
    return moved


def _residual(person: Person, shape: Shape) -> Velocity:
    """What an affine registration leaves over: a little scale and shear about the centre."""
    rng = person.stream(Effect.RESIDUAL)
    matrix = np.diag(shape.scale_sd * rng.standard_normal(3))
    matrix += shape.shear_sd * rng.standard_normal((3, 3))
    return linear(matrix, np.zeros(3), COARSE_MM)
