// send: one text, or standard input line by line, pipelined. At most messages_waiting_max messages
// (and bytes_waiting_max bytes) are between stdin and their acks.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <deque>
#include <utility>

#include "client/cli/commands.hpp"
#include "client/cli/message_ref.hpp"
#include "client/cli/output.hpp"
#include "common/base/clock.hpp"

namespace tertulia::cli {

namespace {
constexpr std::size_t messages_waiting_max = 8'192;
constexpr std::size_t bytes_waiting_max = 16 * 1024 * 1024;
constexpr std::size_t line_bytes_max = 1024 * 1024;

class Sender {
 public:
  // reply_to: of every message.
  Sender(const Arguments& arguments, Client& client, RoomId room, std::string room_name,
         std::optional<client::MessageId> reply_to)
      : arguments_(arguments),
        reply_to_(reply_to),
        client_(client),
        room_(room),
        room_name_(std::move(room_name)),
        from_stdin_(arguments.text == "-"),
        more_(from_stdin_) {}

  int run();

 private:
  void queue(std::string text);
  void read_input();
  void take_lines(bool end);
  void cut_long_line();
  void on_outbox(const client::OutboxChanged& changed);
  void print_done();
  bool full() const {
    return waiting_.size() >= messages_waiting_max || waiting_bytes_ >= bytes_waiting_max;
  }
  int finish();

