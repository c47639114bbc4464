"""A recording is the same as a folder and packed, and one from anywhere does no harm."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import tarfile
import tracemalloc
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.adapters import recordings
from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.recording_folder import FolderWriter, pack, remove
from leakwarden.adapters.recordings import open_recording
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import FailureReason, Transport
from leakwarden.core.parts import GOROUTINE, GOROUTINE_LEAK, HEAP, HEAP_AFTER_GC, MEMSTATS, PARTS
from leakwarden.core.readings import Failure
from leakwarden.core.recording import FILES, files_of, split_name
from leakwarden.core.recording_attempt import decoded
from leakwarden.core.recording_replay import Recording, replay
from leakwarden.core.recording_target import RecordedTarget
from leakwarden.core.samples import SampleResult
from leakwarden.errors import MalformedRecording
from tests.adapters.servers import answer, http_server, target
from tests.core.judge.builders import builtin
from tests.core.recorded import files, goroutines, heap, leaking

RECORDINGS = Path(__file__).parent.parent / "recordings" / "profiles"
PACKINGS = [".tar.gz", ".tar.xz"]
SAMPLES = files(leaking(n) for n in range(6))


def folder_of(held: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, data in held.items():
        (folder / name).write_bytes(data)
    return folder


def contents(recording: Recording) -> dict[str, bytes]:
    """By whole name; gzip taken off, since packing may have done that."""
    names = [name for sample in recording.samples for name in sample.names.values()]
    return {name: plain(recording.read(name)) for name in names}


def plain(data: bytes) -> bytes:
    """Without its gzip; bytes that only begin like one are what they are."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return data


# -- what is written is read ------------------------------------------------------------------------------------------

held = st.dictionaries(
    st.tuples(st.integers(0, 10**13), st.sampled_from(FILES)),
    st.binary(max_size=200).filter(lambda data: data[:2] != b"\x1f\x8b") | st.binary(max_size=50).map(gzip.compress),
    max_size=8,
)


@settings(max_examples=30, deadline=None)
@given(held, st.sampled_from(PACKINGS))
def test_any_files_are_the_same_as_a_folder_and_packed(made: dict[tuple[int, str], bytes], packing: str) -> None:
    named = {f"{at_ms:013d}-{file}": data for (at_ms, file), data in made.items()}
    with TemporaryDirectory() as directory:
        folder = folder_of(named, Path(directory) / "recording")
        packed = Path(directory) / f"recording{packing}"
        pack(folder, packed)
        wanted = {name: plain(data) for name, data in named.items()}
        assert contents(open_recording(folder)) == wanted
        assert contents(open_recording(packed)) == wanted


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_packed_recording_replays_as_its_folder_does(tmp_path: Path, packing: str) -> None:
    folder = folder_of(SAMPLES, tmp_path / "recording")
    packed = tmp_path / f"recording{packing}"
    pack(folder, packed)
    rules = builtin()
    assert replay(open_recording(packed), rules, 30.0) == replay(open_recording(folder), rules, 30.0)
    remove(folder)
    assert sorted(tmp_path.iterdir()) == [packed]


def test_xz_finds_what_profiles_have_in_common(tmp_path: Path) -> None:
    """Real profiles, ten times nearly the same: unpacked and laid out part by part they cost little more than once."""
    real = {part: (RECORDINGS / "gopls-idle" / part).read_bytes() for part in ("heap.pb.gz", "goroutine.pb.gz")}
    pack(folder_of(files([real] * 10), tmp_path / "ten"), tmp_path / "ten.tar.xz")
    pack(folder_of(files([real]), tmp_path / "one"), tmp_path / "one.tar.xz")
    assert (tmp_path / "ten.tar.xz").stat().st_size < 1.2 * (tmp_path / "one.tar.xz").stat().st_size + 2000
    names = lzma_names(tmp_path / "ten.tar.xz")
    assert [split_name(name)[1] for name in names] == ["heap.pb.gz"] * 10 + ["goroutine.pb.gz"] * 10  # type: ignore[index]
    assert names == sorted(names, key=lambda name: (name.split("-")[1] != "heap.pb.gz", name))


