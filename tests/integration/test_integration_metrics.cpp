// Status and metrics of a running broker, and that documents and monitoring name only what it gives.
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>

#include "common/base/clock.hpp"
#include "common/base/file.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Everything that comes back until the other side closes.
std::string http(const std::filesystem::path& socket, const std::string& request) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::memcpy(a.sun_path, socket.c_str(), socket.native().size());
  // It comes a moment after the admin socket, by which a broker that serves is known
  if (!wait_until(
          [&] { return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0; },
          20'000))
    throw_errno(socket.string());
  const timeval patience{20, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // An answer may come before all is sent: EPIPE says so
  (void)::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string out;
  char block[65536];
  for (ssize_t n; (n = ::recv(fd.get(), block, sizeof block, 0)) > 0;)
    out.append(block, static_cast<std::size_t>(n));
  return out;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find("\r\n")); }

double value_of(const std::string& text, const std::string& series) {
  for (const auto& line : lines_of(text))
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  return -1;
}

// The exposition format, line by line: each sample belongs to the family whose HELP and TYPE stand
// in front of it, no series comes twice, and a histogram's buckets rise to its count.
std::map<std::string, std::string> families_of(const std::string& text) {
  std::map<std::string, std::string> types;
  std::set<std::string> series;
  std::string family;
  double last_bucket = 0, count = 0;
  for (const auto& line : lines_of(text)) {
    std::istringstream words(line);
    std::string hash, keyword, name, rest;
    if (line.starts_with("# ")) {
      words >> hash >> keyword >> name >> rest;
      if (keyword == "HELP") {
        family = name;
        last_bucket = 0;
        BOOST_TEST(!rest.empty(), line);
        BOOST_TEST(!types.contains(name), "twice: " << line);
      } else {
        BOOST_TEST(keyword == "TYPE");
        BOOST_TEST(name == family);
        types[name] = rest;
      }
      continue;
    }
    const auto end = line.find_first_of("{ ");
    const auto space = line.rfind(' ');
    BOOST_REQUIRE_MESSAGE(end != line.npos && space != line.npos, line);
    name = line.substr(0, end);
    BOOST_TEST(series.insert(line.substr(0, space)).second, "twice: " << line);
    BOOST_REQUIRE_MESSAGE(types.contains(family), line);
    const bool of_histogram = types[family] == "histogram";
    if (of_histogram)
      BOOST_TEST(
          (name == family + "_bucket" || name == family + "_sum" || name == family + "_count"));
    else
      BOOST_TEST(name == family, line);
    if (types[family] == "counter") BOOST_TEST(name.ends_with("_total"), line);
    const double value = std::stod(line.substr(space));
    if (name == family + "_bucket") {
      BOOST_TEST(value >= last_bucket, line);
      last_bucket = value;
      if (line.find("le=\"+Inf\"") != line.npos) BOOST_TEST(value == count, line);
    } else if (name == family + "_count" && of_histogram) {
      count = value;
    }
  }
  return types;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(prometheus_reads_what_happened) {
  TestBroker broker;
  RawClient ana(broker.invite("ana"));
  ana.join();
  const RoomId general = ana.device.rooms.begin()->first;
  BOOST_REQUIRE(ana.submit(general, {"one", "two", "three"}));
  BOOST_REQUIRE(ana.submit(general, {"four"}));
  const auto answer =
      http(broker.data() / "metrics.sock", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(first_line(answer) == "HTTP/1.1 200 OK");
  const auto body = answer.substr(answer.find("\r\n\r\n") + 4);
  BOOST_TEST(answer.find(fmt::format("Content-Length: {}\r\n", body.size())) != std::string::npos);
  const auto types = families_of(body);
  BOOST_TEST(types.size() > 30u);
  BOOST_TEST(value_of(body, "tertulia_messages_total") == 4);
  BOOST_TEST(value_of(body, "tertulia_submissions_total") == 2);
  BOOST_TEST(value_of(body, "tertulia_users") == 1);
  BOOST_TEST(value_of(body, "tertulia_connections{socket=\"commands\"}") >= 1);
  BOOST_TEST(value_of(body, "tertulia_commit_duration_seconds_count") ==
             value_of(body, "tertulia_commits_total"));
  BOOST_TEST(value_of(body, "tertulia_log_read_only") == 0);
  BOOST_TEST(value_of(body, "tertulia_disk_free_bytes") > 0);
  BOOST_TEST(value_of(body, "tertulia_health_warning{condition=\"clock\"}") == 0);
  BOOST_TEST(broker.ctl({"metrics"}).out.find("tertulia_messages_total 4\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(documents_rules_and_dashboard_name_what_there_is) {
  TestBroker broker;
  const auto types = families_of(broker.ctl({"metrics"}).out);
  const std::filesystem::path source = TERTULIA_SOURCE_DIR;
  const std::string document = content_of(source / "docs" / "metrics.md");
  for (const auto& [name, type] : types)
    BOOST_TEST(document.find(fmt::format("| `{}` | {} | ", name, type)) != std::string::npos,
               "docs/metrics.md lacks " << name << ", a " << type);
  const std::regex metric("\\b(tertulia_[a-z_]+|process_[a-z_]+)\\b");
  for (const char* file : {"docs/metrics.md", "packaging/monitoring/tertulia-alerts.yml",
                           "packaging/monitoring/tertulia-dashboard.json"}) {
    const std::string text = content_of(source / file);
    std::size_t named = 0;
    for (auto m = std::sregex_iterator(text.begin(), text.end(), metric);
         m != std::sregex_iterator(); ++m, ++named) {
      std::string name = m->str();
      if (name.ends_with("_bucket")) name.resize(name.size() - 7);
      BOOST_TEST(types.contains(name), file << " names " << name);
    }
    BOOST_TEST(named > 10u, file);
  }
  BOOST_TEST(
      nlohmann::json::parse(content_of(source / "packaging/monitoring/tertulia-dashboard.json"),
                            nullptr, false)
          .is_object());
}

BOOST_AUTO_TEST_CASE(other_requests_get_their_http_answers) {
  TestBroker broker;
  const auto socket = broker.data() / "metrics.sock";
  BOOST_TEST(first_line(http(socket, "GET / HTTP/1.1\r\n\r\n")) == "HTTP/1.1 404 Not Found");
  BOOST_TEST(first_line(http(socket, "POST /metrics HTTP/1.1\r\n\r\n")) ==
             "HTTP/1.1 405 Method Not Allowed");
  BOOST_TEST(first_line(http(socket, "hello\r\n\r\n")) == "HTTP/1.1 400 Bad Request");
  BOOST_TEST(first_line(http(socket, "GET /" + std::string(20'000, 'x'))) ==
             "HTTP/1.1 431 Request Header Fields Too Large");
  const auto head = http(socket, "HEAD /metrics HTTP/1.0\r\n\r\n");
  BOOST_TEST(first_line(head) == "HTTP/1.1 200 OK");
  BOOST_TEST(head.ends_with("\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(clients_that_say_nothing_do_not_keep_a_scrape_out) {
  TestBroker broker;
  const auto socket = broker.data() / "metrics.sock";
  std::vector<UniqueFd> silent;
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::memcpy(a.sun_path, socket.c_str(), socket.native().size());
  for (int i = 0; i < 10; ++i) {
    silent.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // The socket comes a moment after that of the admin
    const auto connected = [&] {
      return ::connect(silent.back().get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0;
    };
    BOOST_REQUIRE(wait_until(connected, 20'000));
  }
  // They are let go after 5 s; an administrator is served meanwhile
  BOOST_TEST(broker.ctl({"status"}).code == 0);
  BOOST_TEST(first_line(http(socket, "GET /metrics HTTP/1.1\r\n\r\n")) == "HTTP/1.1 200 OK");
}

BOOST_AUTO_TEST_CASE(status_tells_how_it_is) {
  TestBroker broker({.faults = true});
  RawClient ana(broker.invite("ana"));
  ana.join();
  const Ran text = broker.ctl({"status"});
  for (const char* word : {"prueba", "health       good", "clients      1 of 1,000", "1 user"})
    BOOST_TEST(text.out.find(word) != std::string::npos, word << " in " << text.out);
  // A time without its zone is a riddle
  const std::string since = text.out.substr(text.out.find("since ") + 6, 20);
  BOOST_TEST((since.size() == 20 && since[10] == 'T' && since[19] == 'Z'), since);
  const auto json = nlohmann::json::parse(broker.ctl({"status", "--json"}).out, nullptr, false);
  BOOST_REQUIRE(json.is_object());
  BOOST_TEST(json["health"].empty());
  BOOST_TEST(json["disk_free_bytes"].get<std::uint64_t>() > 0u);
  BOOST_TEST(broker.ctl({"status", "--json", "--watch"}).code == 2);
}

BOOST_AUTO_TEST_CASE(a_disk_with_too_little_space_is_a_warning_in_log_status_and_metrics) {
  TestBroker broker({.config_more = "[health]\ndisk_free_mib_min = 1000000000\n"});
  BOOST_TEST(wait_until(
      [&] { return broker.err().find("the disk of the record has") != std::string::npos; },
      40'000));
  BOOST_TEST(broker.ctl({"status"}).out.find("WARNING") != std::string::npos);
  BOOST_TEST(value_of(broker.ctl({"metrics"}).out, "tertulia_health_warning{condition=\"disk\"}") ==
             1);
}

BOOST_AUTO_TEST_CASE(the_live_view_shows_restores_the_terminal_and_finds_a_restarted_broker) {
  TestBroker broker;
  const winsize size{24, 60, 0, 0};  // narrower than some lines
  int master = -1;
  const pid_t child = ::forkpty(&master, nullptr, nullptr, &size);
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    const std::string ctl = tertuliactl_path(), data = broker.data().string();
    ::execl(ctl.c_str(), ctl.c_str(), "--data", data.c_str(), "status", "--watch", nullptr);
    ::_exit(127);
  }
  const UniqueFd terminal(master);
  std::string shown;
  const auto shows = [&](const std::string& word) {
    return wait_until(
        [&] {
          pollfd p{terminal.get(), POLLIN, 0};
          char block[8192];
          while (::poll(&p, 1, 0) > 0) {
            const ssize_t n = ::read(terminal.get(), block, sizeof block);
            if (n <= 0) break;
            shown.append(block, static_cast<std::size_t>(n));
          }
          return shown.find(word) != std::string::npos;
        },
        20'000);
  };
  BOOST_TEST(shows("clients      0 of 1,000"), shown);
  BOOST_TEST(shows("…"), shown);
  BOOST_TEST(shows("0.0/s"), shown);  // the second look has a rate
  BOOST_TEST(shown.find("\x1b[?1049h") != std::string::npos);
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  BOOST_TEST(shows("Waiting for it."), shown);
  shown.clear();
  broker.start();
  BOOST_TEST(shows("clients      0 of 1,000"), shown);
  BOOST_REQUIRE_EQUAL(::write(terminal.get(), "q", 1), 1);
  BOOST_TEST(shows("\x1b[?25h\x1b[?1049l"), shown);
  int status = 0;
  BOOST_TEST(wait_until([&] { return ::waitpid(child, &status, WNOHANG) == child; }, 20'000));
  BOOST_TEST(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
