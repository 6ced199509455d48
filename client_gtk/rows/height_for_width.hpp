// Holds one child and asks it for its height at a width, never for its width at a height: Gtk::Box
// asks a wrapping label for the latter, and GTK finds it by a search over some twenty text layouts
// (GTK 4.8.3, counted: 480 layouts a timeline row, 40 with this between box and label). UI thread.
#pragma once

#include <gtkmm.h>

namespace tertulia::gtk {

class HeightForWidth : public Gtk::Widget {
 public:
  explicit HeightForWidth(Gtk::Widget& child);  // child outlives this, or is managed
  ~HeightForWidth() override;

 protected:
  Gtk::SizeRequestMode get_request_mode_vfunc() const override;
  void measure_vfunc(Gtk::Orientation orientation, int for_size, int& minimum, int& natural,
                     int& minimum_baseline, int& natural_baseline) const override;
  void size_allocate_vfunc(int width, int height, int baseline) override;

 private:
  Gtk::Widget& child_;
};

}  // namespace tertulia::gtk
