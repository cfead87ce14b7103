"""A folder belongs to one simulation: begun by it, finished by it, refused to all others."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acadiff.commit import lock, write_json
from acadiff.errors import OutputError
from acadiff.phantom.simulation import Simulation

SETTINGS = Path("sourcedata") / "simulation.json"


@contextmanager
def claimed(root: Path, simulation: Simulation) -> Iterator[None]:
    """Hold the folder for this simulation, which it must be empty for or belong to.

    Raises:
        OutputError: it holds something else, or the cohort of another simulation.
    """
    settings, wanted = root / SETTINGS, simulation.record()
    if not settings.exists() and _is_taken(root):
        raise OutputError(f"{root}: is not empty and holds no simulated cohort; name a new folder")
    with lock(settings):
        if settings.exists():
            _require_same(settings, wanted)
        else:
            write_json(settings, wanted)
        yield


def _is_taken(root: Path) -> bool:
    """Whether something lies there that is not a trace of our own beginning."""
    if not root.is_dir():
        return root.exists()
    return any(path.is_file() and not path.name.startswith(".") for path in root.rglob("*"))


def _require_same(settings: Path, wanted: dict[str, Any]) -> None:
    found, asked = _flat(read_record(settings)), _flat(wanted)
    for key in asked:
        if found.get(key) != asked[key]:
            raise OutputError(
                f"{settings}: this cohort has {key} {found.get(key, 'unknown')}, asked for is "
                f"{asked[key]}; name a new folder"
            )


def _flat(record: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested keys as `parameters.disease.e4`."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return flat


def read_record(path: Path) -> dict[str, Any]:
    """A JSON record, or nothing if it is absent or damaged."""
    try:
        record = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
