#include <fmt/format.h>

#include <algorithm>

#include "broker/log/log_impl.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

using record::Kind;

namespace {
Refused not_in_this_room(record::Action action) {
  const auto& rule = record::permission_table()[static_cast<std::size_t>(action)];
  return {pb::NOT_PERMITTED, fmt::format("You may not {} in this room.", rule.doc)};
}
}  // namespace

void Log::Impl::hold_behind(const SubmissionAppend& a, std::uint64_t pause_ms) {
  if (a.posted || a.submission.is_act()) return;
  hold.refused(a.asker, a.submission.room, monotonic_ms(), pause_ms);
}

bool Log::Impl::must_wait(const SubmissionAppend& a) {
  if (a.posted || a.submission.is_act() || hold.empty()) return false;
  return hold.wait_ms(a.asker, a.submission.room, monotonic_ms()) > 0;
}

Outcome Log::Impl::decide(SubmissionAppend& a) {
  const Device* device = derived->now().device(a.submission.device);
  if (device == nullptr || device->curve != a.asker.key)
    return Refused{pb::NOT_ALLOWED, "This connection's key is not that of the device that signed."};
  DeviceSlot& slot = derived->device_slot(a.submission.device);
  if (auto first_answer = posted_before(a, slot)) return std::move(*first_answer);
  const bool waits = must_wait(a);  // asked first: one that is known may be what the others wait for
  if (auto first_answer = known(a, slot)) return std::move(*first_answer);
  if (a.submission.is_act()) return decide_act(a, *device, slot);
  // Not looked at any further: what it refers to may be among those that could not be written
  if (stopped) {
    hold_behind(a, log_retry_ms);
    return Refused{pb::READ_ONLY, disk_full_text};
  }
  if (waits)
    return Refused{pb::BUSY, "One that was sent before this is to be sent again first."};
  if (auto refusal = rights(a, *device)) return std::move(*refusal);
  if (!recent.knows(a.submission.seen_size, a.submission.seen_root)) {
    hold_behind(a, 0);
    return Refused{pb::STALE_VIEW,
                   "The checkpoint that this submission saw is not among the last 4,096."};
  }
  if (auto refusal = references(a, *device)) return std::move(*refusal);
  return write(a, slot);
}

// The first answer again, or a conflict; nullopt: this id is new.
std::optional<Outcome> Log::Impl::known(const SubmissionAppend& a, const DeviceSlot& slot) {
  const record::Submission& s = a.submission;
  if (s.id > slot.newest) return std::nullopt;
  const auto seq = store->find_submission(slot.number, s.id);
  if (!seq) return std::nullopt;
  const record::Leaf leaf = store->leaf(*seq);
  if (!record::same_content(leaf.submission, s))
    return Refused{pb::CONFLICT, "This submission id is in the log with other content."};
  return Acked{*seq, leaf.first_room_seq, leaf.logged_at_ms, {}};
}

std::optional<Refused> Log::Impl::rights(const SubmissionAppend& a, const Device& device) const {
  const record::Submission& s = a.submission;
  const Directory& directory = derived->now();
  if (s.server != keys.id)
    return Refused{pb::WRONG_SERVER, "This submission is for another server."};
  if (!device.live()) return Refused{pb::NOT_ALLOWED, "This device has been revoked."};
  const User* user = directory.user(device.user);
  if (user == nullptr || user->disabled) return Refused{pb::NOT_ALLOWED, "This user is disabled."};
  const Room* room = directory.room(s.room);
  if (room == nullptr || !room->members.contains(user->id))
    return Refused{pb::NOT_A_MEMBER, "You are not a member of this room."};
  for (const auto& m : s.messages) {
    // A deletion is looked at with its reference: it matters whose message it is of.
    if (m.kind == Kind::erase) continue;
    const auto needed = record::action_of(m.kind);
    if (!directory.may(*user, needed, *room)) return not_in_this_room(needed);
  }
  if (a.mentions_all && !directory.may(*user, record::Action::mention_all, *room))
    return not_in_this_room(record::Action::mention_all);
  if (room->archived) return Refused{pb::NOT_PERMITTED, "This room is archived."};
  return std::nullopt;
}

