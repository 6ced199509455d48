"""Runs one window test under its own X server, session bus and home directory.

usage: run_window_test.py SCREENSHOTS SCRIPT [ARGUMENT…]
Exit 77 with a line "SKIP: reason" where the machine lacks what the tests need.
"""
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile


def missing():
    for program in ("Xvfb", "dbus-run-session", "xdotool", "import"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    for module in ("gi", "pyatspi"):
        if importlib.util.find_spec(module) is None:
            return f"python module {module} is not installed"
    return None


def main():
    screenshots, script, *arguments = sys.argv[1:]
    reason = missing()
    if reason:
        print(f"SKIP: {reason}")
        return 77
    os.makedirs(screenshots, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tertulia-gui-") as home:
        runtime = os.path.join(home, "run")
        os.mkdir(runtime, 0o700)
        environment = dict(
            os.environ,
            HOME=home,
            XDG_RUNTIME_DIR=runtime,
            XDG_DATA_HOME=os.path.join(home, "data"),
            XDG_CONFIG_HOME=os.path.join(home, "config"),
            XDG_CACHE_HOME=os.path.join(home, "cache"),
            LANG="C.UTF-8",
            GTK_A11Y="atspi",
            GDK_BACKEND="x11",
            GSK_RENDERER="cairo",
            GSETTINGS_BACKEND="memory",
            NO_AT_BRIDGE="0",
            TERTULIA_SCREENSHOTS=screenshots,
        )
        for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "WAYLAND_DISPLAY", "XAUTHORITY"):
            environment.pop(name, None)
        server, environment["DISPLAY"] = start_x_server()
        try:
            # DISPLAY has to be there before the session bus starts
            command = ["dbus-run-session", "--", sys.executable, script, *arguments]
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            server.terminate()
            server.wait()


def start_x_server():
    """Xvfb picks a free display itself; xvfb-run -a looks for one first, and two can find the same."""
    reading, writing = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24",
                               "-nolisten", "tcp"], pass_fds=(writing,))
    os.close(writing)
    with os.fdopen(reading) as answer:
        number = answer.readline().strip()
    assert number, "Xvfb did not start"
    return server, ":" + number


if __name__ == "__main__":
    sys.exit(main())
