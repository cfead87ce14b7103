"""Is the phantom what it should be? Group means, correlations, and what is predictable from what.

Renders a seeded cohort at 2 mm, measures volumes and regional uptake as a study would, and prints
the tables of docs/phantom.md. SIMULATED: the model was calibrated to published group statistics,
so these are checks of the simulation, not findings.

    nice -n 19 python benchmarks/phantom_tables.py features.tsv --subjects 1028
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from acadiff.modality import Modality
from acadiff.phantom import Simulation, scans_of, scene_of
from acadiff.phantom.atlas import atlas
from acadiff.phantom.regions import named
from acadiff.phantom.warp import at_voxel, carry
from acadiff.volume.lattice import COARSE_MM, block_mean, upsample
from acadiff.volume.regions import NAMES
from acadiff.volume.template import template

VOXEL = 2
HIPPOCAMPAL = 0.58  # share of the region: makes the template's hippocampi 8 mL, as manual ones are
POSITIVE = 1.11  # AV45 SUVR above which a person counts as amyloid-positive
META = ("angular", "posterior_cingulate", "inferior_temporal", "middle_temporal")
CORTEX = (
    ("dorsolateral_frontal", "medial_orbitofrontal", "superior_frontal", "inferior_frontal"),
    ("anterior_cingulate", "posterior_cingulate"),
    ("angular", "supramarginal", "precuneus", "superior_parietal"),
    ("superior_temporal", "middle_temporal"),
)
SCANS = {"t1": Modality.MRI, "fdg": Modality.FDG, "av45": Modality.AV45}
SCORES = ["mmse", "adas13", "cdrsb"]
DEMOGRAPHICS = ["age", "female", "e4"]
VOLUMES = ["hippocampus_ml", *(f"vol_{n}" for n in NAMES), "ventricle", "csf", "gm", "wm", "wmh"]
MRI_MEANS, FDG, AV45 = ([f"{scan}_{n}" for n in NAMES] for scan in SCANS)


def fixed_regions():
    """Regions of interest in template space, as a pipeline would use them."""
    here = template(VOXEL)
    masks = {}
    for name, share in zip(NAMES, atlas().regions, strict=True):
        tissue = here.brain > 0.9 if name in ("brainstem", "cerebellum") else here.gm > 0.5
        masks[name] = (upsample(share, VOXEL) > 0.5) & tissue
    return masks


def measure(person, masks):
    """One row: causes, volumes in mL, and mean intensity of every region."""
    scene = scene_of(person, VOXEL)
    images = {scan: v.data[0] for scan, v in scans_of(scene, VOXEL).items()}
    brain, ml = scene.brain, VOXEL**3 / 1000
    grey = block_mean(brain.tissues.gm, COARSE_MM // VOXEL)
    shares = {name: brain.map(named(name)) for name in NAMES}
    row = vars(person.causes) | {"diagnosis": person.causes.diagnosis.name}
    for name in NAMES:
        row[f"vol_{name}"] = float((grey * shares[name]).sum()) * COARSE_MM**3 / 1000
        for scan, modality in SCANS.items():
            row[f"{scan}_{name}"] = float(images[modality][masks[name]].mean())
    fine = at_voxel(brain.moved, VOXEL)
    own = (upsample(atlas().regions[0], VOXEL) > HIPPOCAMPAL) & (template(VOXEL).gm > 0.5)
    hippocampus = carry(own.astype(np.float32), fine, VOXEL)
    for name, share in zip(("gm", "wm", "csf"), brain.tissues, strict=True):
        row[name] = float(share.sum()) * ml
    row["ventricle"], row["wmh"] = (
        float(brain.ventricle.sum()) * ml,
        float(brain.lesion.sum()) * ml,
    )
    row["hippocampus_ml"] = float(hippocampus.sum()) * ml
    row["FDG"] = float(np.mean([row[f"fdg_{name}"] for name in META]))
    row["AV45"] = cortical(images[Modality.AV45], grey, shares)
    deep = ndimage.binary_erosion(brain.tissues.wm > 0.9, iterations=2)
    row["AV45_wm"] = float(images[Modality.AV45][deep].mean())
    row["FDG_wm"] = float(images[Modality.FDG][deep].mean())
    return row


def cortical(image, grey, shares):
    """AV45 summary of four cortical groups, weighted by the person's own grey matter."""
    coarse, tissue = block_mean(image, COARSE_MM // VOXEL), grey * (grey > 0.35)
    weights = [sum(shares[name] for name in group) * tissue for group in CORTEX]
    return float(np.mean([(coarse * w).sum() / w.sum() for w in weights]))


def features(path, subjects, seed):
    """Measure everybody, or read what was measured before."""
    if not path.exists():
        masks = fixed_regions()
        people = Simulation(subjects, VOXEL, seed).people
        pd.DataFrame([measure(p, masks) for p in people]).to_csv(path, sep="\t", index=False)
    return pd.read_csv(path, sep="\t")


def auc(data, columns, truth):
    """Cross-validated area under the curve of a logistic regression."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=3000))
    folds = [StratifiedKFold(10, shuffle=True, random_state=r) for r in range(3)]
    probabilities = [
        cross_val_predict(model, data[columns], truth, cv=f, method="predict_proba")[:, 1]
        for f in folds
    ]
    return float(np.mean([roc_auc_score(truth, p) for p in probabilities]))


def r2(data, columns, target):
    """Cross-validated R² of a ridge regression."""
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 20)))
    folds = [KFold(10, shuffle=True, random_state=r) for r in range(3)]
    predicted = [cross_val_predict(model, data[columns], data[target], cv=f) for f in folds]
    return float(r2_score(data[target], np.mean(predicted, axis=0)))


def print_groups(data):
    print("| SIMULATED | CN | MCI | AD |\n|---|---|---|---|")
    columns = ["age", "carrier", *SCORES, "FDG", "AV45", "positive", "hippocampus_ml", "ventricle"]
    for name in [*columns, "AV45_wm", "FDG_wm", "wmh"]:
        groups = [data.loc[data.diagnosis == d, name] for d in ("CN", "MCI", "AD")]
        print(f"| {name} | " + " | ".join(f"{g.mean():.2f}±{g.std():.2f}" for g in groups) + " |")
    for sign in (False, True):
        group = data.AV45[data.positive == sign]
        print(f"AV45 {'A+' if sign else 'A-'}: {group.mean():.2f}±{group.std():.2f}")


def print_correlations(data):
    pairs = (
        *(("mmse", "adas13"), ("FDG", "mmse"), ("FDG", "adas13"), ("AV45", "mmse")),
        *(("AV45", "adas13"), ("hippocampus_ml", "mmse"), ("hippocampus_ml", "adas13")),
        *(("AV45", "FDG"), ("FDG", "hippocampus_ml"), ("AV45", "hippocampus_ml")),
        *(("ventricle", "age"), ("e4", "AV45")),
    )
    mci = data[data.diagnosis == "MCI"]
    print("\n| SIMULATED correlation | all | within MCI |\n|---|---|---|")
    for a, b in pairs:
        print(f"| {a} – {b} | {data[a].corr(data[b]):.2f} | {mci[a].corr(mci[b]):.2f} |")
    for name, cause in (
        ("hippocampus_ml", "H"),
        ("ventricle", "V"),
        ("vol_middle_temporal", "Cx"),
    ):
        slope, r = np.polyfit(data[cause], np.log(data[name]), 1)[0], data[cause].corr(data[name])
        print(f"log {name} per {cause}: {slope:.2f} (r {r:.2f})")


def print_classification(data):
    extremes = data[data.diagnosis != "MCI"]
    truth = (extremes.diagnosis == "AD").astype(int)
    rows = {
        "MRI volumes": VOLUMES,
        "MRI mean T1": MRI_MEANS,
        "FDG": FDG,
        "AV45": AV45,
        "MRI + FDG": VOLUMES + FDG,
        "all three": VOLUMES + FDG + AV45,
        "age, sex, APOE4": DEMOGRAPHICS,
        "clinical scores only": SCORES,
        "hippocampus alone": ["hippocampus_ml"],
        "FDG meta-ROI alone": ["FDG"],
        "AV45 summary alone": ["AV45"],
    }
    print("\n| SIMULATED AD vs CN from | AUC |\n|---|---|")
    for name, columns in rows.items():
        print(f"| {name} | {auc(extremes, columns, truth):.3f} |")


def print_predictability(data):
    sets = {
        "MRI": VOLUMES,
        "other PET": None,
        "scores": SCORES,
        "MRI + scores": VOLUMES + SCORES,
        "MRI + other PET": VOLUMES,
        "MRI + other PET + scores": VOLUMES + SCORES,
        "… + age, sex, APOE4": VOLUMES + SCORES + DEMOGRAPHICS,
    }
    print("\n| SIMULATED R² from | AV45 SUVR | FDG meta-ROI | A+ (AUC) |\n|---|---|---|---|")
    for name, columns in sets.items():
        use_pet = "PET" in name or "…" in name
        av45, fdg = ((columns or []) + (pet if use_pet else []) for pet in (FDG, AV45))
        numbers = (r2(data, av45, "AV45"), r2(data, fdg, "FDG"), auc(data, av45, data.positive))
        print(f"| {name} | " + " | ".join(f"{n:.2f}" for n in numbers) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("features", type=Path, help="table of measurements, made if absent")
    parser.add_argument("--subjects", type=int, default=1028)
    parser.add_argument("--seed", type=int, default=2024)
    wanted = parser.parse_args()
    data = features(wanted.features, wanted.subjects, wanted.seed)
    told = {"positive": (data.AV45 > POSITIVE).astype(int), "carrier": (data.e4 > 0).astype(int)}
    data = data.copy().assign(**told)
    for show in (print_groups, print_correlations, print_classification, print_predictability):
        show(data)


if __name__ == "__main__":
    main()
