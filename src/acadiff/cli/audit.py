"""`acadiff audit`: what of imputed scans the prompt writes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.recipes import ShareOption
from acadiff.cli.train import modalities


def audit(
    cohort: Annotated[Path, typer.Argument(help="Dataset on the model's grid.")],
    work: Annotated[str, typer.Argument(help="Work folder of a training, or a pretrained name.")],
    out: Annotated[Path, typer.Option(help="Folder to write audit.html and its tables to.")],
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Impute from these scans; repeatable.")
    ] = None,
    target: Annotated[str, typer.Option(help="AV45 or FDG.")] = "AV45",
    draws: Annotated[int, typer.Option(min=1, help="Monte Carlo draws.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of draws and of exchanges.")] = 0,
    subjects: Annotated[
        int | None, typer.Option(min=1, help="At most so many people, diagnoses in turn.")
    ] = None,
    counterfactual: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="Whose counterfactuals to draw; repeatable. Left out: one of each diagnosis.",
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="Method: acadiff or another.")] = "acadiff",
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    share: ShareOption = False,
) -> None:
    """Impute people the model has not seen with true, withheld and wrong prompts, and compare.

    The prompt names the diagnosis, so an imputed scan may simply show the label. What is imputed
    is kept: the same command goes on where it was interrupted, and audit.html tells what it found.
    """
    from acadiff.bids import subject_label
    from acadiff.cohort.dataset import read_cohort
    from acadiff.outputs.audit_page import write_page
    from acadiff.pretrained import find
    from acadiff.stages import audit as stage
    from acadiff.stages import counterfactual as panels

    wanted = stage.Request(
        target=modalities([target])[0],
        sources=modalities(source) if source else stage.Request.sources,
        draws=draws,
        subjects=subjects,
        seed=seed,
        jobs=jobs,
    )
    model, people = (find(work), method, share), read_cohort(cohort)
    named = people.named(map(subject_label, counterfactual)).subjects if counterfactual else None
    imputer = stage.loaded(*model)
    unseen, why = stage.unseen_by(imputer, people, wanted.target)
    print(f"acadiff: {len(unseen.ids)} people can be audited: {why}", file=sys.stderr)
    persons = stage.chosen(people, unseen, wanted)
    with progress("Auditing", len(persons)) as on_step:
        told = stage.run(people, persons, model, out, wanted, why, on_step)
    shown = named or panels.spanning(unseen, wanted.sources)
    asked = panels.Request(wanted.target, wanted.sources, draws, seed)
    with progress("Counterfactuals", panels.count(shown)) as on_step:
        panels.run(shown, people, imputer, out, asked, on_step)
    page = write_page(out)
    for sentence in told["verdict"]:
        print(sentence)
    print(page)
