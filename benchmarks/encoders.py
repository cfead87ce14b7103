"""Which encoder of the clinical record learns most from it, and from how few people.

    python benchmarks/encoders.py train COHORT WORK OUT --encoder local --seed 0 --target AV45
    python benchmarks/encoders.py few COHORT WORK OUT --people FURTHER
    python benchmarks/encoders.py table OUT

`train` fits the posterior mean of one generator (the anchor: what ever more draws average to) with
one encoder and one seed on the training people of WORK, and judges it on its test people, or on
all of `--people COHORT`, from every pattern of sources, told the own record, nothing, and the
record of somebody else. It resumes, and what is there is not done again. `few` fits the regression
that the mean starts from, alone, to fewer and fewer people, several samples of each number: how
many people does an encoder need? `table` compares what `train` found. The encoder `openai` is
asked through a server on this machine that serves MiniLM's mean vectors.

SIMULATED, if the cohort is.
"""

import argparse
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from scipy import stats
from sklearn.metrics import roc_auc_score

from acadiff.clinical import LocalEncoder, Prompt
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_ledger
from acadiff.cohort.table import Scores
from acadiff.commit import write_text
from acadiff.evaluation.metrics import judge
from acadiff.generators import GENERATORS, ACADiff
from acadiff.latent.batch import source_patterns, stack_batch
from acadiff.latent.codec_folder import load_codec
from acadiff.latent.scan import read_model_scan, to_volume
from acadiff.modality import Modality
from acadiff.recipe import load_recipe
from acadiff.stages.train import Bench, _origin, _training, fit_phase
from acadiff.training.arithmetic import has_bfloat16
from acadiff.volume.composites import POSITIVE, cortical_composite, meta_roi, uptake

READ = {Modality.AV45: cortical_composite, Modality.FDG: meta_roi}
OWN, WITHHELD, SHUFFLED = "own", "withheld", "another's"
AT_ONCE = 8


