"""ACADiff: fill in the brain scan a patient does not have."""

__version__ = "0.1.0"
