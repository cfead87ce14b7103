"""Everything ACADiff can refuse, as one tree.

    AcadiffError              1   the run failed
    ├── UsageError           64   the command line asks for something that does not exist
    │   └── RecipeError      64   a recipe key or value is wrong
    ├── AnalysisLevelError   17   a BIDS-App is asked for a level that it does not have
    ├── NothingSelectedError 18   the filters leave no scan to work on
    ├── CohortError          65   a table, an id or the set of scans is wrong
    ├── ScanError            65   one image is wrong
    ├── CheckpointError      65   weights are damaged or belong to something else
    ├── EncoderError         66   the text encoder's files are missing or wrong
    ├── MissingInputError    66   a file or folder that was named is not there
    └── OutputError          73   the place to write to cannot be used

The number is the exit status of the command line (sysexits.h, as BIDS-Apps use it). A message says
what is wrong, which value, where, and what to do about it. What is wrong with one of many inputs
does not stop the others: it becomes a `Problem`, and every problem has a code (docs/errors.md).
"""

from copy import copy
from dataclasses import dataclass


class AcadiffError(Exception):
    """A failure that a person can act on; its text is one sentence.

    Args:
        message: what is wrong, which value and where.
        code: the kind of failure, `E_…`, for programs.
        value: the offending value, for programs.
        hint: what to do about it; ends the sentence.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, code: str = "E_FAILED", value: object = "", hint: str = ""
    ) -> None:
        """Make the sentence."""
        super().__init__(f"{message}; {hint}" if hint else message)
        self.code, self.value, self.hint = code, str(value), hint

    def at(self, where: object) -> "AcadiffError":
        """The same error, its sentence headed by where it arose."""
        located = copy(self)
        located.args = (f"{where}: {self}",)
        return located


@dataclass(frozen=True)
class Problem:
    """What is wrong with one input, told in a table instead of raised.

    Args:
        where: the file, or the file and line.
        code: `E_…` if the input is refused, `W_…` if it is used with a warning.
        value: the offending value.
        hint: what to do about it.
        text: the whole sentence.
    """

    where: str
    code: str
    value: str
    hint: str
    text: str

    @classmethod
    def of(cls, where: object, error: AcadiffError) -> "Problem":
        """An error, caught."""
        return cls(str(where), error.code, error.value, error.hint, str(error))


class UsageError(AcadiffError):
    """The request itself makes no sense."""

    exit_code = 64


class RecipeError(UsageError):
    """A recipe holds an unknown key or an impossible value."""


class AnalysisLevelError(AcadiffError):
    """A BIDS-App's third argument is neither participant nor group."""

    exit_code = 17


class NothingSelectedError(AcadiffError):
    """No scan is left after the choice of participants and sessions."""

    exit_code = 18


class CohortError(AcadiffError):
    """A participants table, a subject id or the set of scans cannot be used."""

    exit_code = 65


class ScanError(AcadiffError):
    """One scan cannot be used."""

    exit_code = 65


class CheckpointError(AcadiffError):
    """Stored weights are damaged, incomplete or made for something else."""

    exit_code = 65


class EncoderError(AcadiffError):
    """The text encoder cannot be loaded or gave something unusable."""

    exit_code = 66


class MissingInputError(AcadiffError):
    """A file or folder that was named does not exist."""

    exit_code = 66


class OutputError(AcadiffError):
    """The output place cannot be written, or belongs to another run."""

    exit_code = 73
