"""Weights that come with the package, all trained on the SIMULATED cohort; none on patients."""

from pathlib import Path

from acadiff.errors import MissingInputError

_HERE = Path(__file__).parent


def find(model: str) -> Path:
    """The folder of a pretrained name, or the folder itself.

    Raises:
        MissingInputError: neither.
    """
    if (_HERE / model / "codecs").is_dir():
        return _HERE / model
    if Path(model).is_dir():
        return Path(model)
    known = ", ".join(sorted(p.parent.name for p in _HERE.glob("*/codecs"))) or "none"
    raise MissingInputError(f"{model}: no such model folder; pretrained ones are {known}")
