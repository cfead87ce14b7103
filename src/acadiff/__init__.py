"""ACADiff: fill in the brain scan a patient does not have.

The public names below are loaded when they are first used, so that `import acadiff` stays instant.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Cohort": "acadiff.cohort.table",
    "Detail": "acadiff.clinical",
    "Imputation": "acadiff.outputs.derivative",
    "Imputer": "acadiff.imputer",
    "Modality": "acadiff.modality",
    "Recipe": "acadiff.recipe",
    "Subject": "acadiff.cohort.table",
    "fit": "acadiff.api",
    "impute": "acadiff.api",
    "load_recipe": "acadiff.recipe",
    "phantom": "acadiff.phantom",
    "read_cohort": "acadiff.cohort.dataset",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Load a public name."""
    if name not in _HOMES:
        raise AttributeError(f"module 'acadiff' has no attribute {name!r}")
    module = import_module(_HOMES[name])
    return module if name == "phantom" else getattr(module, name)
