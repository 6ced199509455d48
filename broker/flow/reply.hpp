// Replies as frames. Any thread.
#pragma once

#include <string_view>

#include "broker/flow/flow.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::broker {

pb::Error error_of(pb::ErrorCode code, std::string_view text, std::uint32_t retry_after_ms = 0);
Outgoing reply_frame(const Asker& asker, const pb::Reply& reply);
Outgoing error_frame(const Asker& asker, pb::Error error);

inline constexpr std::uint32_t busy_retry_ms = 50;
// BUSY: no room now, ask again after retry_after_ms.
Outgoing busy_frame(const Asker& asker, std::uint32_t retry_after_ms = busy_retry_ms);

void fill_room_key(const Room& room, pb::RoomKey& out);

}  // namespace tertulia::broker
