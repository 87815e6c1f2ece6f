"""A mapping file that changes gets a new version; `versions.json` remembers each file's version and content.

`python -m mappings.versions` records new files and new versions, and refuses a change that kept its version. Layout and
`_meta.description` are free: they change no index.
"""

import hashlib
import json
import sys

from mappings.render import DIALECTS, FILES, Json

TABLE = FILES / "versions.json"


def current() -> dict[str, Json]:
    """`common/shop@fields` -> its version and the SHA-256 of its content, as JSON with sorted keys."""
    found = {}
    for folder in ("common", *DIALECTS):
        for path in sorted((FILES / folder).glob("*@*.json")):
            parsed = json.loads(path.read_text(encoding="utf-8"))
            parsed["_meta"].pop("description", None)
            content = json.dumps(parsed, sort_keys=True, ensure_ascii=False).encode()
            version = {"version": parsed["version"], "sha256": hashlib.sha256(content).hexdigest()}
            found[f"{folder}/{path.stem}"] = version
    return found


def faults(recorded: dict[str, Json], files: dict[str, Json]) -> list[str]:
    """What may not be recorded: content that changed under its version, a version that went down, a file that is gone
    (live indices still name it).
    """
    said = []
    for name, old in recorded.items():
        new = files.get(name)
        if new is None:
            said.append(f"{name} is gone; indices made from it still name it")
        elif new["version"] < old["version"]:
            said.append(f"{name} went from version {old['version']} down to {new['version']}")
        elif new["version"] == old["version"] and new["sha256"] != old["sha256"]:
            said.append(f"{name} changed and is still version {old['version']}: raise its version")
    return said


def recorded() -> dict[str, Json]:
    """The table as it was committed."""
    table: dict[str, Json] = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    return table


def main() -> int:
    files = current()
    if said := faults(recorded(), files):
        print("\n".join(said), file=sys.stderr)
        return 1
    TABLE.write_text(json.dumps(files, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
