"""What stands in deploy/ works: cameras.yaml is sound, the unit is one, the image gets what it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from vidface.watch.config import Config

PASSWORDS = {"DOOR_PASSWORD": "one", "YARD_PASSWORD": "two"}


@pytest.fixture
def deploy(repo: Path) -> Path:
    """The folder."""
    return repo / "deploy"


def test_the_file_of_cameras_is_sound(deploy: Path) -> None:
    found = Config.read(deploy / "cameras.yaml", PASSWORDS)
    assert [one.name for one in found.cameras] == ["door", "yard"]
    assert "one" in found.cameras[0].url
    assert found.spec.http is not None


def test_what_is_commented_out_is_sound_too(deploy: Path, tmp_path: Path) -> None:
    """Every setting that a user may only have to uncomment."""
    text = (deploy / "cameras.yaml").read_text()
    opened = re.sub(r"^( *)# ((?:set|webhook|mqtt|hosts|certificate|key):)", r"\1\2", text, flags=re.M)
    assert opened.count("\n") == text.count("\n")
    keys = yaml.safe_load(opened)
    assert {"webhook", "mqtt"} <= keys["events"].keys()
    assert {"hosts", "certificate", "key"} <= keys["http"].keys()
    copy = tmp_path / "cameras.yaml"
    copy.write_text(opened)
    found = Config.read(copy, PASSWORDS | {"MQTT_PASSWORD": "three", "VIDFACE_WEBHOOK_SECRET": "four"})
    assert found.cameras[0].overrides


def test_the_unit_is_one(deploy: Path, tmp_path: Path) -> None:
    """With programs that are there in place of those that the text says how to install."""
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd here")
    unit = tmp_path / "vidface-watch.service"
    text = (deploy / "vidface-watch.service").read_text()
    unit.write_text(text.replace("/opt/vidface/bin/vidface", "/bin/true"))
    done = subprocess.run(
        [verify, "verify", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SYSTEMD_COLORS": "0"},
    )
    complaints = [line for line in done.stderr.splitlines() if "vidface" in line]
    assert (done.returncode, complaints) == (0, [])


def test_the_image_has_what_the_package_is_built_of(deploy: Path, repo: Path) -> None:
    """Everything that is copied is there, let in by the ignore file, and asked for by extras that exist."""
    text = (deploy / "Dockerfile").read_text()
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.*)$", text, flags=re.M) for word in line.split()[:-1]
    ]
    let_in = (deploy / "Dockerfile.dockerignore").read_text().splitlines()
    assert copied
    for name in copied:
        assert (repo / name).exists(), name
        assert f"!{name}" in let_in
    project = (repo / "pyproject.toml").read_text()
    (extras,) = re.findall(r'"\.\[([a-z,]+)\]"', text)
    missing = [name for name in extras.split(",") if not re.search(rf"^{name} = \[", project, flags=re.M)]
    assert missing == []
