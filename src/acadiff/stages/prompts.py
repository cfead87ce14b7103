"""Cohort and recipe → every sentence that a text encoder would read. Nothing is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acadiff.clinical import ENCODERS, CachedEncoder, Detail, Prompt, RemoteEncoder, make_encoder
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import kept_for_classifiers, read_split
from acadiff.cohort.table import Cohort, Subject
from acadiff.errors import RecipeError
from acadiff.generators.examples import spoken
from acadiff.modality import Modality
from acadiff.recipe import Recipe


@dataclass(frozen=True)
class Shown:
    """What a text encoder would read.

    Args:
        sentences: each once, in the order of the alphabet.
        people: of how many people some sentence speaks.
        remembered: how many of the sentences the work folder knows already.
        server: who would be asked; None where all stays on this machine, whatever is asked.
        bodies: of the requests that would be sent, in their order.
    """

    sentences: tuple[str, ...]
    people: int
    remembered: int = 0
    server: str | None = None
    bodies: tuple[dict[str, Any], ...] = ()


def run(cohort: Path, recipe: Recipe, targets: Sequence[Modality], work: Path | None) -> Shown:
    """Collect what `train` with this recipe, and `impute` afterwards, would say of a cohort.

    Args:
        cohort: root of the BIDS dataset.
        recipe: names the text encoder, and what prompts tell.
        targets: which modalities are made.
        work: work folder, if there is one: its split says who is trained on and of whom nothing is
            told, and what it remembers is not asked again.

    Raises:
        RecipeError: there is no such text encoder.
        EncoderError: address or model cannot be one, or a prompt tells what is never sent.
        CohortError: the cohort cannot be read.
    """
    told = recipe.conditioning
    if told.encoder not in ENCODERS:
        known = ", ".join(ENCODERS)
        raise RecipeError(f"conditioning.encoder is {told.encoder!r}: known are {known}")
    people = read_cohort(cohort)
    said = list(_said(people, recipe, targets, work))
    every = {str(prompt): prompt for _, prompts in said for prompt in prompts}
    sentences = tuple(sorted(every))
    shown = Shown(sentences, len({subject.id for subject, _ in said}))
    if told.encoder != "openai":
        return shown
    return _asked(shown, [every[s] for s in sentences], recipe, work)


def _said(
    people: Cohort, recipe: Recipe, targets: Sequence[Modality], work: Path | None
) -> Iterator[tuple[Subject, list[Prompt]]]:
    """What is said of whom: trained on or validated with, or imputed as a scan is missing."""
    told, parts = recipe.conditioning, _parts(work)
    kept = kept_for_classifiers(work) if work else frozenset()
    trained = {*parts["train"], *parts["validation"]} if parts else set(people.ids)
    for target in targets:
        for subject in people.subjects:
            having = [m for m in target.others if m in subject.scans]
            lacks = target not in subject.scans
            if having and (lacks or subject.id in trained):
                detail = Detail.NONE if subject.id in kept else Detail(told.detail)
                yield subject, spoken(subject, target, having, detail, person=told.person)


def _parts(work: Path | None) -> dict[str, tuple[str, ...]]:
    """Who is in each part of the split of a work folder; nothing where there is none yet."""
    if work is None or not (work / "split.tsv").is_file():
        return {}
    return dict(read_split(work / "split.tsv"))


def _asked(shown: Shown, prompts: list[Prompt], recipe: Recipe, work: Path | None) -> Shown:
    """The same, with what a remote encoder would be sent."""
    encoder = make_encoder("openai", recipe.conditioning.encoder_settings)
    assert isinstance(encoder, RemoteEncoder)
    fresh = (
        CachedEncoder(encoder, work / "prompts.safetensors").missing(prompts) if work else prompts
    )
    bodies = tuple(encoder.explain(fresh))
    remembered = len(prompts) - len(fresh)
    return Shown(shown.sentences, shown.people, remembered, encoder.endpoint.host, bodies)
