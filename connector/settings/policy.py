"""The policies of `secondpass.toml`: for which indices, what the model reads, and how its scores are used."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from connector.querypath import check_path
from connector.settings.sections import Positive, Section

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _not_all_zero(weights: list[float]) -> list[float]:
    if not any(weights):
        raise ValueError("at least one weight must be above 0")
    return weights


class Blend(Section):
    rerank: Weight = Field(1.0, description="weight of the model's probability")
    lexical: Weight = Field(0.0, description="weight of the lexical score, divided by the list's best")
    vector: Weight = Field(0.0, description="weight of the vector score, divided by the list's best")

    @model_validator(mode="after")
    def _weighs_something(self) -> "Blend":
        _not_all_zero([self.rerank, self.lexical, self.vector])
        return self


class Policy(Section):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="how requests and answers call it")
    indices: list[str] = Field(min_length=1, description="names as written in requests; * stands for anything")
    fields: list[str] = Field(min_length=1, description="what the model reads of a document")
    template: str = Field("", description='"{name}. {brand}"; empty parts are dropped; default: fields joined by ". "')
    passages: str = Field(
        "off",
        pattern=r"^(off|max|mean:[1-9]\d*)$",
        description="how documents beyond the window are read: off (cut), max or mean:k (passages)",
    )
    query_path: Annotated[str, AfterValidator(check_path)] = Field(
        "", description='JSONPath ($.a.b[0]) or "header:Name" of the user\'s words'
    )
    vector_field: str = Field("", description="field of the vectors; empty: no vector leg")
    candidates: Literal["lexical", "fused"] = Field("lexical", description="fused adds kNN hits")
    fusion: Literal["rrf", "min_max", "z_score"] = Field("rrf", description="how both lists become one")
    fusion_weights: Annotated[list[Weight], AfterValidator(_not_all_zero)] = Field(
        [1.0, 1.0], min_length=2, max_length=2, description="lexical, vector"
    )
    window: Positive = Field(100, le=10_000, description="candidates that are reranked")
    budget_ms: Positive = Field(1000, description="what reranking may add after the lexical answer")
    chunk: Positive = Field(32, description="first-stage ranks that are scored and answered together")
    stop_margin: float = Field(0.0, ge=0, description="adaptive depth: how settled a top must be to stop; 0: no stop")
    model: str = Field("products-en", description="name of a [[model]]")
    blend: Blend = Field(Blend(), description="weights of the final score")
    agreement: float = Field(
        0.0, ge=0, description="weight, beside `blend`, of a category like those of the best; 0: off"
    )
    agreement_field: str = Field("", description='field of that category: ["Pet", "Cat", "Food"] or "Pet > Cat > Food"')
    exclusion: float = Field(0.0, ge=0, description='logits that "without x" takes from documents with x; 0: off')
    scores: Literal["rerank", "engine"] = Field("rerank", description="engine leaves _score as it was")
    pit: bool = Field(False, description="rerank from/size pages of a point in time")

    @model_validator(mode="after")
    def _template_names_fields(self) -> "Policy":
        named = set(re.findall(r"\{([^{}]*)\}", self.template))
        if unknown := sorted(named - set(self.fields)):
            raise ValueError(f"template names {unknown}, which `fields` does not list")
        if self.template.count("{") != self.template.count("}"):
            raise ValueError('template has a brace without its other; a field is written "{name}"')
        if self.template and not named:
            raise ValueError('template names no field, so every document would have no text; write "{name}"')
        return self

    @model_validator(mode="after")
    def _agreement_has_a_field(self) -> "Policy":
        if self.agreement and not self.agreement_field:
            raise ValueError("agreement needs agreement_field, the field that holds the category")
        return self

    @property
    def fetched(self) -> list[str]:
        """The fields that a search brings along: what the model reads, and the category."""
        return list(dict.fromkeys([*self.fields, self.agreement_field] if self.agreement else self.fields))


def names_each_field(policy: Policy) -> Policy:
    """A file's policy; lists of our own making (`secondpass search`) may look into any field."""
    for name in (*policy.fields, policy.agreement_field, policy.vector_field):
        if "*" in name:
            raise ValueError(
                f"{name!r} is a pattern; name each field: what a pattern adds to an answer could not be cut from it"
            )
    return policy
