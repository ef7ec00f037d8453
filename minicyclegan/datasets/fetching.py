"""Download one large file whose size and sha256 are known: resumed where it broke off, from one mirror or the next."""

import contextlib
import errno
import hashlib
import http.client
import re
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from minicyclegan.errors import DataError

CHUNK = 256 * 1024
ATTEMPTS = 3  # in a row that bring nothing new, before the next mirror is asked


class Refused(Exception):
    """This mirror cannot help; the message says why."""


class Broken(Exception):
    """The connection failed, or the mirror is out of order for now: trying again may help."""


class NoRange(Broken):
    """The mirror mishandles a request for the rest of a file: ask it for the whole."""


def opener() -> urllib.request.OpenerDirector:
    """Opens http and https and nothing else, also when redirected; a proxy is taken from the environment as usual."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        director.add_handler(handler)
    return director


def fault_of(path: Path, n_bytes: int, sha256: str) -> str:
    """What is wrong with a file, by its size and its sha256, as one clause; empty if nothing is."""
    size = path.stat().st_size
    if size != n_bytes:
        return f"it has {size:,} bytes instead of {n_bytes:,}"
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return "it has the right size but a wrong checksum"
    return ""


class Meter:
    """A line of progress: on a terminal one that is overwritten, elsewhere a new one every ten seconds."""

    def __init__(self, first: int, total: int, progress):
        self.over = progress is print and sys.stdout.isatty()
        self.first, self.total, self.progress = first, total, progress
        self.every = 0.2 if self.over else 10.0
        self.started = self.last = time.monotonic()

    def report(self, done: int, last: bool = False) -> None:
        now = time.monotonic()
        if now - self.last < self.every and not last:
            return
        self.last = now
        rate = (done - self.first) / max(now - self.started, 1e-6)
        left = (self.total - done) / rate if rate else float("inf")
        time_left = f"{int(left // 60)}:{int(left % 60):02d} left" if left < 360_000 else "no end in sight"
        line = f"{done / 1e6:,.1f} of {self.total / 1e6:,.1f} MB  {100 * done / self.total:.0f} %  {rate / 1e6:.1f} MB/s  {time_left}"
        if self.over:
            print(f"\r{line:<78}", end="\n" if last else "", flush=True)
        else:
            self.progress(line)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def fetch(
    urls: list[str],
    part: Path,
    n_bytes: int,
    sha256: str,
    progress=print,
    timeout: float = 30.0,
    pause: float = 2.0,
) -> None:
    """Fill `part` from the first of `urls` that gives the right file. What `part` holds already is not asked for again.

    `timeout` is seconds of silence, `pause` the seconds before an address is tried again. A part that is whole but wrong
    is removed. Raises DataError when no address gives the file, and OSError when it cannot be written.
    """
    failures = []
    for url in urls:
        idle, ranges, best, host = 0, True, size_of(part), urlsplit(url).hostname or url
        while True:
            before = size_of(part)
            try:
                if before < n_bytes:
                    stream(url, part, n_bytes, ranges, progress, timeout)
                progress("checking the checksum")
                fault = fault_of(part, n_bytes, sha256)
                if not fault:
                    return
                part.unlink()  # if all of it came from here just now, another try would bring the same
                raise (Broken if before else Refused)(
                    f"the downloaded file is wrong ({fault}) and was removed"
                )
            except Refused as error:
                reason = str(error)
                break
            except Broken as error:
                reason, ranges = str(error), ranges and not isinstance(error, NoRange)
            idle = 0 if size_of(part) > best else idle + 1
            best = max(best, size_of(part))
            if idle == ATTEMPTS:
                break
            progress(f"{host}: {reason}; trying again")
            time.sleep(pause)
        progress(f"{host}: {reason}")
        failures.append(f"{host}: {reason}")
    raise DataError(f"no mirror that could be reached has the right file ({'; '.join(failures)})")


@contextlib.contextmanager
def network():
    """Errors of the network become `Broken`, so that they are never taken for a fault of the disk, or the other way round."""
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code in range(300, 400):
            raise Refused("it redirects in circles, or to something that is not http or https") from error
        passing = error.code >= 500 or error.code in (408, 429)
        phrase = http.client.responses.get(error.code, "")  # not the server's own words: they may be anything
        raise (Broken if passing else Refused)(f"it answers {error.code} {phrase}".strip()) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise Broken("it does not answer in time") from error
        text = str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
        raise Broken(" ".join(text.split())[:200]) from error


def stream(url: str, part: Path, n_bytes: int, ranges: bool, progress, timeout: float) -> None:
    """One request: the rest of the file, or without `ranges` the whole, into `part`. Raises Refused, Broken or NoRange."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise Refused("its address is not http or https")
    start = size_of(part) if ranges else 0
    request = urllib.request.Request(url, headers={"User-Agent": "minicyclegan"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    with network():
        try:
            response = opener().open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            if start and error.code == 416:
                raise NoRange("it cannot resume a broken download") from error
            raise
    with response:
        if start and response.status == 206:
            given = response.headers.get("Content-Range", "")
            if not re.fullmatch(rf"bytes {start}-\d+/({n_bytes}|\*)", given):
                raise NoRange("it cannot resume a broken download")
        elif response.status != 200:
            raise Refused(f"it answers {response.status}, which nobody asked for")
        elif start:
            progress("the mirror cannot resume a broken download; starting again")
            start = 0
        offered = response.headers.get("Content-Length")
        if offered is not None and offered != str(n_bytes - start):
            raise Refused(
                f"it offers {offered[:20]} bytes instead of {n_bytes - start}, so it has another file or wants a login"
            )
        progress(f"{'resuming' if start else 'downloading'} from {urlsplit(response.url).hostname}")
        receive(response, part, start, n_bytes, progress)


def receive(response, part: Path, start: int, n_bytes: int, progress) -> None:
    """Append what arrives to `part`, after its first `start` bytes. Raises Broken when it ends too early."""
    done, meter = start, Meter(start, n_bytes, progress)
    try:
        with open(part, "ab", buffering=0) as file:
            file.truncate(start)
            while done <= n_bytes:
                with network():
                    chunk = response.read1(CHUNK)
                if not chunk:
                    break
                if file.write(chunk) != len(chunk):
                    raise OSError(errno.ENOSPC, "No space left on the disk")
                done += len(chunk)
                meter.report(done)
    finally:
        meter.report(done, last=True)
    if done > n_bytes:
        part.unlink()
        raise Refused(f"it sends more than the {n_bytes} bytes of the file")
    if done < n_bytes:
        raise Broken(f"it broke off after {done / 1e6:,.1f} of {n_bytes / 1e6:,.1f} MB")
