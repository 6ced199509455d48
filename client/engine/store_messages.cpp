#include "client/engine/store_statements.hpp"
#include "common/record/submission.hpp"

namespace tertulia::client {

namespace {
Bytes joined(const std::vector<UserId>& users) {
  Bytes out;
  out.reserve(users.size() * UserId::size_bytes);
  for (const auto& user : users) out.insert(out.end(), user.bytes.begin(), user.bytes.end());
  return out;
}
std::vector<UserId> users_of(ByteView bytes) {
  std::vector<UserId> out;
  for (; bytes.size() >= UserId::size_bytes; bytes = bytes.subspan(UserId::size_bytes))
    out.push_back(UserId::from(bytes.first(UserId::size_bytes)));
  return out;
}
}  // namespace

void Store::put(std::uint64_t generation, const CachedMessage& m) {
  begin();
  s_->put_message
      .with(generation, m.room, m.room_seq, m.seq, m.id.device, m.id.submission,
            std::uint64_t{m.id.index}, m.sender, std::uint64_t{m.kind}, m.sent_at_ms,
            m.logged_at_ms, m.text, std::uint64_t{m.shown}, blob_of(m.target), blob_of(m.reply_to),
            joined(m.mentions))
      .run();
}

std::uint64_t Store::cached_head(std::uint64_t generation, const RoomId& room) {
  auto& s = s_->cached_head.with(generation, room);
  const std::uint64_t head = s.step() ? s.number(0) : 0;
  s.reset();
  return head;
}

CachedMessage Store::read_message(const RoomId& room, const Statement& s) {
  CachedMessage m;
  m.room = room;
  m.room_seq = s.number(0);
  m.seq = s.number(1);
  m.id = {s.id<DeviceId>(2), s.id<SubmissionId>(3), static_cast<std::uint8_t>(s.number(4))};
  m.sender = s.id<UserId>(5);
  m.kind = static_cast<std::uint8_t>(s.number(6));
  m.sent_at_ms = s.number(7);
  m.logged_at_ms = s.number(8);
  m.text = s.text(9);
  m.shown = s.number(10) != 0;
  m.target = message_id(s.blob(11));
  m.reply_to = message_id(s.blob(12));
  m.mentions = users_of(s.blob(13));
  return m;
}

std::vector<CachedMessage> Store::cached_before(std::uint64_t generation, const RoomId& room,
                                                std::uint64_t before, std::uint32_t limit) {
  std::vector<CachedMessage> out;
  auto& s = s_->cached_before.with(generation, room, before, std::uint64_t{limit});
  while (s.step()) {
    if (s.number(0) + 1 + out.size() != before) break;
    out.push_back(read_message(room, s));
  }
  s.reset();
  return out;
}

std::optional<CachedMessage> Store::cached(std::uint64_t generation, const RoomId& room,
                                           const MessageId& id) {
  auto& s = s_->cached.with(id.submission, std::uint64_t{id.index}, id.device, generation, room);
  std::optional<CachedMessage> out;
  if (s.step()) out = read_message(room, s);
  s.reset();
  return out;
}

std::vector<CachedMessage> Store::words_of(std::uint64_t generation, const RoomId& room,
                                           const MessageId& original, const UserId& author) {
  std::vector<CachedMessage> out;
  const Bytes target = to_bytes(original);
  const auto take = [&](Statement& s) {
    if (s.step()) out.push_back(read_message(room, s));
    s.reset();
  };
  take(s_->newest_edit.with(target, generation, room, author));
  take(s_->first_delete.with(target, generation, room));
  return out;
}

std::vector<CachedMessage> Store::reactions_of(std::uint64_t generation, const RoomId& room,
                                               const MessageId& original) {
  std::vector<CachedMessage> out;
  const Bytes target = to_bytes(original);
  auto& s = s_->reactions.with(target, generation, room, std::uint64_t{reactions_max});
  while (s.step()) out.push_back(read_message(room, s));
  s.reset();
  return out;
}

bool Store::is_deleted(std::uint64_t generation, const RoomId& room, const MessageId& original) {
  const Bytes target = to_bytes(original);
  auto& s = s_->is_deleted.with(target, generation, room);
  const bool deleted = s.step();
  s.reset();
  return deleted;
}

void Store::wipe(std::uint64_t generation, const RoomId& room, const MessageId& original) {
  begin();
  wal_has_wiped_ = true;
  s_->wipe_original
      .with(original.submission, std::uint64_t{original.index}, original.device, generation, room)
      .run();
  const Bytes target = to_bytes(original);
  s_->wipe_edits.with(target, generation, room).run();
}

std::uint64_t Store::last_change_after(std::uint64_t generation, const RoomId& room,
                                       std::uint64_t room_seq) {
  auto& s = s_->kinds_after.with(generation, room, room_seq);
  while (s.step() && s.number(0) == room_seq + 1 && s.number(1) != 0) ++room_seq;
  s.reset();
  return room_seq;
}

}  // namespace tertulia::client
