"""Which tracer a PET scan shows, told by its name and its sidecar in many spellings."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from acadiff.cohort.files.entities import Entities
from acadiff.cohort.text.textfile import shown
from acadiff.errors import CohortError
from acadiff.modality import Modality

UNNAMED = "none"
"""As a key of the user's map: PET scans of which neither name nor sidecar tells the tracer."""

Tracers = Mapping[str, Modality | None]
_OURS = {
    Modality.FDG: "fdg 18fdg 18ffdg fluorodeoxyglucose fludeoxyglucose",
    Modality.AV45: "av45 18av45 18fav45 florbetapir fbp amyvid",
}
_OTHERS = (
    "pib 11cpib pittsburghcompoundb fbb florbetaben neuraceq fmm flutemetamol vizamyl nav4694 "
    "av1451 flortaucipir ftp t807 tauvid mk6240 pi2620 ro948 av133 dopa fdopa ucbj h2o 15oh2o "
    "pk11195 dpa714 pbr28 raclopride way100635 flumazenil"
)
_ISOTOPE = re.compile(r"^(?:18f|f18|11c|c11)|(?:18f|f18|11c|c11)$")
_BUILT_IN: Tracers = {
    name: m for m, names in _OURS.items() for name in names.split()
} | dict.fromkeys(_OTHERS.split())


def tracer_map(names: Mapping[str, Modality]) -> Tracers:
    """The user's names of tracers, as they are compared."""
    return MappingProxyType({_plain(name): modality for name, modality in names.items()})


def tracer_of(entities: Entities, sidecar: Mapping[str, Any], own: Tracers) -> Modality | None:
    """The modality of a PET scan, or None if its tracer is known and is none of ours.

    In this order: the user's map, `trc-`, the old `acq-fdg` and `acq-av45`, `TracerName`.

    Raises:
        CohortError: no tracer is told, it is unknown, or name and sidecar contradict each other.
    """
    label = named_tracer(entities, own)
    said = sidecar.get("TracerName")
    said = said if isinstance(said, str) and _plain(said) not in ("", "na", "unknown") else None
    known = [_find(name, own) for name in (label, said) if name and _is_known(name, own)]
    if label and _plain(label) in own:
        return own[_plain(label)]
    if len(set(known)) > 1:
        raise CohortError(
            f"its name says {label} and TracerName in its sidecar {shown(str(said))[:40]!r}",
            code="E_TRACER", value=f"{label} / {shown(str(said))[:40]}",
            hint="mend the one that is wrong",
        )  # fmt: skip
    if known:
        return known[0]
    name = label or said
    if name is None and UNNAMED in own:
        return own[UNNAMED]
    raise _untold(shown(name)[:40] if name else None)


def named_tracer(entities: Entities, own: Tracers) -> str | None:
    """What the file's name calls the tracer, if it does."""
    old = entities.get("acq")
    return entities.get("trc") or (old if old and _is_known(old, own) else None)


def _untold(name: str | None) -> CohortError:
    says = (
        f"its tracer {name!r} is not known"
        if name
        else "neither name nor sidecar tells its tracer"
    )
    return CohortError(
        says, code="E_TRACER", value=name or "",
        hint=f"say what it is with --tracer-map {name or UNNAMED}=FDG (or AV45)",
    )  # fmt: skip


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]", "", name.casefold())


def _is_known(name: str, own: Tracers) -> bool:
    plain = _plain(name)
    return any(p in t for p in (plain, _ISOTOPE.sub("", plain)) for t in (own, _BUILT_IN))


def _find(name: str, own: Tracers) -> Modality | None:
    plain = _plain(name)
    options = (plain, _ISOTOPE.sub("", plain))
    return next(t[p] for p in options for t in (own, _BUILT_IN) if p in t)