  struct Waiting {
    std::uint64_t local_id = 0;
    std::size_t bytes = 0;
    bool done = false;
    std::string line;  // what to print
  };
  const Arguments& arguments_;
  const std::optional<client::MessageId> reply_to_;
  Client& client_;
  const RoomId room_;
  const std::string room_name_;
  const bool from_stdin_;
  bool more_;                    // stdin has not ended
  std::string input_;            // read, not yet a whole line
  bool skip_line_ = false;       // up to the next newline: the rest of one that was too long
  std::deque<Waiting> waiting_;  // in the order of sending; local ids rise by one
  std::size_t waiting_bytes_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t failed_ = 0;
  std::string failure_;
  std::string lines_;
};

void Sender::queue(std::string text) {
  const std::size_t bytes = text.size();
  client::Draft draft;
  draft.room = room_;
  draft.text = std::move(text);
  draft.reply_to = reply_to_;
  waiting_.push_back({client_.engine().send(std::move(draft)), bytes, false, {}});
  waiting_bytes_ += bytes;
}

// Lines are taken only as far as there is room: the rest waits in input_, and stdin is not read.
void Sender::take_lines(bool end) {
  std::size_t at = 0;
  while (!full()) {
    const auto newline = input_.find('\n', at);
    if (skip_line_) {
      skip_line_ = newline == std::string::npos;
      at = skip_line_ ? input_.size() : newline + 1;
      if (skip_line_) break;
      continue;
    }
    if (newline == std::string::npos) {
      if (end && at < input_.size()) {
        queue(input_.substr(at));
        at = input_.size();
      }
      break;
    }
    // An empty line is nothing that anybody says.
    if (newline > at) queue(input_.substr(at, newline - at));
    at = newline + 1;
  }
  input_.erase(0, at);
}

void Sender::read_input() {
  char chunk[65536];
  const ssize_t n = ::read(STDIN_FILENO, chunk, sizeof chunk);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n < 0) throw_errno("cannot read standard input");
  if (n == 0)
    more_ = false;
  else
    input_.append(chunk, static_cast<std::size_t>(n));
  take_lines(!more_);
}

// One message that the engine says is too long, as it would of any such; the rest of the line is
// read and let go, so that it does not appear as a message of its own.
void Sender::cut_long_line() {
  if (skip_line_ || full() || input_.size() < line_bytes_max) return;
  queue(std::exchange(input_, {}));
  skip_line_ = more_;
}

void Sender::on_outbox(const client::OutboxChanged& changed) {
  for (const auto& message : changed.messages) {
    if (message.state == client::MessageState::queued || waiting_.empty() ||
        message.local_id < waiting_.front().local_id)
      continue;
    const std::uint64_t at = message.local_id - waiting_.front().local_id;
    if (at >= waiting_.size() || waiting_[at].done) continue;
    Waiting& waiting = waiting_[at];
    waiting.done = true;
    if (message.state == client::MessageState::sent) {
      ++sent_;
      if (arguments_.json) waiting.line = message_json(message, room_name_) + "\n";
    } else {
      ++failed_;
      if (failure_.empty()) failure_ = message.failure;
      // Nobody will press Retry here: what was refused for good does not stay in the outbox.
      client_.engine().discard(message.local_id);
    }
  }
  print_done();
}

void Sender::print_done() {
  while (!waiting_.empty() && waiting_.front().done) {
    lines_ += waiting_.front().line;
    waiting_bytes_ -= waiting_.front().bytes;
    waiting_.pop_front();
  }
  if (!print_lines(lines_))
    lines_.clear();  // nobody reads the acks; the messages are sent all the same
}

int Sender::finish() {
  const std::size_t left = waiting_.size();
  if (left > 0) {
    say(problem_sentence(client_.link()), 0);
    std::fprintf(stderr,
                 "%zu message%s in the outbox and go%s with the next program of this profile.\n",
                 left, left == 1 ? " stays" : "s stay", left == 1 ? "es" : "");
  }
  if (failed_ > 0) say(std::to_string(failed_) + " refused: " + failure_, 0);
  const bool unread = more_ && client_.hopeless();  // what stdin still holds is not sent
  if (unread && left == 0) say(problem_sentence(client_.link()), 0);
  if (left == 0 && failed_ == 0 && !unread) return exit_done;
  if (sent_ > 0 && (left > 0 || more_)) return exit_partly;
  if (failed_ > 0 && left == 0) return exit_refused;
  return client_.hopeless() ? exit_refused : exit_unreachable;
}

int Sender::run() {
  if (!from_stdin_) queue(arguments_.text);
  const std::uint64_t patience_ms = std::uint64_t{arguments_.timeout_s} * 1000;
  std::uint64_t progress_ms = monotonic_ms();
  while (more_ || !waiting_.empty() || !input_.empty()) {
    take_lines(!more_);
    cut_long_line();
    const bool room_for_input = more_ && !full() && input_.size() < line_bytes_max;
    // Patience is for the server: while nothing is unanswered, stdin may take its time.
    const std::uint64_t deadline = waiting_.empty() ? UINT64_MAX : progress_ms + patience_ms;
    const bool idle = waiting_.empty();
    const std::uint64_t done_before = sent_ + failed_;
    for (const auto& event : client_.wait(deadline, room_for_input))
      if (const auto* changed = std::get_if<client::OutboxChanged>(&event)) on_outbox(*changed);
    if (idle || sent_ + failed_ != done_before) progress_ms = monotonic_ms();
    if (client_.interrupted() || client_.hopeless()) return finish();
    if (client_.stdin_ready()) read_input();
    if (!waiting_.empty() && monotonic_ms() >= progress_ms + patience_ms) return finish();
  }
  return finish();
}
}  // namespace

int send(const Arguments& a) {
  client::EngineOptions options;
  options.subscribe = false;
  Client client(a, options);
  if (const auto code = require_account(client)) return *code;
  const std::uint64_t deadline = monotonic_ms() + std::uint64_t{a.timeout_s} * 1000;
  // A room that is known from before can be written to at once, whether the server is there or not.
  const client::Room* room = client.room_named(a.room);
  if (room == nullptr) {
    if (const auto code = wait_online(client, deadline)) return *code;
    room = client.room_named(a.room);
  }
  if (room == nullptr)
    return say("You are in no room that is called " + a.room + ".", exit_refused);
  const client::Room to = *room;
  std::optional<client::MessageId> reply_to;
  if (!a.message.empty()) {
    client::Message answered;
    if (const auto code = wait_online(client, deadline)) return *code;
    if (const auto code = find_message(client, to.id, a.message, deadline, answered)) return *code;
    // A change stands for what it changes
    reply_to = client::is_change(answered.kind) ? answered.target : answered.id;
  }
  return Sender(a, client, to.id, to.name, reply_to).run();
}

}  // namespace tertulia::cli
