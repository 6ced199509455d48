#include "tests/bench/window.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>

#include "client/engine/store.hpp"
#include "common/base/clock.hpp"
#include "tests/bench/physical.hpp"
#include "tests/support/broker.hpp"

namespace tertulia::bench {

namespace {

constexpr int kRooms = 20;
constexpr std::uint64_t kMessagesARoom = 2500;
constexpr std::uint64_t kGeneration = 1;

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "" : path;
  while (!left.empty()) {
    const auto cut = left.find(':');
    if (std::filesystem::exists(std::filesystem::path(left.substr(0, cut)) / program)) return true;
    if (cut == std::string_view::npos) return false;
    left.remove_prefix(cut + 1);
  }
  return false;
}

// Twenty rooms and their messages, as if they had been fetched.
void fill(const std::filesystem::path& directory) {
  client::Profile profile(directory);
  client::Store store(profile);
  const auto devices = store.devices();
  if (devices.empty()) throw std::runtime_error("the profile knows no device");
  std::uint64_t seq = 10;
  for (int r = 0; r < kRooms; ++r) {
    client::StoredRoom room;
    const auto known = store.rooms();
    if (r == 0) {
      if (known.empty()) throw std::runtime_error("the profile knows no room");
      room = known.front();
    } else {
      randombytes_buf(room.id.data(), room.id.size());
      room.name = fmt::format("room {}", r);
    }
    room.head = kMessagesARoom;
    store.put_room(room, static_cast<std::uint64_t>(r));
    for (std::uint64_t n = 1; n <= kMessagesARoom; ++n) {
      client::CachedMessage m;
      m.room = room.id;
      m.room_seq = n;
      m.seq = seq++;
      m.id = {devices[0].id, store.next_submission_id(wall_ms()), 0};
      m.sender = devices[0].user;
      m.sent_at_ms = m.logged_at_ms = wall_ms() - (kMessagesARoom - n) * 60'000;
      m.text = fmt::format("message {} of {}: the boiler was read at noon, all as it should be", n, room.name);
      store.put(kGeneration, m);
    }
    store.set_read(room.id, kMessagesARoom);
    store.commit();
  }
  store.sync();
}

double value_of(const std::string& out, const std::string& name) {
  for (const auto& line : test::lines_of(out))
    if (line.starts_with(name + "=")) return std::stod(line.substr(name.size() + 1));
  throw std::runtime_error("tertulia printed no " + name + ": " + out);
}

}  // namespace

Window window(const std::filesystem::path& directory, int rounds) {
  Window result;
  const auto program = std::filesystem::path(TERTULIA_WINDOW_PROGRAM);
  if (!std::filesystem::exists(program)) result.skipped = "the window is not built";
  if (!on_path("xvfb-run") || !on_path("dbus-run-session")) result.skipped = "xvfb-run or dbus-run-session is missing";
  if (!result.skipped.empty()) return result;
  const auto profile = directory / "window-profile";
  {
    test::TestBroker broker;
    test::Cli cli(broker.temp(), "window");
    cli.enrol(broker.invite("ana"));
    // One round trip, so that the profile knows its rooms and people.
    if (cli.run({"send", "general", "hello"}).code != 0 || cli.run({"history", "general"}).code != 0)
      throw std::runtime_error("the profile could not be used");
    std::filesystem::copy(cli.profile(), profile, std::filesystem::copy_options::recursive);
  }
  fill(profile);
  std::vector<double> frames, rss;
  for (int i = 0; i < rounds; ++i) {
    const test::Ran ran = test::run(
        {"/usr/bin/env", "xvfb-run", "-a", "-s", "-screen 0 1280x800x24", "dbus-run-session", "--", "env",
         "GSK_RENDERER=cairo", "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1", program.string(), "--profile",
         profile.string(), "--bench-first-frame"},
        directory / fmt::format("window{}", i), 60'000);
    if (ran.code != 0) throw std::runtime_error("the window failed: " + ran.err);
    frames.push_back(value_of(ran.out, "first_frame_ms"));
    rss.push_back(value_of(ran.out, "rss_mib"));
  }
  result.first_frame_ms = quantile(frames, 0.5);
  result.rss_mib = quantile(rss, 0.5);
  return result;
}

}  // namespace tertulia::bench
