"""ε against v: one denoiser trained twice around one anchor, judged on validation subjects.

    python benchmarks/prediction.py COHORT WORK OUT --target FDG --subjects 20

Takes the anchor of the generator that WORK holds, trains a new denoiser around it for each
prediction type with the recipe's own numbers, and imputes validation subjects from both other
scans. Writes OUT/prediction-FDG.tsv. SIMULATED.
"""

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
from lightning_fabric import Fabric

from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.evaluation.metrics import judge, rank_correlation
from acadiff.evaluation.tables import write_table
from acadiff.generators import ACADiff
from acadiff.imputer import Imputer
from acadiff.latent.scan import read_model_scan
from acadiff.modality import Modality
from acadiff.recipe import load_recipe
from acadiff.stages.train import Bench, _training, fit_phase
from acadiff.volume.grid import place
from acadiff.volume.image import read_scan
from acadiff.volume.mask import brain_mask

KINDS = ("velocity", "epsilon")


def retrained(found, prediction, bench, examples, out):
    """A generator with the anchor of `found` and a new denoiser."""
    arguments = json.loads(json.dumps(found.record["arguments"]))
    arguments["diffusion"]["prediction"] = prediction
    target = found.generator.target
    made = ACADiff(target, **arguments)
    made.begin(_training(examples, bench))  # in training everybody's start is told by the others
    fixed = found.generator.state_dict().items()
    kept = {k: v for k, v in fixed if not k.startswith("denoiser.")}
    made.load_state_dict(kept, strict=False)
    folder, belongs = out / f"{prediction}-{target.name}", {"arguments": arguments}
    numbers = bench.recipe.training
    fit_phase(made, made.phases()[1], numbers, examples, folder, belongs, bench)
    return made.eval().requires_grad_(False)


def measured(imputer, subject, target, seed):
    """PSNR of a draw and of the mean, the SD's rank correlation, and RMS error and SD."""
    mri = place(read_scan(subject.scans[Modality.MRI], Modality.MRI), imputer.grid)
    mask = brain_mask(mri)
    truth = read_model_scan(subject.scans[target], target, imputer.grid)
    unit = truth.scaling.to_unit
    acquired = unit(truth.scaling.from_model(truth.image[0].numpy()))
    made = imputer.impute(subject.without(target), target, 10, seed)
    scaling = imputer.codecs[target].scaling
    mean, judged = scaling.to_unit(made.mean.data[0]), judge(acquired, mask)
    sd = made.sd.data[0] / (scaling.high - scaling.low)
    return {
        "subject": subject.id,
        "psnr_mean": judged(mean)["psnr"],
        "psnr_draw": judged(scaling.to_unit(made.kept[0]))["psnr"],
        "rho": rank_correlation(sd, acquired - mean, mask),
        "rms_error": math.sqrt(((acquired - mean)[mask] ** 2).mean()),
        "rms_sd": math.sqrt((sd[mask] ** 2).mean()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("work", type=Path, help="work folder of the training")
    parser.add_argument("out", type=Path)
    parser.add_argument("--target", required=True, choices=[m.name for m in Modality])
    parser.add_argument("--subjects", type=int, default=20, help="of the validation subjects")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    target, imputer = Modality[wanted.target], Imputer.load(wanted.work)
    found, people = imputer.generators[target], read_cohort(wanted.cohort)
    parts = read_split(wanted.work / "split.tsv")
    training, unseen = (people.named(parts[part]).subjects for part in ("train", "validation"))
    recipe = load_recipe(str(wanted.work / "recipe.toml"))
    fabric = Fabric(accelerator="cpu", devices=1, precision=recipe.precision)
    codecs = imputer.codecs
    bench = Bench(ACADiff, training, unseen, codecs, recipe, wanted.work, fabric, print)
    examples = bench.examples(target, training)
    rows = []
    for kind in KINDS:
        made = retrained(found, kind, bench, examples, wanted.out)
        imputer.generators = {**imputer.generators, target: replace(found, generator=made)}
        for subject in unseen[: wanted.subjects]:
            rows.append({"prediction": kind, **measured(imputer, subject, target, wanted.seed)})
    table = pd.DataFrame(rows)
    write_table(wanted.out / f"prediction-{target.name}.tsv", table)
    print(table.drop(columns="subject").groupby("prediction").mean().round(4).to_string())


if __name__ == "__main__":
    main()
