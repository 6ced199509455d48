// The engine's and the server's reasons are English sentences (the log and the cli show them as they
// are); here the usual ones are translated. UI thread.
#pragma once

#include <glibmm/ustring.h>

#include <string>

namespace tertulia::gtk {

// A reason without a translation is shown as it came; empty stays empty.
Glib::ustring reason_sentence(const std::string& english);

}  // namespace tertulia::gtk
