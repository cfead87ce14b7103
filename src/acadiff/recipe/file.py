"""Recipes to and from TOML, with single values changed from the command line."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from acadiff.commit import write_text
from acadiff.errors import MissingInputError, RecipeError
from acadiff.recipe.named import RECIPES
from acadiff.recipe.whole import Recipe


def load_recipe(source: str, changes: Iterable[str] = ()) -> Recipe:
    """A named recipe or a TOML file, with `key.sub=value` changes laid over it.

    Raises:
        MissingInputError: neither a recipe nor a file of that name.
        RecipeError: an unknown key, or a value out of its range.
    """
    if source in RECIPES:
        recipe = RECIPES[source]
    elif Path(source).is_file():
        recipe = _validated(_toml(Path(source)), source)
    else:
        known = ", ".join(RECIPES)
        raise MissingInputError(f"{source}: no such recipe file, and the named ones are {known}")
    data = recipe.model_dump(mode="json")
    for change in changes:
        _apply(data, change)
    return _validated(data, source)


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as TOML."""
    write_text(path, to_toml(recipe))


def to_toml(recipe: Recipe) -> str:
    """A recipe as TOML text."""
    return tomli_w.dumps(recipe.record())


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not TOML ({error})") from error


def _validated(data: dict[str, Any], source: str) -> Recipe:
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        # A misspelt key also leaves another one missing; the misspelling is what to tell.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        where = ".".join(map(str, first["loc"]))
        raise RecipeError(f"{source}: {where}: {_explain(first, first['loc'])}") from error


def _apply(data: dict[str, Any], change: str) -> None:
    """Lay one `a.b=value` over nested data; the value is TOML, or else a plain string."""
    path, equals, value = change.partition("=")
    if not equals:
        raise RecipeError(f"--set {change}: write it as key.sub=value, e.g. diffusion.steps=20")
    *parents, last = path.strip().split(".")
    for parent in parents:
        if not isinstance(data.get(parent), dict):
            raise RecipeError(f"--set {change}: there is no {parent}; known are {', '.join(data)}")
        data = data[parent]
    if last not in data:
        raise RecipeError(f"--set {change}: there is no {last}; known are {', '.join(data)}")
    try:
        data[last] = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        data[last] = value.strip()


def _explain(error: Any, location: tuple[int | str, ...]) -> str:
    """Pydantic's complaint, with the known keys if a key is unknown."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] != "extra_forbidden":
        return f"{error['msg']} (found {error.get('input')!r})"
    part: Any = Recipe
    for key in location[:-1]:
        part = part.model_fields[str(key)].annotation
    return f"unknown key; known are {', '.join(part.model_fields)}"
