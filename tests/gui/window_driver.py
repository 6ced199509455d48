"""Drives windows over AT-SPI: starts programs, finds widgets by accessible name and role, waits.

Every wait is for a condition and has the same deadline; nothing is tried twice.
"""
import os
import re
import subprocess
import threading
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import GLib  # noqa: E402
import pyatspi  # noqa: E402

DEADLINE_S = 20
UNNAMED = re.compile(r"^(gtkmm__|Gtk|Adw|$)")
NUMBERED = re.compile(r"#(\d+)# ")
TEXT_ROLES = ("text", "entry", "password text")
BUTTON_ROLES = ("push button", "toggle button", "button", "check box", "radio button")
LIST_ROLES = ("list", "list box")


def wait_for(what, condition, deadline_s=DEADLINE_S):
    """The first true value of condition(); AssertionError that names `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            value = condition()
        except GLib.Error:  # a widget went away while its tree was walked
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        threading.Event().wait(0.05)


def walk(node):
    if node is None:
        return
    yield node
    for index in range(node.childCount):
        yield from walk(node.getChildAtIndex(index))


def showing(node):
    """GTK 4.8 never sets the state "showing": what has no size, or a hidden ancestor, is not seen.

    Neither is what was taken out of the tree after the walk came by, whose parent has no children
    then: it answers no question, not even for its name.
    """
    extents = node.queryComponent().getExtents(pyatspi.WINDOW_COORDS)
    if extents.width <= 0 or extents.height <= 0:
        return False
    while node is not None and node.getRoleName() not in ("frame", "application"):
        if not node.getState().contains(pyatspi.STATE_VISIBLE):
            return False
        if node.parent is None or node.parent.childCount == 0:
            return False
        node = node.parent
    return True


def text_of(node):
    text = node.queryText()
    return text.getText(0, text.characterCount)


def path_of(node):
    """Role, name, place and actions of the node, and before it its ancestors, outermost first."""
    box = node.queryComponent().getExtents(pyatspi.WINDOW_COORDS)
    actions = []
    if "Action" in pyatspi.listInterfaces(node):
        action = node.queryAction()
        actions = [action.getName(i) for i in range(action.nActions)]
    steps = []
    while node is not None and node.getRoleName() != "application":
        step = f"{node.getRoleName()} {node.name!r}"
        if node.parent is not None:
            step += f" [{node.getIndexInParent() + 1} of {node.parent.childCount}]"
        steps.insert(0, step)
        node = node.parent
    place = f"{box.width}x{box.height} at {box.x},{box.y}"
    return " > ".join(steps) + f" ({place}, actions: {', '.join(actions) or 'none'})"


class Window:
    """One running program with its window. Use as a context manager: it is ended at the end."""

    def __init__(self, *command, **environment):
        self.process = subprocess.Popen(command, env=dict(os.environ, **environment))
        self.pid = self.process.pid
        self._timeline = self._timeline_top = None
        self._x_window = None
        self.code = 0  # that it is to end with

    def __enter__(self):
        self.root = wait_for("the window is known to AT-SPI", self._application)
        wait_for("the window has widgets", lambda: self.root.childCount > 0)
        return self

    def __exit__(self, failed, *_):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=DEADLINE_S)
        assert code == self.code or failed, f"the window ended with {code}"

    def ended_with(self, code):
        self.code = code

    def _application(self):
        assert self.process.poll() is None, f"the window ended with {self.process.returncode}"
        for application in pyatspi.Registry.getDesktop(0):
            if application is not None and application.get_process_id() == self.pid:
                return application
        return None

    def all(self, *roles):
        return [n for n in walk(self.root) if n.getRoleName() in roles and showing(n)]

    def look(self, name, *roles):
        for node in walk(self.root):
            if node.name == name and node.getRoleName() in roles and showing(node):
                return node
        return None

    def find(self, name, *roles):
        return wait_for(f"{roles[0]} {name!r}", lambda: self.look(name, *roles))

    def button(self, name):
        return self.find(name, *BUTTON_ROLES)

    def click(self, name):
        node = wait_for(f"button {name!r} can be clicked", lambda: self.can_press(name))
        action = node.queryAction()
        names = [action.getName(i) for i in range(action.nActions)]
        action.doAction(names.index("click") if "click" in names else 0)

    def can_press(self, name):
        node = self.look(name, *BUTTON_ROLES)
        return node if node and node.getState().contains(pyatspi.STATE_SENSITIVE) else None

    def type_into(self, name, text):
        self.find(name, *TEXT_ROLES).queryEditableText().setTextContents(text)

    def send(self, text):
        """Types and sends; back when it is sent: GTK presses a button 250 ms after it was told to."""
        self.type_into("Message", text)
        self.click("Send")
        message = self.find("Message", *TEXT_ROLES)
        wait_for("the composer is empty", lambda: text_of(message) == "")

    def says(self, text):
        """Waits until a label shows the text."""
        return wait_for(f"label {text!r}", lambda: self._label(text))

    def _label(self, text):
        for node in walk(self.root):
            if node.getRoleName() in ("label", "static") and text in text_of(node) and showing(node):
                return node
        return None

    def unnamed(self):
        """Paths of the buttons, texts and lists that a screen reader could not announce."""
        roles = BUTTON_ROLES + TEXT_ROLES + LIST_ROLES
        return [path_of(n) for n in self.all(*roles) if UNNAMED.match(n.name or "")]

    def top_number(self):
        """The number n of the text "#n# …" of the topmost message in sight, or None in between."""
        if self._timeline is None:
            self._timeline = self.find("Timeline", *LIST_ROLES)
            view = self._timeline
            while view.getRoleName() != "scroll pane":
                view = view.parent
            self._timeline_top = view.queryComponent().getExtents(pyatspi.WINDOW_COORDS).y
        timeline, top = self._timeline, self._timeline_top
        rows = timeline.childCount
        low, high = 0, rows
        while low < high:
            middle = (low + high) // 2
            row = timeline.getChildAtIndex(middle)
            box = row.queryComponent().getExtents(pyatspi.WINDOW_COORDS)
            if box.y + box.height <= top:
                low = middle + 1
            else:
                high = middle
        for index in range(low, min(low + 3, rows)):
            for node in walk(timeline.getChildAtIndex(index)):
                if node.getRoleName() in ("label", "static"):
                    number = NUMBERED.match(text_of(node))
                    if number:
                        return int(number.group(1))
        return None

    def wheel(self, button, clicks):
        subprocess.run(["xdotool", "mousemove", "--window", self.x_window(), "600", "300", "click",
                        "--repeat", str(clicks), "--delay", "1", button],
                       check=True, timeout=DEADLINE_S)

    def x_window(self):
        def visible():
            found = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(self.pid)],
                                   capture_output=True, text=True, check=False).stdout.split()
            return found[-1] if found else None
        if self._x_window is None:
            self._x_window = wait_for("the window is on the screen", visible)
        return self._x_window

    def focus(self):
        subprocess.run(["xdotool", "windowfocus", "--sync", self.x_window()], check=True,
                       timeout=DEADLINE_S)

    def resize(self, width, height):
        window = self.x_window()
        subprocess.run(["xdotool", "windowsize", "--sync", window, str(width), str(height)],
                       check=True, timeout=DEADLINE_S)

    def screenshot(self, name):
        # a picture of the window is there when two in a row are the same
        path = os.path.join(os.environ["TERTULIA_SCREENSHOTS"], name + ".png")
        window = self.x_window()
        last = []

        def steady():
            subprocess.run(["import", "-window", window, path], check=True, timeout=DEADLINE_S)
            digest = subprocess.run(["identify", "-format", "%#", path], check=True,
                                    capture_output=True, timeout=DEADLINE_S).stdout
            last.append(digest)
            return len(last) > 1 and last[-1] == last[-2]

        wait_for(f"a steady picture for {name}", steady)
        return path


def press(key):
    subprocess.run(["xdotool", "key", key], check=True, timeout=DEADLINE_S)
