"""The page in a real browser: opens from disk, asks for nothing, complains of nothing, and seeks."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.media.make_clips import Clip, make
from tests.review.chrome import Chrome, a_browser
from vidface.graph.run import run
from vidface.review.write import write_report

_READY = """new Promise((done) => {
  const video = document.querySelector("video");
  if (video.readyState > 2) done("ready");
  video.addEventListener("canplay", () => done("ready"));
  video.addEventListener("error", () => done("lost"));
})"""
_SEEK = """new Promise((done) => {
  %s
  const video = document.querySelector("video"), aim = Number(document.body.dataset.time);
  const look = (left) => {
    if (left && (video.seeking || Math.abs(video.currentTime - aim) > 0.05)) setTimeout(look, 50, left - 1);
    else done([video.currentTime, document.querySelector(".cursor")?.getAttribute("x1"),
      document.getElementById("now").textContent]);
  };
  look(200);
})"""


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    """A browser for all these tests."""
    with a_browser() as browser:
        yield browser


def test_it_opens_from_disk_and_seeks(chrome: Chrome, folder: Path) -> None:
    """No word in the console; only its own files are asked for; times, curves and keys move the video."""
    page, _ = write_report(folder)
    chrome.open(page)
    assert chrome.run(_READY) == "ready"
    asked = float(chrome.run('document.querySelector(".shots [data-seek]").dataset.seek'))
    click = 'document.querySelector(".shots [data-seek]").click()'
    reached, cursor, told = chrome.run(_SEEK % click)
    assert asked > 0
    assert abs(reached - asked) < 0.05
    assert abs(float(cursor.rstrip("%")) - 100 * asked / 3.96) < 1.5
    assert told == f"{asked:.2f} s"
    middle = """const plot = document.querySelector(".strip .plot"), area = plot.getBoundingClientRect();
      plot.dispatchEvent(new MouseEvent("click", {bubbles: true, clientX: area.left + area.width / 2}))"""
    reached, cursor, _ = chrome.run(_SEEK % middle)
    assert abs(reached - 3.96 / 2) < 0.05
    assert abs(float(cursor.rstrip("%")) - 50) < 1.5
    chrome.run("document.activeElement.blur(); document.body.focus()")
    chrome.press("ArrowRight")
    chrome.run("new Promise((done) => setTimeout(done, 300))")
    assert 0.03 < chrome.run('document.querySelector("video").currentTime') - reached < 0.06
    boxes = chrome.run('[...document.querySelectorAll(".boxes span")].filter((one) => !one.hidden).length')
    assert boxes == 2
    assert chrome.console == []
    assert all(one.startswith((folder.as_uri(), "data:")) for one in chrome.requests)
    assert {one.rsplit("/", 1)[-1] for one in chrome.requests if one.startswith("file")} == {
        "report.html",
        "preview.mp4",
    }


def test_a_clip_that_begins_late(chrome: Chrome, repo: Path, tmp_path: Path) -> None:
    """Times of the report are the container's; the player goes to the same ones."""
    clip = make(tmp_path / "late.mp4", Clip(size=(320, 240), pts=range(50, 100)))
    with run(repo / "tests" / "review" / "made.yaml", clip, tmp_path / "out", forensic=True) as work:
        assert len(list(work)) == 50
    page, _ = write_report(tmp_path / "out")
    chrome.open(page)
    assert chrome.run(_READY) == "ready"
    assert chrome.run('document.getElementById("seek").min') == "2.000"
    slide = """const slider = document.getElementById("seek");
      slider.value = 3; slider.dispatchEvent(new Event("input"))"""
    reached, _, told = chrome.run(_SEEK % slide)
    assert abs(reached - 3) < 0.01
    assert told == "3.00 s"
    assert chrome.run('document.querySelector("video").duration') > 3.9


def test_the_policy_stops_a_foreign_script(chrome: Chrome, folder: Path) -> None:
    """Were some name to become an element after all, its script would not run and nothing be fetched."""
    page, _ = write_report(folder)
    foreign = '<script>document.body.dataset.broken = 1</script><img src="https://example.com/x.png">'
    page.write_text(page.read_text().replace("</body>", f"{foreign}</body>"))
    chrome.open(page)
    assert chrome.run("document.body.dataset.broken === undefined") is True
    assert any("Content Security Policy" in line for line in chrome.console)


def test_a_lost_preview_is_said(chrome: Chrome, folder: Path, tmp_path: Path) -> None:
    """The page alone, moved away from its video: a sentence stands there, times can still be clicked."""
    page, _ = write_report(folder)
    alone = tmp_path / "elsewhere" / "report.html"
    alone.parent.mkdir()
    shutil.copy(page, alone)
    chrome.open(alone)
    chrome.run("new Promise((done) => setTimeout(done, 500))")
    assert chrome.run('document.querySelector(".lost").hidden') is False
    chrome.run('document.querySelector(".shots [data-seek]").click()')
    assert chrome.run("Number(document.body.dataset.time) > 0") is True


def test_it_prints_everything(chrome: Chrome, folder: Path) -> None:
    """Several pages, the folded tables open, and closed again afterwards."""
    page, _ = write_report(folder)
    chrome.open(page)
    count = 'document.querySelectorAll("details[open]").length'
    chrome.run(f'addEventListener("beforeprint", () => {{ window.unfolded = {count}; }})')
    sheet = chrome.printed()
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) >= 4
    folded = chrome.run('document.querySelectorAll("details:not(.folded)").length')
    assert chrome.run("window.unfolded") == folded
