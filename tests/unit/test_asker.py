"""Who may do what over a chat: by the ids of whoever asks, over the templates of each entry."""

from typing import Any

import pytest

from app.chat.asker import Asker, asker_of
from app.hooks.chat_sender import Command
from app.hooks.people import ChatHook

BOB = Command(text="", user="U1", workspace="T1", channel="C1")


def asker(*people: dict[str, Any]) -> Asker:
    hook = ChatHook.model_validate({"sender": "slack", "people": list(people)})
    return asker_of(hook, "ops", BOB)


def person(**changes: Any) -> dict[str, Any]:
    return {"users": ["U1"], "rights": ["run"], **changes}


@pytest.mark.parametrize(
    ("templates", "may"),
    [
        (["*"], True),
        (["prod-*"], True),
        (["test-*"], False),
        (["*", "!prod-*"], False),  # a ! excludes, as in branches
        (["!prod-*", "*"], False),  # in whatever order
        (["!prod-*"], False),
        (["!test-*"], True),
    ],
)
def test_templates_are_named_as_branches_are(templates: list[str], may: bool) -> None:
    assert asker(person(templates=templates)).may("run", "prod-db") is may


def test_what_one_entry_excludes_another_may_give() -> None:
    both = asker(person(templates=["*", "!prod-*"]), person(templates=["prod-web"]))

    assert both.may("run", "test-db")
    assert both.may("run", "prod-web")
    assert not both.may("run", "prod-db")


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({"users": ["U2"]}, False),
        ({"users": ["*"]}, True),
        ({"workspace": "T1"}, True),
        ({"workspace": "T2"}, False),
        ({"channels": ["C1"]}, True),
        ({"channels": ["C2"]}, False),
        ({"channels": ["*"]}, False),  # everybody is of users only
        ({"rights": ["read"]}, False),
    ],
)
def test_an_entry_counts_for_its_people_and_places_only(changes: dict[str, Any], may: bool) -> None:
    assert asker(person(**changes)).may("run", "deploy") is may
