"""cameras.yaml: which cameras are watched, and how; every fault with its line and column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vidface.data.address import masked
from vidface.errors import GraphError, UsageError
from vidface.events.settings import EventSettings
from vidface.graph import marks
from vidface.graph.marks import Document
from vidface.graph.spec import find, first_fault
from vidface.media.live.chaos import CHAOS
from vidface.media.live.recordsettings import RecordSettings
from vidface.watch._faults import fault_at
from vidface.watch._variables import fill_receivers, filled
from vidface.watch.keep import KeepSettings
from vidface.web.settings import HttpSettings

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}\Z")
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_RESERVED: Final = frozenset({"events", "spool"})


def _as_camera(value: Any) -> Any:
    """`door: rtsp://...` is short for the address alone."""
    return {"url": value} if isinstance(value, str) else value


def _as_record(value: Any) -> Any:
    """`record: always` is short; YAML reads a bare `off` as false."""
    return {"when": value} if isinstance(value, str | bool) else value


def _retry(value: Any) -> Any:
    """`retry: 3` is a number in YAML."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _checked_retry(text: str) -> str:
    if text not in ("never", "forever") and not text.isdecimal():
        raise ValueError("input should be never, a number or forever")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Record = Annotated[RecordSettings, BeforeValidator(_as_record)]


class CameraSettings(_Part):
    """One camera; what stands under its name."""

    url: str = Field(
        repr=False, description="rtsp://, /dev/video0 ...; ${NAME} is taken from the environment."
    )
    graph: str | None = Field(None, description="Another graph than the file's, for this camera.")
    overrides: tuple[str, ...] = Field(
        (), alias="set", description="node.param=value, after those for all cameras."
    )
    transport: Literal["tcp", "udp"] = Field("tcp", description="Of RTSP.")
    trusted: Path | None = Field(
        None, description="Certificates (PEM) to hold that of an rtsps:// camera against; else any will do."
    )
    retry: Annotated[str, BeforeValidator(_retry), AfterValidator(_checked_retry)] = Field(
        "forever", description="never, forever, or how often in a row a lost camera is tried again."
    )
    staleness_s: float = Field(0.5, gt=0, le=60, description="A frame may wait so long where newer ones are.")
    rate: float | None = Field(None, gt=0, le=240, description="Frames a second to look at, at most.")
    rotate: Literal[0, 90, 180, 270] = Field(
        0, description="Degrees clockwise that bring its picture upright: 180 of one that hangs upside down."
    )
    lost_after_s: float = Field(5.0, ge=0, le=3600, description="A shorter absence is no event.")
    record: Record | None = Field(
        None, description="always, events, off; or what differs from record: of the file."
    )
    evict_after_s: float = Field(
        600.0, ge=1, le=86400, description="Without a picture for so long, its graph is closed."
    )


class Cameras(_Part):
    """A whole cameras.yaml."""

    version: Literal[1] = Field(description="Version of the file format.")
    graph: str = Field(
        "watch", description="The graph for all cameras: a file, or the name of a shipped one."
    )
    out: Path = Field(Path("watched"), description="Folder for what is written; made 0700.")
    overrides: tuple[str, ...] = Field((), alias="set", description="node.param=value, for all cameras.")
    cameras: dict[str, Annotated[CameraSettings, BeforeValidator(_as_camera)]] = Field(
        description="Name -> address, or settings."
    )
    events: EventSettings = Field(EventSettings(), description="When what is told, and to whom.")
    record: Record = Field(RecordSettings(), description="What is recorded, as it comes, and kept how long.")
    keep: KeepSettings = Field(KeepSettings(), description="For how long what is known of people is kept.")
    http: HttpSettings | None = Field(None, description="The live page; none where absent.")


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """One camera, with all that is said of it in any place.

    Attributes:
        url: with its password; not shown by `repr`.
        graph: what to load: a path or the name of a shipped graph.
        overrides: of the graph, in order.
        settings: but for `record`, which stands below with that of all.
        events: when something is told.
        record: what is recorded.
    """

    name: str
    url: str
    graph: str
    overrides: tuple[str, ...]
    settings: CameraSettings
    events: EventSettings
    record: RecordSettings

    def watched(self) -> CameraPlan:
        """The same without what no camera has to begin anew for.

        That is for how long recordings are kept, and to whom events are told; what is said of the graph
        stands in `GraphFile.overrides`.
        """
        record = self.record.model_copy(update={"keep_h": None, "keep_gb": None})
        return replace(self, overrides=(), events=EventSettings(), record=record)

    def __repr__(self) -> str:
        return f"CameraPlan({self.name}, {masked(self.url, whole=True)})"


