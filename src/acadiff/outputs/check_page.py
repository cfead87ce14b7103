"""One offline page of what a check found: what is there, what is missing, what is wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from acadiff import __version__
from acadiff.errors import Problem
from acadiff.modality import Modality
from acadiff.outputs.availability import (
    Counts,
    Expected,
    Findings,
    State,
    by_diagnosis,
    by_session,
    grouped,
    patterns,
    session_of,
    tally,
)
from acadiff.outputs.figures import encode_png
from acadiff.outputs.headline import Fact
from acadiff.outputs.page import base64_of, environment, policy, resource

MOST_PROBLEMS = 50
"""Of one code that the page lists; check.json lists all."""

MOST_SCANS = 500
"""Missing scans that the page lists; scans.tsv lists all."""

_COLOURS = {State.FOUND: "#2b5c8a", State.ABSENT: "#e3e8ee", State.REJECTED: "#a4262c"}
_STATES = tuple(State)


@dataclass(frozen=True)
class Group:
    """The visits of one session or diagnosis: how many, and the counts of their scans."""

    name: str
    visits: int
    counts: Counts


@dataclass(frozen=True)
class Heap:
    """The problems of one code, the first of which are shown."""

    code: str
    problems: Sequence[Problem]

    @property
    def shown(self) -> Sequence[Problem]:
        """Those the page has room for."""
        return self.problems[:MOST_PROBLEMS]

    @property
    def refuses(self) -> bool:
        """Whether the inputs are not used."""
        return self.code.startswith("E_")


def render(findings: Findings) -> str:
    """Return the page's HTML; the same findings give the same bytes."""
    style = resource("report.css") + resource("check.css")
    lacking = [scan for scan in findings.scans if scan.state is not State.FOUND]
    return _template().render(
        findings=findings,
        name=findings.source.resolve().name,
        facts=facts(findings),
        modalities=list(Modality),
        states=_STATES,
        total=_group("all", findings.scans),
        diagnoses=_groups(by_diagnosis(findings.scans)),
        sessions=_groups(by_session(findings.scans)),
        patterns=patterns(findings.scans),
        matrices=_matrices(findings.scans),
        bar=_bar,
        heaps=[Heap(code, found) for code, found in grouped(findings.problems).items()],
        lacking=lacking[:MOST_SCANS],
        unlisted=max(0, len(lacking) - MOST_SCANS),
        grids=_grids(findings.scans),
        tests=[test for test in findings.tests if np.isfinite(test["p"])],
        untested=[test for test in findings.tests if not np.isfinite(test["p"])],
        version=__version__,
        style=Markup(style),
        policy=policy(style),
    )


def facts(findings: Findings) -> list[Fact]:
    """The page's few top numbers."""
    counts = tally(findings.scans)
    states = Counter({s: sum(counts[m][s] for m in Modality) for s in State})
    people = len({member.subject for member in findings.roster.members})
    visits = len(findings.roster.members)
    return [
        Fact(str(visits), f"visits of {people} people"),
        Fact(str(states[State.FOUND]), f"of {len(findings.scans)} expected scans found"),
        Fact(str(states[State.ABSENT]), "not found"),
        Fact(str(states[State.REJECTED]), "rejected"),
        Fact(str(len(findings.refusals)), "refusals of files, lines or visits"),
        Fact(str(len(findings.warnings)), "warnings"),
    ]


def _group(name: str, scans: Sequence[Expected]) -> Group:
    counts = tally(scans)
    return Group(name, sum(counts[Modality.MRI].values()), counts)


def _groups(found: Mapping[str, Counts]) -> list[Group]:
    return [Group(n, sum(counts[Modality.MRI].values()), counts) for n, counts in found.items()]


def _bar(counts: Counter[State]) -> str:
    """The shares of the states as a strip one pixel high, base64 PNG."""
    strip = np.repeat(np.arange(len(_STATES)), [counts[state] for state in _STATES])
    strip = strip if strip.size else np.array([_STATES.index(State.ABSENT)])
    return _png(strip.astype(np.uint8)[None])


def _matrices(scans: Sequence[Expected]) -> dict[str, dict[Modality, str]]:
    """Of each session a strip a modality, one pixel a visit; alike visits lie together."""
    sessions: dict[str, dict[str, list[int]]] = {}
    for scan in scans:
        visits = sessions.setdefault(session_of(scan.member), {})
        visits.setdefault(scan.member.key, []).append(_STATES.index(scan.state))
    strips = {}
    for session, visits in sorted(sessions.items()):
        table = np.array(sorted(visits.values()), np.uint8)
        strips[session] = {m: _png(table[:, n][None]) for n, m in enumerate(Modality)}
    return strips


def _png(index: "np.ndarray[Any, np.dtype[np.uint8]]") -> str:
    colours = [[int(_COLOURS[s][i : i + 2], 16) for i in (1, 3, 5)] for s in _STATES]
    return base64_of(encode_png(index, np.array(colours, np.uint8), "availability"))


def _grids(scans: Sequence[Expected]) -> list[tuple[tuple[str, str, str, str], int]]:
    """How many scans of each modality lie on each grid: (modality, space, shape, voxel), count."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for scan in scans:
        if scan.geometry is not None and scan.state is State.FOUND:
            shape = " × ".join(map(str, scan.geometry.shape))
            voxel = " × ".join(f"{size:.3g}" for size in scan.geometry.voxel)
            counts[scan.modality.title, scan.geometry.space, shape, f"{voxel} mm"] += 1
    return sorted(counts.items(), key=lambda entry: (entry[0][0], -entry[1], entry[0]))


@cache
def _template() -> jinja2.Template:
    return environment().from_string(resource("check.html.j2"))
