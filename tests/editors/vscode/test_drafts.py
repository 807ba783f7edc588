"""Live drafts and the unsure tail."""

import pytest

from tests.editors.vscode.conftest import Open, configure
from tests.editors.vscode.driver import Window

pytestmark = pytest.mark.editor

FILL = "compute(alpha, beta)"
SCRIPT = {
    "default": {"drafts": [""]},
    "rules": [
        {"prefix_ends": "x = ", "drafts": ["compu?", "compute(?", "compute(alpha, ?", FILL], "delay_ms": 400},
        {"prefix_ends": "y = ", "drafts": [FILL], "unsure_from": 8},
    ],
}

# What is behind the cursor in each frame, as `ghost|draft`. A size observer looks after the editor has drawn and right
# before the browser paints: what is never painted does not count.
RECORD = """() => {
  window.seen = [];
  const clean = (text) => text.replace(/\\u00a0/g, ' ');
  const probe = document.body.appendChild(document.createElement('div'));
  probe.style.cssText = 'position: fixed; height: 1px; width: 1px; opacity: 0';
  const step = () => {
    probe.style.width = probe.style.width === '1px' ? '2px' : '1px';
    window.looking = requestAnimationFrame(step);
  };
  const look = () => {
    const ghost = [...document.querySelectorAll('.view-line [class*="ghost-text-decoration"]')]
      .map((element) => clean(element.textContent)).join('');
    const draft = [...document.querySelectorAll('.view-line [class*="ced-"]')]
      .map((element) => getComputedStyle(element, '::after').content)
      .filter((content) => content.startsWith('"')).map((content) => clean(content.slice(1, -1))).join('');
    const now = ghost + '|' + draft;
    if (window.seen.at(-1) !== now) window.seen.push(now);
  };
  new ResizeObserver(look).observe(probe);
  step();
}"""


def seen(one: Window) -> list[str]:
    """What was seen, frame by frame, without repetitions: `ghost|draft`."""
    return list(one.page.evaluate("() => { cancelAnimationFrame(window.looking); return window.seen; }"))


@pytest.fixture(scope="module")
def one(shared_windows: Open) -> Window:
    """A window that is ready."""
    found = shared_windows(SCRIPT)
    found.open("first.py", "")
    found.ready()
    return found


def test_a_draft_grows_and_gives_way_to_the_ghost_text_without_flicker(one: Window) -> None:
    one.switch("draft.py", "")
    one.type("x =")
    one.page.evaluate(RECORD)
    one.press("Space")
    one.until(one.draft, bool)
    one.picture("draft")
    one.wait_ghost(FILL)
    one.picture("ghost")
    # No frame without a text once there is one, and none with both; a busy machine may paint fewer of the drafts.
    first, *drafts, last = seen(one)
    assert (first, last) == ("|", f"{FILL}|")
    assert drafts
    assert drafts == [draft for draft in ("|compu", "|compute(", "|compute(alpha,") if draft in drafts]


@pytest.mark.parametrize("settings", [{"drafts": False}, {"workbench.reduceMotion": "on"}])
def test_drafts_are_off_by_their_setting_and_with_reduced_motion(one: Window, settings: dict[str, object]) -> None:
    one.switch(f"off{len(list(one.folder.glob('*.py')))}.py", "")
    configure(one, SCRIPT, **settings)
    one.type("x =")
    one.page.evaluate(RECORD)
    one.press("Space")
    one.wait_ghost(FILL)
    assert set(seen(one)) == {"|", f"{FILL}|"}


def test_the_unsure_tail_of_a_taken_fill_is_dim_until_the_next_key(one: Window) -> None:
    one.switch("tail.py", "")
    one.type("y = ")
    one.wait_ghost(FILL)
    one.press("Tab")
    one.until(lambda: dim(one), lambda found: found == FILL[8:])
    one.picture("tail")
    one.type(" ")
    one.until(lambda: dim(one), lambda found: found == "")


def dim(one: Window) -> str:
    """The text that is drawn dim and underlined."""
    return str(
        one.page.evaluate(
            """() => [...document.querySelectorAll('.view-line span span')]
              .filter((element) => getComputedStyle(element).opacity === '0.6')
              .map((element) => element.textContent.replace(/\\u00a0/g, ' ')).join('')"""
        )
    )
