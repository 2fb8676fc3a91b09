import hashlib
import io
import tarfile
import tracemalloc
import zipfile

import pytest
import zstandard

from streams.connectors import files
from streams.connectors.files import open_tree
from streams.connectors.lines import LineFile, too_long
from streams.errors import VitalsError
from tests.importing import NOW, write


def zipped(path, names: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return path


def tarred(path, names: dict[str, bytes]):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in names.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    body = packed.getvalue()
    path.write_bytes(zstandard.ZstdCompressor().compress(body) if path.suffix == ".zst" else body)
    return path


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "..\\a", "C:\\a"])
def test_an_archive_that_reaches_outside_is_refused(name, tmp_path):
    with pytest.raises(VitalsError, match="outside of itself"):
        open_tree(zipped(tmp_path / "x.zip", {"a": b"", name: b"x"}), tmp_path)
    with pytest.raises(VitalsError, match="outside of itself"):
        open_tree(tarred(tmp_path / "x.tar", {"a": b"", name: b"x"}), tmp_path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    bomb = zipped(tmp_path / "x.zip", {"a": b"\0" * (64 << 20)})
    tracemalloc.start()
    with pytest.raises(VitalsError, match="1000 times its size"):
        open_tree(bomb, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 1000)
    with pytest.raises(VitalsError, match="more than 1,000 in one file"):
        open_tree(zipped(tmp_path / "y.zip", {"a": bytes(range(256)) * 5}), tmp_path)


def test_too_large_a_file_is_refused_everywhere(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 10)
    write(tmp_path / "d", {"a": "x" * 11})
    for tree in (
        open_tree(tmp_path / "d", tmp_path),
        open_tree(tarred(tmp_path / "x.tar", {"a": b"x" * 11}), tmp_path),
    ):
        with pytest.raises(VitalsError, match="more than 10 in one file"):
            tree.read("a")


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.xz", "x.tar.zst", "x.tar.bz2"])
def test_what_is_not_what_its_name_says_is_one_line(name, tmp_path):
    (tmp_path / name).write_bytes(b"no archive at all" * 100)
    with pytest.raises(VitalsError, match=r"is damaged or not what its name says|cannot read") as raised:
        open_tree(tmp_path / name, tmp_path)
    assert "\n" not in str(raised.value)


def test_a_tar_cut_short_is_refused_before_anything_is_read(tmp_path):
    whole = tarred(tmp_path / "x.tar.zst", {"a": b"x" * 100_000, "b": b"y"})
    assert open_tree(whole, tmp_path / "spool").read("b") == b"y"
    whole.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(VitalsError, match="damaged"):
        open_tree(whole, tmp_path / "spool")
    plain = tarred(tmp_path / "x.tar", {"a": b"x" * 100_000})
    plain.write_bytes(plain.read_bytes()[:50_000])
    with pytest.raises(VitalsError, match=r"damaged|in the middle"):
        open_tree(plain, tmp_path).read("a")


def test_the_spool_leaves_nothing_behind(tmp_path):
    tree = open_tree(tarred(tmp_path / "x.tar.zst", {"a": b"x"}), tmp_path / "spool")
    assert list((tmp_path / "spool").iterdir()) == [], "it has no name while it is used, too"
    assert tree.sizes() == {"a": 1}
    tree.close()


def test_a_damaged_file_in_a_zip_is_one_line(tmp_path):
    path = zipped(tmp_path / "x.zip", {"a": b"some text to damage"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"damage", b"DAMAGE"))
    with pytest.raises(VitalsError, match=r"a in .*x\.zip is damaged"):
        open_tree(path, tmp_path).read("a")


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(VitalsError, match="there is no"):
        open_tree(tmp_path / "nothing", tmp_path)


@pytest.mark.parametrize("ends", [b"\n", b""])
def test_a_line_without_end_costs_little_memory(tmp_path, ends):
    size = 64 << 20
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.write(b"first\n")
        for _ in range(64):
            file.write(b"x" * (size // 64))
        file.write(ends + (b"last\n" if ends else b""))
    tracemalloc.start()
    lines = list(LineFile(path).lines(NOW))
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()
    letter = too_long(lines[1], "here")
    assert (letter.size, letter.reason, letter.position) == (size + len(ends), "too_large", 2)
    assert letter.sha256 == hashlib.sha256(b"x" * size + ends).hexdigest()
    assert [line.value for line in lines[::2]] == ([b"first", b"last"] if ends else [b"first"])


def test_progress_is_told_in_bytes_of_the_file_on_disk(tmp_path):
    path = tmp_path / "in.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"line\n" * 1000))
    file = LineFile(path)
    list(file.lines(NOW))
    assert file.read_since() == file.size == path.stat().st_size
