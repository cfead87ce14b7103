"""Training batches of any latent-space generator: who, from what, under which prompt.

Everything random about a step (whom it shows, which sources and which prompts are dropped, the
noise) comes from (keys, target, step), so that a resumed training sees what it would have seen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from lightning_fabric import Fabric
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.clinical.prompt import Detail, Prompt
from acadiff.cohort.table import Subject
from acadiff.diffusion.noise import generator
from acadiff.errors import CohortError
from acadiff.generators.base import Example
from acadiff.latent.batch import Batch, drop_sources, pattern_of, source_patterns, stack_batch
from acadiff.modality import Modality

Encode = Callable[[Sequence[Prompt]], Text]


@dataclass(frozen=True)
class Dropout:
    """What is withheld in training [paper §2, Training and Inference].

    Args:
        both: chance that a subject with two sources keeps both.
        clinical: chance of a prompt without diagnosis and scores.
        detail: how much of the record any prompt tells.
        person: whether prompts tell age, sex and APOE4.
    """

    both: float
    clinical: float
    detail: Detail = Detail.FULL
    person: bool = False


class Examples:
    """An endless, numbered sequence of training batches for one target."""

    def __init__(
        self,
        target: Modality,
        subjects: Sequence[Subject],
        latents: Mapping[Modality, Mapping[str, Tensor]],
        encode: Encode,
        *,
        dropout: Dropout,
    ) -> None:
        """Collect the usable subjects and encode all of their prompts in one call.

        Args:
            target: what is to be made.
            subjects: whom to train on; those without the target or without a source are left out.
            latents: whitened latents by modality and subject id.
            encode: prompts → text.
            dropout: what to withhold.

        Raises:
            CohortError: nobody has the target and a source of it.
        """
        self.target, self.dropout = target, dropout
        self.latents = latents
        self.subjects = [s for s in subjects if s.key in latents[target] and self._sources(s)]
        if not self.subjects:
            raise CohortError(
                f"no training subject has {target.title} together with another scan; "
                "such a generator cannot be trained on this cohort"
            )
        known = {str(p): p for s in self.subjects for p in self._prompts(s)}
        prompts = sorted(known)
        self.text = encode([known[p] for p in prompts])
        self.rows = dict(zip(prompts, self.text.rows(), strict=True))

    def batch(self, step: int, size: int, keys: tuple[int | str, ...]) -> Example:
        """The batch of one step: `size` subjects, all random choices by (keys, target, step)."""
        random = generator(*keys, self.target.name, step)
        rows = torch.randint(len(self.subjects), (size,), generator=random).tolist()
        people = [self.subjects[row] for row in rows]
        full = self._stack(people)
        hidden = drop_sources(self.target, len(people), self.dropout.both, random)
        # Somebody with a single source keeps it.
        hidden &= (full.available & ~hidden).any(dim=1, keepdim=True)
        batch = full.hide(hidden)
        silent = torch.rand(len(people), generator=random) < self.dropout.clinical
        truth = torch.stack([self.latents[self.target][s.key] for s in people])
        return Example(batch, truth, self._text(people, batch, silent.tolist()), random)

    def every(self, count: int, size: int, *, silent: bool = False) -> Iterator[Example]:
        """The first `count` subjects under each of their source patterns, nothing else dropped.

        Args:
            count: of subjects.
            size: of batches; each is of one pattern.
            silent: prompts tell nothing of the patients.
        """
        for pattern in source_patterns(self.target):
            having = [s for s in self.subjects[:count] if set(pattern) <= set(self._sources(s))]
            for start in range(0, len(having), size):
                people = having[start : start + size]
                images = [{m: self.latents[m][s.key] for m in pattern} for s in people]
                keys = [s.key for s in people]
                batch = stack_batch(keys, images, self.target, [pattern] * len(people))
                truth = torch.stack([self.latents[self.target][key] for key in keys])
                text = self._text(people, batch, [silent] * len(people))
                yield Example(batch, truth, text, generator("every", self.target.name, start))

    def _stack(self, people: Sequence[Subject]) -> Batch:
        images = [{m: self.latents[m][s.key] for m in self._sources(s)} for s in people]
        sources = [self._sources(s) for s in people]
        return stack_batch([s.key for s in people], images, self.target, sources)

    def _sources(self, subject: Subject) -> tuple[Modality, ...]:
        return tuple(m for m in self.target.others if subject.key in self.latents[m])

    def _text(self, people: Sequence[Subject], batch: Batch, silent: Sequence[bool]) -> Text:
        prompts = []
        for subject, row, withheld in zip(people, batch.available, silent, strict=True):
            prompt = self._prompt(subject, pattern_of(row))
            prompts.append(str(prompt.without_clinical() if withheld else prompt))
        return Text.stack([self.rows[p] for p in prompts], self.text.tokens.shape[-1])

    def _prompts(self, subject: Subject) -> list[Prompt]:
        dropout = self.dropout
        has = self._sources(subject)
        return spoken(subject, self.target, has, dropout.detail, person=dropout.person)

    def _prompt(self, subject: Subject, sources: tuple[Modality, ...]) -> Prompt:
        prompt = Prompt.of(subject, self.target, sources, person=self.dropout.person)
        return prompt.told(self.dropout.detail)


def spoken(
    subject: Subject,
    target: Modality,
    having: Sequence[Modality],
    detail: Detail,
    *,
    person: bool = False,
) -> list[Prompt]:
    """Everything that may be said to a generator about one subject.

    Args:
        subject: about whom.
        target: what the generator makes.
        having: the scans it may be made from; any of them may be dropped, but not all.
        detail: how much of the record any prompt tells.
        person: whether prompts tell age, sex and APOE4.
    """
    patterns = [p for p in source_patterns(target) if set(p) <= set(having)]
    told = [Prompt.of(subject, target, p, person=person).told(detail) for p in patterns]
    return [*told, *(prompt.without_clinical() for prompt in told)]


def to_device(example: Example, fabric: Fabric) -> Example:
    """The same batch on the training device; the random generator stays on the CPU."""
    batch = replace(
        example.batch,
        images=fabric.to_device(example.batch.images),
        available=fabric.to_device(example.batch.available),
    )
    text = type(example.text)(*(fabric.to_device(x) for x in example.text))
    return Example(batch, fabric.to_device(example.truth), text, example.random)
