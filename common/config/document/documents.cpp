#include "common/config/document/document.hpp"

namespace tertulia::config {

const Document& broker_document() {
  static const Document document{
      .name = "tertuliad.toml",
      .summary = "configuration of tertuliad, the broker of Tertulia",
      .path = "/etc/tertulia/tertuliad.toml",
      .comment =
          "Configuration of tertuliad, the broker. Every key is here with its default: a line that "
          "you remove, or a file that is empty, changes nothing. Own settings may also stand in "
          "conf.d/*.toml beside this file: what is read later wins.\n"
          "\n"
          "Try a change first: tertuliad --config FILE --check-config. A change is taken up by a "
          "restart (systemctl restart tertuliad), or without one by a reload (systemctl reload "
          "tertuliad) where the key says so.",
      .description =
          {"The configuration of tertuliad(8) is TOML. Every key has a default: a line that is "
           "missing, or a file that is empty, changes nothing. An unknown section or key is a "
           "mistake, and so is a value outside its range; all mistakes are said at once, each with "
           "file, line and column, and the broker does not start.",
           "After this file, conf.d/*.toml beside it is read in the order of the names, at most 64 "
           "files of at most 1 MiB; names that begin with a dot or end in something else are left "
           "alone. What is read later wins, key by key; a list is replaced as a whole. An option "
           "on the command line wins over all files.",
           "A key that an earlier version called something else is accepted under its former name, "
           "with a warning that has the new one.",
           "tertuliad --config FILE --check-config says what is wrong and ends; tertuliad --config "
           "FILE --print-config prints what would hold, with the place that each value comes from. "
           "A change is taken up by a restart, or by a reload (SIGHUP, systemctl reload tertuliad) "
           "where the key below says so. A reload that meets a mistake changes nothing and says "
           "why."},
      .more_files = {"/etc/tertulia/conf.d/*.toml: Drop-ins: settings of your own, or of a "
                     "configuration management, apart from this file."},
      .see_also = "tertuliad(8), tertuliactl(8)"};
  return document;
}

const Document& client_document() {
  static const Document document{
      .name = "tertulia-client.toml",
      .summary = "settings of the Tertulia clients, for all users of a machine",
      .path = "/etc/tertulia/client.toml",
      .comment =
          "Settings of the Tertulia clients for all users of this machine. Copy this file to "
          "/etc/tertulia/client.toml and change what is to be different: every key is here with "
          "its "
          "default, and a line that you remove changes nothing.\n"
          "\n"
          "A user's own settings win: ~/.config/tertulia/client.toml, then the command line. What "
          "holds, and where it comes from: tertulia-cli config",
      .description =
          {"The clients tertulia(1) and tertulia-cli(1) read their settings when they start. The "
           "files are TOML; every key has a default, and a file that is missing changes nothing.",
           "/etc/tertulia/client.toml is for the administrator of a fleet and holds for every user "
           "of the machine. A user's own settings win, key by key: client.toml in the directory "
           "tertulia of $XDG_CONFIG_HOME or ~/.config, and after it the options of the command "
           "line. What the administrator names in presets.locked, users cannot change.",
           "A mistake in a file is said on standard error with file, line and column; the client "
           "starts all the same, as if that file were missing. tertulia-cli config prints what "
           "holds, with the place that each value comes from. To try a file before it is "
           "installed, "
           "name it in the environment variable TERTULIA_PRESETS: it is read instead of "
           "/etc/tertulia/client.toml."},
      .more_files = {"~/.config/tertulia/client.toml: A user's own settings, with the same keys."},
      .see_also = "tertulia(1), tertulia-cli(1)"};
  return document;
}

}  // namespace tertulia::config
