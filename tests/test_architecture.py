"""The house rules of ARCHITECTURE.md that a machine can check."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "acadiff"
FILES = sorted(ROOT.rglob("*.py"))
FLOORS = [
    {"errors", "modality", "terms"},
    {"bids", "commit", "workers"},
    {"cohort", "volume", "nets", "diffusion", "training"},
    {"clinical", "evaluation", "outputs", "phantom", "registration"},
    {"latent"},
    {"generators"},
    {"imputer", "pretrained", "recipe"},
    {"stages"},
    {"benchmark"},
    {"api", "cli"},
    {"__main__"},
]
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
BANNED = {"utils", "util", "helpers", "helper", "common", "core", "misc", "config"}


def imports(source):
    """Our own modules that a source imports, also inside functions, as dotted names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def check(parts, source):
    """Hold one file, given by its path below `acadiff`, to the rules."""
    here = parts[0].removesuffix(".py")
    assert here in FLOOR, f"{here} has no floor: give it one here and in ARCHITECTURE.md"
    names = [name.split(".") for name in imports(source) if name.startswith("acadiff.")]
    above = {n[1] for n in names if n[1] != here and FLOOR.get(n[1], -1) >= FLOOR[here]}
    assert not above, f"{here} is on floor {FLOOR[here]}, {sorted(above)} not below it"
    siblings = {n[2] for n in names if n[1] == here in {"stages", "generators"}} - {"base"}
    assert not siblings or parts[-1] == "__init__.py", f"imports its siblings {sorted(siblings)}"
    assert source.count("\n") <= 300, "longer than 300 lines"
    assert not BANNED & {part.removesuffix(".py") for part in parts}, "named after nothing"
    calls = {n.func.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)
             and isinstance(n.func, ast.Name)}  # fmt: skip
    assert here == "cli" or "print" not in calls, "prints; only the command line does"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file(path):
    if path != ROOT / "__init__.py":  # the front door shows what lies on every floor
        check(path.relative_to(ROOT).parts, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("nets/unet.py", "from acadiff.diffusion.noise import Noise"),
        ("cohort/table.py", "def f():\n    import acadiff.stages.train"),
        ("volume/image.py", "from acadiff import recipe"),
        ("stages/train.py", "from acadiff.stages.score import score"),
        ("volume/image.py", "from .grid import Grid"),
        ("volume/utils.py", ""),
        ("volume/image.py", "print(1)"),
        ("volume/image.py", "\n" * 301),
        ("attic/image.py", ""),
    ],
)
def test_a_breach_is_noticed(path, source):
    with pytest.raises(AssertionError):
        check(Path(path).parts, source)
