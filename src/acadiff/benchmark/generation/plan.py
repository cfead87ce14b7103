"""Which jobs a comparison consists of: one for each method and target, in a fixed order."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from acadiff.errors import UsageError
from acadiff.generators import GENERATORS
from acadiff.generators.folder import VARIANT, folder_name, method_of
from acadiff.latent.batch import source_patterns
from acadiff.modality import Modality
from acadiff.recipe import Recipe
from acadiff.recipe.methods import plan

ALL = "all"
_DRAWS = "draws="
_SAMPLING = ("sampler", "steps", "draws")
"""Numbers of a diffusion that no weight depends on."""

Sources = tuple[Modality, ...]
Chosen = TypeVar("Chosen")


@dataclass(frozen=True)
class Task:
    """One target from some sources."""

    sources: Sources
    target: Modality

    @property
    def pattern(self) -> str:
        """`MRI+AV45`: how tables and folders call the sources."""
        return "+".join(m.name for m in self.sources)

    @property
    def name(self) -> str:
        """`MRI+AV45-FDG`."""
        return f"{self.pattern}-{self.target.name}"


TASKS: tuple[Task, ...] = tuple(Task(s, t) for t in Modality for s in source_patterns(t))
"""The nine: three with two sources, six with one."""


@dataclass(frozen=True)
class Entry:
    """One line of the tables: a method, or a variant of it.

    Args:
        name: `acadiff`, or `acadiff@no-prompt`.
        recipe: its numbers.
        draws: Monte Carlo draws of a method whose draws differ.
        base: the recipe of the method itself.
    """

    name: str
    recipe: Recipe
    draws: int
    base: Recipe

    @property
    def method(self) -> str:
        """The method itself."""
        return method_of(self.name)

    @property
    def asked(self) -> int:
        """How many draws it is asked for: one, where they do not differ."""
        return self.draws if GENERATORS[self.method].stochastic else 1

    @property
    def plain(self) -> "Entry":
        """The method itself, where this is a variant of it."""
        return Entry(self.method, self.base, self.draws, self.base)

    @property
    def diffusion(self) -> Mapping[str, object]:
        """The numbers of its diffusion, as its generator takes them."""
        return dict(plan(self.recipe, self.method).arguments["diffusion"])

    @cached_property
    def decisive(self) -> dict[str, object]:
        """All numbers that its weights, and how they are sampled, depend on."""
        return plan(self.recipe, self.method).decisive

    @property
    def weights(self) -> str:
        """Whose weights it uses: its own, or the method's where no number of them differs."""
        same = self.decisive == self.plain.decisive
        return self.method if same else self.name

    @property
    def only_sampled(self) -> bool:
        """Whether it differs from the method in how weights are sampled, and in nothing else."""
        ours, theirs = (_without_sampling(e.decisive) for e in (self, self.plain))
        return self.weights != self.method and ours == theirs

    @property
    def begins_alike(self) -> bool:
        """Whether it is trained as the method is, until its diffusion, which differs alone."""
        if self.weights == self.method or self.only_sampled:
            return False
        ours, theirs = (
            {k: v for k, v in e.decisive.items() if k != "diffusion"} for e in (self, self.plain)
        )
        return GENERATORS[self.method].undiffused > 0 and ours == theirs

    def trained_on(self, task: Task) -> bool:
        """Whether its modality dropout ever showed these sources and no others."""
        both = self.recipe.conditioning.both
        return both > 0 if len(task.sources) > 1 else both < 1 or self.method == "mean"


def _without_sampling(numbers: Mapping[str, object]) -> dict[str, object]:
    """Nested numbers without those of sampling."""
    kept: dict[str, object] = {}
    for key, value in numbers.items():
        inner = _without_sampling(value) if isinstance(value, Mapping) else value
        if key == "diffusion" and isinstance(inner, dict):
            inner = {k: v for k, v in inner.items() if k not in _SAMPLING}
        kept[key] = inner
    return kept


@dataclass(frozen=True)
class Job:
    """One entry on one target: trained, asked for its tasks, scored."""

    entry: Entry
    target: Modality
    tasks: tuple[Task, ...]

    @property
    def name(self) -> str:
        """`acadiff-FDG`: of its folder, and for `--job`."""
        return folder_name(self.entry.name, self.target)


