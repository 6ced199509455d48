#include "client_gtk/rows/day_row.hpp"

#include "client_gtk/app/text.hpp"
#include "client_gtk/models/grouping.hpp"
#include "common/base/clock.hpp"

namespace tertulia::gtk {

Glib::ustring day_name(std::uint64_t unix_ms, std::uint64_t now_ms) {
  const std::int64_t ago = local_day(now_ms) - local_day(unix_ms);
  if (ago == 0) return tr("Today");
  if (ago == 1) return tr("Yesterday");
  const auto at = Glib::DateTime::create_now_local(static_cast<gint64>(unix_ms / 1000));
  if (!at) return {};
  const auto now = Glib::DateTime::create_now_local(static_cast<gint64>(now_ms / 1000));
  // strftime formats: the date with and without its year
  const bool same_year = now && now.get_year() == at.get_year();
  return at.format(same_year ? tr("%A, %-d %B") : tr("%-d %B %Y"));
}

DayRow::DayRow(std::uint64_t unix_ms, bool first_unread) : Gtk::Box(Gtk::Orientation::VERTICAL, 4) {
  add_css_class("day");
  if (unix_ms != 0) {
    auto* day = Gtk::make_managed<Gtk::Label>(day_name(unix_ms, wall_ms()));
    day->add_css_class("caption-heading");
    day->add_css_class("dim-label");
    append(*day);
  }
  if (first_unread) {
    auto* line = Gtk::make_managed<Gtk::Box>(Gtk::Orientation::HORIZONTAL, 8);
    line->add_css_class("first-unread");
    auto* left = Gtk::make_managed<Gtk::Separator>();
    auto* right = Gtk::make_managed<Gtk::Separator>();
    for (auto* side : {left, right}) {
      side->set_hexpand(true);
      side->set_valign(Gtk::Align::CENTER);
    }
    auto* words = Gtk::make_managed<Gtk::Label>(tr("New messages"));
    words->add_css_class("caption-heading");
    line->append(*left);
    line->append(*words);
    line->append(*right);
    append(*line);
  }
}

}  // namespace tertulia::gtk
