#include "tests/bench/crowd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "broker/admin/socket.hpp"
#include "broker/identity/identity.hpp"
#include "broker/log/log.hpp"
#include "client/engine/engine.hpp"
#include "common/base/clock.hpp"
#include "common/base/queue.hpp"
#include "tests/bench/load.hpp"
#include "tests/bench/physical.hpp"
#include "tests/support/broker.hpp"

namespace tertulia::bench {

namespace {

using nlohmann::json;
using record::Act;
using record::Kind;
using record::Tag;
using Peers = std::vector<std::unique_ptr<Peer>>;

constexpr int kMembers = 2000, kRemovals = 9;
constexpr int kRooms = 50, kStarts = 9;
constexpr std::uint64_t kWaitMs = 20'000;
constexpr std::size_t kBatch = 4096;  // acts a transaction while filling
// Many, so that SQLite's page cache (4 MiB at most) is little beside them.
constexpr std::size_t kManyRooms = 4'000, kManyUsers = 10;

double since_ms(std::uint64_t began_us) {
  return static_cast<double>(monotonic_us() - began_us) / 1000;
}

json ask(const test::TestBroker& broker, const json& request) {
  const auto answer = json::parse(
      broker::ask_admin(broker.data() / "admin.sock", request.dump(), static_cast<int>(kWaitMs)));
  if (!answer.value("ok", false)) throw std::runtime_error("refused: " + answer.dump());
  return answer;
}

// ---- a record that is written without a broker ----

class OfflineLog {
 public:
  explicit OfflineLog(const test::TestBroker& broker)
      : data_(broker.data(), broker::DataDirectory::Mode::serve),
        log_(options(broker, data_), data_.keys(), directory_) {}
  ~OfflineLog() { log_.close(); }
  void add(std::vector<broker::Append>&& batch) {
    log_.append(std::move(batch));
    if (failed_) throw std::runtime_error("the log refused: " + *failed_);
    log_.idle();
  }
  std::shared_ptr<const broker::Directory> directory() const { return directory_.load(); }
  std::function<void(bool, std::string)> done() {
    return [this](bool ok, const std::string& why) {
      if (!ok) failed_ = why;
    };
  }

