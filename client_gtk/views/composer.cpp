#include "client_gtk/views/composer.hpp"

#include <gtk/gtk.h>

#include <utility>

#include "client_gtk/app/accessible.hpp"
#include "client_gtk/app/builder.hpp"
#include "client_gtk/app/text.hpp"

namespace tertulia::gtk {

Composer::Composer(const Glib::RefPtr<Gtk::Builder>& ui, Ports ports)
    : ports_(std::move(ports)),
      view_(need<Gtk::TextView>(ui, "message")),
      hint_(need(ui, "message_hint")),
      send_button_(need<Gtk::Button>(ui, "send")),
      keys_(Gtk::EventControllerKey::create()) {
  view_.get_buffer()->signal_changed().connect([this] { changed(); });
  send_button_.signal_clicked().connect([this] {
    send();
    focus();
  });
  keys_->set_propagation_phase(Gtk::PropagationPhase::CAPTURE);
  keys_->signal_key_pressed().connect(
      [this](guint key, guint, Gdk::ModifierType modifiers) { return key_pressed(key, modifiers); },
      false);
  view_.add_controller(keys_);
  set_narrow(false);
  changed();
}

Composer::~Composer() { save_later_.disconnect(); }

std::string Composer::written() const { return view_.get_buffer()->get_text().raw(); }

void Composer::open(const client::Room& room) {
  save_now();
  room_ = room.id;
  const auto at = drafts_.find(room.id);
  const std::string text = at == drafts_.end() ? room.draft : at->second;
  saved_.try_emplace(room.id, room.draft);
  opening_ = true;
  view_.get_buffer()->set_text(text);
  opening_ = false;
  changed();
}

void Composer::focus() { view_.grab_focus(); }

void Composer::set_narrow(bool narrow) {
  if (narrow) {
    send_button_.set_icon_name("mail-send-symbolic");
  } else {
    send_button_.set_label(tr("Send"));
  }
  set_accessible_name(send_button_, tr("Send"));
}

void Composer::changed() {
  const std::string text = written();
  hint_.set_visible(text.empty());
  send_button_.set_sensitive(!room_.is_zero() && text.find_first_not_of(" \t\r\n") != text.npos);
  if (opening_ || room_.is_zero()) return;
  drafts_[room_] = text;
  if (save_later_.connected()) return;
  save_later_ = Glib::signal_timeout().connect(
      [this] {
        save(room_, written());
        return false;
      },
      draft_delay_ms);
}

std::string Composer::durable_text(const RoomId& room, const std::string& text) const {
  std::string all;
  for (const auto& [id, handed] : handed_) {
    if (handed.room != room) continue;
    if (!all.empty()) all += '\n';
    all += handed.text;
  }
  if (!all.empty() && !text.empty()) all += '\n';
  return all + text;
}

void Composer::save(const RoomId& room, const std::string& text) {
  if (room.is_zero()) return;
  std::string durable = durable_text(room, text);
  std::string& saved = saved_[room];
  if (saved == durable) return;
  ports_.save_draft(room, durable);
  saved = std::move(durable);
}

void Composer::save_now() {
  save_later_.disconnect();
  save(room_, written());
}

void Composer::send() {
  const std::string text = written();
  const auto first = text.find_first_not_of(" \t\r\n");
  if (room_.is_zero() || first == text.npos) return;
  const std::string said = text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
  save(room_, text);
  handed_[ports_.send(room_, said)] = {room_, said};
  view_.get_buffer()->set_text("");
}

void Composer::put_back(const std::string& text) {
  const std::string now = written();
  view_.get_buffer()->set_text(now.empty() ? text : text + '\n' + now);
  focus();
}

void Composer::outbox_changed(const client::Message& message) {
  const auto at = handed_.find(message.local_id);
  if (at == handed_.end()) return;
  const Handed handed = at->second;
  handed_.erase(at);
  // In the outbox a failed message has Retry and Edit of its own; what is not there is only here
  if (!message.stored) take_back(handed);
  const bool shown = handed.room == room_;
  save(handed.room, shown ? written() : drafts_[handed.room]);
}

void Composer::store_failed() {
  const auto handed = std::exchange(handed_, {});
  for (auto at = handed.rbegin(); at != handed.rend(); ++at) take_back(at->second);
}

void Composer::take_back(const Handed& handed) {
  if (handed.room == room_) return put_back(handed.text);
  std::string& draft = drafts_[handed.room];
  draft = draft.empty() ? handed.text : handed.text + '\n' + draft;
}

bool Composer::key_pressed(guint key, Gdk::ModifierType modifiers) {
  const auto shift_or_control = Gdk::ModifierType::SHIFT_MASK | Gdk::ModifierType::CONTROL_MASK;
  if (key == GDK_KEY_Page_Up || key == GDK_KEY_Page_Down) {
    ports_.scroll_timeline(key == GDK_KEY_Page_Up ? -1 : 1);
    return true;
  }
  if (key != GDK_KEY_Return && key != GDK_KEY_KP_Enter) return false;
  if ((modifiers & shift_or_control) != Gdk::ModifierType{}) return false;
  // an input method that is composing takes Enter for itself
  if (gtk_text_view_im_context_filter_keypress(
          view_.gobj(),
          gtk_event_controller_get_current_event(keys_->Gtk::EventController::gobj())))
    return true;
  send();
  return true;
}

}  // namespace tertulia::gtk
