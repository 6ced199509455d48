// Client: an engine and what a command waits for: its events, a deadline, a signal, standard input.
// Main thread only; the engine's network thread only signals.
#pragma once

#include <map>

#include "client/cli/arguments.hpp"
#include "client/engine/engine.hpp"
#include "common/base/file.hpp"

namespace tertulia::cli {

class Client {
 public:
  // SIGINT and SIGTERM end wait() with interrupted() from now on.
  Client(const Arguments& arguments, client::EngineOptions options);
  ~Client();
  client::Engine& engine() { return engine_; }

  // Waits for events (or for input on stdin, if asked) at most until the deadline (monotonic ms;
  // UINT64_MAX: none). What has arrived, link, account and rooms already noted; empty: the deadline
  // passed, a signal came, or only stdin is ready.
  const std::vector<client::Event>& wait(std::uint64_t deadline_ms, bool stdin_too = false);
  bool interrupted() const { return interrupted_; }
  // Readable when interrupted() is about to be true; for who waits for something else meanwhile.
  int signal_fd() const { return signals_.get(); }
  bool stdin_ready() const { return stdin_ready_; }

  const client::LinkStatus& link() const { return link_; }
  const std::optional<client::Account>& account() const { return account_; }
  const std::vector<client::Room>& rooms() const { return rooms_; }
  const client::Room* room_named(const std::string& name) const;
  const std::string& name_of(const RoomId& room) const;
  // The server has told its rooms on this connection.
  bool online() const { return link_.state == client::LinkState::online; }
  // It makes no sense to wait on: the server will not have this device, or is another one, or lies.
  bool hopeless() const;

 private:
  void note(const client::Event& event);

  UniqueFd wake_;
  UniqueFd signals_;
  client::LinkStatus link_;
  std::optional<client::Account> account_;
  std::vector<client::Room> rooms_;
  std::map<RoomId, std::string> names_;
  std::vector<client::Event> events_;
  bool interrupted_ = false;
  bool stdin_ready_ = false;
  client::Engine engine_;
};

}  // namespace tertulia::cli
