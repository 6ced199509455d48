"""A server that has moved is found again by Avahi: real avahi-daemon, in a network namespace.

usage: avahi_test.py BUILD. Skipped, loudly, without root or without Avahi.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

PROGRAMS = ("unshare", "ip", "mount", "dbus-daemon", "avahi-daemon", "avahi-browse")
ADDRESS = "192.0.2.7"
DEADLINE_S = 60

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={bus}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
"""
AVAHI = """[server]
host-name=mesa
use-ipv6=no
allow-interfaces=mesa0
enable-dbus=yes
[publish]
publish-workstation=no
"""
BROKER = """[server]
name = "prueba"
[listen]
commands = "tcp://*:{port}"
broadcast = "tcp://*:{broadcast}"
[data]
dir = "{folder}/data"
[admin]
socket = "{folder}/admin.sock"
[metrics]
socket = ""
"""


def wait_until(condition, what):
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {DEADLINE_S} s: {what}")


class Scene:
    def __init__(self, build, folder):
        self.folder = folder
        self.tertuliad = os.path.join(build, "broker/tertuliad")
        self.tertuliactl = os.path.join(build, "broker/ctl/tertuliactl")
        self.cli = os.path.join(build, "client/cli/tertulia-cli")
        self.config = os.path.join(folder, "tertuliad.toml")
        self.processes = []
        self.environment = dict(os.environ, TERTULIA_PRESETS=os.path.join(folder, "client.toml"),
                                XDG_CONFIG_HOME=os.path.join(folder, "config"),
                                DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={folder}/bus")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, *argv):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            process = subprocess.Popen(argv, env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def run(self, *argv):
        return subprocess.run(argv, env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=2 * DEADLINE_S, check=False)

    def good(self, *argv):
        ran = self.run(*argv)
        assert ran.returncode == 0, f"{argv}: {ran.returncode}: {ran.stderr}"
        return ran.stdout

    def ctl(self, *argv):
        return self.good(self.tertuliactl, "--config", self.config, *argv)

    def say(self, text):
        return self.good(self.cli, "--profile", os.path.join(self.folder, "ana"), "--timeout",
                         str(DEADLINE_S), "send", "general", text)

    def serve(self, port):
        self.write("tertuliad.toml",
                   BROKER.format(port=port, broadcast=port + 1, folder=self.folder))
        broker = self.start(self.tertuliad, "--config", self.config)

        def serves():
            assert broker.poll() is None, "the broker has ended"
            return self.run(self.tertuliactl, "--config", self.config, "status").returncode == 0

        wait_until(serves, "a broker that serves")
        return broker

    def browse(self):
        return self.run("avahi-browse", "--parsable", "--resolve", "--terminate",
                        "--no-db-lookup", "_tertulia._tcp").stdout

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def play(scene):
    for command in ("ip link set lo up", "ip link add mesa0 type veth peer name cable",
                    "ip link set cable up", "ip link set mesa0 up multicast on", f"ip address add {ADDRESS}/24 dev mesa0",
                    "ip route add 224.0.0.0/4 dev mesa0"):
        scene.good(*command.split())
    # avahi-daemon has its folders built in; the mount namespace gives it others
    os.makedirs("/run/avahi-daemon", exist_ok=True)
    for folder in ("/run/avahi-daemon", "/etc/avahi/services"):
        scene.good("mount", "-t", "tmpfs", "tmpfs", folder)
    scene.start("dbus-daemon", "--nofork", "--nopidfile",
                "--config-file=" + scene.write("bus.conf", BUS.format(bus=scene.folder + "/bus")))
    wait_until(lambda: os.path.exists(scene.folder + "/bus"), "a bus")
    scene.start("avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits", "--no-proc-title",
                "--file=" + scene.write("avahi.conf", AVAHI))
    wait_until(lambda: scene.run("avahi-browse", "--terminate", "--all").returncode == 0,
               "an Avahi that answers")

    broker = scene.serve(5600)
    scene.good(scene.cli, "--profile", os.path.join(scene.folder, "ana"), "enrol",
               scene.ctl("invite", "ana").strip())
    scene.say("primera")
    status = json.loads(scene.ctl("--json", "status"))

    scene.ctl("announce")
    line = wait_until(lambda: [row for row in scene.browse().splitlines() if row.startswith("=")],
                      "an announcement")[0]
    assert f'"server_id={status["server_id"]}"' in line and ";5600;" in line, line
    assert status["server"] not in line, line

    broker.terminate()
    assert broker.wait(DEADLINE_S) == 0
    scene.serve(5700)
    # Before the new announcement the client has only the old port
    lost = scene.run(scene.cli, "--profile", os.path.join(scene.folder, "ana"), "--timeout", "1",
                     "rooms")
    assert lost.returncode == 3, lost.stderr
    scene.ctl("announce")
    scene.say("hallada")

    scene.ctl("announce", "--withdraw")
    assert os.listdir("/etc/avahi/services") == []
    wait_until(lambda: "server_id=" not in scene.browse(), "an announcement withdrawn")
    scene.write("tertuliad.toml", BROKER.format(port=5700, broadcast=5701, folder=scene.folder) +
                "[discovery]\navahi = false\n")
    scene.ctl("announce")
    assert os.listdir("/etc/avahi/services") == []


def main():
    build = sys.argv[1]
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        print("SKIP: a network namespace of its own takes root, and",
              ", ".join(missing or ["root"]), "is missing")
        return 77
    if "TERTULIA_IN_NAMESPACE" not in os.environ:
        probe = "ip link add mesa0 type veth peer name cable && mount -t tmpfs tmpfs /run"
        tried = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", probe], check=False)
        if tried.returncode != 0:
            print("SKIP: this machine lets nobody make a network namespace with a cable in it")
            return 77
        os.environ["TERTULIA_IN_NAMESPACE"] = "1"
        return subprocess.run(["unshare", "--net", "--mount", sys.executable, *sys.argv],
                              check=False).returncode
    folder = tempfile.mkdtemp(prefix="tertulia-avahi-", dir="/var/tmp")  # on a disk, not in memory
    scene = Scene(build, folder)
    try:
        play(scene)
        return 0
    except BaseException:
        with open(os.path.join(folder, "log"), "a+", encoding="utf-8", errors="replace") as log:
            log.seek(0)
            print(log.read())
        raise
    finally:
        scene.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
