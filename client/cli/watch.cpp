// watch: runs a command for each new message, and says in the room what it prints: a bot in one line.
#include <fmt/format.h>

#include <deque>
#include <set>

#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"
#include "client/cli/run_command.hpp"
#include "common/base/clock.hpp"
#include "common/record/submission.hpp"

namespace tertulia::cli {

namespace {
// Not taken from the engine while so many wait for the command: then the engine fetches no more.
constexpr std::size_t kWaitingMax = 1'000;
constexpr std::size_t kAnswerBytesMax = 30'000;  // a body holds 32 KiB

class Watch {
 public:
  Watch(const Arguments& a, Client& client) : a_(a), client_(client) {
    wanted_.insert(a.rooms.begin(), a.rooms.end());
  }
  int run();

 private:
  std::optional<int> take_events();
  void answer(const client::Message& message);
  void told_of(const client::Message& answer);

  const Arguments& a_;
  Client& client_;
  std::set<std::string> wanted_;
  std::set<UserId> bots_;
  std::deque<client::Message> waiting_;
  std::set<std::uint64_t> answers_;  // by local_id: not known to be sent
  bool listening_ = false;
};

// Set: it is over.
std::optional<int> Watch::take_events() {
  const std::uint64_t patience =
      listening_ ? UINT64_MAX : monotonic_ms() + std::uint64_t{a_.timeout_s} * 1000;
  for (const auto& event : client_.wait(waiting_.empty() ? patience : monotonic_ms())) {
    if (const auto* people = std::get_if<client::PeopleListed>(&event)) {
      bots_.clear();
      for (const auto& person : people->people)
        if (person.role == "bot") bots_.insert(person.id);
    }
    if (const auto* arrived = std::get_if<client::MessagesArrived>(&event))
      for (const auto& message : arrived->messages)
        if (!message.own && !client::is_change(message.kind) && !message.deleted)
          waiting_.push_back(message);
    if (const auto* changed = std::get_if<client::OutboxChanged>(&event))
      for (const auto& message : changed->messages) told_of(message);
    if (!std::holds_alternative<client::CaughtUp>(event)) continue;
    for (const auto& name : wanted_)
      if (!listening_ && client_.room_named(name) == nullptr)
        return say("You are in no room that is called " + name + ".", exit_refused);
    // Who is a bot is asked again after each connection
    client_.engine().list(client::ListPeople{}, 1);
    if (!std::exchange(listening_, true)) std::fputs("listening\n", stderr);
  }
  if (client_.interrupted()) return exit_done;
  if (client_.hopeless()) return say(problem_sentence(client_.link()), exit_refused);
  if (!listening_ && monotonic_ms() >= patience)
    return say(problem_sentence(client_.link()), exit_unreachable);
  return std::nullopt;
}

// An answer that is refused for good is said, and not kept: a bot has nobody who would press Retry.
void Watch::told_of(const client::Message& answer) {
  if (!answers_.contains(answer.local_id)) return;
  if (answer.state == client::MessageState::sent) answers_.erase(answer.local_id);
  if (answer.state != client::MessageState::failed) return;
  say(fmt::format("The answer in {} was refused: {}", client_.name_of(answer.room), answer.failure),
      0);
  if (answer.stored) client_.engine().discard(answer.local_id);
  answers_.erase(answer.local_id);
}

void Watch::answer(const client::Message& message) {
  const std::string& room = client_.name_of(message.room);
  if (!wanted_.empty() && !wanted_.contains(room)) return;
  // Two bots that answer each other would never end
  if (!a_.bots && bots_.contains(message.sender)) return;
  const CommandRun run =
      run_command(a_.exec, message_json(message, room) + "\n",
                  {{"TERTULIA_ROOM", room},
                   {"TERTULIA_SENDER", message.sender_name},
                   {"TERTULIA_ROOM_SEQ", std::to_string(message.room_seq)},
                   {"TERTULIA_ID", id_text(message.id)},
                   {"TERTULIA_MENTIONS_ME", message.mentions_me ? "1" : "0"}},
                  std::uint64_t{a_.exec_timeout_s} * 1000, kAnswerBytesMax, client_.signal_fd());
  if (run.stopped) return;
  if (run.timed_out)
    say(fmt::format("The command did not end in {} s for message #{} and was killed.",
                    a_.exec_timeout_s, message.room_seq),
        0);
  else if (run.exit_code != 0)
    say(fmt::format("The command ended with {} for message #{}.", run.exit_code, message.room_seq),
        0);
  if (run.output_cut)
    say(fmt::format("The command's answer to message #{} was cut at {} bytes.", message.room_seq,
                    kAnswerBytesMax),
        0);
  client::Draft draft;
  draft.room = message.room;
  draft.text = run.output;
  while (!draft.text.empty() && (draft.text.back() == '\n' || draft.text.back() == ' '))
    draft.text.pop_back();
  // A cut may have gone through a character
  while (run.output_cut && !draft.text.empty() && !is_valid_utf8(as_bytes(draft.text)))
    draft.text.pop_back();
  if (draft.text.empty()) return;
  draft.reply_to = message.id;
  answers_.insert(client_.engine().send(std::move(draft)));
}

int Watch::run() {
  for (;;) {
    if (waiting_.size() < kWaitingMax)
      if (const auto code = take_events()) return *code;
    if (client_.interrupted()) return exit_done;
    if (waiting_.empty()) continue;
    const client::Message message = std::move(waiting_.front());
    waiting_.pop_front();
    answer(message);
  }
}
}  // namespace

int watch(const Arguments& a) {
  client::EngineOptions options;
  options.follow = client::Follow::from_now;
  Client client(a, options);
  if (const auto code = require_account(client)) return *code;
  return Watch(a, client).run();
}

}  // namespace tertulia::cli
