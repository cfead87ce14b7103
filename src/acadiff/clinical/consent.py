"""What must be said before a prompt leaves the machine, and which sentences may leave at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from acadiff.clinical.prompt import Person, Prompt
from acadiff.cohort.table import Diagnosis
from acadiff.errors import EncoderError
from acadiff.modality import Modality
from acadiff.terms import FLAG

if TYPE_CHECKING:
    from acadiff.clinical.endpoint import Endpoint

_TITLE = f"({'|'.join(re.escape(m.title) for m in Modality)})"
_NUMBER = r"[0-9]{1,2}(\.[0-9]{1,2})?"
_MMSE, _ADAS13, _CDR = (f"{name}={_NUMBER}" for name in ("MMSE", "ADAS13", "CDR-SOB"))
_SCORES = f"({_MMSE}(, {_ADAS13})?(, {_CDR})?|{_ADAS13}(, {_CDR})?|{_CDR})"
_DIAGNOSIS = f"({'|'.join(d.name for d in Diagnosis)})"
_SENTENCE = re.compile(
    f"Generate {_TITLE} from {_TITLE}(, {_TITLE})*"
    f"( for ({_DIAGNOSIS} patient|({_DIAGNOSIS} )?patient with {_SCORES}))?"
)


def require(endpoint: Endpoint, *, share: bool) -> None:
    """Refuse to go on unless somebody said that prompts may go there.

    A server on this machine is no third party: naming it is enough.

    Raises:
        EncoderError: nobody did.
    """
    if share or endpoint.is_loopback:
        return
    raise EncoderError(
        f"nothing is sent to {endpoint.host} before you say that you may: prompts tell diagnosis "
        "and scores, which are health data, and ADNI's data-use agreement forbids giving them to "
        "AI services of third parties",
        code="E_CONSENT",
        value=endpoint.host,
        hint=f"if you may, say {FLAG} (conditioning.share = true in a recipe); else use the local "
        "encoder, or a server on this machine",
    )


def sentence(prompt: Prompt) -> str:
    """Return the sentence of a prompt that may be sent; no other text ever is.

    Raises:
        EncoderError: it tells who the patient is, or anything beyond the closed grammar.
    """
    if prompt.person != Person():
        raise EncoderError(
            "a prompt tells age, sex or APOE4, which are never sent to a remote text encoder",
            code="E_PROMPT",
            hint="leave conditioning.person off, or use a local encoder",
        )
    text = str(prompt)
    if not _SENTENCE.fullmatch(text):
        raise EncoderError(
            "a prompt holds more than modalities, diagnosis, MMSE, ADAS13 and CDR-SOB, and no "
            "other text is sent to a remote text encoder",
            code="E_PROMPT",
            hint="this is a bug: please report it, without the prompt",
        )
    return text
