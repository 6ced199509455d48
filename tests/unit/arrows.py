"""The dependency arrows of the source tree: docs/ARCHITECTURE.md's code map, as rules.

violations(root) reads the #include lines and the CMakeLists.txt of every source folder below root
and returns a sentence for each that breaks a rule.
"""
import os
import re

SOURCE_TOPS = ("common", "broker", "client", "client_gtk", "verify")
SOURCE_ENDINGS = (".cpp", ".hpp", ".cc", ".h")

# What a folder may use besides itself; the longest prefix that fits decides. A name stands for
# itself and for everything below it.
MAY_USE = {
    "common/base": [],
    "common/config": ["common/base"],
    "common/config/document": ["common/base", "common/config"],
    "common/crypto": ["common/base"],
    "common/merkle": ["common/base", "common/crypto"],
    "common/record": ["common/base", "common/crypto", "common/merkle"],
    "common/wire": ["common/base", "common/crypto", "common/merkle", "common/record"],
    "broker": ["common", "broker"],
    "client/engine": ["common"],
    "client/cli": ["client/engine", "common"],
    "client_gtk": ["client/engine", "common", "client_gtk"],
    "verify": ["common/base", "common/crypto", "common/merkle", "common/record"],
}

# Headers from outside that only some folders may see.
OUTSIDE = [
    ("ZeroMQ", re.compile(r"zmq(_addon|_utils)?\.h(pp)?$"),
     ["broker/gateway", "broker/auth", "broker/publisher", "client/engine"]),
    ("GTK", re.compile(r"(gtk|gtkmm|gdk|gdkmm|gsk|glib|glibmm|gio|giomm|gobject|adwaita|sigc\+\+|"
                       r"pango|pangomm|cairo|cairomm)([./-]|$)"),
     ["client_gtk"]),
    ("toml++", re.compile(r"toml\+\+/"), ["common/config"]),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
CMAKE_CALL = re.compile(r"\b(tertulia_library|add_library|add_executable|target_link_libraries)"
                        r"\s*\(([^)]*)\)")
OWN_TARGET = re.compile(r"\btertulia_\w+")
NOT_A_FOLDER = {"tertulia_flags"}


def is_below(folder, prefix):
    return folder == prefix or folder.startswith(prefix + "/")


def library_of(folder):
    """The window is one library of many folders; elsewhere each folder is a library."""
    return "client_gtk" if is_below(folder, "client_gtk") else folder


def allowed_for(folder):
    fitting = [name for name in MAY_USE if is_below(folder, name)]
    return MAY_USE[max(fitting, key=len)] if fitting else None


def may_use(user, used):
    return user == used or any(is_below(used, name) for name in allowed_for(user) or [])


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def source_files(root):
    """(folder, path) of every source file and CMakeLists.txt, both relative to root."""
    for top in SOURCE_TOPS:
        for directory, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith(SOURCE_ENDINGS) or name == "CMakeLists.txt":
                    folder = os.path.relpath(directory, root)
                    yield folder, os.path.join(folder, name)


def includes(root):
    """(folder, path, quoted, included header) of every #include line."""
    for folder, path in source_files(root):
        if path.endswith("CMakeLists.txt"):
            continue
        for quote, header in INCLUDE.findall(read(os.path.join(root, path))):
            yield folder, path, quote == '"', header


def cmake_links(root):
    """(folder, path, target that it links) for our own targets, and {target: its folder}."""
    links, home = [], {}
    for folder, path in source_files(root):
        if not path.endswith("CMakeLists.txt"):
            continue
        text = re.sub(r"#.*", "", read(os.path.join(root, path)))
        for call, arguments in CMAKE_CALL.findall(text):
            words = arguments.split()
            if call != "target_link_libraries" and words:
                home[words[0]] = folder
            links += [(folder, path, target) for target in OWN_TARGET.findall(" ".join(words[1:]))
                      if target not in NOT_A_FOLDER]
    return links, home


def cycle(graph):
    """A list of folders that include each other in a ring, or nothing."""
    done, path = set(), []

    def visit(folder):
        if folder in path:
            return path[path.index(folder):] + [folder]
        if folder in done:
            return []
        path.append(folder)
        for used in sorted(graph.get(folder, ())):
            ring = visit(used)
            if ring:
                return ring
        done.add(path.pop())
        return []

    for folder in sorted(graph):
        ring = visit(folder)
        if ring:
            return ring
    return []


def violations(root):
    found, graph = [], {}
    for folder, path, quoted, header in includes(root):
        if allowed_for(folder) is None:
            found.append(f"{path}: {folder} is a folder without a rule in arrows.py")
            continue
        if ".." in header.split("/"):
            found.append(f"{path}: includes {header}: paths start at the project's root")
        used = os.path.dirname(header)
        if used.split("/")[0] in SOURCE_TOPS + ("tests",):
            if not may_use(folder, used):
                found.append(f"{path}: {folder} must not include {header}")
            elif library_of(used) != library_of(folder):
                graph.setdefault(library_of(folder), set()).add(library_of(used))
        for what, pattern, folders in OUTSIDE:
            # "log/gtk.hpp" in quotes is ours
            ours = quoted and os.path.exists(os.path.join(root, header))
            if pattern.match(header) and not ours and not any(is_below(folder, f) for f in folders):
                found.append(f"{path}: {what} ({header}) is only for {', '.join(folders)}")
    links, home = cmake_links(root)
    for folder, path, target in links:
        if target in home and allowed_for(folder) is not None and not may_use(folder, home[target]):
            found.append(f"{path}: {folder} must not link {target} of {home[target]}")
    ring = cycle(graph)
    if ring:
        found.append("a ring of folders: " + " → ".join(ring))
    return found
