"""What the API takes of credentials."""

from typing import Annotated

from pydantic import Field, RootModel, StringConstraints

from app.api.parameters import Limit
from app.operations import Query
from runner.credential import Credential


class CredentialsQuery(Query):
    """Which credentials."""

    after: Annotated[str, StringConstraints(max_length=63)] = Field(
        default="", description="only credentials whose names come behind this"
    )
    limit: Limit = 50


class CredentialBody(RootModel[Credential]):
    """A credential of one kind."""
