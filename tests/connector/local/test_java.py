"""Which Java is taken, and what is said where none will do."""

import os
from pathlib import Path

import pytest

from connector.errors import PartFailed
from connector.local import java

WHOLE = "java.base jdk.jdi jdk.jlink"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any Java; the folder that takes the place of /usr/lib/jvm."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(java, "_USUAL", (f"{tmp_path}/jvm/*",))
    return tmp_path / "jvm"


def make(home: Path, version: str, modules: str = WHOLE) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin/java").write_text("#!/bin/sh\n")
    (home / "bin/java").chmod(0o755)
    (home / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    return home.resolve()


def test_no_java_at_all_says_what_to_do(bare: Path) -> None:
    with pytest.raises(PartFailed) as failed:
        java.full_jdk(21, None)
    assert str(failed.value) == (
        "Elasticsearch needs a JDK 21 or newer. Found none in JAVA_HOME, PATH and the usual folders.\n"
        "Install one (for example your system's openjdk-21-jdk or Temurin) and set JAVA_HOME to its folder, or use the "
        "default --engine opensearch, which brings its own Java."
    )


def test_what_will_not_do_is_listed_with_the_reason(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = make(bare / "old", "17.0.15")
    part = make(bare / "part", "25.0.2", "java.base")
    ancient = make(bare.parent / "ancient", "1.8.0_402")
    monkeypatch.setenv("JAVA_HOME", str(ancient))
    with pytest.raises(PartFailed) as failed:
        java.full_jdk(21, None)
    assert f"{ancient}: Java 8, too old" in str(failed.value)
    assert f"{old}: Java 17, too old" in str(failed.value)
    assert f"{part}: Java 25, not a whole JDK" in str(failed.value)


def test_java_home_comes_first_then_path_then_the_usual_folders(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = make(bare / "usual", "21.0.1")
    assert java.full_jdk(21, None) == usual
    on_path = make(bare.parent / "on-path", "23")
    monkeypatch.setenv("PATH", f"{on_path}/bin{os.pathsep}/nowhere")
    assert java.full_jdk(21, None) == on_path
    named = make(bare.parent / "named", "25.0.3")
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert java.full_jdk(21, None) == named
    assert java.full_jdk(24, None) == named


def test_the_packaged_runtime_is_new_enough_for_opensearch() -> None:
    version, whole = java.describe(java.bundled_java(None))
    assert version >= 21
    assert not whole
