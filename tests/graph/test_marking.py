"""Runs that make pictures: consent asked for, files labelled and signed, run.json tells of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import vidface
from tests.graph.marked import CONSENT, run_json, write_graph
from tests.media.make_clips import Clip, make
from vidface.errors import GraphError, OutputError, UsageError
from vidface.media.declared import declared
from vidface.media.decode import open_source

SIZE = (320, 240)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of 320 x 240."""
    return make(tmp_path_factory.mktemp("clip") / "driver.mp4", Clip(size=SIZE, pts=tuple(range(6))))


def go(graph: Path, clip: Path, out: Path, **options: Any) -> dict[str, Any]:
    """Run to the end; run.json."""
    for _ in vidface.run(graph, clip, out, **options):
        pass
    return run_json(out)


def lumas(path: Path) -> list[np.ndarray[Any, Any]]:
    """Luma of every frame."""
    source = open_source(path)
    try:
        return [np.array(frame.planes().luma) for frame in source.frames()]
    finally:
        source.close()


def test_a_video_is_signed_labelled_and_accounted_for(tmp_path: Path, clip: Path) -> None:
    """The manifest names node and ingredients with their hashes; run.json has sources, driver, consent."""
    face = tmp_path / "face.bin"
    face.write_bytes(b"a face")
    graph = write_graph(tmp_path, with_={"source": str(face)})
    facts = go(graph, clip, tmp_path / "out")
    sha, face_sha = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (clip, face))
    assert facts["consent"] == {"statement": CONSENT, "given_in": "graph"}
    assert facts["driver"] == {"name": "driver.mp4", "sha256": sha}
    assert [(item["node"], item["field"], item["sha256"]) for item in facts["sources"]] == [
        ("toy", "source", face_sha)
    ]
    assert facts["signed_by"]["name"] == "vidface self-signed test certificate"
    video = facts["outputs"]["video"]
    assert video["manifests"] == {"video.mp4": "embedded"}
    assert video["label"] == {"text": "AI-GENERATED", "burnt": 6, "too_small": 0}
    manifest = declared(tmp_path / "out" / "video.mp4").manifest
    assert manifest is not None
    assert manifest.state == "untrusted"
    assert manifest.problems == ()
    assert manifest.actions[0]["action"] == "c2pa.created"
    assert manifest.provenance == video["provenance"]
    told = [(item["name"], item["relationship"], item["description"]) for item in manifest.ingredients]
    assert told == [
        ("driver.mp4", "inputTo", f"driver; sha256 {sha}"),
        ("face.bin", "inputTo", f"toy.source; sha256 {face_sha}"),
    ]


def test_an_edit_has_the_input_as_its_parent(tmp_path: Path, clip: Path) -> None:
    """What changes the input's pictures opens it; its own manifest stays in the chain."""
    go(write_graph(tmp_path, creates=False), clip, tmp_path / "first")
    first = tmp_path / "first" / "video.mp4"
    go(write_graph(tmp_path, creates=False), first, tmp_path / "second")
    manifest = declared(tmp_path / "second" / "video.mp4").manifest
    assert manifest is not None
    assert [item["action"] for item in manifest.actions] == ["c2pa.opened", "c2pa.edited"]
    assert manifest.actions[1]["source_type"].endswith("/compositeSynthetic")
    assert [(item["relationship"], item["state"]) for item in manifest.ingredients] == [
        ("parentOf", "untrusted")
    ]


def test_the_label_touches_only_its_corner(tmp_path: Path, clip: Path) -> None:
    """With `label: none` nothing is drawn; with it all samples left of and above it are the same."""
    lossless = {"in": {"frame": "toy"}, "use": "video", "with": {"codec": "ffv1", "container": "mkv"}}
    bare = {**lossless, "with": {**lossless["with"], "label": "none"}}  # type: ignore[dict-item]
    facts = go(write_graph(tmp_path, outputs={"a": lossless, "b": bare}), clip, tmp_path / "out")
    assert facts["outputs"]["b"]["label"] == {"text": None, "burnt": 0, "too_small": 0}
    assert facts["outputs"]["b"]["manifests"] == {"b.mkv": "b.mkv.c2pa"}
    with_label, without = lumas(tmp_path / "out" / "a.mkv"), lumas(tmp_path / "out" / "b.mkv")
    for one, other in zip(with_label, without, strict=True):
        rows, columns = np.nonzero(one != other)
        assert rows.min() > SIZE[1] * 0.85
        assert columns.min() > SIZE[0] * 0.6


