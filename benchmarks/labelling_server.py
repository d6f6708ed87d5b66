"""How fast is the labelling server? Simulated people label one run on loopback, training off, clips encoded before.

    .venv/bin/python benchmarks/labelling_server.py --people 200 --seconds 30
    .venv/bin/python benchmarks/labelling_server.py --people 20 --seconds 60

Each person answers once in `--pause` seconds on average, sends the answer, leases the next pair and fetches both of its
clips; the time from sending to having the clips is printed, beside the server's share of one core.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx
import numpy as np
import psutil

from rlhp_ray.clips.clip import Clip
from rlhp_ray.labelling.guard import TOKEN_HEADER
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.preferences.queue_database import QUEUE_FILE

CLIPS = 60  # of which pairs are made; the server keeps more videos than that
CLIP_STEPS = 25


def make_queue(directory: Path, pairs: int) -> list[str]:
    """A run's queue of so many pairs of dots that walk; the ids of its clips."""
    rng = np.random.default_rng(0)
    clips = []
    for _ in range(CLIPS):
        walk = rng.uniform(0.2, 0.8, 2) + rng.normal(0, 0.01, (CLIP_STEPS, 2)).cumsum(axis=0)
        observations = walk.clip(0, 1).astype(np.float32)
        clips.append(Clip(observations, np.zeros(CLIP_STEPS, np.int64), np.zeros(CLIP_STEPS, np.float32), env_steps=0))
    every = [(left, right) for left in range(CLIPS) for right in range(CLIPS) if left != right]
    chosen = rng.permutation(len(every))[:pairs]
    queue = QueryQueue(directory / QUEUE_FILE)
    ids = [clip.clip_id for clip in clips]
    queue.offer([(ids[every[row][0]], ids[every[row][1]]) for row in chosen], clips, 0)
    facts = {"env_id": "rlhp/MovingDot-v0", "frame_skip": None, "budget": pairs, "instruction": "Which?"}
    queue.state_facts({**facts, "total_env_steps": 1000})
    queue.close()
    return ids


async def label(address: str, pause: float, until: float, rng: np.random.Generator) -> list[float]:
    """One person; seconds from sending an answer to having the next pair, for every answer."""
    waits = []
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        token = re.search(r'rlhp-token" content="(\w+)"', (await client.get("/")).text)
        assert token is not None
        client.headers.update({"origin": address, TOKEN_HEADER: token[1]})
        pair = await next_pair(client)
        await asyncio.sleep(rng.uniform(0, pause))
        while pair is not None and time.monotonic() < until:
            started = time.monotonic()
            body = {"submission": uuid.uuid4().hex, "query": pair["id"], "answer": "left", "seconds": 1.0}
            (await client.post("/api/answers", json=body)).raise_for_status()
            pair = await next_pair(client)
            waits.append(time.monotonic() - started)
            await asyncio.sleep(rng.uniform(0.5, 1.5) * pause)
    return waits


async def next_pair(client: httpx.AsyncClient) -> dict | None:
    """Lease a pair and fetch its clips, as a page does that holds none ahead."""
    leased = (await client.post("/api/lease", json={"count": 1})).raise_for_status().json()["queries"]
    if not leased:
        return None
    for side in ("left", "right"):
        (await client.get(f"/api/clips/{leased[0][side]}.mp4")).raise_for_status()
    return leased[0]


async def measure(
    address: str, ids: list[str], people: int, pause: float, seconds: float, server: psutil.Process
) -> tuple[np.ndarray, float]:
    """Waits of all people, and the share of one core that the server took meanwhile."""
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        await client.get("/")
        for clip_id in ids:
            (await client.get(f"/api/clips/{clip_id}.mp4")).raise_for_status()
    rngs = np.random.default_rng(1).spawn(people)
    before, started = server.cpu_times(), time.monotonic()
    waits = await asyncio.gather(*(label(address, pause, started + seconds, rng) for rng in rngs))
    spent, after = time.monotonic() - started, server.cpu_times()
    return np.concatenate(waits), (after.user + after.system - before.user - before.system) / spent


def main() -> None:
    """Serve, label, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between a person's answers")
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ids = make_queue(Path(folder), pairs=CLIPS * (CLIPS - 1))
        command = [sys.executable, "-m", "rlhp_ray.cli", "label", folder]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert server.stderr is not None
        try:
            address = re.search(r"http://[\d.:]+", server.stderr.readline())
            assert address is not None
            process = psutil.Process(server.pid)
            waits, share = asyncio.run(
                measure(address[0], ids, arguments.people, arguments.pause, arguments.seconds, process)
            )
        finally:
            server.terminate()
            server.wait()
    median, tail = 1000 * np.quantile(waits, [0.5, 0.99])
    print(f"{arguments.people} people, {len(waits)} answers, {len(waits) / arguments.seconds:.1f} a second")
    print(f"answer to next pair: median {median:.0f} ms, 99th percentile {tail:.0f} ms")
    print(f"server: {share:.2f} of one core")


if __name__ == "__main__":
    main()
