"""Every number of the study of diagnoses from completed scans, each with its source."""

from typing import Annotated

from pydantic import Field

from acadiff.recipe.parts import Part

_Size = Annotated[int, Field(ge=1)]


class People(Part):
    """Who teaches a classifier and who judges it: shares of those no generator has seen."""

    fit: float = Field(0.631, gt=0, lt=1, description="To learn from [paper §3: 270 of 428]")
    validation: float = Field(0.07, gt=0, lt=1, description="To choose by [paper §3: 30 of 428]")
    test: float = Field(0.299, gt=0, lt=1, description="To judge by [paper §3: 128 of 428]")
    seed: int = Field(0, ge=0, description="Seed of the stratified split [ours: reproducible]")


class DenseNet(Part):
    """The 3D DenseNet on completed volumes."""

    features: int = Field(64, ge=1, description="Channels of the stem [paper §3: DenseNet-121]")
    growth: int = Field(32, ge=1, description="Channels a layer adds [paper §3: DenseNet-121]")
    blocks: tuple[_Size, ...] = Field(
        (6, 12, 24, 16), description="Layers a block [paper §3: DenseNet-121]"
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout in layers [ours: few people]")
    rate: float = Field(1e-4, gt=0, description="AdamW's learning rate, cosine [prototype]")
    weight_decay: float = Field(1e-4, ge=0, description="AdamW's weight decay [ours: usual]")
    batch: int = Field(8, ge=1, description="People a step [prototype]")
    epochs: int = Field(50, ge=1, description="At most [prototype]")
    patience: int = Field(
        15, ge=1, description="Epochs without a better validation AUC to stop at [ours: time]"
    )
    shift: int = Field(1, ge=0, description="Voxels an example is moved by [ours: 3 at 1 mm]")


class Diagnosis(Part):
    """Two classifiers and their people."""

    people: People = Field(default_factory=People, description="The split [paper §3]")
    strength: float = Field(
        0.1,
        gt=0,
        description="Inverse penalty of the regional regression [ours: best of six by AUC of "
        "acquired scans, on another SIMULATED cohort]",
    )
    densenet: DenseNet = Field(default_factory=DenseNet, description="The network [paper §3]")
