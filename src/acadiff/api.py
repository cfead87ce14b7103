"""The main job in two verbs, for notebooks: fit a model, impute a scan.

from acadiff import Modality, fit, impute, phantom
cohort = phantom.cohort(Path("cohort"), subjects=60, voxel=4, seed=1)
model = fit(cohort, Path("work"), recipe)
result = impute(model, cohort.subjects[0].without(Modality.FDG), Modality.FDG, draws=10)
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from acadiff.clinical import Detail
from acadiff.cohort.table import Cohort, Subject
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.outputs.derivative import Imputation
from acadiff.recipe import PHANTOM_4MM, Recipe
from acadiff.stages import compress, train
from acadiff.training.arithmetic import fabric_on

OnStep = Callable[[str], None]


def fit(
    cohort: Cohort,
    work: Path,
    recipe: Recipe = PHANTOM_4MM,
    targets: Sequence[Modality] = tuple(Modality),
    device: str = "auto",
    on_step: OnStep = lambda _: None,
) -> Imputer:
    """Train codecs and generators on a cohort; the same call resumes an interrupted one.

    Args:
        cohort: as `read_cohort` or `phantom.cohort` gives it.
        work: folder for everything that is made.
        recipe: the numbers; its split must fit the cohort.
        targets: which modalities to learn to make.
        device: auto, cpu, cuda or mps.
        on_step: told of each thing done.

    Returns:
        The trained model.
    """
    fabric = fabric_on(device, recipe.precision)
    compress.run(cohort.root, work, recipe, fabric, on_step)
    train.run(cohort.root, work, recipe, "acadiff", tuple(targets), fabric, on_step)
    return Imputer.load(work)


def impute(
    model: Imputer,
    subject: Subject,
    target: Modality,
    draws: int = 10,
    seed: int = 0,
    *,
    detail: Detail = Detail.FULL,
    guidance: float = 1.0,
) -> Imputation:
    """Make one missing scan; see `Imputer.impute`."""
    return model.impute(subject, target, draws, seed, detail=detail, guidance=guidance)