@pytest.mark.parametrize(
    ("container", "codec"), [("mp4", "h264"), ("mov", "h264"), ("mkv", "h264"), ("webm", "vp9")]
)
def test_every_container_is_signed_and_says_so(
    tmp_path: Path, clip: Path, container: str, codec: str
) -> None:
    """Manifest in the file or beside it; metadata too; frames and times are what they were."""
    wish = {"codec": codec, "container": container, "preset": "8" if codec == "vp9" else "ultrafast"}
    outputs = {"video": {"in": {"frame": "toy"}, "use": "video", "with": wish}}
    out = tmp_path / "out"
    facts = go(write_graph(tmp_path, outputs=outputs), clip, out)
    assert all((out / name).is_file() for name in facts["outputs"]["video"]["files"])
    found = declared(out / f"video.{container}")
    assert found.manifest is not None
    assert found.manifest.state == "untrusted"
    assert found.mark is not None
    assert found.mark["nodes"] == ["toy.py"]
    with av.open(str(out / f"video.{container}")) as file:
        times = sorted(float(frame.time or 0) for frame in file.decode(video=0))
    assert times == pytest.approx([i / 25 for i in range(6)], abs=0.002)


def test_pictures_are_signed_too(tmp_path: Path, clip: Path) -> None:
    """PNG crops of the sink `images` carry manifest, comment and label."""
    faces = '''
from vidface.data import Faces, Frame
from vidface.node import Node
import numpy as np


class One(Node):
    """The same face on every frame."""

    def process(self, frame: Frame) -> Faces:
        box = np.array([[60, 40, 260, 200]], np.float32)
        points = np.array([[[120, 90], [200, 90], [160, 130], [130, 160], [190, 160]]], np.float32)
        return Faces(box, np.ones(1, np.float32), points, np.array([1]), np.zeros(1, bool))
'''
    graph = write_graph(tmp_path)
    (tmp_path / "one.py").write_text(faces)
    text = graph.read_text().replace(
        '"outputs": {',
        '"outputs": {"shots": {"use": "images", "in": '
        '{"frame": "toy", "faces": "one"}, "with": {"format": "png"}}, ',
    )
    graph.write_text(text.replace('"nodes": {', '"nodes": {"one": {"use": "./one.py", "in": "toy"}, '))
    facts = go(graph, clip, tmp_path / "out")
    shots = facts["outputs"]["shots"]
    assert shots["manifests"] == {"shots/track_0001.png": "embedded"}
    assert shots["label"]["burnt"] == 1
    found = declared(tmp_path / "out" / "shots" / "track_0001.png")
    assert found.manifest is not None
    assert found.manifest.state == "untrusted"
    assert found.mark is not None


def test_what_only_restores_gets_no_text_burnt_in(tmp_path: Path, clip: Path) -> None:
    """A node that generates and needs no consent: signed, but no label unless `label: corner`."""
    facts = go(write_graph(tmp_path, needs_consent=False, consent=None), clip, tmp_path / "out")
    assert facts["consent"] is None
    assert facts["outputs"]["video"]["label"]["burnt"] == 0
    assert facts["outputs"]["video"]["manifests"]
    corner = {"video": {"in": {"frame": "toy"}, "use": "video", "with": {"label": "corner"}}}
    graph = write_graph(tmp_path, needs_consent=False, outputs=corner)
    assert go(graph, clip, tmp_path / "labelled")["outputs"]["video"]["label"]["burnt"] == 6