// Clients fold all changes of a message whenever one is added: their number has a bound.
std::optional<Refused> Log::Impl::changed_too_often(std::uint64_t room_no, std::uint64_t room_seq,
                                                    const UserId& user, bool by_author) const {
  const LogLimits& limits = options.limits;
  const auto now = static_cast<std::uint64_t>(
      std::count(change_targets.begin(), change_targets.end(), room_seq));  // by this submission
  if (!by_author &&
      store->changes(room_no, room_seq, UserId{}) + now >= limits.changes_per_message_max)
    return Refused{pb::TOO_MANY,
                   fmt::format("This message was changed and reacted to {} times, which is as "
                               "often as this server takes (changes_per_message_max).",
                               limits.changes_per_message_max)};
  if (store->changes(room_no, room_seq, user) + now >= limits.user_changes_per_message_max)
    return Refused{pb::TOO_MANY,
                   fmt::format("You have changed this message or reacted to it {} times, which is as "
                               "often as this server takes (user_changes_per_message_max).",
                               limits.user_changes_per_message_max)};
  return std::nullopt;
}

// A target is an original text or file of an earlier entry in the same room.
std::optional<Refused> Log::Impl::references(const SubmissionAppend& a, const Device& device) {
  const Directory& directory = derived->now();
  change_targets.clear();
  for (const auto& m : a.submission.messages) {
    if (m.kind != Kind::edit && m.kind != Kind::erase && m.kind != Kind::reaction) continue;
    const Device* author = directory.device(m.target.device);
    const auto seq = author == nullptr
                         ? std::nullopt
                         : store->find_submission(derived->device_slot(m.target.device).number,
                                                  m.target.submission);
    if (!seq)
      return Refused{pb::BAD_REFERENCE, "The message that this refers to is not in the log."};
    const record::Leaf target = store->leaf(*seq);
    const auto& originals = target.submission.messages;
    if (target.submission.room != a.submission.room || m.target.index >= originals.size())
      return Refused{pb::BAD_REFERENCE, "The message that this refers to is not in this room."};
    const Kind kind = originals[m.target.index].kind;
    if (kind != Kind::text && kind != Kind::file)
      return Refused{pb::BAD_REFERENCE,
                     "Only a text or a file can be edited, deleted or reacted to."};
    const bool own = author->user == device.user;
    if (m.kind == Kind::edit && !own)
      return Refused{pb::BAD_REFERENCE, "Only its author edits a message."};
    const auto needed = own ? record::Action::change_own : record::Action::delete_others;
    if (m.kind == Kind::erase && !directory.may(*directory.user(device.user), needed,
                                                *directory.room(a.submission.room)))
      return not_in_this_room(needed);
    if (m.kind == Kind::erase) continue;
    const std::uint64_t room_seq = target.first_room_seq + m.target.index;
    const bool by_author = own && m.kind == Kind::edit;  // nobody's reactions stop him
    if (auto full = changed_too_often(derived->room_slot(a.submission.room).number, room_seq,
                                      device.user, by_author))
      return full;
    change_targets.push_back(room_seq);
  }
  return std::nullopt;
}

Outcome Log::Impl::write(const SubmissionAppend& a, DeviceSlot& slot) {
  begin();
  const record::Submission& s = a.submission;
  derived->renew_daily_key(s.room, last_ms);
  const std::uint64_t seq = frontier.size();
  Acked out;
  out.seq = seq;
  out.first_room_seq = derived->advance(s.room, seq, s.messages.size());
  out.logged_at_ms = last_ms;
  out.leaf =
      record::encode_leaf(seq, out.first_room_seq, last_ms, a.submission_bytes, a.act, a.signature);
  add(out.leaf, a.bodies);
  store->add_submission(slot.number, s.id, seq);
  remember_key(a, slot);
  const std::uint64_t room_no = derived->room_slot(s.room).number;
  store->add_room_entry(room_no, out.first_room_seq, seq);
  if (!change_targets.empty())
    for (const UserId& user = derived->now().device(s.device)->user;
         const std::uint64_t room_seq : change_targets)
      store->add_change(room_no, room_seq, user);
  // After a rollback this is too large, which costs one look-up and is never wrong.
  if (s.id > slot.newest) slot.newest = s.id;
  return out;
}

}  // namespace tertulia::broker
