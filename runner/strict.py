"""What every model of a request's body is made of. Pure."""

from typing import Any

from pydantic import BaseModel, ConfigDict

#: What begins the tag of a shape in the place of an error: not part of the body.
SHAPE = "shape:"


class Strict(BaseModel):
    """Takes what it declares, in the type that it declares, and nothing else."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def tag_of_kind(value: Any) -> str:
    """The tag of the shape that `kind` names, for a Discriminator."""
    given = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"{SHAPE}{given}"