class _Served(BaseHTTPRequestHandler):
    """Answers with the mean of MiniLM's vectors, as an embeddings service would."""

    encoder = LocalEncoder()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rows = self.encoder.encode(body["input"]).rows()
        data = [{"object": "embedding", "index": i, "embedding": r.mean(0).tolist()}
                for i, r in enumerate(rows)]  # fmt: skip
        answer = {"object": "list", "model": body["model"], "data": data,
                  "usage": {"prompt_tokens": 0, "total_tokens": 0}}  # fmt: skip
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def served() -> Iterator[str]:
    """The address of such a service on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()


def bench_of(asked, address):
    """Recipe, people and codecs of one training."""
    changes = [f"conditioning.encoder={asked.encoder}", f"anchoring.seed={asked.seed}",
               f"training.seed={asked.seed}", *asked.set]  # fmt: skip
    if address:
        changes += ["conditioning.model=all-MiniLM-L6-v2", f"conditioning.base_url={address}"]
    recipe = load_recipe("phantom-4mm", changes)
    people = read_cohort(asked.cohort)
    parts = read_ledger(asked.work, people).parts
    codecs = {m: load_codec(asked.work / "codecs" / m.name) for m in Modality}
    train = people.named(parts["train"]).subjects[: asked.subjects]
    fabric = Fabric(accelerator="cpu", devices=1, precision=recipe.precision)
    bench = Bench(ACADiff, train, (), codecs, recipe, asked.work, fabric, print)
    judges = read_cohort(asked.people) if asked.people else people.named(parts["test"])
    return bench, judges.subjects


def anchored(bench, target, folder):
    """A generator whose posterior mean is trained."""
    arguments = bench.arguments(target)
    torch.manual_seed(bench.recipe.training.seed)
    generator = GENERATORS["acadiff"](target, **arguments)
    examples = bench.examples(target, bench.subjects)
    generator.begin(_training(examples, bench))
    belongs = {"arguments": arguments, **_origin(examples, bench)}
    first = generator.phases()[0]
    fit_phase(generator, first, bench.recipe.anchoring, examples, folder, belongs, bench)
    return generator.eval()


def told(subjects):
    """Condition → everybody as the model is told of them."""
    order = np.random.default_rng(0).permutation(len(subjects))
    giver = {order[i]: subjects[order[i - 1]] for i in range(len(order))}
    facts = ("diagnosis", "scores", "age", "sex", "apoe4")
    others = [replace(s, **{f: getattr(giver[i], f) for f in facts})
              for i, s in enumerate(subjects)]  # fmt: skip
    nothing = {"diagnosis": None, "scores": Scores(), "age": None, "sex": None, "apoe4": None}
    silent = [replace(s, **nothing) for s in subjects]
    return {OWN: list(subjects), WITHHELD: silent, SHUFFLED: others}


def conditions(bench, subjects):
    """Those in which the encoder hears something else; `none` hears nothing in any."""
    everyone = told(subjects)
    silent = bench.recipe.conditioning.encoder == "none"
    return {OWN: everyone[OWN]} if silent else everyone


def judged(generator, bench, subjects):
    """A row a person, pattern and condition."""
    target, grid = generator.target, next(iter(bench.codecs.values())).grid
    for start in range(0, len(subjects), AT_ONCE):
        here = subjects[start : start + AT_ONCE]
        scans = [{m: read_model_scan(p, m, grid) for m, p in s.scans.items()} for s in here]
        latents = [{m: bench.codecs[m].codec.encode(s.image[None])[0] for m, s in x.items()}
                   for x in scans]  # fmt: skip
        for condition, everybody in conditions(bench, subjects).items():
            people = everybody[start : start + AT_ONCE]
            for pattern in source_patterns(target):
                made = expected(generator, bench, people, latents, pattern)
                for person, scan, image in zip(people, scans, made, strict=True):
                    yield {"subject": person.key, "told": condition,
                           "sources": "+".join(m.name for m in pattern),
                           **compared(image, scan, target, bench)}  # fmt: skip


@torch.no_grad()
def expected(generator, bench, people, latents, pattern):
    """The posterior mean of everybody, on the model's scale."""
    batch = stack_batch(
        [s.key for s in people], latents, generator.target, [pattern] * len(people)
    )
    told = bench.recipe.conditioning.person
    prompts = [Prompt.of(s, generator.target, pattern, person=told) for s in people]
    text = bench.encoder.encode(prompts)
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16("cpu")):
        mean = generator.expected(batch, text)
        return bench.codecs[generator.target].codec.decode(mean).float()


def compared(image, scans, target, bench):
    """PSNR and SSIM in the brain, and the composite of both."""
    scaling, grid = bench.codecs[target].scaling, bench.codecs[target].grid
    brain = (scans[Modality.MRI].image[0] > -0.98).numpy()
    pair = [(np.clip(x[0].numpy(), -1, 1) + 1) / 2 for x in (scans[target].image, image)]
    found = judge(pair[0], brain)(pair[1])
    row = {"psnr": found["psnr"], "ssim": found["ssim"]}
    if target in READ:
        volumes = [to_volume(x, target, grid, scaling) for x in (scans[target].image, image)]
        values = [READ[target](uptake(v.data[0], brain, grid.voxel)) for v in volumes]
        row |= {"acquired": values[0], "imputed": values[1]}
    return row


def train(asked):
    """One generator, judged."""
    target = Modality[asked.target]
    name = "-".join(filter(None, [asked.encoder, asked.tag, str(asked.seed), asked.target]))
    folder = asked.out / name
    if (folder / "judged.tsv").is_file():
        return
    with served() if asked.encoder == "openai" else nullcontext() as address:
        bench, subjects = bench_of(asked, address)
        generator = anchored(bench, target, folder)
        if generator.start is not None:
            generator.start.forget()
        table = pd.DataFrame(judged(generator, bench, list(subjects)))
    what = {"encoder": "-".join(filter(None, [asked.encoder, asked.tag])),
            "seed": asked.seed, "target": asked.target}  # fmt: skip
    table = table.assign(**what)
    write_text(folder / "judged.tsv", table.to_csv(sep="\t", index=False, float_format="%.6g"))
    print(table.groupby(["sources", "told"])[["psnr", "ssim"]].mean())