def test_what_is_real_is_not_marked(tmp_path: Path, clip: Path) -> None:
    """Pictures of the source beside generated ones are neither signed nor labelled."""
    both = {"video": "toy", "plain": {"in": {"frame": "source"}, "use": "video", "with": {"label": "corner"}}}
    facts = go(write_graph(tmp_path, outputs=both), clip, tmp_path / "out")
    assert "manifests" not in facts["outputs"]["plain"]
    assert "label" not in facts["outputs"]["plain"]
    found = declared(tmp_path / "out" / "plain.mp4")
    assert found.manifest is None
    assert found.mark is None
    facts = go(write_graph(tmp_path, generates=False, needs_consent=False), clip, tmp_path / "none")
    assert facts["signed_by"] is None


def test_no_consent_no_run(tmp_path: Path, clip: Path) -> None:
    """One sentence with file and line, before a folder is made or anything is decoded."""
    graph = write_graph(tmp_path, consent=None)
    line = next(n for n, text in enumerate(graph.read_text().splitlines(), 1) if '"toy": {' in text)
    with pytest.raises(
        GraphError, match=r"nothing says who agreed to that; add the line `consent:"
    ) as caught:
        vidface.run(graph, clip, tmp_path / "out")
    assert caught.value.line == line
    assert str(graph) in str(caught.value)
    assert not (tmp_path / "out").exists()
    with pytest.raises(GraphError):
        vidface.run(graph, tmp_path / "absent.mp4")


def test_consent_on_the_command_line_goes_first(tmp_path: Path, clip: Path) -> None:
    """A sentence, or a file, which is named with its hash."""
    graph = write_graph(tmp_path)
    letter = tmp_path / "letter.txt"
    letter.write_text("I agree. A. Person")
    facts = go(graph, clip, tmp_path / "a", consent="A. Person agreed on the phone")
    assert facts["consent"] == {"statement": "A. Person agreed on the phone", "given_in": "command line"}
    facts = go(graph, clip, tmp_path / "b", consent=str(letter))
    sha = hashlib.sha256(letter.read_bytes()).hexdigest()
    assert facts["consent"] == {"file": str(letter), "given_in": "command line", "sha256": sha}


@pytest.mark.parametrize("text", ["yes", "", "letters/absent.txt", "I agree"])
def test_a_word_is_no_consent(tmp_path: Path, clip: Path, text: str) -> None:
    """Neither a sentence nor a file."""
    with pytest.raises(GraphError, match=r"toy\.yaml:\d+:\d+: consent: wanted a sentence that says who"):
        vidface.run(write_graph(tmp_path, consent=text), clip)
    with pytest.raises(UsageError, match="--consent: wanted a sentence"):
        vidface.run(write_graph(tmp_path), clip, consent=text)


def test_a_consent_file_stands_beside_the_graph(tmp_path: Path, clip: Path) -> None:
    """A path in a graph counts from the graph's folder; an empty file says nothing."""
    (tmp_path / "letter.txt").write_text("I agree.")
    facts = go(write_graph(tmp_path, consent="letter.txt"), clip, tmp_path / "out")
    assert facts["consent"]["file"] == "letter.txt"
    (tmp_path / "letter.txt").write_text(" \n")
    with pytest.raises(GraphError, match=r"letter\.txt is empty"):
        vidface.run(write_graph(tmp_path, consent="letter.txt"), clip)


def test_a_consent_does_not_speak_of_other_pictures(tmp_path: Path, clip: Path) -> None:
    """The graph's consent was given for the file that it names; one put in its place wants its own."""
    mine, yours = tmp_path / "mine.png", tmp_path / "yours.png"
    for path in (mine, yours):
        path.write_bytes(b"a face")
    graph = write_graph(tmp_path, with_={"source": str(mine)})
    other = (f"toy.source={yours}",)
    with pytest.raises(
        UsageError, match=r"--set toy\.source=.*: the consent in .* speaks of the file that stands"
    ):
        vidface.run(graph, clip, overrides=other)
    assert len(list(vidface.run(graph, clip, overrides=("toy.fail_at=99",)))) == 6
    facts = go(graph, clip, tmp_path / "out", overrides=other, consent="You agreed yesterday, on the phone")
    assert facts["consent"]["given_in"] == "command line"


