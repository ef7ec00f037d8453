"""Downloads: broken, lying and hanging servers, hostile zip files, interruption, two at a time; all on this machine."""

import hashlib
import http.server
import io
import multiprocessing
import os
import random
import re
import threading
import time
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from conftest import files_in, files_no_larger_than

from minicyclegan.cli import main
from minicyclegan.datasets import downloads
from minicyclegan.datasets.downloads import DATASETS, MIRRORS, DataSet, find, get
from minicyclegan.datasets.fetching import fetch
from minicyclegan.errors import DataError

COUNTS = (3, 4, 2, 1)


def picture(number: int, size: int = 9000) -> bytes:
    """Bytes that a zip cannot shrink; nobody looks inside them here."""
    return random.Random(number).randbytes(size)


def zip_of(entries: list[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one of them has two files of the same name, on purpose
        for name, content in entries:
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def good_entries(name: str = "tiny", counts: tuple[int, ...] = COUNTS) -> list[tuple[str, bytes]]:
    parts = zip(("trainA", "trainB", "testA", "testB"), counts)
    names = [f"{name}/{part}/{i}.jpg" for part, count in parts for i in range(count)]
    return [(path, picture(i)) for i, path in enumerate(names)]


GOOD = zip_of([("tiny/", b""), ("tiny/trainA/", b""), *good_entries()])


def publish(monkeypatch, content: bytes, counts: tuple[int, ...] = COUNTS, **more) -> None:
    """Make `content` the published zip file of a data set called tiny."""
    sha256 = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(DATASETS, "tiny", DataSet(len(content), sha256, counts, "a", "b", **more))


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    publish(monkeypatch, GOOD)


class Server(http.server.ThreadingHTTPServer):
    """Answers each request by the next of `answers`, the last of them again and again, and keeps what was asked."""

    daemon_threads, block_on_close = True, False

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.requests, self.enough = list(answers), [], threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, request, client_address):
        pass  # a client that disconnects is what some tests are about


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answers = self.server.answers
        self.asked = self.headers.get("Range")
        self.server.requests.append((self.path, self.asked))
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *arguments):
        pass

    def send(self, status: int, body: bytes, **headers):
        self.send_response(status)
        for name, value in ({"Content_Length": len(body)} | headers).items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def whole(content: bytes = GOOD, **headers):
    """Ignores Range."""
    return lambda handler: handler.send(200, content, **headers)


def ranged(content: bytes = GOOD):
    """Honours Range as servers should."""

    def answer(handler):
        start = int(re.fullmatch(r"bytes=(\d+)-", handler.asked or "bytes=0-").group(1))
        if start >= len(content):
            return handler.send(416, b"", Content_Range=f"bytes */{len(content)}")
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return handler.send(206 if handler.asked else 200, content[start:], Content_Range=span)

    return answer


def breaks_off(n_bytes: int, content: bytes = GOOD):
    """Promises the rest, sends `n_bytes` of it and hangs up."""

    def answer(handler):
        start = int(re.fullmatch(r"bytes=(\d+)-", handler.asked or "bytes=0-").group(1))
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        length = len(content) - start
        handler.send(
            206 if start else 200, content[start : start + n_bytes], Content_Length=length, Content_Range=span
        )
        handler.close_connection = True

    return answer


def fails(status: int, **headers):
    return lambda handler: handler.send(status, b"sorry", **headers)


def hangs(after: int = 0):
    """Sends the first part, then nothing, until the test is over."""

    def answer(handler):
        handler.send(200, GOOD[:after], Content_Length=len(GOOD))
        handler.wfile.flush()
        handler.server.enough.wait(20)

    return answer


