"""Invitations: what is stored of them, whom they let in, and what the audit log says."""

import json
import stat

import pytest

from rlhp_ray.errors import ConfigError, LabellingError
from rlhp_ray.labelling import admission
from rlhp_ray.labelling.admission import MAX_SESSIONS_OF_ONE, Invited
from rlhp_ray.labelling.audit_log import MAX_REFUSALS_A_MINUTE, AuditLog
from rlhp_ray.labelling.public_address import PublicAddress, parse_address
from rlhp_ray.labelling.serving_options import ServingOptions


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_lets_its_person_in_and_is_not_stored(tmp_path):
    invited = Invited(tmp_path)
    token = invited.invite("ada")
    session, labeller = invited.join(token)
    assert (labeller, invited.labeller_of(session), Invited(tmp_path).labeller_of(session)) == ("ada", "ada", "ada")
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"ada" in stored and token.encode() not in stored and session.encode() not in stored
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}


def test_what_is_no_token_of_this_run_lets_nobody_in(tmp_path):
    (tmp_path / "other").mkdir()
    invited, other = Invited(tmp_path), Invited(tmp_path / "other")
    invited.invite("ada")
    token = other.invite("ada")
    session, _ = other.join(token)
    assert [invited.join(each) for each in ("", "x", token, token[:-1])] == [None] * 4
    assert invited.labeller_of(session) is None
    assert invited.cookie != other.cookie


def test_a_second_invitation_ends_the_first_one_and_its_sessions(tmp_path):
    invited = Invited(tmp_path)
    token, others = invited.invite("ada"), invited.invite("bob")
    session, bobs = invited.join(token)[0], invited.join(others)[0]
    assert invited.join(invited.invite("ada"))[1] == "ada"
    assert (invited.join(token), invited.labeller_of(session), invited.labeller_of(bobs)) == (None, None, "bob")


def test_sessions_and_people_are_bounded(tmp_path, monkeypatch):
    invited = Invited(tmp_path)
    token = invited.invite("ada")
    sessions = [invited.join(token)[0] for _ in range(MAX_SESSIONS_OF_ONE + 1)]
    assert [invited.labeller_of(session) for session in sessions] == [None, *["ada"] * MAX_SESSIONS_OF_ONE]
    monkeypatch.setattr(admission, "MAX_INVITED", 1)
    with pytest.raises(LabellingError, match="expected 1 at most"):
        invited.invite("bob")
    invited.invite("ada")


def test_a_file_that_is_none_of_ours_is_refused(tmp_path):
    (tmp_path / admission.INVITATIONS_FILE).write_bytes(b"no database" * 100)
    with pytest.raises(LabellingError, match="expected the invitations that rlhp wrote"):
        Invited(tmp_path)


def test_the_audit_log_is_bounded_private_and_counts_a_flood(tmp_path):
    now = [0.0]
    log = AuditLog(tmp_path, max_bytes=20_000, clock=lambda: now[0])
    log.note("answered", labeller="ada", query=3, answer="left")
    for _ in range(MAX_REFUSALS_A_MINUTE + 5):
        log.note_refusal(403, "foreign Origin", "POST", "10.0.0.9", None)
    now[0] = 60.0
    log.note_refusal(403, "foreign Origin", "POST", "10.0.0.9", None)
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    expected = {"event": "answered", "labeller": "ada", "query": 3, "answer": "left"}
    assert lines[0] == {"time": "1970-01-01T00:00:00.000+00:00", **expected}
    assert len(lines) == 1 + MAX_REFUSALS_A_MINUTE + 2
    assert (lines[-2]["event"], lines[-2]["times"]) == ("refused more", 5)
    for number in range(1000):
        log.note("answered", labeller="ada", query=number, answer="left")
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["audit.1.jsonl", "audit.jsonl"]
    assert all(path.stat().st_size <= 20_000 and mode(path) == 0o600 for path in files)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Label.example.org", "https://label.example.org"),
        ("https://label.example.org:443/", "https://label.example.org"),
        ("http://10.0.0.5:8420", "http://10.0.0.5:8420"),
        ("https://[fd00::1]:8420", "https://[fd00::1]:8420"),
    ],
)
def test_addresses_are_written_as_browsers_write_origins(text, origin):
    address = parse_address(text)
    assert address.origin == origin
    assert address.is_host(origin.split("//")[1])
    assert not address.is_host("evil.example") and not address.is_host("[")


@pytest.mark.parametrize(
    "text", ["", "label.example.org", "ftp://x", "https://", "https://a/b", "https://u@a", "https://a:b", "https://["]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="expected where people reach the page"):
        parse_address(text)


def test_where_it_is_served_says_whether_invitations_are_needed(tmp_path):
    assert ServingOptions().public_address(8420) is None
    assert ServingOptions(host="::1").public_address(8420) is None
    assert ServingOptions(host="10.0.0.5").public_address(8421) == PublicAddress("http", "10.0.0.5", 8421)
    behind = ServingOptions(address="https://label.example.org")
    assert behind.public_address(8420) == PublicAddress("https", "label.example.org", 443)
    with pytest.raises(ConfigError, match="got one of them"):
        ServingOptions(certificate="c.pem")
    for everywhere in ("0.0.0.0", "::"):
        with pytest.raises(ConfigError, match="listens everywhere; expected --address"):
            ServingOptions(host=everywhere)
    (tmp_path / "c.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="expected a certificate and its key as PEM files"):
        ServingOptions(certificate=str(tmp_path / "c.pem"), key=str(tmp_path / "c.pem")).check_certificate()
