"""Runs `secondpass train` in a child, kills it with SIGKILL at a random step, and starts it again, as often as asked.

    python -m tests.workers.training.killed TIMES SEED OUT WORDS...

Trains OUT/whole in one go and OUT/killed in many. Prints a JSON object for each: the steps that the saved state was at
when its run was killed, and the last run's status and output.
A process of its own, so that the models' libraries are loaded once and forked clean.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
import torch._dynamo  # the first optimizer loads it, for seconds, in every child
import typer
from transformers import AutoTokenizer, BertForSequenceClassification  # noqa: F401, the same
from typer.testing import CliRunner

from workers.training import run as _loaded  # noqa: F401
from workers.training.cli import train


def child(words: list[str], told: Path) -> int:
    """Fork; the child trains and writes what it printed to `told`."""
    pid = os.fork()
    if pid:
        return pid
    app = typer.Typer()
    app.command()(train)
    done = CliRunner().invoke(app, words)
    told.write_text(f"{done.output}\n{done.stderr}\n{done.exception}")
    os._exit(done.exit_code)


def written(state: Path) -> int:
    """When the state was last written, in nanoseconds; 0: never."""
    return state.stat().st_mtime_ns if state.exists() else 0


def run(times: int, rng: random.Random, out: Path, words: list[str]) -> dict[str, object]:
    """Train into `out`, killed so many times on the way."""
    state, told, steps = out / "seed1" / "fit.state", out.with_suffix(".txt"), []
    words = [*words, "--out", str(out)]
    for _ in range(times):
        saves, before = rng.randrange(1, 4), written(state)
        pid = child(words, told)
        while saves and not os.waitpid(pid, os.WNOHANG)[0]:
            time.sleep(0.02)
            saves -= written(state) != before
            before = written(state)
        time.sleep(0.05 * rng.random())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        steps.append(torch.load(state, weights_only=True)["place"]["step"])
    _, status = os.waitpid(child(words, told), 0)
    return {"steps": steps, "status": status, "output": told.read_text()}


def main() -> None:
    times, rng, out, words = int(sys.argv[1]), random.Random(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
    torch.set_num_threads(1)
    print(json.dumps(run(0, rng, out / "whole", words)))
    print(json.dumps(run(times, rng, out / "killed", words)))


main()
