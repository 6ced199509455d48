"""Every manual page of the given folders through man(1): it must have nothing to complain of."""
import os
import re
import shutil
import subprocess
import sys

PAGE = re.compile(r"\.[1-8]$")


def complaints(page):
    shown = subprocess.run(
        ["man", "--warnings", "--encoding=UTF-8", "--local-file", page],
        env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANROFFSEQ": "", "PAGER": "cat",
             "MANPAGER": "cat"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False)
    out = shown.stderr.strip()
    if shown.returncode != 0:
        out += f"\nman ended with {shown.returncode}"
    if len(shown.stdout.splitlines()) < 10:
        out += f"\nonly {len(shown.stdout.splitlines())} lines were shown"
    return out


def main():
    if shutil.which("man") is None:
        print("SKIP: man is not installed (package man-db)")
        return 77
    pages = sorted(os.path.join(folder, name) for folder in sys.argv[1:] if os.path.isdir(folder)
                   for name in os.listdir(folder) if PAGE.search(name))
    if not pages:
        print("there is no page in", *sys.argv[1:])
        return 1
    bad = 0
    for page in pages:
        said = complaints(page)
        bad += bool(said)
        print(f"{page}: {said or 'fine'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
