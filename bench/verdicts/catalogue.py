"""What is to be recorded (tuned.yaml, heldout.yaml, … a set each), and the truth that lies beside each recording."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from leakwarden.api.duration import Duration

HERE = Path(__file__).parent
RECORDINGS = HERE.parents[1] / "tests" / "recordings" / "verdicts"
SETS = ("tuned", "tuned2", "tuned3", "heldout", "heldout2", "heldout3", "heldout4", "gopls")
"""`tuned` and its like: thresholds may be chosen on these. `heldout` and its like: never; each is of another author,
who began when those before had been measured. `gopls`: real ones, made by a script of their own."""
BUILT = ("tuned", "tuned2", "tuned3", "heldout", "heldout2", "heldout3", "heldout4")
"""Sets that are recorded from Go programs of this folder."""
SUFFIX = ".tar.xz"

Label = Literal["leaking", "healthy"]
Family = Literal["memory", "goroutine"]


class Entry(BaseModel):
    """One recording to be made. `functions`: whichever of them a finding names, it is right."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    program: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = Field(default_factory=dict)
    interval: str
    samples: int = Field(ge=20, le=5000)
    label: Label
    family: Family | None = None
    functions: tuple[str, ...] = ()
    why: str = Field(min_length=10)

    @field_validator("interval")
    @classmethod
    def _duration(cls, interval: str) -> str:
        return str(Duration(interval))

    @model_validator(mode="after")
    def _whole(self) -> Entry:
        if self.label == "leaking" and not (self.family and self.functions):
            raise ValueError("a leaking program wants family and functions")
        if self.label == "healthy" and (self.family or self.functions):
            raise ValueError("a healthy program has neither family nor functions")
        return self


class CatalogueError(Exception):
    """An entry or a truth that cannot be used; says which file and which field."""


def entries(set_name: str, folder: Path = HERE) -> list[Entry]:
    """All entries of a set; none where it has no file. Raises CatalogueError."""
    path = folder / f"{set_name}.yaml"
    if not path.exists():
        return []
    try:
        document = yaml.safe_load(path.read_text()) or []
        found = TypeAdapter(list[Entry]).validate_python(document)
    except yaml.YAMLError as error:
        raise CatalogueError(f"{path.name}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at, *fields = first["loc"] or (0,)
        entry = document[at] if isinstance(document, list) and isinstance(at, int) else {}
        name = entry.get("name", f"entry {at}") if isinstance(entry, dict) else f"entry {at}"
        raise CatalogueError(f"{path.name}: {name}: {'.'.join(map(str, fields))} {first['msg']}") from error
    names = [entry.name for entry in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CatalogueError(f"{path.name}: named twice: {', '.join(twice)}")
    return found


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a recording. `onset` in unix seconds, None where nothing leaks; `interval` in seconds."""

    set: str
    name: str
    path: Path
    """Of the recording."""
    label: Label
    onset: float | None
    family: Family | None
    functions: tuple[str, ...]
    interval: float
    samples: int
    why: str

    @property
    def leaking(self) -> bool:
        return self.label == "leaking"

    @property
    def id(self) -> str:
        return f"{self.set}/{self.name}"


def truth_json(entry: Entry, onset_ms: int | None, recorded_at: str, go_version: str) -> str:
    document = {
        "name": entry.name,
        "label": entry.label,
        "onset": onset_ms,
        "family": entry.family,
        "functions": list(entry.functions),
        "interval": entry.interval,
        "samples": entry.samples,
        "why": entry.why,
        "recordedAt": recorded_at,
        "go": go_version,
    }
    return json.dumps(document, indent=1) + "\n"


def truths(root: Path = RECORDINGS) -> Iterator[Truth]:
    """Every recording there is, set by set and name by name. Raises CatalogueError, also for one without its truth."""
    for set_name in SETS:
        recordings = {path.name.removesuffix(SUFFIX): path for path in (root / set_name).glob(f"*{SUFFIX}")}
        said = {path.stem: path for path in (root / set_name).glob("*.json")}
        if unpaired := sorted(recordings.keys() ^ said.keys()):
            raise CatalogueError(f"{set_name}: not both recording and truth: {', '.join(unpaired)}")
        for name in sorted(recordings):
            yield read_truth(set_name, recordings[name], said[name])


def read_truth(set_name: str, recording: Path, path: Path) -> Truth:
    """Raises CatalogueError, naming file and problem."""
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        truth = Truth(
            set=set_name,
            name=document["name"],
            path=recording,
            label=document["label"],
            onset=None if document["onset"] is None else document["onset"] / 1000,
            family=document["family"],
            functions=tuple(document["functions"]),
            interval=Duration(document["interval"]).seconds,
            samples=int(document["samples"]),
            why=document["why"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CatalogueError(f"{path.name}: {type(error).__name__}: {error}") from error
    if truth.label not in ("leaking", "healthy") or truth.leaking != (truth.onset is not None):
        raise CatalogueError(f"{path.name}: a leaking recording has an onset, a healthy one has none")
    if truth.name != path.stem:
        raise CatalogueError(f"{path.name}: it says that its name is {truth.name}")
    return truth
