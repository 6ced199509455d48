"""The commands of a document, and what it says one sees.

A fenced block of commands stands below one of these comments:
  <!-- run: server -->   run on the server, each line by itself, in the document's order
  <!-- run: desk -->     run on the desk
  <!-- not run: why -->  shown only
and what one sees below <!-- seen -->: its lines come in the last command's output, in their order;
an ellipsis (…) stands for anything. A block without such a comment is a mistake in the document.
"""
import re
from dataclasses import dataclass, field


@dataclass
class Step:
    line: int
    place: str  # "server", "desk" or "" (not run)
    commands: list
    seen: list = field(default_factory=list)


def steps_of(path):
    steps, mark, block, begun = [], None, None, 0
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            if block is not None:
                if line.startswith("```"):
                    _add(steps, mark, block, begun, path)
                    mark, block = None, None
                else:
                    block.append(line)
            elif line.startswith("```"):
                block, begun = [], number
            elif found := re.fullmatch(r"<!-- (run: (?:server|desk)|not run: .+|seen) -->", line):
                mark = found[1]
            elif line.strip():
                mark = None
    return steps


def _add(steps, mark, block, line, path):
    if mark is None:
        raise AssertionError(f"{path}:{line}: a block without a mark: run, not run or seen?")
    if mark == "seen":
        if not steps or not steps[-1].place:
            raise AssertionError(f"{path}:{line}: what is seen belongs below commands that are run")
        steps[-1].seen = [one for one in block if one.strip()]
    else:
        place = mark[len("run: "):] if mark.startswith("run: ") else ""
        steps.append(Step(line, place, [one for one in block if one.strip()
                                        and not one.startswith("#")]))


def missing(seen, output):
    """The first line that the output does not have, or nothing."""
    at = 0
    for line in seen:
        pattern = ".*?".join(re.escape(part) for part in line.strip().split("…"))
        found = re.compile(pattern).search(output, at)
        if not found:
            return line
        at = found.end()
    return None
