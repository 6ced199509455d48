"""A booted Debian (systemd-nspawn) and a desk beside it: roots that are made, used and removed here.

Everything that is started is ended, and everything that is mounted or made in the network goes, also
when a test fails: use them as context managers. As root, on Linux, without a network of its own.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time

BOOT_S_MAX = 60
ALSO = "systemd,systemd-sysv,dbus,libpam-systemd,iproute2,ca-certificates,nftables,procps"


class Unavailable(Exception):
    """This machine cannot do it; the text says why."""


def run(*command, check=True, **options):
    return subprocess.run(command, check=check, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(base, "tertulia-boot")
    os.makedirs(path, exist_ok=True)
    return path


def base_archive(suite):
    """A tar of a small Debian of this suite; made once, then kept."""
    archive = os.path.join(cache(), f"{suite}.tar")
    if not os.path.exists(archive):
        with tempfile.TemporaryDirectory(dir=cache()) as made:
            root = os.path.join(made, "root")
            done = run("debootstrap", "--variant=minbase", f"--include={ALSO}", suite, root,
                       check=False)
            if done.returncode != 0:
                raise Unavailable(f"debootstrap cannot make a {suite}: {done.stdout[-500:]}")
            run("tar", "-C", root, "-cf", archive + ".partial", ".")
            os.rename(archive + ".partial", archive)
    return archive


class Root:
    """An unpacked Debian with this machine's apt settings, and .deb files in /root."""

    def __init__(self, suite, debs):
        self.path = tempfile.mkdtemp(prefix="tertulia-root-", dir=cache())
        try:
            run("tar", "-C", self.path, "-xf", base_archive(suite))
            for part in ("apt.conf.d", "auth.conf.d"):
                there = os.path.join("/etc/apt", part)
                if os.path.isdir(there):
                    shutil.copytree(there, self.path + there, dirs_exist_ok=True)
            shutil.copy("/etc/resolv.conf", self.path + "/etc/resolv.conf")
            # Documents say `apt install`; what is only recommended is not downloaded here
            with open(self.path + "/etc/apt/apt.conf.d/90lean", "w", encoding="ascii") as lean:
                lean.write('APT::Install-Recommends "false";\n'
                           # a package may bring its own version of what was copied above
                           'DPkg::Options { "--force-confold"; };\n')
            for deb in debs:
                shutil.copy(deb, self.path + "/root")
        except BaseException:
            self.remove()
            raise

    def fetch(self, *packages):
        """What they need is downloaded, so that installing them later needs no network."""
        self.chroot("apt-get", "update", "-q")
        self.chroot("apt-get", "install", "-y", "-q", "--no-install-recommends", "--download-only",
                    *packages)

    def chroot(self, *command, check=True):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                       "DEBIAN_FRONTEND": "noninteractive"}
        # /proc for as long as the command runs: compilers and debhelper read it
        done = run("unshare", "--mount", "--pid", "--fork", "--kill-child",
                   f"--mount-proc={self.path}/proc", "chroot", self.path, *command, check=False,
                   env=environment)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return done

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
        folder, name = os.path.split(self.path)
        lock = os.path.join(folder, f".#{name}.lck")  # systemd-nspawn's
        if os.path.exists(lock):
            os.unlink(lock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


class Booted:
    """A root, booted: its own init, network and names."""

    def __init__(self, root, name):
        self.root, self.name, self.leader = root, f"{name}-{os.getpid()}", None
        self.log = open(os.path.join(root.path, "..", f"{self.name}.log"), "w+", encoding="utf-8")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--boot", f"--directory={root.path}", "--register=no", "--keep-unit",
             f"--machine={self.name}", "--console=read-only", "--private-network", "--quiet"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            self._wait_until_up()
        except BaseException:
            self.end()
            raise

    def _wait_until_up(self):
        deadline = time.monotonic() + BOOT_S_MAX
        while time.monotonic() < deadline:
            if self.nspawn.poll() is not None:
                raise Unavailable(f"systemd-nspawn cannot boot here: {self.console()[-500:]}")
            # Looked for anew each time: the first child only makes the one that boots, and ends.
            children = run("ps", "-o", "pid=", "--ppid", str(self.nspawn.pid), check=False)
            found = children.stdout.split()
            self.leader = found[0] if found else None
            if self.leader is not None and self.run(
                    "systemctl", "is-system-running", check=False).stdout.strip() in (
                        "running", "degraded"):
                return
            time.sleep(0.1)
        raise AssertionError(f"not up after {BOOT_S_MAX} s: {self.console()[-2000:]}")

    def console(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def run(self, *command, check=True):
        done = run("nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
                   "DEBIAN_FRONTEND=noninteractive", *command, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return done

    def shell(self, line, check=True):
        return self.run("bash", "-c", f"cd /root && {line}", check=check)

    def wait(self, what, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {seconds} s\n{self.journal()}")
            time.sleep(0.05)

    def journal(self):
        return self.run("journalctl", "-u", "tertuliad", "--no-pager", "-n", "60", check=False).stdout

    def end(self):
        if self.leader is not None and self.nspawn.poll() is None:
            self.run("systemctl", "poweroff", check=False)
        try:
            self.nspawn.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.nspawn.pid, signal.SIGKILL)
            self.nspawn.wait()
        self.log.close()
        os.unlink(self.log.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Desk:
    """A root in a network namespace of its own, joined to a booted one by a cable."""

    def __init__(self, root, server, addresses):
        """addresses: (of the server, of the desk), each with its prefix length."""
        self.root = root
        self.namespace = f"tert{os.getpid()}"
        near, far = f"td{os.getpid()}"[:15], f"ts{os.getpid()}"[:15]
        run("ip", "netns", "add", self.namespace)
        try:
            run("ip", "link", "add", near, "netns", self.namespace, "type", "veth",
                "peer", "name", far, "netns", server.leader)
            for address, device, place in ((addresses[0], far, None),
                                           (addresses[1], near, self.namespace)):
                for words in (["address", "add", address, "dev", device]
                              + (["nodad"] if ":" in address else []),
                              ["link", "set", device, "up"], ["link", "set", "lo", "up"]):
                    if place is None:
                        server.run("ip", *words)
                    else:
                        run("ip", "-n", place, *words)
        except BaseException:
            self.end()
            raise

    def command(self, *command):
        return ["ip", "netns", "exec", self.namespace, "chroot", self.root.path, "env", "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", *command]

    def run(self, *command, check=True):
        done = run(*self.command(*command), check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return done

    def shell(self, line, check=True):
        return self.run("bash", "-c", f"cd /root && {line}", check=check)

    def start(self, *command, **options):
        return subprocess.Popen(self.command(*command), text=True, **options)

    def end(self):
        run("ip", "netns", "del", self.namespace, check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