def methods_of(text: str) -> tuple[str, ...]:
    """The methods that `all`, or a list with commas, names; each once, in the registry's order.

    Raises:
        UsageError: there is no such method.
    """
    named = [name.strip() for name in text.split(",") if name.strip()]
    if named == [ALL]:
        return tuple(GENERATORS)
    unknown = next((name for name in named if name not in GENERATORS), None)
    if unknown is not None or not named:
        raise UsageError(
            f"--methods: there is no method {unknown or ''!r}",
            code="E_NO_METHOD",
            value=unknown or "",
            hint=f"known are {', '.join((ALL, *GENERATORS))}",
        )
    return tuple(name for name in GENERATORS if name in named)


def tasks_of(named: Sequence[str]) -> tuple[Task, ...]:
    """The tasks that are named, `MRI+AV45-FDG`; all nine if none is.

    Raises:
        UsageError: there is no such task.
    """
    return _chosen({task.name: task for task in TASKS}, named, "--task", "E_NO_TASK")


def jobs_of(entries: Sequence[Entry], tasks: Sequence[Task], *, named: bool) -> tuple[Job, ...]:
    """Every job: each entry on each target of the tasks.

    Args:
        entries: in the order of the tables; each name once.
        tasks: what is to be made from what.
        named: whether the tasks were asked for by name; otherwise those that an entry was not
            trained on are left out.

    Raises:
        UsageError: an entry was not trained on a task that is named, or two have one name.
    """
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"--variant: {twice} is there twice",
            code="E_VARIANT",
            value=twice,
            hint="give each variant a name of its own",
        )
    jobs = []
    for entry in entries:
        known = tuple(task for task in tasks if entry.trained_on(task))
        if named and len(known) < len(tasks):
            strange = next(task for task in tasks if task not in known)
            raise UsageError(
                f"--task {strange.name}: {entry.name} is never trained with these sources, as "
                f"conditioning.both is {entry.recipe.conditioning.both:g}",
                code="E_UNTRAINED_PATTERN",
                value=strange.name,
                hint="leave the task out, or train with another conditioning.both",
            )
        for target in Modality:
            own = tuple(task for task in known if task.target is target)
            jobs += [Job(entry, target, own)] if own else []
    return tuple(jobs)


def chosen_jobs(jobs: Sequence[Job], named: Sequence[str]) -> tuple[Job, ...]:
    """Those jobs that are named; all if none is.

    Raises:
        UsageError: there is no job of a name.
    """
    return _chosen({job.name: job for job in jobs}, named, "--job", "E_NO_JOB")


def _chosen(
    known: Mapping[str, Chosen], named: Sequence[str], option: str, code: str
) -> tuple[Chosen, ...]:
    """Those that are named; all if none is.

    Raises:
        UsageError: there is none of a name.
    """
    unknown = next((name for name in named if name not in known), None)
    if unknown is not None:
        raise UsageError(
            f"{option}: there is no {unknown!r} in this comparison",
            code=code,
            value=unknown,
            hint=f"it has {', '.join(known)}",
        )
    return tuple(held for name, held in known.items() if not named or name in named)


@dataclass(frozen=True)
class Variant:
    """What `--variant` asks for.

    Args:
        name: `acadiff@no-prompt`.
        changes: of the recipe, `section.key=value`.
        draws: Monte Carlo draws, if it has its own.
    """

    name: str
    changes: tuple[str, ...]
    draws: int | None


def variant_of(text: str) -> Variant:
    """Read `no-prompt=conditioning.detail=none,draws=5`.

    A name alone is a variant of ACADiff; `ldm@wide=…` is one of another method. A comma within
    brackets belongs to its value.

    Raises:
        UsageError: it cannot be read, or is of no known method.
    """
    name, _, changes = text.partition("=")
    method, _, own = name.rpartition(VARIANT)
    method = method or "acadiff"
    parts = tuple(_parted(changes))
    counts = [part.partition("=")[2] for part in parts if part.startswith(_DRAWS)]
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", own)
    if not plain or not all("=" in part for part in parts) or not all(map(_counts, counts)):
        raise UsageError(
            f"--variant {text}: cannot be read",
            code="E_VARIANT",
            value=text,
            hint="write it as NAME=section.key=value, e.g. early=diffusion.early=2 or few=draws=5",
        )
    methods_of(method)
    changed = tuple(part for part in parts if not part.startswith(_DRAWS))
    return Variant(f"{method}{VARIANT}{own}", changed, int(counts[-1]) if counts else None)


def _counts(text: str) -> bool:
    return text.isdecimal() and int(text) > 0


def _parted(text: str) -> Iterable[str]:
    """What commas part, but for those in brackets."""
    depth, start = 0, 0
    for index, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            yield text[start:index]
            start = index + 1
    yield text[start:]
