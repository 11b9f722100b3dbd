"""What is left of a container's memory, and whether a run fits."""

import psutil
import pytest

from runner import memory

MB = memory.MB


def lay_out(folder, limit, used, back, version=2):
    *files, reclaimable = memory.FILES[0 if version == 2 else 1]
    texts = (limit, used, f"x 1\n{reclaimable} {back}\n")
    for name, text in zip(files, texts, strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{text}")


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_has_its_limit_less_what_cannot_be_had_back(tmp_path, version):
    lay_out(tmp_path, 512 * MB, 400 * MB, 50 * MB, version)

    assert memory.available(tmp_path) == 162 * MB


def test_where_nothing_limits_it_is_the_machine(tmp_path):
    whole = psutil.virtual_memory().total
    assert 0 < memory.available(tmp_path) <= whole
    lay_out(tmp_path, "max", 1, 0)
    assert 0 < memory.available(tmp_path) <= whole


def test_who_has_used_all_has_nothing(tmp_path):
    lay_out(tmp_path, 100, 200, 0)

    assert memory.available(tmp_path) == 0


@pytest.mark.parametrize(
    ("free", "young", "each", "fits"),
    [(100, 0, 100, True), (99, 0, 100, False), (250, 1, 100, True), (250, 2, 100, False)],
)
def test_young_runs_have_yet_to_grow(free, young, each, fits):
    assert memory.has_room(free, young, each) is fits
    assert memory.has_room(free, young, 0)
