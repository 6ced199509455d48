"""The states of the window that are hard to provoke with a real server, over the scripted engine:
names, offline banner, failed message, forked log, dark, narrow, Spanish. Screenshots are kept.

usage: test_states.py PREVIEW_PROGRAM STATE
"""
import os
import subprocess
import sys
import tempfile

from window_driver import Window, press, text_of, wait_for

NARROW_PX = 360
WHEEL_CLICKS = 6  # 68 pixels each (GTK 4.8, a view of 565 pixels): at most 12 rows
JUMP_ROWS_MAX = 15
LOOKS = 3  # of 50 ms, at the same row


def preview(program, *arguments, **environment):
    profile = tempfile.mkdtemp(prefix="profile-", dir=os.environ["HOME"])
    return Window(program, "--profile", profile, *arguments, **environment)


def check_names(window):
    unnamed = window.unnamed()
    assert not unnamed, "without an accessible name:\n" + "\n".join(unnamed)


def talk(program):
    with preview(program) as window:
        window.find("Rooms", "list", "list box")
        window.find("Timeline", "list", "list box")
        window.find("Connection status", "label", "static")
        wait_for("status Online", lambda: text_of(window.look("Connection status", "label",
                                                              "static")) == "Online")
        check_names(window)
        window.send("First line\nand the second, with ñ and 🔥")
        window.says("and the second, with ñ and 🔥")
        window.says("Sent")
        window.screenshot("main-light")
        window.click("laboratorio")
        wait_for("the room's title", lambda: window.look("laboratorio", "label", "static"))


def keyboard(program):
    with preview(program) as window:
        window.says("Online")
        focus = window.find("Message", "text", "entry")
        window.focus()
        subprocess.run(["xdotool", "type", "hola"], check=True, timeout=20)
        press("shift+Return")
        subprocess.run(["xdotool", "type", "mundo"], check=True, timeout=20)
        wait_for("two lines in the composer", lambda: text_of(focus) == "hola\nmundo")
        press("Return")
        window.says("hola\nmundo")
        subprocess.run(["xdotool", "type", "borrador"], check=True, timeout=20)
        wait_for("the draft is typed", lambda: text_of(focus) == "borrador")
        press("alt+Down")
        wait_for("the next room has no draft", lambda: text_of(focus) == "")
        press("alt+Up")
        wait_for("the draft is back", lambda: text_of(focus) == "borrador")
        press("ctrl+q")
        wait_for("Ctrl+Q ends the program", lambda: window.process.poll() is not None)
        assert window.process.returncode == 0


def offline(program):
    with preview(program, TERTULIA_SCENE="offline") as window:
        window.says("The server does not answer.")
        window.says("Trying again in")
        window.button("Try now")
        window.says("Not sent")
        window.says("You are not a member of this room.")
        check_names(window)
        window.screenshot("offline")
        window.click("Retry")
        wait_for("no message is failed", lambda: window.look("Retry", "push button", "button") is None)


def edit_failed(program):
    with preview(program, TERTULIA_SCENE="offline") as window:
        window.type_into("Message", "half a thought")
        window.click("Edit")
        message = window.find("Message", "text", "entry")
        wait_for("the failed text is in front of the draft", lambda: text_of(message) ==
                 "The file is on the shared drive.\nhalf a thought")


def store_fails(program):
    with preview(program, TERTULIA_SCENE="store_fails") as window:
        window.type_into("Message", "a thought to keep")
        window.click("Send")
        window.says("Messages cannot be saved on this computer: disk full")
        message = window.find("Message", "text", "entry")
        wait_for("the text is back", lambda: text_of(message) == "a thought to keep")
    with preview(program) as window:
        window.type_into("Message", "too long, and not to be lost")
        window.click("Send")
        window.says("The message is too long.")
        message = window.find("Message", "text", "entry")
        wait_for("the text is back", lambda: text_of(message) == "too long, and not to be lost")
        assert window.can_press("Retry") is None, "there is nothing to send again"
        # It stays the room's draft
        window.click("laboratorio")
        wait_for("the other room has no draft", lambda: text_of(message) == "")
        window.click("general")
        wait_for("the draft is back", lambda: text_of(message) == "too long, and not to be lost")
        window.screenshot("too-long")


