"""A linear map between two spaces in millimetres, and its file that other programs read, too.

Stored as an ITK text transform (ANTs, 3D Slicer, ITK-SNAP): LPS millimetres of the space that an
image is brought *to* → LPS millimetres of the space that it comes *from*. Ours are RAS.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from acadiff.commit import write_text
from acadiff.errors import MissingInputError, ScanError

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""RAS → LPS millimetres, and back."""

_HEAD = "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"


@dataclass(frozen=True, eq=False)
class Linear:
    """Points of one space → points of another, mm, RAS.

    Args:
        matrix: homogeneous.

    Raises:
        ScanError: it cannot be inverted (E_TRANSFORM).
    """

    matrix: Float64[np.ndarray, "4 4"]

    def __post_init__(self) -> None:
        """Refuse what leads nowhere."""
        finite = bool(np.isfinite(self.matrix).all())
        volume = abs(float(np.linalg.det(self.matrix[:3, :3]))) if finite else np.nan
        if not 1e-3 < volume < 1e3:  # false for NaN as well
            raise ScanError(
                f"a transform changes volumes {volume:.3g}-fold",
                code="E_TRANSFORM",
                value=f"{volume:.3g}",
                hint="prepare the scan again",
            )

    @property
    def inverse(self) -> "Linear":
        """The way back."""
        return Linear(np.linalg.inv(self.matrix))

    def then(self, other: "Linear") -> "Linear":
        """First this, then the other."""
        return Linear(other.matrix @ self.matrix)


def write_linear(path: Path, linear: Linear) -> None:
    """Write an ITK text transform, atomically; every digit is kept."""
    lps = LPS @ linear.matrix @ LPS
    numbers = [*lps[:3, :3].ravel(), *lps[:3, 3]]
    text = " ".join(repr(float(number)) for number in numbers)
    write_text(path, f"{_HEAD}Parameters: {text}\nFixedParameters: 0 0 0\n")


def read_linear(path: Path) -> Linear:
    """Read an ITK text transform back.

    Raises:
        MissingInputError: it is not there.
        ScanError: it is no linear transform of three axes (E_TRANSFORM).
    """
    try:
        lines = dict(
            line.split(": ", 1) for line in path.read_text("ascii").splitlines() if ": " in line
        )
        numbers = np.array(lines["Parameters"].split(), np.float64)
        centre = np.array(lines["FixedParameters"].split(), np.float64)
        matrix = np.eye(4)
        matrix[:3, :3] = numbers[:9].reshape(3, 3)
        matrix[:3, 3] = numbers[9:] + centre - matrix[:3, :3] @ centre
    except OSError as error:
        raise MissingInputError(f"{path}: cannot be read ({error.strerror})") from error
    except (KeyError, ValueError) as error:
        raise ScanError(
            f"{path}: is no linear transform",
            code="E_TRANSFORM",
            value=path.name,
            hint="prepare the scan again",
        ) from error
    return Linear(LPS @ matrix @ LPS)