 private:
  static broker::LogOptions options(const test::TestBroker& broker,
                                    const broker::DataDirectory& data) {
    broker::LogOptions out;
    out.database = data.database();
    out.server_name = broker.options.server_name;
    out.limits.rooms_per_user_max = SIZE_MAX;
    return out;
  }
  broker::DataDirectory data_;
  broker::DirectoryCell directory_;
  broker::Log log_;
  std::optional<std::string> failed_;
};

void add_users(OfflineLog& log, int count) {
  broker::InviteCommand c;
  for (int i = 0; i < count; ++i)
    c.people.push_back({fmt::format("somebody{}", i), {}, record::Role::member, {}});
  c.done = [done = log.done()](const broker::InviteResult& r) {
    done(r.ok(), r.ok() ? std::string() : r.faults[0].sentence);
  };
  std::vector<broker::Append> batch;
  batch.push_back(std::move(c));
  log.add(std::move(batch));
}

void add_act(std::vector<broker::Append>& batch, OfflineLog& log, Kind kind, Act act,
             pb::ActNames names = {}) {
  batch.push_back(
      broker::ActCommand{kind, std::move(act), std::move(names), {0, "root"}, log.done()});
  if (batch.size() < kBatch) return;
  log.add(std::move(batch));
  batch.clear();
}

void add_rooms(OfflineLog& log) {
  std::vector<broker::Append> batch;
  for (std::size_t i = 0; i < kManyRooms; ++i) {
    RoomId id;
    randombytes_buf(id.data(), id.size());
    Act act;
    act.set(Tag::room, id)
        .set_number(Tag::room_kind, static_cast<std::uint64_t>(record::RoomKind::private_room))
        .set_number(Tag::flags, record::flag_past_readable);
    pb::ActNames names;
    names.set_room_name(fmt::format("Department {} of many", i));
    add_act(batch, log, Kind::room_create, std::move(act), std::move(names));
  }
  log.add(std::move(batch));
}

std::size_t add_members(OfflineLog& log) {
  std::vector<broker::Append> batch;
  std::size_t count = 0;
  const auto before = log.directory();
  for (const auto& [room_id, room] : before->rooms)
    for (const auto& [user, is] : before->users) {
      if (room->members.contains(user)) continue;
      Act act;
      act.set(Tag::room, room_id).set(Tag::user_id, user);
      add_act(batch, log, Kind::member_add, std::move(act));
      ++count;
    }
  log.add(std::move(batch));
  return count;
}

// ---- a removal ----

// Takes notices; true: this peer has a key of the room that it did not have.
bool has_new_key(Peer& peer, const KeyId& old) {
  Bytes frame;
  while (peer.commands->receive(frame)) {
    const auto reply = RawDevice::read_reply(frame);
    if (!reply || !peer.device.learn(reply->second))
      throw std::runtime_error("a reply that does not fit");
    if (reply->second.has_ack()) --peer.in_flight;
  }
  return peer.device.rooms.at(peer.room).keys.front().id != old;
}

// The texts that have come and open; a frame that does not is counted.
bool hears(Peer& peer, const std::string& text, std::size_t& unopened) {
  Bytes bytes;
  bool heard = false;
  while (peer.broadcast->receive(bytes)) {
    const auto messages = peer.device.open(bytes);
    if (!messages) ++unopened;
    if (messages)
      heard = heard || std::any_of(messages->begin(), messages->end(),
                                   [&](const auto& m) { return m.text == text; });
  }
  return heard;
}

template <class Condition>
void wait_for_all(Peers& peers, const char* what, Condition condition) {
  std::vector<Peer*> waiting;
  for (const auto& peer : peers) waiting.push_back(peer.get());
  const std::uint64_t began = monotonic_ms();
  for (;;) {
    std::erase_if(waiting, [&](Peer* p) { return condition(*p); });
    if (waiting.empty()) return;
    if (monotonic_ms() - began > kWaitMs)
      throw std::runtime_error(
          fmt::format("{} of {} wait for {}", waiting.size(), peers.size(), what));
    std::vector<void*> sockets;
    for (Peer* p : waiting) {
      sockets.push_back(p->commands->get());
      sockets.push_back(p->broadcast->get());
    }
    std::vector<bool> readable;
    test::poll_readable(sockets, readable, 100);
  }
}

// Until everybody hears what the first one says: all subscriptions are known then.
void settle(Peers& peers) {
  for (int round = 0;; ++round) {
    const std::string text = fmt::format("settling {}", round);
    const Bytes frame = peers[0]->device.submission_frame(peers[0]->room, {text}, RequestId{});
    if (!peers[0]->commands->send(frame)) throw std::runtime_error("not sent");
    ++peers[0]->in_flight;
    std::size_t heard = 0, unopened = 0;
    const std::uint64_t began = monotonic_ms();
    std::vector<bool> has(peers.size());
    while (heard < peers.size() && monotonic_ms() - began < 1000) {
      for (std::size_t i = 0; i < peers.size(); ++i)
        if (!has[i] && hears(*peers[i], text, unopened)) has[i] = true, ++heard;
      wait_readable(peers, 20);
      for (auto& peer : peers) has_new_key(*peer, {});
    }
    if (heard == peers.size()) return;
    if (round > 20) throw std::runtime_error("subscribers hear nothing");
  }
}

Removal remove_one(const test::TestBroker& broker, Peers& peers) {
  auto removed = std::move(peers.back());
  peers.pop_back();
  const auto old = removed->device.rooms.at(removed->room).keys.front().id;
  Removal out;
  const std::uint64_t began = monotonic_us();
  ask(broker,
      {{"command", "room_remove"}, {"room", "general"}, {"name", removed->device.user_name}});
  out.ack_ms = since_ms(began);
  wait_for_all(peers, "the new key", [&](Peer& p) { return has_new_key(p, old); });
  out.key_ms = since_ms(began);
  static int number = 0;
  const std::string text = fmt::format("without {}", ++number);
  if (!peers[0]->commands->send(
          peers[0]->device.submission_frame(peers[0]->room, {text}, RequestId{})))
    throw std::runtime_error("not sent");
  std::size_t unopened = 0;
  wait_for_all(peers, "a message", [&](Peer& p) { return hears(p, text, unopened); });
  if (unopened > 0) throw std::runtime_error("one who stays cannot open a frame");
  Peers alone;
  alone.push_back(std::move(removed));
  wait_for_all(alone, "a frame that does not open", [&](Peer& p) {
    if (hears(p, text, unopened) || has_new_key(p, old))
      throw std::runtime_error("who was removed opens what is said");
    return unopened > 0;
  });
  out.ms = since_ms(began);
  return out;
}

// ---- a start with many rooms ----

// The real engine with one profile; a call waits for what it names.
class Client {
 public:
  explicit Client(const std::filesystem::path& profile) : engine_(options(profile)) {}
  client::Engine& engine() { return engine_; }
  template <class Condition>
  void wait(const char* what, Condition condition) {
    const std::uint64_t began = monotonic_ms();
    for (;;) {
      engine_.take_events(events_);
      for (const auto& event : events_)
        if (condition(event)) return;
      if (monotonic_ms() - began > kWaitMs)
        throw std::runtime_error(fmt::format("the engine does not get to {}", what));
      (void)queue_.wait(100);
      std::vector<int> nothing;
      queue_.take_all(nothing);
    }
  }

