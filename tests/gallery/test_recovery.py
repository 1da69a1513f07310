"""Kills, two processes, damage: what is committed stays, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gallery.people import MODEL, D, filled, looks, vector
from vidface.errors import InputError, UsageError
from vidface.gallery import Gallery, Look, _proof, _vectors
from vidface.gallery._store import Store

ROOT = Path(__file__).resolve().parents[2]


def other(code: str, *words: str) -> subprocess.Popen[str]:
    """Another process that runs some lines."""
    head = "import select, sys, time\nfrom tests.gallery.people import *\nfrom vidface.gallery import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def line(process: subprocess.Popen[str]) -> str:
    """The next line that it says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_rows_that_were_never_committed_are_cut_off(tmp_path: Path) -> None:
    """Readers do not see them, the next writer cuts them, and new looks go where they were."""
    file = filled(tmp_path / "g") / "vectors.bin"
    whole = file.read_bytes()
    file.write_bytes(whole + os.urandom(D * 4 + 17))
    with Gallery.open(tmp_path / "g") as gallery:
        assert len(gallery.reference()) == 9
        assert "never committed" in gallery.check()[0]
    with Gallery.open(tmp_path / "g", write=True) as gallery:
        assert "cut off" in gallery.recovered[0]
        assert gallery.audit(1)[0].action == "recover"
        assert file.read_bytes() == whole
        gallery.add("Dan", looks(3))
        assert gallery.reference().nearest(vector(3, 9)).name == "Dan"
        assert gallery.check() == ()


def test_a_process_killed_while_adding_loses_only_what_it_was_at(tmp_path: Path) -> None:
    """SIGKILL at any moment of a row of additions: each person is there with all looks, or not at all."""
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D):
        pass
    code = """
gallery = Gallery.open(sys.argv[1], write=True)
print("open", flush=True)
for number in range(100_000):
    gallery.add(f"person {number}", looks(number, 4, pictures=True))
    print(number, flush=True)
"""
    process = other(code, str(tmp_path / "g"))
    assert line(process) == "open"
    for _ in range(3):
        line(process)
    time.sleep(0.013)
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    told = int(rest.split()[-1]) if rest.split() else 2
    with Gallery.open(tmp_path / "g", write=True, wait_s=5) as gallery:
        assert {person.looks for person in gallery.people()} == {4}
        assert told + 1 <= len(gallery.people()) <= told + 2
        assert gallery.check() == ()
        reference = gallery.reference()
        for number in range(len(reference.names)):
            assert reference.nearest(vector(number, 2)).name == f"person {number}"


@pytest.mark.parametrize("moment", ["erase", "write_fresh", "settle"])
def test_a_forgetting_that_is_killed_is_finished_later(
    tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the zeros, before the new file, and between the database and the new file's name."""
    folder = filled(tmp_path / "g")
    gallery = Gallery.open(folder, write=True)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_vectors, moment, dies)
        with pytest.raises(KeyboardInterrupt):
            gallery.forget("Ann")
    gallery.close()
    with Gallery.open(folder) as reader:
        reference = reader.reference()
        assert reference.names == ("Bob", "Cem")
        assert reference.nearest(vector(1, 9)).name == "Bob"
        assert len(reference) == 6
    with Gallery.open(folder, write=True) as gallery:
        assert gallery.check() == ()
        assert gallery.reference().nearest(vector(2, 9)).name == "Cem"
    assert {path.name for path in folder.iterdir()} == {"gallery.sqlite", "vectors.bin", "gallery.lock"}
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not [look for look in looks(0) if look.vector.tobytes()[:32] in everything]


def test_a_creation_that_was_killed_can_be_done_again(tmp_path: Path) -> None:
    place = tmp_path / "g"
    place.mkdir()
    (place / "vectors.bin").write_bytes(b"half")
    (place / "gallery.sqlite.part").write_bytes(b"half")
    with Gallery.create(place, fingerprint=MODEL, dimension=D) as gallery:
        gallery.add("Ann", looks(0))
        assert gallery.check() == ()


def test_vectors_that_are_missing_are_told(tmp_path: Path) -> None:
    """The file is shorter than the database knows, belongs to something else, or is gone."""
    file = filled(tmp_path / "g") / "vectors.bin"
    whole = file.read_bytes()
    for damage in (whole[:-4], b"something else", None):
        if damage is None:
            file.unlink()
        else:
            file.write_bytes(damage)
        with Gallery.open(tmp_path / "g") as gallery:
            assert "import an export" in gallery.check()[0]
            with pytest.raises(InputError, match="import an export"):
                gallery.reference()
        with pytest.raises(InputError, match="import an export"):
            Gallery.open(tmp_path / "g", write=True)


def test_vectors_that_were_altered_are_told(tmp_path: Path) -> None:
    file = filled(tmp_path / "g") / "vectors.bin"
    data = bytearray(file.read_bytes())
    data[200:204] = np.float32(3).tobytes()
    file.write_bytes(data)
    with Gallery.open(tmp_path / "g") as gallery:
        assert gallery.check() == (
            "1 vectors are not of unit length: the file is damaged; import an export instead",
        )


