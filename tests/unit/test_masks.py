"""Secrets do not get through, however the stream is cut."""

import json

from hypothesis import given
from hypothesis import strategies as st

from runner.masks import STARS, Mask

SECRET = b"hunter2-hunter2"


def shown(mask: Mask, chunks: list[bytes]) -> bytes:
    return b"".join([*(mask.feed(chunk) for chunk in chunks), mask.flush()])


def test_a_secret_cut_at_any_byte_is_hidden():
    text = b"user=ada password=" + SECRET + b" end " + SECRET
    hidden = text.replace(SECRET, STARS)
    for cut in range(len(text)):
        mask = Mask({"password": SECRET.decode()})
        assert shown(mask, [text[:cut], text[cut:]]) == hidden


def test_byte_by_byte_is_no_way_around():
    text = b"<" + SECRET + b">"
    chunks = [text[i : i + 1] for i in range(len(text))]

    assert shown(Mask({"password": SECRET.decode()}), chunks) == b"<" + STARS + b">"


def test_the_longer_of_two_secrets_with_one_beginning_is_hidden_whole():
    mask = Mask({"short": "open sesame", "long": "open sesame street"})

    assert shown(mask, [b"say open sesame", b" street!"]) == b"say " + STARS + b"!"


def test_secrets_are_hidden_as_ansible_prints_them():
    secret = 'quo"te\\ \n second line ü'
    printed = json.dumps({"msg": secret}).encode()

    assert secret.encode() not in shown(Mask({"key": secret}), [secret.encode()])
    assert shown(Mask({"key": secret}), [printed]) == b'{"msg": "' + STARS + b'"}'


def test_each_line_of_a_secret_is_hidden_as_ansible_prints_lists_of_lines():
    secret = '{\n  "private_key": "-----BEGIN-----",\n  "password": "hunter2222"\n}\n'
    printed = json.dumps({"stdout_lines": secret.splitlines()}).encode()

    seen = shown(Mask({"account": secret}), [printed])

    assert b"BEGIN" not in seen
    assert b"hunter" not in seen


def test_secrets_in_lists_and_objects_are_hidden_too():
    mask = Mask({"keys": [{"token": "abcd1234"}, "efgh5678", 87654321, True]})

    assert (
        shown(mask, [b"abcd1234 efgh5678 87654321 True"])
        == STARS + b" " + STARS + b" " + STARS + b" True"
    )


def test_secrets_that_overlap_are_hidden_whole():
    mask = Mask({"one": "abcdef", "two": "efghij"})

    assert shown(mask, [b"<abcdefg", b"hij>"]) == b"<" + STARS + b">"


def test_a_flood_of_one_secret_is_not_kept_back_for_ever():
    mask = Mask({"password": "aaaa"})

    seen = [mask.feed(b"a" * 65_536) for _ in range(20)]

    assert any(seen)
    assert b"aaaa" not in b"".join(seen)


def test_what_is_too_short_to_be_a_secret_is_shown():
    assert shown(Mask({"pin": "1"}), [b"1 2 1"]) == b"1 2 1"


@given(
    st.lists(st.sampled_from([b"aba", b"ab", b"c", SECRET, SECRET[:7], SECRET[7:]]), max_size=30),
    st.integers(1, 7),
)
def test_what_is_shown_does_not_depend_on_the_chunks(parts, size):
    text = b"".join(parts)
    secrets = {"a": SECRET.decode(), "b": "abab", "c": "cabcab"}
    chunks = [text[i : i + size] for i in range(0, len(text), size)]

    in_parts = shown(Mask(secrets), chunks)

    assert in_parts == shown(Mask(secrets), [text])
    assert all(secret.encode() not in in_parts for secret in secrets.values())
