"""Every number of the simulation says where it comes from."""

import ast
import dataclasses
import inspect
import re

import pytest

from acadiff.phantom import parameters
from acadiff.phantom.parameters import Clinic, Disease, Images, Parameters, Shape

SOURCE = re.compile(r"\[(published: .+|calibrated|chosen.*|published: .+; calibrated)\]$", re.S)
RECORDS = (Disease, Clinic, Shape, Images)


def documented(record):
    """Field → the text below it."""
    tree = ast.parse(inspect.getsource(parameters))
    body = next(
        n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == record.__name__
    )
    return {
        field.target.id: text.value.value
        for field, text in zip(body, body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


@pytest.mark.parametrize("record", RECORDS)
def test_every_number_has_a_source(record):
    texts = documented(record)
    for field in dataclasses.fields(record):
        assert SOURCE.search(texts.get(field.name, "")), f"{record.__name__}.{field.name}"


def test_the_record_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Parameters().disease.e4 = 0.5
