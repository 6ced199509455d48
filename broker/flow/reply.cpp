#include "broker/flow/reply.hpp"

#include "common/wire/frame.hpp"

namespace tertulia::broker {

namespace {
void set_bytes(std::string& out, ByteView bytes) { out.assign(as_text(bytes)); }
}  // namespace

pb::Error error_of(pb::ErrorCode code, std::string_view text, std::uint32_t retry_after_ms) {
  pb::Error e;
  e.set_code(code);
  e.set_text(std::string(text));
  e.set_retry_after_ms(retry_after_ms);
  return e;
}

Outgoing reply_frame(const Asker& asker, const pb::Reply& reply) {
  return {asker.routing, wire::encode_command(wire::FrameType::reply, asker.request,
                                              as_bytes(reply.SerializeAsString()))};
}

Outgoing error_frame(const Asker& asker, pb::Error error) {
  pb::Reply reply;
  *reply.mutable_error() = std::move(error);
  return reply_frame(asker, reply);
}

Outgoing busy_frame(const Asker& asker, std::uint32_t retry_after_ms) {
  return error_frame(asker, error_of(pb::BUSY, "The server is busy; ask again.", retry_after_ms));
}

void fill_room_key(const Room& room, pb::RoomKey& out) {
  set_bytes(*out.mutable_room(), room.id.view());
  if (!room.keys) return;
  set_bytes(*out.mutable_key(), room.keys->current.key.view());
  if (room.keys->previous && room.keys->tells_previous)
    set_bytes(*out.mutable_previous(), room.keys->previous->key.view());
}

}  // namespace tertulia::broker
