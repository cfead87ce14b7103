"""Every way to make a missing scan, behind one contract."""

from acadiff.generators.acadiff import ACADiff, ACADiffEmb
from acadiff.generators.base import Example, Generator
from acadiff.generators.ldm import LDM
from acadiff.generators.mean import Mean

GENERATORS: dict[str, type[Generator]] = {
    "acadiff": ACADiff,
    "acadiff_emb": ACADiffEmb,
    "ldm": LDM,
    "mean": Mean,
}

__all__ = ["GENERATORS", "ACADiff", "LDM", "ACADiffEmb", "Example", "Generator", "Mean"]