@pytest.fixture
def serve():
    servers = []

    def start(*answers) -> Server:
        servers.append(Server(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.enough.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def fetched(tmp_path):
    """Runs `get` for the tiny set on these servers; the lines of progress are kept."""
    lines = []

    def run(*servers: Server, **options) -> Path:
        options = {
            "mirrors": tuple(s.url for s in servers),
            "timeout": 5.0,
            "pause": 0.0,
            "progress": lines.append,
        } | options
        return get("tiny", tmp_path, **options)

    return SimpleNamespace(run=run, lines=lines, folder=tmp_path, part=tmp_path / "tiny.zip.part")


def is_whole(folder: Path) -> bool:
    return all((folder / path).read_bytes() == content for path, content in good_entries()) and files_in(
        folder
    ) == sorted(path for path, _ in good_entries())


def refused(fetched, *servers, words=(), left=(), **options) -> str:
    """`get` refuses in one sentence that holds these words, and leaves nothing but these files."""
    with pytest.raises(DataError) as caught:
        fetched.run(*servers, **options)
    text = str(caught.value)
    assert text.isprintable()
    for word in words:
        assert word in text, f"{word!r} is not in: {text}"
    assert files_in(fetched.folder) == sorted(left)
    return text


# The table


def test_the_table_has_the_eleven_sets_of_the_paper():
    assert len(DATASETS) - 1 == 11
    for name, dataset in DATASETS.items():
        assert re.fullmatch("[0-9a-f]{64}", dataset.sha256) and dataset.n_bytes > 1000, name
        assert len(dataset.counts) == 4 and all(dataset.counts) and dataset.a and dataset.b
    real = [dataset for name, dataset in DATASETS.items() if name != "tiny"]
    assert len({dataset.sha256 for dataset in real}) == 11
    # sums over the columns of the published table, taken from it by a program: a slip in one number shows
    together = hashlib.sha256("".join(dataset.sha256 for dataset in real).encode()).hexdigest()
    assert together == "0835803f42a69f6cce37318c0a85d6487ebda3d45340ac0c48687787d99dea4b"
    assert sum(dataset.n_bytes for dataset in real) == 3644074607
    assert [sum(d.counts[k] for d in real) for k in range(4)] == [12135, 36259, 3810, 5814]
    assert [mirror.split("/")[2] for mirror in MIRRORS] == [
        "efrosgans.eecs.berkeley.edu",
        "people.eecs.berkeley.edu",
    ]


# Downloads that go well in the end


def test_a_download_arrives_whole_and_leaves_nothing_else(serve, fetched):
    server = serve(ranged())
    assert fetched.run(server) == fetched.folder / "tiny"
    assert is_whole(fetched.folder)
    assert server.requests == [("/tiny.zip", None)]
    assert any(re.search(r"0\.1 of 0\.1 MB  100 %  .* MB/s  0:00 left", line) for line in fetched.lines)
    assert fetched.lines[-1].endswith("trainA 3, trainB 4, testA 2, testB 1")


def test_a_broken_download_goes_on_where_it_was(serve, fetched):
    server = serve(breaks_off(20_000), breaks_off(30_000), ranged())
    fetched.run(server)
    assert is_whole(fetched.folder)
    assert [asked for _, asked in server.requests] == [None, "bytes=20000-", "bytes=50000-"]


def test_a_server_that_often_breaks_off_but_goes_forward_is_not_given_up(serve, fetched):
    server = serve(breaks_off(6_000))
    fetched.run(server)
    assert is_whole(fetched.folder) and len(server.requests) > 10


def test_the_part_of_an_earlier_try_is_used(serve, fetched):
    fetched.part.write_bytes(GOOD[:40_000])
    server = serve(ranged())
    fetched.run(server)
    assert is_whole(fetched.folder) and server.requests == [("/tiny.zip", "bytes=40000-")]


def test_a_part_that_is_complete_needs_no_server(fetched):
    fetched.part.write_bytes(GOOD)
    fetched.run(mirrors=("http://127.0.0.1:9/",))
    assert is_whole(fetched.folder)


@pytest.mark.parametrize("size", [len(GOOD), len(GOOD) + 5000])
def test_a_part_with_wrong_bytes_is_removed_and_made_anew(serve, fetched, size):
    fetched.part.write_bytes(b"x" * size)
    server = serve(ranged())
    fetched.run(server)
    assert is_whole(fetched.folder) and server.requests == [("/tiny.zip", None)]


def test_a_part_of_another_file_is_found_out_and_made_anew(serve, fetched):
    fetched.part.write_bytes(b"x" * 40_000)
    server = serve(ranged())
    fetched.run(server)
    assert is_whole(fetched.folder) and [asked for _, asked in server.requests] == ["bytes=40000-", None]
    assert any("wrong checksum" in line for line in fetched.lines)


def test_a_server_that_ignores_range_starts_again(serve, fetched):
    server = serve(breaks_off(20_000), whole())
    fetched.run(server)
    assert is_whole(fetched.folder) and len(server.requests) == 2


@pytest.mark.parametrize(
    "content_range",
    [
        "bytes 0-9/10",
        f"bytes 0-{len(GOOD) - 1}/{len(GOOD)}",
        f"bytes 20000-29999/{len(GOOD) + 1}",
        "nonsense",
        None,
    ],
)
def test_a_wrong_content_range_is_not_believed(serve, fetched, content_range):
    server = serve(
        breaks_off(20_000), lambda h: h.send(206, GOOD[20_000:], Content_Range=content_range), whole()
    )
    fetched.run(server)
    assert is_whole(fetched.folder)
    assert [asked for _, asked in server.requests] == [None, "bytes=20000-", None]


def test_a_server_that_refuses_the_range_is_asked_for_the_whole(serve, fetched):
    fetched.part.write_bytes(GOOD[:40_000])
    server = serve(fails(416), whole())
    fetched.run(server)
    assert is_whole(fetched.folder) and [asked for _, asked in server.requests] == ["bytes=40000-", None]


def test_no_content_length_is_no_fault(serve, fetched):
    fetched.run(serve(whole(Content_Length=None)))
    assert is_whole(fetched.folder)


def test_a_redirection_to_another_server_is_followed(serve, fetched):
    real = serve(ranged())
    fetched.run(serve(fails(302, Location=f"{real.url}elsewhere.zip")))
    assert is_whole(fetched.folder) and real.requests == [("/elsewhere.zip", None)]


def test_a_moment_of_trouble_is_waited_for(serve, fetched):
    fetched.run(serve(fails(503), fails(500), ranged()))
    assert is_whole(fetched.folder)


# The second mirror


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (fails(404), "it answers 404"),
        (fails(403), "it answers 403"),
        (lambda handler: handler.wfile.write(b"no http at all\n\n"), "no http at all"),
        (
            lambda handler: handler.wfile.write(b"HTTP/1.1 404 first\x1b[2J\r\n\r\n"),
            "it answers 404 Not Found",
        ),
        (fails(500), "it answers 500"),
        (fails(206), "it answers 206, which nobody asked for"),
        (fails(302, Location="file:///etc/hostname"), "it redirects in circles, or"),
        (fails(302, Location="ftp://127.0.0.1/tiny.zip"), "it redirects in circles, or"),
        (fails(302, Location="/tiny.zip"), "it redirects in circles"),
        (whole(Content_Length=len(GOOD) - 100), f"it offers {len(GOOD) - 100} bytes instead of {len(GOOD)}"),
        (whole(Content_Length=len(GOOD) + 100), f"it offers {len(GOOD) + 100} bytes instead of {len(GOOD)}"),
        (whole(b"<html>log in first</html>"), "it offers 25 bytes"),
        (whole(GOOD + b"more", Content_Length=None), f"it sends more than the {len(GOOD)} bytes"),
        (
            whole(b"x" * len(GOOD)),
            "the downloaded file is wrong (it has the right size but a wrong checksum) and was removed",
        ),
    ],
    ids=lambda value: re.sub(r"[^a-z0-9]+", "-", value)[:30] if isinstance(value, str) else "",
)
def test_the_second_mirror_helps_and_without_one_the_reason_is_said(serve, fetched, answer, reason):
    refused(
        fetched,
        serve(answer),
        words=["no mirror that could be reached has the right file", "127.0.0.1: " + reason],
    )
    assert any(reason in line for line in fetched.lines)
    good = serve(ranged())
    fetched.run(serve(answer), good)
    assert is_whole(fetched.folder) and good.requests == [("/tiny.zip", None)]


