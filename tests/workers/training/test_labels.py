import json

import pytest

from connector.errors import ConfigError
from workers.training.data import folded
from workers.training.labels import read_labelled


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_querys_pairs_are_all_for_training_or_all_for_dev(tmp_path):
    rows = [{"query": f"{'Qq'[n % 2]} {n % 30}", "document": f"d{n}", "label": "ab"[n % 2]} for n in range(300)]
    found = read_labelled(written(tmp_path / "l.jsonl", rows))
    train, dev = ({folded(one.query) for one in part} for part in (found.train, found.dev))
    assert (len(train), len(dev), train & dev) == (27, 3, set())
    assert len(found.train) + len(found.dev) == 300


def test_of_a_single_query_none_can_be_set_apart(tmp_path):
    rows = [{"query": "q", "document": f"d{n}", "label": "ab"[n % 2]} for n in range(20)]
    path = written(tmp_path / "l.jsonl", rows)
    with pytest.raises(ConfigError, match="with --dev"):
        read_labelled(path)
    assert len(read_labelled(path, written(tmp_path / "dev.jsonl", rows[:4])).train) == 20
