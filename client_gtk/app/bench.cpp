#include "client_gtk/app/bench.hpp"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

namespace tertulia::gtk {
namespace {

// Field 22 of /proc/self/stat: start of this process in clock ticks since boot (proc(5)).
double since_process_start_ms() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  const double start_s = std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
  std::timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 - start_s) *
         1000;
}

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  double pages = 0;
  file >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024 * 1024);
}

}  // namespace

Bench::Bench(Window& window) : window_(window) {
  loaded_ = window_.main_page().timeline().signal_loaded().connect([this] {
    if (clock_) return;
    clock_ = window_.get_frame_clock();
    // gtkmm has no after-paint
    painted_ = g_signal_connect(
        clock_->gobj(), "after-paint",
        G_CALLBACK(+[](GdkFrameClock*, gpointer bench) { static_cast<Bench*>(bench)->painted(); }),
        this);
    window_.queue_draw();
  });
}

Bench::~Bench() {
  loaded_.disconnect();
  stop_listening();
}

void Bench::stop_listening() {
  if (painted_ != 0) g_signal_handler_disconnect(clock_->gobj(), std::exchange(painted_, 0));
}

void Bench::painted() {
  auto& timeline = window_.main_page().timeline();
  if (!timed_) {
    timed_ = true;
    std::printf("first_frame_ms=%.0f\nrss_first_mib=%.1f\n", since_process_start_ms(),
                resident_mib());
    std::fflush(stdout);
  }
  if (timeline.rows_made() < rows_wanted && !timeline.complete()) {
    timeline.scroll(-1);
    timeline.load_older();
    window_.queue_draw();
    return;
  }
  stop_listening();
  std::printf("rows=%ju\nrss_mib=%.1f\n", std::uintmax_t{timeline.rows_made()}, resident_mib());
  std::fflush(stdout);
  Glib::signal_idle().connect_once([this] { window_.close(); });
}

}  // namespace tertulia::gtk
