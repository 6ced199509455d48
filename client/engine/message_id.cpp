#include "client/engine/engine.hpp"

namespace tertulia::client {

Bytes to_bytes(const MessageId& id) {
  Bytes out;
  out.reserve(MessageId::size_bytes);
  Writer writer(out);
  writer.raw(id.device);
  writer.raw(id.submission);
  writer.u8(id.index);
  return out;
}

std::optional<MessageId> message_id(ByteView bytes) {
  Reader reader(bytes);
  MessageId id;
  id.device = reader.id<DeviceId>();
  id.submission = reader.id<SubmissionId>();
  id.index = reader.u8();
  if (!reader.done()) return std::nullopt;
  return id;
}

}  // namespace tertulia::client
