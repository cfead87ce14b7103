"""Where results may lie: never among the scans they come from."""

from pathlib import Path

from acadiff.errors import OutputError


def keep_apart(out: Path, source: Path) -> None:
    """Refuse to write into a source dataset, but for its `derivatives/`.

    Args:
        out: the folder to write to.
        source: the folder of the dataset, or a table of paths.

    Raises:
        OutputError: `out` lies inside.
    """
    inner, outer = out.resolve(), source.resolve()
    if source.is_file():
        return
    if inner.is_relative_to(outer) and not inner.is_relative_to(outer / "derivatives"):
        raise OutputError(
            f"{out}: lies among the acquired scans of {source}",
            code="E_OUTPUT_INSIDE",
            value=out,
            hint=f"write to its derivatives/, as in {source / 'derivatives' / 'acadiff'}",
        )
