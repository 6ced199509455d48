#include "common/record/checker.hpp"

#include "common/record/checker_state.hpp"

namespace tertulia::record {

struct Checker::Impl {
  explicit Impl(const ServerId& id) : server(id), state(id) {
    roots.push_back(merkle::empty_root());
  }

  using Verdict = std::optional<Fault>;
  Verdict check(std::uint64_t position, ByteView bytes, const std::vector<Body>* bodies);
  Verdict check_act(const Leaf& leaf, ByteView bytes);
  Verdict check_signer(const Leaf& leaf, ByteView bytes);
  Verdict check_submission(const Leaf& leaf, ByteView bytes);
  Verdict check_references(const Leaf& leaf, const CheckedDevice& author,
                           const CheckedRoom& room) const;
  Verdict check_bodies(const Leaf& leaf, const std::vector<Body>& bodies);
  bool signature_holds(const Leaf& leaf, ByteView bytes, const CheckedDevice& device) const;

  const ServerId server;
  CheckedState state;
  merkle::Frontier tree;
  std::vector<Hash> roots;  // by size
  std::uint64_t last_ms = 0;
  Verdict first_fault;
  std::function<void(const SignatureToCheck&)> take_signature;

  struct Gone {  // a body that is not there: excused or not is known at the end
    std::uint64_t seq;
    RoomId room;
    MessageRef message;
    BodyState state;
  };
  std::vector<Gone> gone;
};

namespace {

Fault fault(const Leaf& leaf, const char* kind, std::string text) {
  return {leaf.seq, kind, std::move(text)};
}

std::uint64_t originals_of(const Submission& s) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < s.messages.size(); ++i)
    if (s.messages[i].kind == Kind::text || s.messages[i].kind == Kind::file)
      bits |= std::uint64_t{1} << i;
  return bits;
}

}  // namespace

Checker::Checker(const ServerId& server) : impl_(std::make_unique<Impl>(server)) {}
Checker::~Checker() = default;

void Checker::defer_signatures(std::function<void(const SignatureToCheck&)> take) {
  impl_->take_signature = std::move(take);
}

std::optional<Fault> Checker::check(std::uint64_t position, ByteView leaf,
                                    const std::vector<Body>* bodies) {
  Impl& m = *impl_;
  if (!m.first_fault) m.first_fault = m.check(position, leaf, bodies);
  return m.first_fault;
}

std::optional<Fault> Checker::Impl::check(std::uint64_t position, ByteView bytes,
                                          const std::vector<Body>* bodies) {
  const std::uint64_t expected = tree.size();
  if (position != expected) return Fault{expected, "seq", "The entry at this position is missing."};
  const auto decoded = decode_leaf(bytes);
  if (!decoded) return Fault{expected, "leaf", "The leaf cannot be decoded."};
  const Leaf& leaf = *decoded;
  if (leaf.seq != expected) return Fault{expected, "seq", "The leaf's seq is not its position."};
  if (leaf.submission.server != server)
    return fault(leaf, "leaf", "The entry is another server's.");
  const bool stepped = leaf.submission.messages[0].kind == Kind::clock_stepped;
  if (leaf.logged_at_ms < last_ms && !stepped)
    return fault(leaf, "time", "The entry's time is before the last one's.");

  auto found = leaf.submission.is_act() ? check_act(leaf, bytes) : check_submission(leaf, bytes);
  if (!found && bodies != nullptr) found = check_bodies(leaf, *bodies);
  if (found) return found;
  last_ms = leaf.logged_at_ms;
  tree.append(merkle::leaf_hash(bytes), [](std::uint64_t, const Hash&) {});
  roots.push_back(tree.root());
  return std::nullopt;
}

// An act of the server: no device, nothing seen, no signature. An act that a device signed: as a
// message, but in no room.
Checker::Impl::Verdict Checker::Impl::check_act(const Leaf& leaf, ByteView bytes) {
  const Submission& s = leaf.submission;
  if (!s.room.is_zero() || leaf.first_room_seq != 0)
    return fault(leaf, "act", "An act stands in no room.");
  if (!s.device.is_zero()) {
    if (auto found = check_signer(leaf, bytes)) return found;
    if (state.device(s.device)->held_by_server)
      return fault(leaf, "act", "A device whose key the server has signed an act.");
    const UserId signer = state.device(s.device)->user;
    if (state.user(signer)->disabled)
      return fault(leaf, "member", "The act's signer is disabled.");
    if (auto why = state.apply(leaf, last_ms, &signer)) return fault(leaf, "act", std::move(*why));
    if (!state.add_submission(s.device, s.id, {}))
      return fault(leaf, "duplicate_id", "The act's id is in the record already.");
    return std::nullopt;
  }
  if (s.seen_size != 0 || !s.seen_root.is_zero() || !leaf.signature.is_zero())
    return fault(leaf, "act", "An act of the server names a view or a signature.");
  if (auto why = state.apply(leaf, last_ms, nullptr)) return fault(leaf, "act", std::move(*why));
  if (!state.add_submission(s.device, s.id, {}))
    return fault(leaf, "duplicate_id", "The act's id is in the record already.");
  return std::nullopt;
}

