// The messages of the open room. Gtk::ListView of 4.8 cannot be wheel-scrolled beyond about 220
// rows (GNOME/gtk#2971), so this is a window of at most rows_max rows on a Gtk::ListBox, which grows
// by pages while it is scrolled; rows that come in above leave what is read where it is. UI thread.
#pragma once

#include <gtkmm.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "client/engine/engine.hpp"
#include "client_gtk/models/timeline_model.hpp"
#include "client_gtk/rows/message_row.hpp"

namespace tertulia::gtk {

class TimelineView {
 public:
  // First picture with 100 rows: 390 to 540 ms, with 30: 350 ms. The others come in after it.
  static constexpr std::uint32_t first_page_rows = 30;
  static constexpr std::uint32_t first_page_rows_max = 300;  // to reach the first unread message
  static constexpr std::uint32_t page_rows = 25;
  static constexpr std::uint32_t newer_rows_max = 1'000;
  static constexpr std::size_t rows_max = 600;  // a row that was shown holds 59 KiB
  static constexpr std::uint64_t slice_us = 6000;

  struct Ports {
    std::function<void(const RoomId&, std::uint64_t before, std::uint32_t limit,
                       std::uint64_t token)>
        load_page;
    std::function<void(const RoomId&, std::uint64_t room_seq)> mark_read;
    MessageActions actions;
  };
  TimelineView(const Glib::RefPtr<Gtk::Builder>& ui, Ports ports);
  ~TimelineView();
  TimelineView(const TimelineView&) = delete;
  TimelineView& operator=(const TimelineView&) = delete;

  void open(const client::Room& room);
  void show_no_room();
  void head_moved(std::uint64_t room_head) { room_head_ = room_head; }

  void arrived(client::MessagesArrived& event);
  void changed(client::MessageChanged& event);
  void page_loaded(client::PageLoaded& event);
  void outbox_changed(std::vector<client::Message>& messages);
  void discarded(const client::OutboxDiscarded& event);

  void set_active(bool active);  // the window has the user's attention
  void scroll(int pages);
  void jump_to_latest();
  std::uint64_t rows_made() const { return rows_made_; }
  bool loaded() const { return loaded_; }
  bool complete() const { return complete_; }
  void load_older();
  sigc::signal<void()>& signal_loaded() { return loaded_signal_; }  // the first page has its rows

 private:
  void load_newest(std::uint32_t limit);
  void load_newer();
  void fill_after_picture();
  void first_page(client::PageLoaded& page);
  void older_page(client::PageLoaded& page);
  void newer_page(client::PageLoaded& page);
  bool add_waiting();  // true: something is left
  void wait_for_idle();
  void apply(const std::vector<TimelineStep>& steps);
  void insert_row(std::size_t index);
  void remove_row(std::size_t index);
  void clear_rows();
  void keep_place(const std::function<void()>& change);
  int measured_height() const;
  void set_header(Gtk::ListBoxRow* row, Gtk::ListBoxRow* before) const;
  void after_layout(std::function<void()> then);
  void bounds_changed();
  void go_to_end();
  void scrolled();
  void go_to_first_unread();
  void show_state();
  void show_jump();
  void mark_read();

  Ports ports_;
  Gtk::Stack& states_;
  Gtk::ScrolledWindow& scroll_;
  Gtk::ListBox& list_;
  Gtk::Widget& empty_;  // over the timeline, which is there in an empty room too
  Gtk::Revealer& jump_revealer_;
  Gtk::Label& jump_count_;
  Glib::RefPtr<Gtk::Adjustment> place_;

  RoomId room_;
  std::uint64_t room_head_ = 0;
  std::uint64_t read_at_open_ = 0;  // where the line "new messages" stays pinned
  TimelineModel model_;
  std::deque<MessageRow*> rows_;  // managed by the list, one for each message of the model
  std::deque<client::Message> waiting_;
  sigc::connection idle_;
  sigc::connection slow_load_;
  sigc::connection layout_;
  guint fill_tick_ = 0;  // of the list's tick callback; 0: none
  sigc::signal<void()> loaded_signal_;

  std::uint64_t token_ = 0;  // of the last request; answers to older ones are dropped
  enum class Request { none, newest, older, newer } request_ = Request::none;
  bool loaded_ = false;
  bool complete_ = false;  // nothing older in the log
  std::uint64_t newest_looked() const;
  std::uint64_t looked_ = 0;  // of a detached window: newer pages up to this room_seq have come
  std::uint64_t asked_ = 0;   // up to where the one that is asked for goes
  std::uint32_t newer_rows_ = page_rows;  // how many the next one is of
  bool at_end_ = true;     // the newest row is in sight: stay there
  bool active_ = false;
  std::uint64_t marked_ = 0;
  std::uint64_t rows_made_ = 0;
  std::uint64_t below_ = 0;  // arrived out of sight
};

}  // namespace tertulia::gtk
