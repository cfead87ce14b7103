"""What the record of an imputed scan tells of the model and of what was asked of it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from acadiff.clinical import Detail, Prompt
from acadiff.generators.folder import GeneratorFolder
from acadiff.imputer.weights import Weights
from acadiff.training.arithmetic import Precision, usable


def reads(found: GeneratorFolder) -> bool:
    """Whether a generator is told anything of the patient."""
    return bool(found.record["encoder"] and found.record["encoder"]["key"] != "none")


def precision_of(found: GeneratorFolder, asked: Precision | None) -> Precision:
    """What a generator computes in here: what was asked for, else what it was trained in.

    Single precision, if this processor has not that.
    """
    return usable(asked or str(found.record["recipe"]["precision"]), "cpu")


def provenance(
    weights: Weights, prompt: Prompt, detail: Detail, guidance: float
) -> dict[str, Any]:
    """All but what the draws are: model, codecs, sources and what was told of the patient."""
    found = weights.generators[prompt.target]
    process: Mapping[str, Any] = found.record["diffusion"] or {}
    clinical = {"Diagnosis": prompt.diagnosis, **vars(prompt.scores), **vars(prompt.person)}
    used = (*prompt.available, prompt.target)
    told = reads(found)
    return {
        "AvailableModalities": [m.name for m in prompt.available],
        "ClinicalInputsUsed": [k for k, v in clinical.items() if told and v is not None],
        "ClinicalDetail": detail.value if told else None,
        "PromptSHA256": hashlib.sha256(str(prompt).encode()).hexdigest() if told else None,
        "Guidance": guidance if told else None,
        "IntensityTransform": weights.codecs[prompt.target].scaling.to_json(),
        "ModelName": found.record["name"],
        "ModelSHA256": found.identity,
        "TrainedOnSimulatedPeople": found.record.get("simulated", False),
        "CodecSHA256": {m.name: weights.codecs[m].identity for m in used},
        "TextEncoder": found.record["encoder"],
        "Sampler": process.get("sampler"),
        "Steps": process.get("steps"),
        "Precision": precision_of(found, weights.precision),
    }
