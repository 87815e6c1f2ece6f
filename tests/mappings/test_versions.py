"""A mapping file cannot change without a new version."""

import json

import pytest

from mappings import render, versions
from mappings.render import FILES, Json

OLD: dict[str, Json] = {"common/shop@fields": {"version": 2, "sha256": "a"}}


def test_every_file_is_recorded_as_it_is() -> None:
    assert versions.faults(versions.recorded(), versions.current()) == []
    assert versions.recorded() == versions.current(), "run: python -m mappings.versions"


def test_every_file_states_version_meta_and_template() -> None:
    files = list(FILES.glob("*/*@*.json"))
    assert len(files) == len(versions.current())
    for path in files:
        parsed = json.loads(path.read_text(encoding="utf-8"))
        assert set(parsed) == {"version", "_meta", "template"}, path.name
        assert parsed["version"] >= 1
        assert parsed["_meta"]["description"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"common/shop@fields": {"version": 2, "sha256": "b"}}, "raise its version"),
        ({"common/shop@fields": {"version": 1, "sha256": "a"}}, "down to 1"),
        ({}, "is gone"),
    ],
)
def test_faults_are_named(files: dict[str, Json], said: str) -> None:
    [fault] = versions.faults(OLD, files)
    assert said in fault


def test_a_new_version_and_a_new_file_are_no_fault() -> None:
    new = {"common/shop@fields": {"version": 3, "sha256": "b"}, "common/other@fields": {"version": 1, "sha256": "c"}}
    assert versions.faults(OLD, new) == []


def test_the_table_is_not_rewritten_over_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = {name: {**entry, "sha256": "other"} for name, entry in versions.current().items()}
    before = versions.TABLE.read_bytes()
    monkeypatch.setattr(versions, "current", lambda: changed)
    assert versions.main() == 1
    assert "raise its version" in capsys.readouterr().err
    assert versions.TABLE.read_bytes() == before


def test_an_index_says_which_parts_made_it() -> None:
    parts = render("shop", "opensearch", dims=4)["mappings"]["_meta"]["secondpass"]["parts"]
    assert parts.keys() == {"index@settings", "shop@fields", "text-mixed@analysis", "embedding@vector"}
