"""Every way to make a missing scan, behind one contract."""

from acadiff.generators.acadiff import ACADiff
from acadiff.generators.base import Example, Generator
from acadiff.generators.mean import Mean

GENERATORS: dict[str, type[Generator]] = {
    "acadiff": ACADiff,
    "mean": Mean,
}

__all__ = ["GENERATORS", "ACADiff", "Example", "Generator", "Mean"]
