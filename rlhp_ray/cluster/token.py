"""The token that a cluster may ask for: where Ray looks for it, and what to say where it does not fit."""

import os
from pathlib import Path

TOKEN_FILE = "~/.ray/auth_token"


def find_token() -> str | None:
    """The token of this machine: `RAY_AUTH_TOKEN`, the file that `RAY_AUTH_TOKEN_PATH` names, or Ray's own file."""
    told = os.environ.get("RAY_AUTH_TOKEN", "").strip()
    if told:
        return told
    try:
        text = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or TOKEN_FILE).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text.strip() or None


def enable_token() -> None:
    """Make this process, and those that it starts, show the token to clusters."""
    os.environ["RAY_AUTH_MODE"] = "token"
    from ray._raylet import Config  # type: ignore[attr-defined]  # compiled, without a stub

    Config.initialize("")  # Ray reads its environment when it is imported, which may have been before


def token_problem(token: str | None, where: str) -> str:
    """What to tell a person whose token, or the lack of one, a cluster refused."""
    if token is None:
        return (
            f"{where} asks for a token, and this machine has none; expected the cluster's one in {TOKEN_FILE}. Copy "
            "it from where the cluster was launched."
        )
    return (
        f"{where} refuses this machine's token; expected the cluster's one in {TOKEN_FILE} (or RAY_AUTH_TOKEN). Copy "
        "it from where the cluster was launched."
    )
