// Reading the fields of an admin request, and finding who answers it. t-admin only.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "broker/admin/commands.hpp"

namespace tertulia::broker {

// The sentence that the administrator reads; thrown by whatever finds something wrong in a request.
struct Wrong {
  std::string sentence;
};

inline std::string text(const nlohmann::json& request, const char* key) {
  const auto found = request.find(key);
  return found == request.end() || !found->is_string() ? std::string() : found->get<std::string>();
}
inline std::string needed(const nlohmann::json& request, const char* key, const char* sentence) {
  std::string out = text(request, key);
  if (out.empty()) throw Wrong{sentence};
  return out;
}
inline std::optional<bool> flag(const nlohmann::json& request, const char* key) {
  const auto found = request.find(key);
  if (found == request.end() || !found->is_boolean()) return std::nullopt;
  return found->get<bool>();
}

// Of a class that is made for one request.
template <class Commands>
struct NamedCommand {
  const char* name;
  void (Commands::*run)();
};
// Has the command of that name answer. False: there is none.
template <class Commands, std::size_t N>
bool run_named(const NamedCommand<Commands> (&all)[N], const AdminPorts& ports,
               const AdminPeer& peer, const std::string& command, const nlohmann::json& request,
               const AdminAnswer& answer) {
  const auto found = std::find_if(std::begin(all), std::end(all),
                                  [&](const auto& c) { return command == c.name; });
  if (found == std::end(all)) return false;
  try {
    (Commands(ports, peer, request, answer).*found->run)();
  } catch (const Wrong& w) {
    answer(admin_error(w.sentence));
  }
  return true;
}

}  // namespace tertulia::broker
