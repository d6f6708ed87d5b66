"""The whole loop as a person closes it: a robot that sees the page's video pixels, and answers with the keys."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.labelling.conftest import browser

__all__ = ["browser"]
LABELS = 300
# How far the dot of each clip went towards the centre, less how far it went away.
WATCH = """
async () => {
  const videos = ["left", "right"].map((id) => document.getElementById(id));
  if (!shown || !videos.every((video) => video.readyState >= 2)) return null;
  const name = shown.id;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [160, 210];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const moved = (video) => Promise.race([
    new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true })),
    new Promise((resolve) => setTimeout(resolve, 500)),
  ]);
  const dot = (video) => {
    context.drawImage(video, 0, 0, 160, 210);
    const pixels = context.getImageData(0, 0, 160, 210).data;
    let [count, x, y] = [0, 0, 0];
    for (let place = 0; place < 160 * 210; place += 1) {
      if (pixels[4 * place] > 128) { count += 1; x += place % 160; y += Math.floor(place / 160); }
    }
    return count ? [x / count - 80, y / count - 105] : null;
  };
  videos.forEach((video) => video.pause());
  const sums = [0, 0];
  const before = [null, null];
  for (let frame = 0; frame < 25; frame += 3) {
    const arrivals = videos.map(moved);
    videos.forEach((video) => { video.currentTime = (frame + 0.5) / 25 * video.duration; });
    await Promise.all(arrivals);
    videos.forEach((video, side) => {
      const [last, now] = [before[side], dot(video)];
      if (last && now) {
        const way = Math.abs(now[0] - last[0]) + Math.abs(now[1] - last[1]);
        sums[side] += way * Math.sign(Math.hypot(...last) - Math.hypot(...now));
      }
      before[side] = now;
    });
  }
  return shown && shown.id === name ? sums : null;
}
"""


@pytest.mark.learning
def test_moving_dot_is_learnt_from_what_a_robot_sees_on_the_page(browser, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rlhp_ray.cli", "train", "moving_dot", "teacher.preset=people", "name=run"]
    command += [
        f"preferences.labels={LABELS}",
        f"output_dir={tmp_path}",
        "labelling.instruction=Which nears the middle?",
    ]
    log = tmp_path / "log.txt"
    with log.open("w") as file:
        run = subprocess.Popen(command, stderr=file, stdout=subprocess.DEVNULL, text=True)
        try:
            answered = label(browser, run, log)
            assert run.wait(300) == 0, log.read_text()
        finally:
            run.kill()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert answered >= 0.9 * LABELS
    assert summary["labels"] <= answered
    assert summary["true_return_mean"] >= 83, summary


def label(browser, run: subprocess.Popen, log: Path) -> int:
    """Answers until the run ends; the number of answers."""
    page = browser.new_page()
    while not (found := re.search(r"label at (http://\S+)", log.read_text())):
        assert run.poll() is None, log.read_text()
        page.wait_for_timeout(200)
    page.goto(found[1])
    answered = 0
    while run.poll() is None and not page.inner_text("#waiting-title").startswith("The run has ended"):
        approaches = page.evaluate(WATCH)
        if approaches is None:
            page.wait_for_timeout(50)
            continue
        left, right = approaches
        page.keyboard.press("ArrowDown" if abs(left - right) < 1 else "ArrowLeft" if left > right else "ArrowRight")
        answered += 1
    page.close()
    return answered
