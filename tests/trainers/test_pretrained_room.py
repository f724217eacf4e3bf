"""Room for a model: the least of what the disk, the machine and a container's limits leave."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from trainers.errors import InputError
from trainers.pretrained import room
from trainers.pretrained.room import MEGABYTE, available_memory, check_room

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8,000 kB of memory and 500 MB of disk, without control groups as yet."""
    monkeypatch.setattr(room, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(room, "CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(room, "OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 500 * MEGABYTE))
    (tmp_path / "meminfo").write_text("MemTotal:  9000 kB\nMemFree: 10 kB\nMemAvailable: 8000 kB\n")
    return tmp_path


def limit(folder: Path, most: str, *, used: int, cache: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon {used - cache}\ninactive_file {cache}\n")


def test_a_machine_leaves_what_its_kernel_says() -> None:
    assert available_memory() == 8000 * 1024


def test_a_container_leaves_what_its_limit_says_and_its_caches_are_free(machine: Path) -> None:
    limit(machine / "cgroup", "1000000", used=700_000, cache=200_000)
    assert available_memory() == 500_000


def test_a_service_is_bound_by_its_own_group_and_all_above(machine: Path) -> None:
    (machine / "own").write_text("1:name=systemd:/elsewhere\n0::/site.slice/inference.service\n")
    limit(machine / "cgroup" / "site.slice", "900000", used=100_000)
    limit(machine / "cgroup" / "site.slice" / "inference.service", "max", used=50_000)
    assert available_memory() == 800_000
    limit(machine / "cgroup" / "site.slice" / "inference.service", "60000", used=50_000)
    assert available_memory() == 10_000


def test_without_a_limit_the_machine_decides(machine: Path) -> None:
    limit(machine / "cgroup", "max", used=10**9)
    assert available_memory() == 8000 * 1024


def test_a_system_that_says_nothing_is_not_doubted(machine: Path) -> None:
    (machine / "meminfo").unlink()
    assert available_memory() is None
    check_room(machine, disk=1, memory=10**15, what="A model")


@pytest.mark.parametrize("used", [1_000_000, 1_100_000])
def test_a_full_container_has_no_room(machine: Path, used: int) -> None:
    limit(machine / "cgroup", "1000000", used=used)
    with pytest.raises(InputError, match="A model needs 1 MB of memory; 0 MB are free"):
        check_room(machine, disk=1, memory=MEGABYTE, what="A model")


def test_too_little_of_either_is_told_with_both_numbers(machine: Path) -> None:
    folder = machine / "not" / "yet" / "there"
    check_room(folder, disk=500 * MEGABYTE, memory=8 * MEGABYTE, what="A model")
    with pytest.raises(InputError, match=rf"A model needs 501 MB on the disk of {folder}; 500 MB"):
        check_room(folder, disk=501 * MEGABYTE, memory=1, what="A model")
    with pytest.raises(InputError, match="A model needs 9 MB of memory; 8 MB are free"):
        check_room(folder, disk=1, memory=9 * MEGABYTE, what="A model")