def test_a_body_shorter_than_promised_is_kept_to_go_on(serve, fetched):
    server = serve(whole(GOOD[:-100], Content_Length=len(GOOD)))
    refused(
        fetched,
        server,
        words=["it broke off after", "is kept, and the next try resumes"],
        left=["tiny.zip.part"],
    )
    assert fetched.part.read_bytes() == GOOD[:-100]
    assert len(server.requests) == 4  # one that brought something, three that brought nothing new
    good = serve(ranged())
    fetched.run(good)
    assert is_whole(fetched.folder) and good.requests == [("/tiny.zip", f"bytes={len(GOOD) - 100}-")]


def test_the_second_mirror_goes_on_where_the_first_broke_off(serve, fetched):
    good = serve(ranged())
    fetched.run(serve(breaks_off(20_000), fails(404)), good)
    assert is_whole(fetched.folder) and good.requests == [("/tiny.zip", "bytes=20000-")]


def test_a_server_that_hangs_is_left(serve, fetched):
    good = serve(ranged())
    fetched.run(serve(hangs(after=20_000)), good, timeout=0.1)
    assert is_whole(fetched.folder) and good.requests == [("/tiny.zip", "bytes=20000-")]
    assert any("it does not answer in time" in line for line in fetched.lines)


def test_without_a_network_one_sentence_says_what_to_do(fetched):
    mirrors = ("http://127.0.0.1:9/", "http://nowhere.invalid/", "file:///etc/")
    words = ["no mirror that could be reached", "nowhere.invalid", "its address is not http or https"]
    words += [f"put tiny.zip at {fetched.folder / 'tiny.zip'}"]
    refused(fetched, mirrors=mirrors, words=words)