def forked(program):
    with preview(program, TERTULIA_SCENE="forked") as window:
        window.says("The server's log was changed")
        window.says("Tell your administrator")
        check_names(window)
        window.screenshot("log-forked")


def first_run(program):
    with preview(program, TERTULIA_SCENE="first_run") as window:
        window.type_into("Invite", "nonsense")
        window.says("This is not an invite")
        window.type_into("Invite", "tertulia://script")
        window.says("Colegio San Martín")
        window.says("1f3a 9c02")
        check_names(window)
        window.screenshot("first-run")
        window.type_into("How others see you", "refused")
        window.click("Join")
        window.says("This invite was used already.")
        window.type_into("How others see you", "Ana")
        window.click("Join")
        window.find("Timeline", "list", "list box")


def link(program):
    with preview(program, TERTULIA_SCENE="first_run") as window:
        window.type_into("Invite", "tertulia://link")
        window.says("ana (a further device)")
        assert window.look("How others see you", "text", "entry") is None
        window.click("Join")
        window.says("if it shows the same code")
        window.says("123 456")
        check_names(window)
        window.screenshot("link-code")


def device_added(program):
    with preview(program, TERTULIA_SCENE="device_added") as window:
        window.says("An administrator added a device to your account: Portátil de la sala.")
        check_names(window)
        window.screenshot("device-added")
        window.click("Remove it")
        window.says("Your role does not allow this.")
        window.click("Remove it")
        window.says("Another device of yours added one: 010000000000.")
        window.click("Keep it")
        wait_for("the notice is gone",
                 lambda: window._label("Another device of yours added one") is None)
    with preview(program, "--color-scheme", "dark", TERTULIA_SCENE="device_added",
                 **spanish_locale()) as window:
        window.says("Un administrador añadió un dispositivo a su cuenta: Portátil de la sala.")
        window.resize(NARROW_PX, 640)
        window.screenshot("device-added-narrow-spanish-dark")


def locked(program):
    for scheme in ("light", "dark"):
        with preview(program, "--color-scheme", scheme, TERTULIA_SCENE="locked") as window:
            window.says("Tertulia is locked")
            check_names(window)
            window.focus()
            subprocess.run(["xdotool", "type", "wrong horse"], check=True, timeout=20)
            press("Return")
            window.says("The passphrase is not right.")
            window.screenshot(f"locked-{scheme}")
            window.type_into("Passphrase", "correct horse")
            wait_for("the sentence goes when one types",
                     lambda: window._label("The passphrase is not right.") is None)
            window.click("Unlock")
            window.find("Timeline", "list", "list box")


def locked_spanish(program):
    with preview(program, TERTULIA_SCENE="locked", **spanish_locale()) as window:
        window.says("Tertulia está bloqueada")
        window.type_into("Frase de paso", "otra")
        window.click("Desbloquear")
        window.says("La frase de paso no es correcta.")
        check_names(window)
        window.screenshot("locked-spanish")


def start_fails(program):
    for scene, environment, scheme, picture in (
            ("start_fails", {}, "light", "start-fails"),
            ("start_fails_unlocked", spanish_locale(), "dark", "start-fails-spanish-dark")):
        with preview(program, "--color-scheme", scheme, TERTULIA_SCENE=scene,
                     **environment) as window:
            if scene == "start_fails_unlocked":
                window.type_into("Frase de paso", "correct horse")
                window.click("Desbloquear")
            window.says("Tertulia no puede arrancar" if environment else "Tertulia cannot start")
            window.says("store.db: disk I/O error")
            check_names(window)
            window.screenshot(picture)
            window.click("Cerrar" if environment else "Close")
            wait_for("the program has ended", lambda: window.process.poll() is not None)
            window.ended_with(2)


