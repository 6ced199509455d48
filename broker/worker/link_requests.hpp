// What a device that lets another one in, and that other one, ask of the broker, which only carries
// their words: it can neither put keys in nor confirm. docs/protocol.md, "Linking a device". Any thread.
#pragma once

#include "broker/worker/requests.hpp"

namespace tertulia::broker {

// Of a live device: how its link stands.
pb::Reply answer_link(const Directory& directory, const ServerFacts& facts, const Device& device,
                      const User& user, const pb::Link& link, std::vector<Outgoing>& notices);
// With a link's key: may I come in?
pb::Reply answer_link_ask(const Directory& directory, const ServerFacts& facts, const Asker& asker,
                          const pb::LinkAsk& ask, std::vector<Outgoing>& notices);

}  // namespace tertulia::broker