def test_a_file_that_cannot_be_signed_stays_as_it_was(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for the signed copy: the run fails in one sentence, the video is complete and still marked."""
    from vidface.media import credentials

    def full(path: Path) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(credentials, "_private", full)
    out = tmp_path / "out"
    with pytest.raises(OutputError, match=r"video\.mp4: is complete, but could not be signed: No space left"):
        go(write_graph(tmp_path), clip, out)
    facts = run_json(out)
    assert facts["status"] == "failed"
    assert sorted(path.name for path in out.iterdir()) == ["run.json", "video.mp4"]
    found = declared(out / "video.mp4")
    assert found.manifest is None
    assert found.mark is not None
    assert len(lumas(out / "video.mp4")) == 6


def test_what_a_run_wrote_before_it_broke_is_signed(tmp_path: Path, clip: Path) -> None:
    """A node that fails at frame 3: three frames, complete, signed."""
    out = tmp_path / "out"
    with pytest.raises(Exception, match="no"):
        go(write_graph(tmp_path, with_={"fail_at": 3}), clip, out, chunk=1)
    assert run_json(out)["status"] == "failed"
    manifest = declared(out / "video.mp4").manifest
    assert manifest is not None
    assert manifest.state == "untrusted"


def test_overwrite_removes_the_manifest_beside_a_file(tmp_path: Path, clip: Path) -> None:
    """A run in the same folder must not leave the manifest of an earlier one behind."""
    mkv = {"video": {"in": {"frame": "toy"}, "use": "video", "with": {"container": "mkv"}}}
    go(write_graph(tmp_path, outputs=mkv), clip, tmp_path / "out")
    assert (tmp_path / "out" / "video.mkv.c2pa").is_file()
    plain = write_graph(tmp_path, outputs=mkv, generates=False, needs_consent=False)
    go(plain, clip, tmp_path / "out", overwrite=True)
    assert not (tmp_path / "out" / "video.mkv.c2pa").exists()


def test_forensic_hashes_are_those_of_the_signed_files(tmp_path: Path, clip: Path) -> None:
    """run.json's SHA-256 fits the file that people will hold; before signing two runs give the same bytes."""
    graph = write_graph(tmp_path)
    facts = go(graph, clip, tmp_path / "out", forensic=True)
    held = hashlib.sha256((tmp_path / "out" / "video.mp4").read_bytes()).hexdigest()
    assert facts["files_sha256"] == {"video.mp4": held}
    again = go(graph, clip, tmp_path / "again", forensic=True)
    unsigned = [one["outputs"]["video"]["unsigned_sha256"] for one in (facts, again)]
    assert unsigned[0] == unsigned[1] != facts["files_sha256"]


def test_an_address_gives_away_no_password() -> None:
    """Of an input on the network the last part of its path is named, nothing behind a question mark."""
    from vidface.graph.marking import driver

    assert driver(Path("rtsp:/x"), "rtsp://cam.example/live?token=secret", None).name == "live"
    assert driver(Path("x"), "clips/a?b.mp4", None).name == "a?b.mp4"


def test_check_and_explain_say_that_consent_is_wanted(tmp_path: Path) -> None:
    """Neither needs it to be there: they decode nothing."""
    from vidface.graph.explain import consent_lines
    from vidface.graph.plan import load

    assert consent_lines(load(write_graph(tmp_path))) == [f"consent: {CONSENT}"]
    wanted = "consent: not stated; toy (./toy.py) makes pictures of a person: a run wants --consent TEXT"
    assert consent_lines(load(write_graph(tmp_path, consent=None))) == [wanted]
    assert consent_lines(load(write_graph(tmp_path, needs_consent=False, consent=None))) == []


def test_sound_that_is_given_apart_is_an_ingredient(tmp_path: Path, clip: Path) -> None:
    """The file of --audio stands in the manifest with its hash."""
    sound = make(tmp_path / "voice.mp4", Clip(size=(32, 32), sound="aac"))
    facts = go(write_graph(tmp_path), clip, tmp_path / "out", audio=sound)
    parts = facts["outputs"]["video"]["provenance"]["ingredients"]
    sha = hashlib.sha256(sound.read_bytes()).hexdigest()
    assert {"name": "voice.mp4", "role": "input", "used_as": "audio", "sha256": sha} in parts
