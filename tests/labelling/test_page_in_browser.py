"""The page, in a real browser: keys, undo, going offline, and nothing fetched from elsewhere."""

import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.episode_recorder import RecordedEpisode
from rlhp_ray.errors import LabellingError
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.preferences.preference import Answer
from tests.labelling.conftest import dot_clip


@pytest.fixture
def open_page(browser):
    contexts = []

    def open_at(address: str, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.problems, page.hosts = [], set()
        page.on("console", lambda message: message.type == "error" and page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.hosts.add(request.url.split("/")[2]))
        page.goto(address)
        return page

    yield open_at
    for context in contexts:
        context.close()


def until(page, expression: str) -> None:
    """Playwright's own waiting evaluates strings inside the page, which its content security policy forbids."""
    for _ in range(400):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"not within 10 s: {expression}")


def wait_answers(page, queue, count: int) -> None:
    for _ in range(200):
        if queue.counts().answered == count:
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"{queue.counts()}; expected {count} answers")


def answers(queue) -> list[Answer]:
    return [given.answer for given in queue.take_settled(all_of_them=True)]


def test_keys_answer_and_the_next_pair_is_shown(serve, queue, open_page):
    page = open_page(serve())
    page.wait_for_selector("#pair:not([hidden])")
    assert page.inner_text("#instruction") == "Which is nearer?"
    seen = []
    for key in ("ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp", "Space"):
        until(page, "document.getElementById('left').readyState >= 2")
        seen.append(page.get_attribute("#left", "src"))
        page.keyboard.press("q")  # no key of ours
        page.keyboard.press(key)
        until(page, f"document.getElementById('left').src !== {seen[-1]!r}")
    wait_answers(page, queue, 5)
    page.click("#choose-left")
    page.wait_for_selector("#waiting:not([hidden])")
    wait_answers(page, queue, 6)
    assert len(set(seen)) == 5
    expected = [Answer.LEFT, Answer.RIGHT, Answer.EQUAL, Answer.SKIP, Answer.SKIP, Answer.LEFT]
    assert answers(queue) == expected
    assert "New pairs come as the agent learns" in page.inner_text("#waiting-text")
    assert page.problems == [] and page.hosts == {page.url.split("/")[2]}


def test_a_pair_that_cannot_be_drawn_is_skipped_and_the_others_are_shown(serve, queue, open_page, monkeypatch):
    draw, undrawable = ClipVideos.mp4, dot_clip(0.5, 0.5).clip_id

    def mp4(videos: ClipVideos, clip: Clip) -> bytes:
        if clip.clip_id == undrawable:
            raise LabellingError("the game is of another version")
        return draw(videos, clip)

    monkeypatch.setattr(ClipVideos, "mp4", mp4)
    page = open_page(serve())
    until(page, "document.getElementById('status').textContent.includes('another version')")
    until(page, "held.length > 0")
    wait_answers(page, queue, 1)
    until(page, "outbox.length === 0")
    page.wait_for_timeout(200)
    assert "another version" in page.inner_text("#status")
    page.keyboard.press("ArrowLeft")
    wait_answers(page, queue, 2)
    until(page, "document.getElementById('status').textContent === ''")
    assert answers(queue) == [Answer.SKIP, Answer.LEFT]


def test_both_clips_play_in_step_and_step_frame_by_frame(serve, open_page):
    page = open_page(serve())
    until(page, "['left', 'right'].every(id => document.getElementById(id).currentTime > 0.2)")
    page.keyboard.press(".")
    times = page.evaluate("['left', 'right'].map(id => document.getElementById(id).currentTime)")
    page.keyboard.press(".")
    later = page.evaluate("['left', 'right'].map(id => document.getElementById(id).currentTime)")
    assert abs(later[0] - later[1]) < 0.11
    assert page.evaluate("['left', 'right'].every(id => document.getElementById(id).paused)")
    assert later[0] >= times[0]
    page.keyboard.press("+")
    assert page.evaluate("document.getElementById('left').playbackRate") == 2
    assert page.inner_text("#speed").startswith("2")


def test_backspace_takes_the_last_answer_back_and_shows_its_pair_again(serve, queue, open_page):
    page = open_page(serve())
    page.wait_for_selector("#pair:not([hidden])")
    page.keyboard.press("ArrowRight")
    wait_answers(page, queue, 1)
    until(page, "document.getElementById('counts').textContent.startsWith('1 of 20')")
    page.keyboard.press("Backspace")
    until(page, "document.getElementById('status').textContent.includes('taken back')")
    assert queue.counts().answered == 0
    page.keyboard.press("ArrowLeft")
    wait_answers(page, queue, 1)
    assert answers(queue) == [Answer.LEFT]


