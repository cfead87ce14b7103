"""Which template a scan lies on, told by its shape and affine to a thousandth of a millimetre.

Several templates are drawn on one lattice; only the `space-` entity of a file's name can tell
these apart. A scan on no known lattice whose name declares no template is native.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from acadiff.errors import Problem, ScanError
from acadiff.modality import Modality
from acadiff.volume.grid import VOXELS, Grid

MODEL = "MNI152NLin2009aSym"
"""The template of the model's grid, as nilearn bundles it."""

TOLERANCE_MM = 1e-3

_2009C = ("MNI152NLin2009cSym", "MNI152NLin2009cAsym")
_SPM = ("MNI152Lin", "IXI549Space")
_Lattice = tuple[tuple[str, ...], float, tuple[int, int, int], tuple[float, float, float]]
_LATTICES: tuple[_Lattice, ...] = (  # names, voxel, shape, first voxel's centre in mm (RAS)
    *(((MODEL,), v, Grid(v).shape, tuple(Grid(v).affine[:3, 3].tolist())) for v in VOXELS),
    ((MODEL,), 1, (197, 233, 189), (-98, -134, -72)),
    ((MODEL,), 2, (99, 117, 95), (-98, -134, -72)),
    ((MODEL,), 3, (67, 79, 64), (-98, -134, -72)),
    ((MODEL,), 4, (50, 59, 48), (-98, -134, -72)),
    (_2009C, 1, (193, 229, 193), (-96, -132, -78)),
    (_2009C, 2, (97, 115, 97), (-96.5, -132.5, -78.5)),
    (_2009C[:1], 1, (169, 208, 179), (-84, -119, -78)),  # as Clinica crops it
    (("MNI152NLin6Asym",), 1, (182, 218, 182), (-91, -126, -72)),
    (("MNI152NLin6Asym", "MNI152Lin"), 2, (91, 109, 91), (-90, -126, -72)),
    (_SPM, 2, (79, 95, 79), (-78, -112, -70)),
    (_SPM[1:], 1.5, (121, 145, 121), (-90, -126, -72)),
)
TEMPLATES = frozenset(
    {name for names, *_ in _LATTICES for name in names}
    | {"MNI152NLin2009aAsym", "MNI152NLin2009bSym", "MNI152NLin2009bAsym", "MNI152NLin6Sym"}
)
"""What a `space-` entity may declare; all are averages in the millimetres of MNI."""

_NATIVE = frozenset({"T1w", "T2w", "orig", "individual", "scanner", "native", "pet"})


@dataclass(frozen=True)
class Space:
    """A template space.

    Args:
        names: BIDS labels of the templates that it can be, the first of which is assumed.
    """

    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The template it is taken for."""
        return self.names[0]


def detect(
    shape: tuple[int, ...], affine: Float64[np.ndarray, "4 4"], entity: str | None = None
) -> Space | None:
    """The template space of a scan in RAS orientation; None if it is native.

    Args:
        shape: voxels along i, j, k.
        affine: voxel indices → mm.
        entity: the `space-` label of its name, if it has one.

    Raises:
        ScanError: the name declares a space that cannot be used, or another than the lattice has
            (E_SPACE).
    """
    names = _drawn_on(shape, affine)
    if entity is None:
        return Space(names) if names else None
    if entity in _NATIVE and not names:
        return None
    if names and entity not in names:
        raise ScanError(
            f"its name says space-{entity}, its grid is that of {' or '.join(names)}",
            code="E_SPACE",
            value=f"{entity} | {' '.join(names)}",
            hint="name it after the template that it was registered to",
        )
    if entity not in TEMPLATES:
        raise ScanError(
            f"its name says space-{entity}",
            code="E_SPACE",
            value=entity,
            hint=f"known are {', '.join(sorted(TEMPLATES))}, and T1w for native scans",
        )
    return Space((entity,))


def common(spaces: Mapping[Modality, Space | None]) -> Space | None:
    """The one space of a subject's scans; None if all are native.

    Raises:
        ScanError: they lie in different ones (E_MIXED_SPACE).
    """
    found = list(spaces.values())
    if all(space is None for space in found):
        return None
    names = [space.names if space else () for space in found]
    shared = tuple(name for name in names[0] if all(name in others for others in names))
    if not shared:
        each = ", ".join(f"{m.title} in {s.name if s else 'its own'}" for m, s in spaces.items())
        raise ScanError(
            f"the scans lie in different spaces: {each}",
            code="E_MIXED_SPACE",
            value=each,
            hint="give all of them native, or all on one template",
        )
    return Space(shared)


def remarks(where: str, space: Space) -> tuple[Problem, ...]:
    """What to tell the user of a template that was assumed, or is not the model's."""
    notes = []
    if len(space.names) > 1:
        text = f"its grid is shared by {' and '.join(space.names)} and taken for {space.name}"
        notes.append(
            _note(where, "W_SPACE", space.name, "say which with space- in its name", text)
        )
    if not space.name.startswith("MNI152NLin2009"):
        text = f"it lies on {space.name}, whose brain differs from {MODEL} by some millimetres"
        notes.append(
            _note(where, "W_TEMPLATE", space.name, "look at the contours in qc.html", text)
        )
    return tuple(notes)


def _drawn_on(shape: tuple[int, ...], affine: Float64[np.ndarray, "4 4"]) -> tuple[str, ...]:
    """Names of the templates with this very lattice."""
    for names, voxel, known_shape, origin in _LATTICES:
        known = np.diag([voxel, voxel, voxel, 1.0])
        known[:3, 3] = origin
        if shape == known_shape and np.allclose(affine, known, rtol=0, atol=TOLERANCE_MM):
            return names
    return ()


def _note(where: str, code: str, value: str, hint: str, text: str) -> Problem:
    return Problem(where, code, value, hint, f"{where}: {text}; {hint}")
