"""What of a run can be repeated, and what must not be."""

import pytest

from runner.acceptance import Refused
from runner.rerun import NothingToRepeat, check_limit, fit, given, hosts_of, means_one_host
from runner.template import Template
from tests.made import make_run

SOURCE = {"repository": "https://git.example/ops.git", "path": "site.yml"}


def template(accepts=None, overrides=()):
    return Template.model_validate(
        {
            "playbook": SOURCE,
            "inventory": {"content": "web1\n"},
            "accepts": accepts or {},
            "overrides": list(overrides),
        }
    )


def run_with(accepts, accepted, **values):
    return make_run(spec={"accepts": accepts}, accepted=accepted, **values)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("web1.example.com", True),
        ("fe80::1", True),  # a line of the file is not split at colons
        ("a,b", True),  # nor at commas
        ("@host", True),  # nor read as another file
        ("web1!&~", True),  # these mean something at the beginning only
        ("!web1", False),  # all but this one
        ("&web1", False),
        ("~web.*", False),  # a regular expression
        ("web*", False),  # others, too, once no host is called so
        ("web?", False),
        ("web[0]", False),
        ("all", False),
        ("ungrouped", False),
        (" web1", False),  # lines are stripped
        ("web1\t", False),
    ],
)
def test_a_name_means_one_host_to_ansible(name, is_one):
    assert means_one_host(name) is is_one


@pytest.mark.parametrize(
    ("host_count", "failed", "reason"),
    [
        (None, [], "not known"),  # it was stopped or killed
        (2, [], "no host failed"),
        (0, [], "no host failed"),
        (2, ["a", "web*"], "'web\\*'"),
    ],
)
def test_there_is_nothing_to_repeat_and_it_says_why(host_count, failed, reason):
    with pytest.raises(NothingToRepeat, match=reason):
        hosts_of(make_run(host_count=host_count), failed)


def test_what_was_the_default_then_is_not_given_again():
    """A template of now that has another default, or none, would else be refused or ignored."""
    run = run_with({"count": {"default": 1}, "name": {}}, {"count": 1, "name": "x"})

    assert given(run, {"password": "s"}) == {"name": "x", "password": "s"}


def test_a_new_default_takes_the_place_of_the_old_one():
    run = run_with({"count": {"type": "integer", "default": 1}}, {"count": 1})

    accepted = fit(run, template({"count": {"type": "integer", "default": 2}}), {})

    assert accepted.values == {"count": 2}


def test_everything_that_fits_no_longer_is_named():
    run = run_with(
        {"version": {"type": "string"}, "gone": {"type": "string"}},
        {"version": "v1", "gone": "x"},
        overrides={"check": True, "limit": "web"},
    )
    now = {"version": {"type": "integer"}, "region": {"type": "string", "required": True}}

    with pytest.raises(Refused) as refused:
        fit(run, template(now, ["limit"]), {})

    fields = {field for field, _ in refused.value.faults}
    assert fields == {"vars.version", "vars.gone", "vars.region", "check"}


def test_a_secret_never_becomes_one_that_is_shown():
    accepts = {"password": {"type": "string", "secret": True}}

    with pytest.raises(Refused, match="was secret") as refused:
        fit(run_with(accepts, {}), template({"password": {"type": "string"}}), {"password": "abc"})

    assert "abc" not in str(refused.value)


def test_what_was_shown_may_become_secret():
    run = run_with({"password": {"type": "string"}}, {"password": "abc"})

    accepted = fit(run, template({"password": {"type": "string", "secret": True}}), {})

    assert (accepted.values, accepted.secrets) == ({}, {"password": "abc"})


@pytest.mark.parametrize(
    ("hosts", "limit", "is_refused"),
    [
        (["web1"], "web", False),  # the same as then
        (["web1"], "web:!web1", True),  # web1 is meant no more, perhaps
        (["web1"], None, True),
        (None, None, False),  # all hosts: the new limit counts
    ],
)
def test_hosts_never_take_the_place_of_another_limit(hosts, limit, is_refused):
    run = make_run(spec={"options": {"limit": "web"}})
    options = {"limit": limit} if limit else {}

    if is_refused:
        with pytest.raises(NothingToRepeat, match="limit"):
            check_limit(run, hosts, options)
    else:
        check_limit(run, hosts, options)
