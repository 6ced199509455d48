#!/usr/bin/python3
"""The packages in a booted Debian: first use, the sandbox, the watchdog, upgrades, the documents.

usage: boot_test.py SOURCE [SUITE…]   (TERTULIA_LONG=1 asks for it)
Suites: this machine's own unless said otherwise (bookworm, trixie).
Packages: those in $TERTULIA_DEBS/SUITE or $TERTULIA_DEBS, else built from HEAD on a Debian of the
suite: on this machine, or in a root made for it.
"""
import contextlib
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guide
from container import Booted, Desk, Root, Unavailable, cache, run

SKIPPED = 77
TO_FIRST_MESSAGE_S = 60  # the figure; a slow machine may take ten times as long
IPV4 = ("10.99.0.1/24", "10.99.0.2/24")
IPV6 = ("fd99::1/64", "fd99::2/64")


def say(text):
    print(f"== {text}", flush=True)


def why_not():
    if os.environ.get("TERTULIA_LONG") != "1":
        return "it takes minutes: ./dev test --long"
    if os.geteuid() != 0:
        return "it needs root, for namespaces and a boot"
    for program in ("systemd-nspawn", "debootstrap", "dpkg-buildpackage", "git", "ip",
                    "nsenter"):
        if shutil.which(program) is None:
            return (f"there is no {program} (packages systemd-container, debootstrap, dpkg-dev, git, "
                    "iproute2)")
    return None


class Site:
    """A server and a desk, each with its package beside it, joined by a cable."""

    def __init__(self, suite, debs, addresses):
        names = {os.path.basename(d).split("_")[0]: d for d in debs}
        self.server_root = Root(suite, [names["tertuliad"]])
        self.desk_root = Root(suite, [names["tertulia"]])
        self.server = self.desk = None
        self.addresses = addresses
        try:
            self.server_root.fetch("/root/" + os.path.basename(names["tertuliad"]), "curl")
            self.desk_root.fetch("/root/" + os.path.basename(names["tertulia"]))
            self.server = Booted(self.server_root, "tertulia")
            self.desk = Desk(self.desk_root, self.server, addresses)
        except BaseException:
            self.end()
            raise

    def end(self):
        for part in (self.desk, self.server):
            if part is not None:
                part.end()
        for root in (self.server_root, self.desk_root):
            root.remove()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if error is not None and self.server is not None:
            print(self.server.journal(), flush=True)
        self.end()

    def main_pid(self):
        return self.server.run("systemctl", "show", "-P", "MainPID", "tertuliad").stdout.strip()

    def is_active(self):
        return self.server.run("systemctl", "is-active", "tertuliad",
                               check=False).stdout.strip() == "active"

    def status(self):
        return json.loads(self.server.run("tertuliactl", "status", "--json").stdout)

    def invite(self, name):
        out = self.server.run("tertuliactl", "invite", name).stdout
        return re.search(r"tertulia://\S+", out)[0]

    def cli(self, profile, *words, check=True):
        return self.desk.run("tertulia-cli", "--profile", f"/root/{profile}", *words, check=check)


def first_use(site):
    began = time.monotonic()
    site.server.shell("apt-get install -y -q --no-install-recommends ./tertuliad_*.deb")
    assert site.is_active(), site.server.journal()
    invites = [site.invite(name) for name in ("ana", "beto")]
    site.desk.shell("apt-get install -y -q --no-install-recommends ./tertulia_*.deb")
    installed = time.monotonic()
    for name, invite in zip(("ana", "beto"), invites):
        site.cli(name, "enrol", invite)
    with tempfile.TemporaryFile("w+") as out:
        listener = site.desk.start("tertulia-cli", "--profile", "/root/beto", "listen", "general",
                                   "--count", "1", "--since", "1", stdout=out)
        site.cli("ana", "send", "general", "the first message")
        assert listener.wait(60) == 0
        out.seek(0)
        assert "the first message" in out.read()
    took = time.monotonic() - began
    say(f"from apt install to the first message delivered: {took:.1f} s, {installed - began:.1f} s of "
        f"them installing (figure: {TO_FIRST_MESSAGE_S} s; dependencies are downloaded before)")
    assert took < 10 * TO_FIRST_MESSAGE_S


def keys_are_never_made_again(site):
    before = site.server.run("sha256sum", "/var/lib/tertulia/keys/identity.key").stdout
    mode = site.server.run("stat", "-c", "%a %U", "/var/lib/tertulia", "/var/lib/tertulia/keys",
                           "/var/lib/tertulia/keys/identity.key").stdout
    assert mode == "700 tertulia\n700 tertulia\n600 tertulia\n", mode
    site.server.shell("dpkg-reconfigure tertuliad")
    assert site.server.run("sha256sum", "/var/lib/tertulia/keys/identity.key").stdout == before


