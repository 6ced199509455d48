// Rates and counts: who asks for too much waits or is told, and nobody else notices.
#include "common/base/uuid7.hpp"
#include "tests/integration/scenario.hpp"
#include "tests/support/http_client.hpp"

namespace tertulia::test {

namespace {

constexpr std::uint64_t kMsMax = 120'000;

std::uint64_t counted(TestBroker& broker, const std::string& counter) {
  const Ran ran = broker.ctl({"status", "--json"});
  BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
  const auto status = nlohmann::json::parse(ran.out);
  const auto& there = status.contains(counter) ? status : status.at("counters");
  return there.at(counter).get<std::uint64_t>();
}

// A connection that its client has ended is the broker's for a moment yet.
void wait_for_connections(TestBroker& broker, std::uint64_t count) {
  BOOST_REQUIRE(
      wait_until([&] { return counted(broker, "connections_commands") == count; }, kMsMax));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(four_thousand_lines_pass_as_it_is_shipped) {
  TestBroker broker({.rates = true});
  Cli ana{broker.temp(), "ana"};
  ana.enrol(broker.invite("ana"));
  std::string lines;
  for (int i = 1; i <= 4'000; ++i) lines += fmt::format("{}\n", i);
  const Ran sent = ana.run({"send", "general", "-"}, lines, kMsMax);
  BOOST_TEST(sent.code == 0, sent.err);
  // It was told to wait, and waited: all are there, in order
  BOOST_TEST(counted(broker, "refused_rate_messages") > 0u);
  int expected = 0;
  for (const auto& m : json_lines(ana.run({"history", "general", "--limit", "5000", "--json"}).out))
    BOOST_REQUIRE(m.at("text") == std::to_string(++expected));
  BOOST_TEST(expected == 4'000);
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(who_floods_and_does_not_listen_is_held_and_his_neighbour_is_served) {
  TestBroker broker(
      {.config_more = "[limits]\ndevice_messages_per_s = 5\ndevice_messages_burst = 10\n",
       .rates = true});
  RawClient mallory{broker.invite("mallory")};
  mallory.join();
  Cli beto{broker.temp(), "beto"};
  beto.enrol(broker.invite("beto"));
  const RoomId general = mallory.device.room("general").id;
  std::vector<RequestId> asked;
  for (int i = 0; i < 400; ++i) {
    const RequestId id = random_request_id();
    BOOST_REQUIRE(mallory.send(
        mallory.device.submission_frame(general, {std::to_string(i)}, id)));
    asked.push_back(id);
  }
  BOOST_TEST(beto.run({"send", "general", "sigo aquí"}).code == 0);
  std::size_t acked = 0, busy = 0;
  for (const RequestId& id : asked) {
    const auto answer = mallory.wait_reply(id);
    BOOST_REQUIRE(answer);
    acked += answer->has_ack();
    if (!is_error(answer, pb::BUSY)) continue;
    ++busy;
    BOOST_TEST(answer->error().retry_after_ms() > 0u);
  }
  BOOST_TEST(acked + busy == asked.size());
  BOOST_TEST(acked >= 10u);
  BOOST_TEST(busy >= 300u);
  // What got through is in the order in which it was sent
  int last = -1;
  for (const auto& m : json_lines(beto.run({"history", "general", "--json"}).out)) {
    if (m.at("sender") != "mallory") continue;
    const int n = std::stoi(m.at("text").get<std::string>());
    BOOST_TEST(n > last);
    last = n;
  }
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(what_was_under_way_behind_a_refused_one_waits_for_it_however_late_it_comes) {
  TestBroker broker(
      {.config_more = "[limits]\ndevice_messages_per_s = 100\ndevice_messages_burst = 2\n",
       .rates = true});
  RawClient ana{broker.invite("ana")};
  ana.join();
  const RoomId general = ana.device.room("general").id;
  std::vector<Draft> drafts;
  for (int i = 0; i < 50; ++i) {
    drafts.push_back(ana.device.draft(general, {std::to_string(i)}));
    ana.device.sign(drafts.back());
  }
  const auto id_of = [](const Draft& d) { return RequestId::from(d.submission.id.view()); };
  // Forty at once; the bucket lets some of them through
  std::size_t first = drafts.size();
  for (std::size_t i = 0; i < 40; ++i)
    BOOST_REQUIRE(ana.send(ana.device.seal(drafts[i], id_of(drafts[i]))));
  for (std::size_t i = 0; i < 40; ++i) {
    const auto answer = ana.wait_reply(id_of(drafts[i]));
    BOOST_REQUIRE(answer);
    if (is_error(answer, pb::BUSY))
      first = std::min(first, i);
    else
      BOOST_REQUIRE_MESSAGE(answer->has_ack() && i < first, i);
  }
  BOOST_REQUIRE(first < 40);
  // As if the last of them had been on the way until now, when the bucket is full again
  Cli beto{broker.temp(), "beto"};
  beto.enrol(broker.invite("beto"));
  const std::uint64_t behind = counted(broker, "refused_behind");
  for (std::size_t i = 40; i < 50; ++i)
    BOOST_TEST(is_error(ana.submit(drafts[i]), pb::BUSY));
  BOOST_TEST(counted(broker, "refused_behind") == behind + 10);
  BOOST_TEST(ana.submit(drafts[first]).value().has_ack());
  BOOST_TEST(ana.submit(drafts[45]).value().has_ack());
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(who_asks_too_often_is_told_when_to_ask_again) {
  TestBroker broker(
      {.config_more = "[limits]\ndevice_requests_per_s = 1\ndevice_requests_burst = 20\n",
       .rates = true});
  RawClient mallory{broker.invite("mallory")};
  mallory.join();
  pb::Request ping;
  ping.mutable_ping();
  bool told = false;
  for (int i = 0; i < 40 && !told; ++i) {
    const auto answer = mallory.ask(ping);
    BOOST_REQUIRE(answer);
    told = is_error(answer, pb::BUSY);
    if (told) BOOST_TEST(answer->error().retry_after_ms() > 0u);
  }
  BOOST_TEST(told);
  BOOST_TEST(counted(broker, "refused_rate_requests") > 0u);
  // A client that is told so waits and goes on
  Cli beto{broker.temp(), "beto"};
  beto.enrol(broker.invite("beto"));
  for (int i = 0; i < 3; ++i) BOOST_TEST(beto.run({"send", "general", "hola"}).code == 0);
}

BOOST_AUTO_TEST_CASE(history_is_whole_however_often_it_is_told_to_wait) {
  TestBroker broker(
      {.config_more = "[limits]\ndevice_requests_per_s = 1\ndevice_requests_burst = 2\n"
                      "device_messages_per_s = 0\nuser_messages_per_s = 0\n",
       .rates = true});
  Cli ana{broker.temp(), "ana"}, beto{broker.temp(), "beto"};
  ana.enrol(broker.invite("ana"));
  beto.enrol(broker.invite("beto"));
  std::string lines;
  for (int i = 1; i <= 2'500; ++i) lines += fmt::format("{}\n", i);
  BOOST_REQUIRE(ana.run({"send", "general", "-"}, lines, kMsMax).code == 0);
  const std::uint64_t before = counted(broker, "refused_rate_requests");
  const Ran read = beto.run({"--timeout", "60", "history", "general", "--limit", "2500", "--json"}, {},
                            kMsMax);
  BOOST_TEST(read.code == 0, read.err);
  BOOST_TEST(json_lines(read.out).size() == 2'500u);
  BOOST_TEST(counted(broker, "refused_rate_requests") > before);
}

BOOST_AUTO_TEST_CASE(an_invite_is_not_tried_for_ever) {
  TestBroker broker({.config_more = "[limits]\nenrolments_per_minute = 3\n", .rates = true});
  RawClient mallory{broker.invite("mallory")};
  bool told = false;
  mallory.device.user = UserId{};  // signs for another user than the invite's
  for (int i = 0; i < 6 && !told; ++i) {
    const auto answer = mallory.enrol();
    BOOST_REQUIRE(answer);
    BOOST_TEST(answer->has_error());
    told = is_error(answer, pb::BUSY);
  }
  BOOST_TEST(told);
  BOOST_TEST(counted(broker, "refused_rate_enrolments") > 0u);
}

BOOST_AUTO_TEST_CASE(devices_and_invites_have_a_number_that_is_enough) {
  TestBroker broker(
      {.config_more = "[limits]\ndevices_per_user_max = 2\ninvites_open_max = 2\n"});
  Cli desk{broker.temp(), "desk"}, laptop{broker.temp(), "laptop"}, third{broker.temp(), "third"};
  desk.enrol(broker.invite("ana"));
  laptop.enrol(broker.invite("ana"));
  const Ran refused = third.run({"enrol", broker.invite("ana")});
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(refused.err.find("ana has 2 devices") != std::string::npos, refused.err);
  broker.invite("beto");
  const Ran full = broker.ctl({"invite", "carla"});
  BOOST_TEST(full.code == 1);
  BOOST_TEST(full.err.find("invites_open_max") != std::string::npos, full.err);
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(at_the_most_connections_the_newest_is_refused_and_the_living_stay) {
  TestBroker broker({.config_more = "[limits]\nmax_connections = 2\n"});
  RawClient ana{broker.invite("ana")}, beto{broker.invite("beto")}, carla{broker.invite("carla")};
  Cli third{broker.temp(), "carla"};
  third.enrol(broker.invite("carla"));
  for (RawClient* who : {&ana, &beto}) {
    BOOST_REQUIRE(who->enrol().value().has_enrolled());
    who->disconnect();
  }
  wait_for_connections(broker, 0);
  ana.rejoin();
  beto.rejoin();
  const Ran refused = third.run({"--timeout", "3", "send", "general", "¿hay sitio?"});
  BOOST_TEST(refused.code == 3);
  BOOST_TEST(refused.err.find("as many connections as it may") != std::string::npos, refused.err);
  BOOST_TEST(counted(broker, "handshakes_refused_full") > 0u);
  check_neighbours(ana, beto);
  beto.disconnect();
  BOOST_TEST(third.run({"send", "general", "ahora sí"}, {}, kMsMax).code == 0);
}

namespace {

// A further connection with the same key, which has asked something and was answered; nullptr: it was
// not, in this time.
std::unique_ptr<Socket> try_another_connection(RawClient& who, const crypto::CurveKey& key,
                                               const std::string& routing_id, std::uint64_t ms) {
  Socket::Options options;
  options.routing_id = routing_id;
  options.address = who.device.commands;
  options.server = who.device.server_curve;
  options.watch = true;
  auto out = std::make_unique<Socket>(who.context(), key, options);
  pb::Request ping;
  ping.mutable_ping();
  const RequestId id = random_request_id();
  Bytes answer;
  const auto answered = [&] {
    while (out->receive(answer))
      if (const auto reply = RawDevice::read_reply(answer); reply && reply->first == id) return true;
    return false;
  };
  BOOST_REQUIRE(wait_until([&] { return out->send(RawDevice::request_frame(id, ping)); }, kMsMax));
  if (!wait_until(answered, ms)) return nullptr;
  return out;
}
std::unique_ptr<Socket> another_connection(RawClient& who, const crypto::CurveKey& key,
                                           const std::string& routing_id = {}) {
  // ROUTER answers a name never that it still holds for a connection which has just ended
  std::unique_ptr<Socket> out;
  const auto deadline = Deadline::in_ms(kMsMax);
  while (!out && !deadline.over())
    out = try_another_connection(who, key, routing_id, routing_id.empty() ? kMsMax : 5'000);
  BOOST_REQUIRE(out);
  return out;
}

std::size_t ended(const std::vector<std::unique_ptr<Socket>>& all) {
  return static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [](const auto& s) { return s->counts().disconnected > 0; }));
}
void revoke_device(TestBroker& broker, const RawClient& who) {
  const std::string id = to_hex(who.device.keys.id.view());
  BOOST_REQUIRE_EQUAL(broker.ctl({"device", "revoke", id, "--yes"}).code, 0);
}

}  // namespace

// What is no frame is an answer to nobody, and a connection like others.
BOOST_AUTO_TEST_CASE(who_says_nothing_whole_is_counted_and_goes_when_he_is_revoked) {
  TestBroker broker({.config_more = "[limits]\nconnections_per_device_max = 3\n"});
  RawClient ana{broker.invite("ana")}, beto{broker.invite("beto")}, mallory{broker.invite("mallory")};
  ana.join();
  beto.join();
  mallory.join();
  mallory.disconnect();
  wait_for_connections(broker, 2);
  Socket::Options options;
  options.server = mallory.device.server_curve;
  options.watch = true;
  options.address = mallory.device.commands;
  std::vector<std::unique_ptr<Socket>> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(
        std::make_unique<Socket>(mallory.context(), mallory.device.keys.curve, options));
    const bool in_parts = i % 2 == 1;
    BOOST_REQUIRE(wait_until([&] { return all[i]->send(Bytes{1}, in_parts); }, kMsMax));
    if (in_parts) {
      BOOST_REQUIRE(all[i]->send(Bytes{2}));
    }
  }
  BOOST_TEST(wait_until([&] { return ended(all) == 3; }, kMsMax));
  BOOST_TEST(counted(broker, "crowded_ended") == 3u);
  revoke_device(broker, mallory);
  BOOST_TEST(wait_until([&] { return ended(all) == 6; }, kMsMax));
  check_neighbours(ana, beto);
}

// A peer names itself as it likes, and comes again under the same name by the same descriptor.
BOOST_AUTO_TEST_CASE(a_name_of_ones_own_hides_no_connection) {
  TestBroker broker({.config_more = "[limits]\nconnections_per_device_max = 3\n"});
  RawClient mallory{broker.invite("mallory")};
  mallory.join();
  mallory.disconnect();
  wait_for_connections(broker, 0);
  const auto& key = mallory.device.keys.curve;
  std::vector<std::unique_ptr<Socket>> all;
  for (int i = 0; i < 6; ++i) {
    const std::string name = fmt::format("m{}", i);
    const std::size_t before = broker.process().open_files();
    another_connection(mallory, key, name).reset();
    BOOST_REQUIRE(wait_until([&] { return broker.process().open_files() <= before; }, kMsMax));
    all.push_back(another_connection(mallory, key, name));
  }
  BOOST_TEST(wait_until([&] { return ended(all) == 3; }, kMsMax));
  revoke_device(broker, mallory);
  BOOST_TEST(wait_until([&] { return ended(all) == 6; }, kMsMax));
}

BOOST_AUTO_TEST_CASE(a_link_that_another_one_replaced_keeps_no_connection) {
  TestBroker broker;
  RawClient ana{broker.invite("ana")};
  ana.join();
  std::vector<std::unique_ptr<Socket>> all;
  for (std::size_t round = 1; round <= 3; ++round) {
    const crypto::CurveKey link(crypto::Seed::random());
    pb::Request declare;
    auto& what = *declare.mutable_link();
    what.set_curve_pk(std::string(as_text(link.public_key().view())));
    what.set_lifetime_ms(60'000);
    const auto declared = ana.ask(declare);
    BOOST_REQUIRE_MESSAGE(declared && declared->has_link(), describe(declared));
    // Those of the links before it are ended, and of its own three the first
    BOOST_TEST(wait_until([&] { return ended(all) == all.size(); }, kMsMax));
    for (int i = 0; i < 3; ++i) all.push_back(another_connection(ana, link));
    BOOST_TEST(wait_until([&] { return ended(all) == all.size() - 2; }, kMsMax));
  }
}

BOOST_AUTO_TEST_CASE(a_field_of_another_type_ends_no_broker) {
  TestBroker broker;
  HttpClient raw(broker.data() / "admin.sock");
  for (const char* line :
       {R"({"command":"server_key_rotate","key":null})",
        R"({"command":"server_key_rotate","key":"at-rest","only_wrap":1})",
        R"({"command":"invite","name":[],"role":7})", R"({"command":{}})", "[]", "\xff"})
    BOOST_REQUIRE(raw.send(std::string(line) + "\n"));
  for (int i = 0; i < 3; ++i) BOOST_TEST(broker.ctl({"status"}).code == 0);
}

BOOST_AUTO_TEST_CASE(of_too_many_connections_of_a_key_the_oldest_is_ended) {
  TestBroker broker({.config_more = "[limits]\nconnections_per_device_max = 3\n"});
  RawClient ana{broker.invite("ana")}, beto{broker.invite("beto")}, mallory{broker.invite("mallory")};
  ana.join();
  beto.join();
  mallory.join();
  mallory.disconnect();
  wait_for_connections(broker, 2);
  const auto& key = mallory.device.keys.curve;
  std::vector<std::unique_ptr<Socket>> all;
  for (int i = 0; i < 3; ++i) all.push_back(another_connection(mallory, key));
  for (const auto& socket : all) BOOST_TEST(socket->counts().disconnected == 0u);
  BOOST_TEST(counted(broker, "crowded_ended") == 0u);
  all.push_back(another_connection(mallory, key));
  BOOST_TEST(wait_until([&] { return all[0]->counts().disconnected > 0; }, kMsMax));
  for (std::size_t i : {1, 2, 3}) BOOST_TEST(all[i]->counts().disconnected == 0u);
  BOOST_TEST(counted(broker, "crowded_ended") == 1u);
  check_neighbours(ana, beto);
}

BOOST_AUTO_TEST_CASE(a_program_that_stays_is_not_ended_for_those_that_came_and_went) {
  TestBroker broker({.config_more = "[limits]\nconnections_per_device_max = 3\n"});
  RawClient ana{broker.invite("ana")};
  ana.join();
  ana.disconnect();
  wait_for_connections(broker, 0);
  const auto stays = another_connection(ana, ana.device.keys.curve);
  for (int i = 0; i < 8; ++i) {
    const std::size_t before = broker.process().open_files();
    another_connection(ana, ana.device.keys.curve).reset();
    BOOST_TEST(wait_until([&] { return broker.process().open_files() <= before; }, kMsMax));
  }
  BOOST_TEST(stays->counts().disconnected == 0u);
  BOOST_TEST(counted(broker, "crowded_ended") == 0u);
}

BOOST_AUTO_TEST_CASE(an_invite_has_a_number_of_connections_of_its_own) {
  TestBroker broker({.config_more = "[limits]\nconnections_per_device_max = 1\n"
                                    "connections_per_invite_max = 2\n"});
  RawClient mallory{broker.invite("mallory")};
  std::vector<std::unique_ptr<Socket>> all;
  for (int i = 0; i < 2; ++i)
    all.push_back(another_connection(mallory, mallory.device.invite_key));
  BOOST_TEST(all[0]->counts().disconnected == 0u);
  all.push_back(another_connection(mallory, mallory.device.invite_key));
  BOOST_TEST(wait_until([&] { return all[0]->counts().disconnected > 0; }, kMsMax));
  BOOST_TEST(all[1]->counts().disconnected == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
