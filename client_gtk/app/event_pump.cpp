#include "client_gtk/app/event_pump.hpp"

#include <glibmm/main.h>

#include <iterator>
#include <utility>

#include "common/base/clock.hpp"

namespace tertulia::gtk {

EventPump::EventPump(std::function<void(client::Event&)> handle) : handle_(std::move(handle)) {
  dispatcher_.connect([this] { take(); });
}

EventPump::~EventPump() { rest_.disconnect(); }

void EventPump::take() {
  if (engine_ == nullptr) return;
  engine_->take_events(batch_);
  waiting_.insert(waiting_.end(), std::make_move_iterator(batch_.begin()),
                  std::make_move_iterator(batch_.end()));
  batch_.clear();
  if (!rest_.connected() && handle_slice()) {
    // idle priority lies below redraw: frames go first
    rest_ = Glib::signal_idle().connect([this] { return handle_slice(); });
  }
}

bool EventPump::handle_slice() {
  const std::uint64_t start = monotonic_us();
  while (!waiting_.empty()) {
    client::Event event = std::move(waiting_.front());
    waiting_.pop_front();
    handle_(event);
    if (monotonic_us() - start > slice_us) break;
  }
  return !waiting_.empty();
}

}  // namespace tertulia::gtk
