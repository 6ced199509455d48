// What stands beside the record: read marks and last-seen times. Not entries, not derived from them,
// and of no weight for anybody's rights: a crash may lose the last seconds of it.
#include "broker/log/log_impl.hpp"

namespace tertulia::broker {

void Log::Impl::load_presence() {
  if (options.presence == nullptr) return;
  Presence::Kept kept;
  Statement marks = db->prepare(
      "SELECT m.user_id, r.room_id, m.room_seq FROM read_markers m JOIN rooms r USING(room_no)");
  while (marks.next())
    kept.marks.push_back(
        {marks.id<UserId>(0), marks.id<RoomId>(1), marks.number(2)});
  Statement seen = db->prepare("SELECT device_id, at_ms FROM device_seen");
  while (seen.next()) kept.seen.push_back({seen.id<DeviceId>(0), seen.number(1)});
  options.presence->load(kept);
}

// Throws DiskFull after a rollback: what was taken is put back, and written when there is space.
void Log::Impl::write_presence(bool all) {
  if (options.presence == nullptr) return;
  const Presence::Kept kept = options.presence->take_unwritten(all);
  if (kept.empty()) return;
  try {
    db->run("BEGIN IMMEDIATE");
    Statement mark = db->prepare(
        "INSERT INTO read_markers(user_id, room_no, room_seq) "
        "SELECT ?1, room_no, ?3 FROM rooms WHERE room_id=?2 "
        "ON CONFLICT DO UPDATE SET room_seq=max(room_seq, excluded.room_seq)");
    for (const ReadMark& m : kept.marks)
      mark.bind(1, m.user).bind(2, m.room).bind(3, m.room_seq).run();
    Statement seen = db->prepare(
        "INSERT INTO device_seen(device_id, at_ms) VALUES(?, ?) "
        "ON CONFLICT DO UPDATE SET at_ms=excluded.at_ms");
    for (const LastSeen& s : kept.seen) seen.bind(1, s.device).bind(2, s.at_ms).run();
    db->run("COMMIT");
  } catch (const DiskFull&) {
    if (sqlite3_get_autocommit(db->raw()) == 0) db->run("ROLLBACK");
    options.presence->put_back(kept);
    throw;
  }
}

}  // namespace tertulia::broker
