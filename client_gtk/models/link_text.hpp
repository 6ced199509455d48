// What the window says of the link: one sentence for every LinkProblem, one word for every state.
// UI thread (translated).
#pragma once

#include <glibmm/ustring.h>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

Glib::ustring state_word(client::LinkState state);  // "Online", "Offline" …
bool needs_banner(const client::LinkStatus& status);
bool blocks_window(const client::LinkStatus& status);  // the log is not the one that was verified
Glib::ustring problem_sentence(const client::LinkStatus& status);
// "Trying again in 7 s"; empty without a countdown.
Glib::ustring countdown(const client::LinkStatus& status, std::uint64_t now_ms);

}  // namespace tertulia::gtk
