// `tertuliactl doctor`: looks at everything that keeps a broker from serving, or soon will, and says
// for each what it found, and which line to change or which command to run. It works with the
// broker stopped, and for anybody: what it may not look at it says.
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "broker/ctl/addresses.hpp"
#include "broker/ctl/commands.hpp"
#include "broker/log/schema.hpp"
#include "common/base/file.hpp"
#include "common/config/config.hpp"

namespace tertulia::ctl {

namespace {
using nlohmann::json;
namespace fs = std::filesystem;

constexpr int kConnectMs = 2000;
constexpr std::uint64_t kDiskFreeMinBytes = 1ull << 30;

enum class Level { ok, unknown, warning, fault };
constexpr const char* kLevelNames[] = {"ok", "unknown", "warning", "FAULT"};

struct Finding {
  Level level;
  std::string check;
  std::string text;  // what was found
  std::string cure;  // what to do; empty: nothing
};

class Doctor {
 public:
  Doctor(const Target& target, std::string config_file)
      : target_(target),
        config_file_(std::move(config_file)) {}

  std::vector<Finding> look() {
    configuration();
    service();
    data();
    disk();
    descriptors();
    ports();
    names();
    clock();
    journal();
    return std::move(findings_);
  }

 private:
  void say(Level level, const char* check, std::string text, std::string cure = {}) {
    findings_.push_back({level, check, std::move(text), std::move(cure)});
  }
  // Where a key is set, so that the line can be changed.
  std::string place_of(const std::string& key) const {
    const auto at = config_.origins.find(key);
    return at == config_.origins.end() ? fmt::format("{} (a default)", key)
                                       : fmt::format("{} ({})", key, to_string(at->second));
  }

  void configuration();
  void service();
  void data();
  void permissions(const fs::path& path, mode_t forbidden, bool must_be_there);
  void disk();
  void descriptors();
  void ports();
  void names();
  void clock();
  void journal();

  const Target& target_;
  const std::string config_file_;
  LoadedConfig config_;
  bool configured_ = false;
  json status_;  // null: no broker answers
  std::vector<Finding> findings_;
};

void Doctor::configuration() {
  if (config_file_.empty()) return say(Level::ok, "configuration", "none was named: the defaults");
  try {
    auto read = load_config(config_file_);
    if (!read) {
      for (const auto& e : read.error())
        say(Level::fault, "configuration", to_string(e), "change that line");
      return;
    }
    config_ = *std::move(read);
    configured_ = true;
    for (const auto& w : config_.warnings)
      say(Level::warning, "configuration", to_string(w), "change that line");
    if (config_.warnings.empty())
      say(Level::ok, "configuration",
          fmt::format("{} files without a mistake", config_.files.size()));
  } catch (const std::system_error& e) {
    say(Level::fault, "configuration", e.what(), "name another with --config");
  }
}

void Doctor::service() {
  const bool has_unit = fs::exists("/lib/systemd/system/tertuliad.service") ||
                        fs::exists("/usr/lib/systemd/system/tertuliad.service") ||
                        fs::exists("/etc/systemd/system/tertuliad.service");
  if (has_unit) {
    if (fs::is_symlink("/etc/systemd/system/multi-user.target.wants/tertuliad.service"))
      say(Level::ok, "service", "tertuliad.service starts with the machine");
    else
      say(Level::warning, "service", "tertuliad.service does not start with the machine",
          "systemctl enable tertuliad");
  }
  try {
    status_ = ask(target_, {{"command", "status"}});
  } catch (const Failure& f) {
    return say(Level::fault, "broker", f.sentence,
               "systemctl start tertuliad; if it does not stay: journalctl -u tertuliad -n 20");
  }
  say(Level::ok, "broker", fmt::format("tertuliad {} answers", status_.value("version", "")));
  if (status_.value("version", "") != TERTULIA_VERSION)
    say(Level::warning, "broker",
        fmt::format("it is {}, and this is tertuliactl {}", status_.value("version", ""),
                    TERTULIA_VERSION),
        "systemctl restart tertuliad");
  if (status_.value("read_only", false))
    say(Level::fault, "broker", "read-only: " + status_.value("read_only_reason", ""),
        "make space on the disk; it resumes by itself");
  for (const auto& w : status_.value("health", json::array()))
    say(Level::warning, "health", w.value("text", ""), "as the sentence says");
}

void Doctor::permissions(const fs::path& path, mode_t forbidden, bool must_be_there) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) {
    if (errno == EACCES)
      say(Level::unknown, "permissions", path.string() + " is not yours to look at",
          "run this with sudo");
    else if (must_be_there)
      say(Level::fault, "permissions", path.string() + " is not there",
          "put it back from your copy");
    return;
  }
  if ((st.st_mode & forbidden) != 0)
    say(Level::fault, "permissions",
        fmt::format("{} has mode {:o}", path.string(), st.st_mode & 07777),
        fmt::format("chmod {:o} {}", st.st_mode & 07777 & ~forbidden, path.string()));
}

