// Everything about a sealed submission that can be decided without the log: seal, sizes, identity,
// commitments, bodies, signature. Rights are looked at early here and decided by t-log. The order
// is cheap before dear: the signature (54 µs) comes last. Pure; any thread.
#pragma once

#include "broker/flow/inbound.hpp"
#include "common/base/result.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::broker {

Result<SubmissionAppend, pb::Error> check_submission(const Directory& directory,
                                                     const ServerId& server, const Asker& asker,
                                                     ByteView frame);

// The same of an act that a device signs. Its rights and its transition are t-log's to decide.
inline constexpr std::size_t act_body_bytes_max = 4096;
Result<SubmissionAppend, pb::Error> check_act(const Directory& directory, const ServerId& server,
                                              const Asker& asker, const pb::SignedAct& act);

// Whether these bytes are a body that is of use for a message of this kind; else the sentence that
// says what is wrong (docs/protocol.md, "Bodies").
std::optional<std::string_view> body_fault(record::Kind kind, ByteView body);

}  // namespace tertulia::broker
