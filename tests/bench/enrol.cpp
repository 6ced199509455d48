#include "tests/bench/enrol.hpp"

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "common/base/clock.hpp"
#include "common/base/uuid7.hpp"
#include "tests/bench/load.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/socket.hpp"

namespace tertulia::bench {

namespace {

constexpr std::uint64_t kQuietMsMax = 20'000;
constexpr std::string_view kInviteBegin = "<p class=\"invite\">";

// One device on its way in; asks as soon as its connection is there.
struct Joining {
  RawDevice device;
  std::unique_ptr<Socket> socket;
  RequestId request = random_request_id();
  Bytes frame;
  bool asked = false;
};

std::vector<std::string> invites_of(const std::filesystem::path& sheet) {
  std::ifstream in(sheet);
  std::ostringstream read;
  read << in.rdbuf();
  const std::string html = read.str();
  std::vector<std::string> out;
  for (auto at = html.find(kInviteBegin); at != html.npos; at = html.find(kInviteBegin, at)) {
    at += kInviteBegin.size();
    out.push_back(html.substr(at, html.find('<', at) - at));
  }
  return out;
}

std::unique_ptr<Joining> begin(Context& context, const std::string& text) {
  const auto invite = wire::decode_invite(text);
  if (!invite) throw std::runtime_error(wire::invite_error_text(invite.error()));
  auto out = std::unique_ptr<Joining>(new Joining{RawDevice(*invite), nullptr, {}, {}, false});
  out->request = random_request_id();
  out->frame = RawDevice::request_frame(out->request, out->device.enrol_request("", "bench"));
  Socket::Options options;
  options.address = out->device.commands;
  options.server = out->device.server_curve;
  out->socket = std::make_unique<Socket>(context, out->device.invite_key, options);
  return out;
}

// True: it has joined.
bool work(Joining& j) {
  if (!j.asked) j.asked = j.socket->send(j.frame);
  Bytes frame;
  while (j.socket->receive(frame)) {
    const auto reply = RawDevice::read_reply(frame);
    if (!reply || reply->first != j.request) continue;
    if (!reply->second.has_enrolled())
      throw std::runtime_error("not enrolled: " + reply->second.error().text());
    return true;
  }
  return false;
}

void join_all(const std::vector<std::string>& invites, std::size_t at_once) {
  Context context;
  std::vector<std::unique_ptr<Joining>> under_way;
  std::size_t next = 0;
  std::uint64_t last_ms = monotonic_ms();
  while (next < invites.size() || !under_way.empty()) {
    while (next < invites.size() && under_way.size() < at_once)
      under_way.push_back(begin(context, invites[next++]));
    const std::size_t before = under_way.size();
    std::erase_if(under_way, [](const auto& j) { return work(*j); });
    if (under_way.size() < before) {
      last_ms = monotonic_ms();
      continue;
    }
    if (monotonic_ms() - last_ms > kQuietMsMax) throw std::runtime_error("nobody joins any more");
    std::vector<void*> sockets;
    for (const auto& j : under_way) sockets.push_back(j->socket->get());
    std::vector<bool> readable;
    test::poll_readable(sockets, readable, 10);
  }
}

}  // namespace

EnrolAll enrol_by_list(const Settings& settings, std::size_t people, std::size_t at_once) {
  test::TestBroker broker({.rates = true});
  broker.invite("admin");
  const auto list = settings.directory / "people.csv", sheet = settings.directory / "people.html";
  std::ofstream out(list);
  for (std::size_t i = 0; i < people; ++i) out << fmt::format("user{},User {}\n", i, i);
  out.close();
  const std::uint64_t began_us = monotonic_us();
  const auto seconds = [&] { return static_cast<double>(monotonic_us() - began_us) / 1e6; };
  const test::Ran ran = broker.ctl({"invite", "--csv", list.string(), "--sheet", sheet.string()});
  if (ran.code != 0) throw std::runtime_error(ran.err);
  EnrolAll result;
  result.list_s = seconds();
  const auto invites = invites_of(sheet);
  if (invites.size() != people) throw std::runtime_error("the sheet lacks an invite");
  join_all(invites, at_once);
  result.total_s = seconds();
  std::filesystem::remove(sheet);
  if (const std::string fault = broker.verify(); !fault.empty()) throw std::runtime_error(fault);
  return result;
}

}  // namespace tertulia::bench
