#include "broker/ctl/webhooks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "broker/ctl/confirm.hpp"
#include "common/base/file.hpp"

namespace tertulia::ctl {

namespace {
using nlohmann::json;

struct Asked {
  std::string name, header_file;
  std::vector<std::string> rooms;
  bool yes = false;
};

std::string text(const json& object, const char* key) { return object.value(key, std::string()); }

// A file of the caller's own that was not there before; made before the token is, which is told once.
class HeaderFile {
 public:
  explicit HeaderFile(const std::string& path) : path_(path) {
    if (path.empty()) return;
    fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd_)
      throw Failure{exit_refused, fmt::format("Cannot make {}: {}.", path,
                                              std::generic_category().message(errno))};
  }
  ~HeaderFile() {
    if (fd_ && !written_) ::unlink(path_.c_str());
  }
  HeaderFile(const HeaderFile&) = delete;
  HeaderFile& operator=(const HeaderFile&) = delete;

  void write(const std::string& token) {
    const std::string line = fmt::format("Authorization: Bearer {}\n", token);
    if (::write(fd_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
        ::fsync(fd_.get()) != 0)
      throw Failure{exit_refused,
                    fmt::format("The webhook is there, and its token could not be written to {}: "
                                "revoke it, and make another one.",
                                path_)};
    written_ = true;
  }
  bool is_wanted() const { return static_cast<bool>(fd_); }

 private:
  const std::string path_;
  UniqueFd fd_;
  bool written_ = false;
};

// How to say something by it, for whoever is to try.
void print_example(const json& made, const std::string& header) {
  const std::string socket = text(made, "socket"), listen = text(made, "listen");
  if (socket.empty() && listen.empty()) {
    fmt::print(
        "The server does not listen for webhooks yet: set socket or listen in [webhooks], and "
        "restart it.\n");
    return;
  }
  const std::string where = socket.empty()
                                ? fmt::format("http://{}/hook", listen)
                                : fmt::format("--unix-socket {} http://localhost/hook", socket);
  fmt::print("  curl -H {} -d 'It works' {}\n", header, where);
}

int create(const Target& target, const Asked& a, bool as_json) {
  HeaderFile file(a.header_file);
  json made = ask(target, {{"command", "webhook_create"}, {"name", a.name}, {"rooms", a.rooms}});
  const std::string token = text(made, "token");
  if (file.is_wanted()) {
    file.write(token);
    made.erase("token");
  }
  if (as_json) {
    made.erase("ok");
    fmt::print("{}\n", made.dump());
    return exit_good;
  }
  if (file.is_wanted()) {
    fmt::print("The webhook {} is there; its token is in {}.\n", a.name, a.header_file);
    print_example(made, "@" + a.header_file);
  } else {
    fmt::print("The webhook {} is there. Its token, which is not told again:\n{}\n", a.name, token);
    print_example(made, fmt::format("'Authorization: Bearer {}'", token));
  }
  return exit_good;
}

int list(const Target& target, const Asked&, bool as_json) {
  const json answer = ask(target, {{"command", "webhook_list"}});
  for (const auto& w : answer["webhooks"]) {
    if (as_json)
      fmt::print("{}\n", w.dump());
    else
      fmt::print("{:<20} {:<8} since {}  {}\n", text(w, "name"), text(w, "state"),
                 text(w, "made").substr(0, 10),
                 fmt::join(w["rooms"].get<std::vector<std::string>>(), ", "));
  }
  return exit_good;
}

int revoke(const Target& target, const Asked& a, bool) {
  confirm(
      fmt::format("Nothing that is posted with the token of {} will be taken any more.", a.name),
      a.yes);
  ask(target, {{"command", "webhook_revoke"}, {"name", a.name}});
  fmt::print("The webhook {} is revoked; what it has said stays.\n", a.name);
  return exit_good;
}

}  // namespace

void declare_webhooks(CLI::App& app, const bool& as_json, const Choose& command) {
  CLI::App* group = app.add_subcommand("webhook", "Bots that say what is posted over HTTP");
  group->require_subcommand(1);
  group->fallthrough();
  const auto add = [&](const char* name, const char* what,
                       int (*run)(const Target&, const Asked&, bool)) {
    auto asked = std::make_shared<Asked>();
    CLI::App* sub = command(
        group->add_subcommand(name, what),
        [asked, run, &as_json](const Target& target) { return run(target, *asked, as_json); });
    return std::pair(sub, asked);
  };
  auto [create_sub, c] = add("create", "Make a webhook, and print its token once", create);
  create_sub->add_option("name", c->name, "The bot's name; made, if there is none")->required();
  create_sub->add_option("--room", c->rooms, "What it writes to: a,b")->delimiter(',');
  create_sub
      ->add_option("--header-file", c->header_file,
                   "Write the header with the token there, for `curl -H @FILE`; not printed then")
      ->type_name("FILE");
  add("list", "List the webhooks and their rooms", list);
  auto [revoke_sub, r] = add("revoke", "End a webhook: its token is good for nothing", revoke);
  revoke_sub->add_option("name", r->name, "The bot's name")->required();
  revoke_sub->add_flag("--yes", r->yes, "Do not ask");
}

}  // namespace tertulia::ctl
