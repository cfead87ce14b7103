"""Every way to make a missing scan, behind one contract."""

from acadiff.generators.acadiff import ACADiff, ACADiffEmb
from acadiff.generators.base import Example, Generator
from acadiff.generators.bridge import Bridge
from acadiff.generators.dsgan import DSGAN, DSGANPan2019
from acadiff.generators.ficd import FICD
from acadiff.generators.ldm import LDM
from acadiff.generators.mean import Mean
from acadiff.generators.pasta import PASTA
from acadiff.generators.pix2pix import Pix2Pix
from acadiff.generators.regressor import Regressor

GENERATORS: dict[str, type[Generator]] = {
    "acadiff": ACADiff,
    "acadiff_emb": ACADiffEmb,
    "pix2pix": Pix2Pix,
    "dsgan": DSGAN,
    "dsgan_pan2019": DSGANPan2019,
    "ldm": LDM,
    "pasta": PASTA,
    "ficd": FICD,
    "regressor": Regressor,
    "bridge": Bridge,
    "mean": Mean,
}

__all__ = ["GENERATORS", "ACADiff", "LDM", "ACADiffEmb", "Example", "Generator", "Mean"]
