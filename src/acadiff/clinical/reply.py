"""A server's reply to a request for embeddings, believed only after a look at every value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from acadiff.errors import EncoderError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

_LARGEST = 1e30  # float32 ends at 3e38, and the norm is a sum of squares in float64


def vectors(content: bytes, count: int, width: int | None) -> list[Float[Tensor, "1 d"]]:
    """Read the vectors of a reply, in the order of the question.

    Args:
        content: the body as it came.
        count: how many sentences were asked for.
        width: how long each vector must be; None if this is not known yet.

    Raises:
        EncoderError: it is no JSON, or not that many finite vectors of that width.
    """
    import torch

    rows = [_values(row) for row in _in_order(_data(content), count)]
    width = len(rows[0]) if width is None else width
    wrong = next((len(row) for row in rows if len(row) != width), None)
    if wrong is not None:
        raise _unusable(f"holds a vector of {wrong} values where {width} are due")
    return [torch.tensor([row], dtype=torch.float32) for row in rows]


def _data(content: bytes) -> list[Any]:
    if content.lstrip()[:1] == b"<":
        raise _unusable("is a web page: perhaps the log-in page of a network, or a wrong path")
    try:
        reply = json.loads(content)
    except (ValueError, RecursionError):
        reply = None  # and raised below, without the reply's text in the chain
    if reply is None:
        raise _unusable("is no JSON, or cut short")
    data = reply.get("data") if isinstance(reply, dict) else None
    if not isinstance(data, list):
        raise _unusable("holds no list of vectors")
    return data


def _in_order(data: list[Any], count: int) -> list[Any]:
    """Put the vectors in the order of the question: a server may answer in any."""
    if len(data) != count:
        raise _unusable(f"holds {len(data)} vectors for {count} prompts")
    found = {
        item.get("index"): item.get("embedding")
        for item in data
        if isinstance(item, dict) and type(item.get("index")) is int
    }
    if found.keys() != set(range(count)):
        raise _unusable("does not tell which vector belongs to which prompt")
    return [found[index] for index in range(count)]


def _values(row: Any) -> list[float]:
    if not isinstance(row, list) or not row or not all(type(v) in (int, float) for v in row):
        raise _unusable("holds a vector that is no list of numbers")
    if not all(abs(value) < _LARGEST for value in row):  # false for NaN as well
        raise _unusable("holds a number that is NaN or beyond every vector")
    if not any(abs(value) > 1 / _LARGEST for value in row):
        raise _unusable("holds a vector of zeros")
    return [float(value) for value in row]


def _unusable(why: str) -> EncoderError:
    return EncoderError(
        f"the reply of the remote text encoder {why}",
        code="E_REPLY",
        hint="see that the base URL and the model are those of an embeddings service; what was "
        "encoded before is kept",
    )
