"""Light hosts on one machine: each has network, processes, host name, home, /tmp and /run of its own, and an sshd.

They see this machine's programs, the Python environment and the project, and share `/srv/rlhp` as hosts share an NFS.
Nothing outside their namespaces is touched: a `ray stop` in one of them sees that host's processes only.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SHARED = "/srv/rlhp"
KEY = "/root/.ssh/rlhp_cluster"  # of the laptop, for all others
LAPTOP = "laptop"  # the host of the person: it holds the bridge that the others hang on
_NEEDED = ("ip", "unshare", "nsenter", "ssh", "ssh-keygen", "rsync", "curl", "/usr/sbin/sshd")
_BOOT_SECONDS = 10.0

_SSHD = """\
HostKey /run/hostkey
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
MaxStartups 50
MaxSessions 50
"""
_FIRST_PROCESS = """\
set -e
mount --make-rprivate /
hostname {name}
mount -t tmpfs tmpfs /mnt
stash() {{ mkdir -p /mnt/$1; mount --bind "$2" /mnt/$1; }}
restore() {{ mkdir -p "$2"; mount --bind /mnt/$1 "$2"; }}
{stash}
mount -t tmpfs -o size=8g tmpfs /dev/shm
mount -t tmpfs tmpfs /srv; mkdir {shared}; mount --bind {folder}/shared {shared}
mount --bind {folder}/hosts /etc/hosts
for place in run root tmp; do mount --bind {folder}/{name}/$place /$place; done
chmod 700 /root; chmod 1777 /tmp; mkdir -p /run/sshd
{restore}
cd /root
touch /run/up
/usr/sbin/sshd -f /run/sshd_config
while :; do sleep 1000 & wait; done  # reaps what the host's processes leave behind
"""


def why_not() -> str | None:
    """What this machine lacks for simulated hosts; None where they can be made."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "simulated hosts need root on Linux: they live in namespaces"
    missing = [program for program in _NEEDED if shutil.which(program) is None]
    if missing:
        return f"simulated hosts need {', '.join(missing)}: apt-get install iproute2 openssh-server rsync curl"
    if subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode:
        return "simulated hosts need namespaces, which this machine does not let root make"
    return None


