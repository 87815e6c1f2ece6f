"""Training that was killed: goes on where it was, ends where it would have, and leaves no broken file."""

import json
import random
import re
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from connector.errors import ConfigError
from tests.workers.training.test_trainer import HOW, scaled, task
from workers.training.state import Keeper, Place, kept
from workers.training.trainer import Example, Watch, fit, load
from workers.whole import write_whole

ROOT = Path(__file__).parents[3]
KILLS = 3


@pytest.mark.timeout(300)  # libraries are loaded once more, in a process that may be killed
def test_a_command_killed_three_times_at_random_steps_ends_as_if_it_had_not_been(small, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    rows = [{"query": e.query, "document": e.document, "label": "yes" if e.label else "no"} for e in task()]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["--labels", pairs, "--start", small, "--epochs", 24, "--batch", 8, "--max-tokens", 16]
    words += ["--save-every", 0.05, "--evaluations", 4, "--patience", 9, "--precision", "fp32"]
    told = [sys.executable, "-m", "tests.workers.training.killed", str(KILLS), str(random.random()), str(tmp_path)]
    done = subprocess.run([*told, *map(str, words)], capture_output=True, text=True, cwd=ROOT, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    whole, killed = (json.loads(line) for line in done.stdout.splitlines()[-2:])
    assert whole["status"] == killed["status"] == 0, killed["output"]
    assert len(killed["steps"]) == KILLS
    assert 0 < killed["steps"][0] <= killed["steps"][1] <= killed["steps"][2] < 24 * len(rows) / 8
    losses = [re.search(r"seed 1: loss (\S+)", run["output"])[1] for run in (whole, killed)]
    assert float(losses[0]) == pytest.approx(float(losses[1]), abs=1e-6)
    one, other = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not list((tmp_path / "killed").rglob("*.part")) + list((tmp_path / "killed").rglob("*.state"))


def test_a_full_disk_costs_the_state_and_not_the_training(small, tmp_path, caplog):
    def trained(folder: Path) -> float:
        model, tokenizer = load(small, seed=1)
        folder.mkdir()
        return fit(model, tokenizer, scaled("bce", task()), HOW, 1, state=folder / "fit.state", save_s=0.0)

    whole = trained(tmp_path / "room")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        assert trained(tmp_path / "full") == pytest.approx(whole, abs=1e-6)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "state not saved, training goes on" in caplog.text
    assert not list((tmp_path / "full").iterdir())


def test_a_file_that_could_not_be_written_whole_leaves_nothing(tmp_path):
    kept_file = tmp_path / "examples.jsonl"

    def broken(part: Path) -> None:
        part.write_text("half a li")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_whole(kept_file, broken)
    assert not list(tmp_path.iterdir())
    write_whole(kept_file, lambda part: part.write_text("whole"))
    assert [path.name for path in tmp_path.iterdir()] == ["examples.jsonl"]


def test_best_weights_and_losses_come_back_with_the_place(small, tmp_path):
    """Stopped in the middle of a run by an error in its progress, then finished: the same as in one go."""
    how = replace(HOW, epochs=3)

    def trained(state: Path | None, stop: int | None) -> tuple[float, torch.Tensor]:
        model, tokenizer = load(small, seed=1)
        figures = [0.1, 0.9, 0.3, 0.2]

        def progress(seen: int, total: int, loss: float) -> None:
            if stop and seen >= stop:
                raise KeyboardInterrupt

        watch = Watch(lambda: figures[min(3, looks.append(0) or len(looks) - 1)], evaluations=4, patience=9)
        loss = fit(
            model, tokenizer, scaled("bce", task()), how, 1, progress=progress, state=state, watch=watch, save_s=0.05
        )
        return loss, model.classifier.weight.detach()

    looks: list[int] = []
    loss, weights = trained(None, None)
    looks = []
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "state", 200)
    again = trained(tmp_path / "state", None)
    assert again[0] == loss
    assert torch.equal(again[1], weights)


def test_a_state_of_other_settings_is_refused(small, tmp_path):
    state = tmp_path / "state"
    fit(*load(small, 1), scaled("bce", task()), HOW, 1, state=state, save_s=0)
    with pytest.raises(ConfigError, match="other data or settings"):
        fit(*load(small, 1), scaled("bce", task()), replace(HOW, batch=8), 1, state=state)


def test_a_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "file"

    def half(part: Path) -> None:
        part.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, half)
    assert not path.exists()
    write_whole(path, lambda part: part.write_text("all of it"))
    assert path.read_text() == "all of it"
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, half)
    assert path.read_text() == "all of it"


def test_examples_are_kept_as_they_were_first_made(tmp_path):
    first = [Example("größe", "d", 0.5)]
    assert kept(tmp_path / "new" / "examples.jsonl", lambda: first) == first
    assert kept(tmp_path / "new" / "examples.jsonl", lambda: [Example("other", "d", 1.0)]) == first


def test_saving_takes_a_small_share_of_a_run(tmp_path):
    model = torch.nn.Linear(2, 2)
    keeper = Keeper(tmp_path / "fit.state", "run", every_s=0.0)
    optimizer = torch.optim.AdamW(model.parameters())
    assert keeper.due
    keeper.save(model, optimizer, Place(), {})
    keeper.took = 60.0  # as on a slow disk
    assert not keeper.due
    keeper.took = 0.0
    assert keeper.due