void Doctor::data() {
  const fs::path dir = target_.data_dir;
  if (dir.empty()) return say(Level::unknown, "data", "only a socket was named");
  std::error_code none;
  if (!fs::exists(dir, none))
    return say(Level::fault, "data", dir.string() + " is not there",
               "start the broker once, or change " + place_of("data.dir"));
  const std::size_t before = findings_.size();
  permissions(dir, 077, true);
  permissions(dir / "keys", 077, true);
  for (const char* key : {"identity.key", "transport.key", "log.key", "kek.key",
                          "transport.next.key", "log.next.key", "log.before.key", "kek.next.key"})
    permissions(dir / "keys" / key, 077, false);
  if (!config_file_.empty()) permissions(config_file_, 022, true);
  if (findings_.size() == before)
    say(Level::ok, "permissions", "only the broker's user reads its data");
  const fs::path database = dir / "log.db";
  if (::access(database.c_str(), R_OK) != 0)
    return say(
        Level::unknown, "record",
        database.string() + (errno == ENOENT ? " is not there yet" : " is not yours to read"),
        errno == ENOENT ? "" : "run this with sudo");
  try {
    broker::Database db(database, broker::Database::Access::read, {});
    broker::require_schema(db, database);
    broker::Statement last =
        db.prepare("SELECT program, at_ms FROM history ORDER BY number DESC LIMIT 1");
    std::string written = last.next() ? last.text(0) : "nobody yet";
    say(Level::ok, "record",
        fmt::format("schema {}, written by {}", broker::schema_version, written));
  } catch (const std::exception& e) {
    say(Level::fault, "record", e.what(), "install the version that the sentence names");
  }
}

void Doctor::disk() {
  const fs::path dir = target_.data_dir;
  std::error_code none;
  struct statvfs vfs {};
  if (dir.empty() || !fs::exists(dir, none) || ::statvfs(dir.c_str(), &vfs) != 0)
    return say(Level::unknown, "disk", "there is no data directory to look at");
  if (is_network_file_system(dir))
    say(Level::fault, "disk", fmt::format("{} is on {}", dir.string(), file_system_name(dir)),
        "change " + place_of("data.dir") + " to a local disk");
  const std::uint64_t free = vfs.f_bavail * vfs.f_frsize;
  if (free < kDiskFreeMinBytes)
    say(Level::warning, "disk", fmt::format("{} MiB are free below {}", free >> 20, dir.string()),
        "make space, or give it more");
  else
    say(Level::ok, "disk", fmt::format("{} GiB are free on {}", free >> 30, file_system_name(dir)));
}

void Doctor::descriptors() {
  if (status_.is_null()) return;
  const auto limit = status_.value("open_files_max", std::uint64_t{0});
  const auto open = status_.value("open_files", std::uint64_t{0});
  const auto wanted = 2 * config_.config.max_connections;  // each has two
  if (configured_ && limit < wanted)
    say(Level::fault, "descriptors",
        fmt::format("{} needs more than {} open files, and the broker may have {}",
                    place_of("limits.max_connections"), wanted, limit),
        "lower that line, or raise LimitNOFILE (systemctl edit tertuliad)");
  else
    say(Level::ok, "descriptors", fmt::format("{} of {} are open", open, limit));
}