def test_a_note_of_the_table_is_in_the_sentence(serve, fetched, monkeypatch):
    publish(monkeypatch, GOOD, note="withdrawn perhaps")
    refused(fetched, serve(fails(404)), words=["withdrawn perhaps"])


# A zip brought by hand, and what is already there


def test_a_zip_brought_by_hand_is_taken_and_kept(fetched):
    (fetched.folder / "tiny.zip").write_bytes(GOOD)
    fetched.run(mirrors=())
    (fetched.folder / "tiny.zip").unlink()
    assert is_whole(fetched.folder)


@pytest.mark.parametrize("content", [GOOD[:-1], b"x" * len(GOOD)], ids=["cut off", "other bytes"])
def test_a_wrong_zip_brought_by_hand_is_refused_and_kept(fetched, content):
    (fetched.folder / "tiny.zip").write_bytes(content)
    word = (
        "wrong checksum"
        if len(content) == len(GOOD)
        else f"has {len(content):,} bytes instead of {len(GOOD):,}"
    )
    refused(fetched, mirrors=(), words=[word, "tiny.zip"], left=["tiny.zip"])


def test_what_is_there_already_is_left_alone(serve, fetched):
    server = serve(ranged())
    folder = fetched.run(server)
    (folder / "mine.txt").write_text("kept")
    assert fetched.run(server) == folder and len(server.requests) == 1
    assert fetched.lines[-1].startswith("already there") and (folder / "mine.txt").exists()


