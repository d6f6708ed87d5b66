"""The page in a real browser, from disk: every picture is drawn, nothing is complained of, and no request leaves."""

import os
import shutil
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def chromium():
    """Headless Chromium through Playwright. Without it the test is skipped; in continuous integration it fails."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if found is None or sync_playwright is None:
        what = "no chromium on PATH" if found is None else "no playwright"
        reason = f"{what}: the report was not opened in a browser; install Debian's chromium and pip's playwright"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [1400, 400])
def test_the_page_is_whole_and_alone(chromium, make_run, write, runs_dir: Path, width: int) -> None:
    for seed in range(2):
        run = make_run(f"seed{seed}", seed=seed, config={"question": "<img src=x onerror=alert(1)>"})
        (run / "videos" / "trained-agent.mp4").unlink()
    write()
    page = chromium.new_page(viewport={"width": width, "height": 900})
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((runs_dir / "report.html").as_uri())
    sizes = page.evaluate("[...document.images].map(image => image.complete ? image.naturalWidth : 0)")
    assert len(sizes) == 12 and all(size > 0 for size in sizes)
    assert complaints == []
    assert requests and all(url.startswith(("file:", "data:")) for url in requests)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    verdict = page.locator(".verdict").first.bounding_box()
    assert verdict is not None and verdict["y"] + verdict["height"] < 900, "the answer is not on the first screen"
