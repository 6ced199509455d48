#!/usr/bin/python3
"""Lists the tests that did not run, and why, from the JUnit file that ctest wrote.

usage: skipped.py CTEST.XML

A test program that skips itself exits 77; one that skips a part goes on. Both print a line
`SKIP: what: why`, and this repeats all of them.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree


def skips(root):
    for case in root.iter("testcase"):
        name = case.get("name")
        output = case.findtext("system-out") or ""
        reasons = re.findall(r"^.*?\bSKIP: *(.+)$", output, re.MULTILINE)
        if not reasons and case.get("status") in ("notrun", "disabled"):
            skipped = case.find("skipped")
            reasons = [skipped.get("message") if skipped is not None else case.get("status")]
        for reason in reasons:
            yield f"  {name}: {reason}"


def main():
    lines = list(skips(ElementTree.parse(sys.argv[1]).getroot()))
    print("Skipped tests: none" if not lines else f"Skipped tests: {len(lines)}")
    print("\n".join(lines), end="\n" if lines else "")


if __name__ == "__main__":
    main()
