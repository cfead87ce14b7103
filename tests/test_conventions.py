"""Promises that the documents make about the code, held against the code."""

import inspect
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import acadiff
from acadiff import errors

ROOT = Path(__file__).parents[1]
TREE = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.AcadiffError)
}
PERSONAL = {
    "an id as ADNI gives them": re.compile(r"\b\d{3}_S_\d{4,5}\b"),
    "a path of one machine": re.compile(r"(?<![\w.*>)-])/(home|Users|root|work|mnt|opt|srv)/"),
    "a Windows path": re.compile(r"\b[A-Z]:\\\\?[A-Za-z]"),
    "the address of a registry": re.compile(r"pythonhosted|--(extra-)?index-url|deb\.debian"),
}


def blocks(document, language):
    """Fenced code of one language in one document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def texts():
    """Every text file of the repository, whether committed yet or not."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if name not in {".gitignore", "tests/test_conventions.py"} and path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                yield name, content.decode("utf-8")


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path):
    code = "\n".join(blocks("README.md", "python"))
    if not code:
        pytest.skip("the README has no python block yet")
    script = tmp_path / "readme.py"
    script.write_text(code, encoding="utf-8")
    command = [sys.executable, "-W", "error", script.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", acadiff.__all__)
def test_every_public_name_is_there(name):
    assert getattr(acadiff, name)


def test_the_readme_has_one_command_that_tests():
    testing = [block for block in blocks("README.md", "sh") if "pytest" in block]
    if not testing:
        pytest.skip("the README has no test command yet")
    assert len(testing) == 1
    assert "-c constraints.txt" in testing[0]
    assert "torch==2.13.0" in testing[0]


def test_the_docstring_of_the_errors_is_the_tree_of_the_classes():
    drawn = {}
    path = []
    for line in errors.__doc__.splitlines():
        match = re.fullmatch(r"([ │├└─]+)(\w+Error) +(\d+)   .+", line)
        if match:
            del path[(len(match[1]) - 4) // 4 :]
            drawn[match[2]] = (path[-1] if path else "Exception", int(match[3]))
            path.append(match[2])
    real = {name: (kind.__base__.__name__, kind.exit_code) for name, kind in TREE.items()}
    assert drawn == real


@pytest.mark.parametrize("kind", TREE.values())
def test_each_error_is_described_and_has_a_status_a_shell_can_return(kind):
    assert kind.__doc__
    assert 1 <= kind.exit_code < 126


def fields(model, prefix=""):
    """Dotted name and description of every leaf of a pydantic model."""
    from pydantic import BaseModel

    for name, field in model.model_fields.items():
        kinds = [field.annotation, *typing.get_args(field.annotation)]
        inner = [k for k in kinds if inspect.isclass(k) and issubclass(k, BaseModel)]
        if not inner:
            yield f"{prefix}{name}", field.description
        for kind in inner:
            yield from fields(kind, f"{prefix}{name}.")


def test_every_number_of_the_recipe_says_where_it_comes_from():
    recipe = pytest.importorskip("acadiff.recipe")
    leaves = dict(fields(type(recipe.PAPER)))
    source = re.compile(r".+ \[(paper|prototype|ours)\b[^\[\]]*\]\.?")
    bare = [name for name, text in leaves.items() if not source.fullmatch(text or "")]
    assert leaves
    assert not bare, f"no source: {bare}"


def test_nothing_personal_is_in_the_repository():
    found = [
        f"{name}: {what}: {match[0]}"
        for name, text in texts()
        for what, pattern in PERSONAL.items()
        if (match := pattern.search(text))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("subject 011_S_4827", "an id as ADNI gives them"),
        ("open('/home/ada/scan.nii')", "a path of one machine"),
        (r"C:\scans", "a Windows path"),
        ("pip --index-url x", "the address of a registry"),
    ],
)
def test_what_is_personal_is_recognised(text, what):
    assert PERSONAL[what].search(text)


def test_the_version_heads_the_changelog():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest[1] == acadiff.__version__


def test_the_constraints_are_exact_and_neutral():
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
    assert "torch==2.13.0" in lines
    assert not [line for line in lines if re.match(r"(?i)nvidia|cuda|triton", line)]


def test_the_floors_drawn_are_the_floors_tested():
    from test_architecture import FLOORS

    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE)
    assert [set(re.findall(r"`(\w+)`", names)) for _, names in rows] == FLOORS


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/index.md"])
def test_a_document_points_at_files_that_are_there(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    gone = [link for link in links if not (ROOT / document).parent.joinpath(link).exists()]
    assert not gone


def test_every_code_is_explained_and_every_explained_code_exists():
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py"))
    used = set(re.findall(r"\"([EW]_[A-Z0-9_]+)\"", source))
    explained = set(re.findall(r"`([EW]_[A-Z0-9_]+)`", (ROOT / "docs" / "errors.md").read_text()))
    assert used
    assert not used - explained, f"not in docs/errors.md: {sorted(used - explained)}"
    assert not explained - used, f"nobody says: {sorted(explained - used)}"