class SimulatedHosts:
    """A laptop and further hosts, on from construction until `close`.

    Args:
        folder: for the hosts' own files, empty; what they share is `folder / "shared"`.
        names: of the hosts beside the laptop.
        network: first three numbers of their addresses.
        first: last number of the first name's address; the laptop's is 1.
        environment: of every command that is run on one of them, beside the usual.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        network: str = "10.77.0",
        first: int = 2,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.shared = folder / "shared"
        self.address = {LAPTOP: f"{network}.1"}
        self.address |= {name: f"{network}.{number}" for number, name in enumerate(names, start=first)}
        self._environment = [f"{name}={value}" for name, value in (environment or {}).items()]
        self._prefix = f"rlhp{os.getpid()}"
        self._processes: dict[str, subprocess.Popen] = {}
        self.shared.mkdir()
        (folder / "hosts").write_text(
            "127.0.0.1 localhost\n" + "".join(f"{ip} {n}\n" for n, ip in self.address.items())
        )
        for key in ("hostkey", "key"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
        try:
            for name in self.address:
                self._wire(name)
                self._furnish(name)
                self.switch_on(name)
        except BaseException:
            self.close()
            raise

    def _wire(self, name: str) -> None:
        """A network namespace; the laptop's has the bridge, the others a cable to it."""
        laptop, own, address = self._namespace(LAPTOP), self._namespace(name), f"{self.address[name]}/24"
        _run("ip", "netns", "add", own)
        _run("ip", "-n", own, "link", "set", "lo", "up")
        device = "bridge"
        if name == LAPTOP:
            _run("ip", "-n", laptop, "link", "add", device, "type", "bridge")
        else:
            device, cable = "eth0", f"to-{name}"
            _run("ip", "-n", laptop, "link", "add", cable, "type", "veth", "peer", "name", device, "netns", own)
            _run("ip", "-n", laptop, "link", "set", cable, "master", "bridge", "up")
        _run("ip", "-n", own, "addr", "add", address, "dev", device)
        _run("ip", "-n", own, "link", "set", device, "up")

    def _furnish(self, name: str) -> None:
        """Its folders, keys and first program."""
        own = self.folder / name
        for place in ("run", "tmp", "root/.ssh"):
            (own / place).mkdir(parents=True)
        ssh = own / "root" / ".ssh"
        ssh.chmod(0o700)
        if name == LAPTOP:
            shutil.copy(self.folder / "key", ssh / Path(KEY).name)
        shutil.copy(self.folder / "key.pub", ssh / "authorized_keys")
        shutil.copy(self.folder / "hostkey", own / "run" / "hostkey")
        (own / "run" / "sshd_config").write_text(_SSHD)
        needed = dict(enumerate(dict.fromkeys([sys.prefix, sys.base_prefix, str(PROJECT)])))
        script = _FIRST_PROCESS.format(
            name=name,
            folder=shlex.quote(str(self.folder)),
            shared=SHARED,
            stash="\n".join(f"stash {number} {shlex.quote(path)}" for number, path in needed.items()),
            restore="\n".join(f"restore {number} {shlex.quote(path)}" for number, path in needed.items()),
        )
        (own / "first_process.sh").write_text(script)

    def switch_on(self, name: str) -> None:
        """Boot a host. Raises RuntimeError, with its console, where it does not come up."""
        own = self.folder / name
        (own / "run" / "up").unlink(missing_ok=True)
        unshare = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        environment = {"HOME": "/root", "USER": "root", "LANG": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        with (own / "console.log").open("wb") as console:
            self._processes[name] = subprocess.Popen(
                ["ip", "netns", "exec", self._namespace(name), *unshare, "bash", str(own / "first_process.sh")],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + _BOOT_SECONDS
        while not (own / "run" / "up").exists():
            if time.monotonic() > deadline or self._processes[name].poll() is not None:
                raise RuntimeError(f"{name} did not come up: {(own / 'console.log').read_text()}")
            time.sleep(0.05)

    def switch_off(self, name: str) -> None:
        """Power off: every process of the host is gone at once."""
        process = self._processes.pop(name)
        process.kill()  # and with it, by --kill-child, the first process of the host's namespace
        process.wait()

    def unplug(self, name: str) -> None:
        """Pull its cable: nothing comes from it or gets to it, and nobody is told."""
        self._set_cable(name, "down")

    def cut_power(self, name: str) -> None:
        """Off without a word: its connections are not even closed. Before it is switched on, plug it in."""
        self.unplug(name)
        self.switch_off(name)

    def plug_in(self, name: str) -> None:
        """Its cable again."""
        self._set_cable(name, "up")

    def _set_cable(self, name: str, state: str) -> None:
        _run("ip", "-n", self._namespace(LAPTOP), "link", "set", f"to-{name}", state)

    def command(self, name: str, *words: str) -> list[str]:
        """The words of this machine's command line that run `words` on a host as its root."""
        unshare = self._processes[name].pid
        first = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()[0]
        path = f"{sys.prefix}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = ["HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=dumb", f"PATH={path}", f"PYTHONPATH={PROJECT}"]
        inside = ["nsenter", "--target", first, "--mount", "--net", "--pid", "--uts", "--ipc", f"--wdns={PROJECT}"]
        return [*inside, "env", "-i", *environment, "RAY_AUTH_MODE=token", *self._environment, *words]

    def run(self, name: str, *words: str, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
        """Run words on a host, to their end."""
        return subprocess.run(
            self.command(name, *words), capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
        )

    def processes(self, name: str) -> list[str]:
        """Command lines on a host beside its first process, its sshd and what they wait with."""
        listed = self.run(name, "ps", "-eo", "args=").stdout.splitlines()
        far_end = ("sleep 86400", "bash -c while true; do sleep 86400")  # of `ray dashboard`
        own = ("bash /", "sshd", "sleep 1000", "ps -eo", "/usr/sbin/sshd", *far_end)
        return [line for line in listed if not line.startswith(own)]

    def close(self) -> None:
        """Switch all of them off and take their network down; their files stay."""
        for name in list(self._processes):
            self.switch_off(name)
        for name in self.address:
            subprocess.run(["ip", "netns", "del", self._namespace(name)], capture_output=True)

    def _namespace(self, name: str) -> str:
        return f"{self._prefix}-{name}"


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(words)}: {done.stderr.strip()}")
