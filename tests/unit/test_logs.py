"""Logs are JSON, one object a line."""

import json
import logging

from runner.logs import JsonFormatter


def test_a_record_is_one_line_with_what_was_given_as_extra() -> None:
    record = logging.makeLogRecord(
        {"name": "runner", "levelname": "INFO", "msg": "run %d:\n%s", "args": (7, "x"), "run": 7}
    )

    line = JsonFormatter().format(record)

    assert "\n" not in line
    assert json.loads(line) | {"at": ""} == {
        "at": "",
        "level": "info",
        "logger": "runner",
        "message": "run 7:\nx",
        "run": 7,
    }
