"""Every text of the desktop client has its translation, and no translation lost its text.

usage: check_catalogue.py CLIENT_GTK_DIRECTORY CATALOGUE.po
Exit 77 with a line "SKIP: reason" where gettext's programs are missing.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

KEYWORDS = ("--keyword=tr", "--keyword=tr_later", "--keyword=trn:1,2", "--keyword=_")


def entries(catalogue, *flags):
    """What msgattrib selects, as text; empty if nothing is selected."""
    return subprocess.run(["msgattrib", *flags, catalogue], check=True, capture_output=True,
                          text=True).stdout


def main():
    sources, catalogue = sys.argv[1:]
    for program in ("xgettext", "msgmerge", "msgattrib"):
        if shutil.which(program) is None:
            print(f"SKIP: {program} is not installed")
            return 77
    found = 0
    with tempfile.TemporaryDirectory() as directory:
        pot, merged = os.path.join(directory, "fresh.pot"), os.path.join(directory, "merged.po")
        for language, endings in (("C++", ("cpp", "hpp")), ("C", ("blp",))):
            files = sorted(f for e in endings
                           for f in glob.glob(os.path.join(sources, "**", "*." + e), recursive=True))
            join = ["--join-existing"] if os.path.exists(pot) else []
            subprocess.run(["xgettext", "--from-code=UTF-8", "--language", language, *KEYWORDS, *join,
                            "--output", pot, *files], check=True)
        with open(pot, encoding="utf-8") as texts:
            found = texts.read().count("\nmsgid ") - 1
        assert found > 50, f"only {found} texts found: the extraction is broken"
        subprocess.run(["msgmerge", "--quiet", "--no-fuzzy-matching", "--output-file", merged,
                        catalogue, pot], check=True)
        untranslated = entries(merged, "--untranslated", "--no-obsolete")
        fuzzy = entries(merged, "--only-fuzzy", "--no-obsolete")
        obsolete = entries(merged, "--only-obsolete")
    assert not untranslated, "without a translation:\n" + untranslated
    assert not fuzzy, "marked fuzzy:\n" + fuzzy
    assert not obsolete, "in no source any more:\n" + obsolete
    print(f"{found} texts, each translated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