def few(asked):
    """r² of the composite from MRI by the start alone: by encoder, number of people, sample."""
    rows, asked.seed = [], 0
    with served() as address:
        for asked.encoder in ("scores", "local", "openai"):
            bench, judges = bench_of(asked, address if asked.encoder == "openai" else None)
            truths = read_outs(bench, judges)
            for people, count, sample in samples(bench.subjects, asked):
                values = started(replace(bench, subjects=people), judges)
                # Squared correlation: what the start alone shows is blurred, and so shifted.
                r2 = np.corrcoef(values, truths)[0, 1] ** 2
                rows.append((asked.encoder, count, sample, r2))
                print(*rows[-1], flush=True)
    table = pd.DataFrame(rows, columns=["encoder", "people", "sample", "r2"])
    write_text(asked.out / "few.tsv", table.to_csv(sep="\t", index=False, float_format="%.4f"))
    print(table.groupby(["people", "encoder"]).r2.agg(["mean", "std"]).unstack())


def samples(subjects, asked):
    """Some people, how many, and which sample of so many."""
    for count in asked.counts:
        for sample in range(asked.samples if count < len(subjects) else 1):
            order = np.random.default_rng(sample).permutation(len(subjects))
            yield [subjects[i] for i in order[:count]], count, sample


def read_outs(bench, judges):
    """The acquired composites."""
    grid = bench.codecs[Modality.AV45].grid
    return [composite(read_model_scan(s.scans[Modality.AV45], Modality.AV45, grid).image, s, bench)
            for s in judges]  # fmt: skip


def composite(image, subject, bench):
    """Cortical AV45 uptake of one image on the model's scale."""
    codec = bench.codecs[Modality.AV45]
    mri = read_model_scan(subject.scans[Modality.MRI], Modality.MRI, codec.grid).image[0]
    volume = to_volume(image, Modality.AV45, codec.grid, codec.scaling)
    return cortical_composite(uptake(volume.data[0], (mri > -0.98).numpy(), codec.grid.voxel))


@torch.no_grad()
def started(bench, judges):
    """Composites that the regression gives, fitted to the people of a bench."""
    generator = GENERATORS["acadiff"](Modality.AV45, **bench.arguments(Modality.AV45))
    generator.begin(_training(bench.examples(Modality.AV45, bench.subjects), bench))
    generator.start.forget()  # those judged may be called like those trained on
    pattern, values = (Modality.MRI,), []
    for start in range(0, len(judges), AT_ONCE):
        people = judges[start : start + AT_ONCE]
        latents = [{Modality.MRI: encoded(s, bench)} for s in people]
        batch = stack_batch(
            [s.key for s in people], latents, Modality.AV45, [pattern] * len(people)
        )
        text = bench.encoder.encode([Prompt.of(s, Modality.AV45, pattern) for s in people])
        mean = generator.start(batch, generator.reader(*text).pooled)
        images = bench.codecs[Modality.AV45].codec.decode(mean).float()
        values += [composite(i, s, bench) for i, s in zip(images, people, strict=True)]
    return values


@cache
def _encoded(path, codec):
    return codec.codec.encode(read_model_scan(path, Modality.MRI, codec.grid).image[None])[0]


def encoded(subject, bench):
    """The latent of somebody's MRI, made once."""
    return _encoded(subject.scans[Modality.MRI], bench.codecs[Modality.MRI])


def explained(rows):
    """R² of the composite, 1 - SSE / SST."""
    error = rows.imputed - rows.acquired
    return 1 - (error**2).sum() / ((rows.acquired - rows.acquired.mean()) ** 2).sum()


