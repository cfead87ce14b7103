"""A cohort so small, and numbers so low, that everything trains in seconds on the 8 mm grid."""

from acadiff.modality import Modality

ROWS = [
    f"sub-{n:03}\t{('CN', 'MCI', 'AD')[n % 3]}\t70\tF\t1\t{20 + n}\t{10 + n}\t{n}"
    for n in range(1, 7)
]
LACKING = {("005", Modality.FDG), ("006", Modality.FDG), ("006", Modality.AV45)}
TINY = [
    f"--set={change}"
    for change in (
        *("voxel=8", "precision=32-true"),
        *("split.train=3", "split.validation=1", "split.test=1"),
        *("codec.levels=1", "codec.channels=4", "codec.widths=[8]", "codec.groups=4"),
        *("codec.training.steps=1", "anchoring.steps=1", "training.steps=1"),
        *("fusion.width=8", "fusion.tokens=[2,2,2]"),
        *("anchor.widths=[8]", "anchor.blocks=[1]", "anchor.groups=4"),
        *("denoiser.widths=[8]", "denoiser.blocks=[1]", "denoiser.groups=4"),
        "diffusion.steps=2",
    )
] + ["--device=cpu"]


def contents(folder):
    """Relative path → bytes of every file."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
