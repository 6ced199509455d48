// Brings the engine's events to the UI thread. The engine's network thread only emits the
// dispatcher; events are handled on the main loop in slices of at most slice_us, so that a burst of
// 10,000 messages leaves room for frames between two slices.
//
// Made and destroyed on the UI thread, and outlives the engine (its wake() is the engine's).
#pragma once

#include <glibmm/dispatcher.h>
#include <sigc++/connection.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

class EventPump {
 public:
  static constexpr std::uint64_t slice_us = 8000;

  explicit EventPump(std::function<void(client::Event&)> handle);
  ~EventPump();
  EventPump(const EventPump&) = delete;
  EventPump& operator=(const EventPump&) = delete;

  void attach(client::Engine& engine) { engine_ = &engine; }
  void wake() { dispatcher_.emit(); }  // any thread

 private:
  void take();
  bool handle_slice();  // true: something is left

  std::function<void(client::Event&)> handle_;
  client::Engine* engine_ = nullptr;
  Glib::Dispatcher dispatcher_;
  std::vector<client::Event> batch_;
  std::deque<client::Event> waiting_;
  sigc::connection rest_;
};

}  // namespace tertulia::gtk
