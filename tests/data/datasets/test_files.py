"""Publishers' files: whole or not at all, from a folder or from a server on loopback."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jaxmed.data.datasets.entry import RemoteFile
from jaxmed.data.datasets.files import obtain

CONTENT = bytes(range(256)) * 8192  # 2 MiB: more than one read
MD5 = hashlib.md5(CONTENT).hexdigest()


class Publisher(BaseHTTPRequestHandler):
    """Sends the file whole, cut short, or altered; knows no other address."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        sent = {"/cut": CONTENT[: 3 << 19], "/altered": b"x" + CONTENT[1:]}
        self.wfile.write(sent.get(self.path, CONTENT))

    def log_message(self, *arguments):
        pass


@pytest.fixture
def publisher():
    with ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _file(server, path="/whole"):
    return RemoteFile("scans.npz", f"http://127.0.0.1:{server.server_port}{path}", MD5)


def test_a_download_is_kept_and_not_repeated(publisher, tmp_path):
    for _ in range(2):
        path = obtain(_file(publisher), manual_dir=None, download_dir=tmp_path / "downloads")
        assert path.read_bytes() == CONTENT
    assert publisher.asked == ["/whole"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_users_own_file_comes_first(publisher, tmp_path):
    (tmp_path / "scans.npz").write_bytes(CONTENT)
    found = obtain(_file(publisher), manual_dir=tmp_path, download_dir=tmp_path / "downloads")
    assert found == tmp_path / "scans.npz"
    assert publisher.asked == []


@pytest.mark.parametrize("path", ["/cut", "/altered"])
def test_what_arrives_altered_or_cut_short_leaves_nothing(publisher, tmp_path, path):
    # Some Pythons notice the missing bytes themselves, others hand over what came.
    with pytest.raises((ValueError, ConnectionError), match=r"scans\.npz .*download it from http"):
        obtain(_file(publisher, path), manual_dir=None, download_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(publisher, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("jaxmed.data.datasets.files._checksum", interrupted)
    with pytest.raises(KeyboardInterrupt):
        obtain(_file(publisher), manual_dir=None, download_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_server_says_where_to_get_the_file(tmp_path):
    file = RemoteFile("scans.npz", "http://127.0.0.1:9/scans.npz", MD5)
    with pytest.raises(
        ConnectionError,
        match=r"scans\.npz is not in .* and cannot be downloaded \(.*refused\): "
        r"download it from http://127\.0\.0\.1:9/scans\.npz and pass its folder as manual_dir",
    ):
        obtain(file, manual_dir=tmp_path, download_dir=tmp_path / "downloads")


def test_an_address_that_moved_says_so(publisher, tmp_path):
    with pytest.raises(ConnectionError, match=r"cannot be downloaded \(Not Found\)"):
        obtain(_file(publisher, "/missing"), manual_dir=None, download_dir=tmp_path)


@pytest.mark.parametrize("kept", [False, True])
def test_a_truncated_copy_is_refused_by_its_checksum(publisher, tmp_path, kept):
    name = f"{MD5[:8]}-scans.npz" if kept else "scans.npz"
    (tmp_path / name).write_bytes(CONTENT[:-1])
    found = hashlib.md5(CONTENT[:-1]).hexdigest()
    remedy = "delete it, to download it again" if kept else "get it again"
    with pytest.raises(ValueError, match=rf"{name} .* {found}, but must be {MD5}; {remedy} from"):
        obtain(_file(publisher), manual_dir=tmp_path, download_dir=tmp_path)
    assert (tmp_path / name).read_bytes() == CONTENT[:-1], "the user's file was touched"
    assert publisher.asked == []
