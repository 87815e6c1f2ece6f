"""What padding batches to a multiple of 8 tokens does to a worker's memory and pace: two processes in turns.

    python -m bench.shapes [--model bundled:products-en-small] [--max-tokens 512] [--out FILE]

Pairs are ESCI's train queries with documents of 1 to 4 of its texts joined, in requests of 1 to 64. OpenVINO keeps what
it made for each shape [rows, tokens] of a batch.
"""

import argparse
import multiprocessing
import os
import random
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path

from bench.esci import data_folder
from bench.record import record
from workers import Reranker, batching
from workers.training.data import document_text, read_collection

STEPS = (1, 8)
Block = list[list[tuple[str, str]]]


def side(pipe: Connection, step: int, model: str, max_tokens: int) -> None:
    """Score each block that comes with batches padded to `step`; answer with CPU seconds and resident megabytes."""
    batching.STEP = step
    reranker = Reranker(model, max_tokens=max_tokens, runtime="openvino", precision="bf16")
    while block := pipe.recv():
        began = time.process_time()
        for request in block:
            reranker.score(request, progress=False)
        pipe.send((time.process_time() - began, resident()))


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def blocks(count: int, seed: int) -> list[Block]:
    """Requests of random sizes, 20 a block."""
    rng = random.Random(seed)
    shop = read_collection(data_folder())
    queries = list(shop.part("train")[0].values())
    texts = [document_text(document) for document in shop.documents.values()]

    def request() -> list[tuple[str, str]]:
        query = rng.choice(queries)
        return [(query, " ".join(rng.sample(texts, rng.randint(1, 4)))) for _ in range(rng.randint(1, 64))]

    return [[request() for _ in range(20)] for _ in range(count)]


def main() -> None:
    """Run both sides in turns and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled:products-en-small")
    parser.add_argument("--max-tokens", type=int, default=512)
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    pipes: dict[int, Connection] = {}
    for step in STEPS:
        pipes[step], theirs = context.Pipe()
        context.Process(target=side, args=(theirs, step, args.model, args.max_tokens), daemon=True).start()
    seconds: dict[int, list[float]] = {step: [] for step in STEPS}
    memory: dict[int, list[int]] = {step: [] for step in STEPS}
    for number, block in enumerate(blocks(args.blocks, 0)):
        for step in STEPS if number % 2 else STEPS[::-1]:
            pipes[step].send(block)
            took, resident = pipes[step].recv()
            seconds[step].append(took)
            memory[step].append(round(resident))
        print(number, {step: (round(seconds[step][-1], 2), memory[step][-1]) for step in STEPS}, flush=True)
    for pipe in pipes.values():
        pipe.send(None)
    ratios = [one / other for one, other in zip(seconds[1], seconds[8], strict=True)]
    last = ratios[len(ratios) // 2 :]
    found = {
        "model": Path(args.model).name,
        "max_tokens": args.max_tokens,
        "requests": 20 * args.blocks,
        "megabytes_after_each_block": {f"step {step}": memory[step] for step in STEPS},
        "times_as_fast": round(statistics.median(ratios), 3),
        "times_as_fast_second_half": [round(each, 3) for each in (min(last), statistics.median(last), max(last))],
    }
    record("shapes", found, args.out)


if __name__ == "__main__":
    main()
