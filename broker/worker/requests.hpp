// What a request is answered with, from the directory and the log's published state alone; or what has
// to be asked of t-log or of a reader. An explicit allow-list: an invite's key may enrol, a
// link's key may ask to be let in, a live device may do the rest. Pure but for the clock; any thread.
#pragma once

#include <atomic>
#include <functional>

#include "broker/flow/inbound.hpp"
#include "broker/links/link_table.hpp"
#include "broker/presence/presence.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::broker {

// What a worker knows of the server and its log. Constant after construction; the functions may be
// called on any thread.
struct ServerFacts {
  ServerId server;
  SignPublicKey frame_key;
  std::string broadcast;                           // "tcp://*:PORT"
  std::atomic<std::uint32_t> ping_every_ms{5000};  // a reload may change it
  std::function<std::string()> card;
  std::function<std::uint64_t()> card_serial;
  std::function<std::shared_ptr<const std::string>()> checkpoint;
  std::function<std::uint64_t()> log_size;
  std::function<std::string()> read_only;  // empty: writable
  std::atomic<bool> share_presence{true};  // a reload may change them
  std::atomic<bool> share_typing{true};
  Presence* presence = nullptr;  // outlives all
  LinkTable* links = nullptr;    // outlives all
};

// The answer, or the one who has it.
using Answer = std::variant<pb::Reply, EnrolAppend, SubmissionAppend, AuditedRead, ReadRequest>;

// Notices to others that a request gave rise to are added to `notices`.
Answer answer_request(const Directory& directory, const ServerFacts& facts, const Asker& asker,
                      ByteView content, std::vector<Outgoing>& notices);

}  // namespace tertulia::broker