def lzma_names(path: Path) -> list[str]:
    with lzma.open(path) as file, tarfile.open(fileobj=file) as archive:
        return [Path(name).name for name in archive.getnames()]


@pytest.mark.parametrize("leading", ["", "./", "some/where/"])
def test_any_leading_directory_or_none_will_do(tmp_path: Path, leading: str) -> None:
    path = tar_of({f"{leading}{name}": data for name, data in SAMPLES.items()}, tmp_path / "made.tar.gz")
    assert len(open_recording(path).samples) == 6
    assert not open_recording(path).notes


def test_a_packing_that_fails_leaves_the_samples_and_says_where(tmp_path: Path) -> None:
    folder = folder_of(SAMPLES, tmp_path / "recording")
    with pytest.raises(MalformedRecording, match=f"the samples are in {folder}"):
        pack(folder, tmp_path / "nowhere" / "x.tar.xz")
    assert len(open_recording(folder).samples) == 6


def test_target_json_is_written_first_and_where_it_changed(tmp_path: Path) -> None:
    writer = FolderWriter(tmp_path / "recording")
    for number, name in enumerate(["a", "a", "b"]):
        result = SampleResult(1000.0 + number, 0.1, Failure(FailureReason.TIMEOUT, ""))
        writer.write(result, RecordedTarget(pod=name))
    found = [sample.at_ms for sample in open_recording(tmp_path / "recording").samples if "target.json" in sample.names]
    assert found == [1_000_000, 1_002_000]


# -- what the sampler said is what replay makes of it -----------------------------------------------------------------

MEMSTATS_TEXT = gzip.decompress((RECORDINGS / "go1.26.8" / "memstats.txt.gz").read_bytes())
GOOD = {
    "/debug/pprof/heap": (heap({"main.keep": 1 << 20}, 5), "application/octet-stream"),
    "/debug/pprof/heap?gc=1": (heap({"main.keep": 1 << 19}, 6), "application/octet-stream"),
    "/debug/pprof/goroutine": (goroutines(7), "application/octet-stream"),
    "/debug/pprof/goroutineleak": (goroutines(3), "application/octet-stream"),
    "/debug/pprof/heap?debug=1": (MEMSTATS_TEXT, "text/plain"),
}
ASKED = frozenset({HEAP, GOROUTINE, MEMSTATS, GOROUTINE_LEAK, HEAP_AFTER_GC})
moods = st.fixed_dictionaries(
    {path: st.sampled_from(["good", "good", "good", "malformed", "500", "404", "closed", "html"]) for path in GOOD}
)


@settings(max_examples=40, deadline=None)
@given(moods)
async def test_whatever_a_target_does_comes_back_from_the_files_as_the_sampler_said_it(moods: dict[str, str]) -> None:
    def answers(path: str) -> bytes:
        body, kind = GOOD[path]
        match moods[path]:
            case "malformed":
                return answer(b"\x1f\x8bnothing", kind)
            case "500":
                return answer(b"no", kind, "500 Internal Server Error")
            case "404":
                return answer(b"no", "text/plain", "404 Not Found")
            case "closed":
                return b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n"
            case "html":
                return answer(b"<html>", "text/html")
            case _:
                return answer(body, kind)

    decoder = DecodePool(1)
    async with http_server(answers) as (port, _):
        sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, decoder)
        result = await sampler.sample(target(port, timeout=0.2), ASKED)
        await sampler.close()
    decoder.close()
    found = decoded(files_of(result), 32 << 20)
    assert found is not None
    assert found.outcome == result.outcome
    assert found.damaged == ()