def class_link(program):
    with preview(program, TERTULIA_SCENE="first_run") as window:
        window.type_into("Invite", "tertulia://class")
        window.says("Choose your user name")
        assert not window.can_press("Join"), "nobody may join without a name"
        window.type_into("Choose your user name", "Beto!")
        window.says("A user name has 1 to 64")
        assert not window.can_press("Join")
        check_names(window)
        window.screenshot("first-run-class-link-wrong")
        window.type_into("Choose your user name", "beto")
        window.type_into("How others see you", "Beto Ruiz")
        wait_for("a button that can be pressed", lambda: window.can_press("Join"))
        window.screenshot("first-run-class-link")
        window.click("Join")
        window.says("The name beto is taken")
        window.type_into("Choose your user name", "beto.ruiz")
        window.click("Join")
        window.find("Timeline", "list", "list box")


def empty(program):
    with preview(program, TERTULIA_SCENE="empty") as window:
        window.says("Nothing has been said here yet")
        window.screenshot("empty-room")


def dark(program):
    with preview(program, "--color-scheme", "dark", TERTULIA_SCENE="offline") as window:
        window.says("Not sent")
        window.screenshot("offline-dark")


def narrow(program):
    with preview(program, TERTULIA_SCENE="offline") as window:
        window.says("Not sent")
        window.resize(NARROW_PX, 640)
        window.find("Back to the rooms", "push button", "button")
        check_names(window)
        window.screenshot("narrow-360")
        window.click("Back to the rooms")
        window.find("Rooms", "list", "list box")
        window.screenshot("narrow-360-rooms")


def spanish_locale():
    # a locale of the test's own: hardly any machine has this one generated
    locales = tempfile.mkdtemp(prefix="locales-", dir=os.environ["HOME"])
    subprocess.run(["localedef", "-i", "es_ES", "-f", "UTF-8", f"{locales}/es_ES.UTF-8"],
                   check=True, timeout=60)
    return {"LOCPATH": locales, "LANG": "es_ES.UTF-8"}


def spanish(program):
    with preview(program, TERTULIA_SCENE="offline", **spanish_locale()) as window:
        window.button("Enviar mensaje")
        window.says("El servidor no responde.")
        window.says("Usted no es miembro de esta sala.")
        check_names(window)
        window.screenshot("spanish")


def scroll(program):
    """The wheel goes back over page borders and over the rows that are held, and forth again."""
    long = os.environ.get("TERTULIA_LONG") == "1"
    messages, back = (50_000, 5_000) if long else (2_000, 650)
    with preview(program, TERTULIA_SCENE="numbered", TERTULIA_MESSAGES=str(messages)) as window:
        window.says(f"#{messages}#")
        at = window.top_number()
        assert messages - 40 < at <= messages, at
        for button, arrived in (("4", lambda n: n <= messages - back),
                                ("5", lambda n: n > messages - (back if long else 40))):
            at = turn_wheel(window, at, button, arrived)


def turn_wheel(window, at, button, arrived):
    """Turns until arrived(number of the topmost row); the number that is then at the top."""
    back = button == "4"
    while not arrived(at):
        window.wheel(button, WHEEL_CLICKS)
        was = at
        at = wait_for(f"the timeline moves from #{was}", moved_and_rests(window, was))
        assert (at < was) == back, f"the wheel went from #{was} to #{at}"
        assert abs(at - was) <= JUMP_ROWS_MAX, f"a jump from #{was} to #{at}"
    return at


def moved_and_rests(window, was):
    """All clicks are taken: a busy machine takes them one by one, and those of the next turn too."""
    seen = []

    def rests():
        seen.append(window.top_number())
        now = seen[-1]
        return now if now and now != was and seen[-LOOKS:] == [now] * LOOKS else None
    return rests


def burst(program):
    with preview(program) as window:
        window.send("burst")
        # the 10,000 messages are in the log before this one is
        window.send("after the burst")
        window.says("after the burst")


if __name__ == "__main__":
    globals()[sys.argv[2]](sys.argv[1])
