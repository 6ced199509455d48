// What a request is answered with, from the directory and the log's published state alone; or what has
// to be asked of t-log or of a reader. An explicit allow-list: an invite's key may enrol, a live device
// may do the rest. Pure but for the clock; any thread.
#pragma once

#include <functional>

#include "broker/flow/inbound.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::broker {

// What a worker knows of the server and its log. Constant after construction; the functions may be
// called on any thread.
struct ServerFacts {
  ServerId server;
  SignPublicKey frame_key;
  std::string broadcast;  // "tcp://*:PORT"
  std::uint32_t ping_every_ms = 5000;
  std::function<std::string()> card;
  std::function<std::shared_ptr<const std::string>()> checkpoint;
  std::function<std::uint64_t()> log_size;
  std::function<std::string()> read_only;  // empty: writable
};

// The answer, or the one who has it.
using Answer = std::variant<pb::Reply, EnrolAppend, ReadRequest>;

Answer answer_request(const Directory& directory, const ServerFacts& facts, const Asker& asker,
                      ByteView content);

}  // namespace tertulia::broker
