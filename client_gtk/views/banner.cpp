#include "client_gtk/views/banner.hpp"

#include "client_gtk/app/builder.hpp"
#include "client_gtk/models/link_text.hpp"
#include "common/base/clock.hpp"

namespace tertulia::gtk {

Banner::Banner(const Glib::RefPtr<Gtk::Builder>& ui, std::function<void()> try_now)
    : revealer_(need<Gtk::Revealer>(ui, "banner")),
      box_(need(ui, "banner_box")),
      cause_(need<Gtk::Label>(ui, "banner_cause")),
      countdown_(need<Gtk::Label>(ui, "banner_countdown")),
      retry_(need<Gtk::Button>(ui, "banner_retry")) {
  retry_.signal_clicked().connect(std::move(try_now));
}

Banner::~Banner() { ticking_.disconnect(); }

void Banner::show(const client::LinkStatus& status) {
  status_ = status;
  const bool needed = needs_banner(status);
  revealer_.set_reveal_child(needed);
  ticking_.disconnect();
  if (!needed) return;
  cause_.set_text(problem_sentence(status));
  const bool serious = status.problem == client::LinkProblem::wrong_server ||
                       status.problem == client::LinkProblem::device_refused ||
                       status.problem == client::LinkProblem::store_failed;
  if (serious) {
    box_.add_css_class("serious");
  } else {
    box_.remove_css_class("serious");
  }
  retry_.set_visible(status.state != client::LinkState::online);
  show_countdown();
  if (status.retry_at_ms != 0) {
    ticking_ = Glib::signal_timeout().connect(
        [this] {
          show_countdown();
          return true;
        },
        500);
  }
}

void Banner::show_countdown() {
  const Glib::ustring words = countdown(status_, wall_ms());
  countdown_.set_visible(!words.empty());
  countdown_.set_text(words);
}

}  // namespace tertulia::gtk