def test_every_part_that_is_sampled_is_read_back() -> None:
    """A part that comes to be later must be thought of here as well."""
    assert {PARTS[name].file_name for name in ASKED} | {"gopls.json", "target.json", "error.json"} == set(FILES)


# -- from anywhere ----------------------------------------------------------------------------------------------------


def tar_of(held: dict[str, bytes], path: Path, *more: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in held.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in more:
            archive.addfile(member)
    return path


def link(name: str, to: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    symbolic = link("1000-heap.pb.gz", "/etc/passwd", tarfile.SYMTYPE)
    hard = link("2000-heap.pb.gz", next(iter(SAMPLES)), tarfile.LNKTYPE)
    path = tar_of(SAMPLES, tmp_path / "made.tar.gz", symbolic, hard)
    found = open_recording(path)
    assert len(found.samples) == 6
    assert [note.split()[0] for note in found.notes] == ["'1000-heap.pb.gz'", "'2000-heap.pb.gz'"]


def test_links_and_pipes_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    folder = folder_of(SAMPLES, tmp_path / "recording")
    (folder / "1000-heap.pb.gz").symlink_to("/etc/passwd")
    os.mkfifo(folder / "2000-heap.pb.gz")
    found = open_recording(folder)
    assert len(found.samples) == 6
    assert len(found.notes) == 2


def test_a_file_that_became_a_link_since_is_not_followed(tmp_path: Path) -> None:
    folder = folder_of(SAMPLES, tmp_path / "recording")
    found = open_recording(folder)
    name = next(iter(SAMPLES))
    (folder / name).unlink()
    (folder / name).symlink_to("/etc/passwd")
    with pytest.raises(MalformedRecording, match=f"{name} cannot be read"):
        found.read(name)


def test_nothing_of_an_archive_is_written_to_disk(tmp_path: Path) -> None:
    path = tar_of({"../../1000-heap.pb.gz": b"x", "/2000-heap.pb.gz": b"y"}, tmp_path / "made.tar.gz")
    with pytest.raises(MalformedRecording, match="several folders"):
        open_recording(path)
    assert list(tmp_path.iterdir()) == [path]
    assert not Path("/2000-heap.pb.gz").exists()


def test_other_files_are_left_alone_and_noted_with_the_first_names(tmp_path: Path) -> None:
    strange = {f"notes-{n}.txt": b"" for n in range(7)}
    found = open_recording(tar_of({**SAMPLES, **strange}, tmp_path / "made.tar.gz"))
    assert found.notes[0] == "'notes-0.txt' is no file of a recording: ignored"
    assert found.notes[-1] == "2 more are ignored"


@pytest.mark.parametrize("cap", ["MAX_FILES", "MAX_FILE", "MAX_UNPACKED", "MAX_HELD"])
def test_caps_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: str) -> None:
    path = tar_of(SAMPLES, tmp_path / "made.tar.gz")
    assert open_recording(path)
    monkeypatch.setattr(recordings, cap, 3)
    with pytest.raises(MalformedRecording, match="more than"):
        open_recording(path)


def test_an_archive_of_zeros_is_given_up_before_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar_of({f"{n}-heap.pb.gz": bytes(4 << 20) for n in range(8)}, tmp_path / "bomb.tar.gz")
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(recordings, "MAX_UNPACKED", 16 << 20)
    with pytest.raises(MalformedRecording, match="unpacks to more than"):
        open_recording(path)


def header(kind: bytes, size: int, name: str = "x") -> bytes:
    """The block that announces `size` bytes of this kind."""
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


def gzipped(path: Path, blocks: bytes) -> Path:
    path.write_bytes(gzip.compress(blocks, 1))
    return path


@pytest.mark.parametrize(
    "kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, b"X"]
)
def test_a_name_of_many_megabytes_is_refused_before_it_is_held(tmp_path: Path, kind: bytes) -> None:
    size = 64 << 20
    path = gzipped(tmp_path / "bomb.tar.gz", header(kind, size) + bytes(size) + header(tarfile.REGTYPE, 0))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedRecording, match="more than the 65536 allowed"):
            open_recording(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_an_xz_that_takes_gigabytes_to_unpack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "made.tar.xz"
    pack(folder_of(SAMPLES, tmp_path / "recording"), path)
    made = bytearray(path.read_bytes())
    end = 12 + (made[12] + 1) * 4
    made[16] = 40  # a dictionary of 4 GiB, where the block's header says how large
    made[end - 4 : end] = zlib.crc32(made[12 : end - 4]).to_bytes(4, "little")
    path.write_bytes(made)
    with pytest.raises(MalformedRecording, match=r"[Mm]emory"):
        open_recording(path)


def test_xz_of_several_streams_is_read_whole(tmp_path: Path) -> None:
    whole = tmp_path / "whole.tar.xz"
    pack(folder_of(SAMPLES, tmp_path / "recording"), whole)
    plain_tar = lzma.decompress(whole.read_bytes())
    parts = [lzma.compress(part) for part in (plain_tar[:700], plain_tar[700:])]
    whole.write_bytes(parts[0] + bytes(8) + parts[1])
    assert len(open_recording(whole).samples) == 6


def test_many_long_names_are_refused_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MAX_HEADERS", 1000)
    one = header(tarfile.GNUTYPE_LONGNAME, 512) + b"n" * 511 + b"\0" + header(tarfile.REGTYPE, 0)
    path = gzipped(tmp_path / "bomb.tar.gz", one * 2 + bytes(1024))
    with pytest.raises(MalformedRecording, match="more than the 1000 allowed"):
        open_recording(path)


def test_names_upon_names_are_refused_in_words(tmp_path: Path) -> None:
    one = header(tarfile.GNUTYPE_LONGNAME, 512) + bytes(512)
    path = gzipped(tmp_path / "deep.tar.gz", one * 5000)
    with pytest.raises(MalformedRecording, match="is no folder and no readable"):
        open_recording(path)


def test_files_with_holes_are_refused(tmp_path: Path) -> None:
    path = gzipped(tmp_path / "holes.tar.gz", header(tarfile.GNUTYPE_SPARSE, 0, "1000-heap.pb.gz") + bytes(1024))
    with pytest.raises(MalformedRecording, match="holes"):
        open_recording(path)
    sparse = tarfile.TarInfo("1000-heap.pb.gz")
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "0"}
    blocks = sparse.tobuf(tarfile.PAX_FORMAT)
    with pytest.raises(MalformedRecording, match="holes"):
        open_recording(gzipped(tmp_path / "pax.tar.gz", blocks + bytes(1024)))


def test_a_long_folder_name_is_no_bomb(tmp_path: Path) -> None:
    long = "f" * 300
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = tmp_path / f"long{form}.tar.gz"
        with tarfile.open(path, "w:gz", format=form) as archive:
            for name, data in SAMPLES.items():
                member = tarfile.TarInfo(f"{long}/{name}")
                member.size, member.mtime = len(data), 1.5
                archive.addfile(member, io.BytesIO(data))
        assert len(open_recording(path).samples) == 6


@pytest.mark.parametrize("cut", [0, 1, 100, -20, -1])
@pytest.mark.parametrize("packing", PACKINGS)
def test_a_file_cut_short_is_refused_in_words(tmp_path: Path, packing: str, cut: int) -> None:
    pack(folder_of(SAMPLES, tmp_path / "recording"), tmp_path / f"whole{packing}")
    whole = (tmp_path / f"whole{packing}").read_bytes()
    broken = tmp_path / f"broken{packing}"
    broken.write_bytes(whole[:cut])
    with pytest.raises(MalformedRecording, match="is no folder and no readable"):
        open_recording(broken)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MalformedRecording, match="there is no such file or folder"):
        open_recording(tmp_path / "nothing")
