#include "client_gtk/app/text.hpp"

#include <libintl.h>

#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace tertulia::gtk {
namespace {

// A machine on which the user's locale was never generated has its catalogue all the same: glibc
// before 2.39 (Debian 12) follows LANGUAGE in C.UTF-8, so the wish is handed over there.
void fall_back_to_language() {
  std::string wish;
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') {
      wish = value;
      break;
    }
  }
  if (std::setlocale(LC_ALL, "C.UTF-8") == nullptr) return;
  const std::string language = wish.substr(0, wish.find_first_of(".@"));
  if (!language.empty()) setenv("LANGUAGE", language.c_str(), 0);
}

}  // namespace

void start_texts(const std::string& language, bool locked) {
  if (!language.empty()) setenv("LANGUAGE", language.c_str(), locked ? 1 : 0);
  if (std::setlocale(LC_ALL, "") == nullptr) fall_back_to_language();
  std::error_code missing;
  std::filesystem::path beside = std::filesystem::read_symlink("/proc/self/exe", missing);
  beside = beside.parent_path() / "locale";
  const bool build_tree = !missing && std::filesystem::is_directory(beside, missing);
  bindtextdomain(text_domain, build_tree ? beside.c_str() : TERTULIA_LOCALE_DIR);
  bind_textdomain_codeset(text_domain, "UTF-8");
  textdomain(text_domain);
}

Glib::ustring tr(const char* msgid) { return gettext(msgid); }

Glib::ustring trn(const char* singular, const char* plural, unsigned long count) {
  return ngettext(singular, plural, count);
}

}  // namespace tertulia::gtk
