#include "client_gtk/rows/height_for_width.hpp"

namespace tertulia::gtk {

HeightForWidth::HeightForWidth(Gtk::Widget& child)
    : Glib::ObjectBase("TertuliaHeightForWidth"),
      child_(child) {
  child_.set_parent(*this);
}

HeightForWidth::~HeightForWidth() {
  if (!gobj()) return;
  child_.unparent();
}

Gtk::SizeRequestMode HeightForWidth::get_request_mode_vfunc() const {
  return Gtk::SizeRequestMode::HEIGHT_FOR_WIDTH;
}

void HeightForWidth::measure_vfunc(Gtk::Orientation orientation, int for_size, int& minimum,
                                   int& natural, int& minimum_baseline,
                                   int& natural_baseline) const {
  const bool height = orientation == Gtk::Orientation::VERTICAL;
  child_.measure(orientation, height ? for_size : -1, minimum, natural, minimum_baseline,
                 natural_baseline);
}

void HeightForWidth::size_allocate_vfunc(int width, int height, int baseline) {
  child_.size_allocate({0, 0, width, height}, baseline);
}

}  // namespace tertulia::gtk