def sandboxed(site):
    out = site.server.run("systemd-analyze", "security", "--no-pager", "tertuliad").stdout
    exposure = float(re.search(r"Overall exposure level for tertuliad.service: ([0-9.]+)", out)[1])
    say(f"exposure: {exposure} (figure: 1.5)")
    assert exposure <= 1.5, out


def journal_has_fields(site):
    lines = site.server.run("journalctl", "-u", "tertuliad", "-o", "json", "--no-pager").stdout
    events = [json.loads(line) for line in lines.splitlines()]
    started = [e for e in events if e.get("TERTULIA_EVENT") == "started"]
    assert started and started[0]["MESSAGE_ID"] == "b0704eb22e394252b08e46dbba902dd8", lines[-2000:]
    acts = {e.get("TERTULIA_ACT"): e for e in events}
    assert acts["invite_open"]["TERTULIA_UNIX_USER"] == "root"
    assert "the first message" not in lines
    catalog = site.server.run("journalctl", "-u", "tertuliad", "-x", "--no-pager").stdout
    assert "Tertulia serves" in catalog and "lets clients in" in catalog


def survives(site):
    """Every line that a client saw as sent is there once, whatever happened to the broker."""
    sender = site.desk.start("tertulia-cli", "--profile", "/root/ana", "--timeout", "120", "send",
                             "general", "-", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    sent = 0

    def speak(count):
        nonlocal sent
        for _ in range(count):
            sender.stdin.write(f"line {sent}\n")
            sent += 1
        sender.stdin.flush()

    def heard(text):
        return text in site.cli("beto", "--timeout", "30", "history", "general", "--limit", "100000",
                                check=False).stdout

    def after(what, seconds):
        began = time.monotonic()
        speak(50)
        site.server.wait(f"after {what} messages go through", lambda: heard(f"line {sent - 1}"),
                         seconds)
        return time.monotonic() - began

    speak(50)
    before = site.main_pid()
    connections = site.status()["connections_commands"]
    for _ in range(3):
        site.server.run("systemctl", "reload", "tertuliad")
        speak(10)
    after("reloads", 60)
    assert site.main_pid() == before and site.status()["connections_commands"] >= connections >= 1

    site.server.run("systemctl", "restart", "tertuliad")
    say(f"after a restart messages go through again in {after('a restart', 60):.1f} s (figure: 5 s)")

    before = site.main_pid()
    site.server.run("kill", "-STOP", before)
    began = time.monotonic()
    speak(50)
    site.server.wait("the watchdog restarts a broker that hangs",
                     lambda: site.main_pid() not in (before, "0") and site.is_active(), 180)
    say(f"a stopped broker was killed by the watchdog and served again in "
        f"{time.monotonic() - began:.1f} s")
    after("the watchdog", 60)

    before = site.main_pid()
    site.server.run("kill", "-KILL", before)
    site.server.wait("killed, it comes back",
                     lambda: site.main_pid() not in (before, "0") and site.is_active(), 60)
    after("kill -9", 60)

    sender.stdin.close()
    assert sender.wait(120) == 0
    history = site.cli("beto", "history", "general", "--limit", "100000").stdout
    lines = re.findall(r"line (\d+)$", history, re.MULTILINE)
    assert lines == [str(n) for n in range(sent)], f"{len(lines)} of {sent}"
    out = site.server.run("setpriv", "--reuid=tertulia", "--regid=tertulia", "--init-groups",
                          "tertuliactl", "log", "verify").stdout
    assert "good:" in out, out
    say(f"{sent} lines sent through reloads, a restart, a hang and a kill: each is there once, in order")


def rests(site, seconds=60):
    def cpu():
        with open(f"/proc/{site_pid}/stat", encoding="ascii") as file:
            words = file.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    inner = site.main_pid()
    site_pid = next(p for p in os.listdir("/proc") if p.isdigit() and _is(p, inner))
    before = cpu()
    time.sleep(seconds)  # what is measured is a time at rest
    share = 100 * (cpu() - before) / seconds
    with open(f"/proc/{site_pid}/status", encoding="ascii") as file:
        resident = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024
    say(f"at rest, with the watchdog on: {resident:.1f} MiB resident (figure: 16), {share:.3f} % CPU "
        f"(figure: 0.1)")
    assert resident < 160 and share < 1


def _is(pid, inner):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            text = file.read()
    except OSError:
        return False
    return text.startswith("Name:\ttertuliad\n") and re.search(rf"NSpid:.*\t{inner}\n", text)


def upgraded_removed_purged(site):
    server = site.server
    size = site.status()["log_size"]
    server.shell("apt-get install -y -q --reinstall --no-install-recommends ./tertuliad_*.deb")
    assert site.is_active() and site.status()["log_size"] >= size
    server.shell("apt-get remove -y -q tertuliad")
    assert not site.is_active()
    server.run("test", "-e", "/var/lib/tertulia/log.db")
    server.shell("apt-get install -y -q --no-install-recommends ./tertuliad_*.deb")
    assert site.is_active() and site.status()["log_size"] >= size
    out = server.shell("apt-get purge -y -q tertuliad").stdout
    assert "stay in /var/lib/tertulia" in out, out
    server.run("test", "-e", "/var/lib/tertulia/keys/identity.key")
    server.shell("test ! -e /etc/tertulia/tertuliad.toml")
    server.shell("apt-get install -y -q --no-install-recommends ./tertuliad_*.deb")
    assert site.is_active() and site.status()["log_size"] >= size
    server.shell("echo 'tertuliad tertuliad/remove-record boolean true' | debconf-set-selections")
    server.shell("apt-get purge -y -q tertuliad")
    server.shell("test ! -e /var/lib/tertulia")
    say("upgrade, remove, install, purge (keep), install, purge (remove): clean")


def a_taken_port_leaves_a_sound_package(site):
    server = site.server
    squatter = subprocess.Popen(
        ["nsenter", "-t", server.leader, "-n", sys.executable, "-c",
         "import signal, socket; s = socket.create_server(('', 5570)); print('there', flush=True); "
         "signal.pause()"], stdout=subprocess.PIPE, text=True)
    try:
        assert squatter.stdout.readline() == "there\n"
        out = server.shell("apt-get install -y -q --no-install-recommends ./tertuliad_*.deb").stdout
    finally:
        squatter.kill()
        squatter.wait()
    assert "does not serve" in out, out
    assert "installed" in server.shell("dpkg-query -W -f '${db:Status-Status}' tertuliad").stdout
    assert "5570" in server.journal()
    server.wait("it serves when the port is free", site.is_active, 60)


def documents(site, source):
    """README's and the guide's commands, in their order, on a server and a desk that have nothing."""
    invite = None
    for document in ("README.md", "docs/admin-guide.md"):
        if document == "docs/admin-guide.md" and site.is_active():
            site.server.shell("apt-get purge -y -q tertuliad")
            site.server.shell("rm -rf /var/lib/tertulia")
            site.desk.shell("apt-get purge -y -q tertulia; rm -rf /root/.local /root/ana /root/beto")
        for step in guide.steps_of(os.path.join(source, document)):
            where = {"server": site.server, "desk": site.desk}.get(step.place)
            for command in step.commands if where else []:
                if "tertulia://…" in command:
                    command = command.replace("tertulia://…", invite)
                done = where.shell(command.removeprefix("sudo "), check=False)
                if done.returncode != 0:
                    raise AssertionError(f"{document}:{step.line}: {command}: exit "
                                         f"{done.returncode}\n{done.stdout}")
                if found := re.search(r"tertulia://\S+", done.stdout):
                    invite = found[0]
                last = done.stdout
            if where and (lost := guide.missing(step.seen, last)) is not None:
                raise AssertionError(f"{document}:{step.line}: not seen: {lost}\n{last}")
    say("README and admin guide: every command was run, and what they say is seen was seen")


def own_suite():
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "bookworm")


