"""Makes the picture of the README: a conversation of two people in the window, on a real broker.

usage: run_window_test.py DIRECTORY make_picture.py TERTULIAD TERTULIACTL TERTULIA_CLI TERTULIA
The picture is DIRECTORY/window.png.
"""
import os
import subprocess
import sys

from test_two_windows import invite, write_config
from window_driver import DEADLINE_S, Window, text_of, wait_for

TALK = (
    ("ana", "Good morning! The delivery for the lab arrives at ten."),
    ("ana", "Could somebody let them in? I am across town until noon."),
    ("beto", "I can. Through the gate in the yard?"),
    ("ana", "Yes, please:\n1. Two boxes go to the lab\n2. The pallet stays in the store room\n"
                       "3. Signed note to the front desk"),
    ("beto", "Understood 👍"),
    ("beto", "They are here already. Everything is complete, I took pictures of the labels."),
    ("ana", "Wonderful. Coffee is on me ☕"),
)


def run(*command):
    ran = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def main():
    broker, ctl, cli, program = sys.argv[1:]
    home = os.environ["HOME"]
    config = write_config(home)
    server = subprocess.Popen([broker, "--config", config])
    try:
        for user, name in (("ana", "Ana García"), ("beto", "Beto Ruiz")):
            run(cli, "--profile", os.path.join(home, user), "enrol", "--display-name", name,
                invite(ctl, config, user))
        for user, text in TALK:
            run(cli, "--profile", os.path.join(home, user), "send", "general", text)
        with Window(program, "--profile", os.path.join(home, "ana"), "--color-scheme",
                    "light") as window:
            status = window.find("Connection status", "label", "static")
            wait_for("status Online", lambda: text_of(status) == "Online")
            window.says("Coffee is on me")
            window.resize(980, 640)
            window.focus()
            window.screenshot("window")
    finally:
        server.terminate()
        assert server.wait(timeout=DEADLINE_S) == 0


if __name__ == "__main__":
    main()
