// Translated text: the msgids are English, the catalogues are in client_gtk/po. UI thread.
#pragma once

#include <glibmm/ustring.h>

#include <string>

namespace tertulia::gtk {

inline constexpr const char* text_domain = "tertulia";

// Sets the locale and finds the catalogues: beside the program in a build tree, else where they
// were installed. language: empty, or what the presets wish; the environment's LANGUAGE wins unless
// the wish is locked. Before GTK starts.
void start_texts(const std::string& language, bool locked);

Glib::ustring tr(const char* msgid);
Glib::ustring trn(const char* singular, const char* plural, unsigned long count);
// Marks a msgid that is translated where it is shown.
constexpr const char* tr_later(const char* msgid) { return msgid; }

}  // namespace tertulia::gtk
