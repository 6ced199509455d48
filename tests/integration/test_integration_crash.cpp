// kill -9 of the broker under load, again and again: every acked message is there once, in order.
#include <random>

#include "common/base/clock.hpp"
#include "common/base/uuid7.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

constexpr std::size_t kSenders = 3;
constexpr std::size_t kInFlight = 40;

// Keeps kInFlight submissions on their way and remembers what was acked; after a crash it sends
// again what was not, with the same ids, in the same order.
class Sender {
 public:
  Sender(const std::string& invite, std::string word) : client_(invite), word_(std::move(word)) {
    client_.join();
    room_ = client_.device.room("general").id;
  }

  void reconnect() {
    client_.disconnect();
    client_.rejoin();
    on_the_way_.clear();
    for (auto& draft : unacked_) post(draft);
  }

  // Sends up to the bound and takes what has come.
  void turn() {
    while (unacked_.size() < kInFlight) {
      unacked_.push_back(client_.device.draft(room_, {fmt::format("{} {}", word_, drafted_++)}));
      client_.device.sign(unacked_.back());
      post(unacked_.back());
    }
    take();
  }

  void take() {
    client_.pump(1);
    while (!on_the_way_.empty()) {
      const auto reply = client_.wait_reply(on_the_way_.front(), 0);
      if (!reply) return;
      BOOST_REQUIRE_MESSAGE(reply->has_ack(), describe(reply));
      on_the_way_.pop_front();
      acked_.emplace_back(unacked_.front().submission.id, reply->ack().seq());
      unacked_.pop_front();
    }
  }

  bool done() const { return unacked_.empty(); }
  std::size_t acked() const { return acked_.size(); }
  const std::vector<std::pair<SubmissionId, std::uint64_t>>& acks() const { return acked_; }
  const std::string& word() const { return word_; }
  RawClient& client() { return client_; }
  const RoomId& room() const { return room_; }

 private:
  void post(const Draft& draft) {
    on_the_way_.push_back(random_request_id());
    BOOST_REQUIRE(client_.send(client_.device.seal(draft, on_the_way_.back())));
  }

  RawClient client_;
  std::string word_;
  RoomId room_;
  std::size_t drafted_ = 0;
  std::deque<Draft> unacked_;
  std::deque<RequestId> on_the_way_;  // as many as unacked_, in the same order
  std::vector<std::pair<SubmissionId, std::uint64_t>> acked_;
};

// Everything that was acked is in the room once, where the ack said, in the order of its sender.
void check_room(std::vector<std::unique_ptr<Sender>>& senders) {
  const auto all = senders.front()->client().whole_history(senders.front()->room());
  check_dense(all);
  std::map<SubmissionId, std::uint64_t> where;
  for (const auto& message : all)
    BOOST_REQUIRE(where.emplace(message.id.submission, message.seq).second);
  for (const auto& sender : senders) {
    for (const auto& [id, seq] : sender->acks()) {
      const auto found = where.find(id);
      BOOST_REQUIRE_MESSAGE(found != where.end(),
                            "an acked message of " << sender->word() << " is lost");
      BOOST_REQUIRE_EQUAL(found->second, seq);
    }
    const auto texts = beginning_with(texts_of(all), sender->word() + " ");
    BOOST_REQUIRE(texts == numbered(sender->word(), texts.size()));
    BOOST_REQUIRE_GE(texts.size(), sender->acked());
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(crash)

BOOST_AUTO_TEST_CASE(twenty_kills_under_load_lose_and_double_nothing) {
  const int cycles = std::getenv("TERTULIA_LONG") != nullptr ? 100 : 20;
  TestBroker broker;
  std::vector<std::unique_ptr<Sender>> senders;
  for (std::size_t i = 0; i < kSenders; ++i)
    senders.push_back(
        std::make_unique<Sender>(broker.invite(fmt::format("s{}", i)), fmt::format("s{}", i)));
  std::mt19937 random(20261123);
  const std::uint64_t started = monotonic_ms();
  for (int cycle = 0; cycle < cycles; ++cycle) {
    // The kill comes when so many more are acked: at another point of the commit each time
    std::size_t acked = 0;
    for (const auto& sender : senders) acked += sender->acked();
    const std::size_t until = acked + 50 + random() % 200;
    const bool went_on = wait_until(
        [&] {
          std::size_t now = 0;
          for (auto& sender : senders) {
            sender->turn();
            now += sender->acked();
          }
          return now >= until;
        },
        60'000);
    BOOST_REQUIRE_MESSAGE(went_on, "cycle " << cycle << ": no acks: " << broker.err());
    broker.kill9();
    for (auto& sender : senders) sender->take();
    const std::string fault = broker.verify();
    BOOST_REQUIRE_MESSAGE(fault.empty(), "cycle " << cycle << ": " << fault);
    broker.start();
    for (auto& sender : senders) sender->reconnect();
  }
  BOOST_REQUIRE(wait_until(
      [&] {
        bool done = true;
        for (auto& sender : senders) {
          sender->take();
          done = done && sender->done();
        }
        return done;
      },
      60'000));
  check_room(senders);
  BOOST_TEST(broker.verify() == "");
  std::size_t acked = 0;
  for (const auto& sender : senders) acked += sender->acked();
  BOOST_TEST_MESSAGE(cycles << " kills, " << acked << " acked, "
                            << (monotonic_ms() - started) / 1000 << " s");
}

BOOST_AUTO_TEST_CASE(a_first_start_that_is_killed_starts_again) {
  TestBroker broker({.start = false});
  for (int i = 0; i < 10; ++i) {
    // Killed at once, and a little later each time: in the middle of making keys and tables
    Process first = broker.launch("first");
    const auto deadline = Deadline::in_ms(static_cast<std::uint64_t>(i) * 4);
    static_cast<void>(wait_until([&] { return deadline.over(); }, 1000));
    first.kill9();
  }
  broker.start();
  RawClient ana(broker.invite("ana"));
  ana.join();
  BOOST_TEST(ana.submit(ana.device.room("general").id, {"hola"})->has_ack());
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
