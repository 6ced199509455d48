"""Two windows on a real broker: each joins with its invite, what one writes the other shows; a draft
is there again after a restart.

usage: test_two_windows.py TERTULIAD TERTULIACTL TERTULIA_CLI TERTULIA
"""
import os
import socket
import subprocess
import sys

from window_driver import DEADLINE_S, Window, press, text_of, wait_for


SERVER_NAME = "colegio-san-martin"


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def write_config(directory):
    commands, broadcast = free_ports(2)
    path = os.path.join(directory, "tertuliad.toml")
    with open(path, "w", encoding="utf-8") as config:
        config.write(f"""[server]
name = "{SERVER_NAME}"
[listen]
commands = "tcp://127.0.0.1:{commands}"
broadcast = "tcp://127.0.0.1:{broadcast}"
[data]
dir = "{directory}/data"
[admin]
socket = "{directory}/admin.sock"
""")
    return path


def invite(ctl, config, name):
    """Waits for the admin socket, then asks once."""
    admin = os.path.join(os.path.dirname(config), "admin.sock")
    wait_for("the broker's admin socket", lambda: os.path.exists(admin))
    ran = subprocess.run([ctl, "--config", config, "invite", name], capture_output=True, text=True,
                         timeout=DEADLINE_S, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def join(window, text, display_name):
    window.type_into("Invite", text)
    window.says(SERVER_NAME)
    window.type_into("How others see you", display_name)
    window.screenshot("join-" + display_name.lower())
    window.click("Join")
    window.find("Timeline", "list", "list box")
    status = window.find("Connection status", "label", "static")
    wait_for("status Online", lambda: text_of(status) == "Online")


def no_own_unread(window):
    """Beto wrote last, and who writes has read."""
    room = window.button("general")
    wait_for("no message is unread where the last one is an own one",
             lambda: room.description == "0 unread messages")


def draft_outlives_restart(program, profile):
    draft = "Mañana traigo\nel resto 🧰"
    with Window(program, "--profile", profile) as window:
        window.type_into("Message", draft)
        window.focus()
        press("ctrl+q")
        wait_for("Ctrl+Q ends the program", lambda: window.process.poll() is not None)
        assert window.process.returncode == 0
    with Window(program, "--profile", profile) as window:
        message = window.find("Message", "text", "entry")
        wait_for("the draft is there after a restart", lambda: text_of(message) == draft)


def talk(broker_config, ctl, cli, program):
    home = os.environ["HOME"]
    ana_profile = os.path.join(home, "ana")
    with Window(program, "--profile", ana_profile) as ana, \
            Window(program, "--profile", os.path.join(home, "beto")) as beto:
        join(ana, invite(ctl, broker_config, "ana"), "Ana")
        join(beto, invite(ctl, broker_config, "beto"), "Beto")
        said = ((ana, beto, "¿Llegó el pedido? 📦"), (beto, ana, "Sí, a las diez\nEstá en recepción"))
        for window, other, text in said:
            window.send(text)
            other.says(text.split("\n", maxsplit=1)[0])
            window.says("Sent")
        no_own_unread(beto)
        for name, window in (("ana", ana), ("beto", beto)):
            unnamed = window.unnamed()
            assert not unnamed, f"without an accessible name: {unnamed}"
            window.screenshot("two-windows-" + name)
    draft_outlives_restart(program, ana_profile)
    history = subprocess.run([cli, "--profile", ana_profile, "history", "general", "--json"],
                             capture_output=True, text=True, timeout=3 * DEADLINE_S, check=False)
    assert history.returncode == 0, history.stderr
    assert len(history.stdout.splitlines()) == 2, history.stdout


def main():
    broker, ctl, cli, program = sys.argv[1:]
    config = write_config(os.environ["HOME"])
    server = subprocess.Popen([broker, "--config", config])
    try:
        talk(config, ctl, cli, program)
    finally:
        server.terminate()
        assert server.wait(timeout=DEADLINE_S) == 0


if __name__ == "__main__":
    main()