def test_what_is_there_by_halves_is_not_touched(fetched):
    (fetched.folder / "tiny" / "trainA").mkdir(parents=True)
    (fetched.folder / "tiny" / "trainA" / "0.jpg").write_bytes(b"")
    words = ["has trainA 1, trainB 0, testA 0, testB 0 instead of trainA 3", "move it away"]
    refused(fetched, mirrors=(), words=words, left=["tiny/trainA/0.jpg"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("horse2zebr", "did you mean horse2zebra?"),
        ("Monet2Photo", "did you mean monet2photo?"),
        ("xyzzy", "there are apple2orange, "),
        ("../tiny", "did you mean tiny?"),
        ("seasons", "needs no download"),
        ("emoji", "needs no download"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(tmp_path, name, words):
    with pytest.raises(DataError, match=re.escape(words)):
        get(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


# Disk, interruption, two at a time


def test_too_little_space_is_said_before_the_download(serve, fetched, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2 * len(GOOD)))
    server = serve(ranged())
    refused(fetched, server, words=["MB free", "MB are needed"])
    assert server.requests == []
    fetched.part.write_bytes(GOOD[:50_000])  # what is here already need not fit again
    fetched.run(server)
    assert is_whole(fetched.folder)


def test_a_full_disk_is_not_taken_for_a_bad_connection(serve, fetched):
    server = serve(ranged())
    with files_no_larger_than(30_000):
        refused(fetched, server, words=["cannot write in", "free some space"], left=["tiny.zip.part"])
    assert len(server.requests) == 1
    fetched.run(server)
    assert is_whole(fetched.folder) and server.requests[1] == ("/tiny.zip", "bytes=30000-")


def test_a_full_disk_while_unpacking_leaves_only_the_part(serve, fetched, monkeypatch):
    content = zip_of([(path, b"\0" * 300_000) for path, _ in good_entries()])
    publish(monkeypatch, content)
    with files_no_larger_than(200_000):
        refused(
            fetched,
            serve(ranged(content)),
            words=["cannot write in", "free some space"],
            left=["tiny.zip.part"],
        )


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write in .*file/deep"):
        get("tiny", tmp_path / "file" / "deep", ())


@pytest.mark.parametrize("moment", [40_000, "unpacking"])
def test_an_interruption_leaves_only_the_part_and_the_next_try_goes_on(serve, fetched, monkeypatch, moment):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if moment == "unpacking":
            patch.setattr(zipfile.ZipFile, "extractall", interrupt)
        else:
            patch.setattr(
                "minicyclegan.datasets.fetching.Meter.report",
                lambda self, done, last=False: last or interrupt(),
            )
        with pytest.raises(KeyboardInterrupt):
            fetched.run(serve(ranged()))
    assert files_in(fetched.folder) == ["tiny.zip.part"] and fetched.part.stat().st_size > 0
    fetched.run(serve(ranged()))
    assert is_whole(fetched.folder)


def get_in_a_process(folder: Path, url: str, results) -> None:
    DATASETS["tiny"] = DataSet(len(GOOD), hashlib.sha256(GOOD).hexdigest(), COUNTS, "a", "b")
    try:
        get("tiny", folder, (url,), progress=lambda line: None, pause=0.0)
        results.put("done")
    except DataError as error:
        results.put(str(error))


def test_two_processes_do_not_disturb_each_other(serve, fetched):
    def slow(handler):
        handler.send(200, GOOD[:1000], Content_Length=len(GOOD))
        time.sleep(0.5)
        handler.wfile.write(GOOD[1000:])

    server = serve(slow)
    context = multiprocessing.get_context("fork" if os.name != "nt" else "spawn")
    results = context.Queue()
    others = [
        context.Process(target=get_in_a_process, args=(fetched.folder, server.url, results)) for _ in range(3)
    ]
    for process in others:
        process.start()
    texts = [results.get(timeout=20) for _ in others]
    for process in others:
        process.join(20)
    assert texts.count("done") >= 1
    assert all(text == "done" or "another process is downloading tiny" in text for text in texts)
    assert len(server.requests) == 1 and is_whole(fetched.folder)


def test_what_a_killed_process_left_does_not_stand_in_the_way(serve, fetched):
    (fetched.folder / ".tiny.lock").write_bytes(b"")
    (fetched.folder / ".tiny.unpacking" / "trainA").mkdir(parents=True)
    (fetched.folder / ".tiny.unpacking" / "trainA" / "0.jpg").write_bytes(b"half")
    fetched.run(serve(ranged()))
    assert is_whole(fetched.folder)


# A file whose checksum is right is the published one; these are what a wrong line in DATASETS would bring
UNFIT = {
    "cut off": (GOOD[:-30], "damaged"),
    "no zip": (picture(0, 50_000), "damaged"),
    "nothing inside": (zip_of([]), "holds trainA 0, trainB 0"),
    "too few": (zip_of(good_entries()[:-1]), "holds trainA 3, trainB 4, testA 2, testB 0 instead of"),
    "wrong top": (zip_of(good_entries("tinier")), "holds trainA 0, trainB 0"),
    "parent": (zip_of([("../evil", b"")]), "holds trainA 0, trainB 0"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_zip_that_is_not_the_data_set_is_refused_and_nothing_of_it_stays(fetched, monkeypatch, case):
    content, reason = UNFIT[case]
    publish(monkeypatch, content)
    inner = fetched.folder / "inner"
    inner.mkdir()
    (inner / "tiny.zip").write_bytes(content)
    with pytest.raises(DataError) as caught:
        get("tiny", inner, (), progress=lambda line: None)
    assert reason in str(caught.value) and "\n" not in str(caught.value)
    assert files_in(fetched.folder) == ["inner/tiny.zip"] and not (inner / "tiny").exists()
    assert not Path("/tmp/evil").exists()


def test_more_inside_the_folder_is_welcome(fetched, monkeypatch):
    more = [
        ("tiny/val/0.jpg", b"v"),
        ("tiny/readme.txt", b"hello"),
        ("tiny/trainA/.hidden.jpg", b""),
        ("tiny/trainA/Thumbs.db", b""),
    ]
    content = zip_of([*good_entries(), *more, ("__MACOSX/tiny/._x", b"")])
    publish(monkeypatch, content)
    (fetched.folder / "tiny.zip").write_bytes(content)
    fetched.run(mirrors=())
    expected = [path for path, _ in [*good_entries(), *more]] + ["tiny.zip"]
    assert files_in(fetched.folder) == sorted(expected)


# Where it is found, and the command line


def test_find_looks_here_and_wants_all_four_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find("tiny") is None
    for part in downloads.PARTS:
        assert find("tiny") is None
        (tmp_path / "data" / "downloads" / "tiny" / part).mkdir(parents=True)
    assert find("tiny") == tmp_path / "data" / "downloads" / "tiny"


def call(*arguments):
    result = CliRunner().invoke(main, ["data", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.stdout, result.stderr


def test_data_list_names_all_and_says_what_is_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text, _ = call("list")
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert code == 0 and set(DATASETS) <= set(rows) and {"seasons", "emoji", "old_photos"} <= set(rows)
    assert re.search(r"117\s+1067\s+1334\s+120\s+140\s+-\s+horses\s+zebras", rows["horse2zebra"])
    (tmp_path / "data" / "downloads").mkdir(parents=True)
    (tmp_path / "data" / "downloads" / "tiny.zip").write_bytes(GOOD)
    get("tiny", progress=lambda line: None, mirrors=())
    assert re.search(r"tiny .* here ", call("list")[1])
    (tmp_path / "data" / "downloads" / "tiny" / "trainA" / "0.jpg").unlink()
    assert re.search(r"tiny .* partly ", call("list")[1])


def test_data_get_downloads(serve, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(downloads, "MIRRORS", (serve(ranged()).url,))
    code, text, _ = call("get", "tiny")
    assert code == 0 and "ready: data/downloads/tiny" in text and "minicyclegan train tiny\n" in text
    assert is_whole(tmp_path / "data" / "downloads")
    code, text, _ = call("get", "tiny", "-o", tmp_path / "else")
    assert code == 0 and is_whole(tmp_path / "else") and f"train tiny --data {tmp_path}/else/tiny\n" in text


def test_data_get_says_one_sentence_when_it_fails(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "MIRRORS", (serve(fails(404)).url,))
    code, _, error = call("get", "tiny", "-o", tmp_path)
    assert (
        code == 1 and error.startswith("minicyclegan: tiny was not downloaded: ") and error.count("\n") == 1
    )
    assert (
        call("get", "horse2zebr")[2]
        == "minicyclegan: there is no data set 'horse2zebr' to download; did you mean horse2zebra?\n"
    )


def test_data_get_that_is_stopped_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "get", interrupt)
    code, _, error = call("get", "tiny", "-o", tmp_path)
    assert code == 130 and "the same command resumes the download" in error


def test_data_check_prints_the_report_and_fails_on_problems(monkeypatch, tmp_path):
    checkup = pytest.importorskip("minicyclegan.datasets.inspection")
    for problems, expected in (([], 0), (["trainA is empty"], 1)):
        report = SimpleNamespace(lines=["one", "two"], problems=problems, warnings=["a little small"])
        monkeypatch.setattr(checkup, "check_folder", lambda folder, report=report: report)
        code, text, _ = call("check", tmp_path)
        assert code == expected and text.splitlines()[:2] == ["one", "two"]


def test_fetch_does_not_flood_the_log(serve, tmp_path):
    content = picture(1, 3_000_000)
    lines = []
    fetch(
        [serve(ranged(content)).url],
        tmp_path / "part",
        len(content),
        hashlib.sha256(content).hexdigest(),
        lines.append,
    )
    assert (tmp_path / "part").read_bytes() == content and len(lines) <= 4
