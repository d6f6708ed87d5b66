"""A sweep on a cluster: joined as its driver (`--address`), or handed to it as a job (`--submit`)."""

import argparse
import contextlib
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlhp_ray.errors import ConfigError

if TYPE_CHECKING:
    from rlhp_ray.cli.commands import RunResult
    from rlhp_ray.cluster.launch_file import Launch
    from rlhp_ray.cluster.offer import Offer
    from rlhp_ray.experiment.result_copy import ResultCopy
    from rlhp_ray.sweep.sweep_file import Sweep

_SUBMIT = "--submit"
_INTERRUPTED = 130


def check_cluster_options(arguments: argparse.Namespace) -> None:
    """Raise ConfigError where options do not go together, or an address cannot be one."""
    on_cluster = arguments.address is not None or arguments.submit is not None
    if arguments.then_down and not on_cluster:
        raise ConfigError(
            "--then-down: got it without a cluster; expected --address or --submit with it, and a cluster that `ray "
            "up` made from a file of cluster/"
        )
    if arguments.dashboard and on_cluster:
        raise ConfigError("--dashboard: a cluster has a dashboard of its own; leave it out, see `ray dashboard`")
    if arguments.address is not None:
        from rlhp_ray.cluster.address import check_address

        check_address(arguments.address)


@contextlib.contextmanager
def joined(address: str | None) -> Iterator["Offer | None"]:
    """Be a driver of the cluster while the context lasts, and give what it offers; without an address, nothing."""
    if address is None:
        yield None
        return
    from rlhp_ray.cluster.launch_file import read_launch
    from rlhp_ray.cluster.offer import await_launch, read_offer
    from rlhp_ray.cluster.session import cluster_session

    with cluster_session(address):
        launch = read_launch()
        await_launch(launch, _say)
        yield read_offer(launch)


def check_before_queueing(
    sweep: "Sweep", offer: "Offer", output_dir: str, copies: "ResultCopy | None", then_down: bool
) -> "Afterwards":
    """Hold a sweep against the cluster that was joined, and make sure that what is to follow it can be done.

    Raises:
        ClusterError: the cluster can never hold a trial, a node does not see the storage, or the cluster is not ours to
            end.
    """
    from rlhp_ray.cluster.launch_file import read_launch
    from rlhp_ray.cluster.takedown import require_our_cluster
    from rlhp_ray.sweep.cluster_checks import check_cluster

    check_cluster(sweep, offer, Path(output_dir))
    if not then_down:
        return Afterwards(copies, None)
    return Afterwards(copies, require_our_cluster(read_launch(), Path(output_dir), is_copied=copies is not None))


def shared_directory(key: str, text: str) -> Path:
    """A path that means the same on every node. Raises ConfigError where it is relative."""
    path = Path(text)
    if not path.is_absolute():
        raise ConfigError(
            f"{key}: got {text!r}; expected, on a cluster, the absolute path of a directory that every node has, such "
            "as /srv/rlhp/runs"
        )
    return path


def submit(url: str, command: str, config_file: Path | None = None, config_word: str | None = None) -> int:
    """Run the same command line as a job, with `--address auto` in place of `--submit URL`.

    Args:
        url: of the dashboard.
        command: as it was typed.
        config_file: of the sweep; sent along, and named in place of `config_word`.
        config_word: CONFIG as it was typed.
    """
    from rlhp_ray.cluster.job import check_dashboard, submit_and_follow

    check_dashboard(url)
    words = _without_submit(shlex.split(command)[1:])
    if config_file is not None and config_word is not None:
        words[words.index(config_word)] = f"./{config_file.name}"
    end = submit_and_follow(url, [*words, "--address", "auto"], config_file)
    if end.directory is not None:
        print(end.directory, flush=True)
    return end.exit_code


def _without_submit(words: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in words:
        if skip or word == _SUBMIT:
            skip = not skip
        elif not word.startswith(f"{_SUBMIT}="):
            kept.append(word)
    return kept


@dataclass(frozen=True)
class Afterwards:
    """What follows a run or a sweep.

    Args:
        copies: that hold its directory; None where there are none.
        launch: of the cluster that is then taken down; None where it stays up.
    """

    copies: "ResultCopy | None" = None
    launch: "Launch | None" = None

    def follow(self, result: "RunResult") -> None:
        """Do it; an interrupted sweep leaves the cluster up.

        Raises:
            ClusterError: results cannot be copied.
            PreferenceStoreError: a database of theirs is damaged.
        """
        if self.copies is not None:
            _say(f"copied to {self.copies.copy(result.directory)}")
        if self.launch is not None and result.exit_code != _INTERRUPTED:
            from rlhp_ray.cluster.takedown import DELAY_SECONDS, take_down_soon

            take_down_soon(self.launch, result.directory)
            _say(f"the cluster is taken down in {DELAY_SECONDS} s")


def _say(text: str) -> None:
    print(f"rlhp: {text}", file=sys.stderr, flush=True)