Checker::Impl::Verdict Checker::Impl::check_signer(const Leaf& leaf, ByteView bytes) {
  const Submission& s = leaf.submission;
  const CheckedDevice* device = state.device(s.device);
  if (device == nullptr) return fault(leaf, "device", "The device is not enrolled.");
  if (device->revoked) return fault(leaf, "device", "The device had been revoked.");
  if (!signature_holds(leaf, bytes, *device))
    return fault(leaf, "signature", "The author's signature is not right.");
  if (s.seen_size >= roots.size() || roots[s.seen_size] != s.seen_root)
    return fault(leaf, "seen", "The root that the author saw is not this record's.");
  return std::nullopt;
}

Checker::Impl::Verdict Checker::Impl::check_submission(const Leaf& leaf, ByteView bytes) {
  if (auto found = check_signer(leaf, bytes)) return found;
  const Submission& s = leaf.submission;
  const CheckedDevice* device = state.device(s.device);
  const CheckedUser& user = *state.user(device->user);
  CheckedRoom* room = state.room(s.room);
  if (room == nullptr || !room->members.contains(device->user) || room->archived)
    return fault(leaf, "member", "The author is not a member of a room that can be written to.");
  if (user.disabled) return fault(leaf, "member", "The author is disabled.");
  for (const MessageHeader& m : s.messages) {
    // A deletion is looked at with its reference: it matters whose message it is of.
    if (m.kind == Kind::erase) continue;
    if (!may(user.role, action_of(m.kind), room->kind, room->standing(device->user)))
      return fault(leaf, "member", "The author's role or standing does not allow writing.");
  }
  if (leaf.first_room_seq != room->head_room_seq + 1)
    return fault(leaf, "room_seq",
                 "The messages' numbers in their room do not follow the last ones.");
  if (auto found = check_references(leaf, *device, *room)) return found;
  if (!state.add_submission(s.device, s.id, {room->number, originals_of(s)}))
    return fault(leaf, "duplicate_id", "The submission's id is in the record already.");
  room->head_room_seq += s.messages.size();
  return std::nullopt;
}

bool Checker::Impl::signature_holds(const Leaf& leaf, ByteView bytes,
                                    const CheckedDevice& device) const {
  if (!take_signature) return verify_submission(device.sign, leaf.submission_bytes, leaf.signature);
  constexpr std::size_t kSubmissionOffset =
      1 + 3 * 8 + 2;  // ver, seq, first_room_seq, logged_at, length
  take_signature({leaf.seq, device.sign,
                  bytes.subspan(kSubmissionOffset, leaf.submission_bytes.size()), leaf.signature});
  return true;
}

Checker::Impl::Verdict Checker::Impl::check_references(const Leaf& leaf,
                                                       const CheckedDevice& author,
                                                       const CheckedRoom& room) const {
  for (const MessageHeader& m : leaf.submission.messages) {
    if (m.kind != Kind::edit && m.kind != Kind::erase && m.kind != Kind::reaction) continue;
    const CheckedSubmission* target = state.submission(m.target);
    if (target == nullptr || target->room_number != room.number ||
        ((target->originals >> m.target.index) & 1) == 0)
      return fault(leaf, "reference", "A message refers to what is not an original of its room.");
    const bool own = state.device(m.target.device)->user == author.user;
    const Action needed = own ? Action::change_own : Action::delete_others;
    const bool allowed =
        m.kind == Kind::reaction || (m.kind == Kind::edit && own) ||
        (m.kind == Kind::erase &&
         may(state.user(author.user)->role, needed, room.kind, room.standing(author.user)));
    if (!allowed) return fault(leaf, "reference", "A message changes another author's.");
  }
  return std::nullopt;
}

Checker::Impl::Verdict Checker::Impl::check_bodies(const Leaf& leaf,
                                                   const std::vector<Body>& bodies) {
  const Submission& s = leaf.submission;
  if (bodies.size() != s.messages.size())
    return fault(leaf, "body_missing", "There are not as many bodies as messages.");
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const Body& body = bodies[i];
    if (body.state != BodyState::present) {
      if (s.is_act()) return fault(leaf, "body_missing", "The body of an act is missing.");
      gone.push_back(
          {leaf.seq, s.room, {s.device, s.id, static_cast<std::uint8_t>(i)}, body.state});
    } else if (commitment(body.salt, body.bytes) != s.messages[i].commitment) {
      return fault(leaf, "commitment", "A body is not the one that its author signed.");
    }
  }
  return std::nullopt;
}

std::optional<Fault> Checker::finish() const {
  const Impl& m = *impl_;
  if (m.first_fault) return m.first_fault;
  for (const Impl::Gone& g : m.gone) {
    if (g.state == BodyState::withheld && !m.state.has_retention(g.room))
      return Fault{g.seq, "body_missing", "A body is missing, and no retention policy allows it."};
    if (g.state == BodyState::erased && !m.state.has_erase_order(g.message))
      return Fault{g.seq, "body_missing", "A body is erased, and no order in the record says so."};
  }
  return std::nullopt;
}

std::uint64_t Checker::size() const { return impl_->tree.size(); }
Hash Checker::root() const { return impl_->tree.root(); }

}  // namespace tertulia::record