@contextlib.contextmanager
def packages_of(source, suite):
    """The .deb files for this suite, while they are needed; lintian has found nothing in them."""
    given = os.environ.get("TERTULIA_DEBS")
    with contextlib.ExitStack() as made:
        if given:
            of_suite = os.path.join(given, suite)
            folder = of_suite if os.path.isdir(of_suite) else given
        elif suite == own_suite():
            folder = made.enter_context(tempfile.TemporaryDirectory(prefix="debs-", dir=cache()))
            built = run(os.path.join(source, "packaging/build-deb.sh"), "--check", folder, check=False)
            assert built.returncode == 0, built.stdout[-5000:]
        else:
            root = made.enter_context(Root(suite, []))
            run("git", "clone", "-q", source, root.path + "/root/tertulia")
            root.chroot("/root/tertulia/packaging/build-deb.sh", "--check", "/root/debs")
            folder = root.path + "/root/debs"
        yield [d for d in glob.glob(os.path.join(folder, "*.deb")) if "-dbgsym_" not in d]


def check(suite, debs, source):
    with Site(suite, debs, IPV4) as site:
        say(f"{suite}, IPv4")
        first_use(site)
        keys_are_never_made_again(site)
        sandboxed(site)
        journal_has_fields(site)
        survives(site)
        rests(site)
        upgraded_removed_purged(site)
        a_taken_port_leaves_a_sound_package(site)
    with Site(suite, debs, IPV6) as site:
        say(f"{suite}, IPv6 only")
        first_use(site)
    with Site(suite, debs, IPV4) as site:
        say(f"{suite}, the documents")
        documents(site, source)


def main(source, suites):
    reason = why_not()
    if reason:
        print(f"SKIP: {reason}")
        return SKIPPED
    try:
        for suite in suites:
            with packages_of(source, suite) as debs:
                check(suite, debs, source)
    except Unavailable as why:
        print(f"SKIP: {why}")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:] or [own_suite()]))