@dataclass(frozen=True, slots=True)
class Config:
    """A checked cameras.yaml.

    Attributes:
        path: the file.
        cameras: in the file's order.
        environment: where `${NAME}` is looked up.
        elsewhere: folder for what is written, in place of that of the file.
    """

    path: Path
    spec: Cameras
    cameras: tuple[CameraPlan, ...]
    environment: Mapping[str, str]
    elsewhere: Path | None = None

    @classmethod
    def read(cls, path: Path, environment: Mapping[str, str], *, elsewhere: Path | None = None) -> Self:
        """Read and check the file; nothing is contacted, no graph is loaded.

        Raises:
            GraphError: the file is not sound; with its place, without passwords.
        """
        document = marks.parse(_text(path), str(path))
        if not isinstance(document.data, dict):
            raise document.error("cameras.yaml is a mapping with the keys version and cameras", ())
        fill_receivers(document, environment)
        spec = _validated(document)
        if not spec.cameras:
            raise document.error("cameras is empty; name at least one", ("cameras",))
        plans = []
        for name, settings in spec.cameras.items():
            where = ("cameras", name)
            try:
                plans.append(planned(name, settings, spec, folder=path.parent, environment=environment))
            except UsageError as error:
                place = (*where, "url") if (*where, "url") in document.values else where
                raise document.error(str(error), place) from None
        return cls(path, spec, tuple(plans), environment, elsewhere)

    def camera(self, name: str, settings: Mapping[str, Any]) -> CameraPlan:
        """A camera that does not stand in the file, with what the file says of all.

        It comes from far away: it names no graph, no files and no variables of the environment, which would
        run code, show films or tell secrets of this machine.

        Raises:
            UsageError: the settings are not sound, or only the file may say them; without passwords.
        """
        for key in ("graph", "set", "trusted"):
            if key in settings:
                raise UsageError(f"{key}: can be said in {self.path.name} only")
        document = Document(data={"version": 1, "cameras": {name: dict(settings)}}, file="camera")
        try:
            spec = _validated(document)
        except GraphError as error:
            raise UsageError(error.message) from None
        plan = planned(name, spec.cameras[name], self.spec, folder=self.path.parent, environment={})
        if plan.url.startswith(CHAOS):
            raise UsageError(f"a film in place of a camera can be named in {self.path.name} only")
        return plan

    @property
    def out(self) -> Path:
        """Folder for what is written; that of the file is seen from the file's own folder."""
        return self.elsewhere or self.path.parent / self.spec.out


def planned(
    name: str, settings: CameraSettings, spec: Cameras, *, folder: Path, environment: Mapping[str, str]
) -> CameraPlan:
    """One camera's settings with those of all.

    Raises:
        UsageError: the name, the address or `trusted` will not do, or a variable is not set; without
            passwords.
    """
    from vidface.media.live.address import live_address

    if _NAME.match(name) is None or name in _RESERVED:
        raise UsageError(
            f"{name!r} cannot be the name of a camera; use up to 40 of a-z, A-Z, 0-9, _ and -"
            + (" (events and spool are taken)" if name in _RESERVED else "")
        )
    url = filled(settings.url, environment)
    if _NO_TEXT.search(url) is not None:
        raise UsageError(
            "the address holds a control character, or half of a character, which no address has; write it "
            "as %XX"
        )
    if live_address(url) is None:
        raise UsageError(
            f"{masked(url, whole=True)} is no live input; write rtsp://host:554/path, /dev/video0 "
            "or chaos:clip.mp4"
        )
    if settings.trusted is not None:
        settings = settings.model_copy(update={"trusted": _certificates(folder / settings.trusted, url)})
    graph = find_graph(settings.graph or spec.graph, folder)
    overrides = (*spec.overrides, *settings.overrides)
    own = settings.record or RecordSettings()
    record = spec.record.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})
    settings = settings.model_copy(update={"record": None})
    return CameraPlan(name, url, graph, overrides, settings, spec.events, record)


def _certificates(path: Path, url: str) -> Path:
    if not url.lower().startswith("rtsps://"):
        raise UsageError(
            f"{masked(url, whole=True)} comes without encryption; `trusted` is for rtsps:// alone"
        )
    if not path.is_file():
        raise UsageError(
            f"{path} is no file; `trusted` names the certificates (PEM) of {masked(url, whole=True)}"
        )
    return path


def find_graph(text: str, folder: Path) -> str:
    """A path seen from the file's folder; a bare word stays what it is: the name of a shipped graph."""
    beside = folder / text
    if beside.is_file() or Path(text).suffix:
        return str(beside)
    return str(find(text))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GraphError("there is no such file", file=str(path)) from None
    except (IsADirectoryError, UnicodeDecodeError):
        raise GraphError("this is no text; name a YAML file with cameras", file=str(path)) from None
    except OSError as error:
        raise GraphError(f"cannot be read: {error.strerror}", file=str(path)) from None


def _validated(document: Document) -> Cameras:
    try:
        return Cameras.model_validate(document.data)
    except ValidationError as error:
        raise fault_at(document, first_fault(error), Cameras) from None
