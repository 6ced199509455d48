#include "client/cli/message_ref.hpp"

#include <algorithm>
#include <charconv>

#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"
#include "common/base/clock.hpp"

namespace tertulia::cli {

namespace {
constexpr std::uint32_t kPageMessages = 1'000;

// nullopt: `out` is the page.
std::optional<int> load(Client& client, const RoomId& room, std::uint64_t before,
                        std::uint32_t limit, std::uint64_t deadline_ms, client::PageLoaded& out) {
  const std::uint64_t token = before + 1;
  client.engine().load_page(room, before, limit, token, client::PageContent::raw);
  for (;;) {
    for (const auto& event : client.wait(deadline_ms))
      if (const auto* page = std::get_if<client::PageLoaded>(&event); page && page->token == token) {
        out = *page;
        return std::nullopt;
      }
    if (client.interrupted() || monotonic_ms() >= deadline_ms)
      return say(problem_sentence(client.link()), exit_unreachable);
    if (client.hopeless()) return say(problem_sentence(client.link()), exit_refused);
  }
}

std::optional<std::uint64_t> room_seq_of(const std::string& ref) {
  std::uint64_t n = 0;
  const char* end = ref.data() + ref.size();
  const auto [at, error] = std::from_chars(ref.data() + 1, end, n);
  return error == std::errc{} && at == end && n > 0 && n < (std::uint64_t{1} << 62)
             ? std::optional(n)
             : std::nullopt;
}

int none(const std::string& ref) {
  return say("There is no message " + ref + " in this room, or none that you may read.",
             exit_refused);
}

std::optional<int> find_by_number(Client& client, const RoomId& room, const std::string& ref,
                                  std::uint64_t deadline_ms, client::Message& out) {
  const auto number = room_seq_of(ref);
  if (!number) return say("After # comes the number of a message, not " + ref + ".", exit_usage);
  client::PageLoaded page{};
  if (const auto code = load(client, room, *number + 1, 1, deadline_ms, page)) return code;
  if (page.messages.empty() || page.messages.back().room_seq != *number) return none(ref);
  out = page.messages.back();
  return std::nullopt;
}

std::optional<int> find_by_id(Client& client, const RoomId& room, const std::string& ref,
                              std::uint64_t deadline_ms, client::Message& out) {
  std::string wanted = ref;
  std::transform(wanted.begin(), wanted.end(), wanted.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  if (wanted.size() < id_digits_min ||
      wanted.find_first_not_of("0123456789abcdef") != std::string::npos)
    return say("A message is #123, its number in the room, or eight or more digits of its id.",
               exit_usage);
  std::uint64_t before = 0;
  std::uint32_t looked_at = 0;
  bool found = false;
  for (bool complete = false; !complete && looked_at < id_search_messages;) {
    client::PageLoaded page{};
    if (const auto code = load(client, room, before, kPageMessages, deadline_ms, page)) return code;
    for (const auto& message : page.messages) {
      if (message.room_seq == 0) continue;
      if (before == 0 || message.room_seq < before) before = message.room_seq;
      ++looked_at;
      if (!id_text(message.id).starts_with(wanted)) continue;
      if (found && message.id != out.id)
        return say("Several messages begin with " + ref + ".", exit_refused);
      out = message;
      found = true;
    }
    complete = page.complete || page.messages.empty() ||
               (found && wanted.size() == id_text(out.id).size());
  }
  return found ? std::nullopt : std::optional(none(ref));
}
}  // namespace

std::optional<int> find_message(Client& client, const RoomId& room, const std::string& ref,
                                std::uint64_t deadline_ms, client::Message& out) {
  return ref.starts_with('#') ? find_by_number(client, room, ref, deadline_ms, out)
                              : find_by_id(client, room, ref, deadline_ms, out);
}

}  // namespace tertulia::cli
