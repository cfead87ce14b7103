"""Which jobs a comparison consists of: one for each method and target, in a fixed order."""

from collections.abc import Sequence
from dataclasses import dataclass

from acadiff.errors import UsageError
from acadiff.generators import GENERATORS
from acadiff.generators.folder import folder_name
from acadiff.latent.batch import source_patterns
from acadiff.modality import Modality

ALL = "all"


@dataclass(frozen=True)
class Job:
    """One method on one target: trained, asked for its tasks, scored."""

    method: str
    target: Modality

    @property
    def name(self) -> str:
        """`acadiff-FDG`."""
        return folder_name(self.method, self.target)

    @property
    def patterns(self) -> tuple[tuple[Modality, ...], ...]:
        """The sources of each task."""
        return source_patterns(self.target)


def methods_of(text: str) -> tuple[str, ...]:
    """The methods that `all`, or a list with commas, names; each once, in the registry's order.

    Raises:
        UsageError: there is no such method.
    """
    named = [name.strip() for name in text.split(",") if name.strip()]
    if named == [ALL]:
        return tuple(GENERATORS)
    unknown = [name for name in named if name not in GENERATORS]
    if unknown or not named:
        known = ", ".join((ALL, *GENERATORS))
        what = repr(unknown[0]) if unknown else "missing"
        raise UsageError(
            f"--methods: the method is {what}; known are {known}",
            code="E_NO_METHOD",
            value=unknown[0] if unknown else "",
        )
    return tuple(name for name in GENERATORS if name in named)


def jobs_of(methods: Sequence[str], named: Sequence[str] = ()) -> tuple[Job, ...]:
    """All jobs of some methods, or those of them that are named.

    Raises:
        UsageError: there is no job of a name.
    """
    jobs = {job.name: job for job in (Job(m, t) for m in methods for t in Modality)}
    unknown = [name for name in named if name not in jobs]
    if unknown:
        raise UsageError(
            f"--job: there is no {unknown[0]!r} in this benchmark; it has {', '.join(jobs)}",
            code="E_NO_JOB",
            value=unknown[0],
        )
    return tuple(job for name, job in jobs.items() if not named or name in named)
