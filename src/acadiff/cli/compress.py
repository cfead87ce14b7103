"""`acadiff compress`: train the codecs and write the latents."""

from acadiff.cli.progress import progress
from acadiff.cli.recipes import (
    CohortArgument,
    DeviceOption,
    RecipeOption,
    SetOption,
    WorkArgument,
    chosen,
    launched,
)


def compress(
    cohort: CohortArgument,
    work: WorkArgument,
    recipe: RecipeOption = "phantom-4mm",
    set_: SetOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Split the cohort, train one autoencoder a modality, and write everyone's latents."""
    numbers = chosen(recipe, set_)
    from acadiff.stages.compress import run

    with progress("Compressing") as on_step:
        run(cohort, work, numbers, launched(device, numbers.precision), on_step)
    print(work / "codecs")
