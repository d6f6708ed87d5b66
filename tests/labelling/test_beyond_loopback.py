"""The page served to other machines: over TLS, to people who were invited, and to nobody else."""

import contextlib
import datetime
import ipaddress
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rlhp_ray.labelling.guard import TOKEN_HEADER

PORT = 18700
ADDRESS = f"https://127.0.0.1:{PORT}"


@pytest.fixture
def certificate(tmp_path) -> tuple[str, str]:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rlhp test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    unlocked = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked))
    return str(files[0]), str(files[1])


def command(directory: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "rlhp_ray.cli", "label", str(directory), *options]


def link_for(directory: Path, name: str, *options: str) -> str:
    told = subprocess.run(command(directory, "--invite", name, *options), capture_output=True, text=True, check=True)
    return told.stdout.strip()


@contextlib.contextmanager
def served(directory: Path, *options: str) -> Iterator[str]:
    """What the server says first, once it is up."""
    process = subprocess.Popen(command(directory, *options), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1):
                break
            time.sleep(0.05)
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_over_tls_an_invitation_lets_its_person_answer(queue, certificate):
    run, tls = queue.path.parent, ("--certificate", certificate[0], "--key", certificate[1], "--port", str(PORT))
    link = link_for(run, "ada", *tls)
    address, token = link.split("/join#")
    assert (address, re.fullmatch(r"[\w-]{43}", token) is not None) == (ADDRESS, True)
    with served(run, *tls) as said:
        assert said == f"rlhp: people who are invited label at {ADDRESS}/\n"
        trusted = ssl.create_default_context(cafile=certificate[0])
        with httpx.Client(base_url=ADDRESS, verify=trusted, headers={"origin": ADDRESS}) as client:
            assert client.get("/").status_code == 401
            assert client.post("/api/join", json={"token": "x" * 43}).status_code == 401
            joined = client.post("/api/join", json={"token": token})
            cookie = joined.headers["set-cookie"]
            assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Secure"))
            found = re.search(r'rlhp-token" content="(\w+)"', client.get("/").text)
            client.headers[TOKEN_HEADER] = found[1]
            query = client.post("/api/lease", json={"count": 1}).json()["queries"][0]
            body = {"submission": "0" * 32, "query": query["id"], "answer": "left", "seconds": 1.0}
            assert client.post("/api/answers", json=body).json() == {"stored": True, "new": True}
        assert link_for(run, "bob").startswith(f"{ADDRESS}/join#")  # where it was served last
    assert [given.labeller for given in queue.take_settled(all_of_them=True)] == ["ada"]
    told = [json.loads(line) for line in (run / ".labelling" / "audit.jsonl").read_text().splitlines()]
    events = [(line["event"], line.get("labeller")) for line in told]
    assert events[:1] + events[-3:] == [("invited", "ada"), ("joined", "ada"), ("answered", "ada"), ("invited", "bob")]
    assert token not in json.dumps(told)


def test_the_link_opens_the_page_in_a_browser(queue, certificate, browser):
    run, tls = queue.path.parent, ("--certificate", certificate[0], "--key", certificate[1], "--port", str(PORT))
    link = link_for(run, "ada", *tls)
    with served(run, *tls), contextlib.closing(browser.new_context(ignore_https_errors=True)) as context:
        page = context.new_page()
        page.goto(link + "wrong")
        page.wait_for_selector("text=nobody was invited to this run with that link")
        page.goto(f"{ADDRESS}/assets/join.js")
        page.goto(link)
        page.wait_for_selector("#pair:not([hidden])")
        assert "#" not in page.url and page.evaluate("document.cookie") == ""
        page.keyboard.press("ArrowLeft")
        for _ in range(200):
            if queue.counts().answered:
                break
            page.wait_for_timeout(25)
    assert [given.labeller for given in queue.take_settled(all_of_them=True)] == ["ada"]


def test_behind_a_proxy_the_address_that_people_type_counts(queue):
    run, options = queue.path.parent, ("--address", "https://label.example.org", "--port", str(PORT))
    token = link_for(run, "ada", *options).removeprefix("https://label.example.org/join#")
    with served(run, *options):
        headers = {"host": "label.example.org", "origin": "https://label.example.org"}
        joined = httpx.post(f"http://127.0.0.1:{PORT}/api/join", json={"token": token}, headers=headers)
        assert (joined.status_code, "Secure" in joined.headers["set-cookie"]) == (200, True)
        assert httpx.get(f"http://127.0.0.1:{PORT}/join").status_code == 421


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (["--invite", "ada"], 2, "--invite: it is not known where people will reach the page"),
        (["--invite", "a b", "--host", "10.0.0.5"], 2, "--invite: got 'a b'; expected letters"),
        (["--host", "0.0.0.0"], 2, "--host: 0.0.0.0 listens everywhere; expected --address as well"),
        (["--host", "192.0.2.1"], 1, "--host: '192.0.2.1' is no address of this machine"),
        (["--host", "no.such.name.invalid"], 1, "--host: 'no.such.name.invalid' is not known here"),
        (["--certificate", "c.pem"], 2, "--certificate and --key: got one of them"),
        (["--certificate", "no.pem", "--key", "no.pem"], 2, "--certificate, --key: no.pem and no.pem cannot be used"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(queue, options, code, expected):
    told = subprocess.run(command(queue.path.parent, *options), capture_output=True, text=True, timeout=60)
    assert (told.returncode, told.stdout, expected in told.stderr, told.stderr.count("\n")) == (code, "", True, 1)
