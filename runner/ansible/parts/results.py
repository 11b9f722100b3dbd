"""What of a task's result may be told: never what `no_log` hides, and never all of it."""

from __future__ import annotations

import difflib
import json
from typing import Any, Iterator, List

# Curtain masks secrets behind us, then cuts at a quarter of this: half a secret would not be found.
MESSAGE = 2000  # characters
DIFF = 16000  # characters of one result
COMPARED = 65536  # characters of each side of a diff; difflib is slow, and Ansible does it, too

FAILED = ("failed", "unreachable")
TOO_LARGE = f"[a side of this diff has more than {COMPARED} characters]\n"


def contents(result: Any, status: str) -> Any:
    """Give what a result holds, as it is: `_result` copies all of it (ansible-core 2.19 to 2.21).

    Where it can only be had so (2.21), nothing, unless there may be something to tell in it.
    """
    told = getattr(result, "_return_data", None)
    if told is not None:
        return told
    task = result._task
    has_more = status in FAILED or task.diff or task.until or is_loop(task)
    if has_more or not hasattr(result, "warnings") or result.warnings or result.deprecations:
        return result._result
    return {}


def is_loop(task: Any) -> bool:
    """Whether it has items."""
    return task.loop is not None or bool(task.loop_with)


def is_hidden(task: Any, told: Any) -> bool:
    """Whether `no_log` holds for it, by what the worker made of an expression."""
    flag = told.get("_ansible_no_log")
    return bool(task.no_log if flag is None else flag) or task.no_log is True or "censored" in told


def items(task: Any, told: Any) -> List[Any] | None:
    """Give the results of a loop; None when there was none. A module may call a list so, too."""
    results = told.get("results")
    return results if isinstance(results, list) and is_loop(task) else None


def message(told: Any, results: List[Any] | None) -> str:
    """Say why it failed: what the module and its program said, of the first item that failed."""
    for item in results or ():
        if not isinstance(item, dict) or is_censored(item):
            continue
        if item.get("failed") or item.get("unreachable"):
            return _said(item)
    return _said(told)


def _said(told: Any) -> str:
    said = (told.get("msg"), told.get("stderr") or told.get("module_stderr"))
    return "\n".join(_text(each, MESSAGE) for each in said if each)[:MESSAGE]


def is_censored(item: Any) -> bool:
    """Whether `no_log` holds for one item of a loop."""
    return bool(item.get("_ansible_no_log")) or "censored" in item


def _text(value: Any, limit: int) -> str:
    if isinstance(value, str):
        return str(value[:limit])
    return json.dumps(value, default=str, ensure_ascii=False)[:limit]


def diff(told: Any, results: List[Any] | None) -> str:
    """Write the diffs of a result, as `diff -u` does; empty without any."""
    shown = ""
    for each in [told] if results is None else results:
        if isinstance(each, dict) and each.get("diff") and not is_censored(each):
            given = each["diff"]
            for one in given if isinstance(given, list) else [given]:
                if isinstance(one, dict) and len(shown) < DIFF:
                    shown += "".join(_lines(one))
    return shown[:DIFF]


def _lines(one: Any) -> Iterator[str]:
    for side in ("dst", "src"):
        if side + "_binary" in one:
            yield f"[{side} is binary]\n"
        if side + "_larger" in one:
            yield f"[{side} is larger than {one[side + '_larger']} bytes]\n"
    if one.get("prepared"):
        yield _text(one["prepared"], DIFF)
    if "before" not in one or "after" not in one:
        return
    before, after = (_text(one[side] or "", COMPARED + 1) for side in ("before", "after"))
    if max(len(before), len(after)) > COMPARED:
        yield TOO_LARGE
        return
    was, now = (str(one.get(side + "_header") or side) for side in ("before", "after"))
    sides = before.splitlines(), after.splitlines()
    for line in difflib.unified_diff(*sides, fromfile=was, tofile=now, lineterm=""):
        yield line + "\n"


def warnings(told: Any, kind: str) -> Iterator[str]:
    """Give the texts of its `warnings` or `deprecations`, whatever this Ansible makes them of."""
    for each in told.get(kind) or ():
        text = each.get("msg") if isinstance(each, dict) else each
        text = getattr(getattr(text, "event", None), "msg", text)
        if isinstance(text, str):
            yield str(text[:MESSAGE])