def test_answers_given_while_the_server_is_away_are_sent_once_when_it_is_back(serve, queue, open_page):
    address = serve()
    page = open_page(address)
    until(page, "held.length === 4")
    serve.stop()
    for left in (3, 2, 1):
        page.keyboard.press("ArrowLeft")
        until(page, f"held.length === {left}")
    until(page, "document.getElementById('status').textContent.includes('3 of your answers are kept')")
    assert queue.counts().answered == 0
    assert serve(int(address.rsplit(":", 1)[1].strip("/"))) == address
    wait_answers(page, queue, 3)
    page.wait_for_timeout(300)
    assert queue.counts().answered == 3
    assert page.evaluate("localStorage.getItem('rlhp-outbox')") == "[]"


def test_answers_that_the_disk_refuses_are_kept_and_sent_once_it_takes_them(serve, queue, open_page, disk_refuses):
    page = open_page(serve())
    until(page, "held.length === 4")
    with disk_refuses():
        for left in (3, 2):
            page.keyboard.press("ArrowLeft")
            until(page, f"outbox.length === {4 - left}")
        until(page, "document.getElementById('status').textContent.includes('2 of your answers are kept')")
        assert "cannot be written" in page.text_content("#status")
        assert queue.counts().answered == 0
    wait_answers(page, queue, 2)
    until(page, "localStorage.getItem('rlhp-outbox') === '[]'")


def test_two_people_are_never_asked_the_same_pair(serve, queue, open_page):
    first, second = open_page(serve()), None
    until(first, "held.length === 4")
    second = open_page(first.url)
    until(second, "held.length === 2")
    held = [set(page.evaluate("held.map(query => query.id)")) for page in (first, second)]
    assert held[0].isdisjoint(held[1])


def test_with_reduced_motion_nothing_plays_by_itself(serve, open_page):
    page = open_page(serve(), reduced_motion="reduce")
    page.wait_for_selector("#pair:not([hidden])")
    page.wait_for_timeout(300)
    assert page.evaluate("document.getElementById('left').paused")
    page.click("#play")
    until(page, "document.getElementById('left').currentTime > 0")


def test_it_fits_a_phone(serve, open_page):
    page = open_page(serve(), viewport={"width": 390, "height": 780}, has_touch=True)
    page.wait_for_selector("#pair:not([hidden])")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.tap("#choose-right")
    until(page, "answered.size === 1")
    page.wait_for_timeout(200)
    border = page.evaluate("getComputedStyle(document.getElementById('choose-right')).borderColor")
    assert border == "rgb(201, 206, 214)"  # nothing looks chosen in the next pair


def test_the_newest_episode_plays_when_asked_for_and_its_true_return_is_hidden_until_then(serve, queue, open_page):
    queue.show_episode(RecordedEpisode(dot_clip(0.5, 0.5, steps=40), 40, -12.5), 900)
    page = open_page(serve())
    page.wait_for_selector("#pair:not([hidden])")
    page.wait_for_selector("#episode:not([hidden])")
    page.click("#episode summary")
    until(page, "document.getElementById('episode-video').currentTime > 0.1")
    assert page.inner_text("#episode-text") == "40 env steps, by the agent of env step 900."
    assert "-12.5" not in page.content()
    page.click("#episode-return")
    until(page, "document.getElementById('episode-return').textContent === 'true return -12.5'")
    queue.show_episode(RecordedEpisode(dot_clip(0.1, 0.1, steps=30), 30, -3.0), 1200)
    page.evaluate("lookForEpisode()")
    page.wait_for_selector("#episode-newer:not([hidden])")
    assert page.inner_text("#episode-text").startswith("40 env steps")
    page.click("#episode-newer")
    until(page, "document.getElementById('episode-text').textContent.startsWith('30 env steps')")
    assert page.inner_text("#episode-return") == "show its true return"
    page.keyboard.press("ArrowLeft")
    wait_answers(page, queue, 1)
    assert page.problems == []


def test_an_episode_without_colour_is_called_so(serve, queue, open_page):
    queue.show_episode(RecordedEpisode(dot_clip(0.5, 0.5, steps=40), 40, -12.5), 900)
    page = open_page(serve())

    def in_grey(route) -> None:
        response = route.fetch()
        assert response.headers["x-rlhp-picture"] == "colour"
        route.fulfill(response=response, headers={**response.headers, "x-rlhp-picture": "grey"})

    page.route("**/api/episodes/*.mp4", in_grey)
    page.wait_for_selector("#episode:not([hidden])")
    page.click("#episode summary")
    until(page, "!document.getElementById('episode-figure').hidden")
    assert page.inner_text("#episode-text").endswith(
        "cannot be played again in colour: these are the frames that the agent sees."
    )
