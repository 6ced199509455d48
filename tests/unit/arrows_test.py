#!/usr/bin/python3
"""Holds the dependency arrows (arrows.py), and shows that each rule catches what breaks it."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import arrows

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SOUND = {
    "common/base/bytes.hpp": "#include <vector>\n",
    "common/base/CMakeLists.txt": "tertulia_library(tertulia_base SOURCES bytes.cpp LINKS fmt::fmt)\n",
    "common/record/leaf.hpp": '#include "common/base/bytes.hpp"\n',
    "common/record/CMakeLists.txt":
        "tertulia_library(tertulia_record SOURCES leaf.cpp\n  DEPENDS tertulia_base)\n",
    "common/wire/frame.hpp": '#include "common/record/leaf.hpp"\n',
    "common/wire/CMakeLists.txt":
        "tertulia_library(tertulia_wire SOURCES frame.cpp DEPENDS tertulia_record)\n",
    "broker/gateway/gateway.cpp": '#include <zmq.hpp>\n#include "common/wire/frame.hpp"\n',
    "broker/main.cpp": '#include "broker/gateway/gateway.hpp"\n',
    "client/engine/engine.cpp": '#include <zmq.h>\n#include "common/wire/frame.hpp"\n',
    "client/engine/CMakeLists.txt":
        "tertulia_library(tertulia_engine SOURCES engine.cpp DEPENDS tertulia_wire)\n",
    "client/cli/main.cpp": '#include "client/engine/engine.hpp"\n',
    "client_gtk/views/timeline.hpp":
        '#include <gtkmm/box.h>\n#include <adwaita.h>\n#include "client/engine/engine.hpp"\n',
    "client_gtk/CMakeLists.txt":
        "add_executable(tertulia a.cpp)\n"
        "target_link_libraries(tertulia PRIVATE tertulia_flags tertulia_engine)\n",
}


class Arrows(unittest.TestCase):
    maxDiff = None

    def test_this_tree(self):
        self.assertEqual(arrows.violations(ROOT), [])

    def test_this_tree_is_looked_at(self):
        seen = {folder for folder, _, _, _ in arrows.includes(ROOT)}
        self.assertLessEqual({"common/base", "common/record", "client/engine"}, seen)


class MadeUpTree(unittest.TestCase):
    def violations(self, files=None):
        """Of the sound tree with these files added."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**SOUND, **(files or {})}.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return arrows.violations(root)

    def caught(self, path, text, *words):
        found = self.violations({path: text})
        self.assertEqual(len(found), 1, found)
        for word in (path, *words):
            self.assertIn(word, found[0])

    def test_a_sound_tree_passes(self):
        self.assertEqual(self.violations(), [])

    def test_base_uses_nothing_of_ours(self):
        self.caught("common/base/x.cpp", '#include "common/crypto/keys.hpp"\n', "common/crypto")

    def test_record_knows_no_wire(self):
        self.caught("common/record/x.cpp", '#  include "common/wire/tertulia.pb.h"\n', "common/wire")

    def test_common_knows_no_broker(self):
        self.caught("common/wire/x.hpp", "#include <broker/log/log.hpp>\n", "broker/log")

    def test_broker_knows_no_client(self):
        self.caught("broker/log/x.cpp", '#include "client/engine/engine.hpp"\n', "client/engine")

    def test_engine_knows_no_broker(self):
        self.caught("client/engine/x.cpp", '#include "broker/flow/flow.hpp"\n', "broker/flow")

    def test_engine_knows_no_cli(self):
        self.caught("client/engine/x.cpp", '#include "client/cli/print.hpp"\n', "client/cli")

    def test_window_knows_no_cli(self):
        self.caught("client_gtk/x.cpp", '#include "client/cli/print.hpp"\n', "client/cli")

    def test_nothing_uses_tests(self):
        self.caught("broker/log/x.cpp", '#include "tests/support/process.hpp"\n', "tests/support")

    def test_zmq_stays_where_it_is(self):
        for path in ("broker/worker/x.cpp", "broker/main2.cpp", "client/cli/x.cpp",
                     "client_gtk/x.cpp", "common/wire/x.hpp"):
            for header in ("<zmq.hpp>", "<zmq.h>", '"zmq_addon.hpp"'):
                self.caught(path, f"#include {header}\n", "ZeroMQ")

    def test_gtk_stays_in_the_window(self):
        for path in ("client/engine/x.cpp", "common/base/x.cpp", "broker/admin/x.cpp"):
            for header in ("gtkmm.h", "gtkmm/box.h", "glibmm/dispatcher.h", "glib.h", "adwaita.h",
                           "gio/gio.h", "gtk/gtk.h", "sigc++/sigc++.h"):
                self.caught(path, f"#include <{header}>\n", "GTK")

    def test_toml_stays_in_config(self):
        self.caught("broker/main2.cpp", "#include <toml++/toml.h>\n", "toml++")

    def test_paths_start_at_the_root(self):
        self.caught("common/wire/x.cpp", '#include "../base/bytes.hpp"\n', "root")

    def test_links_are_held_too(self):
        self.caught("common/crypto/CMakeLists.txt",
                    "tertulia_library(tertulia_crypto SOURCES a.cpp # a comment (here)\n"
                    "  DEPENDS tertulia_base tertulia_wire)\n", "tertulia_wire")
        self.caught("broker/log/CMakeLists.txt",
                    "tertulia_library(tertulia_log SOURCES a.cpp)\n"
                    "target_link_libraries(tertulia_log PRIVATE tertulia_engine)\n",
                    "tertulia_engine")

    def test_a_new_folder_needs_a_rule(self):
        self.caught("common/misc/x.cpp", "#include <vector>\n", "without a rule")

    def test_a_ring_is_found(self):
        found = self.violations({
            "broker/flow/a.hpp": '#include "broker/log/b.hpp"\n',
            "broker/log/b.hpp": '#include "broker/flow/a.hpp"\n'})
        self.assertEqual(found, ["a ring of folders: broker/flow → broker/log → broker/flow"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
