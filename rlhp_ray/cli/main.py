"""`rlhp`: dispatches commands, and turns every failure into one clear message and an exit code.

Exit codes: 0 done, 1 failed, 2 usage or configuration, 130 interrupted.
"""

import os
import select
import shlex
import sys
from collections.abc import Callable, Sequence

from rlhp_ray.cli.parser import parse_arguments
from rlhp_ray.errors import RlhpError

_INTERRUPTED = 130
_TRACEBACK_VARIABLE = "RLHP_TRACEBACK"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line (default: the process's own) and returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    code = _guarded(lambda: _dispatch(words))
    if _stdout_is_broken():
        _discard_stdout()
    return code


def _dispatch(words: Sequence[str]) -> int:
    arguments = parse_arguments(words)
    from rlhp_ray.cli import (
        check_command,
        commands,
        label_commands,
        preference_commands,
        report_commands,
        reward_commands,
        runs_commands,
        sweep_commands,
    )

    run = {
        "train": commands.train,
        "sweep": sweep_commands.sweep,
        "check": check_command.check,
        "resume": commands.resume,
        "replay": commands.replay,
        "label": label_commands.label,
        "preferences": preference_commands.preferences,
        "reward": reward_commands.reward,
        "report": report_commands.report,
        "runs": runs_commands.runs,
    }
    return run[arguments.command](arguments, shlex.join(["rlhp", *words]))


def _guarded(action: Callable[[], int]) -> int:
    try:
        return action()
    except SystemExit as stop:  # argparse has printed its help or its error
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt:
        _say("interrupted")
        return _INTERRUPTED
    except RlhpError as error:
        _say(f"error: {error}")
        _show_traceback()
        return error.exit_code
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _stdout_is_broken():
            return 1  # the reader of our output has gone, as in `rlhp replay RUN | head -1`
        text = " ".join(str(error).split())
        hint = "" if _show_traceback() else f" ({_TRACEBACK_VARIABLE}=1 shows the traceback)"
        _say(f"error: unexpected {type(error).__name__}: {text}{hint}")
        return 1


def _say(text: str) -> None:
    print(f"rlhp: {text}", file=sys.stderr, flush=True)


def _show_traceback() -> bool:
    wanted = os.environ.get(_TRACEBACK_VARIABLE, "") not in ("", "0")
    if wanted:
        import traceback

        traceback.print_exc()
    return wanted


def _stdout_is_broken() -> bool:
    try:
        if sys.stdout is None:
            return False
        sys.stdout.flush()
        # Unbuffered, nothing is left to flush after the write that failed: ask the pipe itself.
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
    except BrokenPipeError:
        return True
    except (OSError, ValueError):  # no file descriptor behind it, closed, or a disk that is full
        return False


def _discard_stdout() -> None:
    """Else the interpreter flushes once more at exit, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