 private:
  client::EngineOptions options(const std::filesystem::path& profile) {
    client::EngineOptions out;
    out.profile = profile;
    out.wake = [this] { queue_.wake(); };
    return out;
  }
  Queue<int> queue_{1};  // only for its eventfd
  client::Engine engine_;
  std::vector<client::Event> events_;
};

template <class Wanted>
bool is(const client::Event& event) {
  return std::holds_alternative<Wanted>(event);
}

// All rooms, with these heads; how far they are read has come with them.
bool is_whole_list(const client::Event& event, std::uint64_t head) {
  const auto* list = std::get_if<client::RoomsChanged>(&event);
  if (list == nullptr || list->rooms.size() < kRooms) return false;
  return std::count_if(list->rooms.begin(), list->rooms.end(), [&](const client::Room& room) {
           return room.head == head && room.read_up_to == 1;
         }) == kRooms;
}

void say_in_all(Peer& speaker) {
  for (const auto& [id, room] : speaker.device.rooms) {
    speaker.room = id;
    send_submission(speaker, 1, 200);
  }
  const std::uint64_t began = monotonic_ms();
  while (speaker.in_flight > 0) {
    if (monotonic_ms() - began > kWaitMs) throw std::runtime_error("not acked");
    std::vector<bool> readable;
    test::poll_readable({speaker.commands->get()}, readable, 100);
    take_acks(speaker, 1);
  }
}

}  // namespace

Removal removal_from_a_large_room(const Settings& settings) {
  test::TestBroker broker;
  if (broker.stop() != 0) throw std::runtime_error("the broker did not end cleanly");
  const int connected = settings.connections;
  {
    OfflineLog log(broker);
    add_users(log, kMembers - connected);
  }
  broker.start();
  Context context;
  Peers peers;
  for (int i = 0; i < connected; ++i) {
    peers.push_back(make_peer(context, broker.invite(fmt::format("here{}", i))));
    subscribe(context, *peers.back());
  }
  settle(peers);
  std::vector<Removal> all;
  for (int i = 0; i < kRemovals; ++i) all.push_back(remove_one(broker, peers));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.ms < b.ms; });
  Removal out = all[all.size() / 2];
  out.members = kMembers;
  out.connected = connected;
  return out;
}

double rooms_50_ms() {
  test::TestBroker broker;
  Context context;
  const auto profile = broker.data() / "profile";
  auto speaker = make_peer(context, broker.invite("speaker"));
  {
    Client client(profile);
    client.engine().start();
    client.engine().enrol(broker.invite("reader"), "");
    client.wait("its first list", is<client::CaughtUp>);
    for (int i = 0; i < kRooms - 1; ++i) {
      const std::string name = fmt::format("room {}", i);
      ask(broker,
          {{"command", "room_create"}, {"name", name}, {"kind", "private"}, {"owner", "speaker"}});
      ask(broker, {{"command", "room_add"}, {"room", name}, {"name", "reader"}});
    }
    connect_peer(context, *speaker);
    say_in_all(*speaker);
    for (const auto& [id, room] : speaker->device.rooms) {
      client.engine().mark_read(id, 1);
      client.wait("its read marks", is<client::ReadMarksTold>);
    }
    client.engine().stop();
  }
  std::vector<double> all;
  for (int i = 0; i < kStarts; ++i) {
    say_in_all(*speaker);
    Client client(profile);
    const std::uint64_t began = monotonic_us();
    client.engine().start();
    client.wait("its list", [&](const auto& event) {
      return is_whole_list(event, static_cast<std::uint64_t>(i) + 2);
    });
    all.push_back(since_ms(began));
    client.wait("its rest", is<client::CaughtUp>);
    client.engine().stop();
  }
  return quantile(all, 0.5);
}

double lines_4000_s() {
  test::TestBroker broker({.rates = true});
  test::Cli ana{broker.temp(), "ana"};
  ana.enrol(broker.invite("ana"));
  std::string lines;
  for (int i = 0; i < 4000; ++i) lines += fmt::format("line {}\n", i);
  const std::uint64_t began = monotonic_us();
  const test::Ran sent = ana.run({"send", "general", "-"}, lines, 60'000);
  if (sent.code != 0) throw std::runtime_error("not sent: " + sent.err);
  return since_ms(began) / 1000;
}

CrowdMemory crowd_memory() {
  test::TestBroker broker;
  const auto filled = [&](const std::function<void(OfflineLog&)>& fill) {
    if (broker.stop() != 0) throw std::runtime_error("the broker did not end cleanly");
    {
      OfflineLog log(broker);
      fill(log);
    }
    broker.start();
    return static_cast<double>(broker.process().rss_kib());
  };
  const double empty = filled([](OfflineLog& log) { add_users(log, kManyUsers); });
  const double rooms = filled(add_rooms);
  std::size_t count = 0;
  const double members = filled([&](OfflineLog& log) { count = add_members(log); });
  return {(rooms - empty) / kManyRooms, (members - rooms) * 1024 / static_cast<double>(count)};
}

}  // namespace tertulia::bench
