// Presence: what is known of people now and stands in no log: who is there, who is writing, how far
// each has read, and when a device was last heard. Shared by the workers, t-log and t-admin; any
// thread, one mutex, nothing under it waits.
//
// Read marks and last-seen times outlive a stop: t-log takes what has changed every few seconds and
// writes it beside the record (Log::keep_presence). A crash loses those seconds; a client that has
// read further than the server knows says so again when it connects.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/base/bytes.hpp"

namespace tertulia::broker {

// As on the wire (Ping.activity, PersonPresence.activity).
enum class Activity : std::uint8_t { offline = 0, away = 1, active = 2 };

struct ReadMark {
  UserId user;
  RoomId room;
  std::uint64_t room_seq = 0;
};
struct LastSeen {
  DeviceId device;
  std::uint64_t at_ms = 0;  // wall clock
};

class Presence {
 public:
  // What is written beside the record.
  struct Kept {
    std::vector<ReadMark> marks;
    std::vector<LastSeen> seen;
    bool empty() const { return marks.empty() && seen.empty(); }
  };
  struct Changes {
    std::uint64_t version = 0;
    std::vector<std::pair<UserId, Activity>> people;
  };

  explicit Presence(std::uint64_t started_ms) : first_version_(started_ms), version_(started_ms) {}

  void load(const Kept& kept);  // at the start

  // ---- how far each has read ----
  // False: that far or further already.
  bool mark_read(const UserId& user, const RoomId& room, std::uint64_t room_seq);
  std::uint64_t read_up_to(const UserId& user, const RoomId& room) const;  // 0: nothing

  // ---- who is there ----
  void saw(const DeviceId& device, std::uint64_t wall_ms);
  std::uint64_t last_seen(const DeviceId& device) const;  // wall clock; 0: never
  // A device says what its user does; it holds until lives_ms have passed without another word.
  // Offline takes it back at once. Times are monotonic.
  void tell(const UserId& user, const DeviceId& device, Activity activity, std::uint64_t now_ms,
            std::uint64_t lives_ms);
  // What has changed since that version; all who are there when the version is not of this start.
  Changes since(std::uint64_t version, std::uint64_t now_ms);

  // ---- who is writing ----
  // False: he said so a moment ago; those who listen know it still.
  bool types(const UserId& user, const RoomId& room, std::uint64_t now_ms);

  // ---- for t-log ----
  // What has changed and is not written yet. all: times too that are only a little newer.
  Kept take_unwritten(bool all);
  void put_back(const Kept& kept);  // it could not be written

 private:
  struct Mark {
    std::uint64_t room_seq = 0;
    bool unwritten = false;
  };
  struct Seen {
    std::uint64_t at_ms = 0;
    std::uint64_t written_ms = 0;
  };
  struct Told {
    UserId user;
    Activity activity{};
    std::uint64_t until_ms = 0;
  };
  struct Person {
    Activity activity{};
    std::uint64_t version = 0;
  };
  void sweep(std::uint64_t now_ms);
  void look_again(const UserId& user);

  const std::uint64_t first_version_;
  mutable std::mutex mutex_;
  // All below: protected by mutex_.
  std::unordered_map<UserId, std::map<RoomId, Mark>> marks_;
  std::unordered_map<DeviceId, Seen> seen_;
  std::unordered_map<DeviceId, Told> told_;
  std::unordered_map<UserId, Person> people_;
  std::map<std::uint64_t, UserId> changes_;  // version → who changed then, each once
  std::uint64_t version_;
  std::uint64_t swept_ms_ = 0;
  std::unordered_map<UserId, std::map<RoomId, std::uint64_t>> typing_;  // monotonic, last told
  std::uint64_t typing_swept_ms_ = 0;
  std::vector<ReadMark> unwritten_marks_;  // room_seq does not count: marks_ has it
};

}  // namespace tertulia::broker
