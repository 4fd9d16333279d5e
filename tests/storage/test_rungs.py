"""What form of answers a model takes is remembered for a week, by service."""

from __future__ import annotations

from pathlib import Path

from nemotron_magic.storage.cache import RungMemory, open_rungs

DAY_S = 86_400.0


def test_it_is_kept_for_a_week_and_for_its_own_service(tmp_path: Path) -> None:
    now_s = [0.0]
    memory = RungMemory(tmp_path / "rungs.sqlite", now_s=lambda: now_s[0])
    memory.keep("https://a", "m", "text")
    found = []
    for day in (0.0, 6.9, 7.1):
        now_s[0] = day * DAY_S
        found.append(memory.find("https://a", "m"))

    assert found == ["text", "text", ""]
    now_s[0] = 0.0
    assert [memory.find("https://b", "m"), memory.find("https://a", "n")] == ["", ""]
    memory.close()


def test_what_is_learnt_later_counts(tmp_path: Path) -> None:
    home = {"NEMOTRON_MAGIC_HOME": str(tmp_path)}
    memory = open_rungs(home, lambda: 0.0)
    memory.keep("https://a", "m", "json_object")
    memory.keep("https://a", "m", "text")
    memory.close()

    again = open_rungs(home, lambda: 1.0)
    assert again.find("https://a", "m") == "text"
    again.close()


def test_without_a_folder_it_is_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = RungMemory(tmp_path / "file" / "rungs.sqlite")
    memory.keep("https://a", "m", "text")

    assert memory.find("https://a", "m") == "text"
    memory.close()
