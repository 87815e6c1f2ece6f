"""How far the loading of one file into one index has come, and what was rejected: two files in the state folder.

The position is replaced whole after each batch, and the rejected documents are cut back to what it knows before going
on: wherever a run is ended, the next one counts every document once. A run whose documents would get other ids or other
vectors than those before it begins at the first document again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from connector.records import Rejected


@dataclass(frozen=True, slots=True)
class Tally:
    """Documents so far: `records` were read, each is `indexed` or `rejected`; `bare` of the indexed got no vector where
    vectors were wanted.
    """

    records: int = 0
    indexed: int = 0
    rejected: int = 0
    bare: int = 0


class Journal:
    """Of one source (a file, by path, size and time of change) and one index (by its own name, not its alias). `how`
    holds, as JSON values, what else the documents in the index depend on; `changed` names what of it an ended run did
    otherwise, which is why this one began again.
    """

    def __init__(
        self, folder: Path, source: Path, index: str, how: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        found = source.stat()
        self._stamp = [str(source.resolve()), found.st_size, found.st_mtime_ns, index]
        name = hashlib.sha256(orjson.dumps([self._stamp[0], index])).hexdigest()[:16]
        self._position = folder / f"{name}.json"
        self.rejects = folder / f"{name}.rejected.jsonl"
        self._how = dict(how)
        self.changed: list[str] = []
        self.tally = Tally()

    def start(self, resume: bool = True) -> Tally:
        """Where to go on: after an ended run over the same, unchanged file that did as this one, else at the beginning.
        Of a version that did not note how it did, a run is taken up as it is.
        """
        self._position.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = self._read() if resume else None
        before = known.get("how", self._how) if known else self._how
        self.changed = sorted(name for name in self._how if before.get(name) != self._how[name])
        known = None if self.changed else known
        self.tally = Tally(**known["tally"]) if known else Tally()
        with self.rejects.open("ab") as file:
            file.truncate(known["bytes"] if known else 0)
        return self.tally

    def note(self, indexed: int, rejected: Sequence[Rejected], bare: int = 0) -> Tally:
        """One more batch is settled."""
        with self.rejects.open("ab") as file:
            for item in rejected:
                file.write(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE))
            size = file.tell()
        before = self.tally
        self.tally = replace(
            before,
            records=before.records + indexed + len(rejected),
            indexed=before.indexed + indexed,
            rejected=before.rejected + len(rejected),
            bare=before.bare + bare,
        )
        draft = self._position.with_suffix(".part")
        found = {"stamp": self._stamp, "how": self._how, "tally": asdict(self.tally), "bytes": size}
        draft.write_bytes(orjson.dumps(found))
        draft.replace(self._position)
        return self.tally

    def finish(self) -> None:
        """The file is through: forget the position; keep what was rejected, where anything was."""
        self._position.unlink(missing_ok=True)
        if not self.tally.rejected:
            self.rejects.unlink(missing_ok=True)

    def rejected(self, most: int) -> list[Rejected]:
        """The first of the rejected documents."""
        if not self.rejects.exists():
            return []
        with self.rejects.open("rb") as file:
            return [Rejected(**orjson.loads(line)) for _, line in zip(range(most), file, strict=False)]

    def _read(self) -> dict[str, Any] | None:
        try:
            known = orjson.loads(self._position.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return None
        return known if known.get("stamp") == self._stamp and self.rejects.exists() else None
