"""The reports of `leakwarden gate`: what goes to stdout, and the files that CI systems read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from leakwarden.cli.output import printable
from leakwarden.core.gate.document import document
from leakwarden.core.gate.files import in_repository
from leakwarden.core.gate.junit import junit, junit_error
from leakwarden.core.gate.sarif import sarif
from leakwarden.core.gate.say import details, verdict
from leakwarden.core.gate.summary import summary, summary_error
from leakwarden.core.gate.values import Report
from leakwarden.errors import InvalidSpec, UnreadableFile


@dataclass(frozen=True, slots=True)
class Reports:
    """The files to write; those that are None are not wanted."""

    junit: Path | None
    sarif: Path | None
    summary: Path | None
    source_root: Path

    def check(self) -> None:
        """Raises InvalidSpec for a file that cannot be written where it is wanted: better now than after all runs."""
        for option, path in (("--junit", self.junit), ("--sarif", self.sarif), ("--summary", self.summary)):
            if path is not None and path.is_dir():
                raise InvalidSpec(option, f"{path} cannot be written: it is a folder")
            if path is not None and not path.parent.is_dir():
                raise InvalidSpec(option, f"{path} cannot be written: make the folder {path.parent} first")
        if not self.source_root.is_dir():
            raise InvalidSpec("--source-root", f"there is no folder {self.source_root}")

    def write(self, report: Report) -> None:
        """Raises UnreadableFile, which names the file."""
        if self.junit:
            _write(self.junit, junit(report))
        if self.sarif:
            _write(self.sarif, sarif(report, version("leakwarden"), self._relative, self._elsewhere()))
        if self.summary:
            _write(self.summary, summary(report), append=True)

    def write_error(self, command: str, problem: str) -> None:
        """That nothing was measured, and why. No SARIF: an empty one would close what earlier ones have said."""
        if self.junit:
            _write(self.junit, junit_error(command, problem))
        if self.summary:
            _write(self.summary, summary_error(command, problem), append=True)

    def _relative(self, file: str) -> str | None:
        """As the binary calls it, which has the path by which `go build` came there, or without symbolic links."""
        return _below(self.source_root.absolute(), file) or _below(self.source_root.resolve(), _resolved(file))

    def _elsewhere(self) -> str:
        """Something in the repository to show what lies elsewhere at: the go.mod that is nearest to where we are."""
        root, here = self.source_root.resolve(), Path.cwd().resolve()
        folders = [folder for folder in (here, *here.parents) if folder.is_relative_to(root)] or [root]
        found = (folder / "go.mod" for folder in folders if (folder / "go.mod").is_file())
        return next((str(path.relative_to(root)) for path in found), "go.mod")


def _resolved(file: str) -> str:
    if not file.startswith("/"):
        return file
    try:
        return str(Path(file).resolve())
    except ValueError:  # a name that no file has
        return file


def _below(root: Path, file: str) -> str | None:
    return in_repository(file, str(root), lambda path: (root / path).is_file())


def told(report: Report, form: str) -> str:
    """For stdout; `form` is `text` or `json`."""
    if form == "json":
        return json.dumps(document(report), indent=2) + "\n"
    lines = [f"Leak gate: {verdict(report)}"]
    for check in report.checks:
        first, *more = details(check, report)
        lines += [f"  {first}", *(f"    {line}" for line in more)]
    return "".join(f"{printable(line).plain}\n" for line in lines)


def _write(path: Path, text: str, *, append: bool = False) -> None:
    try:
        with path.open("a" if append else "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be written: {error.strerror or error}") from error
