"""What the validator of BIDS itself says of a dataset, for those who ask for it.

Hardly any real study passes, so it is asked on request only. It is another program, installed with
`pip install bids-validator-deno`, and needs no network.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from acadiff.errors import AcadiffError, Problem, UsageError

NAME = "bids-validator-deno"
EXIT_CODE = 16
"""Exit status of BIDS-Apps for an input that is not valid."""

_HINT = "mend it, or leave out --strict-bids"


def violations(root: Path) -> tuple[Problem, ...]:
    """The errors of a dataset; none if it is valid.

    Raises:
        UsageError: the validator is not installed.
        AcadiffError: it gave no answer.
    """
    beside = Path(sys.executable).parent
    program = shutil.which(NAME, path=os.pathsep.join((str(beside), os.environ.get("PATH", ""))))
    if program is None:
        raise UsageError(
            f"--strict-bids: {NAME} is not installed",
            code="E_VALIDATOR",
            value=NAME,
            hint=f"pip install {NAME}",
        )
    command = [program, "--json", "--ignoreWarnings", str(root.resolve())]
    environment = os.environ | {"DENO_NO_UPDATE_CHECK": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    try:
        issues = json.loads(done.stdout)["issues"]["issues"]
        found = tuple(dict.fromkeys(_problems(issues)))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        told = (done.stderr or done.stdout).strip()[-200:]
        raise AcadiffError(
            f"{NAME} gave no answer (exit status {done.returncode}): {told}",
            code="E_VALIDATOR",
            value=done.returncode,
            hint="run it by hand to see why",
        ) from error
    return found


def _problems(issues: list[dict[str, Any]]) -> Iterator[Problem]:
    for issue in issues:
        if issue.get("severity") != "error":
            continue
        where = str(issue.get("location") or "").lstrip("/") or "dataset"
        value = " ".join(str(issue[key]) for key in ("code", "subCode") if issue.get(key))
        yield Problem(where, "E_BIDS", value, _HINT, f"{where}: is not valid BIDS ({value})")