// Without the brackets that an endpoint has.
std::vector<std::string> own_addresses() {
  auto all = machine_addresses();
  for (auto& a : all)
    if (a.starts_with('[')) a = a.substr(1, a.size() - 2);
  return all;
}

// 0: it is accepted; else the errno.
int try_connect(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return EADDRNOTAVAIL;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  const UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd p{fd.get(), POLLOUT, 0};
  if (::poll(&p, 1, kConnectMs) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// "tcp://host:port" or "tcp://[v6]:port".
std::pair<std::string, std::string> parts_of(std::string address) {
  address.erase(0, address.find("://") + 3);
  const auto colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

void Doctor::ports() {
  if (status_.is_null()) return;
  for (const auto& [socket, key] :
       {std::pair{"commands", "listen.commands"}, std::pair{"broadcast", "listen.broadcast"}}) {
    const auto [bound, port] = parts_of(status_.value(socket, "tcp://*:0"));
    std::vector<std::string> hosts{bound};
    if (bound == "*" || bound == "::" || bound == "0.0.0.0") {
      hosts = {"127.0.0.1"};
      for (const auto& address : own_addresses()) hosts.push_back(address);
    }
    std::vector<std::string> reached;
    for (const auto& host : hosts) {
      const int error = try_connect(host, port);
      if (error == 0)
        reached.push_back(host);
      else
        say(Level::fault, "ports",
            fmt::format("{} port {}: {}", host, port,
                        error == ETIMEDOUT ? "no answer, as when a firewall drops it"
                                           : std::strerror(error)),
            error == ETIMEDOUT ? "open it in the firewall" : "see " + place_of(key));
    }
    if (!reached.empty())
      say(Level::ok, "ports",
          fmt::format("{} on {} from this machine: {}", socket, port, fmt::join(reached, ", ")),
          {});
  }
}

void Doctor::names() {
  const auto own = own_addresses();
  for (const auto& address : config_.config.listen_advertise) {
    const auto [host, port] = parts_of(address);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
      say(Level::fault, "names", fmt::format("{}: {}", host, ::gai_strerror(error)),
          "change " + place_of("listen.advertise") + ", or the name's entry in DNS");
      continue;
    }
    bool here = false;
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
      char text[NI_MAXHOST];
      if (::getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) ==
          0)
        here = here || std::find(own.begin(), own.end(), text) != own.end();
    }
    ::freeaddrinfo(found);
    if (here)
      say(Level::ok, "names", host + " is this machine");
    else
      say(Level::warning, "names", host + " is not an address of this machine",
          "right when a router forwards it; else change " + place_of("listen.advertise"));
  }
}

void Doctor::clock() {
  timex t{};
  const int state = ::adjtimex(&t);
  if (state == -1)
    say(Level::unknown, "clock", "the kernel does not say whether it is set");
  else if (state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
    say(Level::warning, "clock", "nothing sets the clock, and messages carry its time",
        "timedatectl set-ntp true");
  else
    say(Level::ok, "clock", "it is set by NTP");
}

void Doctor::journal() {
  if (fs::is_directory("/var/log/journal"))
    say(Level::ok, "journal", "it is kept over restarts");
  else if (fs::is_directory("/run/log/journal"))
    say(Level::warning, "journal", "it is lost at each restart of the machine",
        "mkdir /var/log/journal && systemctl restart systemd-journald");
}

}  // namespace

int doctor(const Target& target, const std::string& config_file, bool as_json) {
  const auto findings = Doctor(target, config_file).look();
  Level worst = Level::ok;
  for (const Finding& f : findings) {
    worst = std::max(worst, f.level);
    const char* const level = kLevelNames[static_cast<std::size_t>(f.level)];
    if (as_json) {
      fmt::print("{}\n", json{{"level", f.level == Level::fault ? "fault" : level},
                              {"check", f.check},
                              {"text", f.text},
                              {"cure", f.cure}}
                             .dump());
      continue;
    }
    fmt::print("{:<8} {:<14} {}\n", level, f.check, f.text);
    if (!f.cure.empty()) fmt::print("{:<23} → {}\n", "", f.cure);
  }
  return worst == Level::fault ? exit_refused : exit_good;
}

}  // namespace tertulia::ctl
