"""Who can reach a folder, and copies that everybody can read."""

from pathlib import Path

from connector.local.folders import Account, copy_once, reaches

STRANGER = Account(uid=65534, gid=65534)


def test_a_folder_below_a_closed_one_is_out_of_reach(tmp_path: Path) -> None:
    inner = tmp_path / "home" / "cache"
    inner.mkdir(parents=True, mode=0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if not reaches(STRANGER, folder):
            break
    else:
        assert reaches(STRANGER, inner)
    inner.parent.chmod(0o700)
    assert not reaches(STRANGER, inner)
    owner = inner.stat()
    assert reaches(Account(owner.st_uid, owner.st_gid), inner.parent) or owner.st_uid == 0


def test_a_copy_is_readable_whatever_the_original_was(tmp_path: Path) -> None:
    source = tmp_path / "runtime"
    (source / "bin").mkdir(parents=True)
    (source / "bin/java").write_text("program")
    (source / "bin/java").chmod(0o700)
    (source / "release").write_text("25")
    (source / "release").chmod(0o600)
    copied = copy_once(source, tmp_path / "copy")
    assert (copied / "bin/java").stat().st_mode & 0o777 == 0o755
    assert (copied / "release").stat().st_mode & 0o777 == 0o644
    (copied / "mark").touch()
    assert (copy_once(source, tmp_path / "copy") / "mark").exists()
