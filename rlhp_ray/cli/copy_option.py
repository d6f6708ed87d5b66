"""Results copied to where the end of their machine does not reach them, and brought back from there."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlhp_ray.experiment.result_copy import ResultCopy


def add_copy_option(command: argparse.ArgumentParser) -> None:
    """Add `--copy-to`."""
    command.add_argument(
        "--copy-to",
        metavar="s3://BUCKET/PATH",
        help="copy results there, at each checkpoint and at the end; also gs:// and file://",
    )


def open_copy(address: str | None, output_dir: Path) -> "ResultCopy | None":
    """What copies results to an address that can be written; None without one.

    Args:
        address: of the option.
        output_dir: around the results.

    Raises:
        ConfigError: not an address of storage, or that of the results themselves.
        ClusterError: it cannot be written.
    """
    if address is None:
        return None
    from rlhp_ray.experiment.result_copy import ResultCopy

    copies = ResultCopy(address)
    copies.refuse_itself(output_dir)
    copies.check()
    return copies


def bring_copy(address: str, into: Path) -> tuple[Path, str]:
    """Bring a run or sweep that was copied to an address to this machine.

    Returns:
        Its directory, and the address around that of the copy. Raises as `fetch_results`.
    """
    from rlhp_ray.experiment.result_fetch import fetch_results
    from rlhp_ray.experiment.storage_address import address_around

    print(f"rlhp: bringing {address} to {into}", file=sys.stderr, flush=True)
    return fetch_results(address, into.expanduser()), address_around(address)
