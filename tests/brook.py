"""A recipe so small that everything trains in seconds on the 8 mm grid, and where it runs."""

from lightning_fabric import Fabric

from acadiff.recipe import load_recipe

NET = ("widths=[8,16]", "blocks=[0,1]", "width_text=8", "groups=4")
CHANGES = (
    *("name=brook", "voxel=8", "precision=32-true"),
    *("split.train=8", "split.validation=2", "split.test=2"),
    *("codec.levels=1", "codec.channels=4", "codec.widths=[8]", "codec.groups=4"),
    *("fusion.width=8", "fusion.tokens=[2,2,2]"),
    *(f"{net}.{change}" for net in ("anchor", "denoiser") for change in NET),
    "diffusion.steps=2",
    *(f"{run}.steps=12" for run in ("codec.training", "anchoring", "training")),
    *(f"{run}.batch=2" for run in ("codec.training", "anchoring", "training")),
    *(f"{run}.every=5" for run in ("codec.training", "anchoring", "training")),
)
RECIPE = load_recipe("phantom-4mm", CHANGES)


def cpu():
    """One process on the CPU, in single precision."""
    return Fabric(accelerator="cpu", devices=1, precision="32-true")


def contents(folder):
    """Relative path → bytes of every file."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