def test_a_second_writer_waits_and_then_says_who_writes(tmp_path: Path) -> None:
    folder = filled(tmp_path / "g")
    process = other(
        "g = Gallery.open(sys.argv[1], write=True)\nprint('open', flush=True)\ntime.sleep(60)", str(folder)
    )
    try:
        assert line(process) == "open"
        with pytest.raises(UsageError, match=f"process {process.pid} since 20"):
            Gallery.open(folder, write=True, wait_s=0.2)
        with Gallery.open(folder) as gallery:  # a reader need not wait
            assert len(gallery.reference()) == 9
    finally:
        process.kill()
        process.communicate()
    Gallery.open(folder, write=True, wait_s=5).close()  # the dead hold no lock


def test_a_second_writer_goes_on_when_the_first_is_done(tmp_path: Path) -> None:
    folder = filled(tmp_path / "g")
    code = """
with Gallery.open(sys.argv[1], write=True) as g:
    print('open', flush=True)
    time.sleep(0.3)
    g.add('Dan', looks(3))
"""
    process = other(code, str(folder))
    assert line(process) == "open"
    with Gallery.open(folder, write=True, wait_s=20) as gallery:
        assert len(gallery.people()) == 4
    process.communicate()


def test_a_look_for_damage_waits_for_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a forgetting looks like damage: nothing is said of the files until it is done."""
    monkeypatch.setattr("vidface.gallery._store.BUSY_S", 0.1)
    folder = filled(tmp_path / "g")
    with Gallery.open(folder) as reader:
        with Gallery.open(folder, write=True) as writer:
            _vectors.erase(folder / _vectors.FILE, D, [0])
            with pytest.raises(UsageError, match="is being written by process"):
                reader.check()
            assert "not of unit length" in writer.check()[0]  # who writes may look
        assert "not of unit length" in reader.check()[0]
    Gallery.open(folder, write=True).close()  # and lets go of the lock


def test_files_that_vanish_meanwhile_are_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the journal of a search that another process logged: it was listed, and is gone by then."""
    folder = filled(tmp_path / "g")
    listed, found = Path.iterdir, _proof.files
    gone = folder / "gallery.sqlite-journal"
    monkeypatch.setattr(Path, "iterdir", lambda path: iter([*listed(path), gone]))
    monkeypatch.setattr(Path, "is_file", lambda path: path == gone or path.exists())
    monkeypatch.setattr(_proof, "files", lambda path: iter([*found(path), gone]))
    with Gallery.open(folder, write=True) as gallery:
        assert gallery.check() == ()
        assert gallery.forget("Ann").clean


def test_readers_see_whole_states_while_another_process_writes(tmp_path: Path) -> None:
    """People come and go in the other process; each look that is there has its own person's vector."""
    folder = filled(tmp_path / "g")
    code = """
with Gallery.open(sys.argv[1], write=True) as g:
    print('open', flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        for number in range(3, 6):
            g.add(f'{number} new', looks(number))
            g.forget('Ann' if number == 3 else f'{number - 1} new')
        g.forget('5 new')
        g.add('Ann', looks(0))
"""
    process = other(code, str(folder))
    assert line(process) == "open"
    assert process.stdin is not None
    states: set[tuple[str, ...]] = set()
    while len(states) < 3 and process.poll() is None:
        with Gallery.open(folder) as gallery:
            reference = gallery.reference()
            gallery.log("search", {"faces": 1})
        states.add(reference.names)
        assert len(reference) == 3 * len(reference.names)
        for row, owner in enumerate(reference.owners):
            name = reference.names[owner]
            person = {"Ann": 0, "Bob": 1, "Cem": 2}.get(name, -1)
            person = int(name.split()[0]) if person < 0 else person
            here = reference.vectors[row]
            assert not here.any() or float(here @ vector(person, 99)) > 0.5
    process.communicate("enough")
    assert process.returncode == 0
    assert len(states) >= 3


def test_a_vector_file_that_is_renamed_while_it_is_read_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer gives the new file its name between the reader's look at it and the reading."""
    folder = filled(tmp_path / "g")
    find = _vectors.find
    (folder / "vectors.bin").rename(folder / "vectors.new")

    def overtaken(*which: Any) -> Any:
        found = find(*which)
        if (folder / "vectors.new").exists():
            (folder / "vectors.new").rename(folder / "vectors.bin")
        return found

    with Gallery.open(folder) as gallery:
        monkeypatch.setattr(_vectors, "find", overtaken)
        assert gallery.reference().nearest(vector(1, 9)).name == "Bob"
        assert gallery.check() == ()


def test_a_reader_keeps_its_state_and_loses_the_forgotten(tmp_path: Path) -> None:
    """Vectors that it holds of a person who is forgotten meanwhile turn to zeros."""
    folder = filled(tmp_path / "g")
    with Gallery.open(folder) as reader:
        reference = reader.reference()
    with Gallery.open(folder, write=True) as gallery:
        gallery.forget("Ann")
        gallery.add("Dan", looks(3))
    assert reference.nearest(vector(1, 9)).name == "Bob"
    assert reference.search(vector(0, 9)[None], 3)[0][0].score < 0.4
    assert not reference.vectors[:3].any()


def test_what_fails_half_way_leaves_no_half_of_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = filled(tmp_path / "g")
    with Gallery.open(folder, write=True) as gallery:
        with monkeypatch.context() as patch:
            patch.setattr(Store, "log", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
            with pytest.raises(KeyboardInterrupt):
                gallery.add("Dan", looks(3))
        assert len(gallery.people()) == 3
        # The rows went into the file and not into the database; the next ones must not end up behind them.
        gallery.add("Eve", [Look(vector(4))])
        assert gallery.reference().nearest(vector(4)).score > 0.99
