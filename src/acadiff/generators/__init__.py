"""Every way to make a missing scan, behind one contract."""

from acadiff.generators.acadiff import ACADiff, ACADiffEmb
from acadiff.generators.base import Example, Generator
from acadiff.generators.dsgan import DSGAN, DSGANPan2019
from acadiff.generators.ldm import LDM
from acadiff.generators.mean import Mean
from acadiff.generators.pix2pix import Pix2Pix

GENERATORS: dict[str, type[Generator]] = {
    "acadiff": ACADiff,
    "acadiff_emb": ACADiffEmb,
    "pix2pix": Pix2Pix,
    "dsgan": DSGAN,
    "dsgan_pan2019": DSGANPan2019,
    "ldm": LDM,
    "mean": Mean,
}

__all__ = ["GENERATORS", "ACADiff", "LDM", "ACADiffEmb", "Example", "Generator", "Mean"]