def table(asked):
    """Every encoder against none, by task: all as TSV, told the own record as Markdown."""
    rows = pd.concat(pd.read_csv(p, sep="\t") for p in sorted(asked.out.glob("*/judged.tsv")))
    found = pd.DataFrame(summarised(rows))
    text = found.to_csv(sep="\t", index=False, float_format="%.4g", na_rep="n/a")
    write_text(asked.out / "encoders.tsv", text)
    print("| task | encoder | PSNR, dB | SSIM | against none, dB | p | composite: bias | R² | AUC "
          "| told another's: dB | R² |\n|" + "---|" * 11)  # fmt: skip
    keys = ["target", "sources", "encoder"]
    others = found[found.told == SHUFFLED].set_index(keys)
    for row in found[found.told == OWN].itertuples():
        key = tuple(getattr(row, k) for k in keys)
        other = others.loc[key] if key in others.index else None
        cells = [f"{row.sources} → {row.target}", f"`{row.encoder}`",
                 f"{row.psnr:.3f}{told_as(row.psnr_sd, '.3f', ' ± ')}", f"{row.ssim:.4f}",
                 told_as(row.gain, "+.3f"), told_as(row.p, ".1g"), told_as(row.bias, "+.3f"),
                 told_as(row.r2, ".3f"), told_as(row.auc, ".3f"),
                 *(("", "") if other is None else
                   (told_as(other.gain, "+.3f"), told_as(other.r2, ".3f")))]  # fmt: skip
        print("| " + " | ".join(cells) + " |")


def told_as(value, form, before=""):
    """A number, or nothing."""
    return "" if np.isnan(value) else before + format(value, form)


def summarised(rows):
    """One row a task, encoder and condition: means over people and seeds, SD over seeds.

    The gain and its test (Wilcoxon's signed-rank, of people, each the mean of the seeds) are
    against `none`.
    """
    for (target, sources), task in rows.groupby(["target", "sources"], sort=False):
        base = task[(task.encoder == "none") & (task.told == OWN)].groupby("subject").psnr.mean()
        for (encoder, condition), found in task.groupby(["encoder", "told"]):
            seeds = [x for _, x in found.groupby("seed")]
            psnr = [x.psnr.mean() for x in seeds]
            gain = (found.groupby("subject").psnr.mean() - base).dropna()
            itself = encoder == "none" or not len(gain)
            row = {"target": target, "sources": sources, "encoder": encoder, "told": condition,
                   "seeds": len(seeds), "people": found.subject.nunique(),
                   "psnr": np.mean(psnr),
                   "psnr_sd": np.std(psnr, ddof=1) if len(psnr) > 1 else np.nan,
                   "ssim": found.ssim.mean(), "gain": np.nan if itself else gain.mean(),
                   "p": np.nan if itself else stats.wilcoxon(gain).pvalue,
                   "bias": np.nan, "r2": np.nan, "auc": np.nan}  # fmt: skip
            if Modality[target] in READ:
                row["bias"] = (found.imputed - found.acquired).mean()
                row["r2"] = np.mean([explained(x) for x in seeds])
            if target == "AV45":
                areas = [roc_auc_score(x.acquired > POSITIVE, x.imputed) for x in seeds]
                row["auc"] = np.mean(areas)
            yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("train")
    for name in ("cohort", "work", "out"):
        one.add_argument(name, type=Path)
    one.add_argument("--encoder", default="local")
    one.add_argument("--tag", default="", help="what is special, for the table")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--target", default="AV45", choices=[m.name for m in Modality])
    one.add_argument("--subjects", type=int, help="only so many training people")
    one.add_argument("--people", type=Path, help="judge on these instead of the test people")
    one.add_argument("--set", action="append", default=[], help="a number of the recipe")
    one.set_defaults(run=train)
    fewer = commands.add_parser("few")
    for name in ("cohort", "work", "out"):
        fewer.add_argument(name, type=Path)
    fewer.add_argument("--people", type=Path, help="judge on these instead of the test people")
    fewer.add_argument("--counts", type=int, nargs="+", default=[60, 120, 240, 480])
    fewer.add_argument("--samples", type=int, default=5, help="of so many people")
    fewer.add_argument("--set", action="append", default=[], help="a number of the recipe")
    fewer.set_defaults(run=few, subjects=None)
    other = commands.add_parser("table")
    other.add_argument("out", type=Path)
    other.set_defaults(run=table)
    asked = parser.parse_args()
    asked.run(asked)


if __name__ == "__main__":
    main()
