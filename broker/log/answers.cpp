#include "broker/log/answers.hpp"

#include "broker/flow/reply.hpp"
#include "common/wire/frame.hpp"

namespace tertulia::broker {

namespace {
std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }
}  // namespace

Outgoing Answers::frame(const Asker& asker) {
  thread_local std::string content;
  reply_.SerializeToString(&content);
  return Outgoing{asker.routing,
                  wire::encode_command(wire::FrameType::reply, asker.request, as_bytes(content))};
}

Outgoing Answers::ack(const Asker& asker, const Acked& acked, const std::string& checkpoint) {
  pb::Ack& a = *reply_.mutable_ack();
  a.set_seq(acked.seq);
  a.set_first_room_seq(acked.first_room_seq);
  a.set_logged_at_ms(acked.logged_at_ms);
  a.set_checkpoint(checkpoint);
  return frame(asker);
}

Outgoing Answers::enrolled(const Asker& asker, const EnrolledAs& enrolled) {
  pb::Enrolled& e = *reply_.mutable_enrolled();
  e.set_device(text_of(enrolled.device.view()));
  e.set_user_id(text_of(enrolled.user.view()));
  e.set_user_name(enrolled.user_name);
  e.set_role(record::role_name(enrolled.role));
  return frame(asker);
}

Outgoing Answers::refused(const Asker& asker, const Refused& refused, const std::string& checkpoint,
                          std::uint32_t retry_after_ms) {
  reply_.Clear();
  pb::Error& e = *reply_.mutable_error();
  e.set_code(refused.code);
  e.set_text(refused.text);
  if (refused.code == pb::STALE_VIEW) e.set_checkpoint(checkpoint);
  if (refused.code == pb::READ_ONLY) e.set_retry_after_ms(retry_after_ms);
  if (refused.code == pb::BUSY) e.set_retry_after_ms(busy_retry_ms);
  return frame(asker);
}

}  // namespace tertulia::broker
